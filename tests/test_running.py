"""A run that goes on: what it has recorded can be read, at any time and by any command."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flor import listing
from flor.errors import FlorError
from flor.home import runs
from flor.trace.read import open_trace
from tests.capture.reading import sites
from tests.conftest import flor
from tests.walkthrough import annotate

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]
FLOR = Path(sys.executable).with_name("flor")


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A run of script.py that goes on until its standard input is closed."""
    command = [FLOR, "python", "script.py", "case", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_every_command_sees_what_is_there(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import os, sys
        def work(who):
            for i in range(3):
                x = f"number {i} of a {who}"
            os.write(1, b"done\\n")
            sys.stdin.read()
        child = os.fork()
        work("run" if child else "child")
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        last = "the " + "end"
        """,
    )
    shadow = annotate("script.py", ('x = f"number {i} of a {who}"', 'x = GET("x", f"number {i} of a {who}")'))
    with running() as process:
        assert process.stdout is not None and process.stdin is not None
        assert [process.stdout.readline() for _ in range(2)] == ["done\n"] * 2
        made = flor("etl", "case", shadow)
        assert made.returncode == 0
        rows = Path("case.csv").read_text().splitlines()[1:]
        expected = [f"number {i} of a {who}" for who in ("child", "run") for i in range(3)]
        assert sorted(row.rpartition(",")[2] for row in rows) == sorted(expected)
        query = "select count(*) as n from values where kind = 'str' and starts_with(value, 'number')"
        counted = flor("sql", "--csv", query)
        assert (counted.stdout.split()[0], int(counted.stdout.split()[1]) >= 6) == ("n", True)
        assert " running " in flor("ls", "case").stdout
        shown = flor("show", "case")
        assert (shown.returncode, "script.py" in shown.stdout) == (0, True)
        log = flor("log", "case")
        assert (log.returncode, "number 2 of a run" in log.stdout, "the end" in log.stdout) == (0, True, False)
        process.stdin.close()
        assert process.wait(60) == 0
    assert "the end" in flor("log", "case").stdout


def test_what_is_read_while_it_is_written_is_what_came_first(recorder: str, write: Write) -> None:
    """Tails are emptied, and segments completed, all the time."""
    count = 1_000_000 if recorder == "c" else 60_000
    write(
        "script.py",
        f"""
        i = 0
        while i < {count}:
            x = i * 3
            text = str(i) + " is a number"
            i += 1
        """,
    )
    lengths = []
    with running() as process:
        while process.poll() is None:
            try:
                (run,) = runs("case", [])
                trace = open_trace(run)
            except (FlorError, ValueError):  # it has not begun
                continue
            found = [
                trace.values(*sites(trace, text)[0][:2])
                for text in ("i * 3", 'str(i) + " is a number"')
                if sites(trace, text)
            ]
            if len(found) < 2:
                continue
            numbers, texts = found
            length = len(numbers.payload)
            assert numbers.payload.tolist() == list(range(0, 3 * length, 3))
            assert length - len(texts.payload) in (0, 1)
            assert [texts.data[i].as_py() for i in range(0, len(texts.data), 1 + len(texts.data) // 50)] == [
                b"%d is a number" % i for i in range(0, len(texts.data), 1 + len(texts.data) // 50)
            ]
            assert trace.warnings == []
            lengths.append(length)
    assert lengths == sorted(lengths)
    assert lengths and lengths[0] < count


def test_a_folder_in_which_somebody_removes_files_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who packs a run takes its segments away; whoever removes the run meanwhile comes upon files that are gone."""
    folder = tmp_path / "runs"
    (folder / "a" / "segments").mkdir(parents=True)
    remove_tree, failed = shutil.rmtree, []

    def rmtree(path: Path) -> None:
        if len(failed) < 2:
            failed.append(path)
            number = (errno.ENOENT, errno.ENOTEMPTY)[len(failed) - 1]
            raise OSError(number, os.strerror(number), "segments")
        remove_tree(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    listing.remove(folder, [])
    assert not folder.exists()
    folder.mkdir()
    failed.clear()
    monkeypatch.setattr(listing, "_TRIES", 1)
    with pytest.raises(FlorError, match="cannot remove segments: No such file or directory"):
        listing.remove(folder, [])
