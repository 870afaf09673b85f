"""What is wrong is said in one line, and the program goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.logging.running import flor, log, outline, python

Write = Callable[[str, str], Path]

NESTED = """
    import flor
    @flor.track
    def f(n): flor.log.metric(n)
    with flor.Context("outer"):
        f(1)
        with flor.Context("inner"):
            f(2)
        f(3)
    print("done")
"""


@pytest.mark.parametrize("how", ["python", "flor"])
def test_a_context_inside_a_context(write: Write, how: str) -> None:
    script = write("nested.py", NESTED)
    done = python(script) if how == "python" else flor("python", str(script), "e")
    said = "flor: Context 'inner' is inside Context 'outer': what it records belongs to that one\n"
    assert (done.stdout, done.stderr) == ("done\n", said)
    assert outline(log("outer")) == [{"f": [f"metric {n}"]} for n in (1, 2, 3)]
    assert not Path("inner_log.json").exists()


def test_a_name_that_is_used_twice(write: Write) -> None:
    script = write(
        "twice.py",
        """
        import flor
        @flor.track
        def f(n): flor.log.metric(n)
        for n in range(2):
            with flor.Context("twice"):
                f(n)
        """,
    )
    said = "flor: Context 'twice' was there before: twice_log.json will be that of the last one\n"
    assert python(script).stderr == said
    assert outline(log("twice")) == {"f": ["metric 1"]}
    assert flor("ls", "twice").stdout.count("finished") == 2
    assert flor("python", str(script), "e").stderr == said
    assert outline(log("twice")) == {"f": ["metric 1"]}


@pytest.mark.parametrize("name", ["'a/b'", "''", "'.x'", "None", "3", "'x' * 300"])
def test_a_name_that_is_no_file_name(write: Write, name: str) -> None:
    script = write("named.py", NESTED.replace('"inner"', '"later"').replace('"outer"', name))
    done = python(script)
    assert done.stdout == "done\n"
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("flor: ") and "recorded" in done.stderr
    assert outline(log("later")) == {"f": ["metric 2"]}


def test_log_calls_outside_any_context(write: Write, flor_home: Path) -> None:
    script = write(
        "outside.py",
        """
        import flor
        log = flor.log
        value = object()
        assert all(own(value) is value for own in (log.param, log.metric, log.read, log.write))
        assert log("name", value) is value and flor.arg("x", value) is value
        @flor.track
        def f(): return log.param(value)
        assert f() is value
        """,
    )
    assert python(script).stderr == ""
    assert not flor_home.exists() and os.listdir() == ["outside.py"]


def test_a_folder_that_cannot_be_written(write: Write, flor_home: Path) -> None:
    script = write("nested.py", NESTED.replace('"inner"', '"outer"'))
    Path("outer_log.json").mkdir()
    done = python(script)
    assert done.stdout == "done\n" and done.stderr.count("\n") == 2
    assert f"{Path.cwd() / 'outer_log.json'} is not written" in done.stderr
    assert flor("ls", "outer").stdout.count("finished") == 1
    flor_home.rename(flor_home.with_name("elsewhere"))
    flor_home.write_text("no folder")
    done = python(script)
    assert done.stdout == "done\n"
    assert "cannot write to" in done.stderr.splitlines()[0]


def test_a_source_that_is_another_by_now_or_none_is_said(write: Write) -> None:
    lines = NESTED.replace('"inner"', '"outer"')
    done = subprocess.run(
        [sys.executable, "-"], input="\n".join(line[4:] for line in lines.splitlines()), capture_output=True, text=True
    )
    assert done.stdout == "done\n"
    assert "are not tracked" in done.stderr
    write("changed.py", "import flor\n\n@flor.track\ndef f(n):\n    return flor.log.metric(n)\n")
    script = write(
        "changes.py",
        """
        import flor
        import changed
        with open("changed.py", "w") as file:
            file.write("# another text")
        with flor.Context("changed"):
            changed.f(1)
        """,
    )
    assert python(script).stderr == ""
    assert outline(log("changed")) == {"f": ["metric 1"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ('{"block_type": "loop"}', "block_type 'loop'"),
        ('[{"block_type": "loop_body", "log_sequence": [{}]}]', "no 'pos'"),
        ("null", "neither a block node nor a log record"),
    ],
)
def test_check_log_says_what_is_wrong(folder: Path, text: str, said: str) -> None:
    Path("x_log.json").write_text(text)
    done = flor("check-log", "x_log.json", code=2 if text == "{" else 1)
    assert said in done.stderr and "Traceback" not in done.stderr
    assert flor("check-log", "gone.json", code=2).stderr == "flor: cannot read gone.json: No such file or directory\n"


def test_nothing_tracked_is_an_empty_log(write: Write) -> None:
    python(write("empty.py", 'import flor\nwith flor.Context("empty"):\n    flor.log.param(1)\n'))
    assert log("empty") == []
    assert (
        flor("check-log", "empty_log.json").stdout == "empty_log.json: as it should be, 0 roots, 0 blocks, 0 records\n"
    )


@pytest.mark.parametrize("how", ["python", "flor"])
def test_a_run_that_is_removed_meanwhile(write: Write, how: str) -> None:
    script = write(
        "removed.py",
        """
        import flor, os, shutil
        with flor.Context("removed"):
            flor.log("before", 1)
            shutil.rmtree(os.environ["FLOR_HOME"])
            flor.log("after", 2)
        print("done")
        """,
    )
    done = python(script) if how == "python" else flor("python", str(script), "e")
    assert done.stdout == "done\n"
    assert "Traceback" not in done.stderr and all(line.startswith("flor: ") for line in done.stderr.splitlines())
