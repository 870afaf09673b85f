"""Long runs, packed in parts while they go on: the same answers whatever is packed already."""

from __future__ import annotations

import io
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flor.home import open_run
from flor.trace import format as f
from flor.trace.assemble import _with_mains
from flor.trace.cet_json import write_log
from flor.trace.columns import Instances
from flor.trace.forked import Forks
from flor.trace.read import Trace, open_trace
from tests.trace.test_properties import Record, streams, wild_streams, write
from tests.trace.writer import MAIN, OTHER, WrittenRun, main_process

pytestmark = pytest.mark.once

#: What the stream of a run's first thread begins with.
BEGIN: Record = (f.BLOCK << f.KIND_SHIFT | f.OPEN | 1 + MAIN.block("main"), 0)
of_any_run = given(
    st.lists(st.lists(st.one_of(streams, wild_streams), min_size=1, max_size=2), min_size=1, max_size=2),
    st.integers(0, 30),
    st.integers(0, 1 << 32),
)
few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def places(trace: Trace) -> list[tuple[Any, ...]]:
    """What each instance is known by: its place in its stream, and of a forked child's copy its original, too."""
    found = trace.instances()
    place: list[tuple[Any, ...]] = list(zip(found.stream.tolist(), found.seq.tolist(), strict=True))
    for copy, original in trace.copies.tolist():
        place[copy] = (*place[copy], place[original])
    return place


def contents(trace: Trace) -> dict[str, Any]:
    """What a trace says, without the numbers of its instances."""
    found = trace.instances()
    place = places(trace)
    parent = [place[p] if p >= 0 else None for p in found.parent.tolist()]
    columns = [getattr(found, name).tolist() for name in ("source", "block", "ordinal", "begin")]
    values = {}
    for number, source in enumerate(trace.sources):
        for site in range(len(source.map.sites)):
            own = trace.values(number, site)
            rows = zip(own.seq.tolist(), own.kind.tolist(), own.payload.tolist(), own.data.to_pylist(), strict=True)
            values[source.path, site] = sorted(zip([place[i] for i in own.instance.tolist()], rows, strict=True))
    log = io.BytesIO()
    write_log(trace.log_columns(), log, None)
    return {
        "instances": dict(zip(place, zip(parent, *columns, strict=True), strict=True)),
        "values": values,
        "copies": sorted(place[copy] for copy, _ in trace.copies.tolist()),
        "skipped": trace.skipped(),
        "warnings": sorted(re.sub(r"\d+(?=\.events)", "#", w) for w in trace.warnings),
        "log": log.getvalue(),
    }


def test_many_processes_that_ran_the_main_module_again() -> None:
    """Each has an instance of its own of that module, and what lies in it."""
    count, each = 2000, 10
    process = np.repeat(np.arange(count), each)
    is_main = np.arange(count * each) % each == 0
    zeros = np.zeros(count * each, np.int32)
    given_ = Instances(
        source=zeros,
        block=np.where(is_main, 0, 1).astype(np.int32),
        parent=np.where(is_main, -1, 0),
        ordinal=zeros.astype(np.int64),
        stream=process.astype(np.int32),
        seq=np.arange(count * each),
        begin=zeros.astype(np.int64),
    )
    streams = [(number, 0) for number in range(count)]
    made = _with_mains(given_, 0, [0], np.zeros((0, 2), np.int64), Forks(streams, []))
    assert made[0].parent.tolist() == np.where(is_main, -1, process * each).tolist()
    assert made[1].tolist() == [[number * each, 0] for number in range(1, count)]


def make(home: str, processes: list[list[list[Record]]], fork: int) -> WrittenRun:
    """A run of a process, and of its forked child if there is a second one, each with these streams."""
    run = WrittenRun(Path(home))
    first = main_process(run)
    for number, records in enumerate(processes[0]):
        write(first, number, [BEGIN, *records] if number == 0 else records)
    if len(processes) > 1:
        child = run.process("child", parent="0", stream=0, record=fork).inherit(first).module(OTHER)
        for number, records in enumerate(processes[1]):
            write(child, number, records)
    return run


@few
@of_any_run
def test_a_run_is_the_same_whatever_is_packed(processes: list[list[list[Record]]], fork: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        run = make(home, processes, fork)
        expected = contents(run.read("c"))
        choose = random.Random(seed)
        run.split(lambda _: choose.randint(1, 6))
        assert contents(run.read("c")) == expected
        while run.pack_parts(0.01):
            assert contents(open_trace(open_run(run.path))) == expected
        run.pack_parts()
        assert contents(open_trace(open_run(run.path))) == expected


def check_narrowed(trace: Trace, choose: random.Random) -> None:
    """What some blocks' instances, and those they lie in, are in a trace narrowed to them is what they are in it all."""
    everything = trace.instances()
    place = places(trace)
    blocks = sorted(set(zip(everything.source.tolist(), everything.block.tolist(), strict=True)))
    wanted = {block for block in blocks if choose.random() < 0.3}
    narrowed = trace.only(wanted)
    found = narrowed.instances()
    kept = places(narrowed)
    number = {at: i for i, at in enumerate(place)}
    for name in ("source", "block", "ordinal", "begin"):
        assert getattr(found, name).tolist() == getattr(everything, name)[[number[at] for at in kept]].tolist()
    around = [place[p] if p >= 0 else None for p in everything.parent[[number[at] for at in kept]].tolist()]
    assert [kept[p] if p >= 0 else None for p in found.parent.tolist()] == around
    assert (found.parent < range(len(kept))).all()
    own = set(zip(found.source.tolist(), found.block.tolist(), strict=True))
    assert wanted <= own
    for key, count in trace.counts.items():
        assert sum(pair == key for pair in zip(found.source.tolist(), found.block.tolist(), strict=True)) in (
            (count,) if key in own else (0,)
        )
    for index, source in enumerate(trace.sources):
        for site, about in enumerate(source.map.sites):
            if (index, about.block) in own:
                here, there = narrowed.values(index, site), trace.values(index, site)
                assert [kept[i] for i in here.instance.tolist()] == [place[i] for i in there.instance.tolist()]
                assert (here.kind.tolist(), here.payload.tolist()) == (there.kind.tolist(), there.payload.tolist())
                assert here.data.to_pylist() == there.data.to_pylist()


@few
@of_any_run
def test_some_blocks_are_the_same_without_the_others(processes: list[list[list[Record]]], fork: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        run = make(home, processes, fork)
        choose = random.Random(seed)
        check_narrowed(run.read("c"), choose)
        run.split(lambda _: choose.randint(1, 6))
        while run.pack_parts(0.01):
            check_narrowed(open_trace(open_run(run.path)), choose)
        run.pack_parts()
        check_narrowed(open_trace(open_run(run.path)), choose)
