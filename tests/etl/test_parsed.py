"""Points in time and JSON out of text: a type only where it holds every value."""

from __future__ import annotations

import ast
import json
from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flor.etl.parsed import as_json, points_in_time

pytestmark = pytest.mark.once

_DAYS = st.dates() | st.none()
_MOMENTS = st.datetimes() | st.none()
_IN_UTC = st.datetimes(timezones=st.just(UTC)) | st.none()


def test_lists_of_numbers_are_the_same_text() -> None:
    texts = ["[1]", "[-1.5, 2e-07, 1e+16]", "[[1, 2], [3, 4]]", "[[[0.1]], [[-0.0]]]"]
    assert as_json(texts) == texts
    assert as_json(["[+1]"]) == ["[1]"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [(_DAYS, pa.date32()), (_MOMENTS, pa.timestamp("us")), (_IN_UTC, pa.timestamp("us", "UTC"))],
    ids=["days", "moments", "utc"],
)
@settings(deadline=None)
@given(data=st.data())
def test_points_in_time_come_back(
    values: st.SearchStrategy[date | None], kind: pa.DataType, data: st.DataObject
) -> None:
    own = [*data.draw(st.lists(values)), data.draw(values.filter(lambda v: v is not None))]
    found = points_in_time([v and v.isoformat() for v in own])
    assert found.type == kind
    found.validate(full=True)
    assert found.to_pylist() == own


@pytest.mark.parametrize(
    "texts",
    [
        [datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))).isoformat()],
        ["2026-01-01", "2026-01-01T00:00:00"],
        ["2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00"],
        ["2026-01-01T00:00:00.123456789"],
        ["2026-01-01T00:00"],
        ["12:30:00"],
        ["20260101"],
        ["2026-W01-1"],
        ["NaT"],
        [None],
        [],
    ],
)
def test_what_no_type_holds_stays_text(texts: list[str | None]) -> None:
    assert points_in_time(texts) is None


_ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_TREES = st.recursive(_ATOMS, lambda t: st.lists(t) | st.dictionaries(st.text(), t) | st.lists(t).map(tuple))


@settings(deadline=None)
@given(st.lists(_TREES))
def test_containers_are_json(values: list[object]) -> None:
    found = as_json([repr(v) for v in values])
    assert found is not None
    assert [_lists(json.loads(f or "")) for f in found] == [_lists(ast.literal_eval(repr(v))) for v in values]


def _lists(value: object) -> str:
    """What is the same in JSON has the same text; True is not 1."""
    return repr(json.loads(json.dumps(value)))


@pytest.mark.parametrize(
    "text",
    ["{1}", "{1: 2}", "[b'x']", "[nan]", "[-inf]", "[1e309]", "...", "1..", "slice(1, 2)", "[1, {2: 3}]", "[1j]", "("],
)
def test_what_json_cannot_say_stays(text: str) -> None:
    assert as_json(["[1]", text]) is None


def test_an_int_that_python_does_not_write_stays_text() -> None:
    assert as_json([f"[{10**4299}]", "[1]"]) is not None
    assert as_json([hex(10**4300).join("[]")]) is None
