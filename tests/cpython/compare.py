"""Run a module of CPython's own tests by plain Python and under capture, and tell which tests became something else."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
_PLAIN_LIMIT = 1200  # seconds: a module that takes longer hangs


class Difference(NamedTuple):
    """A test that becomes something else under capture."""

    test: str
    plain: str
    captured: str

    def __str__(self) -> str:
        return f"{self.test}\n    plain:    {self.plain[:300]}\n    captured: {self.captured[:600]}"


class Comparison(NamedTuple):
    tests: int  # 0: this Python has no such module
    differences: list[Difference]  # those that are not listed
    listed: list[str]  # the names of those that are


class Listed(NamedTuple):
    """Tests that may differ, and why: an entry of differences.toml."""

    tests: list[str]  # names, with wildcards
    reason: str
    pythons: list[str]
    runs: bool  # False: they cannot even be run


def listed(python: str = f"3.{sys.version_info[1]}") -> list[Listed]:
    """The entries of differences.toml for this version of Python."""
    data: dict[str, Any] = tomllib.loads((HERE / "differences.toml").read_text("utf-8"))
    every = [
        Listed(d["tests"], d["reason"], d.get("pythons", [python]), d.get("runs", True)) for d in data["difference"]
    ]
    return [entry for entry in every if python in entry.pythons]


def why_not() -> str | None:
    """Why CPython's own tests cannot be run here; None if they can."""
    if importlib.util.find_spec("test.support") is None:
        return f"{sys.executable} has come without CPython's own tests (Lib/test)"
    return None


def compare(module: str) -> Comparison:
    """Run `module` (as "test_grammar") both ways. What differs is run again, and only what differs again is a
    difference: some tests depend on the time they take."""
    entries = listed()
    plain = _run(module, False, entries)
    if len(plain) == 1 and plain[f"test.{module}: exit"] != ["exit code 0"]:
        return Comparison(0, [], [])
    captured = _run(module, True, entries)
    differing = _differing(plain, captured)
    if [name for name in differing if not _matches(name, entries)]:
        plain, captured = _run(module, False, entries), _run(module, True, entries)
        differing = [name for name in _differing(plain, captured) if name in differing]
    unlisted = [
        Difference(name, *("; ".join(r.get(name, ["not run"])) for r in (plain, captured)))
        for name in differing
        if not _matches(name, entries)
    ]
    return Comparison(len(plain) - 1, unlisted, [name for name in differing if _matches(name, entries)])


def _differing(plain: dict[str, list[str]], captured: dict[str, list[str]]) -> list[str]:
    return [name for name in sorted({*plain, *captured}) if plain.get(name) != captured.get(name)]


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
            output, _ = process.communicate(timeout=_PLAIN_LIMIT)
            ending = f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            ending = "hangs"
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
