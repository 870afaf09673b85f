"""What is kept of a value, row by row of the table in docs/reference.md, on the real objects of the libraries."""

from __future__ import annotations

import importlib.util
import struct
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flor.capture import snapshots
from flor.capture.values import keep
from flor.errors import FlorError
from flor.trace import format as f
from flor.trace.contents import contents
from flor.trace.values import gap_reason, text
from tests.capture.modes import told

HEAD = """
import argparse, array, collections, dataclasses, datetime, decimal, enum, fractions, functools, io, itertools, pathlib, re
import types, typing, uuid, zoneinfo

class Color(enum.Enum):
    RED = 1
class Level(enum.IntEnum):
    LOW = 1
class Access(enum.Flag):
    READ = 1
    WRITE = 2
@dataclasses.dataclass
class Point:
    x: int
    y: object = None
    kind: typing.ClassVar[str] = "point"
    label: str = dataclasses.field(default="hidden", repr=False)
@dataclasses.dataclass(slots=True)
class Slotted:
    x: int
class Pair(typing.NamedTuple):
    a: int
    b: int
class Triple(Pair):
    pass
class Items(list): pass
class Table(dict): pass
class Count(int): pass
class Name(str): pass
class Wrong(Exception): pass
class Own:
    def method(self): pass
"""

STANDARD = {
    "None": (f.NONE, "None"),
    "True": (f.BOOL, "True"),
    "2 ** 63 - 1": (f.INT, str(2**63 - 1)),
    "2 ** 200": (f.BIG_INT, str(2**200)),
    "0.1": (f.FLOAT, "0.1"),
    "1 - 2j": (f.COMPLEX, "(1-2j)"),
    "'größer'": (f.STR, "größer"),
    "b'ab'": (f.BYTES, "b'ab'"),
    "bytearray(b'ab')": (f.EXACT, "bytearray(b'ab')"),
    "memoryview(b'ab')": (f.EXACT, "memoryview(b'ab')"),
    "Count(3)": (f.INT, "3"),
    "Name('n')": (f.STR, "n"),
    "(1, [2.5, {'a': {None}}], frozenset())": (f.EXACT, "(1, [2.5, {'a': {None}}], frozenset())"),
    "list(range(256))": (f.EXACT, str(list(range(256)))),
    "list(range(257))": (f.SUMMARY, "list of 257: [0, 1, 2, …, 254, 255, 256]"),
    "tuple(range(300))": (f.SUMMARY, "tuple of 300: (0, 1, 2, …, 297, 298, 299)"),
    "{i: -i for i in range(300)}": (f.SUMMARY, "dict of 300: {0: 0, 1: -1, 2: -2, …, 297: -297, 298: -298, 299: -299}"),
    "[Own(), 1]": (f.SUMMARY, "list of 2: [<kept.Own>, 1]"),
    "Items([1])": (f.EXACT, "Items([1])"),
    "Table(a=1)": (f.EXACT, "Table({'a': 1})"),
    "Color.RED": (f.EXACT, "Color.RED"),
    "Level.LOW": (f.EXACT, "Level.LOW"),
    "Access.READ | Access.WRITE": (f.EXACT, "Access(3)"),
    "[Color.RED]": (f.EXACT, "[Color.RED]"),
    "Point(1, [2])": (f.EXACT, "Point(x=1, y=[2], label='<redacted>')"),
    "Slotted(1)": (f.EXACT, "Slotted(x=1)"),
    "Pair(1, 2)": (f.EXACT, "Pair(a=1, b=2)"),
    "Triple(1, 2)": (f.EXACT, "Triple(a=1, b=2)"),
    "collections.OrderedDict(a=1)": (f.EXACT, "OrderedDict({'a': 1})"),
    "collections.Counter('aab')": (f.EXACT, "Counter({'a': 2, 'b': 1})"),
    "collections.defaultdict(list, {1: [2]})": (f.EXACT, "defaultdict(list, {1: [2]})"),
    "collections.deque([1], 3)": (f.EXACT, "deque([1], 3)"),
    "argparse.Namespace(lr=0.1, password='tell nobody')": (f.EXACT, "Namespace(lr=0.1, password='<redacted>')"),
    "types.SimpleNamespace(a=1)": (f.EXACT, "SimpleNamespace(a=1)"),
    "array.array('d', [1.0])": (f.EXACT, "array('d', [1.0])"),
    "decimal.Decimal('0.10')": (f.EXACT, "Decimal('0.10')"),
    "fractions.Fraction(1, 3)": (f.EXACT, "Fraction(1, 3)"),
    "uuid.UUID(int=1)": (f.EXACT, "UUID('00000000-0000-0000-0000-000000000001')"),
    "pathlib.PurePosixPath('a/b')": (f.EXACT, "PurePosixPath('a/b')"),
    "re.compile('a+', re.I)": (f.EXACT, "re.compile('a+', 2)"),
    "range(1, 9, 2)": (f.EXACT, "range(1, 9, 2)"),
    "slice(1, None)": (f.EXACT, "slice(1, None, None)"),
    "...": (f.EXACT, "Ellipsis"),
    "datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)": (f.DATE, "2026-01-02T03:04:00+00:00"),
    "datetime.datetime(2026, 7, 2, tzinfo=zoneinfo.ZoneInfo('Europe/Paris'))": (f.DATE, "2026-07-02T00:00:00+02:00"),
    "datetime.date(2026, 1, 2)": (f.DATE, "2026-01-02"),
    "datetime.time(3, 4)": (f.DATE, "03:04:00"),
    "datetime.timedelta(1)": (f.EXACT, "datetime.timedelta(days=1)"),
    "[datetime.date(2026, 1, 2)]": (f.EXACT, "[datetime.date(2026, 1, 2)]"),
    "Own": (f.NAMED, "class kept.Own"),
    "Own().method": (f.NAMED, "function kept.Own.method"),
    "lambda: 0": (f.NAMED, "function kept.<lambda>"),
    "len": (f.NAMED, "function len"),
    "re": (f.NAMED, "module re"),
    "Own()": (f.OBJECT, "<kept.Own>"),
    "Wrong('why', 2)": (f.OBJECT, "Wrong('why', 2)"),
    "KeyError('k')": (f.OBJECT, "KeyError('k')"),
    "functools.partial(int, base=2)": (f.OBJECT, "functools.partial(<class 'int'>, base=2)"),
    "itertools.count(3)": (f.OBJECT, "count(3)"),
    "(x for x in [])": (f.OBJECT, "<generator>"),
    "io.StringIO()": (f.OBJECT, "<_io.StringIO>"),
}

NUMPY = {
    "np.float64(1) / 3": (f.FLOAT, repr(1 / 3)),
    "np.float32(0.1)": (f.FLOAT, "0.10000000149011612"),
    "np.float16(0.1)": (f.FLOAT, "0.0999755859375"),
    "np.longdouble(1)": (f.EXACT, "np.longdouble('1.0')"),
    "np.complex64(1j)": (f.COMPLEX, "1j"),
    "np.uint64(2 ** 64 - 1)": (f.BIG_INT, str(2**64 - 1)),
    "np.int8(-5)": (f.INT, "-5"),
    "np.bool_(True)": (f.BOOL, "True"),
    "np.str_('a')": (f.STR, "a"),
    "np.bytes_(b'a')": (f.BYTES, "b'a'"),
    "np.datetime64('2026-01-02')": (f.DATE, "2026-01-02"),
    "np.timedelta64(5, 'D')": (f.EXACT, "np.timedelta64(5,'D')"),
    "np.array([(1.5, 2)], dtype=[('a', 'f8'), ('b', 'i4')])[0]": (f.EXACT, "(1.5, 2)"),
    "np.array(7)": (f.INT, "7"),
    "np.array([[2.5]])": (f.FLOAT, "2.5"),
    "np.array(['a'])": (f.STR, "a"),
    "np.array(['2026'], dtype='M8[Y]')": (f.DATE, "2026"),
    "np.arange(3)": (f.ARRAY, "[0, 1, 2]"),
    "np.arange(3, dtype='>i4')": (f.ARRAY, "[0, 1, 2]"),
    "np.arange(6).reshape(2, 3).T": (f.ARRAY, "[[0, 3], [1, 4], [2, 5]]"),
    "np.array([1, 2j], dtype='c8')": (f.ARRAY, "[(1+0j), 2j]"),
    "np.array([True, False])": (f.ARRAY, "[True, False]"),
    "np.zeros((64, 128))": (f.ARRAY, "float64 array (64, 128)"),
    "np.zeros((0, 3))": (f.ARRAY, "float64 array (0, 3)"),
    "np.array(['a', 'bb'])": (f.ARRAY, "str array (2,): ['a', 'bb']"),
    "np.array([None, 'a', 1.5], dtype=object)": (f.ARRAY, "object array (3,): [None, 'a', 1.5]"),
    "np.array([object(), 1], dtype=object)": (f.ARRAY, "object array (2,)"),
    "np.array(['2026', 'NaT'], dtype='M8[D]')": (f.ARRAY, "datetime64[D] array (2,): ['2026-01-01', 'NaT']"),
    "np.array([(1.5, 2)] * 2, dtype=[('a', 'f8'), ('b', 'i4')])": (
        f.ARRAY,
        "[('a', '<f8'), ('b', '<i4')] array (2,): [(1.5, 2), (1.5, 2)]",
    ),
    "np.ma.masked_array([1, 2], [0, 1])": (f.ARRAY, "int64 MaskedArray (2,): [1, None]"),
    "np.matrix([[1, 2]])": (f.ARRAY, "[[1, 2]]"),
    "{'loss': np.float32(0.5), 'grid': np.array([[1., 2.]]), 'n': np.array([1], 'i2')}": (
        f.EXACT,
        "{'loss': 0.5, 'grid': array([[1.0, 2.0]]), 'n': array([1], dtype='int16')}",
    ),
    "(np.zeros((100, 4)), np.zeros(300))": (
        f.SUMMARY,
        "tuple of 2: (float64 array (100, 4), float64 array (300,))",
    ),
    "np.sum": (f.NAMED, "function numpy.sum"),
    "np.add": (f.NAMED, "function numpy.add"),
}

PANDAS = {
    "pd.Timestamp('2026-01-02', tz='UTC')": (f.DATE, "2026-01-02T00:00:00+00:00"),
    "pd.Timedelta('1D')": (f.EXACT, "Timedelta('1 days 00:00:00')"),
    "pd.NaT": (f.EXACT, "NaT"),
    "pd.NA": (f.EXACT, "NA"),
    "pd.Period('2026-01')": (f.EXACT, "Period('2026-01', 'M')"),
    "pd.Interval(0, 1)": (f.EXACT, "Interval(0, 1, closed='right')"),
    "pd.Series([1, 2], name='s')": (f.ARRAY, "int64 Series (2,): [1, 2]"),
    "pd.Series(['a', None], dtype=object)": (f.ARRAY, "object Series (2,): ['a', None]"),
    "pd.DataFrame({'a': [1, 2], 'b': [0.5, None]})": (f.ARRAY, "int64, float64 DataFrame (2, 2): [[1, 0.5], [2, nan]]"),
    "pd.DataFrame({'a': range(1000)})": (f.ARRAY, "int64 DataFrame (1000, 1)"),
    "pd.DataFrame({'a': [object()]})": (f.ARRAY, "object DataFrame (1, 1)"),
    "pd.DataFrame({'user': ['me'], 'password': ['tell nobody']})": (f.ARRAY, None),
    "pd.Index([1, 2])": (f.ARRAY, "int64 Index (2,): [1, 2]"),
    "pd.RangeIndex(10 ** 9)": (f.ARRAY, "int64 RangeIndex (1000000000,)"),
    "pd.MultiIndex.from_tuples([(1, 'a')])": (f.ARRAY, "object MultiIndex (1,): [(1, 'a')]"),
    "pd.DatetimeIndex(['2026-01-02'])": (f.ARRAY, None),
    "pd.Categorical(['a', 'b'])": (f.ARRAY, "category Categorical (2,): ['a', 'b']"),
    "pd.array([1, None], dtype='Int64')": (f.ARRAY, "Int64 IntegerArray (2,): [1, NA]"),
    "[pd.Timestamp('2026-01-02'), pd.NaT]": (f.EXACT, "[Timestamp('2026-01-02 00:00:00'), NaT]"),
    "[pd.Series([1, 2])]": (f.SUMMARY, "list of 1: [int64 Series (2,)]"),
    "pd.DataFrame({'a': [1]}).groupby('a')": (f.OBJECT, None),
    "pl.Series('a', [1, 2])": (f.ARRAY, "Int64 Series (2,): [1, 2]"),
    "pl.DataFrame({'a': [1, 2], 'b': ['x', None]})": (f.ARRAY, "Int64, String DataFrame (2, 2): [[1, 'x'], [2, None]]"),
    "pl.DataFrame({'a': range(1000)})": (f.ARRAY, "Int64 DataFrame (1000, 1)"),
    "pl.DataFrame({'a': [1]}).lazy()": (f.OBJECT, "<polars.lazyframe.frame.LazyFrame>"),
    "sp.eye(2, format='csr')": (f.ARRAY, "float64 csr_matrix (2, 2), 2 stored: [[1.0, 0.0], [0.0, 1.0]]"),
    "sp.csr_array((100, 100))": (f.ARRAY, "float64 csr_array (100, 100), 0 stored"),
    "sp.lil_matrix((100, 100))": (f.ARRAY, "float64 lil_matrix (100, 100)"),
    "svm.SVC(gamma=0.1)": (f.OBJECT, "SVC(gamma=0.1)"),
    "Pipeline([('scale', StandardScaler()), ('svc', svm.SVC(C=2))])": (
        f.OBJECT,
        "Pipeline(steps=[('scale', StandardScaler()), ('svc', SVC(C=2))])",
    ),
}

TORCH = {
    "torch.tensor(0.5)": (f.FLOAT, "0.5"),
    "torch.tensor([3])": (f.INT, "3"),
    "torch.tensor(True)": (f.BOOL, "True"),
    "torch.tensor([[1.5]], requires_grad=True) * 2": (f.FLOAT, "3.0"),
    "torch.tensor([1.0], dtype=torch.bfloat16)": (f.FLOAT, "1.0"),
    "torch.tensor(1 + 2j)": (f.COMPLEX, "(1+2j)"),
    "torch.tensor([1.0, 0.15625], dtype=torch.bfloat16)": (f.ARRAY, "[1.0, 0.15625]"),
    "torch.tensor([[1, 2]])": (f.ARRAY, "[[1, 2]]"),
    "torch.tensor([[1, 2], [3, 4]]).t()": (f.ARRAY, "[[1, 3], [2, 4]]"),
    "torch.arange(6)[1::2]": (f.ARRAY, "[1, 3, 5]"),
    "torch.tensor([1.0]).expand(3)": (f.ARRAY, "[1.0, 1.0, 1.0]"),
    "torch.tensor([1 + 2j, 3j]).conj().imag": (f.ARRAY, "float32 Tensor (2,)"),
    "torch.zeros(100, 100)": (f.ARRAY, "float32 Tensor (100, 100)"),
    "torch.nn.Parameter(torch.zeros(2))": (f.ARRAY, "[0.0, 0.0]"),
    "torch.zeros(2, 3, device='meta')": (f.ARRAY, "float32 Tensor (2, 3) on meta"),
    "torch.zeros((), device='meta')": (f.GAP, None),
    "torch.eye(3).to_sparse()": (f.ARRAY, "float32 Tensor (3, 3)"),
    "torch.Size([1, 2])": (f.EXACT, "torch.Size([1, 2])"),
    "torch.float32": (f.EXACT, "torch.float32"),
    "torch.device('cpu')": (f.EXACT, "device(type='cpu')"),
    "[torch.tensor(0.5), torch.tensor([1, 2]), torch.tensor([1.0], dtype=torch.float64)]": (
        f.EXACT,
        "[tensor(0.5), tensor([1, 2]), tensor([1.0], dtype=torch.float64)]",
    ),
    "[torch.zeros(100, 100)]": (f.SUMMARY, "list of 1: [float32 Tensor (100, 100)]"),
    "torch.nn.Linear(2, 3)": (f.OBJECT, "Linear(in_features=2, out_features=3)"),
    "torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU())": (f.OBJECT, "Sequential(Linear, ReLU)"),
}

LIBRARIES = """
import numpy as np, pandas as pd, polars as pl, scipy.sparse as sp
from sklearn import svm
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
"""


def names(head: str) -> dict[str, Any]:
    """What the program binds; it runs as the module `kept`."""
    sys.modules["kept"] = module = types.ModuleType("kept")
    exec(head, module.__dict__)
    return module.__dict__


def shown(value: object) -> tuple[int, str | None]:
    """The kind and the text of a value, by way of its bytes."""
    kind, what = keep(value, False)
    if isinstance(what, bytes):
        return kind, text(kind, 0, what)
    payload = struct.unpack("<Q", struct.pack("<d", what))[0] if isinstance(what, float) else what % 2**64
    return kind, text(kind, payload, None)


def check(head: str, expected: dict[str, tuple[int, str | None]]) -> None:
    known = names(head)
    found = {expression: shown(eval(expression, known)) for expression in expected}
    wrong = {
        expression: kept
        for expression, kept in found.items()
        if kept[0] != expected[expression][0] or expected[expression][1] not in (None, kept[1])
    }
    assert wrong == {}


def test_values_of_python() -> None:
    check(HEAD, STANDARD)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_values_of_numpy() -> None:
    check(LIBRARIES, NUMPY)


def test_values_of_pandas_polars_scipy_and_scikit_learn() -> None:
    check(LIBRARIES, PANDAS)


torch_only = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


@torch_only
def test_values_of_torch() -> None:
    check("import torch", TORCH)


@torch_only
def test_a_tensor_on_a_device_says_that_nothing_waited_for_it() -> None:
    import torch

    kind, data = keep(torch.zeros((), device="meta"), False)
    assert kind == f.GAP and isinstance(data, bytes)
    assert gap_reason(data) == "a tensor on meta: to read it would wait for the device. Name its .item()"


@torch_only
def test_modes_of_the_program_see_nothing_when_a_tensor_is_kept() -> None:
    import torch

    tensors = [torch.arange(6.0).reshape(2, 3).t(), torch.tensor(0.5, requires_grad=True), torch.zeros(3, 3)]
    with told() as seen:
        for tensor in tensors:
            keep(tensor, False)
        keep([tensors], False)
    assert seen == []


@torch_only
def test_a_tensor_whose_memory_was_given_back_is_not_read() -> None:
    import torch

    tensor = torch.zeros(100)
    tensor.untyped_storage().resize_(0)
    assert shown(tensor) == (f.ARRAY, "float32 Tensor (100,)")


@torch_only
def test_a_tensor_inside_a_transform_is_no_number() -> None:
    import torch

    seen = []

    def square(x: Any) -> Any:
        seen.append(keep(x, False)[0])
        return x * x

    torch.func.vmap(square)(torch.arange(3.0))
    torch.func.grad(square)(torch.tensor(1.0))
    with torch._subclasses.FakeTensorMode():
        seen.append(keep(torch.zeros(3), False)[0])
    assert seen == [f.GAP, f.GAP, f.OBJECT]


def test_a_long_text_is_kept_as_prefix_length_and_hash_and_a_huge_one_without_hash() -> None:
    import json

    found = []
    for value in ("é" * 50_000, b"a" * 70_000, "a" * (2 << 20), b"a" * (2 << 20)):
        kind, data = keep(value, False)
        assert kind == f.SUMMARY and isinstance(data, bytes)
        about = json.loads(data)
        found.append((about["type"], about["length"], len(about["text"]), len(about.get("sha256", ""))))
    assert found == [
        ("str", 50_000, 32_768, 64),
        ("bytes", 70_000, 203, 64),
        ("str", 2 << 20, 65_536, 0),
        ("bytes", 2 << 20, 203, 0),
    ]


# Snapshots.


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run's folder, into which snapshots go for as long as they take."""
    snapshots.begin(tmp_path, share=1e9)
    yield tmp_path
    snapshots._store.folder = None


def back(value: object, run: Path) -> Any:
    kind, data = keep(value, False)
    assert isinstance(data, bytes)
    return contents(kind, data, run)


def blobs(run: Path) -> list[str]:
    return sorted(path.suffix for path in (run / "blobs").iterdir()) if (run / "blobs").exists() else []


@pytest.mark.parametrize(
    "value",
    [
        np.arange(1000.0),
        np.arange(2000, dtype=">i4"),
        np.asfortranarray(np.arange(2000).reshape(20, 100)),
        np.arange(4000)[::2],
        np.array(["word"] * 300),
        np.arange(1000).astype("M8[s]"),
        np.array([(1.5, 2)] * 500, dtype=[("a", "f8"), ("b", "i4")]),
        np.broadcast_to(np.arange(10.0), (100, 10)),
    ],
    ids=range(8),
)
def test_an_array_comes_back_from_its_snapshot(value: Any, run: Path) -> None:
    found = back(value, run)
    assert (found.dtype, found.shape, found.tolist()) == (value.dtype, value.shape, value.tolist())
    assert blobs(run) == [".npy"]


def test_a_small_array_comes_back_from_the_trace(run: Path) -> None:
    assert back(np.arange(6.0).reshape(2, 3), run).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert blobs(run) == []


def test_one_content_is_kept_once(run: Path) -> None:
    for _ in range(3):
        keep(np.arange(1000.0), False)
    keep(np.arange(1001.0), False)
    assert blobs(run) == [".npy", ".npy"]


def test_tables_come_back_as_arrow(run: Path) -> None:
    import pandas as pd
    import polars as pl

    columns = {"n": list(range(500)), "word": ["a", "b"] * 250, "x": [0.5] * 500}
    for table in (pd.DataFrame(columns), pl.DataFrame(columns)):
        found = back(table, run)
        assert {name: found.column(name).to_pylist() for name in columns} == columns
    assert back(pd.Series(range(500), name="n"), run).column("n").to_pylist() == list(range(500))
    mixed = pd.DataFrame({"a": [object()] * 500})
    with pytest.raises(FlorError, match="were not kept"):
        back(mixed, run)


def test_a_sparse_matrix_comes_back_as_records(run: Path) -> None:
    import scipy.sparse

    matrix = scipy.sparse.eye(300, format="csr") * 2.5
    found = back(matrix, run)
    assert found.tolist() == [(i, i, 2.5) for i in range(300)]


@torch_only
def test_a_tensor_comes_back_as_an_array(run: Path) -> None:
    import torch

    tensor = torch.arange(3000.0).reshape(30, 100).t()
    assert np.array_equal(back(tensor, run), tensor.numpy())
    small = torch.tensor([1.0, 0.15625], dtype=torch.bfloat16)
    assert back(small, run).tolist() == [1.0, 0.15625]


def test_snapshots_end_where_their_budget_does(tmp_path: Path) -> None:
    snapshots.begin(tmp_path, limit=20_000, share=1e9)
    try:
        for i in range(5):
            keep(np.arange(1000.0) + i, False)
        assert len(blobs(tmp_path)) == 2
    finally:
        snapshots._store.folder = None


def test_what_is_too_large_or_takes_too_long_has_no_snapshot(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(np.zeros(snapshots.MAX_BYTES // 8 + 1), False)
    monkeypatch.setattr(snapshots._store, "share", 0)
    monkeypatch.setattr(snapshots._store, "spent", snapshots.ALLOWANCE_NS + 1)
    keep(np.arange(1000.0), False)
    assert blobs(run) == []


def test_a_folder_that_is_gone_ends_snapshots_and_nothing_else(run: Path) -> None:
    (run / "blobs").write_text("in the way")
    assert shown(np.arange(1000.0)) == (f.ARRAY, "float64 array (1000,)")
    (run / "blobs").unlink()
    keep(np.arange(1000.0), False)
    assert blobs(run) == []


def test_a_missing_or_damaged_snapshot_is_a_clear_gap(run: Path) -> None:
    kind, data = keep(np.arange(1000.0), False)
    assert isinstance(data, bytes)
    (blob,) = (run / "blobs").iterdir()
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + b"x")
    with pytest.raises(FlorError, match="is damaged"):
        contents(kind, data, run)
    blob.unlink()
    with pytest.raises(FlorError, match="cannot be read"):
        contents(kind, data, run)


@pytest.mark.parametrize("name", ["../../secret.npy", "a.npy", "0" * 64 + ".pickle"])
def test_a_snapshot_is_looked_for_in_its_folder_only(name: str, tmp_path: Path) -> None:
    head = f'{{"type": "numpy.ndarray", "dtype": "<f8", "shape": [2], "blob": "{name}"}}'.encode()
    with pytest.raises(FlorError, match="damaged"):
        contents(f.ARRAY, len(head).to_bytes(4, "little") + head, tmp_path)


def test_nothing_of_a_library_is_imported_to_look_at_a_value() -> None:
    """The program's own modules may be called as libraries' are."""
    import subprocess

    code = "import sys; from flor.capture import values; values.keep([1], False)\nprint([m for m in sys.modules if m in ('numpy', 'pandas', 'pyarrow', 'torch', 'polars', 'ctypes')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
