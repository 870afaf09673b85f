"""The Excel workbook that `flor etl -f FILE.xlsx` writes, read with openpyxl."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

from flor.errors import FlorError
from flor.output.workbook import _check_size
from tests.output.tables import HARD, HARD_ROWS
from tests.output.test_formats import save

pytestmark = pytest.mark.once


def cells(table: pa.Table, folder: Path) -> tuple[list[list[object]], list[str]]:
    """What stands in the rows of the workbook of a table, and what is said."""
    said = save(table, folder / "t.xlsx")
    sheet = openpyxl.load_workbook(folder / "t.xlsx")["table"]
    return [[cell.value for cell in row] for row in sheet.iter_rows()], said


def column(values: object, folder: Path) -> tuple[list[object], list[str]]:
    (_, *rows), said = cells(pa.table({"x": values}), folder)
    return [row[0] for row in rows], said


def test_numbers_and_bools_stay(tmp_path: Path) -> None:
    values = {"i": [2**53, -(2**53), None], "f": [0.1 + 0.2, None, -1.7e-200], "b": [True, None, False]}
    (names, *rows), said = cells(pa.table(values), tmp_path)
    assert (names, said) == (["i", "f", "b"], [])
    assert rows == [list(row) for row in zip(*values.values(), strict=True)]
    assert [type(value) for value in rows[0]] == [int, float, bool]


def test_a_float_keeps_all_its_digits(tmp_path: Path) -> None:
    values = [1 / 3, 0.1 + 0.2, 2**0.5 * 1e300, 2.2250738585072014e-308, -0.0]
    assert repr(column(values, tmp_path)[0]) == repr(values)


TEXTS = {
    "too large an int": (pa.array([2**53 + 1, -(2**63), 7]), ["9007199254740993", "-9223372036854775808", 7], 2),
    "no number": (pa.array([float("nan"), float("inf"), float("-inf"), 0.5]), ["nan", "inf", "-inf", 0.5], 3),
    "beyond Excel's floats": (pa.array([1.7e308, 5e-324, 0.0]), ["1.7e+308", "5e-324", 0], 2),
    "beyond 64 bits": (
        pa.array([Decimal(2**70), Decimal(-3)], pa.decimal128(38, 0)),
        ["1180591620717411303424", -3],
        1,
    ),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_number_that_would_be_shown_wrong_is_text(what: str, tmp_path: Path) -> None:
    values, expected, count = TEXTS[what]
    found, said = column(values, tmp_path)
    assert found == expected
    (remark,) = said
    assert remark.startswith(f"x: {count} value") and "as text" in remark


def test_a_text_is_never_a_formula_nor_a_link(tmp_path: Path) -> None:
    texts = ["=1+1", "{=1+1}", "+1", "-1", "@x", "https://example.org", "123", "'x", " x "]
    assert column(pa.array(texts, pa.large_string()), tmp_path) == (texts, [])
    with zipfile.ZipFile(tmp_path / "t.xlsx") as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet and b"hyperlink" not in sheet


def test_none_is_an_empty_cell_and_an_empty_text_is_a_text(tmp_path: Path) -> None:
    save(pa.table({"x": pa.array([None, ""], pa.large_string())}), tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert (b'r="A2"' in sheet, b'<c r="A3" t="inlineStr"' in sheet) == (False, True)


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    found, said = column(pa.array(["a\0b\r\n\t😀", "\ud83d".encode("utf-8", "backslashreplace").decode()]), tmp_path)
    assert found == ["a\\x00b\\r\n\t😀", "\\ud83d"]
    assert said == ["x: 1 value is text with control characters: escaped in the .xlsx file, as in \\x00"]


@pytest.mark.parametrize("letter", ["x", "😀"])
def test_a_text_that_is_longer_than_a_cell_is_cut(letter: str, tmp_path: Path) -> None:
    units = len(letter.encode("utf-16-le")) // 2
    fits, longer = letter * (32_767 // units), letter * (32_767 // units + 1)
    found, said = column([fits, longer], tmp_path)
    assert found == [fits, letter * (32_766 // units) + "…"]
    assert said == [
        "x: 1 value is longer than the 32,767 characters of a cell: cut in the .xlsx file, with … at the end"
    ]


def test_all_that_is_hard_at_once(tmp_path: Path) -> None:
    (names, *rows), said = cells(HARD, tmp_path)
    assert names == list(HARD_ROWS[0])
    assert len(rows) == len(HARD_ROWS)
    assert [remark.partition(":")[0] for remark in said] == ["int", "float", "big", "text", *2 * ['a "name", with all']]


class Large:
    """As much of a table as is asked for its size."""

    def __init__(self, rows: int, columns: int) -> None:
        self.num_rows, self.num_columns = rows, columns


def test_a_table_that_is_larger_than_a_sheet_is_refused() -> None:
    _check_size(Large(1_048_575, 16_384))
    with pytest.raises(FlorError, match=r"has 1,048,576 rows, and the table 1,048,577: write \.parquet or \.csv"):
        _check_size(Large(1_048_576, 1))
    with pytest.raises(FlorError, match="has 16,384 columns, and the table 16,385"):
        _check_size(Large(1, 16_385))


def test_no_room_for_temporary_files(small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.xlsx").write_text("before")
    monkeypatch.setattr("tempfile.tempdir", str(small_disk))
    with pytest.raises(FlorError, match=r"t\.xlsx: No space left on device"):
        save(pa.table({"x": pa.array(["abc" * 1000] * 1000, pa.large_string())}), tmp_path / "t.xlsx")
    assert list(small_disk.iterdir()) == []
    assert (tmp_path / "t.xlsx").read_text() == "before"


def test_a_sheet_that_is_too_large_to_be_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10_000)
    with pytest.raises(FlorError, match=r"at most 4 GB, and the table more: write \.parquet or \.csv"):
        save(pa.table({"x": list(range(1000))}), tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []
