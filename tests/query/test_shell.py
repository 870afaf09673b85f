"""`flor sql` without a query: the shell on a terminal, and SQL from standard input."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flor.query import shell
from flor.query.sql import Database

pytestmark = pytest.mark.once

FLOR = Path(sys.executable).with_name("flor")


@pytest.fixture
def home(flor_home: Path, folder: Path) -> Path:
    for name in ("demo", "my-exp"):
        (flor_home / name).mkdir(parents=True)
        pq.write_table(
            pa.table({"run": ["r1", "r2"], "score": [0.5, 0.25], "end": [1, 2]}), flor_home / name / "table.parquet"
        )
    (flor_home / "bare").mkdir()
    return flor_home


def _take_terminal() -> None:
    """Control-C on it is for this process."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """`flor sql` on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.file, other = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "120", "INPUTRC": "/dev/null"}
        self.process = subprocess.Popen(
            [FLOR, "sql", *arguments], stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True,
            preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(other)
        self.wait_for("flor> ")

    def wait_for(self, text: str) -> str:
        """What is printed until this text, with it."""
        seen = ""
        deadline = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([self.file], [], [], 1)[0]:
                seen += os.read(self.file, 65536).decode(errors="replace").replace("\r\n", "\n")
        return seen

    def write(self, data: bytes) -> None:
        os.write(self.file, data)

    def type(self, text: str, until: str = "flor> ") -> str:
        os.write(self.file, text.encode())
        return self.wait_for(until)

    def end(self) -> int:
        os.write(self.file, b"\x04")
        return self.process.wait(60)


def test_statements_and_commands(home: Path) -> None:
    terminal = Terminal()
    assert "score\n  0.5\n1 row, 1 column\n" in terminal.type("select score from demo where run = 'r1';\n")
    terminal.type("select max(score) as best\n", "  ... ")
    terminal.type("from demo where run <> ';'\n", "  ... ")
    assert "best\n 0.5\n" in terminal.type(";\n")
    assert "flor: SQL: Parser Error" in terminal.type("selec 1;\n")
    terminal.type("create table own as select 7 as seven;\n")
    assert "seven\n    7\n" in terminal.type("select * from own;\n")
    listed = terminal.type("\\d\n")
    assert re.search(r"demo +table\n", listed) and re.search(r"bare +no table yet", listed)
    assert re.search(r"values +view of all traces\n", listed) and re.search(r"own +own table\n", listed)
    assert re.search(r"score +DOUBLE\n", terminal.type("\\d my-exp\n"))
    assert "there is no table nope" in terminal.type("\\d nope\n")
    assert "flor: there is no command \\x: there are \\d, \\d NAME and \\q" in terminal.type("\\x\n")
    terminal.type("\n")
    assert terminal.end() == 0


def test_an_interrupt_ends_the_query_and_not_the_shell(home: Path) -> None:
    terminal = Terminal()
    os.write(terminal.file, b"select sum(a.range * b.range) from range(100000000) a, range(100000000) b;\n")
    terminal.wait_for("b;\n")
    time.sleep(0.2)
    assert "flor: interrupted\n" in terminal.type("\x03")
    terminal.type("select 'never\n", "  ... ")
    time.sleep(0.2)  # an interrupt between the prompt and the wait for a key is taken with the next key
    terminal.type("\x03")
    assert "one\n  1\n" in terminal.type("select 1 as one;\n")
    os.write(terminal.file, b"\\q\n")
    assert terminal.process.wait(60) == 0


def test_bytes_that_are_no_text(home: Path) -> None:
    terminal = Terminal()
    terminal.write(b"select '\xff';\n")
    assert "flor: the query holds bytes that are no text" in terminal.wait_for("\nflor> ")
    assert "one\n  1\n" in terminal.type("select 1 as one;\n")
    assert terminal.end() == 0


def test_tab_completes(home: Path) -> None:
    terminal = Terminal()
    os.write(terminal.file, b"selec\t scor\t from dem\t")
    terminal.wait_for("select score from demo")
    assert "0.5" in terminal.type(";\n")
    assert terminal.end() == 0


def test_what_was_typed_is_kept_for_its_owner_alone(home: Path) -> None:
    terminal = Terminal()
    terminal.type("select 12345 as n;\n")
    terminal.end()
    history = home / ".sql_history"
    assert history.read_text() == "select 12345 as n;\n"
    assert history.stat().st_mode & 0o777 == 0o600
    again = Terminal()
    os.write(again.file, b"\x10")  # control-P: the line before
    again.wait_for("select 12345 as n;")
    assert "12345\n1 row" in again.type("\n")
    again.end()


def test_the_shell_prints_other_forms_too(home: Path) -> None:
    terminal = Terminal("--json")
    assert '[\n{"run": "r2"}\n]\n' in terminal.type("select run from demo where score < 0.3;\n")
    terminal.end()


def test_words(home: Path) -> None:
    database = Database()
    database.query("create table own as select 1 as only_here")
    words = shell.words(database)
    assert {"demo", '"my-exp"', "bare", "values", "score", "only_here", "own", '"end"', "select", "\\d"} <= set(words)
    assert words == sorted(set(words))


@pytest.mark.parametrize(
    ("sql", "out", "said"),
    [
        ("select run\nfrom demo;\n-- the best\nselect max(score) as best from demo\n", "best\n0.5\n", ""),
        ("", "", 'flor: there is no SQL to run: write a query, such as flor sql "select * from runs"\n'),
        (
            "select '\udcff'",
            "",
            "flor: the query holds bytes that are no text: write it in the encoding of the locale\n",
        ),
    ],
)
def test_sql_from_standard_input(sql: str, out: str, said: str, home: Path) -> None:
    done = subprocess.run([FLOR, "sql", "--csv"], input=sql.encode("utf-8", "surrogateescape"), capture_output=True)
    assert (done.stdout.decode(), done.stderr.decode().replace(" here", "")) == (out, said)
    assert done.returncode == (2 if said else 0)


def test_watching_needs_a_query(home: Path) -> None:
    file, other = pty.openpty()
    done = subprocess.run([FLOR, "sql", "--watch"], stdin=other, stdout=other, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, 'flor: --watch needs a query: flor sql --watch "select ..."\n')
    os.close(file)
    os.close(other)


def test_uninstall_removes_what_was_typed(home: Path) -> None:
    (home / ".sql_history").write_text("select 1;\n")
    done = subprocess.run([FLOR, "uninstall", "--yes"], capture_output=True, text=True)
    assert f"removed what was typed into flor sql ({home}/.sql_history)" in done.stdout
    assert not (home / ".sql_history").exists()


def test_watching_redraws_a_terminal(home: Path) -> None:
    file, other = pty.openpty()
    query = "select range as i from range(1000), demo where run = 'r1'"
    with subprocess.Popen([FLOR, "sql", "--watch", query], stdin=other, stdout=other, stderr=other) as process:
        os.close(other)
        seen = ""
        while "columns" not in seen and "1 column" not in seen:
            seen += os.read(file, 65536).decode()
        assert process.wait(60) == 0
    os.close(file)
    assert seen.startswith("\x1b[H\x1b[2J")
    assert "1,000 rows, 1 column" in seen and seen.count("\n") <= 24
