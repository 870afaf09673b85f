"""`flor sql` without a query, on a terminal: statements are typed, each ended by `;`, and answered."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TextIO

import pyarrow.parquet as pq

from flor import home
from flor.errors import FlorError
from flor.output import terminal
from flor.query import answers
from flor.query.sql import Database
from flor.query.views import SCHEMAS

try:
    import readline
except ImportError:  # Python was built without it: no history, no completion
    readline = None  # type: ignore[assignment]

Warn = Callable[[Iterable[object]], None]

_HISTORY_LINES = 1_000  # that are kept

_WELCOME = "SQL ends with ;   \\d lists the tables, \\d NAME a table's columns, \\q ends. Tab completes."
_BETWEEN_WORDS = " \t\n,;()=<>+*/."
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def run(form: str, stream: TextIO, warn: Warn, allow_files: bool = False) -> None:
    """Ask for statements until `\\q` or the end of the input. An error is one line, and an interrupt ends the query."""
    database = Database(allow_files)
    try:
        with _history(warn), _completion(database):
            stream.write(_WELCOME + "\n")
            for text in _statements(stream):
                try:
                    warn(database.apart(partial(_answer, database, text, form, stream)))
                except FlorError as error:
                    warn([error])
                except KeyboardInterrupt:
                    warn(["interrupted"])
                stream.flush()
    finally:
        database.close()


def _statements(stream: TextIO) -> Iterator[str]:
    """What is typed, up to each `;`, and the lines that begin with a backslash. An interrupt drops what was typed."""
    text = ""
    while True:
        try:
            line = input("  ... " if text else "flor> ")
        except EOFError:
            stream.write("\n")
            return
        except KeyboardInterrupt:
            stream.write("\n")
            text = ""
            continue
        if not text and line.strip() == "\\q":
            return
        text += line + "\n" if text or line.strip() else ""
        if text.lstrip().startswith("\\") or _is_complete(text):
            yield text
            text = ""


def _is_complete(text: str) -> bool:
    """Whether SQL ends with a `;`, outside of quotes and comments."""
    return sqlite3.complete_statement(text.encode(errors="replace").decode())  # it takes no half of a character


def _answer(database: Database, text: str, form: str, stream: TextIO) -> list[str]:
    """Write the answer to a statement or a command; returns warnings."""
    command, _, name = text.strip().partition(" ")
    if command == "\\d" and not name:
        stream.write(_drawn(["name", "kind"], list(_tables(database)), stream))
        return []
    if command == "\\d":
        bare = name.strip().rstrip(";").strip('"')
        answer = database.query(f"describe {_quoted(bare)}")
        stream.write(_drawn(["column", "type"], [row[:2] for row in answer.rows], stream))
        return answer.warnings
    if command.startswith("\\"):
        raise FlorError(f"there is no command {command}: there are \\d, \\d NAME and \\q")
    answer = database.query(text)
    answers.WRITERS[form](answer, stream)
    return answer.warnings


def _drawn(names: list[str], rows: list[tuple[str, ...]], stream: TextIO) -> str:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return terminal.draw(names, columns, len(rows), terminal.width_of(stream))


def _tables(database: Database) -> Iterator[tuple[str, str]]:
    for experiment in home.experiments():
        if experiment not in SCHEMAS:
            yield experiment, "table" if _table_columns(experiment) else "no table yet: flor etl makes it"
    yield from ((name, "view of all traces") for name in SCHEMAS)
    yield from _own_tables(database)


def _own_tables(database: Database) -> Iterator[tuple[str, str]]:
    """What statements have created."""
    sql = (
        "select table_name, 'own table' from duckdb_tables() where not internal union all "
        "select view_name, 'own view' from duckdb_views() where not internal"
    )
    for name, kind in database.query(sql).rows:
        yield str(name), str(kind)


def _table_columns(experiment: str) -> list[str]:
    """The columns of an experiment's table; none where there is no table."""
    try:
        return list(pq.read_schema(home.home() / experiment / "table.parquet").names)
    except (OSError, ValueError):  # of pyarrow too
        return []


def words(database: Database) -> list[str]:
    """What can be completed: tables, their columns, SQL's own words, and this shell's."""
    experiments = home.experiments()
    tables = [*experiments, *SCHEMAS, *(name for name, _ in _own_tables(database))]
    columns = [c for schema in SCHEMAS.values() for c in schema.names]
    columns += [c for experiment in experiments for c in _table_columns(experiment)]
    columns += [str(c) for (c,) in database.query("select column_name from duckdb_columns() where not internal").rows]
    keywords = database.query("select keyword_name, keyword_category = 'reserved' from duckdb_keywords()").rows
    reserved = {str(word): bool(is_reserved) for word, is_reserved in keywords}
    names = [
        name if _PLAIN_NAME.fullmatch(name) and not reserved.get(name.lower()) else _quoted(name)
        for name in [*tables, *columns]
    ]
    return sorted({*names, *reserved, "\\d", "\\q"})


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _completion(database: Database) -> Iterator[None]:
    """Tab completes words."""
    if readline is None:
        yield
        return
    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        if state == 0:
            try:
                found[:] = [w for w in words(database) if w.lower().startswith(text.lower())]
            except FlorError:
                found.clear()
        return found[state] if state < len(found) else None

    before = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer(complete)
    readline.set_completer_delims(_BETWEEN_WORDS)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before[0])
        readline.set_completer_delims(before[1])


@contextlib.contextmanager
def _history(warn: Warn) -> Iterator[None]:
    """Lines that were typed before, in a file that its owner alone can read."""
    if readline is None:
        yield
        return
    path = home.home() / home.SQL_HISTORY
    readline.clear_history()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    try:
        yield
    finally:
        count = readline.get_current_history_length()
        kept = range(max(1, count - _HISTORY_LINES + 1), count + 1)
        lines = [readline.get_history_item(number) for number in kept]
        try:
            home.private_directory(path.parent)
            home.write_file(path, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
        except OSError as error:
            warn([f"cannot write {path}: {error.strerror}"])
