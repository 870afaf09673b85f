"""Every kind of value: from its record to a Python value, to text, to JSON."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from flor.trace import format as f
from flor.trace import values
from flor.trace.cet_json import json_value
from tests.trace.writer import MAIN, WrittenRun, main_process

NESTED = "[1, {'a': (2.5, None)}]"


def array(dtype: str, shape: list[int], elements: bytes = b"", **more: object) -> bytes:
    about = json.dumps({"type": "numpy.ndarray", "dtype": dtype, "shape": shape} | more).encode()
    return struct.pack("<I", len(about)) + about + elements


#: value -> text, JSON
EXACT = [
    (None, "None", None),
    (True, "True", True),
    (False, "False", False),
    (0, "0", 0),
    (-1, "-1", -1),
    (2**63 - 1, str(2**63 - 1), 2**63 - 1),
    (-(2**63), str(-(2**63)), -(2**63)),
    (2**63, str(2**63), 2**63),
    (-(2**200), str(-(2**200)), -(2**200)),
    (1 << 40_000, hex(1 << 40_000), hex(1 << 40_000)),
    (0.1, "0.1", 0.1),
    (-0.0, "-0.0", -0.0),
    (1e300, "1e+300", 1e300),
    (math.inf, "inf", "inf"),
    (-math.inf, "-inf", "-inf"),
    ("", "", ""),
    ("seven b", "seven b", "seven b"),
    ("eight by", "eight by", "eight by"),
    ("ü\n\u2028\U0001f600", "ü\n\u2028\U0001f600", "ü\n\u2028\U0001f600"),
    ("lone \ud800", "lone \ud800", "lone \ud800"),
    (b"", "b''", "b''"),
    (b"\x00\xff", "b'\\x00\\xff'", "b'\\x00\\xff'"),
    (1 - 2j, "(1-2j)", "(1-2j)"),
]


@pytest.mark.parametrize(("value", "text", "as_json"), EXACT, ids=range(len(EXACT)))
def test_exact_values_come_back(value: object, text: str, as_json: object, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", value)
    found = run.read(mode).values(0, 0)
    parts = int(found.kind[0]), int(found.payload[0]), found.data[0].as_py()
    back = values.value(*parts)
    assert (type(back), back) == (type(value), value)
    assert values.text(*parts) == text
    assert repr(json.loads(json_value(*parts))) == repr(as_json)


def test_nan_comes_back_bit_by_bit(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    bits = 0xFFF8_0000_0000_1234
    main_process(run).stream().open("main").raw(f.FLOAT << f.KIND_SHIFT | 9, bits)
    found = run.read(mode).values(0, 0)
    assert found.payload.tolist() == [bits]
    assert json_value(f.FLOAT, bits, None) == '"nan"'


#: kind, heap bytes -> text (None: a gap)
KEPT = [
    (f.EXACT, NESTED.encode(), NESTED),
    (f.SUMMARY, b'{"type": "list", "length": 1000, "text": "[1, 2, ... 999]"}', "[1, 2, ... 999]"),
    (f.OBJECT, b'{"type": "sklearn.svm.SVC", "id": 1, "text": "SVC(gamma=0.1)"}', "SVC(gamma=0.1)"),
    (f.OBJECT, b'{"type": "pkg.Thing", "id": 1}', "<pkg.Thing>"),
    (f.NAMED, b"function pkg.mod.call", "function pkg.mod.call"),
    (f.DATE, b"2026-01-02T03:04:05", "2026-01-02T03:04:05"),
    (f.GAP, b'{"why": "over budget"}', None),
    (f.ARRAY, array("float64", [2, 2], struct.pack("<4d", 1, 2, 3, 0.5)), "[[1.0, 2.0], [3.0, 0.5]]"),
    (f.ARRAY, array("int8", [3], b"\x01\xff\x00"), "[1, -1, 0]"),
    (f.ARRAY, array("bool", [2], b"\x01\x00"), "[True, False]"),
    (f.ARRAY, array("<f4", [2], struct.pack("<2f", 0.1, 1e-30)), "[0.1, 1e-30]"),
    (f.ARRAY, array(">i2", [1], b"\x01\x00"), "[256]"),
    (f.ARRAY, array("complex128", [1], struct.pack("<2d", 1, -1)), "[(1-1j)]"),
    (f.ARRAY, array("uint8", [1, 2, 2], b"\1\2\3\4"), "[[[1, 2], [3, 4]]]"),
    (f.ARRAY, array("float64", [], struct.pack("<d", 4)), "4.0"),
    (f.ARRAY, array("float64", [0]), "[]"),
    (f.ARRAY, array("float64", [0, 4]), "float64 array (0, 4)"),
    (f.ARRAY, array("torch.float32", [1], struct.pack("<f", 2)), "[2.0]"),
    (f.ARRAY, array("float64", [64, 128]), "float64 array (64, 128)"),
    (f.ARRAY, array("float64", [100], blob="abc"), "float64 array (100,)"),
    (f.ARRAY, array("object", [2], b"12345678"), "object array (2,)"),
]


@pytest.mark.parametrize(("kind", "data", "text"), KEPT)
def test_kept_values_show_as_text(kind: int, data: bytes, text: str | None, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").kept("a", kind, data)
    found = run.read(mode).values(0, 0)
    assert (found.kind.tolist(), found.payload.tolist()) == ([kind], [0])
    assert values.text(kind, 0, found.data[0].as_py()) == text


NUMBERS = [1, -(2**63), 2.5, -0.0, 1e300, float("inf"), None, True, False]
TREES = [
    [],
    (),
    (1,),
    [2.5],
    NUMBERS,
    tuple(NUMBERS),
    [1, (2.5, [None, (True,)]), []],
    [[[[[[[[7]]]]]]]],
    list(range(256)),
]


def tree(value: object) -> bytes:
    match value:
        case None | bool():
            return {None: b"N", True: b"T", False: b"F"}[value]
        case int():
            return struct.pack("<cq", b"i", value)
        case float():
            return struct.pack("<cd", b"d", value)
        case list() | tuple():
            tag = b"[" if isinstance(value, list) else b"("
            return struct.pack("<cH", tag, len(value)) + b"".join(map(tree, value))
    raise TypeError(value)


@pytest.mark.parametrize("value", TREES, ids=range(len(TREES)))
def test_a_tree_of_numbers_comes_back_as_its_expression(value: object, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").kept("a", f.TREE, tree(value)).kept("b", f.TREE, tree(value))
    for site in ("a", "b"):
        found = run.read(mode).values(0, MAIN.site(site))
        assert (found.kind.tolist(), found.payload.tolist()) == ([f.EXACT], [0])
        assert found.data.to_pylist() == [repr(value).encode()]


FOREIGN_TREES = [b"", b"x", b"NN", b"i1234567", b"[", b"[\1", b"[\1\0", b"[\2\0N", b"(\1\0NN", b"[\1\0" * 66 + b"N"]


@pytest.mark.parametrize("data", FOREIGN_TREES)
def test_a_tree_that_makes_no_sense_is_a_gap(data: bytes, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").kept("a", f.TREE, data)
    found = run.read(mode).values(0, 0)
    assert found.kind.tolist() == [f.GAP]
    assert values.gap_reason(found.data[0].as_py()) == "its bytes are missing in the trace"


def test_a_redacted_value_shows_nothing_of_it(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").raw(f.REDACTED << f.KIND_SHIFT | 9, 1234)
    found = run.read(mode).values(0, 0)
    assert (found.payload.tolist(), found.data[0].as_py()) == ([0], None)
    assert values.text(f.REDACTED, 0, None) == "<redacted>"


def test_a_gap_says_why() -> None:
    assert values.gap_reason(b'{"why": "over budget"}') == "over budget"
    assert json_value(f.GAP, 0, b'{"why": "over budget"}') == '"<not kept: over budget>"'


@pytest.mark.parametrize("kind", f.VALUE_KINDS)
@pytest.mark.parametrize(
    "data", [None, b"", b"\xff", b"[" * 5000, b"\xff\xff\xff\xff{}", b'{"shape": [-1]}', b"zz"], ids=range(7)
)
def test_bytes_that_do_not_fit_their_kind_never_raise(kind: int, data: bytes | None) -> None:
    payload = (1 << 64) - 1
    values.value(kind, payload, data, literal=True)
    text = values.text(kind, payload, data)
    assert (text is None) == (kind == f.GAP)
    json.loads(json_value(kind, payload, data))


def test_containers_are_read_as_literals_only_if_asked() -> None:
    assert values.value(f.EXACT, 0, NESTED.encode()) is values.INEXACT
    assert values.value(f.EXACT, 0, NESTED.encode(), literal=True) == [1, {"a": (2.5, None)}]


def test_text_that_is_no_literal_is_not_run() -> None:
    assert values.value(f.EXACT, 0, b"__import__('os').getcwd()", literal=True) is values.INEXACT
