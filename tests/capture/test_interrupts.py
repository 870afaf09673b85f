"""Signal handlers of the program run at any moment, also while a probe records: no value lands in a wrong place."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.reading import newest_trace, values
from tests.conftest import flor

Write = Callable[[str, str], Path]


def test_a_handler_that_runs_at_any_moment(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import signal
        fired = 0
        def handler(number, frame):
            global fired
            fired = fired + 1
            inside = [fired * 2 for _ in range(2)]
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0003)
        def step(i):
            y = i * 5
            return y
        i = 0
        while i < 20000 and fired < 200:
            x = step(i) * 3
            i += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(i)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, "stopped early" in done.stderr) == (0, False)
    trace = newest_trace("case")
    count = int(done.stdout)
    assert values(trace, "i * 5") == [f"while_L13[{i}] > step()[0]: {i * 5}" for i in range(count)]
    assert values(trace, "step(i) * 3") == [f"while_L13[{i}]: {i * 15}" for i in range(count)]


def test_a_handler_that_raises_at_any_moment(recorder: str, write: Write) -> None:
    """The recorder in Python can be broken off itself: then it records nothing more, and says so."""
    write(
        "script.py",
        """
        import signal
        class Late(Exception): pass
        def handler(number, frame):
            raise Late
        signal.signal(signal.SIGALRM, handler)
        def step(n, i):
            here = (n, i)
            if n:
                step(n - 1, i)
            there = [i, n]
        caught = 0
        for i in range(40):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00003 * (1 + i % 23))
                while True:
                    step(3, i)
            except Late:
                caught += 1
            after = i * 7
        print(caught)
        """,
    )
    done = flor("python", "script.py", "case", FLOR_TIME_SHARE="1")
    assert (done.returncode, done.stdout) == (0, "40\n")
    stopped = "recording stopped early: Interrupted system call" in done.stderr
    assert not (stopped and recorder == "c")
    trace = newest_trace("case")
    for path, value in (line.split(": ") for line in values(trace, "i * 7")):
        assert path == f"i[{int(value) // 7}]"
    for path, value in (line.split(": ") for line in [*values(trace, "(n, i)"), *values(trace, "[i, n]")]):
        if value.startswith(("(", "[")):
            n, i = [int(x) for x in re.findall(r"\d+", value)][:: 1 if value[0] == "(" else -1]
            assert re.fullmatch(rf"i\[{i}\] > while_L\d+\[\d+\]( > step\(\)\[0\]){{{4 - n}}}", path), (path, value)


@pytest.mark.parametrize("limit", range(100, 120))
def test_the_end_of_the_stack_may_be_anywhere_in_a_probe(
    limit: int, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOR_RECORDER", "python")
    write("script.py", f"LIMIT = {limit}\n" + RECURSES)
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("case")
    for factor in (2, 3):
        found = [line.split(": ") for line in values(trace, f"n * {factor}")]
        assert [path.count("depth()") for path, value in found] == [int(value) // factor + 1 for _, value in found]
        assert len(found) > 40


RECURSES = """
import sys
def depth(n):
    double = n * 2
    try:
        depth(n + 1)
    except RecursionError:
        pass
    triple = n * 3
sys.setrecursionlimit(LIMIT)
depth(0)
sys.setrecursionlimit(1000)
"""


def test_an_interrupt_before_the_program_begins_says_nothing(write: Write) -> None:
    write("script.py", "print('begun')\n")
    code = """
import flor.cli, flor.capture.run
def interrupted(*_):
    raise KeyboardInterrupt
flor.capture.run.settings = interrupted
flor.cli.main(["python", "script.py", "case"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
