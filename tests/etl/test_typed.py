"""Recorded values become one typed column, and what is missing is said."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from flor.etl.typed import column, constant
from flor.trace import format as f
from flor.trace.recorded import Recorded, together

pytestmark = pytest.mark.once

TEXT = pa.large_string()


def recorded(*literals: str) -> Recorded:
    return together([constant(literal, 1) for literal in literals])


def heap(kind: int, data: bytes) -> Recorded:
    return Recorded(np.array([kind], np.uint8), np.array([0], np.uint64), [pa.array([data], pa.large_binary())])


def made(values: Recorded) -> tuple[list[object], pa.DataType]:
    array, _ = column("x", values, np.arange(len(values.kind)))
    array.validate(full=True)
    return array.to_pylist(), array.type


@pytest.mark.parametrize(
    ("literals", "values", "kind"),
    [
        (["True", "False"], [True, False], pa.bool_()),
        (["1", "-3", "0"], [1, -3, 0], pa.int64()),
        ([str(2**63 - 1), str(-(2**63))], [2**63 - 1, -(2**63)], pa.int64()),
        ([str(2**63), "1"], [2**63, 1], pa.decimal128(38, 0)),
        ([str(10**37), str(-(10**37))], [10**37, -(10**37)], pa.decimal128(38, 0)),
        ([str(10**38), "1"], [str(10**38), "1"], TEXT),
        (["0.1", "-0.0", "1e300"], [0.1, -0.0, 1e300], pa.float64()),
        (["'a'", "''", "'\\n'"], ["a", "", "\n"], TEXT),
        (["'caf\\xe9 日本'"], ["café 日本"], TEXT),
        (["'\\ud800'"], ["\\ud800"], TEXT),
        (["b'x'", "b'\\xff'", "None"], [b"x", b"\xff", None], pa.large_binary()),
        (["1+2j"], ["(1+2j)"], TEXT),
        (["(1, 2)"], ["[1, 2]"], TEXT),
        (["[[1, -2.5e-05], []]"], ["[[1, -2.5e-05], []]"], TEXT),
        (["[None, True, 'é\"']", "{'a': (1.0,)}"], ['[null, true, "é\\""]', '{"a": [1.0]}'], TEXT),
        (["[1]", "{1, 2}"], ["[1]", "{1, 2}"], TEXT),
        (["{1: 2}", "None"], ["{1: 2}", None], TEXT),
        (["[b'x']", "(1, 2)"], ["[b'x']", "(1, 2)"], TEXT),
        (["1", "0.5", "None"], [1.0, 0.5, None], pa.float64()),
        ([str(2**53 + 1), "0.5"], [str(2**53 + 1), "0.5"], TEXT),
        (["True", "1"], ["True", "1"], TEXT),
        (["1", "None"], [1, None], pa.int64()),
        (["None", "'None'"], [None, "None"], TEXT),
        (["None"], [None], TEXT),
        ([], [], TEXT),
    ],
)
def test_type(literals: list[str], values: list[object], kind: pa.DataType) -> None:
    assert made(recorded(*literals)) == (values, kind)


def test_nan_and_infinity_are_values() -> None:
    array, _ = made(together([_float(math.nan), _float(math.inf)]))
    assert math.isnan(array[0]) and array[1] == math.inf  # type: ignore[arg-type]


def _float(number: float) -> Recorded:
    return Recorded(np.array([f.FLOAT], np.uint8), np.array([number]).view(np.uint64), [pa.nulls(1, pa.large_binary())])


def test_negative_zero_keeps_its_sign() -> None:
    array, _ = made(recorded("-0.0"))
    assert math.copysign(1, array[0]) == -1  # type: ignore[arg-type]


def test_rows_choose_values_and_minus_one_is_null() -> None:
    for literals, values in ((["5", "6"], [6, None, 5, 5]), (["'a'", "'b'"], ["b", None, "a", "a"])):
        array, _ = column("x", recorded(*literals), np.array([1, -1, 0, 0]))
        assert array.to_pylist() == values


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (recorded("1", "None"), []),
        (recorded("1", "2.0", "'a'"), ["has values of several types (float, int, str), so the column is text"]),
        (recorded(str(10**40)), ["has ints of more than 38 digits, so the column is text"]),
        (
            together([heap(f.GAP, b'{"why": "over budget"}'), heap(f.GAP, b'{"why": "over budget"}'), recorded("1")]),
            ["2 values are not in the trace: over budget"],
        ),
        (
            together([heap(f.GAP, b'{"why": "a"}'), heap(f.GAP, b'{"why": "b"}'), heap(f.GAP, b'{"why": "b"}')]),
            ["2 values are not in the trace: b", "1 value is not in the trace: a"],
        ),
        (heap(f.REDACTED, b""), ["1 value is redacted: the name looks like a secret's"]),
    ],
)
def test_what_is_said(values: Recorded, sentences: list[str]) -> None:
    _, diagnostics = column("x", values, np.arange(len(values.kind)))
    assert [d.sentence for d in diagnostics] == sentences
    assert {d.name for d in diagnostics} <= {"x"}


@pytest.mark.parametrize("missing", [heap(f.GAP, b'{"why": "a"}'), heap(f.REDACTED, b"")])
def test_what_is_missing_is_null_in_a_typed_column(missing: Recorded) -> None:
    assert made(together([recorded("0"), missing])) == ([0, None], pa.int64())


def test_a_text_that_was_cut_says_so() -> None:
    about = json.dumps({"type": "str", "length": 70_000, "text": "a" * 65_536}).encode()
    values = Recorded(np.array([f.SUMMARY], np.uint8), np.zeros(1, np.uint64), [pa.array([about], pa.large_binary())])
    cells, remarks = column("x", values, np.array([0]))
    assert cells.to_pylist() == ["a" * 65_536 + "… (70,000 characters)"]
    assert [str(r) for r in remarks] == [
        "x: 1 value is longer than what a trace keeps: the table has the beginning, and the length"
    ]
