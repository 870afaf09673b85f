"""A long run is packed beside the program, which does not notice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flor.capture import _beside, beside  # type: ignore[attr-defined]
from flor.home import open_run
from flor.trace.read import open_trace
from flor.trace.values import text as text_of
from tests.capture.test_recorders import UNPACKED
from tests.conftest import flor

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]

#: What a program that is to be looked at does, and how it finds those who pack its run.
PREAMBLE = """
import glob, os, signal, sys, time

RUN, = glob.glob(os.environ["FLOR_HOME"] + "/case/runs/*")

def packers():
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\\0")
        except OSError:
            continue
        if b"--beside" in words and RUN.encode() in words:
            found.append(int(path.split("/")[2]))
    return found

def until(happened):
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.05)
    sys.exit("it did not happen")

def parts():
    return len(glob.glob(RUN + "/trace/blocks-*.parquet"))

def much(n):
    for i in range(n):
        x = i * 3
"""

#: So many iterations of `much` are more than a part.
MUCH = 1_500_000


def script(body: str) -> str:
    lines = body.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return PREAMBLE + "\n".join(line[indent:] for line in lines) + "\n"


def packed(home: Path) -> Path:
    """The one run of the experiment, when it is packed and nobody packs it any more."""
    (run,) = home.glob("case/runs/*")
    for _ in range(1200):
        if not (run / "segments").exists() and not packers(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"{run} is not packed: {sorted(run.rglob('*'))}")


def packers(run: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--beside" in words and os.fsencode(run) in words:
            found.append(int(path.parent.name))
    return found


def unpacked(**settings: str) -> None:
    """Capture script.py, and leave its segments as they are."""
    command = [sys.executable, "-c", UNPACKED, "script.py", "case"]
    subprocess.run(command, check=True, env={**os.environ, **settings})


def products(run: Path, process: int = 0) -> list[list[int]]:
    """The values of `i * 3` in each call of `much`."""
    trace = open_trace(open_run(run))
    assert trace.warnings == []
    instances = trace.instances()
    calls: dict[int, list[int]] = {}
    for index, source in enumerate(trace.sources):  # a spawned child's is another one
        (site,) = (n for n, s in enumerate(source.map.sites) if s.text == "i * 3")
        values = trace.values(index, site)
        for call, value in zip(instances.parent[values.instance].tolist(), values.payload.tolist(), strict=True):
            calls.setdefault(call, []).append(value)
    return list(calls.values())


def whole(n: int) -> list[int]:
    return list(range(0, 3 * n, 3))


def test_a_long_run_is_packed_while_it_goes_on(recorder: str, write: Write, flor_home: Path) -> None:
    count = MUCH if recorder == "c" else MUCH // 2 + 1  # of which each iteration has two values and a binding
    write("script.py", script(f"much({MUCH})\nuntil(parts)\nmuch(10)\nprint('ended')"))
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "ended\n")
    assert count
    assert products(packed(flor_home)) == [whole(MUCH), whole(10)]


def said(errors: str) -> list[str]:
    """The lines on stderr, but for the one of a log that is too long."""
    return [line for line in errors.splitlines() if "log.json ends early, at 50 MB" not in line]


def test_the_program_does_not_notice(write: Write, flor_home: Path) -> None:
    write(
        "script.py",
        script(
            f"""
            signals = []
            signal.signal(signal.SIGCHLD, lambda *_: signals.append(1))
            mine, theirs = os.pipe()
            os.set_inheritable(theirs, True)
            os.umask(0)
            before = sorted(os.listdir("/proc/self/fd"))
            much({MUCH})
            until(parts)
            (packer,) = packers()
            assert sorted(os.listdir("/proc/self/fd")) == before
            try:
                os.waitpid(-1, os.WNOHANG)
                sys.exit("it has a child")
            except ChildProcessError:
                pass
            assert not signals
            os.close(theirs)
            assert os.read(mine, 1) == b""
            assert os.getsid(packer) == packer
            assert os.getpriority(os.PRIO_PROCESS, packer) == 10
            assert os.readlink(f"/proc/{{packer}}/cwd") == "/"
            assert {{os.readlink(f"/proc/{{packer}}/fd/{{fd}}") for fd in range(3)}} == {{"/dev/null"}}
            os.kill(packer, signal.SIGKILL)
            until(lambda: not packers())
            time.sleep(0.1)
            assert not signals
            print("ended")
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout, said(done.stderr)) == (0, "ended\n", [])


def test_what_a_killed_program_has_recorded_is_packed(write: Write, flor_home: Path) -> None:
    write("script.py", script(f"much({MUCH})\nuntil(packers)\nmuch(10)\nprint('ready', flush=True)\ntime.sleep(99)"))
    command = [Path(sys.executable).with_name("flor"), "python", "script.py", "case"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    run = packed(flor_home)
    assert open_run(run).status == "killed"
    assert products(run) == [whole(MUCH), whole(10)]


def test_a_run_has_one_packer_whoever_is_busy(write: Write, flor_home: Path) -> None:
    write(
        "script.py",
        script(
            f"""
            import multiprocessing
            def work(done):
                much({MUCH})
                until(packers)
                done.wait()
            if __name__ == "__main__":
                children = []
                for method in ("fork", "spawn"):
                    context = multiprocessing.get_context(method)
                    done = context.Event()
                    children.append((context.Process(target=work, args=(done,)), done))
                    children[-1][0].start()
                most = 0
                until(parts)
                for _ in range(20):
                    most = max(most, len(packers()))
                    time.sleep(0.05)
                for child, done in children:
                    done.set()
                    child.join()
                print(most, [child.exitcode for child, _ in children])
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.stdout, said(done.stderr)) == ("1 [0, 0]\n", [])
    assert products(packed(flor_home)) == [whole(MUCH), whole(MUCH)]


def test_a_packer_that_crashed_is_followed_by_another(write: Write, flor_home: Path) -> None:
    write(
        "script.py",
        script(
            f"""
            much({MUCH})
            until(parts)
            first = packers()
            os.kill(first[0], signal.SIGKILL)
            until(lambda: not packers())
            much({2 * MUCH})
            until(packers)
            print("ended")
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "ended\n")
    assert products(packed(flor_home)) == [whole(MUCH), whole(2 * MUCH)]


def test_the_packer_ends_when_the_run_is_removed(write: Write, flor_home: Path) -> None:
    write(
        "script.py",
        script(
            f"""
            import shutil
            much({MUCH})
            until(packers)
            shutil.rmtree(os.environ["FLOR_HOME"])
            until(lambda: not packers())
            print("ended")
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "ended\n")
    assert not (flor_home / "case").exists()


def test_packing_is_tried_again_when_there_was_no_room(write: Write, flor_home: Path) -> None:
    """Where the trace is to lie there is a file at first."""
    write(
        "script.py",
        script(
            f"""
            open(RUN + "/trace", "w").close()
            much({MUCH})
            until(lambda: os.path.exists(RUN + "/.not-packed"))
            os.remove(RUN + "/trace")
            until(parts)
            print("ended")
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "ended\n")
    run = packed(flor_home)
    assert not (run / ".not-packed").exists()
    assert products(run) == [whole(MUCH)]


def test_two_runs_at_once_have_a_packer_each(write: Write, flor_home: Path) -> None:
    text = f"for i in range({MUCH}):\n    x = i * 3\n"
    write("script.py", text)
    command = [Path(sys.executable).with_name("flor"), "python", "script.py", "case"]
    both = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    runs = sorted(flor_home.glob("case/runs/*"))
    assert len(runs) == 2
    for run in runs:
        for _ in range(1200):
            if not (run / "segments").exists():
                break
            time.sleep(0.05)
        assert products(run) == [whole(MUCH)]


# ---- how a process is started

#: Tells what it is, and stays until its file is gone.
TELLS = """
import json, os, sys, time
fds = {int(fd) for fd in os.listdir("/proc/self/fd")}
about = {
    "parent": os.getppid(), "session": os.getsid(0), "pid": os.getpid(), "cwd": os.getcwd(), "umask": os.umask(0),
    "fds": [os.readlink(f"/proc/self/fd/{fd}") for fd in sorted(fds) if os.path.exists(f"/proc/self/fd/{fd}")],
    "blocked": open("/proc/self/status").read().partition("SigBlk:")[2].split()[0],
    "variable": os.environ.get("FLOR_TEST"),
}
with open(sys.argv[1] + ".new", "w") as file:
    json.dump(about, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
while os.path.exists(sys.argv[1]):
    time.sleep(0.01)
"""

STARTS = {"in C": _beside.start, "by a shell": beside._by_shell}


@pytest.fixture
def leak() -> Iterator[int]:
    """A descriptor that children inherit."""
    one, other = os.pipe()
    os.set_inheritable(other, True)
    yield other
    os.close(one)
    os.close(other)


@pytest.mark.parametrize("how", STARTS)
def test_what_is_started_has_nothing_of_the_program(how: str, tmp_path: Path, leak: int) -> None:
    signals: list[int] = []
    before = signal.signal(signal.SIGCHLD, lambda *_: signals.append(1))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    told = tmp_path / "told"
    command = tuple(map(os.fsencode, (sys.executable, "-c", TELLS, told)))
    try:
        for _ in range(2):  # the second one finds the folder locked
            STARTS[how](command, (b"FLOR_TEST=1",), os.fsencode(tmp_path), False)
        for _ in range(1000):
            if told.exists():
                break
            time.sleep(0.01)
        about = json.loads(told.read_text())
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
    finally:
        told.unlink(missing_ok=True)
        signal.signal(signal.SIGCHLD, before)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    assert about["parent"] != os.getpid()
    assert about["session"] != os.getsid(0)
    assert (about["cwd"], about["umask"], about["variable"]) == ("/", 0o77, "1")
    assert about["fds"] == ["/dev/null", "/dev/null", "/dev/null", str(tmp_path)]
    assert int(about["blocked"], 16) == 0
    assert (how, len(signals)) in (("in C", 0), ("by a shell", 1))


@pytest.mark.parametrize("how", STARTS)
def test_where_a_process_cannot_be_started_nothing_happens(how: str, tmp_path: Path) -> None:
    for directory in (tmp_path / "none", tmp_path):
        STARTS[how]((b"/no/such/program",), (), os.fsencode(directory), False)


def test_a_program_that_gets_orphans_gets_no_packer_for_a_child(write: Write, flor_home: Path) -> None:
    """As the first process of a container does; it may wait for all its children."""
    write(
        "script.py",
        script(
            f"""
            import ctypes
            PR_SET_CHILD_SUBREAPER = 36
            assert not ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            much({MUCH})
            time.sleep(0.5)
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                print("no child")
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "no child\n")
    assert products(packed(flor_home)) == [whole(MUCH)]


def test_a_value_that_comes_again_after_others_is_kept_though_its_first_place_is_packed(
    write: Write, flor_home: Path
) -> None:
    """In between come values of its kind that are too long to be referred to again."""
    write(
        "script.py",
        script(
            f"""
            short = "a header line of text"
            def phase(n, long):
                for i in range(n):
                    text = "x" * 300 + str(i) if long else short
                    seen = [text][0]
                    length = len(seen)
            phase(5, False)
            phase(20_000, True)
            much({MUCH})
            until(parts)
            phase(20_000, True)
            before = parts()
            much({MUCH})
            until(lambda: parts() > before)
            phase(100, False)
            """
        ),
    )
    done = flor("python", "script.py", "case")
    assert done.returncode == 0, done.stderr
    trace = open_trace(open_run(packed(flor_home)))
    assert trace.warnings == []
    (source,) = trace.sources
    (site,) = (n for n, s in enumerate(source.map.sites) if s.text == "[text][0]")
    values = trace.values(0, site)
    rows = zip(values.kind.tolist(), values.payload.tolist(), values.data.to_pylist(), strict=True)
    found = [text_of(*row) for row in rows]
    assert found[-100:] == ["a header line of text"] * 100
    assert len(found) == 40_105 and found[:5] == found[-5:]


#: Code that is not captured, as exec is not: forks, waits until the run is packed, then begins to work.
LATE = """
import os, time
def begin(run, work):
    if os.fork() == 0:
        os.closerange(0, 3)
        while os.path.exists(run + "/segments"):
            time.sleep(0.05)
        work(10)
        with open("late", "w") as file:
            file.write("ended")
        os._exit(0)
    os._exit(0)
"""


def test_a_child_that_begins_when_its_run_is_packed_leaves_it_as_it_is(write: Write, flor_home: Path) -> None:
    """Until then nothing tells that it is there."""
    write(
        "script.py",
        script(
            f"""
            late = {{}}
            exec({LATE!r}, late)
            much({MUCH})
            until(parts)
            late["begin"](RUN, much)
            """
        ),
    )
    assert flor("python", "script.py", "case").returncode == 0
    run = packed(flor_home)
    late = Path("late")
    for _ in range(400):
        if late.exists() and late.read_text():
            break
        time.sleep(0.05)
    assert late.read_text() == "ended"
    assert not (run / "segments").exists()
    assert products(run) == [whole(MUCH)]


def test_what_a_packer_left_that_was_killed_at_its_end_is_removed(
    write: Write, flor_home: Path, tmp_path: Path
) -> None:
    write("script.py", "for i in range(100_000):\n    x = i * 3\n")
    (kept,) = (tmp_path / "kept",)
    command = (
        "import shutil, sys\nfrom flor.capture import beside\nfrom flor.capture.run import run\n"
        "beside.packing = lambda *_, **__: lambda: None\n"
        "run('script.py', 'case', [], False, lambda _: None)"
    )
    subprocess.run([sys.executable, "-c", command], check=True, env={**os.environ, "FLOR_BUDGET": "1M"})
    (run,) = flor_home.glob("case/runs/*")
    shutil.copytree(run / "segments", kept)
    assert subprocess.run([sys.executable, "-m", "flor.trace.pack", run]).returncode == 0
    info = json.loads((run / "run.json").read_bytes())
    assert info.pop("thinned")
    (run / "run.json").write_text(json.dumps(info))
    shutil.copytree(kept, run / "segments")
    (run / ".not-packed").write_text("")
    for path in (run / "segments").rglob("*"):
        os.utime(path, (0, 0))
    assert "is not packed yet: there is no room" in flor("show", "case").stdout
    assert subprocess.run([sys.executable, "-m", "flor.trace.pack", run]).returncode == 0
    assert not (run / "segments").exists() and not (run / ".not-packed").exists()
    assert json.loads((run / "run.json").read_bytes())["thinned"]


def test_a_run_that_is_gone_does_not_keep_others_from_being_packed(write: Write, flor_home: Path) -> None:
    write("script.py", "x = 1 + 1\n")
    command = (
        "from flor.capture import beside\nfrom flor.capture.run import run\n"
        "beside.packing = lambda *_, **__: lambda: None\n"
        "run('script.py', 'case', [], False, lambda _: None)"
    )
    subprocess.run([sys.executable, "-c", command], check=True)
    (run,) = flor_home.glob("case/runs/*")
    gone = run.with_name("20000101-000000-000000")
    assert subprocess.run([sys.executable, "-m", "flor.trace.pack", gone, run]).returncode == 1
    assert not (run / "segments").exists()
