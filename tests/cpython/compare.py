"""Run a module of CPython's own tests by plain Python and under capture, and tell which tests became something else."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
_LIMIT = 1200  # seconds: a module that takes longer hangs
_ROUNDS = 3  # where something differs


class Difference(NamedTuple):
    """A test that becomes something else under capture, with all that it became in the rounds that were run."""

    test: str
    plain: list[str]
    captured: list[str]

    def __str__(self) -> str:
        plain, captured = (" | ".join(t[:600] for t in dict.fromkeys(texts)) for texts in (self.plain, self.captured))
        return f"{self.test}\n    plain:    {plain}\n    captured: {captured}"


class Comparison(NamedTuple):
    tests: int  # 0: this Python has no such module
    differences: list[Difference]  # in every round, and not listed
    unsteady: list[Difference]  # in some rounds only
    varying: list[str]  # tests that by plain Python become now this, now that, and under capture nothing else
    listed: list[str]  # those that differ and are listed


class Listed(NamedTuple):
    """Tests that may differ, and why: an entry of differences.toml."""

    tests: list[str]  # names, with wildcards
    topic: str  # the section of docs/compatibility.md that says it
    reason: str
    pythons: list[str]  # versions for which it holds; empty: all
    runs: bool  # False: they cannot even be run


def differences() -> list[Listed]:
    """The entries of differences.toml."""
    data: dict[str, Any] = tomllib.loads((HERE / "differences.toml").read_text("utf-8"))
    return [
        Listed(d["tests"], d["topic"], " ".join(d["reason"].split()), d.get("pythons", []), d.get("runs", True))
        for d in data["difference"]
    ]


def listed(python: str = f"3.{sys.version_info[1]}") -> list[Listed]:
    """Those for this version of Python."""
    return [entry for entry in differences() if python in (entry.pythons or [python])]


def why_not() -> str | None:
    """Why CPython's own tests cannot be run here; None if they can."""
    if importlib.util.find_spec("test.support") is None:
        return f"{sys.executable} has come without CPython's own tests (Lib/test)"
    return None


def compare(module: str) -> Comparison:
    """Run `module` (as "test_grammar") both ways. If something differs, both ways again, twice: some tests depend on the
    time they take, and become something else from one run to the next by plain Python too."""
    entries = listed()
    plain = [_run(module, False, entries)]
    if len(plain[0]) == 1 and plain[0][f"test.{module}: exit"] != ["exit code 0"]:
        return Comparison(0, [], [], [], [])
    captured = [_run(module, True, entries)]
    differing = [name for name in sorted({*plain[0], *captured[0]}) if plain[0].get(name) != captured[0].get(name)]
    unlisted = [name for name in differing if not _matches(name, entries)]
    result = Comparison(len(plain[0]) - 1, [], [], [], [name for name in differing if _matches(name, entries)])
    for _ in range(_ROUNDS - 1 if unlisted else 0):
        plain.append(_run(module, False, entries))
        captured.append(_run(module, True, entries))
    for name in unlisted:
        became = [["; ".join(run.get(name, ["not run"])) for run in runs] for runs in (plain, captured)]
        difference = Difference(name, *became)
        if not {*difference.captured} - {*difference.plain}:
            result.varying.append(name)
        elif {*difference.captured} & {*difference.plain}:
            result.unsteady.append(difference)
        else:
            result.differences.append(difference)
    return result


def _matches(test: str, entries: list[Listed]) -> bool:
    return any(fnmatch.fnmatchcase(test, pattern) for entry in entries for pattern in entry.tests)


def _run(module: str, captured: bool, entries: list[Listed]) -> dict[str, list[str]]:
    """What became of each test, and as "exit" how the program ended."""
    left_out = [pattern for entry in entries if not entry.runs for pattern in entry.tests]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        result = os.path.join(folder, "result.json")
        script, arguments = str(HERE / "one.py"), [module, result, *left_out]
        flor = [str(Path(sys.executable).with_name("flor")), "python", "--capture", "test"]
        command = [*flor, script, "cpython"] if captured else [sys.executable, script]
        environment = {**os.environ, "FLOR_HOME": os.path.join(folder, "home"), "TMPDIR": folder}
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        try:
            output, _ = process.communicate(timeout=_LIMIT)
            ending = f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            ending = "hangs"
        finally:  # nor does anything go on that it has started, or that is interrupted here
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if ending == "hangs":
            output, _ = process.communicate()
        try:
            became: dict[str, list[str]] = json.loads(Path(result).read_text("utf-8"))
        except OSError:
            became = {}
            ending += f": {output[-2000:]}"
        if captured and not _was_captured(Path(environment["FLOR_HOME"]), module):
            ending += ", and it was not captured"
        return {**became, f"test.{module}: exit": [ending]}


def _was_captured(home: Path, module: str) -> bool:
    info = json.loads(next(home.glob("cpython/runs/*/run.json")).read_text("utf-8"))
    wanted = "_test_multiprocessing" if module.startswith("test_multiprocessing") else module
    return any(f"test.{wanted}." in f"{source['module']}." for source in info["sources"])
