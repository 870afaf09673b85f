"""In a worker: tables, and windows of them. A table is a file of Arrow's that is mapped into memory, so a million rows
cost what is looked at; DuckDB sorts and filters it, once for all windows of one order.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flor import home
from flor.annotate import shadow as shadows
from flor.annotate.source import encode
from flor.errors import FlorError
from flor.etl import apart, logged
from flor.etl.asked import Asked, remake
from flor.etl.extract import Annotated
from flor.etl.table import Table
from flor.output.formats import plain_text, whole, writer
from flor.query.sql import Database, outdated
from flor_lsp import pictures

Say = Callable[..., None]
Ints = npt.NDArray[np.int64]

_MOST_OPEN = 16  # tables; of more, the one that was not asked for the longest is closed
_LONGEST = 300  # characters of a cell
_MOST_ROWS = 5_000  # of a window
_SAFE = 2**53  # ints of which JavaScript has every one
_OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class _Apart:
    """Arrays that are not in a table."""

    columns: dict[str, pa.ChunkedArray]  # as `flor.etl.apart` has them
    run: str  # the column with the run's id
    folder: Path  # of the experiment's runs


@dataclass
class _Open:
    """A table that windows are asked of."""

    table: pa.Table
    database: duckdb.DuckDBPyConnection
    apart: _Apart | None = None
    orders: OrderedDict[str, Ints | None] = field(default_factory=OrderedDict)  # by sort and filter: the rows in order


_open: OrderedDict[int, _Open] = OrderedDict()
#: The last handle. A process that follows another has others: what was open there is not taken for what is open here.
_last = time.time_ns() // 1_000_000


def _keep(table: pa.Table, about: dict[str, Any], arrays: _Apart | None = None) -> dict[str, Any]:
    """Have a table for windows. Returns what it is, with its handle."""
    global _last
    with tempfile.TemporaryFile() as file:
        with pa.ipc.new_file(file, table.schema) as sink:
            sink.write_table(table.combine_chunks())
        file.flush()
        mapped = pa.ipc.open_file(pa.memory_map(f"/proc/self/fd/{file.fileno()}")).read_all()
    database = duckdb.connect(":memory:", config={"python_enable_replacements": "false"})
    database.register("t", mapped)
    _last += 1
    _open[_last] = _Open(mapped, database, arrays)
    while len(_open) > _MOST_OPEN:
        _, oldest = _open.popitem(last=False)
        oldest.database.close()
    return {"handle": _last, **_described(mapped, about)}


def _described(table: pa.Table, about: dict[str, Any]) -> dict[str, Any]:
    """What a table is, as JSON has it."""
    columns = [{"name": f.name, "type": _type(f.type), **about["columns"].get(f.name, {})} for f in table.schema]
    return {**about, "rows": table.num_rows, "columns": columns}


def _of(handle: int) -> _Open:
    found = _open.get(handle)
    if found is None:
        raise FlorError("this table is not open any more: open it again")
    _open.move_to_end(handle)
    return found


def _type(kind: pa.DataType) -> str:
    """What a column holds, in one word."""
    match kind:
        case _ if pa.types.is_boolean(kind):
            return "bool"
        case _ if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return "int"
        case _ if pa.types.is_floating(kind):
            return "float"
        case _ if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return "time"
        case _ if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return "bytes"
    return "text"


# ---- making and opening


def etl(say: Say, experiment: str, shadow: str, text: str | None = None) -> dict[str, Any]:
    """Make an experiment's table of the names in a shadow copy, and keep it as `flor etl` does. Returns what it is.

    `text`: the shadow copy as it is in the editor; without, it is read.
    """
    path = Path(shadow)
    copy: Path | Annotated = path
    if text is not None:
        copy = Annotated(shadows.parse(encode(text, str(path)), str(path)), path)
    asked = Asked()
    made = asked.make(experiment, [copy], lambda done, total: say({"done": done, "total": total}))
    asked.save(made, experiment)
    return _described(made.arrow, _about(experiment, made))


def _about(experiment: str, made: Table) -> dict[str, Any]:
    names = {
        name.name: {"role": "name", "shadow": str(path), "line": name.line, "text": name.text}
        for path, name in made.names
    } | {own.name: _logged(own.typ, own.file, own.line, own.text) for own in made.logged}
    return {
        "experiment": experiment,
        "runs": made.runs,
        "diagnostics": [{"name": d.name, "text": str(d)} for d in made.diagnostics],
        "columns": {**{key: {"role": "key"} for key in made.keys}, **names},
    }


def _logged(typ: str, source: str, line: int, text: str) -> dict[str, Any]:
    """What is said of a column that the program logged."""
    return {"role": "name", "logged": typ, "source": source, "line": line, "text": text}


def _name(own: dict[str, Any]) -> dict[str, Any]:
    """What is said of a column, of what table.json has of its name."""
    if "logged" in own:
        return _logged(own["logged"], own["shadow"], own["line"], own["text"])
    return {"role": "name", **own}


def open_table(say: Say, experiment: str) -> dict[str, Any]:
    """Open the table that the last `flor etl` made, or one of what programs logged. Raises FlorError if there is
    none."""
    folder = home.experiment_path(experiment)
    if not (folder / "table.json").exists() and logged.names(home.runs(experiment, [])):
        made, asked = remake(experiment)
        asked.save(made, experiment)
    try:
        about = json.loads((folder / "table.json").read_bytes())
        table = pq.read_table(folder / "table.parquet")
        names = {own["name"]: _name(own) for own in about["names"]}
        large = apart.read(folder, table)
        columns = {**{key: {"role": "key"} for key in about["keys"]}, **names}
        diagnostics = [{"name": own["name"], "text": str(own["text"])} for own in about.get("diagnostics", [])]
        if (why := outdated(experiment)) is not None:
            diagnostics.insert(0, {"name": None, "text": f"the table {why}: refresh it"})
    except FileNotFoundError:
        raise FlorError(f"experiment {experiment!r} has no table yet: name an expression") from None
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise FlorError(f"the table of {experiment!r} cannot be read ({error}): refresh it") from None
    return _keep(
        table.replace_schema_metadata(),
        {"experiment": experiment, "runs": about.get("runs", []), "diagnostics": diagnostics, "columns": columns},
        _Apart(large, about["keys"][0], folder / "runs") if large else None,
    )


def refresh(say: Say, experiment: str) -> dict[str, Any]:
    """Make the table anew as it was made before, with the runs that there are now. Returns what it is."""
    made, asked = remake(experiment)
    asked.save(made, experiment)
    return _described(made.arrow, _about(experiment, made))


def sql(say: Say, query: str, file: str) -> list[str]:
    """Write what a query answers into a file, for `open_file`. Returns warnings. Raises FlorError."""
    database = Database(files_here=False)
    try:
        answer = database.query(query)
        if not answer.names:
            raise FlorError("SQL: this asks nothing: write a SELECT")
        batches = []
        rows = 0
        for batch in answer.batches:
            if isinstance(batch, list):
                batch = pa.record_batch([_array(c) for c in zip(*batch, strict=True)], answer.names)
            batches.append(batch)
            rows += batch.num_rows
            say({"rows": rows})
        names = _distinct(answer.names)
        table = _joined(batches).rename_columns(names) if batches else pa.table({n: [] for n in names})
        with pa.ipc.new_file(file, table.schema) as sink:
            sink.write_table(table)
        return answer.warnings
    finally:
        database.close()


def open_file(say: Say, file: str, warnings: list[str]) -> dict[str, Any]:
    """Open what `sql` wrote. The file is gone then."""
    table = pa.ipc.open_file(pa.memory_map(file)).read_all()
    Path(file).unlink()
    return _keep(table, {"diagnostics": [{"name": None, "text": w} for w in warnings], "columns": {}})


def _array(values: Sequence[object]) -> pa.Array:
    """Values of DuckDB; all of them as text where some are, such as an infinite date, or beyond 64 bits."""
    plain = [v if isinstance(v, int | float | str | bool | date | None) else str(v) for v in values]
    if any(isinstance(v, str) or (isinstance(v, int) and not -(2**63) <= v < 2**63) for v in plain):
        plain = [v if v is None else str(v) for v in plain]
    return pa.array(plain)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Batches as one table. Of a column that has no value, or no text, in some of them only, the type may differ."""
    columns = []
    for parts in zip(*(batch.columns for batch in batches), strict=True):
        types = {part.type for part in parts if not pa.types.is_null(part.type)} or {pa.null()}
        type_ = types.pop() if len(types) == 1 else pa.string()
        columns.append(pa.chunked_array([part.cast(type_) for part in parts], type_))
    return pa.table(columns, batches[0].schema.names)


def _distinct(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        own, number = name, 1
        while own in found:
            own, number = f"{name}_{number}", number + 1
        found.append(own)
    return found


# ---- windows


def rows(
    say: Say,
    handle: int,
    offset: int = 0,
    limit: int = 100,
    columns: list[str] | None = None,
    sort: list[dict[str, Any]] | None = None,
    filter: list[dict[str, Any]] | None = None,  # noqa: A002 - as the message has it
) -> dict[str, Any]:
    """A window: cells by row, and how many rows there are. Raises FlorError for what is not there."""
    own = _of(handle)
    order = _order(own, sort or [], filter or [])
    total = own.table.num_rows if order is None else len(order)
    first = max(offset, 0)
    last = min(first + min(max(limit, 0), _MOST_ROWS), total)
    wanted = _columns(own, columns)
    count = max(last - first, 0)

    def part(column: pa.ChunkedArray) -> list[Any]:
        shown = column.slice(first, count) if order is None else column.take(pa.array(order[first : first + count]))
        return shown.to_pylist()  # type: ignore[no-any-return]

    cells = {name: list(map(cell, part(own.table.column(name)))) for name in wanted}
    if own.apart is not None:
        _put_pictures(own.apart, cells, part, part(own.table.column(own.apart.run)))
    return {"rows": list(map(list, zip(*cells.values(), strict=True))) if cells else [[]] * count, "total": total}


def _put_pictures(
    arrays: _Apart, cells: dict[str, list[Any]], part: Callable[[pa.ChunkedArray], list[Any]], runs: list[str]
) -> None:
    """Add to the cells of a window, by column, what is known of arrays that are not in the table. `part` takes the
    window's values of a column, `runs` are the ids of its rows."""
    for name in arrays.columns.keys() & cells.keys():
        for i, head in enumerate(part(arrays.columns[name])):
            if head is not None:
                shown = cells[name][i]
                about = pictures.of_kept(head, arrays.folder / runs[i])
                cells[name][i] = {**(shown if isinstance(shown, dict) else {"text": shown}), **about}


def _columns(own: _Open, columns: Iterable[str] | None) -> list[str]:
    known = own.table.column_names
    wanted = known if columns is None else list(columns)
    for name in wanted:
        if name not in known:
            raise FlorError(f"there is no column {name!r}; there are {', '.join(known)}")
    return wanted


def _order(own: _Open, sort: list[dict[str, Any]], filter_: list[dict[str, Any]]) -> Ints | None:
    """The numbers of the rows that pass a filter, in order; None: all as they are."""
    if not sort and not filter_:
        return None
    key = json.dumps([sort, filter_])
    if key not in own.orders:
        where, values = _where(own, filter_)
        keys = [
            f"{_quoted(c)} {'desc' if s.get('descending') else 'asc'} nulls last"
            for s in sort
            for c in _columns(own, [str(s.get("column"))])
        ]
        number = "row"  # a name that no column has, as SQL compares them
        while number in {name.casefold() for name in own.table.column_names}:
            number += "_"
        numbered = f"(select *, row_number() over () - 1 as {_quoted(number)} from t)"
        order = ", ".join([*keys, _quoted(number)])
        query = f"select {_quoted(number)} from {numbered} {where} order by {order}"
        try:
            (found,) = own.database.execute(query, values).fetchnumpy().values()
        except duckdb.Error as error:
            raise FlorError(f"this cannot be filtered so: {str(error).partition(chr(10))[0]}") from None
        own.orders[key] = np.asarray(found, np.int64)
        while len(own.orders) > 8:
            own.orders.popitem(last=False)
    return own.orders[key]


def _where(own: _Open, filter_: list[dict[str, Any]]) -> tuple[str, list[Any]]:
    conditions = []
    values: list[Any] = []
    for one in filter_:
        (name,) = _columns(own, [str(one.get("column"))])
        operator, value = one.get("operator"), one.get("value")
        column = _quoted(name)
        if operator == "null":
            conditions.append(f"{column} is null")
        elif operator == "not null":
            conditions.append(f"{column} is not null")
        elif operator == "contains":
            conditions.append(f"contains(lower({column}::varchar), lower(?))")
            values.append(str(value))
        elif operator in _OPERATORS and isinstance(value, str | int | float):
            conditions.append(f"{column} {_OPERATORS[operator]} ?")
            values.append(value)
        else:
            raise FlorError(f"there is no filter {operator!r} of {value!r}")
    return (f"where {' and '.join(conditions)}" if conditions else ""), values


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def cell(value: object) -> Any:
    """A value as JSON has it: what JSON or JavaScript has not is text; what is too long is cut, with its length."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"text": {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]}
    if isinstance(value, int) and abs(value) > _SAFE:
        return {"text": str(value)}
    if isinstance(value, Decimal | date | datetime | bytes):
        value = plain_text(value)
    if isinstance(value, str):
        cut = {"text": value[:_LONGEST], "length": len(value)} if len(value) > _LONGEST else {"text": value}
        if value.startswith("[") and (pictured := pictures.of_text(value)) is not None:
            return cut | pictured
        return cut if "length" in cut else value
    return value


def whole_cell(say: Say, handle: int, row: int, column: str, sort: Any = None, filter: Any = None) -> dict[str, Any]:  # noqa: A002
    """A value in full, as text; null for NULL."""
    own = _of(handle)
    (name,) = _columns(own, [column])
    order = _order(own, sort or [], filter or [])
    total = own.table.num_rows if order is None else len(order)
    if not 0 <= row < total:
        raise FlorError(f"there is no row {row}: there are {total}")
    value = own.table.column(name)[row if order is None else int(order[row])].as_py()
    return {"text": None if value is None else plain_text(value)}


# ---- plots


def plot(
    say: Say, handle: int, y: list[str], x: str | None = None, by: str | None = None, points: int = 2000
) -> dict[str, Any]:
    """Series of numbers, one for each column and each value of `by`, of at most so many points: of more, each stretch
    is shown by its least and its largest. In the order of `x`; of several values at one place the last one, and how
    many are hidden by others. Raises FlorError for columns that hold no numbers."""
    own = _of(handle)
    found = []
    groups: list[tuple[Any, Ints]] = [(None, np.arange(own.table.num_rows))]
    if by is not None:
        (name,) = _columns(own, [by])
        encoded = own.table.column(name).combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        words = encoded.dictionary.to_pylist()
        order = np.argsort(codes, kind="stable")
        cuts = np.flatnonzero(np.diff(codes[order])) + 1
        groups = [(words[int(codes[g[0]])] if codes[g[0]] >= 0 else None, g) for g in np.split(order, cuts) if len(g)]
    xs = None if x is None else _numbers_of(own, x)
    for column in y:
        ys = _numbers_of(own, column)
        for word, rows_ in groups:
            values = ys[rows_]
            at = np.arange(len(rows_), dtype=np.float64) if xs is None else xs[rows_]
            keep = ~np.isnan(at)
            at, values = at[keep], values[keep]
            order = np.argsort(at, kind="stable")
            at, values = at[order], values[order]
            last = np.append(np.diff(at) != 0, True)[: len(at)]  # of several values at one place
            hidden = len(at) - int(last.sum())
            at, values = at[last], values[last]
            chosen = thinned(values, max(points, 4))
            found.append({
                "column": column, "by": cell(word), "count": len(values), "hidden": hidden,
                "x": [_point(v) for v in at[chosen].tolist()], "y": [_point(v) for v in values[chosen].tolist()],
            })  # fmt: skip
    return {"series": found}


def _numbers_of(own: _Open, name: str) -> npt.NDArray[np.float64]:
    (column,) = _columns(own, [name])
    values = own.table.column(column).combine_chunks()
    if _type(values.type) not in ("int", "float", "bool", "time"):
        raise FlorError(f"{column} holds no numbers: choose another column")
    if _type(values.type) == "time":
        values = values.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def _point(value: float) -> float | None:
    return value if math.isfinite(value) else None


def thinned(values: npt.NDArray[np.float64], most: int) -> Ints:
    """Which values show a series in at most so many points: all, or of each stretch the least and the largest, and the
    first and last of all."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, (most - 2) // 2 + 1).astype(np.int64)
    chosen = {0, count - 1}
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[first:end]
        if np.isnan(part).all():
            chosen.add(first)
            continue
        chosen.update((first + int(np.nanargmin(part)), first + int(np.nanargmax(part))))
    return np.array(sorted(chosen), np.int64)


# ---- files


def export(
    say: Say,
    handle: int,
    path: str,
    format: str | None = None,  # noqa: A002 - as the message has it
    columns: list[str] | None = None,
    sort: list[dict[str, Any]] | None = None,
    filter: list[dict[str, Any]] | None = None,  # noqa: A002
) -> dict[str, Any]:
    """Write a table into a file. Returns how many rows it has, and what is to be said of its values. Raises FlorError
    if it cannot be written: what was there is as it was."""
    own = _of(handle)
    write = writer(Path(path) if format is None else Path(f"table.{format}"))
    table = own.table.select(_columns(own, columns))
    order = _order(own, sort or [], filter or [])
    if order is not None:
        table = table.take(pa.array(order))
    with whole(Path(path)) as file:
        remarks = write(table, file)
    return {"path": path, "rows": table.num_rows, "remarks": [str(remark) for remark in remarks]}


def close(say: Say, handle: int) -> None:
    """A table is not asked for any more."""
    if (own := _open.pop(handle, None)) is not None:
        own.database.close()


METHODS: dict[str, Callable[..., Any]] = {
    "etl": etl,
    "open": open_table,
    "refresh": refresh,
    "sql": sql,
    "open_file": open_file,
    "rows": rows,
    "cell": whole_cell,
    "plot": plot,
    "export": export,
    "close": close,
}
