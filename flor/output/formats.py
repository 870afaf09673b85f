"""A table as a file: CSV, JSON, Parquet, Arrow; `workbook.py` has the spreadsheet's.

A table has columns of bool, int64, float64, decimals without a fraction, dates, points in time, bytes and text; NULL in
any.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from flor import arrow
from flor.diagnostics import Diagnostic, counted
from flor.errors import FlorError
from flor.output import workbook

#: Writes a table into a file; returns what is to be said of values that are not there as they are.
Writer = Callable[[pa.Table, BinaryIO], list[Diagnostic]]

_CHUNK = 65_536  # rows that are text at once
_THREADS = 4
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
#: NaN and the infinities in JSON, by their text in Python.
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def writer(path: Path, safe_csv: bool = False) -> Writer:
    """What writes a file of this extension. `safe_csv`: a CSV file has no formulas, see `safe`.

    Raises FlorError if there is no such format, or it needs a package that is not there.
    """
    extension = path.suffix.lower()
    if extension not in _WRITERS:
        problem = f"is none of a format that Flor writes: {extension}" if extension else "has no extension"
        raise FlorError(f"{path} {problem}; use {', '.join(_WRITERS)}")
    if extension == ".xlsx":
        workbook.check()
    if extension == ".csv" and safe_csv:
        return functools.partial(write_csv, safe_csv=True)
    return _WRITERS[extension]


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write what `path` is to hold. It is there whole, with the permissions that it had, or as it was before.

    A link is followed. Raises FlorError if `path` cannot be written.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.is_dir():
            raise FlorError(f"cannot write {path}: it is a folder")
        if target.exists() and not target.is_file():
            raise FlorError(f"cannot write {path}: it is no regular file; write to one and read that")
        try:
            with beside.open("wb") as file:
                yield file
            if target.exists():
                shutil.copymode(target, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FlorError(f"cannot write {path}: {error.strerror or error}") from None


# ---- CSV


def write_csv(table: pa.Table, file: BinaryIO, safe_csv: bool = False) -> list[Diagnostic]:
    """CSV: UTF-8, a header, lines end with LF.

    NULL is empty, the text '' is `""`. Floats are the shortest text that reads back as the same float, as Python
    writes them; bools are True and False.
    """
    shield = safe if safe_csv else str
    file.write((",".join(csv_cell(shield(name)) for name in table.column_names) + "\n").encode())
    for lines in _ahead(lambda batch: csv_lines(batch, shield), table.to_batches(max_chunksize=_CHUNK)):
        file.write(lines)
    return []


def _ahead(work: Callable[[pa.RecordBatch], memoryview], batches: Sequence[pa.RecordBatch]) -> Iterator[memoryview]:
    """What becomes of each batch, in order; some are worked on at once."""
    threads = min(len(batches), os.cpu_count() or 1, _THREADS)
    if threads < 2:
        yield from map(work, batches)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[memoryview]] = deque()
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def csv_lines(batch: pa.RecordBatch, shield: Callable[[str], str] = str) -> memoryview:
    """Some rows as lines of CSV, in UTF-8."""
    import pyarrow.compute as pc

    cells = [_cells(column, shield) for column in batch.columns]
    null_is_empty = {"null_handling": "replace", "null_replacement": ""}
    lines = pc.binary_join_element_wise(*cells, _text(","), **null_is_empty)
    return arrow.content(pc.binary_join_element_wise(lines, _text(""), _text("\n")))


def _cells(column: pa.Array, shield: Callable[[str], str]) -> pa.Array:
    """One column of CSV, as text."""
    if pa.types.is_integer(column.type):
        return column.cast(arrow.TEXT)
    if pa.types.is_floating(column.type):
        return _floats(column.cast(pa.float64()), shield)
    different = column.dictionary_encode()
    values = different.dictionary.to_pylist()
    return arrow.texts([csv_cell(shield(str(v)) if isinstance(v, str) else v) for v in values]).take(different.indices)


def _text(text: str | None) -> pa.Scalar:
    return arrow.texts([text])[0]


def _floats(column: pa.Array, shield: Callable[[str], str]) -> pa.Array:
    """Floats as repr() writes them. Most of them Arrow writes alike, several times as fast: those of a common size, but
    for the fraction of a whole number."""
    import pyarrow.compute as pc

    values = np.frombuffer(column.buffers()[1], np.float64)[column.offset : column.offset + len(column)]
    size = np.abs(values)
    common = (size >= 1e-4) & (size < 1e10) | (size == 0)
    rest = ~common
    whole_number = common.copy()
    whole_number[common] = np.trunc(values[common]) == values[common]
    texts = column.cast(arrow.TEXT)
    if whole_number.any():
        with_fraction = pc.binary_join_element_wise(texts, _text(".0"), _text(""))
        texts = pc.if_else(arrow.numbers(whole_number), with_fraction, texts)
    if rest.any():
        own = arrow.texts([shield(repr(v)) for v in values[rest].tolist()])
        texts = pc.replace_with_mask(texts, arrow.numbers(rest), own)
    return pc.if_else(column.is_valid(), texts, _text(None)) if column.null_count else texts


def csv_cell(value: object) -> str:
    """One cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    text = plain_text(value)
    if not text or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def plain_text(value: object) -> str:
    """What is no float as text: dates and times in ISO 8601, bytes as Python writes them."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that begins like a formula, and is no number, gets an
    apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


# ---- JSON


def write_json(table: pa.Table, file: BinaryIO) -> list[Diagnostic]:
    """JSON: a list of objects, one on a line. NaN and infinities, which JSON has not, are text."""
    names = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    not_finite = [0] * len(names)
    separator = "[\n"
    for batch in table.to_batches(max_chunksize=_CHUNK):
        columns = [column.to_pylist() for column in batch.columns]
        for i, column in enumerate(columns):
            not_finite[i] += sum(isinstance(v, float) and not math.isfinite(v) for v in column)
        for row in zip(*columns, strict=True):
            cells = ", ".join(f"{name}: {_json_value(v)}" for name, v in zip(names, row, strict=True))
            file.write(f"{separator}{{{cells}}}".encode())
            separator = ",\n"
    file.write(b"\n]\n" if table.num_rows else b"[]\n")
    return [
        Diagnostic(f"{counted(n)} NaN or infinite, which JSON cannot hold: written as text there", name)
        for name, n in zip(table.column_names, not_finite, strict=True)
        if n
    ]


def _json_value(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'"{NOT_FINITE[repr(value)]}"'
    if isinstance(value, date | bytes):
        value = plain_text(value)
    return json.dumps(int(value) if isinstance(value, Decimal) else value, ensure_ascii=False)


# ---- Arrow


def write_parquet(table: pa.Table, file: BinaryIO) -> list[Diagnostic]:
    """Parquet. Every value is kept as it is."""
    import pyarrow.parquet as pq

    pq.write_table(table, file)
    return []


def write_arrow(table: pa.Table, file: BinaryIO) -> list[Diagnostic]:
    """An Arrow IPC file, also called Feather. Every value is kept as it is."""
    with pa.ipc.new_file(file, table.schema) as sink:
        sink.write_table(table)
    return []


_WRITERS: dict[str, Writer] = {
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".arrow": write_arrow,
    ".json": write_json,
    ".xlsx": workbook.write,
}
