"""What capture costs: each workload plain and captured, in turn.

The ratio is of the CPU time (user and system) that the workload's loop takes in the program's own process, by its own
clock, imports excluded: the recorder's writes to the mapped segments are in it. What other processes do beside the
program is a figure of its own, and so is what the program's process spends before and after its loop.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes, traces
from benchmarks.results import Row, spread

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Workload:
    """A script in `workloads/`, which takes the length of its loop and prints the loop's CPU seconds."""

    name: str
    title: str
    length: int  # for a loop of half a second to six seconds
    needs: str = "sys"  # a module

    def script(self, scale: float) -> list[str]:
        """The script and its argument."""
        return [str(HERE / "workloads" / f"{self.name}.py"), str(max(int(self.length * scale), 1))]

    @property
    def is_here(self) -> bool:
        """Whether the module that it needs is installed."""
        return importlib.util.find_spec(self.needs) is not None


WORKLOADS = (
    Workload("nbody", "n-body, pure Python", 100_000),
    Workload("sgd", "SGD, pure Python, a call in the loop", 200_000),
    Workload("mlp", "MLP, numpy minibatches", 1000),
    Workload("iris", "Iris sweep, scikit-learn", 750, "sklearn"),
    Workload("torch_mlp", "MLP, PyTorch minibatches", 200, "torch"),
)


def loop(done: processes.Done) -> float:
    """The CPU seconds of a workload's loop."""
    return float(done.output.split()[0])


def ratios(scale: float, pairs: int) -> list[Row]:
    """A row for each workload: `plain`, `captured` (the loop), `ratio`, `around` (what capture adds to the process's
    CPU outside of the loop), `packing` (CPU of other processes), `values`, `skipped` (block instances thinned)."""
    return list(_ratios(scale, pairs))


def _ratios(scale: float, pairs: int) -> Iterator[Row]:
    for workload in WORKLOADS:
        if not workload.is_here:
            print(f"{workload.title}: not measured, {workload.needs} is not installed")
            continue
        script = workload.script(scale)
        plain, captured = [], []
        kept = traces.Kept(0, 0, 0)
        for number in range(pairs):
            processes.say(f"{workload.title}: pair {number + 1} of {pairs}")
            with tempfile.TemporaryDirectory() as name:
                home = Path(name)
                plain.append(processes.run([sys.executable, *script], home=home))
                command = [processes.FLOR, "python", script[0], workload.name, *script[1:]]
                captured.append(processes.run(command, home=home))
                kept = traces.kept(home)
        both = list(zip(plain, captured, strict=True))
        yield {
            "workload": workload.name,
            "title": workload.title,
            "plain": spread([loop(p) for p in plain]),
            "captured": spread([loop(c) for c in captured]),
            "ratio": spread([loop(c) / loop(p) for p, c in both]),
            "around": spread([(c.cpu - loop(c)) - (p.cpu - loop(p)) for p, c in both]),
            "packing": spread([c.beside for c in captured]),
            "values": kept.values,
            "skipped": kept.skipped,
        }


def thinned(scale: float, pairs: int) -> list[Row]:
    """A row for the n-body loop with a budget that it exceeds soon: `plain`, `recorded`, `thinned` as ratios to
    plain, `skipped` (block instances). No row without the option `--budget`."""
    with tempfile.TemporaryDirectory() as name:
        if "--budget" not in processes.run([processes.FLOR, "python", "--help"], home=Path(name)).output:
            print("thinning: not measured, this version has no --budget")
            return []
        script = WORKLOADS[0].script(scale)
        recorded, thin = [], []
        kept = traces.Kept(0, 0, 0)
        for number in range(pairs):
            processes.say(f"thinning: {number + 1} of {pairs}")
            plain = loop(processes.run([sys.executable, *script], home=Path(name)))
            found = []
            for experiment, options in (("recorded", []), ("thinned", ["--budget", "8M"])):
                home = Path(name, f"{experiment}{number}")
                command = [processes.FLOR, "python", *options, script[0], experiment, *script[1:]]
                found.append(loop(processes.run(command, home=home)) / plain)
                kept = traces.kept(home)
            recorded.append(found[0])
            thin.append(found[1])
    return [
        {
            "title": f"{WORKLOADS[0].title}, a budget of 8 MB",
            "recorded": spread(recorded),
            "thinned": spread(thin),
            "values": kept.values,
            "skipped": kept.skipped,
        }
    ]
