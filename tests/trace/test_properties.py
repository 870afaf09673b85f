"""Streams that nobody thought of: both decoders agree, packed equals raw, generated programs come back as they ran."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flor.trace import decode as decoding
from flor.trace import format as f
from flor.trace.cet_json import check_log, columns, write_log
from flor.trace.decode import Decoded, decode
from flor.trace.read import Trace
from tests.trace.writer import MAIN, OTHER, WrittenProcess, WrittenRun, WrittenStream, main_process, shown

IDS = 1 + len(MAIN.blocks) + len(MAIN.sites) + len(OTHER.blocks) + len(OTHER.sites)
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

Record = tuple[int, int]  # head, payload


def head(kind: int, number: int = 0, opens: bool = False, leave: int = 0) -> int:
    return kind << f.KIND_SHIFT | number | f.OPEN * opens | leave << f.LEAVE_SHIFT


leaves = st.sampled_from([0] * 6 + [1, 1, 2, 3, 15])
blocks = st.builds(
    lambda n, opens, leave: (head(f.BLOCK, n, opens, leave), 0),
    st.integers(0, len(MAIN.blocks) + 2),
    st.booleans(),
    leaves,
)
placed = st.builds(
    lambda kind, n, opens, leave, payload: (head(kind, n, opens, leave), payload),
    st.sampled_from([f.INT, f.FLOAT, f.STR, f.SHORT_STR, f.NONE, f.EXACT, f.TREE]),
    st.integers(0, IDS),
    st.sampled_from([False, False, True]),
    leaves,
    st.integers(0, 20) | st.integers(0, (1 << 64) - 1),
)
controls = st.builds(
    lambda kind, payload, leave: (head(kind, leave=leave), payload),
    st.sampled_from([f.LEAVE, f.RESUME, f.RESUME, f.TIME, f.THREAD, f.CREATE, f.CREATE, f.PARENT, f.PARENT]),
    st.integers(0, 4) | st.integers(0, (1 << 64) - 1),
    leaves,
)
skips = st.builds(
    lambda n, leave, payload: (head(f.SKIP, n, leave=leave), payload),
    st.integers(0, len(MAIN.blocks) + 2),
    leaves,
    st.integers(0, 20) | st.integers(0, (1 << 64) - 1),
)
noise = st.tuples(st.integers(1, (1 << 32) - 1), st.integers(0, (1 << 64) - 1))
#: An id alone opens activations often, so that there is a stack to play with.
opening = st.sampled_from(
    [(head(f.BLOCK, 1 + MAIN.block(b), True), 0) for b in ("main", "f", "gen", "g", "h", "i", "k")]
)
streams = st.lists(st.one_of(opening, opening, blocks, placed, placed, skips, controls, controls), max_size=40)
wild_streams = st.lists(st.one_of(opening, placed, controls, noise), max_size=25)


def write(process: WrittenProcess, number: int, records: list[Record]) -> None:
    stream = process.stream(number)
    stream.put(b"in the heap")
    stream.put(b"[\2\0NT")
    for at, (record_head, payload) in enumerate(records):
        if at == 15:
            stream.next_segment()
        stream.raw(record_head, payload)


def facts(decoded: Decoded) -> dict[str, Any]:
    names = ("block", "parent", "ordinal", "stream", "seq", "begin", "counts", "skipped", "kinds")
    rows = [None if r is None else bytes(r) for r in decoded.rows]
    return (
        {"rows": rows}
        | {n: getattr(decoded, n).tolist() for n in names}
        | {n: getattr(decoded, n) for n in ("warnings", "damaged", "complete", "cut", "main")}
    )


def contents(trace: Trace) -> dict[str, Any]:
    instances = trace.instances()
    found = {n: getattr(instances, n).tolist() for n in instances.__dataclass_fields__}
    for number, source in enumerate(trace.sources):
        for site in range(len(source.map.sites)):
            values = trace.values(number, site)
            columns = {n: getattr(values, n).tolist() for n in ("instance", "seq", "kind", "payload")}
            found[number, site] = columns | {"data": values.data.to_pylist()}  # type: ignore[index]
    return found


def check(run: WrittenRun) -> None:
    in_python = decode(run.path, python=True)
    if decoding.in_c is not None:
        assert facts(decode(run.path)) == facts(in_python)
        for rows in in_python.rows:
            if rows:
                assert decoding.split(rows) == decoding.split(rows, python=True)
                gathered = decoding.gather(rows, in_python.heap)
                assert gathered == decoding.gather(rows, in_python.heap, python=True)
                assert decoding.texts(*gathered) == decoding.texts(*gathered, python=True)
    parent = run.read("c").instances().parent.tolist()
    assert all(p < i for i, p in enumerate(parent))
    for source in in_python.sources:
        for site, block in enumerate(source.sites, source.first_site):
            inside = memoryview(in_python.rows[site] or b"").cast("q")[0::4].tolist()
            assert len(set(inside)) == len(inside)
            assert {in_python.block[i] for i in inside} <= {source.first_block + block}
    raw = run.read("c")
    before = contents(raw)
    log, log_from_packed = io.BytesIO(), io.BytesIO()
    write_log(columns(in_python), log, None)
    assert check_log(json.loads(log.getvalue())) == []
    packed = run.read("packed")
    assert contents(packed) == before
    write_log(packed.log_columns(), log_from_packed, None)
    assert log_from_packed.getvalue() == log.getvalue()


@pytest.mark.parametrize("records", [streams, wild_streams], ids=["records", "noise"])
def test_any_streams_are_read_alike(records: st.SearchStrategy[list[Record]]) -> None:
    @few
    @given(st.lists(records, min_size=1, max_size=2), records, st.integers(0, 1), st.integers(0, 45))
    def agree(threads: list[list[Record]], child: list[Record], fork: int, record: int) -> None:
        with tempfile.TemporaryDirectory() as home:
            run = WrittenRun(Path(home))
            p = main_process(run)
            for number, thread in enumerate(threads):
                write(p, number, thread)
            c = run.process("1", parent="0", stream=fork, record=record).inherit(p).module(OTHER)
            write(c, 0, child)
            write(c, 1, child[::-1])
            check(run)

    agree()


@few
@given(streams, st.integers(0, 50))
def test_a_limit_means_the_same_to_both(records: list[Record], limit: int) -> None:
    if decoding.in_c is None:
        pytest.skip("flor.trace._decode is not built")
    with tempfile.TemporaryDirectory() as home:
        run = WrittenRun(Path(home))
        write(main_process(run), 0, records)
        assert facts(decode(run.path, limit=limit)) == facts(decode(run.path, limit=limit, python=True))


#: block -> the sites in it, the loops in it
INSIDE: dict[str, tuple[list[str], list[str]]] = {
    "main": (["a", "b"], ["g", "w"]),
    "g": (["g1", "g2"], ["h"]),
    "h": (["h1"], []),
    "w": (["w1"], []),
    "f": (["x"], ["i"]),
    "i": (["i1"], []),
    "gen": (["y"], ["k"]),
    "k": (["k1"], []),
}
#: What one execution of a block does: ("value", site), ("loop", block, iterations), ("call", block, body)
Body = list[tuple[Any, ...]]


def bodies(block: str, depth: int) -> st.SearchStrategy[Body]:
    sites, loops = INSIDE[block]
    steps: list[st.SearchStrategy[tuple[Any, ...]]] = [st.tuples(st.just("value"), st.sampled_from(sites))]
    if depth:
        for loop in loops:
            iterations = st.lists(bodies(loop, depth - 1), max_size=3)
            steps.append(st.tuples(st.just("loop"), st.just(loop), iterations))
        for function in ("f", "gen"):
            steps.append(st.tuples(st.just("call"), st.just(function), bodies(function, depth - 1)))
    # A site and a loop run once in each execution of their block, a function any number of times.
    return st.lists(st.one_of(steps), max_size=5).map(
        lambda body: [s for i, s in enumerate(body) if s[0] == "call" or s[:2] not in [t[:2] for t in body[:i]]]
    )


class Program:
    """Emits a program's events, and notes what has to come back."""

    def __init__(self, stream: WrittenStream) -> None:
        self.stream = stream
        self.leave = 0
        self.count = 0
        self.position = ""
        self.expected: dict[str, dict[str, str]] = {}
        self.numbers: dict[tuple[str, str], int] = {}

    def execute(self, block: str, body: Body, parent: str) -> None:
        number = self.numbers.get((parent, block), 0)
        self.numbers[parent, block] = number + 1
        label = f"{parent} > {block}[{number}]" if parent else f"{block}[{number}]"
        self.expected[label] = {}
        self.stream.open(block, leave=self.left())
        self.position = label
        for step in body:
            if step[0] == "value":
                self.count += 1
                value = self.count if self.count % 3 else f"number {self.count}, in the heap"
                self.stream.value(step[1], value, leave=self.left())
                self.expected[label][step[1]] = str(value)
                self.position = label
            elif step[0] == "loop":
                for iteration in step[2]:
                    self.execute(step[1], iteration, label)
            else:
                if self.position != label:
                    self.stream.at(block, leave=self.left())
                self.execute(step[1], step[2], label)
                self.leave += 1
                self.position = label

    def left(self) -> int:
        leave, self.leave = self.leave, 0
        if leave > f.MAX_LEAVE:
            self.stream.control(f.LEAVE, leave)
            return 0
        return leave


@few
@given(bodies("main", 4))
def test_a_program_comes_back_as_it_ran(body: Body) -> None:
    with tempfile.TemporaryDirectory() as home:
        run = WrittenRun(Path(home))
        program = Program(main_process(run).stream())
        program.execute("main", body, "")
        trace = run.read("c")
        assert shown(trace) == program.expected
        assert trace.warnings == []
        check(run)
