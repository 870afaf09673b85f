"""What a query answers, written as a table for a terminal, as CSV or as JSON. Holds one batch of rows at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TextIO, TypeAlias

import pyarrow as pa

from flor.output import formats, terminal

#: Some rows: as Arrow has them, or as Python objects.
Batch: TypeAlias = pa.RecordBatch | list[tuple[Any, ...]]

_SHOWN = 1_000  # rows of an answer on a terminal


@dataclass
class Answer:
    """What a query answers, read once. `warnings` is complete when the rows were read."""

    names: list[str]
    batches: Iterator[Batch]
    warnings: list[str] = field(default_factory=list)

    @property
    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows that were not read yet."""
        for batch in self.batches:
            yield from zip(*_columns(batch), strict=True)


def _columns(batch: Batch) -> list[Sequence[Any]]:
    """A batch's columns as Python objects."""
    if isinstance(batch, pa.RecordBatch):
        return [column.to_pylist() for column in batch.columns]
    return list(zip(*batch, strict=True))


def as_table(answer: Answer, width: int | None, most: int = _SHOWN) -> str:
    """Aligned text of some width: the first rows, `most` of them, and how many there are."""
    shown: list[list[Any]] = [[] for _ in answer.names]
    total = 0
    for batch in answer.batches:
        if total < most:
            for column, more in zip(shown, _columns(batch[: most - total]), strict=True):
                column += more
        total += len(batch)
    return terminal.draw(answer.names, shown, total, width) if answer.names else ""


def write_table(answer: Answer, stream: TextIO) -> None:
    """Aligned text, as wide as the terminal if it is one."""
    stream.write(as_table(answer, terminal.width_of(stream)))


def write_csv(answer: Answer, stream: TextIO) -> None:
    """CSV as `flor etl` writes it; lists and structs as JSON."""
    if answer.names:
        stream.write(",".join(map(formats.csv_cell, answer.names)) + "\n")
    for batch in answer.batches:
        if isinstance(batch, pa.RecordBatch):
            stream.write(str(formats.csv_lines(batch), "utf-8"))
        else:
            stream.writelines(",".join(formats.csv_cell(_flat(v)) for v in row) + "\n" for row in batch)


def _flat(value: object) -> object:
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, list | tuple | dict) else value


def write_json(answer: Answer, stream: TextIO) -> None:
    """A list of objects, one on a line. NaN and the infinities, which JSON has not, are text."""
    names = _distinct(answer.names)
    before = "\n"
    stream.write("[")
    for row in answer.rows:
        values = dict(zip(names, map(plain, row), strict=True))
        stream.write(before + json.dumps(values, ensure_ascii=False, allow_nan=False))
        before = ",\n"
    stream.write("]\n" if before == "\n" else "\n]\n")


def _distinct(names: list[str]) -> list[str]:
    """Two columns of one name are told apart: an object has no two keys alike."""
    result: list[str] = []
    for name in names:
        number = 1
        distinct = name
        while distinct in result:
            distinct = f"{name}_{number}"
            number += 1
        result.append(distinct)
    return result


def plain(value: object) -> object:
    """A value of DuckDB as JSON has it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else formats.NOT_FINITE[repr(value)]
        case Decimal():
            return _number(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | bytearray():
            return str(bytes(value))
        case list() | tuple():
            return [plain(v) for v in value]
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
    return str(value)


def _number(value: Decimal) -> int | float | str:
    """A number that is written with the same digits; text where no float has them."""
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


#: Each form of an answer.
WRITERS: dict[str, Callable[[Answer, TextIO], None]] = {"table": write_table, "csv": write_csv, "json": write_json}
