"""What capture costs: each workload plain and captured, in turn, in one run.

Ratios of CPU time (user and system) of the loop, imports excluded; the captured program's writes to the mapped
segments fall into its own system time. Medians of 5 pairs. Bytes per value: everything in the segments, over the
values recorded.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from flor.trace import format as f

HERE = Path(__file__).parent
PAIRS = 5
WORKLOADS = {
    "nbody": ("n-body, pure Python", 6_000),
    "sgd": ("SGD, pure Python, a call in the loop", 20),
    "mlp": ("MLP, numpy minibatches", 60),
    "iris": ("Iris sweep, scikit-learn", 60),
}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def loop_seconds(command: list[str], home: Path) -> float:
    """CPU seconds that the workload's loop took, by its own account."""
    environment = {**ENVIRONMENT, "FLOR_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return float(done.stdout.split()[0])


def heads(run: Path) -> Iterator[np.ndarray]:
    for path in run.rglob("*.events"):
        records = np.fromfile(path, dtype=[("head", "<u4"), ("payload", "<u8")])
        yield records["head"][records["head"] != 0]


def size_and_values(home: Path) -> tuple[int, int]:
    """Bytes of the segments and values in them, of the one run in `home`."""
    size = sum(p.stat().st_size for p in home.rglob("segments/*/*") if p.suffix in (".events", ".heap"))
    values = sum(int((((h >> f.KIND_SHIFT) & f.KIND_MASK) >= f.NONE).sum()) for h in heads(home))
    return size, values


def measure(name: str, title: str, amount: int) -> None:
    script = [str(HERE / "workloads" / f"{name}.py"), str(amount)]
    plain, captured = [], []
    size = values = 0
    for _ in range(PAIRS):
        with tempfile.TemporaryDirectory() as folder:
            plain.append(loop_seconds([sys.executable, *script], Path(folder)))
            command = [sys.executable, str(HERE / "captured.py"), script[0], name, *script[1:]]
            captured.append(loop_seconds(command, Path(folder)))
            size, values = size_and_values(Path(folder))
    ratios = [c / p for c, p in zip(captured, plain, strict=True)]
    print(
        f"{title:<38}{statistics.median(plain):>8.3f} s{statistics.median(captured):>8.3f} s"
        f"{statistics.median(ratios):>7.2f} x  ({min(ratios):.2f} to {max(ratios):.2f})"
        f"{values:>12,}{size / values:>8.1f}",
        flush=True,
    )


def startup() -> None:
    """Wall and CPU milliseconds that `flor python` adds to an empty script."""
    flor = str(Path(sys.executable).with_name("flor"))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "empty.py"
        script.write_text("x = 1\n")
        environment = {**ENVIRONMENT, "FLOR_HOME": f"{folder}/home"}
        added: list[tuple[float, float]] = []
        for _ in range(2 * PAIRS + 1):
            took = []
            for command in ([sys.executable, str(script)], [flor, "python", str(script), "empty"]):
                wall, before = time.perf_counter(), os.times()
                subprocess.run(command, env=environment, check=True)
                after = os.times()
                cpu = after.children_user + after.children_system - before.children_user - before.children_system
                took.append((time.perf_counter() - wall, cpu))
            added.append((took[1][0] - took[0][0], took[1][1] - took[0][1]))
        wall, cpu = (statistics.median(a[i] for a in added[1:]) * 1000 for i in (0, 1))
    print(f"\nstart and end of flor python over python, an empty script: {wall:.0f} ms wall, {cpu:.0f} ms CPU")


def etl() -> None:
    """Seconds that the whole command `flor etl` takes on one run of Iris with five names."""
    flor = str(Path(sys.executable).with_name("flor"))
    iris = HERE.parent / "examples" / "iris"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**ENVIRONMENT, "FLOR_HOME": f"{folder}/home", "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(
            [iris / "demo.sh", str(Path(flor).parent)],
            cwd=folder,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        walls, cpus = [], []
        for _ in range(2 * PAIRS):
            wall, before = time.perf_counter(), os.times()
            command = [flor, "etl", "iris_demo", "iris_h.py"]
            subprocess.run(command, cwd=f"{folder}/demo", env=environment, check=True, stdout=subprocess.DEVNULL)
            after = os.times()
            walls.append(time.perf_counter() - wall)
            cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"flor etl on Iris, the whole command: {wall:.2f} s wall, {cpu:.2f} s CPU")


def main() -> None:
    print(f"Python {sys.version.split()[0]}, medians of {PAIRS} pairs, CPU time of the loop, trace on disk\n")
    print(f"{'':<38}{'plain':>10}{'captured':>10}{'ratio':>9}{'':<16}{'values':>16}{'B/value':>8}")
    for name, (title, amount) in WORKLOADS.items():
        measure(name, title, amount)
    startup()
    etl()


if __name__ == "__main__":
    main()
