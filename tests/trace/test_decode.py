"""Streams of events and the block instances and values that they mean: decoded in Python, in C, and packed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flor.trace import format as f
from flor.trace.decode import decode
from tests.trace.writer import MAIN, OTHER, WrittenRun, WrittenSource, main_process, shown

Write = Callable[[WrittenRun], None]
Expected = dict[str, dict[str, str]]
CASES: dict[str, tuple[Write, Expected]] = {}


def case(expected: Expected) -> Callable[[Write], Write]:
    """A run, and what is in it."""

    def add(write: Write) -> Write:
        CASES[write.__name__] = (write, expected)
        return write

    return add


@case({"main[0]": {"a": "1", "b": "2.5"}})
def values_of_a_module(run: WrittenRun) -> None:
    main_process(run).stream().open("main").value("a", 1).value("b", 2.5)


@case(
    {
        "main[0]": {"b": "end"},
        "main[0] > g[0]": {"g1": "10", "g2": "-1"},
        "main[0] > g[0] > h[0]": {"h1": "100"},
        "main[0] > g[0] > h[1]": {"h1": "101"},
        "main[0] > g[1]": {"g1": "11", "g2": "-2"},
        "main[0] > g[1] > h[0]": {"h1": "102"},
    }
)
def nested_loops(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main")
    s.value("g1", 10, opens=True).value("h1", 100, opens=True).value("h1", 101, opens=True).value("g2", -1)
    s.value("g1", 11, opens=True).value("h1", 102, opens=True).value("g2", -2)
    s.value("b", "end")


@case(
    {
        "main[0]": {"a": "1"},
        "main[0] > f[0]": {"x": "1"},
        "main[0] > g[0]": {"g1": "0"},
        "main[0] > g[0] > f[0]": {"x": "2"},
        "main[0] > g[0] > f[0] > i[0]": {"i1": "7"},
        "main[0] > g[0] > f[1]": {"x": "3"},
        "main[0] > f[1]": {"x": "4"},
    }
)
def calls_are_inside_the_position(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").value("x", 1, opens=True).value("a", 1, leave=1)
    s.value("g1", 0, opens=True).value("x", 2, opens=True).value("i1", 7, opens=True)
    s.value("x", 3, opens=True, leave=1)
    s.at("main", leave=1).value("x", 4, opens=True)


@case(
    {
        "main[0]": {},
        "main[0] > f[0]": {"x": "0"},
        "main[0] > f[0] > i[0]": {"i1": "10"},
        "main[0] > f[0] > i[0] > f[0]": {"x": "1"},
        "main[0] > f[0] > i[0] > f[0] > i[0]": {"i1": "20"},
        "main[0] > f[0] > i[1]": {"i1": "11"},
        "main[0] > f[0] > i[1] > f[0]": {"x": "2"},
    }
)
def recursion(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").value("x", 0, opens=True).value("i1", 10, opens=True)
    s.value("x", 1, opens=True).value("i1", 20, opens=True)
    s.value("i1", 11, opens=True, leave=1).value("x", 2, opens=True)


@case(
    {
        "main[0]": {"b": "caught"},
        "main[0] > f[0]": {},
        "main[0] > f[0] > f[0]": {},
        "main[0] > f[0] > f[0] > f[0]": {"x": "1"},
    }
)
def an_exception_leaves_several(run: WrittenRun) -> None:
    main_process(run).stream().open("main").open("f").open("f").value("x", 1, opens=True).value("b", "caught", leave=3)


@case({"main[0]": {"b": "1"}, **{" > ".join(["main[0]"] + ["f[0]"] * n): {} for n in range(1, 41)}})
def a_leave_record_leaves_many(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main")
    for _ in range(40):
        s.open("f")
    s.control(f.LEAVE, 30, leave=10).value("b", 1)


@case(
    {
        "main[0]": {},
        "main[0] > gen[0]": {"y": "1"},
        "main[0] > gen[0] > k[0]": {"k1": "10"},
        "main[0] > gen[0] > k[1]": {"k1": "12"},
        "main[0] > gen[1]": {"y": "2"},
        "main[0] > gen[1] > k[0]": {"k1": "11"},
        "main[0] > gen[1] > k[1]": {"k1": "13"},
        "main[0] > g[0]": {"g1": "5"},
    }
)
def generators_interleave(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").value("y", 1, opens=True).value("k1", 10, opens=True)
    s.value("y", 2, opens=True, leave=1).value("k1", 11, opens=True)
    s.value("g1", 5, opens=True, leave=1)
    s.control(f.RESUME, 1).value("k1", 12, opens=True)
    s.control(f.RESUME, 2, leave=1).value("k1", 13, opens=True)


@case(
    {
        "main[0]": {},
        "main[0] > g[0]": {},
        "main[0] > g[0] > gen[0]": {"y": "1"},
        "main[0] > g[1]": {},
        "gen[0]": {"y": "2"},
    }
)
def a_generator_belongs_where_it_was_created(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").open("g").control(f.CREATE, 5).open("g")
    s.control(f.PARENT, 5).value("y", 1, opens=True)
    s.control(f.PARENT, 0, leave=1).value("y", 2, opens=True)


@case(
    {
        "main[0]": {},
        "main[0] > f[0]": {"x": "9"},
        "main[0] > f[0] > i[0]": {"i1": "8"},
        "main[0] > f[0] > i[0] > gen[0]": {"y": "1"},
        "main[0] > f[0] > i[0] > gen[0] > k[0]": {"k1": "3"},
        "main[0] > f[0] > i[0] > gen[1]": {"y": "2"},
    }
)
def tokens_of_a_later_stream(run: WrittenRun) -> None:
    p = main_process(run)
    s = p.stream(0).open("main").control(f.PARENT, 5).value("y", 1, opens=True).value("k1", 3, opens=True)
    s.control(f.PARENT, 6, leave=1).value("y", 2, opens=True)
    p.stream(1).value("x", 9, opens=True).value("i1", 8, opens=True).control(f.CREATE, 5).control(f.CREATE, 6)


@case(
    {
        "main[0]": {"a": "1"},
        "main[0] > f[0]": {"x": "1"},
        "main[0] > f[1]": {"x": "2"},
        "main[0] > f[2]": {"x": "3"},
    }
)
def threads_hang_under_the_main_module(run: WrittenRun) -> None:
    p = main_process(run)
    p.stream(0).open("main").value("a", 1)
    p.stream(1).value("x", 1, opens=True).control(f.THREAD, 77).value("x", 2, opens=True).value(
        "x", 3, leave=1, opens=True
    )


@case({"main[0]": {"a": "1"}, "main[0] > f[0]": {"x": "2"}})
def a_stack_that_is_empty_hangs_under_the_main_module(run: WrittenRun) -> None:
    main_process(run).stream().open("main").value("a", 1).value("x", 2, opens=True, leave=1)


@case({"other[0]": {"o": "1"}, "main[0]": {"a": "2"}, "main[0] > help[0]": {"z": "3"}})
def the_main_module_need_not_be_the_first(run: WrittenRun) -> None:
    p = main_process(run).module(OTHER)
    p.stream().open("other").value("o", 1).open("main", leave=1).value("a", 2).value("z", 3, opens=True)


@case(
    {
        "main[0]": {"a": "1", "b": "parent"},
        "main[0] > g[0]": {"g1": "0"},
        "main[0] > g[0] > f[0]": {"x": "5"},
        "main[0] > g[1]": {"g1": "1"},
        "main[0] > g[0] > h[0]": {"h1": "7"},
        "main[0] #1": {"b": "the child's own"},
        "main[0] > g[0] #1": {},
        "main[0] > g[0] > f[0] #1": {"x": "6"},
        "main[0] > g[1] #1": {"g1": "child"},
        "main[0] > help[0]": {"z": "8"},
    }
)
def a_forked_child_goes_on(run: WrittenRun) -> None:
    p = main_process(run)
    s = p.stream().open("main").value("a", 1).value("g1", 0, opens=True)
    child = run.process("child", parent="0", stream=0, record=s.records).inherit(p).module(OTHER)
    s.value("x", 5, opens=True).value("g1", 1, opens=True, leave=1).value("b", "parent")
    c = child.stream(0).value("x", 6, opens=True).value("h1", 7, opens=True, leave=1).value("g1", "child", opens=True)
    c.value("b", "the child's own")
    child.stream(1).value("z", 8, opens=True)
    p.module(WrittenSource("/p/late.py", "late", [("module", "late", None)], [(0, "q")]))


@case(
    {
        "main[0]": {"a": "1"},
        "main[0] > f[0]": {"x": "1"},
        "main[0] > gen[0]": {"y": "2"},
        "main[0] #1": {},
        "main[0] > f[0] #1": {},
        "main[0] > f[1]": {"x": "3"},
    }
)
def tokens_and_activations_from_before_a_fork(run: WrittenRun) -> None:
    p = main_process(run)
    s = p.stream().open("main").control(f.CREATE, 1).value("a", 1).open("f")
    child = run.process("child", parent="0", stream=0, record=s.records).inherit(p)
    s.value("x", 1)
    child.stream(0).control(f.PARENT, 1, leave=1).value("y", 2, opens=True).value("x", 3, opens=True, leave=1)


@case({"main[0]": {"a": "1"}, "main[0] #1": {}, "main[0] > f[0]": {"x": "2"}})
def a_grandchild_of_a_child_that_recorded_nothing(run: WrittenRun) -> None:
    p = main_process(run)
    s = p.stream().open("main").value("a", 1)
    child = run.process("1", parent="0", stream=0, record=s.records).inherit(p)
    run.process("2", parent="1", stream=0, record=0).inherit(child).stream(0).value("x", 2, opens=True)


@case(
    {
        "main[0]": {"a": "1", "b": "parent"},
        "main[0] > f[0]": {"x": "1"},
        "main[0] > gen[0]": {"y": "1"},
        "main[0] #1": {},
        "main[0] > gen[0] #1": {"y": "2"},
        "main[0] > f[1]": {"x": "2"},
        "main[0] #2": {"a": "3"},
        "main[0] > f[1] #1": {},
        "main[0] > f[2]": {"x": "3"},
        "main[0] > f[3]": {"x": "4"},
    }
)
def a_child_and_its_child(run: WrittenRun) -> None:
    p = main_process(run)
    s = p.stream().open("main").value("a", 1).value("x", 1, opens=True).value("y", 1, opens=True, leave=1)
    s.at("main", leave=1)
    forked = s.records
    child = run.process("1", parent="0", stream=0, record=forked).inherit(p)
    s.value("b", "parent")
    c = child.stream(0).control(f.RESUME, 2).value("y", 2).value("x", 2, opens=True, leave=1)
    grandchild = run.process("2", parent="1", stream=0, record=forked + c.records).inherit(child)
    g = grandchild.stream(0).value("a", 3, leave=1).value("x", 3, opens=True).at("main", leave=1)
    grandchild.stream(1).value("x", 4, opens=True)
    g.at("main")


@case({"main[0]": {"a": "1"}, "main[0] #1": {"a": "2"}, "main[0] > f[0]": {"x": "3"}})
def a_spawned_process_has_a_module_of_its_own(run: WrittenRun) -> None:
    main_process(run).stream().open("main").value("a", 1)
    spawned = WrittenSource("/p/main.py", "__mp_main__", MAIN.blocks, MAIN.sites)
    run.process("1").module(spawned).stream().open("main").value("a", 2).value("x", 3, opens=True, leave=1)


@case({"main[0]": {"a": "1"}, "main[0] > f[0]": {"x": "3"}})
def a_process_that_begins_with_a_function_hangs_under_the_main_module(run: WrittenRun) -> None:
    main_process(run).stream().open("main").value("a", 1)
    run.process("1").module(MAIN).stream().value("x", 3, opens=True)


@case({"main[0]": {"a": "1", "b": "2"}, "main[0] > f[0]": {"x": "1"}})
def a_stream_of_several_segments(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").value("a", 1).next_segment()
    s.value("x", 1, opens=True).next_segment().value("b", 2, leave=1)


@case({"main[0]": {"a": "1"}, "main[0] > g[0]": {}, "main[0] > g[1]": {"g1": "3"}})
def iterations_that_recorded_nothing_are_instances(run: WrittenRun) -> None:
    main_process(run).stream().open("main").value("a", 1).open("g").open("g").value("g1", 3)


@case(
    {
        "main[0]": {"b": "end"},
        "main[0] > g[0]": {"g1": "0"},
        "main[0] > g[0] > h[0]": {},
        "main[0] > g[0] > h[4]": {"h1": "4"},
        "main[0] > g[1]": {"g1": "1"},
        "main[0] > g[1] > h[2]": {"h1": "2"},
        "main[0] > g[9]": {"g1": "9"},
    }
)
def iterations_that_were_thinned_are_counted(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").value("g1", 0, opens=True).open("h").skip("h", 3)
    s.value("h1", 4, opens=True).skip("h", 5).value("g1", 1, opens=True).skip("h", 2).value("h1", 2, opens=True)
    s.skip("g", 4).skip("g", 3).value("g1", 9, opens=True).skip("g", 7).value("b", "end")


@case(
    {
        "main[0]": {},
        "main[0] > f[2]": {"x": "2"},
        "main[0] > g[0]": {},
        "main[0] > g[0] > f[1]": {"x": "1"},
        "main[0] > g[0] > f[5]": {"x": "5"},
        "main[0] > f[7]": {"x": "7"},
    }
)
def calls_that_were_thinned_are_counted(run: WrittenRun) -> None:
    s = main_process(run).stream().open("main").skip("f", 2).value("x", 2, opens=True).skip("f", 1, leave=1)
    s.open("g").skip("f", 1).value("x", 1, opens=True).skip("f", 3, leave=1).value("x", 5, opens=True)
    s.at("main", leave=1).skip("f", 3).value("x", 7, opens=True)


@case({"main[0]": {}, "main[0] > f[3]": {"x": "3"}, "main[0] > f[3] > i[2]": {"i1": "2"}})
def what_a_thread_skips_lies_under_the_main_module(run: WrittenRun) -> None:
    p = main_process(run)
    p.stream(0).open("main")
    p.stream(1).skip("f", 3).value("x", 3, opens=True).skip("i", 2).value("i1", 2, opens=True).skip("f", 8, leave=1)


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_read_as_it_was_recorded(name: str, mode: str, tmp_path: Path) -> None:
    write, expected = CASES[name]
    run = WrittenRun(tmp_path)
    write(run)
    assert shown(run.read(mode)) == expected


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"a_forked_child_goes_on"}))
def test_a_whole_run_gives_no_warnings(name: str, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    CASES[name][0](run)
    assert run.read(mode).warnings == []


def test_parents_come_before_their_children(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    tokens_of_a_later_stream(run)
    parent = run.read(mode).instances().parent.tolist()
    assert all(p < i for i, p in enumerate(parent))


def test_times_and_places_in_the_stream(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").control(f.TIME, 5_000).open("g").value("a", 1).open("g")
    s.control(f.TIME, 9_000).value("x", 1, opens=True)
    trace = run.read(mode)
    instances = trace.instances()
    assert instances.begin.tolist() == [1000, 5000, 5000, 9000]
    assert instances.seq.tolist() == [0, 2, 4, 6]
    assert trace.values(0, MAIN.site("a")).seq.tolist() == [3]


def test_streams_are_numbered_over_the_run(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    p.stream(0).open("main")
    p.stream(4).value("x", 1, opens=True)
    run.process("1").module(OTHER).stream(0).value("o", 1, opens=True)
    instances = run.read(mode).instances()
    blocks = zip(instances.source.tolist(), instances.block.tolist(), instances.stream.tolist(), strict=True)
    assert sorted(blocks) == [(0, MAIN.block("main"), 0), (0, MAIN.block("f"), 1), (1, OTHER.block("other"), 2)]


@pytest.mark.parametrize("python", [True, False])
@pytest.mark.parametrize("limit", range(8))
def test_a_limit_ends_the_reading(limit: int, python: bool, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1).open("g").value("g1", 2).open("g").value("g2", 3)
    decoded = decode(run.path, limit=limit, python=python)
    assert (sum(decoded.counts), decoded.complete) == ((0, 0, 1, 1, 2, 2, 3, 3)[limit], limit >= 6)


@pytest.mark.parametrize("python", [True, False])
def test_only_some_sites_can_be_kept(python: bool, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1).value("g1", 2, opens=True).value("h1", 3, opens=True)
    decoded = decode(run.path, sites=(1, 2), python=python)
    assert [rows is not None for rows in decoded.rows[:3]] == [False, True, False]
    assert decoded.counts[:3].tolist() == [1, 1, 1]


def test_skipped_instances_are_summed_for_each_block(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run).module(OTHER)
    p.stream(0).open("main").skip("g", 2).open("g").skip("h", 3).skip("help", 4).skip("g", 5)
    p.stream(1).skip("help", 6)
    assert run.read(mode).skipped() == {(0, MAIN.block("g")): 7, (0, MAIN.block("h")): 3, (1, OTHER.block("help")): 10}
