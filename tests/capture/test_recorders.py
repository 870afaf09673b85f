"""The recorder in C and the one in Python write the same bytes, but for the times and for where objects lie in memory."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.home import runs
from flor.trace import format as f
from tests.capture.test_blocks import CASES

#: Runs a script under capture, and leaves its segments as they are.
#: Captures a script, and packs nothing.
UNPACKED = """
import sys
from flor.capture import beside
from flor.capture.run import run
beside.packing = lambda *_, **__: lambda: None
run(sys.argv[1], sys.argv[2], [], False, lambda _: None)
"""


def test_both_recorders_are_built() -> None:
    """The extension is optional for whoever installs Flor; these tests are to cover both."""
    import flor.capture._probe
    import flor.trace._decode

    assert flor.capture._probe.probes and flor.trace._decode


def events(experiment: str) -> list[tuple[str, int, object]]:
    """(file, head, payload or heap bytes) of each record; times are left out."""
    (run,) = runs(experiment, [])
    found: list[tuple[str, int, object]] = []
    for path in sorted(run.path.glob("segments/0/*.events")):
        data = path.read_bytes()
        for at in range(0, len(data) - f.RECORD + 1, f.RECORD):
            head, payload = struct.unpack_from("<IQ", data, at)
            kind = head >> f.KIND_SHIFT & f.KIND_MASK
            if kind in (f.TIME, f.THREAD):
                continue
            value: object = payload
            if kind in f.HEAP_KINDS:
                stream = path.name.partition(".")[0]
                heap = (path.parent / f"{stream}.{payload >> f.HEAP_SHIFT}.heap").read_bytes()
                offset = payload & (1 << f.HEAP_SHIFT) - 1
                (length,) = struct.unpack_from("<I", heap, offset)
                value = re.sub(rb'"id": \d+|0x[0-9a-f]+', b"", heap[offset + 4 : offset + 3 + length])
            found.append((path.name, head, value))
    return found


@pytest.mark.parametrize("case", [c for c in CASES if c != "threads"])
def test_both_write_the_same_bytes(case: str, write: Callable[[str, str], Path]) -> None:
    write("script.py", CASES[case][0])
    for recorder in ("c", "python"):
        command = [sys.executable, "-c", UNPACKED, "script.py", recorder]
        done = subprocess.run(command, env={**os.environ, "FLOR_RECORDER": recorder})
        assert done.returncode == 0
    assert events("c") == events("python")
