"""The files that `flor etl` writes."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flor.errors import FlorError
from flor.output.formats import csv_cell, safe, whole, writer
from tests.output.tables import HARD, HARD_ROWS, same

pytestmark = pytest.mark.once

EXTENSIONS = [".csv", ".json", ".parquet", ".arrow", ".xlsx"]


def save(table: pa.Table, path: Path, safe_csv: bool = False) -> list[str]:
    """Write a table as `flor etl -f` does; returns what is said."""
    with whole(path) as file:
        return [str(remark) for remark in writer(path, safe_csv)(table, file)]


# ---- CSV

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
    save(pa.table({"run": ["r", "r", "s"], "x": column}), tmp_path / "t.csv")
    runs = ["r", "r", "s"]
    expected = ["run,x", *(f"{r},{c}" for r, c in zip(runs, cells, strict=True))]
    assert (tmp_path / "t.csv").read_text("utf-8") == "\n".join(expected) + "\n"


@settings(deadline=None)
@given(
    st.lists(
        st.floats() | st.floats(-1e11, 1e11).map(lambda x: round(x, 2)) | st.integers(-17, 17).map(lambda e: 10.0**e)
    )
)
def test_floats_are_what_repr_writes(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    near = [y for x in values for y in (x, -x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf))]
    path = tmp_path_factory.mktemp("floats") / "t.csv"
    save(pa.table({"x": pa.array(near, pa.float64())}), path)
    assert path.read_text().splitlines()[1:] == [repr(x) for x in near]


def test_a_text_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    save(pa.table({"a,b": ["1\n2", "\r\n"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'"a,b"\n"1\n2"\n"\r\n"\n'


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_other_readers_read_it_back(row: list[str]) -> None:
    assert list(csv.reader(io.StringIO(",".join(map(csv_cell, row)), newline=""))) == [row]


def test_a_table_without_rows_has_a_header(tmp_path: Path) -> None:
    save(pa.table({"run": pa.array([], pa.string()), "x": pa.array([], pa.int64())}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "run,x\n"


def test_many_rows_come_out_in_order(tmp_path: Path) -> None:
    count = 70_000
    chunks = pa.concat_tables([pa.table({"i": list(range(count))}), pa.table({"i": [count]})])
    save(chunks, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().split() == ["i", *map(str, range(count + 1))]


SAFE = {
    "=1+1": "'=1+1",
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-x": "'-x",
    "@SUM(1)": "'@SUM(1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "-1.5": "-1.5",
    "+3e-05": "+3e-05",
    "-inf": "'-inf",
    "-1+1": "'-1+1",
    "-": "'-",
    "1=1": "1=1",
    "'=": "'=",
    "": "",
}


@pytest.mark.parametrize("text", SAFE)
def test_text_that_is_no_formula(text: str) -> None:
    assert safe(text) == SAFE[text]


def test_a_safe_csv_has_no_formula_and_keeps_its_numbers(tmp_path: Path) -> None:
    columns = {"=n": ["=1", None, ""], "i": [-1, None, 2], "f": [-0.5, float("-inf"), None]}
    decimals = pa.array([Decimal(-(2**70)), None, None], pa.decimal128(38, 0))
    save(pa.table({**columns, "d": decimals}), tmp_path / "t.csv", safe_csv=True)
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "'=n,i,f,d",
        "'=1,-1,-0.5,-1180591620717411303424",
        ",,'-inf,",
        '"",2,,',
    ]


# ---- what a format keeps


@pytest.mark.parametrize("extension", [".parquet", ".arrow"])
def test_arrow_and_parquet_keep_every_value(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{extension}"
    assert save(HARD, path) == []
    read = pq.read_table(path) if extension == ".parquet" else pa.ipc.open_file(path).read_all()
    assert read.schema == HARD.schema
    assert same(read.to_pylist(), HARD_ROWS)


def test_json_keeps_every_value_but_what_it_has_no_numbers_for(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    assert save(HARD, path) == ["float: 3 values are NaN or infinite, which JSON cannot hold: written as text there"]
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    expected = [
        {
            **row,
            "float": words.get(repr(row["float"]), row["float"]),
            "big": None if row["big"] is None else int(row["big"]),
            "bytes": None if row["bytes"] is None else repr(row["bytes"]),
            **{name: row[name] and row[name].isoformat() for name in ("day", "moment", "utc")},
        }
        for row in HARD_ROWS
    ]
    assert same(json.loads(path.read_text("utf-8")), expected)


def test_json_has_an_object_on_a_line(tmp_path: Path) -> None:
    save(pa.table({"run": ["a", "b"], 'say "x"': [0.1, None]}), tmp_path / "t.json")
    expected = '[\n{"run": "a", "say \\"x\\"": 0.1},\n{"run": "b", "say \\"x\\"": null}\n]\n'
    assert (tmp_path / "t.json").read_text() == expected
    save(pa.table({"run": pa.array([], pa.string())}), tmp_path / "t.json")
    assert (tmp_path / "t.json").read_text() == "[]\n"


# ---- files that can be written, and files that cannot


@pytest.mark.parametrize("name", ["t", "t.", ".csv", "/dev/stdout", "t.txt", "t.csv.gz", "t.xls"])
def test_an_extension_that_is_no_format(name: str) -> None:
    with pytest.raises(FlorError, match=r"use \.csv, \.parquet, \.arrow, \.json, \.xlsx$"):
        writer(Path(name))


def test_upper_case_is_the_same(tmp_path: Path) -> None:
    save(pa.table({"x": [1]}), tmp_path / "T.CSV")
    assert (tmp_path / "T.CSV").read_text() == "x\n1\n"


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FlorError, match=r"needs the package xlsxwriter: pip install 'flor-lsp\[xlsx\]'"):
        writer(Path("t.xlsx"))


@pytest.mark.parametrize("place", ["no/such/folder/t.csv", "."])
def test_a_place_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    with pytest.raises(FlorError, match="cannot write"), whole(tmp_path / place):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_pipe_is_refused(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{extension}"
    os.mkfifo(path)
    with pytest.raises(FlorError, match="no regular file"):
        save(HARD, path)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_link_and_the_permissions_of_its_file_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "file").chmod(0o600)
    (tmp_path / "t.csv").symlink_to("file")
    save(pa.table({"x": [1]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").is_symlink()
    assert ((tmp_path / "file").read_text(), (tmp_path / "file").stat().st_mode & 0o777) == ("x\n1\n", 0o600)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_what_was_there_stays_if_writing_fails(extension: str, tmp_path: Path, small_disk: Path) -> None:
    """The disk has room for a part of the file."""
    path = small_disk / f"t{extension}"
    path.write_text("before")
    rows = [os.urandom(500).hex() for _ in range(2000)]
    with pytest.raises(FlorError, match=f"cannot write {path}: .*No space left on device"):
        save(pa.table({"x": pa.array(rows, pa.large_string())}), path)
    assert [(p.name, p.read_text()) for p in small_disk.iterdir()] == [(path.name, "before")]


@pytest.mark.parametrize("extension", ["csv", "json", "xlsx"])
def test_when_rows_began_is_a_point_in_time(extension: str, tmp_path: Path) -> None:
    """As `flor etl --time` gives it."""
    table = pa.table({"began": pa.array([1_700_000_000_123_456], pa.timestamp("us", "UTC"))})
    assert save(table, tmp_path / f"t.{extension}") == []
    if extension == "json":
        assert json.loads((tmp_path / "t.json").read_text()) == [{"began": "2023-11-14T22:13:20.123456+00:00"}]
    elif extension == "csv":
        assert (tmp_path / "t.csv").read_text() == "began\n2023-11-14T22:13:20.123456+00:00\n"
