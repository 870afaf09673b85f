"""What is kept of a value, by its type: plain values exactly, the rest by what DESIGN's table of values names."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.trace import format as f
from flor.trace.values import gap_reason, text
from tests.capture.reading import newest_trace, sites
from tests.conftest import RECORDERS, flor
from tests.walkthrough import annotate

# Each line's right side, and what is read back: (kind, text).
PLAIN = {
    "None if x else 1": (f.NONE, "None"),
    "not x": (f.BOOL, "False"),
    "2 ** 62 + x": (f.INT, str(2**62 + 1)),
    "-(2 ** 63) + x": (f.INT, str(-(2**63) + 1)),
    "2 ** 80 + x": (f.BIG_INT, str(2**80 + 1)),
    "x / 3": (f.FLOAT, repr(1 / 3)),
    "-0.0 * x": (f.FLOAT, "-0.0"),
    "float('nan')": (f.FLOAT, "nan"),
    "float('-inf')": (f.FLOAT, "-inf"),
    "complex(x, -2)": (f.COMPLEX, "(1-2j)"),
    "'ab' * x": (f.STR, "ab"),
    "'' * x": (f.STR, ""),
    "'größer 😋' * x": (f.STR, "größer 😋"),
    "'a longer text that goes into the heap ' * 3": (f.STR, "a longer text that goes into the heap " * 3),
    "chr(0xd800 * x)": (f.STR, "\ud800"),
    "b'ab' * x": (f.BYTES, "b'ab'"),
    "bytearray(b'xy')": (f.EXACT, "bytearray(b'xy')"),
    "(x, 2.5, 'a', None)": (f.EXACT, "(1, 2.5, 'a', None)"),
    "[[x], {'k': {x}}, ()]": (f.EXACT, "[[1], {'k': {1}}, ()]"),
    "[2 ** 70]": (f.EXACT, f"[{hex(2**70)}]"),
    "Point(x, [2])": (f.EXACT, "Point(x=1, y=[2])"),
    "Pair(x, 2)": (f.EXACT, "Pair(a=1, b=2)"),
    "range(x, 5)": (f.EXACT, "range(1, 5)"),
    "datetime.datetime(2026, 1, 2, 3, 4)": (f.DATE, "2026-01-02T03:04:00"),
    "datetime.date(2026, 1, x)": (f.DATE, "2026-01-01"),
    "json or x": (f.NAMED, "module json"),
    "json.dumps or x": (f.NAMED, "function json.dumps"),
    "Point or x": (f.NAMED, "class __main__.Point"),
    "len or x": (f.NAMED, "function len"),
    "int or x": (f.NAMED, "class int"),
    "list(range(1000))": (f.SUMMARY, "list of 1000: [0, 1, 2, …, 997, 998, 999]"),
    "cyclic()": (f.SUMMARY, "list of 1: [<list of 1>]"),
    "Rough(x)": (f.OBJECT, "<__main__.Rough>"),
    "[Rough(x)]": (f.SUMMARY, "list of 1: [<__main__.Rough>]"),
    "ValueError('wrong')": (f.OBJECT, "ValueError('wrong')"),
    "MyFloat(2.5)": (f.FLOAT, "2.5"),
}
NUMPY = {
    "np.float64(x) / 3": (f.FLOAT, repr(1 / 3)),
    "np.float32(0.1)": (f.FLOAT, repr(0.10000000149011612)),
    "np.int16(-5)": (f.INT, "-5"),
    "np.uint64(2 ** 64 - 1)": (f.BIG_INT, str(2**64 - 1)),
    "np.bool_(True)": (f.BOOL, "True"),
    "np.str_('abc')": (f.STR, "abc"),
    "np.array(7)": (f.INT, "7"),
    "np.array([[2.5]])": (f.FLOAT, "2.5"),
    "np.arange(3)": (f.ARRAY, "[0, 1, 2]"),
    "np.eye(2, dtype='f4')": (f.ARRAY, "[[1.0, 0.0], [0.0, 1.0]]"),
    "np.zeros((64, 128))": (f.ARRAY, "float64 array (64, 128)"),
    "[np.float64(x), 2]": (f.EXACT, "[1.0, 2]"),
    "np.array([None, 'a'], dtype=object)": (f.ARRAY, "object array (2,): [None, 'a']"),
    "pd.Series([1, 2], name='s')": (f.ARRAY, "int64 Series (2,): [1, 2]"),
    "pd.Timestamp('2026-01-02')": (f.DATE, "2026-01-02T00:00:00"),
    "svm.SVC(gamma=0.1 * x)": (f.OBJECT, "SVC(gamma=0.1)"),
    "scipy.sparse.eye(3, format='csr')": (
        f.ARRAY,
        "float64 csr_matrix (3, 3), 3 stored: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]",
    ),
}
TORCH = {
    "torch.tensor(0.5)": (f.FLOAT, "0.5"),
    "torch.tensor([3])": (f.INT, "3"),
    "torch.tensor(1.5, requires_grad=True)": (f.FLOAT, "1.5"),
    "torch.tensor([[1, 2]])": (f.ARRAY, "[[1, 2]]"),
    "torch.zeros(100, 100)": (f.ARRAY, "float32 Tensor (100, 100)"),
    "torch.nn.Parameter(torch.zeros(2))": (f.ARRAY, "[0.0, 0.0]"),
    "torch.tensor([1.0], dtype=torch.bfloat16)": (f.FLOAT, "1.0"),
}

HEAD = """
import json, datetime, dataclasses, typing
@dataclasses.dataclass
class Point:
    x: int
    y: list
class Pair(typing.NamedTuple):
    a: int
    b: int
class Rough:
    def __init__(self, x): self.x = x
    def __repr__(self): raise RuntimeError("a repr of the program's own is not run")
class MyFloat(float):
    def __float__(self): raise RuntimeError("never")
def cyclic():
    c = []
    c.append(c)
    return c
x = 1
"""


def check(write: Callable[[str, str], Path], head: str, expected: dict[str, tuple[int, str]]) -> None:
    write("script.py", head + "".join(f"v = {e}\n" for e in expected))
    done = flor("python", "script.py", "values")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("values")
    found = {}
    for expression in expected:
        (source, site, _), *_ = [s for s in sites(trace, expression) if s[2].assignee == "v"]
        values = trace.values(source, site)
        kind = int(values.kind[0])
        found[expression] = (kind, text(kind, int(values.payload[0]), values.data[0].as_py()))
    assert found == expected


def test_plain_values(recorder: str, write: Callable[[str, str], Path]) -> None:
    check(write, HEAD, PLAIN)


def test_values_of_numpy_pandas_scipy_and_scikit_learn(recorder: str, write: Callable[[str, str], Path]) -> None:
    head = "import numpy as np, pandas as pd, scipy.sparse\nfrom sklearn import svm\nx = 1\n"
    check(write, head, NUMPY)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_values_of_torch(recorder: str, write: Callable[[str, str], Path]) -> None:
    check(write, "import torch\n", TORCH)


def test_a_long_text_is_kept_as_prefix_length_and_hash(recorder: str, write: Callable[[str, str], Path]) -> None:
    write("script.py", "x = 1\nv = 'ab' * 50000 * x\n")
    flor("python", "script.py", "values")
    trace = newest_trace("values")
    (source, site, _) = sites(trace, "'ab' * 50000 * x")[0]
    about = json.loads(trace.values(source, site).data[0].as_py())
    assert (about["type"], about["length"], len(about["text"]), len(about["sha256"])) == ("str", 100000, 65536, 64)


def test_secrets_are_redacted_and_so_are_the_texts_bound_to_them(
    recorder: str, write: Callable[[str, str], Path], flor_home: Path
) -> None:
    write(
        "script.py",
        """
        import os
        os.environ["SERVICE_API_KEY"] = "s3cr3t-" + "value"
        def connect(user, password=None):
            return user + "!"
        password = "hunter2" + "hunter2"
        key = os.environ["SERVICE_API_KEY"]
        connect("me", password=password)
        other = password
        config = {"token": "abc" + "defgh"}
        pad_token = "<pad" + ">"
        """,
    )
    assert flor("python", "script.py", "secrets").returncode == 0
    everything = b"".join(
        p.read_bytes()
        for p in flor_home.rglob("*")
        if p.is_file() and p.suffix in (".heap", ".events", ".json", ".parquet")
    )
    kept = [secret for secret in (b"hunter2hunter2", b"s3cr3t-value") if secret in everything]
    assert kept == []
    assert b"<pad>" in everything


def test_a_name_that_only_looks_like_a_secrets_does_not_hide_a_whole_text(
    recorder: str, write: Callable[[str, str], Path]
) -> None:
    write(
        "script.py",
        """
        for token in [f"word{i:03}" for i in range(100)]:
            pass
        last = "word" + "099 in a sentence"
        """,
    )
    assert flor("python", "script.py", "words").returncode == 0
    trace = newest_trace("words")
    (source, site, _) = sites(trace, '"word" + "099 in a sentence"')[0]
    assert trace.values(source, site).kind.tolist() == [f.STR]


def test_files_and_folders_are_the_owners_alone(write: Callable[[str, str], Path], flor_home: Path) -> None:
    write("script.py", "for i in range(3):\n    x = i * 'long enough for the heap'\n")
    flor("python", "script.py", "private")
    modes = {oct(p.stat().st_mode & 0o777) for p in [flor_home, *flor_home.rglob("*")] if p.is_dir()}
    assert modes == {"0o700"}
    modes = {oct(p.stat().st_mode & 0o777) for p in flor_home.rglob("*") if p.is_file()}
    assert modes == {"0o600"}


@pytest.mark.parametrize("recorder", RECORDERS)
def test_a_gap_names_the_type_that_the_value_had_when_types_come_and_go(
    recorder: str, write: Callable[[str, str], Path]
) -> None:
    write(
        "script.py",
        """
        import gc
        for i in range(3000):
            x = type(f"Kind{i}", (list,), {})(range(i, i + 200))
            x = None
            gc.collect(0)
        """,
    )
    assert flor("python", "script.py", "types", FLOR_TIME_SHARE="0", FLOR_RECORDER=recorder).returncode == 0
    trace = newest_trace("types")
    (source, site, _) = sites(trace, 'type(f"Kind{i}", (list,), {})(range(i, i + 200))')[0]
    values = trace.values(source, site)
    gaps = {n: json.loads(data)["type"] for n, data in enumerate(values.data.to_pylist()) if values.kind[n] == f.GAP}
    assert len(gaps) > 100
    assert gaps == {n: f"Kind{n}" for n in gaps}


def test_the_first_values_of_an_expression_are_looked_at_whatever_the_time(
    recorder: str, write: Callable[[str, str], Path]
) -> None:
    write(
        "script.py",
        """
        for i in range(20000):
            x = {i: [i]}
        for j in range(5):
            best = (j, "a text"), {j}
        """,
    )
    assert flor("python", "script.py", "first", FLOR_TIME_SHARE="0").returncode == 0
    trace = newest_trace("first")
    (source, site, _) = sites(trace, '(j, "a text"), {j}')[0]
    assert trace.values(source, site).kind.tolist() == [f.EXACT] * 4 + [f.GAP]


@pytest.mark.parametrize("share", ["0", "1"])
def test_slow_values_that_are_over_the_time_budget_are_gaps_and_say_so(
    share: str, recorder: str, write: Callable[[str, str], Path]
) -> None:
    """They may cost 25 ms in any case, then their share of the time."""
    write(
        "script.py",
        """
        for i in range(40000):
            x = {i: [i]}
            y = i + 1
        """,
    )
    assert flor("python", "script.py", "budget", FLOR_TIME_SHARE=share).returncode == 0
    trace = newest_trace("budget")
    (source, site, _) = sites(trace, "{i: [i]}")[0]
    values = trace.values(source, site)
    kinds = values.kind.tolist()
    assert (len(kinds), kinds[0]) == (40000, f.EXACT)
    if share == "0":
        assert kinds[-1] == f.GAP
        assert set(kinds) == {f.EXACT, f.GAP}
        assert {gap_reason(data) for data in values.data.to_pylist()[-100:]} == {"time budget"}
        made = flor("etl", "budget", annotate("script.py", ("{i: [i]}", "GET('x', {i: [i]})")))
        assert re.search(r"flor: x: \d+ values .*time budget", made.stderr)
    else:
        assert set(kinds) == {f.EXACT}
    (source, site, _) = sites(trace, "i + 1")[0]
    assert trace.values(source, site).kind.tolist() == [f.INT] * 40000
