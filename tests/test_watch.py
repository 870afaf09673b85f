"""`flor sql --watch`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from flor import home
from tests.conftest import flor

pytestmark = pytest.mark.once

FLOR = Path(sys.executable).with_name("flor")
SCRIPT = """
    import pathlib, time
    for i in range(3):
        x = i * 2
        pathlib.Path(f"at{i}").touch()
        while not pathlib.Path(f"go{i}").exists():
            time.sleep(0.01)
"""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def table(write: Callable[[str, str], Path]) -> None:
    """An experiment whose first run ended at once, and has a table."""
    write("script.py", SCRIPT)
    for i in range(3):
        Path(f"go{i}").touch()
    flor("python", "script.py", "demo")
    flor("name", "script.py:3:5", "x")
    assert flor("etl", "demo", "script_h.py").returncode == 0
    for path in [*Path().glob("go*"), *Path().glob("at*")]:
        path.unlink()


@pytest.fixture
def running(table: None) -> subprocess.Popen[str]:
    """A second run, which waits in its first iteration."""
    run = subprocess.Popen([FLOR, "python", "script.py", "demo"])
    wait_for(Path("at0").exists)
    return run


def watching(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([FLOR, "sql", *arguments], stdout=PIPE, stderr=PIPE, text=True, env=environment)


QUERY = "select max(x) as x from demo where run <> (select min(run) from demo)"


def test_the_table_grows_with_the_run_until_it_ends(running: subprocess.Popen[str]) -> None:
    watch = watching("--csv", "--watch", "0.1", QUERY)
    assert watch.stdout is not None
    seen: list[str] = []
    for i in range(3):
        while f"{2 * i}\n" not in seen:
            seen.append(watch.stdout.readline())
            assert seen[-1], watch.communicate()
        Path(f"go{i}").touch()
    running.wait(60)
    rest, said = watch.communicate(timeout=60)
    assert watch.returncode == 0
    assert rest.splitlines()[-1:] in ([], ["4"])
    assert "Traceback" not in said
    assert flor("sql", "--csv", "select count(*) from demo").stdout == "count_star()\n6\n"


def test_views_are_watched_too(running: subprocess.Popen[str]) -> None:
    watch = watching("--csv", "--watch=0.1", "select status, count(*) as n from runs group by all order by all")
    assert watch.stdout is not None
    assert [watch.stdout.readline() for _ in range(3)] == ["status,n\n", "finished,1\n", "running,1\n"]
    for i in range(3):
        Path(f"go{i}").touch()
    running.wait(60)
    out, _ = watch.communicate(timeout=60)
    assert out.endswith("status,n\nfinished,2\n")


def test_it_ends_at_once_where_nothing_runs(table: None) -> None:
    asked = flor("sql", "--csv", "--watch", "select max(x) as x from demo")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "x\n4\n", "")


def test_a_table_that_is_older_than_the_last_run_is_made_anew(table: None, flor_home: Path) -> None:
    for i in range(3):
        Path(f"go{i}").touch()
    flor("python", "script.py", "demo")
    asked = flor("sql", "--csv", "--watch", "3600", "select count(*) as n from demo")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "n\n6\n", "")


def test_a_table_of_some_runs_stays_one_of_these(table: None, flor_home: Path) -> None:
    (first,) = home.run_paths("demo")
    flor("etl", "demo", "script_h.py", "--run", first.name)
    for i in range(3):
        Path(f"go{i}").touch()
    flor("python", "script.py", "demo")
    asked = flor("sql", "--csv", "--watch", "select count(*) as n from demo")
    assert asked.stdout == "n\n3\n"


def test_a_shadow_copy_that_is_gone_leaves_the_table_as_it_was(running: subprocess.Popen[str]) -> None:
    Path("script_h.py").unlink()
    for i in range(3):
        Path(f"go{i}").touch()
    running.wait(60)
    asked = flor("sql", "--csv", "--watch", "select count(*) as n from demo")
    assert (asked.returncode, asked.stdout) == (0, "n\n3\n")
    assert "flor: the table of demo stays as it was: cannot read the shadow copy" in asked.stderr


def test_the_last_values_of_a_run_that_is_killed(running: subprocess.Popen[str]) -> None:
    watch = watching("--csv", "--watch", "1.5", QUERY)
    assert watch.stdout is not None
    assert [watch.stdout.readline() for _ in range(2)] == ["x\n", "0\n"]
    Path("go0").touch()
    wait_for(Path("at1").exists)
    running.kill()
    running.wait(60)
    rest, _ = watch.communicate(timeout=60)
    assert rest.endswith("x\n2\n")


def test_an_interrupt_ends_a_query_that_is_asked_first(table: None) -> None:
    watch = watching(
        "--watch", "select sum(a.range * b.range) from range(100000000) a, range(9999999) b; select * from demo"
    )
    time.sleep(2)
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=20)
    assert (watch.returncode, said) == (130, "")


def test_an_interrupt_ends_it(running: subprocess.Popen[str]) -> None:
    watch = watching("--csv", "--watch", "60", "select 1 as one from runs limit 1")
    assert watch.stdout is not None
    assert watch.stdout.readline() == "one\n"
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=60)
    assert (watch.returncode, said) == (130, "")
    for i in range(3):
        Path(f"go{i}").touch()
    running.wait(60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--watch", "select 1"], "there is nothing to watch: the query names no experiment and no view"),
        (["--watch", "soon", "select 1"], "--watch soon: say how many seconds, from 0.1 to 86400"),
        (["--watch", "0", "select 1"], "--watch 0: say how many seconds, from 0.1 to 86400"),
        (["--watch", "nan", "select 1"], "--watch nan: say how many seconds, from 0.1 to 86400"),
        (["--watch", "select * from nope"], "there is no table nope; there are runs, blocks, sites, values"),
        (
            ["--watch", "create table t as select * from runs; select * from t"],
            "--watch asks again and again: it takes SELECT, and nothing that changes something",
        ),
        (["--watch", "1"], 'there is no SQL to run: write a query, such as flor sql "select * from runs"'),
    ],
)
def test_what_cannot_be_watched(arguments: list[str], said: str, folder: Path) -> None:
    asked = flor("sql", *arguments)
    assert (asked.returncode, asked.stdout, asked.stderr) == (2, "", f"flor: {said}\n")
