"""Where there is no room to record: the program goes on, the run says so, and what was recorded is right."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flor.etl import table
from tests.capture.reading import newest_trace, values
from tests.conftest import flor
from tests.walkthrough import annotate

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]

# ---- a full disk


def mount(device: str, folder: Path, *options: str) -> bool:
    """Mount a file system on a new folder. Returns whether that is possible here."""
    folder.mkdir()
    command = ["mount", *options, device, os.fspath(folder)]
    return shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, and real: in memory, or on a loop device."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    if request.param == "tmpfs":
        mounted = mount("flor-test", folder, "-t", "tmpfs", "-o", "size=3m")
    else:
        image.write_bytes(bytes(4 << 20))
        made = (
            shutil.which("mkfs.ext4") and not subprocess.run(["mkfs.ext4", "-q", image], capture_output=True).returncode
        )
        mounted = bool(made) and mount(os.fspath(image), folder, "-o", "loop")
    if not mounted:
        pytest.skip(f"no {request.param} can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


NESTED = """
import os, sys, threading
def words(i, who):
    for j in range(3):
        yield f"{who} has word {j} of {i}, which is long enough for the heap"
def work(who, n):
    for i in range(n):
        x = (who, i)
        for word in words(i, who):
            y = (word, i * 7)
            z = i * 10 + int(word.split()[3])
work("main", 20)
thread = threading.Thread(target=work, args=("thread", 6000))
thread.start()
child = os.fork()
work("main" if child else "child", 6000)
if child:
    thread.join()
    print(os.waitpid(child, 0)[1])
    sys.exit(3)
os._exit(0)
"""


def test_a_disk_that_fills_up_leaves_no_value_in_a_wrong_place(recorder: str, write: Write, disk: Path) -> None:
    """What fills first is the heap: of a loop whose targets are texts no instance begins any more."""
    write("script.py", NESTED)
    home = {"FLOR_HOME": str(disk / "home"), "FLOR_BUDGET": "1G", "FLOR_TIME_SHARE": "1"}
    home["PYTHONWARNINGS"] = "ignore::DeprecationWarning"  # since 3.12 a fork beside a thread is warned of
    done = flor("python", "script.py", "case", **home)
    assert (done.returncode, done.stdout) == (3, "0\n")
    assert done.stderr.startswith("flor: recording stopped early: No space left on device")
    assert all(line.startswith("flor: ") for line in done.stderr.splitlines())
    assert "recording stopped early: No space left" in flor("show", "case", **home).stdout
    shadow = annotate(
        "script.py",
        ("        x = (who, i)\n", "        GET('i', i)\n        x = GET('x', (who, i))\n"),
        ("            y = (word, i * 7)\n", "            GET('word', word)\n            y = GET('y', (word, i * 7))\n"),
        ("z = i * 10 + int(word.split()[3])", "z = GET('z', i * 10 + int(word.split()[3]))"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOR_HOME", home["FLOR_HOME"])
        found = table.make_table("case", [Path(shadow)]).arrow.to_pylist()
    whole = 0
    for row in found:
        i, x, word, y, z = (row[name] for name in ("i", "x", "word", "y", "z"))
        if i is None:
            continue
        assert x is None or re.fullmatch(rf'\["\w+", {i}\]', x), row
        assert word is None or f" of {i}," in word, row
        assert word is None or x is None or eval(x)[0] == word.split()[0], row
        assert y is None or word is None or eval(y) == [word, i * 7], row
        assert z is None or z == i * 10 + (int(word.split()[3]) if word else row["word_iter"]), row
        whole += None not in (x, word, y, z)
    assert 1000 < whole < 3 * 18_020


# ---- other limits

SCARCE = {
    "a limit of files' size (no full disk)": (
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop its permissions")
def test_a_program_that_drops_its_permissions(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import os
        for i in range(100):
            x = i * 3
        os.setuid(65534)
        for i in range(300_000):
            x = i * 3
        print(x)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "899997\n")
    assert done.stderr and all(line.startswith("flor: ") for line in done.stderr.splitlines())
    assert "Permission denied" in done.stderr
    found = [int(v.rpartition(": ")[2]) for v in values(newest_trace("case"), "i * 3")]
    assert found[100:] == [i * 3 for i in range(len(found) - 100)]
    assert len(found) >= 100


# ---- the budget


def test_a_run_that_has_used_its_budget_without_a_loop_stops_recording_and_says_so(recorder: str, write: Write) -> None:
    """There is nothing to thin: each statement is executed once."""
    write("script.py", "".join(f"t{n} = '{n:06}' * 9000\n" for n in range(40)) + "print(len(t39))\n")
    done = flor("python", "--budget", "1M", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "54000\n")
    assert "flor: recording stopped early: its budget, or a disk quota, is used up" in done.stderr
    trace = newest_trace("case")
    found = [bool(values(trace, f"'{n:06}' * 9000")) for n in range(40)]
    assert found[:5] == [True] * 5 and found[-1] is False
    assert found == sorted(found, reverse=True)
    assert "recording stopped early" in flor("show", "case").stdout


def test_rows_of_a_thinned_run_hold_what_belongs_together(recorder: str, write: Write) -> None:
    """Else an iteration that is the only one recorded would share its row with what stands beside it."""
    write(
        "script.py",
        """
        def work():
            for i in range(40_000):
                w = i * 2
                for j in range(5):
                    x = i * 10 + j
                for k in range(2):
                    y = i + k
            return i
        print(work())
        """,
    )
    done = flor("python", "--budget", "1M", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "39999\n")
    assert "stopped early" not in done.stderr
    shadow = annotate(
        "script.py",
        ("w = i * 2", "w = GET('w', i * 2)"),
        ("x = i * 10 + j", "x = GET('x', i * 10 + j)"),
        ("y = i + k", "y = GET('y', i + k)"),
    )
    found = table.make_table("case", [Path(shadow)])
    rows = found.arrow.to_pylist()
    assert 500 < len(rows) < 40_000
    for row in rows:
        i, j, k = (row[f"{name}_iter"] for name in "ijk")
        assert row["w"] == 2 * i, row
        assert row["x"] == (None if j is None else 10 * i + j), row
        assert row["y"] == (None if k is None else i + k), row
    assert any(row["j_iter"] is not None for row in rows) and any(row["k_iter"] is not None for row in rows)
    said = [str(remark) for remark in found.diagnostics]
    assert any("iterations were recorded" in line for line in said), said
    shown = flor("show", "case").stdout
    assert "was thinned" in shown
