"""Which files SQL reaches: those of the current folder, and no others but with --allow-files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flor.errors import FlorError
from flor.query.sql import Database

pytestmark = pytest.mark.once


@pytest.fixture
def outside(folder: Path, flor_home: Path) -> Path:
    """A folder beside the current one, which links lead to. The current one has a table, and a folder."""
    path = folder.parent / "outside"
    path.mkdir()
    (path / "secret.csv").write_text("a\n1\n")
    (folder / "own.csv").write_text("a\n2\n")
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "link.csv").symlink_to(path / "secret.csv")
    (folder / "sub" / "linked").symlink_to("deep")
    beside = Path(f"{folder}2")
    beside.mkdir()
    (beside / "secret.csv").write_text("a\n3\n")
    (flor_home / "demo").mkdir(parents=True)
    (flor_home / "demo" / "table.csv").write_text("a\n4\n")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(sql: str, allow_files: bool = False) -> list[tuple[object, ...]]:
    database = Database(allow_files)
    try:
        return list(database.query(sql).rows)
    finally:
        database.close()


READ_HERE = [
    "own.csv",
    "./own.csv",
    "sub/../own.csv",
    "sub/linked/../../own.csv",
    "{folder}/own.csv",
    "*.csv",
    "file:{folder}/own.csv",
]


@pytest.mark.parametrize("name", READ_HERE)
def test_files_of_the_current_folder_are_read(name: str, folder: Path, outside: Path) -> None:
    (folder / "link.csv").unlink()
    assert rows(f"select a from read_csv('{name.format(folder=folder)}')") == [(2,)]


ELSEWHERE = [
    "../outside/secret.csv",
    "sub/../../outside/secret.csv",
    "{folder}/../outside/secret.csv",
    "{outside}/secret.csv",
    "/{outside}/secret.csv",
    "file://{outside}/secret.csv",
    "{folder}2/secret.csv",
    "link.csv",
    "sub/linked/../../../outside/secret.csv",
    "sub/deep/../../../outside/secret.csv",
    "{home}/demo/table.csv",
    "~/.bashrc",
    "/etc/hostname",
    "/dev/stdin",
    "/proc/self/environ",
    "https://localhost/x.csv",
    "s3://bucket/x.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize(
    "function", ["read_csv", "read_text", "read_blob", "read_parquet", "read_json", "sniff_csv", "glob"]
)
def test_other_files_are_not_read(name: str, function: str, folder: Path, outside: Path, flor_home: Path) -> None:
    path = name.format(folder=folder, outside=outside, home=flor_home)
    try:
        found = rows(f"from {function}('{path}')")
    except FlorError as error:
        assert "\n" not in str(error)
        assert "current folder" in str(error) or "network" in str(error) or "No files found" in str(error)
    else:
        assert found == [] and function == "glob"


WRITES = [
    "copy (select 1) to '{path}'",
    "copy (select 1 as a, 2 as b) to '{path}' (format csv, partition_by a, overwrite_or_ignore)",
    "with w as (copy (select 1) to '{path}') select * from w",
    "explain analyze copy (select 1) to '{path}'",
    "prepare p as copy (select 1) to '{path}'; execute p",
    "set variable p = '{path}'; copy (select 1) to (getvariable('p'))",
    "attach '{path}' as d; create table d.t as select 1",
    "export database '{path}'",
    "set profiling_output = '{path}'; pragma enable_profiling = 'json'; select 1",
    "set log_query_path = '{path}'; select 1",
    "call enable_logging(storage = 'file', storage_config = {{'path': '{path}'}}); select 1",
    "set temp_directory = '{path}'; select 1",
    "set secret_directory = '{path}'; create persistent secret s (type http, extra_http_headers map {{'a': 'b'}})",
    "create persistent secret s (type http, extra_http_headers map {{'a': 'b'}})",
    "set extension_directory = '{path}'; install httpfs",
    "set allowed_directories = ['/']; copy (select 1) to '{path}'",
    "set lock_configuration = false; set enable_external_access = true; copy (select 1) to '{path}'",
]


@pytest.mark.parametrize("sql", WRITES)
@pytest.mark.parametrize(
    "name", ["../outside/new.csv", "{outside}/secret.csv", "link.csv", "sub/../../new", "{home}/demo/table.csv"]
)
def test_nothing_is_written_elsewhere(sql: str, name: str, folder: Path, outside: Path, flor_home: Path) -> None:
    before = contents(folder.parent)
    with pytest.raises(FlorError):
        rows(sql.format(path=name.format(outside=outside, home=flor_home)))
    assert contents(folder.parent) == before


@pytest.mark.parametrize("sql", WRITES[:3])
def test_files_are_written_into_the_current_folder(sql: str, folder: Path, outside: Path) -> None:
    before = contents(folder.parent)
    rows(sql.format(path="sub/new"))
    new = {Path(path) for path in contents(folder.parent).keys() - before.keys()}
    assert new and all(path.is_relative_to(folder / "sub") for path in new)


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("linked", "{outside}", "linked/secret.csv"),
        ("sub/linked2", "{outside}", "sub/linked2/../outside/secret.csv"),
        ("sub/up", "../..", "sub/up/outside/secret.csv"),
        ("same", ".", "same/../outside/secret.csv"),
        ("sub/deep/higher", "../../sub", "sub/deep/higher/../../outside/secret.csv"),
        ("sub/deep/chain", "../back", "sub/deep/chain/../outside/secret.csv"),
    ],
)
def test_links_do_not_lead_out(link: str, target: str, path: str, folder: Path, outside: Path) -> None:
    """With `..` behind such a link DuckDB would be led out: then no file is reached."""
    (folder / "sub" / "back").symlink_to("..")
    (folder / link).symlink_to(target.format(outside=outside))
    before = contents(folder.parent)
    for sql in (f"from read_text('{path}')", f"copy (select 1) to '{path}'", "from 'own.csv'"):
        with pytest.raises(FlorError, match=r"the link .* leads out of the current folder; .* --allow-files"):
            rows(sql)
    assert contents(folder.parent) == before


@pytest.mark.parametrize("place", [".flor", ".", ".."])
def test_where_flor_home_is_here_or_around_no_file_is_reached(
    place: str, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB writes wherever it reads, and the traces are not to be written over."""
    monkeypatch.setenv("FLOR_HOME", place)
    for sql in ("from 'own.csv'", "copy (select 1) to 'own.csv'", "copy (select 1) to '.flor/new.csv'"):
        with pytest.raises(FlorError, match=r"FLOR_HOME is in the current folder or around it; go to another folder"):
            rows(sql)
    assert (folder / "own.csv").read_text() == "a\n2\n"


def test_allow_files_lets_sql_reach_them(folder: Path, outside: Path) -> None:
    assert rows(f"from '{outside}/secret.csv'", allow_files=True) == [(1,)]
    assert rows("from 'link.csv'", allow_files=True) == [(1,)]
    rows("copy (select 5 as a) to '../outside/new.csv'", allow_files=True)
    assert (outside / "new.csv").read_text() == "a\n5\n"


@pytest.mark.parametrize("allow_files", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "install httpfs",
        "force install httpfs",
        "install httpfs from community",
        "install './own.csv'",
        "load httpfs",
        "load './own.csv'",
        "update extensions",
        "set extension_directory = '.'; install httpfs",
        "reset extension_directory; install httpfs",
        "create persistent secret s (type http, extra_http_headers map {'a': 'b'})",
        "from 'http://localhost:1/x.csv'",
        "attach 'https://localhost:1/x.db'",
    ],
)
def test_no_extension_and_no_network(
    sql: str, allow_files: bool, folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    before = contents(folder.parent)
    with pytest.raises(FlorError):
        rows(sql, allow_files)
    assert contents(folder.parent) == before


@pytest.mark.parametrize(
    "sql", ["set threads = 1", "set TimeZone = 'UTC'", "set memory_limit = '1GB'", "set variable x = 1"]
)
def test_settings_that_may_be_made(sql: str, folder: Path) -> None:
    assert rows(f"{sql}; select 1") == [(1,)]


def test_variables_of_the_program_are_no_tables(folder: Path) -> None:
    os.environ["FLOR_HOME"] = str(folder.parent / "flor-home")
    with pytest.raises(FlorError, match="there is no table statements"):
        rows("select * from statements")
