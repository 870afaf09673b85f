"""A table into a database: SQLite and PostgreSQL by their ADBC drivers, DuckDB by its own.

One transaction takes the old table away, makes the new one and fills it: after an error or a kill the old one is there.
A new file is made in a folder of its own and put in its place whole, so no other's file is ever taken away.
No password is ever shown: of what a DSN holds, only the path of a file is.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from flor import arrow
from flor.diagnostics import Diagnostic, counted
from flor.errors import FlorError
from flor.output import extras
from flor.output.formats import plain_text

if TYPE_CHECKING:
    import duckdb

#: The most bytes of a name in PostgreSQL, which cuts longer ones.
_MOST_NAME = 63

#: Seconds that a process waits for another one that has the file open.
WAIT = 5.0

#: How the names of the logs end that the drivers keep beside a file.
_LOGS = (".wal", "-journal", "-wal")

#: What the drivers say of a file that another process has open.
_BUSY = re.compile(r"^IO Error: Could not set lock on file|\bdatabase is locked$")

Columns = list[tuple[str, str]]  # name and type of each, as SQL has them


class _BusyError(FlorError):
    """Another process has the file open."""


class _Connection(Protocol):
    """What is asked of a database, in one transaction."""

    error: type[Exception]  # what its driver raises

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement; returns its rows."""

    def insert(self, name: str, table: pa.Table) -> None:
        """Append rows to a table. An interrupt meanwhile is a KeyboardInterrupt."""

    def commit(self) -> None: ...

    def close(self) -> None:
        """What was not committed has not happened."""


@dataclass(frozen=True)
class _Kind:
    """One kind of database."""

    title: str
    types: Mapping[pa.DataType, str]  # SQL's name of each
    columns: str  # a query: name, column and type, for each column of the table {name} or of one that is the same to it
    connect: Callable[[str], _Connection]
    fit: Callable[[pa.Table], tuple[pa.Table, list[Diagnostic]]]
    file: str | None = None  # the extension of its file; None: it is a server
    package: str | None = None  # what connects to it, if it is not always there


@dataclass(frozen=True)
class Database:
    """A table's place in a database."""

    kind: _Kind
    dsn: str
    name: str  # of the table
    append: bool

    @property
    def title(self) -> str:
        """Where it is, in words."""
        return f"table {self.name} of {self.dsn if self.kind.file else self.kind.title}"

    def write(self, table: pa.Table) -> list[Diagnostic]:
        """Replace the table, or append to it; returns what is to be said of values that are not there as they are.

        Raises FlorError if that cannot be done; then the database is as it was.
        """
        fitted, remarks = self.kind.fit(table)
        target = Path(os.path.realpath(self.dsn)) if self.kind.file else None  # a link stays
        if target is None or not self._make(target, fitted):
            self._fill(self.dsn, fitted)
        return remarks

    def _make(self, target: Path, table: pa.Table) -> bool:
        """Write a new file, which is there when it is whole; False, and nothing is done, if it has to be written where
        it stands. Raises FlorError if it cannot be written."""
        try:
            if target.exists():
                if not target.is_file():
                    raise FlorError(f"cannot write {self.dsn}: it is no regular file")
                target.open("r+b").close()  # the drivers do not say why they cannot
                return False
            logs = [target.with_name(target.name + end) for end in _LOGS]
            if any(log.exists() for log in logs):  # of a file that was removed: the driver takes it away
                return False
            with tempfile.TemporaryDirectory(prefix=".flor-", dir=target.parent) as folder:
                new = Path(folder, target.name)
                new.touch()
                new.unlink()
                try:
                    self._fill(str(new), table)
                except FlorError as error:
                    raise FlorError(str(error).replace(str(new), self.dsn)) from None
                if list(Path(folder).iterdir()) != [new]:  # rows in a log that the driver could not put into the file
                    raise FlorError(f"cannot write the {self.title}: its file is not complete; is the disk full?")
                return _put(new, target)
        except OSError as error:
            raise FlorError(f"cannot write {self.dsn}: {error.strerror}") from None

    def _fill(self, dsn: str, table: pa.Table) -> None:
        """Write the table, if need be when another process has closed the file. Raises FlorError."""
        end = time.monotonic() + WAIT
        while True:
            try:
                with contextlib.closing(self.kind.connect(dsn)) as connection:
                    try:
                        return self._write(connection, table)
                    except connection.error as error:
                        raise _refused(f"cannot write the {self.title}", error) from None
            except _BusyError:
                if time.monotonic() > end:
                    raise
            time.sleep(random.uniform(0.05, 0.15))  # two that hinder each other do not come again together

    def _write(self, connection: _Connection, table: pa.Table) -> None:
        identifier = _identifier(self.name)
        query = self.kind.columns.format(name=_literal(self.name))
        rows = connection.execute(query)
        found: Columns = [(name, type_) for table_name, name, type_ in rows if table_name == self.name]
        if rows and not found:
            same = f"which is the same name to {self.kind.title}"
            raise FlorError(f"cannot write the {self.title}: it has a table {rows[0][0]}, {same}")
        if found and self.append:
            table = _typed_nulls(table, dict(found), {name: type_ for type_, name in self.kind.types.items()})
            different = difference(found, self._columns(table))
            if different:
                raise FlorError(f"cannot append to the {self.title}: {different}; without --append it is replaced")
        else:
            defined = ", ".join(f"{_identifier(name)} {type_}" for name, type_ in self._columns(table))
            connection.execute(f"DROP TABLE IF EXISTS {identifier}")
            connection.execute(f"CREATE TABLE {identifier} ({defined})")
        connection.insert(self.name, table)
        connection.commit()

    def _columns(self, table: pa.Table) -> Columns:
        return [(field.name, self.kind.types[field.type]) for field in table.schema]


def _typed_nulls(table: pa.Table, found: Mapping[str, str], types: Mapping[str, pa.DataType]) -> pa.Table:
    """Rows for a table whose columns are `found`: one of theirs without any value has the type that it has there."""
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        type_ = types.get(found.get(name, ""))
        if type_ is not None and column.null_count == len(column):
            table = table.set_column(place, name, pa.nulls(len(column), type_))
    return table


def database(words: Sequence[str], experiment: str, append: bool) -> Database:
    """Where `-d KIND [DSN]` leads. Raises FlorError if there is no such kind, or something is missing."""
    name, *rest = words
    if name not in _KINDS:
        raise FlorError(f"-d {name}: no such database; use {', '.join(_KINDS)}")
    if len(rest) > 1:
        raise FlorError(
            f"-d {name} takes one DSN, and there are {len(rest)} words: put -d behind EXPERIMENT and SHADOW"
        )
    kind = _KINDS[name]
    if kind.package is not None:
        extras.require(kind.package, f"-d {name}", name)
    if kind.file:
        return Database(kind, rest[0] if rest else f"{experiment}{kind.file}", experiment, append)
    _check_name(experiment)
    if not rest and not os.environ.get("PGDATABASE") and not os.environ.get("PGSERVICE"):
        raise FlorError(
            f"-d {name} needs a database: add a DSN such as postgresql://user@host/database, "
            "or set PGDATABASE (and PGHOST, PGUSER, PGPASSWORD)"
        )
    return Database(kind, rest[0] if rest else "postgresql://", experiment, append)


def difference(found: Columns, wanted: Columns) -> str:
    """How the columns of a table differ from those of rows that are to be appended; empty if they do not."""
    there, here = dict(found), dict(wanted)
    lacks = [name for name in here if name not in there]
    more = [name for name in there if name not in here]
    other = [f"{n} is {there[n]} there and {here[n]} here" for n in here if n in there and there[n] != here[n]]
    parts = [f"it has no column {', '.join(lacks)}"] if lacks else []
    parts += [f"it has a column {', '.join(more)} more"] if more else []
    parts += other
    if not parts and found != wanted:
        parts = [f"its columns have another order: {', '.join(there)}"]
    return "; ".join(parts)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _line(error: Exception) -> str:
    """A driver's message as one line, without what it says of itself."""
    lines = re.sub(r"^\w+: \[\w+\] ", "", str(error).strip()).split("\n")
    return lines[0].strip()


def _refused(what: str, error: Exception) -> FlorError:
    """What a driver says, as an error."""
    said = _line(error)
    if _BUSY.search(said):
        return _BusyError(f"{what}: another process has the file open ({said})")
    return FlorError(f"{what}: {said}")


def _put(new: Path, target: Path) -> bool:
    """Put a file in its place, unless there is one: unlike a rename, a hard link replaces none. Where the file system
    has no hard links, it is not put there either."""
    try:
        os.link(new, target)
    except OSError:
        return False
    return True


# ---- what a database cannot hold


def _fit_sqlite(table: pa.Table) -> tuple[pa.Table, list[Diagnostic]]:
    """NaN becomes NULL, as SQLite does it; a decimal, which would become a float, and a date text."""
    import pyarrow.compute as pc

    table, remarks = _without_nul(table, "SQLite")
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if pa.types.is_floating(column.type):
            is_nan = pc.fill_null(pc.is_nan(column), False)
            count = pc.sum(is_nan).as_py()
            if count:
                remarks.append(
                    Diagnostic(f"{counted(count)} NaN, which SQLite cannot hold: written as NULL there", name)
                )
                table = table.set_column(place, name, pc.if_else(is_nan, None, column))
        elif pa.types.is_decimal(column.type):
            remarks.append(Diagnostic("has ints of more than 64 bits, so the column is text in SQLite", name))
            table = table.set_column(place, name, column.cast(pa.string()).cast(pa.large_string()))
        elif pa.types.is_temporal(column.type):
            texts = [None if v is None else plain_text(v) for v in column.to_pylist()]
            table = table.set_column(place, name, arrow.texts(texts))
    return table, remarks


def _fit_postgres(table: pa.Table) -> tuple[pa.Table, list[Diagnostic]]:
    for name in table.column_names:
        _check_name(name)
    return _without_nul(table, "PostgreSQL")


def _check_name(name: str) -> None:
    if len(name.encode()) > _MOST_NAME:
        raise FlorError(f"PostgreSQL takes names of at most {_MOST_NAME} bytes: {name} has {len(name.encode())}")


def _without_nul(table: pa.Table, title: str) -> tuple[pa.Table, list[Diagnostic]]:
    """NUL, with which a text would end, is escaped."""
    import pyarrow.compute as pc

    remarks = []
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        if pa.types.is_large_string(column.type):
            count = pc.sum(pc.match_substring(column, "\0")).as_py()
            if count:
                said = f"{counted(count)} text with NUL, which {title} cannot hold: written as \\x00 there"
                remarks.append(Diagnostic(said, name))
                table = table.set_column(place, name, pc.replace_substring(column, "\0", "\\x00"))
    return table, remarks


def _fit_duckdb(table: pa.Table) -> tuple[pa.Table, list[Diagnostic]]:
    return table, []


# ---- connections


class _Adbc:
    """A connection of an ADBC driver, which begins transactions by itself."""

    def __init__(self, connection: Any) -> None:
        from adbc_driver_manager import Error

        self.error: type[Exception] = Error
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql)
        return list(self._cursor.fetchall())

    def insert(self, name: str, table: pa.Table) -> None:
        from adbc_driver_manager import AdbcStatusCode

        try:
            self._cursor.adbc_ingest(name, table, mode="append")
        except self.error as error:  # of an interrupt it makes a cancellation, which SQLite's driver has not
            if getattr(error, "status_code", None) in (AdbcStatusCode.CANCELLED, AdbcStatusCode.NOT_IMPLEMENTED):
                raise KeyboardInterrupt from None
            raise

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()


class _DuckDb:
    """A connection of DuckDB."""

    _ROWS = ":rows"  # no experiment has this name

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        import duckdb

        self.error: type[Exception] = duckdb.Error
        self._connection = connection
        connection.execute("BEGIN")

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def insert(self, name: str, table: pa.Table) -> None:
        self._connection.register(self._ROWS, table)
        try:
            self._connection.execute(f"INSERT INTO {_identifier(name)} FROM {_identifier(self._ROWS)}")
        except RuntimeError as error:
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from None
            raise

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def _connect_sqlite(path: str) -> _Connection:
    from adbc_driver_manager import Error
    from adbc_driver_sqlite import dbapi

    try:  # an absolute path is a file's, whatever else it looks like
        return _Adbc(dbapi.connect(str(Path(path).absolute())))
    except Error as error:
        raise _refused(f"cannot open {path}", error) from None


def _connect_duckdb(path: str) -> _Connection:
    import duckdb

    try:  # with nothing from the network
        connection = duckdb.connect(
            Path(path).absolute(), config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        return _DuckDb(connection)
    except duckdb.Error as error:
        raise _refused(f"cannot open {path}", error) from None


def _connect_postgres(dsn: str) -> _Connection:
    """Only a server's answer is shown: what else libpq says may quote the DSN, with its password."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        connection = _Adbc(dbapi.connect(dsn))
        connection.execute("SET client_encoding TO 'UTF8'")  # what the driver sends, whatever the database has
        # What another schema has is not taken for the table that is to be replaced.
        connection.execute("SELECT set_config('search_path', quote_ident(current_schema()), false)")
        return connection
    except Error as error:
        said = _line(error).removeprefix("Failed to connect: ")
        if said.startswith("connection to server "):
            raise FlorError(f"cannot connect to PostgreSQL: {said}") from None
    raise FlorError(
        "cannot connect to PostgreSQL: its host is not known, or the DSN cannot be read; write "
        "postgresql://user@host/database, and %40 for an @ in a password"
    )


_KINDS = {
    "sqlite": _Kind(
        "SQLite",
        {
            pa.bool_(): "BOOLEAN",
            pa.int64(): "INTEGER",
            pa.float64(): "REAL",
            pa.large_binary(): "BLOB",
            pa.large_string(): "TEXT",
        },
        "SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c "
        "WHERE t.type IN ('table', 'view') AND lower(t.name) = lower({name}) ORDER BY c.cid",
        _connect_sqlite,
        _fit_sqlite,
        file=".sqlite",
        package="adbc_driver_sqlite",
    ),
    "duckdb": _Kind(
        "DuckDB",
        {
            pa.bool_(): "BOOLEAN",
            pa.int64(): "BIGINT",
            pa.float64(): "DOUBLE",
            pa.decimal128(38, 0): "DECIMAL(38,0)",
            pa.date32(): "DATE",
            pa.timestamp("us"): "TIMESTAMP",
            pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
            pa.large_binary(): "BLOB",
            pa.large_string(): "VARCHAR",
        },
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE lower(table_name) = lower({name}) "
        "AND database_name = current_database() AND schema_name = current_schema() ORDER BY column_index",
        _connect_duckdb,
        _fit_duckdb,
        file=".duckdb",
    ),
    "postgres": _Kind(
        "PostgreSQL",
        {
            pa.bool_(): "boolean",
            pa.int64(): "bigint",
            pa.float64(): "double precision",
            pa.decimal128(38, 0): "numeric(38,0)",
            pa.date32(): "date",
            pa.timestamp("us"): "timestamp without time zone",
            pa.timestamp("us", "UTC"): "timestamp with time zone",
            pa.large_binary(): "bytea",
            pa.large_string(): "text",
        },
        "SELECT {name}, attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = to_regclass(quote_ident({name})) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        _connect_postgres,
        _fit_postgres,
        package="adbc_driver_postgresql",
    ),
}
