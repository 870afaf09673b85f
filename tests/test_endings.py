"""However a program ends, it ends as under plain Python, and what was recorded before is in the table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.home import runs
from tests.capture.reading import newest_trace, values
from tests.conftest import flor

Write = Callable[[str, str], Path]
FLOR = Path(sys.executable).with_name("flor")


def status(experiment: str = "case") -> str:
    """What `flor ls` says of the newest run."""
    return flor("ls", experiment).stdout.splitlines()[-1].split()[2]


# How the program ends after ten iterations, and what `flor ls` says of the run.
ENDINGS = {
    "the end": ("", "finished"),
    "an exit code": ("sys.exit(3)", "failed"),
    "an exception": ("raise KeyError(x)", "failed"),
    "os._exit": ("os._exit(5)", "killed"),
    "os.abort": ("os.abort()", "killed"),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", "killed"),
    "SIGHUP": ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(9)", "killed"),
    "SIGINT": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "failed"),
    "SIGINT, ignored": ("signal.signal(2, signal.SIG_IGN); os.kill(os.getpid(), signal.SIGINT)", "finished"),
    "SIGTERM, handled": (
        "signal.signal(15, lambda *_: sys.exit(7)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
        "failed",
    ),
    "SIGQUIT": ("os.kill(os.getpid(), signal.SIGQUIT); time.sleep(9)", "killed"),
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", "killed"),
    "a fault with a handler": ("import faulthandler; faulthandler.enable(); os.kill(os.getpid(), 11)", "killed"),
    "another program": ("os.execv(sys.executable, [sys.executable, '-c', 'print(7)'])", "killed"),
    "a thread that goes on": (
        "import threading; threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
        "finished",
    ),
    "an exit handler that raises": ("import atexit; atexit.register(lambda: 1 / 0)", "finished"),
    "standard output is closed": ("sys.stdout.close(); os.close(1)", "finished"),
    "threads when it exits": (
        "import threading\nfor _ in range(3): threading.Thread(target=spin, daemon=True).start()\ntime.sleep(0.05)",
        "finished",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings(ending: str, recorder: str, write: Write) -> None:
    how, says = ENDINGS[ending]
    script = "import os, resource, signal, sys, time\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    script += "def spin():\n    while True:\n        y = 1 + 1\n        time.sleep(1e-4)\n"
    script += f"for i in range(10):\n    x = i * 3\n    print(x, flush=True)\n{how}\n"
    write("script.py", script)
    plain = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60)
    captured = flor("python", "script.py", "case")
    assert (captured.returncode, captured.stdout) == (plain.returncode, plain.stdout)
    assert without_addresses(captured.stderr) == without_addresses(plain.stderr)
    assert values(newest_trace("case"), "i * 3") == [f"i[{i}]: {3 * i}" for i in range(10)]
    assert status() == says


def without_addresses(text: str) -> str:
    """A traceback without addresses, and without the list of extension modules that faulthandler appends."""
    return re.sub(r"\n*Extension modules: .*\n", "\n", re.sub(r"0x[0-9a-f]+", "0x", text)).strip()


def test_an_interrupt_from_the_terminal(write: Write) -> None:
    """All processes of the program get it, and the run's helpers do not."""
    write(
        "script.py",
        "import time\nfor i in range(10**9):\n    x = i * 3\n    print(x, flush=True)\n    time.sleep(0.01)\n",
    )
    with subprocess.Popen(
        [FLOR, "python", "script.py", "case"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        first = [process.stdout.readline() for _ in range(5)]
        os.killpg(process.pid, signal.SIGINT)
        printed = first + process.stdout.read().splitlines(keepends=True)
        error = process.stderr.read()
    assert process.returncode == -signal.SIGINT
    assert error.startswith("Traceback") and error.endswith("\nKeyboardInterrupt\n")
    found = [int(v.rpartition(": ")[2]) for v in values(newest_trace("case"), "i * 3")]
    assert found[: len(printed)] == [int(line) for line in printed]
    assert status() == "failed"


# ---- several runs


def test_two_runs_of_one_experiment_at_once(write: Write) -> None:
    write(
        "script.py",
        """
        import os, sys, time
        me = sys.argv[1]
        open(me, "w").close()
        while not (os.path.exists("a") and os.path.exists("b")):
            time.sleep(0.01)
        for i in range(1000):
            x = me + str(i)
        """,
    )
    both = [subprocess.Popen([FLOR, "python", "script.py", "case", me]) for me in "ab"]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    found = sorted(runs("case", []), key=lambda r: r.info["argv"])
    assert [(r.info["argv"], r.status) for r in found] == [(["script.py", me], "finished") for me in "ab"]
    assert len({r.id for r in found}) == 2
    query = "select run, count(*) as n, count(distinct value) as different, min(left(value, 1)) as first from values "
    counted = flor("sql", "--csv", query + "where text = 'me + str(i)' group by run, left(value, 1) order by first")
    assert counted.stdout.splitlines()[1:] == [f"{r.id},1000,1000,{me}" for r, me in zip(found, "ab", strict=True)]
