"""SQL over tables and traces: DuckDB in memory, which sees what is registered here and no file, and not the network.

An experiment's table goes by the experiment's name; `runs`, `sites`, `blocks` and `values` are views of the traces.
Only what a query names is read: DuckDB says which table it lacks, that one is registered, and the statement is tried
again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any, TextIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flor import home
from flor.errors import FlorError
from flor.etl import terminal
from flor.etl.formats import csv_cell
from flor.etl.views import SCHEMAS, Stream, view

_BATCH = 10_000
_SHOWN = 1_000  # rows of a result on a terminal
_UNKNOWN_TABLE = re.compile(r"Table with name (.+?) does not exist!")


@dataclass
class Result:
    """What a query answers, read once. `warnings` is complete when the rows were read."""

    names: list[str]
    rows: Iterator[tuple[Any, ...]]
    warnings: list[str] = field(default_factory=list)


def query(sql: str) -> Result:
    """Run SQL, of one or several statements; the answer is the last one's. Raises FlorError with DuckDB's message."""
    warnings: list[str] = []
    if any("\ud800" <= c <= "\udfff" for c in sql):
        raise FlorError("the query holds bytes that are no text here: write it in the encoding of the locale")
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    try:
        statements = connection.extract_statements(sql)
        if not statements:
            raise FlorError('there is no SQL to run: write a query, such as flor sql "select * from runs"')
        for i, statement in enumerate(statements):
            _execute(connection, statement, warnings)
            if i < len(statements) - 1:
                connection.fetchall()
        names = [str(column[0]) for column in connection.description or []]
    except duckdb.Error as error:
        connection.close()
        raise _error(error) from None
    except FlorError:
        connection.close()
        raise
    return Result(names, _rows(connection) if names else iter(()), warnings)


def _execute(connection: duckdb.DuckDBPyConnection, statement: Any, warnings: list[str]) -> None:
    """Run a statement; register each table that DuckDB finds missing."""
    registered: set[str] = set()
    while True:
        try:
            connection.execute(statement)
            return
        except duckdb.CatalogException as error:
            match = _UNKNOWN_TABLE.search(str(error))
            if match is None or match[1] in registered:
                raise
            registered.add(match[1])
            connection.register(match[1], _find(match[1], warnings))


def _find(name: str, warnings: list[str]) -> Stream:
    """What goes by a name in SQL. Raises FlorError if nothing does."""
    experiments = home.experiments()
    if name.lower() in SCHEMAS:
        if name.lower() in experiments:
            warnings.append(f"{name} is the view of all traces; the experiment of that name is hidden by it")
        return view(name.lower(), warnings)
    same = [name] if name in experiments else [e for e in experiments if e.casefold() == name.casefold()]
    if len(same) != 1:
        raise FlorError(f"there is no table {name}; there are {', '.join([*experiments, *SCHEMAS])}")
    return _table(same[0], warnings)


def _table(experiment: str, warnings: list[str]) -> Stream:
    path = home.experiment_path(experiment) / "table.parquet"
    if not path.exists():
        raise FlorError(f"experiment {experiment!r} has no table yet: flor etl {experiment} SHADOW makes it")
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise FlorError(f"{path} cannot be read ({reason}): flor etl {experiment} SHADOW makes it anew") from None
    newest = _newest(experiment)
    if newest is not None and newest > path.stat().st_mtime:
        warnings.append(f"the table of {experiment} is older than its last run: flor etl {experiment} SHADOW renews it")
    return Stream(file.schema_arrow, file.iter_batches)


def _newest(experiment: str) -> float | None:
    """When the last run ended, or began if it has not ended; seconds since the epoch."""
    for path in reversed(home.run_paths(experiment)):
        try:
            info = home.open_run(path).info
            return float(info.get("end") or info["start"])
        except (FlorError, ValueError, TypeError):
            continue
    return None


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    try:
        while batch := connection.fetchmany(_BATCH):
            yield from batch
    except duckdb.Error as error:
        raise _error(error) from None
    finally:
        connection.close()


def _error(error: duckdb.Error) -> FlorError:
    return FlorError(f"SQL: {str(error).strip().partition(chr(10))[0]}")


def run(sql: str, output: str, stream: TextIO) -> list[str]:
    """Run SQL and write the answer to `stream` as "table", "csv" or "json". Returns warnings, a line each."""
    result = query(sql)
    {"table": write_table, "csv": write_csv, "json": write_json}[output](result, stream)
    return result.warnings


def write_table(result: Result, stream: TextIO) -> None:
    """Aligned text for a terminal: the first 1,000 rows, and how many there are."""
    if not result.names:
        return
    shown = list(islice(result.rows, _SHOWN))
    total = len(shown) + sum(1 for _ in result.rows)
    columns = [list(c) for c in zip(*shown, strict=True)] if shown else [[] for _ in result.names]
    stream.write(terminal.draw(result.names, columns, total, terminal.width_of(stream)))


def write_csv(result: Result, stream: TextIO) -> None:
    """CSV as `flor etl` writes it; lists and structs as JSON."""
    if result.names:
        stream.write(",".join(map(csv_cell, result.names)) + "\n")
    for row in result.rows:
        stream.write(",".join(csv_cell(_flat(v)) for v in row) + "\n")


def _flat(value: object) -> object:
    return json.dumps(plain(value), ensure_ascii=False) if isinstance(value, list | tuple | dict) else value


def write_json(result: Result, stream: TextIO) -> None:
    """A list of objects, one on a line. NaN and the infinities, which JSON has not, are null."""
    names = _distinct(result.names)
    first = next(result.rows, None)
    stream.write("[")
    for i, row in enumerate(chain([] if first is None else [first], result.rows)):
        stream.write(",\n" if i else "\n")
        values = dict(zip(names, map(plain, row), strict=True))
        stream.write(json.dumps(values, ensure_ascii=False, allow_nan=False))
    stream.write("]\n" if first is None else "\n]\n")


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
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | bytearray():
            return value.hex()
        case list() | tuple():
            return [plain(v) for v in value]
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case timedelta():
            return value.total_seconds()
    return str(value)
