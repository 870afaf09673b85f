"""What others cost on the same workloads, side by side: tools that keep the values of variables or expressions, tools
that keep calls, and what the interpreter asks for before anything is kept.

Slow ones run a shorter loop, and the ratio is of CPU time per iteration, beyond what a loop of one iteration takes.
`loop` is the loop alone, as for Flor; `whole` is all that the tool's processes use: some tools store what they have
when the program ends. Each package is installed into `.bench-venv`, which this makes; one that cannot be
installed, or fails, is named with the reason.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks import processes
from benchmarks.capture import WORKLOADS, Workload, loop
from benchmarks.environment import ROOT, about, install, python, tool
from benchmarks.processes import FailedError
from benchmarks.results import Row, spread

OURS = Path(__file__).parent / "peer_scripts"
REPEATS = 3
NEEDED = ("numpy", "scikit-learn")  # by the workloads


@dataclass(frozen=True)
class Peer:
    """A tool. `command` makes the command from the script and its argument, with a folder for what it writes."""

    name: str
    title: str
    package: str | None
    lengths: dict[str, int]  # of each workload's loop, for a few seconds at most
    command: Callable[[list[str], Path], list[str]]
    prepare: Callable[[list[str], Path], list[str]] | None = None  # the script in the form that the tool can run


def monitoring_python() -> str:
    """A Python that has sys.monitoring and the workloads' libraries. Raises FailedError."""
    for candidate in (sys.executable, *map(str, sorted(ROOT.glob(".venvs/*/bin/python")))):
        has = [candidate, "-c", "import sys, numpy, sklearn; sys.monitoring"]
        if subprocess.run(has, capture_output=True).returncode == 0:
            return candidate
    raise FailedError("no Python 3.12 or later with numpy and scikit-learn is here")


def as_functions(script: list[str], folder: Path, decorator: str = "") -> list[str]:
    """The same script with everything but imports in functions, each under a decorator: for tools that see nothing
    else. What was global stays global."""
    tree = ast.parse(Path(script[0]).read_text())
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    moved = [node for node in tree.body if not isinstance(node, kept)]
    names = {n.id for s in moved for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    body: list[ast.stmt] = [ast.Global(sorted(names)), *moved]
    main = ast.FunctionDef("main", ast.arguments([], [], None, [], [], None, []), body, [])
    tree.body = [*(node for node in tree.body if isinstance(node, kept)), main]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and decorator:
            node.decorator_list.append(ast.Name(decorator, ast.Load()))
    path = folder / f"{Path(script[0]).stem}_{decorator or 'plain'}.py"
    first = f"from birdseye import {decorator}\n" if decorator else ""
    path.write_text(f"{first}{ast.unparse(ast.fix_missing_locations(tree))}\n\n\nmain()\n")
    return [str(path), *script[1:]]


def _viztracer(script: list[str], folder: Path, *options: str) -> list[str]:
    return [tool("viztracer"), "--quiet", "--output_file", str(folder / "viztracer.json"), *options, "--", *script]


PEERS = (
    Peer(
        "settrace",
        "sys.settrace, doing nothing",
        None,
        {"nbody": 100_000, "sgd": 200_000, "mlp": 300, "iris": 200},
        lambda script, _: [python(), str(OURS / "trace_nothing.py"), *script],
    ),
    Peer(
        "monitoring",
        "sys.monitoring, doing nothing",
        None,
        {"nbody": 100_000, "sgd": 200_000, "mlp": 300, "iris": 200},
        lambda script, _: [monitoring_python(), str(OURS / "monitor_nothing.py"), *script],
    ),
    Peer(
        "viztracer",
        "viztracer, calls only",
        "viztracer",
        {"nbody": 40_000, "sgd": 80_000, "mlp": 200, "iris": 200},
        _viztracer,
    ),
    Peer(
        "viztracer_values",
        "viztracer, arguments and variables",
        "viztracer",
        {"nbody": 2_000, "sgd": 4_000, "mlp": 10, "iris": 200},
        lambda script, folder: _viztracer(
            script,
            folder,
            *("--log_func_args", "--log_func_retval", "--log_var", ".*"),
            *("--include_files", script[0], "--ignore_c_function"),
        ),
    ),
    Peer(
        "birdseye",
        "birdseye",
        "birdseye",
        {"nbody": 120, "sgd": 200, "mlp": 4, "iris": 100},
        lambda script, folder: [python(), *as_functions(script, folder, "eye")],
        as_functions,
    ),
    Peer(
        "noworkflow",
        "noWorkflow",
        "noworkflow",
        {"nbody": 60, "sgd": 100, "mlp": 4, "iris": 100},
        lambda script, folder: [tool("now"), "run", "--dir", str(folder), *script],
    ),
)


def compare(scale: float) -> list[Row]:
    """A row for each peer and workload: `peer`, `title`, `version`, `licence`, `workload`, `length`, `loop`, `whole`;
    or `why` it has no figures."""
    return list(_rows(scale))


def _rows(scale: float) -> Iterator[Row]:
    install(dict.fromkeys([*NEEDED, *(p.package for p in PEERS if p.package)]))
    for peer in PEERS:
        try:
            known = _about(peer)
        except FailedError as error:
            print(f"{peer.title}: not measured, {error}")
            yield {"peer": peer.name, "title": peer.title, "why": str(error)}
            continue
        for workload in WORKLOADS:
            if workload.name not in peer.lengths:
                continue
            processes.say(f"{peer.title}: {workload.title}")
            row = {"peer": peer.name, "title": peer.title, **known, "workload": workload.name}
            try:
                yield {**row, **_ratio(peer, workload, scale)}
            except FailedError as error:
                print(f"{peer.title}, {workload.title}: failed, {error}")
                yield {**row, "why": str(error)}


def _about(peer: Peer) -> Row:
    if peer.package is not None:
        return about(peer.package)
    command = peer.command(["-c"], Path())[:1]
    version = subprocess.run(
        [*command, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True
    ).stdout.strip()
    return {"version": version, "licence": "PSF-2.0"}


@cache
def _plain(interpreter: str, script: tuple[str, ...], length: int) -> float:
    """CPU seconds per iteration of the script's loop."""
    with tempfile.TemporaryDirectory() as name:
        done = [processes.run([interpreter, *script], home=Path(name)) for _ in range(REPEATS)]
    return statistics.median(map(loop, done)) / length


def _ratio(peer: Peer, workload: Workload, scale: float) -> Row:
    length = max(round(peer.lengths[workload.name] * scale), 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, full = workload.script(scale)
        command = peer.command([path, str(length)], folder)
        interpreter = command[0] if peer.package is None else python()
        prepared = peer.prepare([path, full], folder) if peer.prepare else [path, full]
        plain = _plain(interpreter, tuple(prepared), int(full))
        least = [_run(peer, [path, "1"], folder) for _ in range(REPEATS)]
        loop_of_one = statistics.median(map(loop, least))
        whole_of_one = statistics.median(d.cpu + d.beside for d in least)
        done = [_run(peer, [path, str(length)], folder) for _ in range(REPEATS)]
    iterations = (length - 1) * plain
    loops = [(loop(d) - loop_of_one) / iterations for d in done]
    wholes = [(d.cpu + d.beside - whole_of_one) / iterations for d in done]
    return {"length": length, "loop": spread(loops), "whole": spread(wholes)}


def _run(peer: Peer, script: list[str], folder: Path) -> processes.Done:
    """One run of a peer, in a fresh folder, which is removed."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        fresh = Path(name)
        settings = {"OUTDATED_IGNORE": "1", "BIRDSEYE_DB": f"sqlite:///{fresh}/birdseye.db"}
        return processes.run(peer.command(script, fresh), home=fresh, cwd=fresh, settings=settings)
