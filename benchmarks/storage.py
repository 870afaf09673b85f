"""What a trace takes: bytes before and after it is packed, the packer's speed, the program's memory."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import processes, traces
from benchmarks.capture import WORKLOADS
from benchmarks.results import Row
from flor.capture.beside import SETTINGS

#: Scripts that record one kind of number and nothing else.
NUMBERS = {
    "random doubles": "import numpy\nfor x in numpy.random.default_rng(0).random({n}).tolist(): pass\n",
    "a counter": "for i in range({n}): pass\n",
    "one value, repeated": "for x in [1.5] * {n}: pass\n",
}

#: A loop that records about two values an iteration, and what it needs itself does not grow.
LONG = "import sys\nfor i in range(int(sys.argv[1])):\n    x = i * 0.5\n"
_LONG_VALUES = 2


def sizes(scale: float) -> list[Row]:
    """A row for each workload and each kind of number: `values`, `segments`, `packed` (bytes), `packing` (CPU of the
    packer's whole process)."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for title, text in NUMBERS.items():
            script = Path(name, "loop.py")
            script.write_text(text.format(n=int(2_000_000 * scale)))
            rows.append({"title": title, **_size([str(script)])})
    for workload in WORKLOADS:
        if workload.is_here:
            rows.append({"title": workload.title, **_size(workload.script(scale))})
    return rows


def _size(script: list[str]) -> Row:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with processes.start([processes.FLOR, "python", script[0], "size", *script[1:]], home=home) as running:
            lock = _lock(home)  # which a packer needs, too
            running.end()
            segments = traces.segments_size(home)
        os.close(lock)
        packer = processes.run(
            [sys.executable, "-m", "flor.trace.pack", str(traces.run_of(home))], home=home, settings=SETTINGS
        )
        kept = traces.kept(home)
    return {"values": kept.values, "segments": segments, "packed": kept.size, "packing": packer.cpu}


def _lock(home: Path) -> int:
    """Hold the lock of the run that is about to begin. Returns its file descriptor."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for path in home.glob("*/runs/*"):
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(directory, fcntl.LOCK_EX)
            return directory
        time.sleep(0.001)
    raise processes.FailedError("flor python made no run")


def memory(values: int) -> list[Row]:
    """One row for a loop that records about so many values: `values`, `skipped`, `plain`, `captured` (bytes resident
    at most), `wall` (seconds, captured)."""
    with tempfile.TemporaryDirectory() as name:
        script = Path(name, "long.py")
        script.write_text(LONG)
        length = str(values // _LONG_VALUES)
        plain = processes.run([sys.executable, str(script), length], home=Path(name), watch=True)
        command = [processes.FLOR, "python", str(script), "long", length]
        captured = processes.run(command, home=Path(name), watch=True)
        kept = traces.kept(Path(name))
    return [
        {
            "title": f"{values / 1e6:g} M values",
            "values": kept.values,
            "skipped": kept.skipped,
            "plain": plain.peak,
            "captured": captured.peak,
            "wall": captured.wall,
        }
    ]
