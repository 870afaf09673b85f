"""What is seen again unchanged: it is not written again, and each time it is what it was."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flor.home import runs
from flor.trace import format as f
from flor.trace.checkpoint import parts
from tests.capture.reading import newest_trace, sites
from tests.capture.test_recorders import UNPACKED
from tests.conftest import flor

Write = Callable[[str, str], Path]

#: An array that stays for a while, then changes in one of the ways that there are; and what it was each time.
CHANGES = """
import json
import numpy as np

class Rows(np.ndarray):
    pass

a = np.arange(8.0)
text = b"a text that is a program's own" * 3
changes = {
    5: lambda: a.__setitem__(3, -0.0), 9: lambda: a.__setitem__(0, -0.0),
    13: lambda: setattr(a, "shape", (2, 4)), 17: lambda: setattr(a, "dtype", "i8"),
    21: lambda: a.T, 25: lambda: a.copy(), 29: lambda: a.astype(">f8"), 33: lambda: a.view("f8"),
    37: lambda: a.reshape(1, 2, 2, 2, 1), 41: lambda: a.view(Rows), 45: lambda: np.array([[], []]),
    49: lambda: np.zeros((0, 2)), 53: lambda: np.array(["a", "b"]), 57: lambda: np.ma.array([1, 2]),
    61: lambda: np.arange(8), 65: lambda: np.arange(8, dtype="u8"), 69: lambda: np.arange(8)[::-1],
    73: lambda: np.arange(4096, dtype="u1"), 77: lambda: np.arange(4097, dtype="u1"),
    81: lambda: np.array([1.5, np.nan]), 85: lambda: np.array([True, False]), 89: lambda: np.zeros(2, "c8"),
    93: lambda: np.zeros(2, "f2"), 97: lambda: np.zeros(2, "g"), 101: lambda: np.array([b"a", b"b"], "S2"),
    105: lambda: np.array([b"']", b'"}'], "S2"), 109: lambda: np.zeros(2, "V2"), 113: lambda: np.arange(2.0),
}
truth = []
for i in range(118):
    changed = changes[i]() if i in changes else None
    if changed is not None:
        a = changed
    truth.append([np.asarray(a).dtype.str, list(a.shape), a.tobytes().hex(), str(a.tolist())])
    len([a])
print(json.dumps(truth))
"""


def elements(data: bytes) -> list[Any]:
    """The dtype, shape and bytes of an ARRAY, and all that is said of it."""
    size = int.from_bytes(data[:4], "little")
    about = json.loads(data[4 : 4 + size])
    return [about["dtype"], about["shape"], data[4 + size :].hex(), about]


def test_an_array_is_what_it_was_each_time(recorder: str, write: Write) -> None:
    write("script.py", CHANGES)
    done = flor("python", "script.py", "case")
    assert done.returncode == 0, done.stderr
    truth = json.loads(done.stdout)
    trace = newest_trace("case")
    *_, (source, site, _) = sites(trace, "a")
    found = trace.values(source, site)
    assert found.kind.tolist() == [f.ARRAY] * len(truth)
    for i, (data, (dtype, shape, content, written)) in enumerate(zip(found.data.to_pylist(), truth, strict=True)):
        own = elements(data)
        assert own[1] == shape, i
        if own[2]:  # kept in place
            assert (own[0], own[2]) == (dtype, content), i
        elif "text" in own[3]:
            assert own[3]["text"] == written, i
    kept_in_place = [i for i, data in enumerate(found.data.to_pylist()) if elements(data)[2]]
    assert {*range(45), *range(61, 77), *range(81, 101), *range(113, 118)} <= {*kept_in_place}


ONE_OBJECT = """
class Text(str):
    pass
def seen(value):
    len([value])
for _ in range(3):
    for value in (Text("a"), b"a", Text(""), b"", Text("a"), b"a"):
        seen(value)
"""


def test_bytes_are_told_from_a_text_that_is_kept_as_the_same(recorder: str, write: Write) -> None:
    """CPython has one object for all bytes of one character."""
    write("script.py", ONE_OBJECT)
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    *_, (source, site, _) = sites(trace, "value")
    found = trace.values(source, site)
    assert found.kind.tolist() == 9 * [f.STR, f.BYTES]


FINALIZER = """
import gc
import numpy as np

def f(value):
    len([value])

class Cycle:
    def __init__(self):
        self.me = self
    def __del__(self):
        f(B)

A = np.asfortranarray(np.arange(6.0).reshape(2, 3))
B = np.arange(9.0)
gc.collect()
gc.set_threshold(1, 1, 1)
try:
    raise ValueError
except ValueError:
    for _ in range(4):
        Cycle()
        f(A)
gc.set_threshold(0)
"""


def test_no_finalizer_runs_while_an_array_is_looked_at(recorder: str, write: Write) -> None:
    write("script.py", FINALIZER)
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    *_, (source, site, _) = sites(trace, "value")
    shapes = {data: elements(data)[1] for data in trace.values(source, site).data.to_pylist()}
    found = [shapes[data] for data in trace.values(source, site).data.to_pylist()]
    assert found.count([2, 3]) == 4


HEAP = """
import numpy as np
a = np.arange(512.0)
other = np.zeros(512)
for i in range(2000):
    len([a, other])
    if i % 2:
        other[7] = i
"""


def test_an_array_that_does_not_change_is_written_once(recorder: str, write: Write) -> None:
    write("script.py", HEAP)
    command = [sys.executable, "-c", UNPACKED, "script.py", "case"]
    assert subprocess.run(command, env={**os.environ, "FLOR_RECORDER": recorder}).returncode == 0
    (run,) = runs("case", [])
    written = sum(path.stat().st_size for path in run.path.glob("segments/0/*.heap"))
    assert 2000 * 4096 < written < 2100 * 4096  # of `other` each change at both places where it is loaded
    trace = newest_trace("case")
    for name in ("a", "other"):
        *_, (source, site, _) = sites(trace, name)
        content = [data[-4096:] for data in trace.values(source, site).data.to_pylist()]
        assert len({*content}) == (1 if name == "a" else 1000)


SECRET = """
import numpy as np
a = np.frombuffer(b"a long word, nothing else", "u1")
for i in range(8):
    if i == 5:
        password = "a long word"
    len([a])
"""


def test_a_secret_that_is_known_later_is_not_kept_again(recorder: str, write: Write) -> None:
    write("script.py", SECRET)
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    *_, (source, site, _) = sites(trace, "a")
    assert trace.values(source, site).kind.tolist() == [f.ARRAY] * 5 + [f.REDACTED] * 3


LONG = """
import numpy as np
a = np.arange(400.0)
for i in range(120_000):
    text = str(i) * 50
    b, c, d = i * 2, i * 3, i * 4
    e = b + c + d + (i - 1) * (i - 2) * (i - 3) - (b - 4) * (c - 4) * (d - 4) + (b - 1) * (b - 2) * (c - 3)
    g = e - b - c - d - (i - 5) * (i - 6) * (i - 7) - (b - 7) * (c - 7) * (d - 7) + (b - 8) * (b - 9) * (c - 8)
    len([a])
"""


@pytest.mark.once
def test_what_lies_in_a_part_that_is_packed_long_ago_is_found(write: Write) -> None:
    write("script.py", LONG)
    assert flor("python", "script.py", "case").returncode == 0
    (run,) = runs("case", [])
    until = time.monotonic() + 90
    while (run.path / "segments").exists() and time.monotonic() < until:
        time.sleep(0.1)
    trace = newest_trace("case")
    *_, (source, site, _) = sites(trace, "a")
    found = trace.values(source, site)
    assert found.kind.tolist() == [f.ARRAY] * 120_000
    assert len(found.data.unique()) == 1 and found.data[0].as_py()[-3200:] == struct.pack("<400d", *range(400))
    assert len(parts(run.path)) > 1
