"""Runs that are cut, damaged or foreign: what is good is kept, nothing lands in a wrong place, and it is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.errors import FlorError
from flor.home import open_run
from flor.trace import format as f
from flor.trace.pack import pack
from flor.trace.read import open_trace
from tests.trace.writer import MAIN, OTHER, WrittenRun, WrittenStream, main_process, shown

VALUE = f.INT << f.KIND_SHIFT


def cut_run(home: Path, length: int) -> WrittenRun:
    run = WrittenRun(home)
    s = main_process(run).stream().open("main").value("a", 1).value("g1", 2, opens=True)
    s.events.write_bytes(s.events.read_bytes()[:length])
    return run


@pytest.mark.parametrize("zeros", [0, 100], ids=["cut", "cut, then zeros"])
@pytest.mark.parametrize("missing", range(13))
def test_a_stream_may_end_in_any_byte_of_a_record(missing: int, zeros: int, mode: str, tmp_path: Path) -> None:
    run = cut_run(tmp_path, 36 - missing)
    # A record is written payload first: what a crash leaves of one is a head of 0.
    if zeros:
        events = next((run.path / "segments" / "0").glob("*.events"))
        events.write_bytes(
            events.read_bytes()[:24] + (bytes(12) if missing else events.read_bytes()[24:]) + bytes(zeros)
        )
    expected: dict[str, dict[str, str]] = {"main[0]": {"a": "1"}}
    if not missing:
        expected["main[0] > g[0]"] = {"g1": "2"}
    trace = run.read(mode)
    assert (shown(trace), trace.warnings) == (expected, [])


Damage = Callable[[WrittenRun, WrittenStream], object]
#: What is written behind `main` with a == 1 and an open f with x == 5, and a word of the warning.
LOST: dict[str, tuple[Damage, str]] = {
    "an unknown kind": (lambda r, s: s.raw(31 << f.KIND_SHIFT), "makes no sense"),
    "a kind of 0": (lambda r, s: s.raw(5), "makes no sense"),
    "an unknown block opens": (lambda r, s: s.raw(f.BLOCK << f.KIND_SHIFT | f.OPEN | 999), "makes no sense"),
    "more left than there is": (lambda r, s: s.value("a", 7, leave=9), "makes no sense"),
    "a LEAVE of too many": (lambda r, s: s.control(f.LEAVE, 1 << 63), "makes no sense"),
    "more skipped than there can be": (lambda r, s: s.skip("i", 1 << 63), "makes no sense"),
    "a skipped site": (lambda r, s: s.raw(f.SKIP << f.KIND_SHIFT | 1 + len(MAIN.blocks), 1), "makes no sense"),
    "an unknown activation goes on": (lambda r, s: s.control(f.RESUME, 2), "makes no sense"),
    "a segment is missing": (lambda r, s: s.next_segment(5), "segments before it are missing"),
    "a segment's end is missing": (lambda r, s: s.raw(0).value("x", 9).next_segment(), "its end is missing"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_follows_damage_is_dropped_up_to_the_next_thread(name: str, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", 1).value("x", 5, opens=True)
    damage, warning = LOST[name]
    damage(run, s)
    s.value("x", 6).value("i1", 7, opens=True)
    s.control(f.THREAD, 1).value("x", 8, opens=True)
    trace = run.read(mode)
    assert shown(trace) == {"main[0]": {"a": "1"}, "main[0] > f[0]": {"x": "5"}, "main[0] > f[1]": {"x": "8"}}
    assert any(warning in w for w in trace.warnings)
    assert any("values could not be placed" in w for w in trace.warnings)


def test_after_damage_activations_have_no_numbers(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("x", 1, opens=True).raw(31 << f.KIND_SHIFT)
    s.control(f.THREAD, 1).value("a", 2).control(f.RESUME, 1).value("x", 3)
    assert shown(run.read(mode)) == {"main[0]": {}, "main[0] > f[0]": {"x": "1"}}


#: Single records that do not belong where they are: each is dropped, what follows is placed.
MISPLACED: dict[str, Damage] = {
    "a value of another function": lambda r, s: s.value("y", 6),
    "a value of a loop that has not begun": lambda r, s: s.value("i1", 6),
    "an iteration in another function": lambda r, s: s.value("g1", 6, opens=True),
    "an unknown id": lambda r, s: s.raw(VALUE | 999, 6),
    "a value whose id is a block": lambda r, s: s.raw(VALUE | 1 + MAIN.block("f"), 6),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_a_value_that_does_not_belong_there_is_dropped(name: str, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("x", 5, opens=True)
    MISPLACED[name](run, s)
    s.value("i1", 7, opens=True).value("a", 1, leave=1)
    trace = run.read(mode)
    expected = {"main[0]": {"a": "1"}, "main[0] > f[0]": {"x": "5"}, "main[0] > f[0] > i[0]": {"i1": "7"}}
    assert (shown(trace), trace.warnings) == (expected, ["1 values could not be placed"])


def test_an_inner_loop_that_has_not_begun_again_holds_no_value(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").open("g").value("h1", 1, opens=True).open("g").value("h1", 2)
    s.value("g1", 3)
    assert shown(run.read(mode)) == {
        "main[0]": {},
        "main[0] > g[0]": {},
        "main[0] > g[0] > h[0]": {"h1": "1"},
        "main[0] > g[1]": {"g1": "3"},
    }


def test_of_two_values_in_one_instance_the_last_is_kept(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("x", 1, opens=True).value("x", 2, opens=True).value("x", 3)
    s.value("x", 4, leave=1).value("a", 5, leave=1)
    trace = run.read(mode)
    assert shown(trace) == {"main[0]": {"a": "5"}, "main[0] > f[0]": {"x": "4"}, "main[0] > f[0] > f[0]": {"x": "3"}}
    assert [w.split(" ", 1)[0] for w in trace.warnings] == ["2"]


def test_a_forked_child_has_values_of_its_own(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main")
    run.process("1", parent="0", stream=0, record=s.records).inherit(p).stream(0).value("a", "child").value(
        "b", "child"
    )
    s.value("a", "parent")
    trace = run.read(mode)
    assert shown(trace) == {"main[0]": {"a": "parent"}, "main[0] #1": {"a": "child", "b": "child"}}
    assert trace.copies.tolist() == [[1, 0]]
    assert trace.warnings == []


def test_a_circle_of_parents_is_cut(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    p.stream(0).control(f.PARENT, 1).open("f").control(f.CREATE, 2)
    p.stream(1).control(f.PARENT, 2).open("gen").control(f.CREATE, 1)
    trace = run.read(mode)
    assert sorted(trace.instances().parent.tolist()) == [-1, 0]
    assert trace.warnings == ["1 block instances have no known parent"]


def test_an_unknown_token_gives_no_parent(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").control(f.PARENT, 9).value("x", 1, opens=True)
    trace = run.read(mode)
    assert shown(trace) == {"main[0]": {}, "f[0]": {"x": "1"}}
    assert trace.warnings == ["1 block instances have no known parent"]


def overwrite(path: str, data: bytes) -> Callable[[WrittenRun], object]:
    return lambda run: (run.path / path).write_bytes(data)


def site_table(change: Callable[[dict[str, list[dict[str, object]]]], object]) -> Callable[[WrittenRun], object]:
    def damage(run: WrittenRun) -> None:
        path = run.path / "sites" / f"{OTHER.sha256}.json"
        table = json.loads(path.read_bytes())
        change(table)
        path.write_text(json.dumps(table))

    return damage


OTHER_JSON = f"sites/{OTHER.sha256}.json"
MODULE_LINE = {"base": 900, "sha256": "0" * 64, "path": "/p/x.py", "module": "x", "blocks": 1, "sites": 0}


def module_line(**change: object) -> Callable[[WrittenRun], object]:
    def damage(run: WrittenRun) -> None:
        with (run.path / "segments" / "0" / "modules.jsonl").open("a") as file:
            file.write(json.dumps(MODULE_LINE | change) + "\n")

    return damage


def foreign_process(run: WrittenRun) -> None:
    path = run.path / "segments" / "9"
    path.mkdir()
    (path / "0.0.events").write_bytes(b"events")


#: Files that were damaged, and a word of the warning. The values of MAIN stay readable.
FILES: dict[str, tuple[Callable[[WrittenRun], object], str]] = {
    "no JSON in the other's sites": (overwrite(OTHER_JSON, b"{"), "cannot be read"),
    "a list as the other's sites": (overwrite(OTHER_JSON, b"[]"), "cannot be read"),
    "no such block": (site_table(lambda t: t["sites"][0].update(block=7)), "cannot be read"),
    "a block in a circle": (site_table(lambda t: t["blocks"][1].update(kind="for", parent=1)), "cannot be read"),
    "an unknown kind of block": (site_table(lambda t: t["blocks"][1].update(kind="class")), "cannot be read"),
    "another number of sites": (site_table(lambda t: t["sites"].pop()), "does not fit"),
    "a foreign line of modules": (module_line(base="a"), "a line cannot be read"),
    "ids beyond all ids": (module_line(base=(1 << 22) - 1, sites=5), "a line cannot be read"),
    "a path as a content hash": (module_line(sha256="../../../etc/passwd"), "a line cannot be read"),
    "a source that is missing": (module_line(), "cannot be read"),
    "a foreign process": (lambda r: foreign_process(r), "process.json cannot be read"),
    "a foreign file": (overwrite("segments/0/notes.txt", b"x"), "it is no file of a trace"),
    "a foreign file among processes": (overwrite("segments/x", b"x"), "process.json cannot be read"),
    "a segment that is a folder": (lambda r: (r.path / "segments/0/7.0.events").mkdir(), "cannot be read"),
    "an orphan": (lambda r: r.process("2", parent="1").stream(0).raw(VALUE | 1), "its parent '1' is missing"),
    "a fork beyond the end": (
        lambda r: r.process("2", parent="0", record=10**9).stream(0).raw(VALUE | 1),
        "goes on from events that are missing",
    ),
    "processes in a circle": (
        lambda r: [r.process(a, parent=b) for a, b in (("2", "3"), ("3", "2"))],
        "is missing",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_costs_only_what_it_held(name: str, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run).module(OTHER)
    p.stream(0).open("main").value("a", 1).value("g1", 2, opens=True)
    damage, warning = FILES[name]
    damage(run)
    trace = run.read(mode)
    assert trace.values(0, MAIN.site("g1")).payload.tolist() == [2]
    assert any(warning in w for w in trace.warnings), trace.warnings


def test_the_last_line_of_modules_may_be_half_written(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1)
    with (run.path / "segments" / "0" / "modules.jsonl").open("a") as file:
        file.write('{"base": 90')
    trace = run.read(mode)
    assert (shown(trace), trace.warnings) == ({"main[0]": {"a": "1"}}, [])


@pytest.mark.parametrize("length", range(0, 13))
def test_bytes_that_are_missing_in_the_heap_make_a_gap(length: int, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", "12345678").value("b", 2)
    s.heap.write_bytes(s.heap.read_bytes()[:length])
    trace = run.read(mode)
    text = "12345678" if length == 12 else None
    assert shown(trace) == {"main[0]": {"a": text, "b": "2"}}


def test_without_a_heap_there_are_gaps(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", "12345678")
    s.heap.unlink()
    assert shown(run.read(mode)) == {"main[0]": {"a": None}}


def test_a_short_string_of_impossible_length_is_a_gap(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main")
    s.raw(f.SHORT_STR << f.KIND_SHIFT | 1 + len(MAIN.blocks) + MAIN.site("a"), 200)
    assert shown(run.read(mode)) == {"main[0]": {"a": None}}


def test_a_run_without_events_is_empty_and_says_so(tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    (run.path / "segments").rmdir()
    trace = open_trace(open_run(run.path))
    assert (trace.sources, len(trace.instances().parent)) == ([], 0)
    assert trace.warnings == [f"run {run.path.name} holds no events"]


@pytest.mark.parametrize("file", ["values", "blocks"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, "half", "foreign"], ids=str)
def test_a_damaged_packed_file_is_one_clear_error(content: bytes | str, file: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", 1)
    pack(run.path)
    path = run.path / "trace" / f"{file}.parquet"
    if content == "foreign":
        pq.write_table(pa.table({"x": [1]}), path)
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if isinstance(content, str) else content)
    with pytest.raises(FlorError) as error:
        open_trace(open_run(run.path))
    assert run.path.name in str(error.value) and f"{file}.parquet" in str(error.value) and "\n" not in str(error.value)


def test_two_files_of_different_packings_are_refused(tmp_path: Path) -> None:
    first, second = WrittenRun(tmp_path / "1"), WrittenRun(tmp_path / "2")
    for run in (first, second):
        main_process(run).stream().open("main").value("a", 1)
        pack(run.path)
    (first.path / "trace/values.parquet").replace(second.path / "trace/values.parquet")
    with pytest.raises(FlorError, match="does not belong"):
        open_trace(open_run(second.path))
