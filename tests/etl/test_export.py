"""The CSV that `flor etl` writes."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flor.errors import FlorError
from flor.etl.export import csv_cell, head, write_csv

pytestmark = pytest.mark.once

COLUMNS = [
    (pa.array([1, None, -(2**63)]), ["1", "", "-9223372036854775808"]),
    (pa.array([1.0, None, 0.1]), ["1.0", "", "0.1"]),
    (pa.array([1e16, 5e-324, float("nan")]), ["1e+16", "5e-324", "nan"]),
    (pa.array([True, None, False]), ["True", "", "False"]),
    (pa.array(["a", None, ""], pa.large_string()), ["a", "", '""']),
    (pa.array(["a,b", 'say "x"', " x"]), ['"a,b"', '"say ""x"""', '" x"']),
    (pa.array(["日本", "a b", "1"]), ["日本", "a b", "1"]),
    (pa.array([Decimal(2**70), None, Decimal(-1)], pa.decimal128(38, 0)), ["1180591620717411303424", "", "-1"]),
]


@pytest.mark.parametrize(("column", "cells"), COLUMNS, ids=range(len(COLUMNS)))
def test_cells(column: pa.Array, cells: list[str], tmp_path: Path) -> None:
    write_csv(pa.table({"run": ["r", "r", "s"], "x": column}), tmp_path / "t.csv")
    runs = ["r", "r", "s"]
    expected = ["run,x", *(f"{r},{c}" for r, c in zip(runs, cells, strict=True))]
    assert (tmp_path / "t.csv").read_text("utf-8") == "\n".join(expected) + "\n"


def test_a_text_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    write_csv(pa.table({"a,b": ["1\n2", "\r\n"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'"a,b"\n"1\n2"\n"\r\n"\n'


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_other_readers_read_it_back(row: list[str]) -> None:
    assert list(csv.reader(io.StringIO(",".join(map(csv_cell, row)), newline=""))) == [row]


def test_a_table_without_rows_has_a_header(tmp_path: Path) -> None:
    write_csv(pa.table({"run": pa.array([], pa.string()), "x": pa.array([], pa.int64())}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "run,x\n"


def test_many_rows_come_out_in_order(tmp_path: Path) -> None:
    count = 70_000
    chunks = pa.concat_tables([pa.table({"i": list(range(count))}), pa.table({"i": [count]})])
    write_csv(chunks, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().split() == ["i", *map(str, range(count + 1))]


@pytest.mark.parametrize("place", ["no/such/folder/t.csv", "."])
def test_a_place_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    with pytest.raises(FlorError, match="cannot write"):
        write_csv(pa.table({"x": [1]}), tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_if_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flor.etl.export.write_rows", full)
    with pytest.raises(FlorError, match="No space left on device"):
        write_csv(pa.table({"x": [1]}), tmp_path / "t.csv")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("t.csv", "before")]


def test_head() -> None:
    assert head(pa.table({"g_iter": [0, 1, 2], "score": [0.5, None, 0.25]}), 2) == (
        "g_iter  score\n     0    0.5\n     1   NULL\n…\n3 rows, 2 columns\n"
    )
