"""A table as CSV, and its head for a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from flor.errors import FlorError
from flor.etl import terminal

_CHUNK = 65_536  # rows that are text at once
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


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
                file.write(",".join(map(csv_cell, table.column_names)) + "\n")
                for batch in table.to_batches(max_chunksize=_CHUNK):
                    write_rows(batch, file)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FlorError(f"cannot write {path}: {error.strerror}") from None


def write_rows(batch: pa.RecordBatch, file: TextIO) -> None:
    """Some rows as lines of CSV."""
    lines = map(",".join, zip(*map(_cells, batch.columns), strict=True))
    file.write("\n".join(lines) + "\n")


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


def head(table: pa.Table, rows: int = 10) -> str:
    """The first rows as aligned text for the terminal, and a line that says how large the table is."""
    shown = [column.to_pylist() for column in table.slice(0, rows).columns]
    return terminal.draw(table.column_names, shown, table.num_rows, terminal.width_of(sys.stdout))
