"""A table as a spreadsheet: an Excel workbook, .xlsx. A text is never a formula."""

from __future__ import annotations

import io
import re
import tempfile
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from flor.diagnostics import Diagnostic, counted
from flor.errors import FlorError
from flor.output import extras

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# What a sheet holds: support.microsoft.com, "Excel specifications and limits".
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_MOST_TEXT = 32_767  # in units of UTF-16
_LARGEST_INT = 2**53
_LARGEST_FLOAT = 9.99999999999999e307
_SMALLEST_FLOAT = 2.2250738585072014e-308  # smaller ones become 0

_CHUNK = 65_536  # rows
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")

_AS_TEXT = "no number that a spreadsheet keeps as it is: written as text in the .xlsx file"
_DATES: dict[type, str] = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss.000"}
_FIRST_YEAR = 1901  # to a spreadsheet 1900 was a leap year
_ESCAPED = "text with control characters: escaped in the .xlsx file, as in \\x00"
_CUT = f"longer than the {_MOST_TEXT:,} characters of a cell: cut in the .xlsx file, with … at the end"


class _Exact(float):
    """A float that is formatted with all its digits: XlsxWriter asks for 16, and some floats need 17."""

    def __format__(self, _: str) -> str:
        return repr(float(self))


def check() -> None:
    """Raise FlorError unless what writes workbooks is there."""
    extras.require("xlsxwriter", "an .xlsx file", "xlsx")


def write(table: pa.Table, file: BinaryIO) -> list[Diagnostic]:
    """A workbook with one sheet, `table`. NULL is an empty cell.

    Raises FlorError if the table is larger than a sheet.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError, FileSizeError

    _check_size(table)
    remarks: dict[str, Counter[str]] = {name: Counter() for name in table.column_names}
    made = io.BytesIO()  # XlsxWriter leaves an archive that it cannot write to be closed too late
    with tempfile.TemporaryDirectory() as folder:
        book = Workbook(made, {"constant_memory": True, "tmpdir": folder})
        formats = {kind: book.add_format({"num_format": shown}) for kind, shown in _DATES.items()}
        sheet = book.add_worksheet("table")
        for place, name in enumerate(table.column_names):
            sheet.write_string(0, place, _text(name, remarks[name]))
        row = 0
        for batch in table.to_batches(max_chunksize=_CHUNK):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                row += 1
                for place, (value, said) in enumerate(zip(values, remarks.values(), strict=True)):
                    _write_cell(sheet, row, place, value, said, formats)
        try:
            book.close()
        except FileCreateError as error:
            raise error.args[0] from None  # an OSError
        except FileSizeError:
            raise FlorError("an .xlsx file has at most 4 GB, and the table more: write .parquet or .csv") from None
    file.write(made.getbuffer())
    return [Diagnostic(f"{counted(n)} {what}", name) for name, said in remarks.items() for what, n in said.items()]


def _check_size(table: pa.Table) -> None:
    """Raise FlorError if the table, with its header, is larger than a sheet."""
    for what, count, most in (("rows", table.num_rows + 1, _MOST_ROWS), ("columns", table.num_columns, _MOST_COLUMNS)):
        if count > most:
            raise FlorError(f"an .xlsx file has {most:,} {what}, and the table {count:,}: write .parquet or .csv")


def _write_cell(
    sheet: Worksheet, row: int, place: int, value: object, said: Counter[str], formats: dict[type, Format]
) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, place, value)
        case int() if abs(value) <= _LARGEST_INT:
            sheet.write_number(row, place, value)
        case float() if value == 0 or _SMALLEST_FLOAT <= abs(value) <= _LARGEST_FLOAT:
            sheet.write_number(row, place, _Exact(value))
        case Decimal() if abs(value) <= _LARGEST_INT:
            sheet.write_number(row, place, int(value))
        case int() | float() | Decimal():
            said[_AS_TEXT] += 1
            sheet.write_string(row, place, f"{value:f}" if isinstance(value, Decimal) else repr(value))
        case date() if _is_cell(value):
            sheet.write_datetime(row, place, value, formats[type(value)])
        case date():
            sheet.write_string(row, place, value.isoformat())
        case _:
            sheet.write_string(row, place, _text(str(value), said))


def _is_cell(value: date) -> bool:
    """Whether a cell has it as it is, with days since 1900 and milliseconds, without a zone; others are text."""
    if isinstance(value, datetime) and (value.tzinfo is not None or value.microsecond % 1000):
        return False
    return value.year >= _FIRST_YEAR


def _text(text: str, said: Counter[str]) -> str:
    """A text as a cell holds it."""
    if _CONTROL.search(text):
        said[_ESCAPED] += 1
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
    units = text.encode("utf-16-le")
    if len(units) > 2 * _MOST_TEXT:
        said[_CUT] += 1
        text = units[: 2 * (_MOST_TEXT - 1)].decode("utf-16-le", "ignore") + "…"
    return text
