"""Tables in SQLite, DuckDB and PostgreSQL, read with other drivers than those that wrote them where there are some."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from flor.errors import FlorError
from flor.output import databases
from flor.output.databases import Database, database, difference
from tests.conftest import flor
from tests.output import postgres
from tests.output.tables import HARD, HARD_ROWS, same, without_nul
from tests.walkthrough import annotate, run

pytestmark = pytest.mark.once

KINDS = ("sqlite", "duckdb", "postgres")
TEXT = pa.large_string()


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    yield from postgres.server()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each kind of database in turn, empty."""
    if request.param == "postgres":
        monkeypatch.setenv("PGHOST", str(request.getfixturevalue("server")))
        monkeypatch.setenv("PGUSER", "postgres")
        monkeypatch.setenv("PGDATABASE", "postgres")
        ask("postgres", "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return str(request.param)


def ask(kind: str, sql: str, name: str = "demo") -> list[tuple[Any, ...]]:
    """Ask a database as the tests write it: of an experiment `name`, without a DSN."""
    if kind == "sqlite":
        connection: Any = sqlite3.connect(f"{name}.sqlite")
        rows = connection.execute(sql).fetchall()
    elif kind == "duckdb":
        connection = duckdb.connect(f"{name}.duckdb")
        rows = connection.execute(sql).fetchall()
    else:
        import adbc_driver_postgresql.dbapi as driver

        connection = driver.connect("postgresql://", autocommit=True)
        with connection.cursor() as cursor:
            for statement in sql.split(";"):
                cursor.execute(statement)
            rows = cursor.fetchall()
    connection.close()
    return [tuple(row) for row in rows]


def write(kind: str, table: pa.Table, name: str = "demo", append: bool = False) -> list[str]:
    return [str(remark) for remark in database([kind], name, append).write(table)]


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


SMALL = pa.table({"run": pa.array(["a", "b"], pa.large_string()), "x": [1, 2]})
OTHER = pa.table({"run": pa.array(["c"], pa.large_string()), "x": [3]})


# ---- values


def test_sqlite_keeps_all_but_nan_nul_and_large_ints(folder: Path) -> None:
    said = write("sqlite", HARD)
    expected = [
        {
            **row,
            "float": None if row["float"] != row["float"] else row["float"],
            "bool": None if row["bool"] is None else int(row["bool"]),
            "big": None if row["big"] is None else f"{row['big']:f}",
            "day": row["day"] and row["day"].isoformat(),
            "moment": row["moment"] and row["moment"].isoformat(),
            "utc": row["utc"] and row["utc"].isoformat(),
        }
        for row in without_nul(HARD_ROWS)
    ]
    assert same(ask("sqlite", "SELECT * FROM demo"), [tuple(row.values()) for row in expected])
    assert said == [
        "text: 1 value is text with NUL, which SQLite cannot hold: written as \\x00 there",
        "float: 1 value is NaN, which SQLite cannot hold: written as NULL there",
        "big: has ints of more than 64 bits, so the column is text in SQLite",
    ]


def test_duckdb_keeps_everything(folder: Path) -> None:
    assert write("duckdb", HARD) == []
    assert same(ask("duckdb", "SELECT * FROM demo"), rows(HARD))


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_postgres_keeps_all_but_nul(kind: str) -> None:
    said = write(kind, HARD)
    found = [dict(zip(HARD.column_names, row, strict=True)) for row in ask(kind, "SELECT * FROM demo")]
    for row in found:  # the driver gives numbers of any size as text
        row["big"] = None if row["big"] is None else Decimal(row["big"])
    assert same(found, without_nul(HARD_ROWS))
    assert said == ["text: 1 value is text with NUL, which PostgreSQL cannot hold: written as \\x00 there"]
    assert ask(kind, "SELECT count(*) FROM demo WHERE float = 'NaN' AND float IS NOT NULL") == [(1,)]


def test_numbers_are_numbers(kind: str) -> None:
    write(kind, pa.table({"i": [1, 2, None], "f": [0.5, float("inf"), None], "b": [True, False, None]}))
    asked = "SELECT sum(i), max(f), min(f), count(b), sum(CASE WHEN b THEN 1 ELSE 0 END) FROM demo"
    assert [tuple(map(float, row)) for row in ask(kind, asked)] == [(3, float("inf"), 0.5, 2, 1)]


def test_when_rows_began_is_a_point_in_time(kind: str) -> None:
    """As `--time` gives it; SQLite has texts of it."""
    table = pa.table({"began": pa.array([1_700_000_000_123_456], pa.timestamp("us", "UTC"))})
    assert write(kind, table) == write(kind, table, append=True) == []
    shown = "began" if kind == "sqlite" else "extract(epoch FROM began) * 1000000"
    expected: object = "2023-11-14T22:13:20.123456+00:00" if kind == "sqlite" else 1_700_000_000_123_456
    found = [row[0] if kind == "sqlite" else round(float(row[0])) for row in ask(kind, f"SELECT {shown} FROM demo")]
    assert found == [expected] * 2


def test_an_empty_table_has_its_columns(kind: str) -> None:
    write(kind, SMALL.slice(0, 0))
    assert ask(kind, "SELECT run, x FROM demo") == []


@pytest.mark.parametrize("name", ["v1.2", "a b", "select", "it's", "Ünï", "demo;drop table x", "100%", "{x}"])
def test_any_name_of_an_experiment(kind: str, name: str) -> None:
    write(kind, SMALL, name)
    write(kind, OTHER, name, append=True)
    if kind != "postgres" or ";" not in name:
        assert ask(kind, f'SELECT * FROM "{name}" ORDER BY x', name) == rows(SMALL) + rows(OTHER)


@pytest.mark.parametrize("column", ["select", 'say "x"', "it's", "größe", "a.b", "?", "$1", "{x}"])
def test_any_name_of_a_column(kind: str, column: str) -> None:
    write(kind, pa.table({column: [1]}))
    write(kind, pa.table({column: [2]}), append=True)
    assert sorted(ask(kind, "SELECT * FROM demo")) == [(1,), (2,)]


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_name_that_postgres_would_cut_is_refused(kind: str) -> None:
    write(kind, pa.table({"é" * 31: [1]}))
    for name, column in (("demo", "é" * 32), ("é" * 32, "x")):
        with pytest.raises(FlorError, match=r"names of at most 63 bytes: é+ has 64"):
            write(kind, pa.table({column: [2]}), name)
    assert ask(kind, "SELECT * FROM demo") == [(1,)]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1"])
@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_postgres_in_another_encoding(kind: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text arrives as it is, or not at all, whatever the encoding of the database and of the environment."""
    ask(kind, "DROP DATABASE IF EXISTS latin; SELECT 1")
    ask(kind, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    monkeypatch.setenv("PGDATABASE", "latin")
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    write(kind, pa.table({"größe": pa.array(["é"], TEXT)}), "maß")
    with pytest.raises(FlorError, match=r"cannot write the table maß of PostgreSQL: .* no equivalent in encoding"):
        write(kind, pa.table({"größe": pa.array(["😀"], TEXT)}), "maß")
    monkeypatch.setenv("PGCLIENTENCODING", "UTF8")
    assert ask(kind, 'SELECT "größe" FROM "maß"') == [("é",)]


# ---- replacing and appending


def test_a_table_is_replaced_and_others_stay(kind: str) -> None:
    write(kind, SMALL)
    place = database([kind], "demo", append=False)
    Database(place.kind, place.dsn, "other", append=False).write(OTHER)
    write(kind, pa.table({"y": ["new"]}).cast(pa.schema([("y", pa.large_string())])))
    assert ask(kind, "SELECT * FROM demo") == [("new",)]
    assert ask(kind, "SELECT * FROM other") == rows(OTHER)


def test_rows_are_appended(kind: str) -> None:
    for table in (SMALL, OTHER):
        write(kind, table, append=True)
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL) + rows(OTHER)


def test_a_column_without_a_value_is_appended_whatever_its_type(kind: str) -> None:
    """A name that a run never evaluated is a column of text, for want of a value."""
    values = {"i": [1], "f": [0.5], "b": [True], "d": pa.array([Decimal(2**70)], pa.decimal128(38, 0)), "t": ["x"]}
    table = pa.table(values)
    table = table.set_column(4, "t", table["t"].cast(TEXT))
    write(kind, table)
    before = ask(kind, "SELECT * FROM demo")
    write(kind, pa.table({name: pa.nulls(2, TEXT) for name in values}), append=True)
    assert ask(kind, "SELECT count(*), count(i), count(f), count(b), count(d), count(t) FROM demo") == [(3, *[1] * 5)]
    assert set(ask(kind, "SELECT * FROM demo")) == {(None,) * 5, *before}


DIFFERENT = {
    "lacks": ({"run": ["c"], "x": [3], "y": [4], "z": [5]}, "it has no column y, z"),
    "more": ({"run": ["c"]}, "it has a column x more"),
    "type": (
        {"run": ["c"], "x": [0.5]},
        "x is (INTEGER there and REAL|BIGINT there and DOUBLE|bigint there and double)",
    ),
    "order": ({"x": [3], "run": ["c"]}, "its columns have another order: run, x"),
    "both": ({"run": ["c"], "y": [True]}, "it has no column y; it has a column x more"),
}


@pytest.mark.parametrize("how", DIFFERENT)
def test_other_columns_are_not_appended(kind: str, how: str) -> None:
    columns, message = DIFFERENT[how]
    write(kind, SMALL)
    table = pa.table({name: pa.array(v, TEXT if v == ["c"] else None) for name, v in columns.items()})
    with pytest.raises(FlorError, match=rf"^cannot append to the table demo of .*: {message}.*; without --append") as e:
        write(kind, table, append=True)
    assert "\n" not in str(e.value)
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


def test_difference_of_nothing() -> None:
    assert difference([("a", "TEXT")], [("a", "TEXT")]) == ""


@pytest.mark.parametrize("append", [False, True])
def test_an_experiment_whose_name_differs_in_case_only(kind: str, append: bool, folder: Path) -> None:
    """To SQLite and DuckDB it has the table of the other one."""
    write(kind, SMALL)
    place = database([kind], "demo", append)
    other = Database(place.kind, place.dsn, "Demo", append)
    if kind == "postgres":
        other.write(OTHER)
        assert ask(kind, 'SELECT * FROM "Demo"') == rows(OTHER)
    else:
        with pytest.raises(
            FlorError, match=r"cannot write the table Demo of .*: it has a table demo, which is the same"
        ):
            other.write(OTHER)
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_table_of_another_schema_stays(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a user has a schema of their own, it comes first."""
    write(kind, SMALL)
    ask(kind, 'CREATE SCHEMA "post gres"; SELECT 1')
    monkeypatch.setenv("PGOPTIONS", '-c search_path="post\\ gres",public')
    for append in (False, True):
        write(kind, OTHER, append=append)
    monkeypatch.delenv("PGOPTIONS")
    assert ask(kind, "SELECT * FROM public.demo ORDER BY x") == rows(SMALL)
    assert ask(kind, 'SELECT * FROM "post gres".demo') == rows(OTHER) * 2
    ask(kind, 'DROP SCHEMA "post gres" CASCADE; SELECT 1')


# ---- errors and kills


@pytest.mark.parametrize("append", [False, True])
def test_after_an_error_the_table_is_as_it_was(kind: str, append: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing before the end fails."""
    write(kind, SMALL)
    connection = type(database([kind], "demo", append).kind.connect(database([kind], "demo", append).dsn))

    def fail(_: object) -> None:
        raise FlorError("no")

    monkeypatch.setattr(connection, "commit", fail)
    with pytest.raises(FlorError, match="no"):
        write(kind, OTHER, append=append)
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


SLOW = """
import sys, time
import pyarrow as pa
from flor.output import databases
kind, append = sys.argv[1], sys.argv[2] == "True"
place = databases.database([kind], "demo", append)
connection = databases._DuckDb if kind == "duckdb" else databases._Adbc
def wait(_):
    print("all is written but the end", flush=True)
    time.sleep(60)
connection.commit = wait
place.write(pa.table({"run": pa.array(["c"] * 200_000, pa.large_string()), "x": [3] * 200_000}))
"""


@pytest.mark.parametrize("append", [False, True])
def test_after_a_kill_the_table_is_as_it_was(kind: str, append: bool) -> None:
    write(kind, SMALL)
    process = subprocess.Popen([sys.executable, "-c", SLOW, kind, str(append)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "all is written but the end\n"
    process.kill()
    process.communicate()
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)
    write(kind, OTHER, append=append)
    assert ask(kind, "SELECT count(*) FROM demo") == [(3 if append else 1,)]


INTERRUPTED = """
import os, signal, sys, threading
import pyarrow as pa
from flor.output import databases
kind = sys.argv[1]
connection = databases._DuckDb if kind == "duckdb" else databases._Adbc
insert = connection.insert
def interrupted(*arguments):
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    insert(*arguments)
connection.insert = interrupted
count = 3_000_000
table = pa.table({"run": pa.array(["c" * 20] * count, pa.large_string()), "x": range(count)})
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    databases.database([kind], "demo", append=False).write(table)
except BaseException as error:
    print(repr(error))
"""


def test_after_an_interrupt_the_table_is_as_it_was(kind: str) -> None:
    write(kind, SMALL)
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, kind], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("KeyboardInterrupt()\n", "")
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


WRITE = """
import sys
import pyarrow as pa
from flor.errors import FlorError
from flor.output import databases
from flor.output.databases import database
databases.WAIT = 0.2
try:
    database([sys.argv[1]], "demo", append=False).write(pa.table({"x": [3]}))
except FlorError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_a_database_in_which_another_writes(kind: str) -> None:
    write(kind, SMALL)
    library: Any = sqlite3 if kind == "sqlite" else duckdb
    other = library.connect(f"demo.{kind}")
    other.execute("BEGIN IMMEDIATE" if kind == "sqlite" else "BEGIN")
    done = subprocess.run([sys.executable, "-c", WRITE, kind], capture_output=True, text=True)
    other.close()
    (said,) = done.stdout.splitlines()
    assert said.startswith("cannot ") and f"demo.{kind}: another process has the file open (" in said and "lock" in said
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_another_that_ends_meanwhile_is_waited_for(kind: str) -> None:
    write(kind, SMALL)
    library: Any = sqlite3 if kind == "sqlite" else duckdb
    other = library.connect(f"demo.{kind}")
    other.execute("BEGIN IMMEDIATE" if kind == "sqlite" else "BEGIN")
    script = WRITE.replace("databases.WAIT = 0.2", "databases.WAIT = 60.0")
    process = subprocess.Popen([sys.executable, "-c", script, kind], stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    other.close()
    assert process.communicate()[0] == ""
    assert ask(kind, "SELECT * FROM demo") == [(3,)]


BEFORE_IT_CONNECTS = """
import dataclasses, sys
import pyarrow as pa
from flor.errors import FlorError
from flor.output import databases
place = databases.database([sys.argv[1], sys.argv[2]], "later", append=False)
connect = place.kind.connect
def wait(path):
    print("nothing is there", flush=True)
    sys.stdin.readline()
    if "fails" in sys.argv:
        raise FlorError("no")
    return connect(path)
place = dataclasses.replace(place, kind=dataclasses.replace(place.kind, connect=wait))
try:
    place.write(pa.table({"x": [3]}))
    print("written")
except FlorError as error:
    print(error)
"""


@pytest.mark.parametrize("ending", ["fails", "is written"])
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_two_that_make_one_new_file(kind: str, ending: str, folder: Path) -> None:
    """Whoever is second adds a table, or fails: what the first has written stays."""
    command = [sys.executable, "-c", BEFORE_IT_CONNECTS, kind, f"demo.{kind}", ending]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as later:
        assert later.stdout is not None and later.stdout.readline() == "nothing is there\n"
        write(kind, SMALL)
        said = later.communicate("\n")[0].splitlines()
    assert said[-1] == ("no" if ending == "fails" else "written")
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)
    if ending == "is written":
        assert ask(kind, "SELECT * FROM later") == [(3,)]
    assert [path.name for path in folder.iterdir()] == [f"demo.{kind}"]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_a_new_file_is_there_when_it_is_whole(kind: str, folder: Path) -> None:
    command = [sys.executable, "-c", SLOW, kind, "False"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdout is not None and slow.stdout.readline() == "all is written but the end\n"
        assert not (folder / f"demo.{kind}").exists()
        write(kind, SMALL)
        slow.kill()
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_a_file_system_without_hard_links(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    write(kind, SMALL)
    assert ask(kind, "SELECT * FROM demo ORDER BY x") == rows(SMALL)
    assert [path.name for path in folder.iterdir()] == [f"demo.{kind}"]


LEFT = """
import os, sys
import pyarrow as pa
from flor.output import databases
connection = databases._DuckDb if sys.argv[1] == "duckdb" else databases._Adbc
connection.close = lambda _: os._exit(0)
if sys.argv[1] == "sqlite":
    connection.commit = lambda _: os._exit(0)
count = 1_000_000 if sys.argv[1] == "sqlite" else 10
databases.database([sys.argv[1]], "demo", append=False).write(pa.table({"y": range(count)}))
"""


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"], indirect=True)
def test_a_log_whose_file_was_removed(kind: str, folder: Path) -> None:
    """It has nothing to do with the new file."""
    write(kind, SMALL)
    subprocess.run([sys.executable, "-c", LEFT, kind], check=True)
    (log,) = (path for path in folder.iterdir() if path.name != f"demo.{kind}")
    (folder / f"demo.{kind}").unlink()
    write(kind, OTHER)
    assert ask(kind, "SELECT * FROM demo") == rows(OTHER)
    assert not log.exists()


@pytest.mark.parametrize("kind", ["duckdb"], indirect=True)
def test_a_file_whose_rows_are_in_its_log_is_not_complete(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is when DuckDB finds no room at the end."""
    commit = databases._DuckDb.commit

    def stay(connection: databases._DuckDb) -> None:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        commit(connection)

    monkeypatch.setattr(databases._DuckDb, "commit", stay)
    with pytest.raises(FlorError, match=r"cannot write the table demo of demo\.duckdb: its file is not complete"):
        write(kind, SMALL)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_table_on_which_a_view_depends_stays(kind: str) -> None:
    write(kind, SMALL)
    ask(kind, "CREATE VIEW v AS SELECT x FROM demo; SELECT 1")
    with pytest.raises(FlorError, match=r"cannot write the table demo of PostgreSQL: .*depend") as raised:
        write(kind, OTHER)
    assert "\n" not in str(raised.value)
    assert ask(kind, "SELECT * FROM v ORDER BY x") == [(1,), (2,)]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_what_is_no_database_is_not_touched(kind: str, folder: Path) -> None:
    (folder / "mine.txt").write_text("mine " * 1000)
    with pytest.raises(FlorError, match=r"mine\.txt") as raised:
        database([kind, "mine.txt"], "demo", append=False).write(SMALL)
    assert "\n" not in str(raised.value)
    assert (folder / "mine.txt").read_text() == "mine " * 1000
    with pytest.raises(FlorError, match="cannot write no/such: No such file or directory"):
        database([kind, "no/such"], "demo", append=False).write(SMALL)
    with pytest.raises(FlorError, match=r"cannot write \.: it is no regular file"):
        database([kind, "."], "demo", append=False).write(SMALL)
    assert list(folder.iterdir()) == [folder / "mine.txt"]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_only_looks_like_something_else(kind: str, folder: Path) -> None:
    for dsn in (":memory:", "file:x?mode=memory", "md:x"):
        database([kind, dsn], "demo", append=False).write(SMALL)
        assert (folder / dsn).is_file()


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_link_to_a_database_stays(kind: str, folder: Path) -> None:
    (folder / "link").symlink_to("file")
    for append in (False, True):
        database([kind, "link"], "demo", append).write(SMALL)
    assert (folder / "link").is_symlink() and (folder / "file").is_file()


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_full_disk(kind: str, small_disk: Path) -> None:
    """Neither a table that was there is harmed, nor is half a database left."""
    large = pa.table({"run": pa.array([f"{n:0500}" for n in range(20_000)], pa.large_string())})
    path = small_disk / "new"
    with pytest.raises(FlorError) as raised:
        database([kind, str(path)], "demo", append=False).write(large)
    assert "\n" not in str(raised.value)
    assert list(small_disk.iterdir()) == []
    if kind == "sqlite":  # a database of DuckDB takes more than there is
        database([kind, str(path)], "demo", append=False).write(SMALL)
        with pytest.raises(FlorError, match=r"disk is full|disk I/O"):
            database([kind, str(path)], "demo", append=False).write(large)
        assert sqlite3.connect(path).execute("SELECT * FROM demo").fetchall() == rows(SMALL)


# ---- what -d is given


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mysql"], "-d mysql: no such database; use sqlite, duckdb, postgres"),
        (["sqlite", "a", "b"], "-d sqlite takes one DSN, and there are 2 words: put -d behind EXPERIMENT and SHADOW"),
        (["postgres"], "-d postgres needs a database: add a DSN such as postgresql://.* or set PGDATABASE"),
    ],
)
def test_what_cannot_be_followed(words: Sequence[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(FlorError, match=message):
        database(words, "demo", append=False)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_driver_that_is_missing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        FlorError, match=rf"-d {kind} needs the package adbc_driver_.*: pip install 'flor-lsp\[{kind}\]'"
    ):
        database([kind], "demo", append=False)


def test_postgres_by_its_dsn(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGDATABASE", raising=False)
    for dsn in (f"postgresql://postgres@/postgres?host={server}", f"host={server} user=postgres dbname=postgres"):
        place = database(["postgres", dsn], "by_dsn", append=False)
        place.write(SMALL)
        assert place.title == "table by_dsn of PostgreSQL"


DSNS = {
    "no server": "postgresql://u:hunter2@localhost:1/db",
    "a wrong database": "postgresql://postgres:hunter2@/nodb?host={server}",
    "a wrong user": "postgresql://nobody:hunter2@/postgres?host={server}",
    "an unknown host": "postgresql://u:hunter2@no-such-host.invalid/db",
    "an @ in the password": "postgresql://u:x@hunter2@no-such-host.invalid/db",
    "a space in the password": "postgresql://u:x hunter2@localhost/db",
    "words": "host=localhost password=x hunter2",
    "nothing but the password": "hunter2",
    "a bracket": "postgresql://u:hunter2@[::1/db",
    "a parameter": "postgresql://u@localhost/db?pass=hunter2",
    "a port": "postgresql://localhost:hunter2/db",
}


@pytest.mark.parametrize("what", DSNS)
def test_no_password_is_shown(what: str, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    place = database(["postgres", DSNS[what].format(server=server)], "demo", append=False)
    with pytest.raises(FlorError, match=r"^cannot connect to PostgreSQL: ") as raised:
        place.write(SMALL)
    assert "hunter2" not in str(raised.value) + place.title
    assert "\n" not in str(raised.value)


# ---- the command


def test_the_command_writes_into_every_kind(kind: str, folder: Path) -> None:
    (folder / "script.py").write_text("for i in range(3):\n    x = i * 0.5\n")
    run("script.py", "demo")
    shadow = annotate("script.py", ("i * 0.5", 'GET("x", i * 0.5)'))
    for options in ([], ["--append"]):
        done = flor("etl", "demo", shadow, "-d", kind, *options)
        assert (done.returncode, done.stderr) == (0, "")
        where = "PostgreSQL" if kind == "postgres" else f"demo.{kind}"
        assert done.stdout.splitlines()[-1] == f"written to table demo of {where}"
    assert ask(kind, "SELECT i_iter, x FROM demo ORDER BY x") == [(i, i * 0.5) for i in (0, 0, 1, 1, 2, 2)]
    assert not (folder / "demo.csv").exists()
