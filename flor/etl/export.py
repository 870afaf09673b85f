"""A table to a file, and its head to a terminal."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from flor.errors import FlorError

_CHUNK = 65_536  # rows that are text at once
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')
_WIDEST = 40  # characters of a cell on the terminal
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table as CSV: UTF-8, a header, lines end with LF. `path` is there whole or as it was before.

    NULL is empty, the text '' is `""`. Floats are the shortest text that reads back as the same float, as Python
    writes them; bools are True and False. Raises FlorError if `path` cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_dir():
            raise FlorError(f"cannot write {path}: it is a folder")
        try:
            with beside.open("w", encoding="utf-8", newline="") as file:
                write_rows(table.schema, table.to_batches(), file)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FlorError(f"cannot write {path}: {error.strerror}") from None


def write_rows(schema: pa.Schema, batches: Sequence[pa.RecordBatch] | Iterator[pa.RecordBatch], file: TextIO) -> None:
    """Write header and rows as CSV, batch by batch."""
    file.write(",".join(map(csv_cell, schema.names)) + "\n")
    for batch in batches:
        for start in range(0, batch.num_rows, _CHUNK):
            part = batch.slice(start, _CHUNK)
            columns = [_cells(column) for column in part.columns]
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n" if columns else "")


def _cells(column: pa.Array) -> list[str]:
    """One column of CSV."""
    format_ = _formatter(column.type)
    values = column.to_pylist()
    if column.null_count:
        return ["" if v is None else format_(v) for v in values]
    return list(map(format_, values))


def _formatter(kind: pa.DataType) -> Callable[[object], str]:
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return str
    if pa.types.is_floating(kind):
        return repr
    return csv_cell


def csv_cell(value: object) -> str:
    """One cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not text or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def head(table: pa.Table, rows: int = 10, width: int | None = None) -> str:
    """The first rows as aligned text, and a line that says how large the table is. Ends with a newline.

    Long cells are cut; columns that do not fit into `width` (by default the terminal's) are left out, from the right
    of the middle, so that the keys and the last names stay.
    """
    shown = table.slice(0, rows)
    return draw(table.column_names, [c.to_pylist() for c in shown.columns], table.num_rows, width)


def draw(names: Sequence[str], columns: Sequence[Sequence[object]], total: int, width: int | None = None) -> str:
    """Columns as aligned text; numbers to the right. `total`: how many rows there are, shown or not."""
    width = width or shutil.get_terminal_size().columns
    cells = [[_cut(n), *(_shown(v) for v in column)] for n, column in zip(names, columns, strict=True)]
    widths = [max(map(_width, column)) for column in cells]
    kept = _fitting(widths, width)
    left_out = len(names) - len(kept)
    if left_out:
        kept_cells = [cells[i] for i in kept]
        middle = next((k for k, i in enumerate(kept) if i != k), len(kept))
        dots = ["…"] * (len(cells[0]) if cells else 1)
        drawn = [*kept_cells[:middle], dots, *kept_cells[middle:]]
        right = [
            *(_is_numeric(columns[i]) for i in kept[:middle]),
            False,
            *(_is_numeric(columns[i]) for i in kept[middle:]),
        ]
    else:
        drawn, right = cells, [_is_numeric(c) for c in columns]
    padded = [_pad(column, to_right) for column, to_right in zip(drawn, right, strict=True)]
    lines = ["  ".join(line).rstrip() for line in zip(*padded, strict=True)]
    if len(lines) - 1 < total:
        lines.append("…")
    size = f"{total:,} row{'' if total == 1 else 's'}, {len(names)} column{'' if len(names) == 1 else 's'}"
    return "\n".join([*lines, size + (f" ({left_out} not shown)" if left_out else "")]) + "\n"


def _fitting(widths: Sequence[int], width: int) -> list[int]:
    """Which columns fit: all, else the first ones and the last ones, the two sides in turn."""
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        return list(range(len(widths)))
    room = width - 1  # for the dots
    left: list[int] = []
    right: list[int] = []
    todo = list(range(len(widths)))
    while todo:
        side, index = (left, todo.pop(0)) if len(left) <= len(right) else (right, todo.pop())
        if widths[index] + 2 > room and (left or right):
            break
        room -= widths[index] + 2
        side.append(index)
    return left + right[::-1]


def _is_numeric(column: Sequence[object]) -> bool:
    return any(v is not None for v in column) and all(
        v is None or (isinstance(v, int | float | Decimal) and not isinstance(v, bool)) for v in column
    )


def _shown(value: object) -> str:
    return "NULL" if value is None else _cut(repr(value) if isinstance(value, float) else str(value))


def _cut(text: str) -> str:
    """One line, not too long, nothing that moves the cursor."""
    text = text[: _WIDEST + 1]
    line = "".join(_ESCAPES.get(c, c if c.isprintable() else "\N{REPLACEMENT CHARACTER}") for c in text)
    if _width(line) <= _WIDEST:
        return line
    while _width(line) >= _WIDEST:
        line = line[:-1]
    return line + "…"


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _pad(column: Sequence[str], to_right: bool) -> list[str]:
    width = max(map(_width, column))
    fill = [" " * (width - _width(c)) for c in column]
    return [f + c if to_right else c + f for c, f in zip(column, fill, strict=True)]
