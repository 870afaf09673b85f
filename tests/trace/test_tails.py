"""What was written last lies in tails: everything is read as if it lay in its segment, at any moment of the recorder."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flor import home
from flor.errors import FlorError
from flor.home import open_run, process_started
from flor.trace import decode as decoding
from flor.trace import format as f
from flor.trace import segment as segments
from flor.trace.decode import decode
from flor.trace.pack import pack
from flor.trace.read import Raw, Trace, open_trace
from flor.trace.segment import intact, read_tail
from tests.trace.test_parts import contents, make
from tests.trace.test_properties import Body, Program, Record, bodies, streams
from tests.trace.writer import MAIN, WrittenProcess, WrittenRun, into_tail, main_process, shown

pytestmark = pytest.mark.once

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def goes_on(run: WrittenRun, process: WrittenProcess, **about: object) -> None:
    """Say that the run and its process go on: they are this test's."""
    here = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), **about}
    for path, more in ((run.path / "run.json", {"status": "running"}), (process.path / "process.json", {})):
        path.write_text(json.dumps(json.loads(path.read_bytes()) | here | more))


def next_tail(path: Path) -> None:
    """The segment is complete, and the tail, which is empty, belongs to the next one."""
    stream, segment, kind = path.name.split(".")
    place = int(segment) + 1 << f.HEAP_SHIFT
    tail = place.to_bytes(8, "little").ljust(f.TAIL + f.CHUNK, b"\0")
    path.with_name(f"{stream}.tail.{kind}").write_bytes(tail)


def at_a_moment(path: Path, choose: random.Random) -> None:
    """Put a segment's end into its tail, as it is at some moment of the recorder."""
    size = path.stat().st_size
    at = choose.randrange(size + 1)
    if path.suffix == ".events":
        at -= at % f.RECORD
    moment = choose.choice(["written", "being appended", "appended", "being emptied", "emptied", "next"])
    if moment == "next":
        next_tail(path)
    elif moment == "emptied":
        into_tail(path, size, size, size)
    elif moment == "being emptied":
        into_tail(path, at, size, size, (0, choose.randrange(size - at + 1)))
    else:
        into_tail(path, at, {"written": at, "appended": size}.get(moment, choose.randint(at, size)), size)


def sound(records: list[Record]) -> list[Record]:
    """The same without what refers to anywhere in the heap."""
    return [(head, 0 if head >> f.KIND_SHIFT & f.KIND_MASK in f.HEAP_KINDS else payload) for head, payload in records]


@few
@given(
    st.lists(st.lists(streams.filter(bool).map(sound), min_size=1, max_size=2), min_size=1, max_size=2),
    st.integers(0, 30),
    st.integers(0, 1 << 32),
)
def test_a_run_is_the_same_at_any_moment_of_the_recorder(
    processes: list[list[list[Record]]], fork: int, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as home:
        run = make(home, processes, min(fork, 1 + len(processes[0][0])))
        expected = contents(run.read("c"))
        choose = random.Random(seed)
        if choose.random() < 0.5:
            run.split(lambda _: choose.randint(1, 6))
        for path in run.last_segments():
            at_a_moment(path, choose)
        assert contents(run.read("python")) == expected
        assert contents(Trace(open_run(run.path), [Raw(decode(run.path))])) == expected
        while run.pack_parts(0.01):
            assert contents(open_trace(open_run(run.path))) == expected
        run.pack_parts()
        assert contents(open_trace(open_run(run.path))) == expected


@few
@given(bodies("main", 4), st.integers(0, 1 << 32))
def test_what_a_packer_takes_of_a_run_that_goes_on_is_neither_lost_nor_doubled(body: Body, seed: int) -> None:
    choose = random.Random(seed)
    with tempfile.TemporaryDirectory() as home:
        run = WrittenRun(Path(home))
        process = main_process(run)
        program = Program(process.stream())
        program.execute("main", body, "")
        goes_on(run, process)
        run.split(lambda _: choose.randint(1, 6))
        for path in run.last_segments():
            at_a_moment(path, choose)
        tails = sorted(process.path.glob("*.tail.*"))
        while True:
            trace = open_trace(open_run(run.path))
            assert (shown(trace), trace.warnings) == (program.expected, [])
            if not run.pack_parts(0.01, ended=False):
                break
        assert sorted(process.path.glob("*.tail.*")) == tails


def test_of_a_process_that_has_ended_nothing_stays_once_it_is_packed(tmp_path: Path) -> None:
    """While the run goes on: its files count towards what waits to be packed."""
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main").value("a", "long enough for the heap")
    goes_on(run, p)
    child = run.process("1", parent="0", stream=0, record=s.records).inherit(p)
    child.stream().value("x", "also long enough", opens=True)
    run.into_tails(lambda _: 0)
    assert run.pack_parts(1, ended=False) == 1
    assert sorted(path.name for path in child.path.iterdir()) == ["process.json"]
    parent, call = {"a": "long enough for the heap"}, {"x": "also long enough"}
    expected = {"main[0]": parent, "main[0] #1": {}, "main[0] > f[0]": call}
    assert shown(open_trace(open_run(run.path))) == expected


def test_a_process_that_ends_while_its_files_are_listed_is_not_taken_for_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what it wrote last, after its files were listed, would be removed unread."""
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main").value("a", 1)
    goes_on(run, p)
    tail = segments.read_tail

    def ending(path: Path) -> Any:
        monkeypatch.setattr("flor.trace.layout.process_started", lambda _: None)
        return tail(path)

    run.into_tails(lambda _: 0)
    monkeypatch.setattr("flor.trace.layout.read_tail", ending)
    assert run.pack_parts(1, ended=False) == 0
    assert s.records == 2


# ---- what is torn


def written_tail(folder: Path, records: int = 3) -> Path:
    """A tail with values 0, 1, 2, ... behind the first record of segment 0."""
    run = WrittenRun(folder)
    s = main_process(run).stream().open("main")
    for i in range(records):
        s.value("x", i, opens=True)
    into_tail(s.events, f.RECORD, f.RECORD, s.events.stat().st_size)
    return s.events.with_name("0.tail.events")


@pytest.mark.parametrize("length", [0, 7, 8, f.TAIL - 1])
def test_a_tail_that_is_just_being_made_is_none(length: int, tmp_path: Path) -> None:
    path = tmp_path / "0.tail.events"
    path.write_bytes(bytes(length))
    assert read_tail(path) is None


def test_a_record_whose_head_is_not_written_yet_is_none(tmp_path: Path) -> None:
    path = written_tail(tmp_path)
    with path.open("r+b") as file:
        file.seek(f.TAIL + 2 * f.RECORD)
        file.write(bytes(4))
    tail = read_tail(path)
    assert tail is not None and len(tail.data) == 2 * f.RECORD


def between_readings(path: Path, when: int, change: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Something changes the file before the `when`-th time that it is read."""
    pread, count = os.pread, 0

    def read(file: int, size: int, at: int) -> bytes:
        nonlocal count
        count += 1
        if count == when:
            path.write_bytes(change(path.read_bytes()))
        return pread(file, size, at)

    monkeypatch.setattr(os, "pread", read)


def refilled(data: bytes) -> bytes:
    """The tail was appended, emptied, and has a record again."""
    size = 3 * f.RECORD
    at = int.from_bytes(data[:8], "little") + size
    head = data[f.TAIL : f.TAIL + 4]
    return at.to_bytes(8, "little") + data[8 : f.TAIL] + head + b"\x63" + bytes(size - 5) + data[f.TAIL + size :]


@pytest.mark.parametrize("when", [2, 3])
def test_a_tail_that_is_emptied_while_it_is_read_is_read_again(
    when: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written_tail(tmp_path)
    between_readings(path, when, refilled, monkeypatch)
    tail = read_tail(path)
    assert tail is not None
    assert (tail.offset, tail.data[4:12]) == (4 * f.RECORD, b"\x63" + bytes(7))


def test_a_head_that_is_seen_before_its_payload_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written_tail(tmp_path)
    whole = path.read_bytes()
    at = f.TAIL + 2 * f.RECORD + 4
    path.write_bytes(whole[:at] + bytes(8) + whole[at + 8 :])
    between_readings(path, 2, lambda _: whole, monkeypatch)
    tail = read_tail(path)
    assert tail is not None and tail.data == whole[f.TAIL : f.TAIL + 3 * f.RECORD]


def test_a_record_that_comes_while_the_tail_is_read_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head may be there, and its payload not yet."""
    path = written_tail(tmp_path)
    whole = path.read_bytes()
    at = f.TAIL + 2 * f.RECORD
    path.write_bytes(whole[:at] + bytes(f.RECORD) + whole[at + f.RECORD :])
    between_readings(path, 2, lambda _: whole, monkeypatch)
    tail = read_tail(path)
    assert tail is not None and len(tail.data) == 2 * f.RECORD


def test_a_file_that_ends_before_its_tail_begins_loses_the_tail_and_nothing_else(tmp_path: Path) -> None:
    path = written_tail(tmp_path)
    path.with_name("0.0.events").write_bytes(b"")
    run = open_run(tmp_path / "demo/runs/20260101-000000-000000")
    assert open_trace(run).values(0, MAIN.site("x")).payload.tolist() == []


def test_a_segment_s_file_that_is_gone_is_said_and_costs_no_other_stream(tmp_path: Path) -> None:
    path = written_tail(tmp_path)
    run = open_run(tmp_path / "demo/runs/20260101-000000-000000")
    (path.parent / "1.0.events").write_bytes(
        b"".join(
            head.to_bytes(4, "little") + bytes(8)
            for head in (f.BLOCK << f.KIND_SHIFT | f.OPEN | 1 + MAIN.block("main"),)
        )
    )
    path.with_name("0.0.events").unlink()
    trace = open_trace(run)
    assert len(trace.instances().parent) == 1
    assert any("0.0.events cannot be read" in warning for warning in trace.warnings)


# ---- the machine has restarted


def other_boot() -> str:
    """When a process began, on this machine before it was started again."""
    ticks, _, container, name = (process_started(os.getpid()) or "").split(" ", 3)
    return f"{ticks} 00000000-0000-0000-0000-000000000000 {container} {name}"


def restarted(run: WrittenRun, process: WrittenProcess) -> None:
    goes_on(run, process, pid_started=other_boot())


def test_who_is_elsewhere_and_what_is_of_another_boot() -> None:
    ticks, boot, container, name = (process_started(os.getpid()) or "").split(" ", 3)
    cases = {
        f"{ticks} {boot} {container} {name}": (False, False),
        other_boot(): (True, False),
        f"{ticks} {boot} 17 {name}": (False, True),
        f"{ticks} {boot} 17 another": (False, True),
        f"{ticks} 0 {container} another": (True, True),
        "12345": (False, False),
        "? ? ? ?": (False, False),
        None: (False, False),
    }
    assert {case: (home.is_of_another_boot(case), home.is_elsewhere(case)) for case in cases} == cases


OF_ANOTHER_BOOT = (
    "segments/0 was written on another machine, or before this one was started again: what came last may be missing"
)


def test_after_a_restart_a_tail_is_not_believed(tmp_path: Path) -> None:
    """Its pages went to the disk one by one: some may be of what it held earlier."""
    run = WrittenRun(tmp_path)
    p = main_process(run)
    p.stream().open("main").value("a", "long enough for the heap").value("b", "lost")
    restarted(run, p)
    path = p.path / "0.0.events"
    into_tail(path, 2 * f.RECORD, 2 * f.RECORD, path.stat().st_size)
    trace = open_trace(open_run(run.path))
    assert shown(trace) == {"main[0]": {"a": "long enough for the heap"}}
    assert trace.warnings == [OF_ANOTHER_BOOT]
    pack(run.path)
    assert (shown(open_trace(open_run(run.path))), path.exists()) == (shown(trace), True)


def test_after_a_restart_what_comes_behind_a_page_of_zeros_is_not_believed(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main")
    for i in range(1, 1000):
        s.value("x", i, opens=True)
    restarted(run, p)
    data = s.events.read_bytes()
    s.events.write_bytes(data[:4096] + bytes(4096) + data[8192:])
    trace = open_trace(open_run(run.path))
    # The record that begins on the first page ends on the second.
    assert trace.values(0, MAIN.site("x")).payload.tolist() == list(range(1, 4096 // f.RECORD))


def test_after_a_restart_heap_bytes_on_a_lost_page_are_a_gap(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main").value("a", "whole " * 100).value("b", "torn " * 1000)
    restarted(run, p)
    data = s.heap.read_bytes()
    s.heap.write_bytes(data[:4096] + bytes(len(data) - 4096))
    assert shown(open_trace(open_run(run.path))) == {"main[0]": {"a": "whole " * 100, "b": None}}


def test_after_a_restart_a_complete_segment_that_is_short_has_lost_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "segment_size", lambda _: 3 * f.RECORD)
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main").value("x", 1, opens=True).value("x", 2, opens=True, leave=1).next_segment()
    s.value("x", 3, opens=True, leave=1).value("x", 4, opens=True, leave=1)
    restarted(run, p)
    whole = open_trace(open_run(run.path))
    assert (whole.values(0, MAIN.site("x")).payload.tolist(), whole.warnings) == ([1, 2, 3, 4], [OF_ANOTHER_BOOT])
    first = p.path / "0.0.events"
    first.write_bytes(first.read_bytes()[: 2 * f.RECORD])
    trace = open_trace(open_run(run.path))
    assert trace.values(0, MAIN.site("x")).payload.tolist() == [1]
    assert "segments/0/0.0.events: its end is missing" in trace.warnings


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (bytes(10), 0),
        (b"x" * 5000, 5000),
        (b"x" * 4096 + bytes(10), 4096),
        (b"x" + bytes(4095) + b"x", 4097),
        (b"x" * 4097 + bytes(9000) + b"x", 8192),
    ],
    ids=range(6),
)
def test_what_is_intact_ends_before_a_page_of_zeros(data: bytes, expected: int) -> None:
    assert intact(data) == expected


def test_what_runs_elsewhere_is_not_packed_here(tmp_path: Path) -> None:
    """In another container or on another machine, whose processes cannot be seen: it may be writing just now."""
    run = WrittenRun(tmp_path)
    p = main_process(run)
    p.stream().open("main").value("a", 1)
    ticks, boot, _, name = (process_started(os.getpid()) or "").split(" ", 3)
    goes_on(run, p, pid_started=f"{ticks} {boot} 17 {name}")
    with pytest.raises(FlorError, match="as far as can be seen from here"):
        pack(run.path)
    assert shown(open_trace(open_run(run.path))) == {"main[0]": {"a": "1"}}
