"""log.json: the seed's grammar, the tree, the records, the early end."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from flor.trace import format as f
from flor.trace.cet_json import LogColumns, check_log, columns, log_run, write_log
from flor.trace.decode import decode
from tests.trace.test_decode import CASES
from tests.trace.writer import MAIN, OTHER, WrittenRun, main_process


def log_of(run: WrittenRun, mode: str) -> LogColumns:
    if mode == "packed":
        return run.read(mode).log_columns()
    return columns(decode(run.path, python=mode == "python"))


def written(log: LogColumns, limit: int | None = None) -> tuple[Any, bool]:
    file = io.BytesIO()
    early = write_log(log, file, limit)
    return json.loads(file.getvalue()), early


def outline(node: dict[str, Any]) -> Any:
    """A document with each record as text == value and each block as [type, members...]."""
    if "block_type" not in node:
        return f"{node['value']} == {node['runtime_value']!r}"
    return [node["block_type"].removeprefix("function_body :: "), *map(outline, node["log_sequence"])]


def test_blocks_are_nested_in_the_order_of_events(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main").value("a", 1)
    s.value("g1", 0.5, opens=True).value("x", "in f", opens=True).value("i1", None, opens=True)
    s.value("g2", True, leave=1).open("g").value("b", math.nan)
    assert outline(written(log_of(run, mode))[0]) == [
        "__main__",
        "a == 1",
        ["loop_body", "g1 == 0.5", ["f", "x == 'in f'", ["loop_body", "i1 == None"]], "g2 == True"],
        ["loop_body"],
        "b == 'nan'",
    ]


def test_generators_stay_one_block_each(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    CASES["generators_interleave"][0](run)
    assert outline(written(log_of(run, mode))[0]) == [
        "__main__",
        ["gen", "y == 1", ["loop_body", "k1 == 10"], ["loop_body", "k1 == 12"]],
        ["gen", "y == 2", ["loop_body", "k1 == 11"], ["loop_body", "k1 == 13"]],
        ["loop_body", "g1 == 5"],
    ]


def test_other_threads_and_other_roots_come_last_in_the_root(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run).module(OTHER)
    p.stream(0).open("main").value("a", 1).control(f.PARENT, 0).open("gen").value("b", 2, leave=1)
    p.stream(1).value("x", 3, opens=True)
    assert outline(written(log_of(run, mode))[0]) == ["__main__", "a == 1", "b == 2", ["f", "x == 3"], ["gen"]]


def test_the_root_is_what_the_main_module_runs_in(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run).module(OTHER)
    p.stream(0).open("other").value("o", 1).open("main").value("a", 2)
    p.stream(1).value("x", 3, opens=True)
    assert outline(written(log_of(run, mode))[0]) == ["other", "o == 1", ["__main__", "a == 2", ["f", "x == 3"]]]


def test_a_forked_childs_events_come_behind_its_parents(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    p = main_process(run)
    s = p.stream().open("main")
    run.process("1", parent="0", stream=0, record=s.records).inherit(p).stream(0).value("b", 2).value(
        "x", 3, opens=True
    )
    s.control(f.TIME, 1).control(f.TIME, 2).control(f.TIME, 3).value("a", 1)
    assert outline(written(log_of(run, mode))[0]) == ["__main__", "a == 1", ["__main__", "b == 2", ["f", "x == 3"]]]


def test_a_record_has_all_that_is_known_of_its_site(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("x", 7, opens=True).value("i1", 0, opens=True).value("x", 8, leave=1)
    path = run.path / "sites" / f"{MAIN.sha256}.json"
    table = json.loads(path.read_bytes())
    known = {"line": 12, "assignee": ["p", "q"], "caller": "svm.SVC", "pos": 1, "keyword": "gamma", "from_arg": True}
    table["sites"][MAIN.site("i1")] |= known
    path.write_text(json.dumps(table))
    node = written(log_of(run, mode))[0]["log_sequence"][0]["log_sequence"]
    assert node[1]["log_sequence"][0] == {
        "assignee": ["p", "q"],
        "caller": "svm.SVC",
        "from_arg": True,
        "in_execution": "f",
        "in_file": "/p/main.py",
        "instruction_no": 12,
        "keyword_name": "gamma",
        "pos": 1,
        "runtime_value": 0,
        "typ": "expression",
        "value": "i1",
    }
    assert {k: v for k, v in node[0].items() if v in (None, False)} == dict.fromkeys(
        ("assignee", "caller", "keyword_name", "pos")
    ) | {"from_arg": False}


def test_a_site_that_is_redacted_is_redacted_whatever_was_recorded(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run).stream().open("main").value("a", "hunter2 hunter2")
    path = run.path / "sites" / f"{MAIN.sha256}.json"
    table = json.loads(path.read_bytes())
    table["sites"][0]["redacted"] = True
    path.write_text(json.dumps(table))
    assert outline(written(log_of(run, mode))[0]) == ["__main__", "a == '<redacted>'"]


@pytest.mark.parametrize("name", CASES)
def test_every_log_keeps_to_the_grammar_and_all_readers_agree(name: str, mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    CASES[name][0](run)
    reference = written(columns(decode(run.path, python=True)))
    log = written(log_of(run, mode))
    assert check_log(log[0]) == []
    assert log == reference


def test_a_run_without_events_is_an_empty_root(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    main_process(run)
    assert outline(written(log_of(run, mode))[0]) == ["__main__"]


def test_deep_recursion_in_the_program_does_not_recurse_here(mode: str, tmp_path: Path) -> None:
    run = WrittenRun(tmp_path)
    s = main_process(run).stream().open("main")
    head = f.BLOCK << f.KIND_SHIFT | f.OPEN | 1 + MAIN.block("f")
    s.events.write_bytes(s.events.read_bytes() + (head.to_bytes(4, "little") + bytes(8)) * 20_000)
    file = io.BytesIO()
    assert write_log(log_of(run, mode), file, None) is False
    assert file.getvalue().count(b"{") == file.getvalue().count(b"}") == 20_001


def looping_run(home: Path) -> WrittenRun:
    run = WrittenRun(home)
    s = main_process(run).stream().open("main").value("a", 1)
    for i in range(10):
        s.value("g1", i, opens=True).value("x", i, opens=True).value("g2", -i, leave=1)
    s.value("b", 2)
    return run


@pytest.mark.parametrize("limit", [0, 1, 300, 1000, 2000, 4000, 6000])
def test_beyond_the_limit_it_ends_where_a_block_ended(limit: int, mode: str, tmp_path: Path) -> None:
    log = log_of(looping_run(tmp_path), mode)
    whole, _ = written(log)
    document, early = written(log, limit)
    assert early and check_log(document) == []
    kept = outline(document)
    while kept != outline(whole)[: len(kept)]:  # the block in which it ended
        last, kept = kept[-1], kept[:-1]
        assert last == outline(whole)[len(kept)][: len(last)] and isinstance(last[-1], list)
    assert abs(len(json.dumps(document)) - limit) < 1200


def test_within_the_limit_it_is_whole(mode: str, tmp_path: Path) -> None:
    log = log_of(looping_run(tmp_path), mode)
    assert written(log, 100_000) == (written(log)[0], False)


@pytest.mark.parametrize("limit", range(33))
def test_events_that_are_cut_off_make_an_early_end(limit: int, tmp_path: Path) -> None:
    run = looping_run(tmp_path)
    document, early = written(columns(decode(run.path, limit=limit)))
    assert check_log(document) == []
    assert early == (limit < 33)
    kept = [member for member in outline(document)[1:] if isinstance(member, list)]
    assert len(kept) == max(0, limit - 1) // 3 if limit % 3 != 1 else True


@pytest.mark.parametrize(("limit", "early"), [(None, False), (10**6, False), (2000, True)])
def test_the_log_of_a_run(limit: int | None, early: bool, tmp_path: Path) -> None:
    run = looping_run(tmp_path)
    with (tmp_path / "log.json").open("wb") as file:
        assert log_run(run.path, file, limit) is early
    assert check_log(json.loads((tmp_path / "log.json").read_bytes())) == []


RECORD = {
    "assignee": "x",
    "caller": None,
    "from_arg": False,
    "in_execution": "f",
    "in_file": "/p.py",
    "instruction_no": 1,
    "keyword_name": None,
    "pos": 0,
    "runtime_value": 1.5,
    "typ": "expression",
    "value": "f(1)",
}


def root(*members: Any, **more: Any) -> dict[str, Any]:
    return {"block_type": "function_body :: main", "log_sequence": list(members)} | more


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        RECORD,
        {"block_type": "function_body :: main"},
        root(block_type="loop"),
        root(block_type="function_body :: "),
        root(extra=1),
        root(consumes_from="f"),
        root(1),
        root(log_sequence={}),
        root({k: v for k, v in RECORD.items() if k != "pos"}),
        root(RECORD | {"lsn": 1}),
        root(RECORD | {"instruction_no": None}),
        root(RECORD | {"pos": True}),
        root(RECORD | {"runtime_value": [1]}),
        root(root(root(RECORD | {"from_arg": 0}))),
    ],
)
def test_departures_from_the_grammar_are_found(document: Any) -> None:
    assert len(check_log(document)) == 1


def test_the_grammar_allows_what_the_seed_shows() -> None:
    assert check_log(root(RECORD, root(RECORD, consumes_from=["f"], block_type="loop_body"), RECORD)) == []
