"""`kill -9` at any moment: of what a run recorded before the last line that came out of it, nothing is lost.

All in all 200 runs are killed, two at a time, each of them under an own process group.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from flor.errors import FlorError
from flor.home import runs
from flor.trace.pack import pack
from tests.conftest import flor

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]
FLOR = Path(sys.executable).with_name("flor")

STEP = """
def step(i):
    name = GET("name", who)
    x = GET("x", i * 3)
    text = GET("text", str(i) * 5 + who)
    pair = GET("pair", (i, [i / 2, who]))
    os.write(1, b"%s %d\\n" % (name.encode(), i))
"""
#: How often a program is killed, and what it is. It says who and how far it is, after what it has recorded of that.
PROGRAMS = {
    "a loop": (
        70,
        """
who = "main"
i = 0
while True:
    step(i)
    i += 1
""",
    ),
    "generators and threads": (
        40,
        """
import threading
who = "main"
def numbers():
    i = 0
    while True:
        yield i
        i += 1
def other():
    for j in numbers():
        text = str(j) * 20
threading.Thread(target=other, daemon=True).start()
for i in numbers():
    step(i)
""",
    ),
    "a forked child": (
        50,
        """
parent = os.getpid()
for i in range(30):
    before = i * 5
child = os.fork()
who = "main" if child else "child"
for i in range(10 ** 9):
    step(i)
    if not child and os.getppid() != parent:
        break
""",
    ),
    "a spawned child": (
        20,
        """
import multiprocessing
who = "child"
def work():
    for i in range(10 ** 9):
        step(i)
        if os.getppid() != parent:
            break
parent = os.getppid()
if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=work)
    child.start()
    child.join()
""",
    ),
}
IN_PYTHON = 20


@dataclass(frozen=True)
class Killed:
    """A run that was killed, and what had come out of it: who had said which numbers, from 0 on."""

    pid: int
    said: dict[str, int]


def kill(choose: random.Random) -> Killed:
    """Kill a run some time after it has begun or, now and then, while it begins."""
    with subprocess.Popen(
        [FLOR, "python", "script.py", "case"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        pipe, out = process.stdout.fileno(), bytearray()
        delay = choose.uniform(0, 0.15)
        if choose.random() < 0.9:
            out += os.read(pipe, 1)
        timer = threading.Timer(delay, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        while more := os.read(pipe, 1 << 16):
            out += more
        timer.join()
    assert process.returncode == -signal.SIGKILL
    said: dict[str, int] = {}
    for line in out.split(b"\n")[:-1]:
        who, number = line.decode().split()
        assert int(number) == said.get(who, 0)
        said[who] = int(number) + 1
    return Killed(process.pid, said)


def check(killed: list[Killed], shadow: Path) -> None:
    """Everything that was said is in the table, and nothing in the table is wrong."""
    made = flor("etl", "case", shadow)
    assert made.returncode == 0, made.stderr
    found: dict[str, dict[str, set[int]]] = {}
    with Path("case.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if not row["name"] or not row["x"]:
                continue
            i, who = int(row["x"]) // 3, row["name"]
            whole = (row["x"], row["text"], row["pair"]) == (
                str(i * 3),
                f"{str(i) * 5}{who}",
                f'[{i}, [{i / 2}, "{who}"]]',
            )
            # The last one may be there in part: its values come one after the other.
            if whole:
                found.setdefault(row["run"], {}).setdefault(who, set()).add(i)
            else:
                assert row["text"] in ("", f"{str(i) * 5}{who}") and not row["pair"], row
    run_of = {run.info["pid"]: run for run in runs("case", [])}
    for one in killed:
        run = run_of.get(one.pid)
        assert run is not None or not one.said
        for who, count in one.said.items():
            assert run is not None and run.status == "killed"
            lost = set(range(count)) - found.get(run.id, {}).get(who, set())
            assert (len(lost), min(lost, default=None)) == (0, None), f"of {count} values of {who}, run {run.id}"


def kill_and_check(program: str, count: int, write: Write) -> None:
    text = f"import os\n{STEP}{PROGRAMS[program][1]}"
    script = write("script.py", text.replace("GET(", "max(").replace('max("name", ', "(").replace('max("x", ', "("))
    script.write_text(script.read_text().replace('max("text", ', "(").replace('max("pair", ', "("))
    shadow = write("script_h.py", f"#{script}\n{text}")
    choose = random.Random(count)
    with ThreadPoolExecutor(2) as both:
        killed = list(both.map(kill, [random.Random(choose.random()) for _ in range(count)]))
    assert sum(bool(k.said) for k in killed) > count / 2
    check(killed, shadow)
    for run in runs("case", []):
        packed(run.path)
    check(killed, shadow)


def packed(run: Path) -> None:
    """Pack a run, or wait for who does."""
    deadline = time.monotonic() + 60
    while (run / "segments").exists():
        try:
            pack(run)
        except FlorError:
            assert time.monotonic() < deadline, json.loads((run / "run.json").read_bytes())
            time.sleep(0.02)


@pytest.fixture(autouse=True)
def time_for_all_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is left out because time is short is not lost."""
    monkeypatch.setenv("FLOR_TIME_SHARE", "1")


@pytest.mark.parametrize("program", PROGRAMS)
def test_kill_9_loses_nothing(program: str, write: Write) -> None:
    kill_and_check(program, PROGRAMS[program][0], write)


def test_kill_9_loses_nothing_of_the_recorder_in_python(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOR_RECORDER", "python")
    kill_and_check("a forked child", IN_PYTHON, write)


def test_two_hundred_runs_are_killed() -> None:
    assert sum(count for count, _ in PROGRAMS.values()) + IN_PYTHON == 200
