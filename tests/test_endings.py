"""However a program ends, it ends as under plain Python, and what was recorded before is in the table."""

from __future__ import annotations

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flor import listing
from flor.etl import sql, table
from flor.home import runs
from tests.capture.reading import newest_trace, values
from tests.conftest import flor

Write = Callable[[str, str], Path]
FLOR = Path(sys.executable).with_name("flor")

#: How often a run is killed. 200 times is for the patient: FLOR_KILLS=200 pytest tests/test_endings.py
KILLS = int(os.environ.get("FLOR_KILLS", "25"))


def status(experiment: str = "case") -> str:
    """What `flor ls` says of the newest run."""
    return flor("ls", experiment).stdout.splitlines()[-1].split()[2]


# ---- kill -9


LOOPS = {
    "a loop": """
        i = 0
        while True:
            x = i * 3
            os.write(1, b"%d\\n" % i)
            i += 1
        """,
    "calls with texts, generators and threads": """
        import threading
        def numbers():
            i = 0
            while True:
                yield i
                i += 1
        def other():
            for j in numbers():
                text = str(j) * 20
        threading.Thread(target=other, daemon=True).start()
        def step(i):
            x = i * 3
            return [x, str(x) * 5]
        for i in numbers():
            kept = step(i)
            os.write(1, b"%d\\n" % i)
        """,
    "a spawned child": """
        import multiprocessing
        def work():
            i = 0
            while os.getppid() == parent:
                x = i * 3
                os.write(1, b"%d\\n" % i)
                i += 1
        parent = os.getppid()
        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work)
            child.start()
            child.join()
        """,
}


def killed(delay: float) -> list[int]:
    """The counters that come out of a run that is killed a while after the first one."""
    with subprocess.Popen(
        [FLOR, "python", "script.py", "case"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        out = bytearray(os.read(process.stdout.fileno(), 1))
        end = time.monotonic() + delay
        while time.monotonic() < end:
            out += os.read(process.stdout.fileno(), 1 << 16)
        os.killpg(process.pid, signal.SIGKILL)
        while more := os.read(process.stdout.fileno(), 1 << 16):
            out += more
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in out.split(b"\n")[:-1]]


def count_kills(program: str, kills: int, write: Write) -> None:
    write("script.py", "import os\n" + LOOPS[program].replace("\n        ", "\n"))
    write("script_h.py", f"#{os.path.abspath('script.py')}\nimport os\n" + LOOPS[program].replace("\n        ", "\n"))
    shadow = Path("script_h.py")
    shadow.write_text(shadow.read_text().replace("i * 3", 'GET("x", i * 3)'))
    random_ = random.Random(kills)
    printed = [killed(random_.uniform(0, 0.15)) for _ in range(kills)]
    assert {r.status for r in runs("case", [])} == {"killed"}
    done = flor("etl", "case", shadow)
    assert done.returncode == 0
    found: dict[str, list[int]] = {}
    with Path("case.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["run"], []).append(int(row["x"]))
    for run, lines in zip(runs("case", []), printed, strict=True):
        x = found.get(run.id, [])
        assert lines == list(range(len(lines)))
        assert x == [i * 3 for i in range(len(x))]
        assert len(x) >= len(lines), f"{run.id}: {len(lines) - len(x)} values are lost"


@pytest.mark.parametrize("program", LOOPS)
def test_kill_9_loses_nothing(program: str, write: Write) -> None:
    count_kills(program, KILLS if program == "a loop" else max(KILLS // 5, 1), write)


def test_kill_9_loses_nothing_in_python(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOR_RECORDER", "python")
    count_kills("a loop", max(KILLS // 5, 1), write)


# ---- other endings

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


# ---- no room

SCARCE = {
    "file size": (
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20,) * 2)
        """,
        "File too large",
    ),
    "open files": (
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 99))
        """,
        "Too many open files",
    ),
}


@pytest.mark.parametrize("what", SCARCE)
def test_the_program_goes_on_where_recording_cannot(what: str, recorder: str, write: Write) -> None:
    limit, why = SCARCE[what]
    write(
        "script.py",
        f"""
        import resource, sys
        before = 1 + 1
        {limit.strip()}
        total = 0
        for i in range(300_000):
            total += i * 3
        try:
            big = bytearray(1 << 40)
        except MemoryError:
            print("no memory")
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        print(total)
        sys.exit(3)
        """,
    )
    plain = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60)
    captured = flor("python", "script.py", "case")
    assert (captured.returncode, captured.stdout) == (plain.returncode, plain.stdout) == (3, plain.stdout)
    assert f"flor: recording stopped early: {why}" in captured.stderr
    assert all(line.startswith("flor: ") for line in captured.stderr.splitlines())
    trace = newest_trace("case")
    assert values(trace, "1 + 1") == ["2"]
    found = [int(v.rpartition(": ")[2]) for v in values(trace, "i * 3")]
    assert found == [i * 3 for i in range(len(found))]
    assert 0 < len(found) < 300_000
    assert f"recording stopped early: {why}" in flor("show", "case").stdout


def test_recording_needs_no_address_space(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import resource
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (8 << 20),) * 2)
        total = 0
        for i in range(300_000):
            total += i * 3
        print(total)
        """,
    )
    captured = flor("python", "script.py", "case")
    assert (captured.returncode, captured.stdout) == (0, "134999550000\n")
    assert all(line.startswith("flor: ") for line in captured.stderr.splitlines())
    assert len(values(newest_trace("case"), "i * 3")) == 300_000


def test_a_child_that_cannot_go_on_recording_says_so(write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing, resource
        def work(n):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20,) * 2)
            for i in range(n):
                x = i * 3
        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work, args=(300_000,))
            child.start()
            child.join()
            print(child.exitcode)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert done.stderr.startswith("flor: recording stopped early: File too large;")
    found = [int(v.rpartition(": ")[2]) for v in values(newest_trace("case"), "i * 3")]
    assert 0 < len(found) < 300_000
    assert found == [i * 3 for i in range(len(found))]


def test_memory_that_runs_out_in_the_program(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        held = []
        try:
            for i in range(10_000):
                held.append(bytearray(1 << 22))
        except MemoryError:
            count = len(held) > 50
            held.clear()
            print("out of memory", count)
        for j in range(1000):
            y = j * 5
        print(y)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out of memory True\n4995\n", "")
    assert values(newest_trace("case"), "j * 5") == [f"j[{j}]: {j * 5}" for j in range(1000)]


@pytest.mark.parametrize("instead", ["nothing", "a file"])
def test_flor_home_goes_while_the_program_runs(instead: str, recorder: str, write: Write, flor_home: Path) -> None:
    write("late.py", "y = 2 + 2\n")
    write(
        "script.py",
        f"""
        import multiprocessing, shutil, sys
        for i in range(1000):
            x = i * 3
        shutil.rmtree({os.fspath(flor_home)!r})
        if {instead == "a file"}:
            open({os.fspath(flor_home)!r}, "w").close()
        import late
        for i in range(300_000):
            x = i * 3
        child = multiprocessing.get_context("fork").Process(target=sum, args=([x],))
        child.start()
        child.join()
        print(x, late.y, child.exitcode)
        sys.exit(4)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (4, "899997 4 0\n")
    assert done.stderr and all(line.startswith("flor: ") for line in done.stderr.splitlines())
    assert not (flor_home / "case").exists()


def test_a_home_that_becomes_read_only(write: Write, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None or subprocess.run(["mount", "-t", "tmpfs", "flor-test", disk]).returncode:
        pytest.skip("file systems cannot be mounted here")
    write(
        "script.py",
        f"""
        import subprocess
        before = 1 + 1
        # What is mapped for writing keeps a file system from being made read-only; that of its folder is not.
        subprocess.run(["mount", "--bind", {os.fspath(disk)!r}, {os.fspath(disk)!r}], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", {os.fspath(disk)!r}], check=True)
        for i in range(300_000):
            x = i * 3
        print(x)
        """,
    )
    try:
        done = flor("python", "script.py", "case", FLOR_HOME=str(disk / "home"))
        assert (done.returncode, done.stdout) == (0, "899997\n")
        assert done.stderr and all(line.startswith("flor: ") for line in done.stderr.splitlines())
    finally:
        subprocess.run(["umount", "--lazy", disk])
    try:
        made = flor("log", "case", FLOR_HOME=str(disk / "home"))
        assert (made.returncode, '"1 + 1"' in made.stdout) == (0, True)
        assert "killed" in flor("ls", "case", FLOR_HOME=str(disk / "home")).stdout
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


# ---- several runs, damaged ones


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


def damage(path: Path, how: str, random_: random.Random) -> None:
    """What a power loss can leave of a file."""
    size = path.stat().st_size
    if how == "empty":
        os.truncate(path, 0)
    elif how == "zeros":
        path.write_bytes(bytes(size))
    elif how == "cut":
        os.truncate(path, random_.randrange(size + 1))
    elif how == "half zeros":
        kept = random_.randrange(size + 1)
        path.write_bytes(path.read_bytes()[:kept] + bytes(size - kept))
    elif how == "garbage":
        path.write_bytes(random_.randbytes(size))
    else:
        path.unlink()


def test_what_a_power_loss_leaves_never_stops_the_other_runs(write: Write, tmp_path: Path, flor_home: Path) -> None:
    write(
        "script.py", "import os, sys\nfor i in range(5):\n    x = str(i) * 9\nif len(sys.argv) > 1:\n    os._exit(0)\n"
    )
    assert flor("python", "script.py", "case").returncode == 0
    assert flor("python", "script.py", "case", "killed").returncode == 0
    deadline = time.monotonic() + 60
    first, second = (r.path for r in runs("case", []))
    while (first / "segments").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shadow = write("script_h.py", f"#{os.path.abspath('script.py')}\n" + Path("script.py").read_text())
    shadow.write_text(shadow.read_text().replace("str(i) * 9", 'GET("x", str(i) * 9)'))
    for seed in range(60):
        random_ = random.Random(seed)
        broken = flor_home / "case" / "runs" / "20200101-000000-000000"
        shutil.rmtree(broken, ignore_errors=True)
        shutil.copytree(random_.choice([first, second]), broken)
        files = sorted(p for p in broken.rglob("*") if p.is_file())
        for path in random_.sample(files, random_.randint(1, len(files))):
            damage(path, random_.choice(["empty", "zeros", "cut", "half zeros", "garbage", "gone"]), random_)
        lines, _ = listing.experiments_and_runs(None)
        assert {line.split()[1] for line in lines[1:]} >= {first.name, second.name}, seed
        assert listing.experiment("case"), seed
        made = table.make_table("case", [shadow], None).arrow.to_pylist()
        for run in (first, second):
            assert [r["x"] for r in made if r["run"] == run.name] == [str(i) * 9 for i in range(5)], seed
        out = tmp_path / "out.csv"
        with out.open("w") as file:
            sql.run("select count(*) from values where kind = 'str' and text = 'str(i) * 9'", "csv", file)
        assert int(out.read_text().split()[1]) >= 10, seed
