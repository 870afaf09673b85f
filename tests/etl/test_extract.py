"""Which values a name has in a run, and what is said where it has none."""

from __future__ import annotations

import pytest

from flor.etl.extract import extract
from flor.etl.keys import Blocks
from flor.trace.recorded import texts
from tests.etl.fakes import FakeSource, FakeTrace, annotated

pytestmark = pytest.mark.once

SOURCE = "xs=[1,2]\nfor g in xs:\n    y=f(g,c=7)\n"
SHADOW = 'xs=[1,2]\nfor g in xs:\n    y=GET("y",f(GET("g",g),c=GET("c",7)))\n'
TREE = """
module
  for:g g=1 f(g,c=7)=0.5
  for:g g=2 f(g,c=7)=0.7
"""


def columns(trace: FakeTrace, *copies: object) -> dict[str, list[tuple[int, str | None]]]:
    found = extract(trace, copies, Blocks())  # type: ignore[arg-type]
    return {
        name: [v for p in pieces for v in zip(p.instance.tolist(), texts(p.values), strict=True)]
        for name, pieces in found.pieces.items()
    }


def remarks(trace: FakeTrace, *copies: object) -> list[str]:
    return [str(d) for d in extract(trace, copies, Blocks()).diagnostics]  # type: ignore[arg-type]


EXPECTED = {"y": [(1, "0.5"), (2, "0.7")], "g": [(1, "1"), (2, "2")], "c": [(1, "7"), (2, "7")]}


def test_recorded_same_and_constant_sites() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", SOURCE)], TREE)
    # The load of g in the call is a site of its own; the loop's target is another.
    load = next(i for i, s in enumerate(trace.sources[0].map.sites) if s.text == "g" and s.kind == "expression")
    target = next(i for i, s in enumerate(trace.sources[0].map.sites) if s.text == "g" and s.kind == "target")
    trace.recorded[0, load] = trace.recorded[0, target]
    assert columns(trace, annotated(SHADOW, "/p/a.py")) == EXPECTED


def test_a_binding_is_the_loop_target() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", SOURCE)], TREE)
    text = 'xs=[1,2]\nfor g in xs:\n    GET("g",g)\n    y=f(g,c=7)\n'
    assert columns(trace, annotated(text, "/p/a.py")) == {"g": [(1, "1"), (2, "2")]}


@pytest.mark.parametrize(
    ("paths", "source"),
    [
        (["/p/a.py"], "/p/a.py"),
        (["/elsewhere/b.py"], "/p/a.py"),  # the same text under another name
        (["/lib/x.py", "/moved/p/a.py"], "/p/a.py"),
    ],
)
def test_the_source_is_found(paths: list[str], source: str) -> None:
    sources = [FakeSource(p, SOURCE if p == paths[-1] else "pass\n", f"m{i}") for i, p in enumerate(paths)]
    trace = FakeTrace(sources, TREE.replace("module", f"m{len(paths) - 1}"))
    text = 'xs=[1,2]\nfor g in xs:\n    y=GET("y",f(g,c=7))\n'
    assert columns(trace, annotated(text, source)) == {"y": [(1, "0.5"), (2, "0.7")]}


def test_a_moved_and_changed_source_is_found_by_its_name_and_folder() -> None:
    sources = [FakeSource("/new/p/a.py", "\n" + SOURCE), FakeSource("/new/q/a.py", "pass\n", "q.a")]
    text = 'xs=[1,2]\nfor g in xs:\n    y=GET("y",f(g,c=7))\n'
    assert columns(FakeTrace(sources, TREE), annotated(text, "/old/p/a.py"))["y"] == [(1, "0.5"), (2, "0.7")]


def test_two_sources_that_may_be_meant_are_none() -> None:
    sources = [FakeSource("/1/a.py", "\n" + SOURCE), FakeSource("/2/a.py", "\n\n" + SOURCE, "b")]
    (remark,) = remarks(FakeTrace(sources, TREE), annotated('xs=GET("x",[1,2])\n', "/p/a.py"))
    assert "/1/a.py or /2/a.py" in remark


def test_a_run_without_the_source_says_so() -> None:
    trace = FakeTrace([FakeSource("/p/b.py", "pass\n")], "module", id="r7")
    assert remarks(trace, annotated('x=GET("x",1)\n', "/p/a.py")) == ["x: the run did not capture /p/a.py (run r7)"]


def test_a_source_that_was_not_captured_says_why() -> None:
    info: dict[str, object] = {"uncaptured": [{"path": "/p/a.py", "why": "too large"}]}
    trace = FakeTrace([FakeSource("/p/b.py", "pass\n")], "module", info=info)
    assert "the run did not capture /p/a.py: too large" in remarks(trace, annotated('x=GET("x",1)\n', "/p/a.py"))[0]


def test_a_shadow_copy_that_was_run_itself() -> None:
    header = "#/p/a.py\n"
    trace = FakeTrace([FakeSource("/p/a_h.py", header + 'for g in xs:\n    GET("y",f(g))\n')], "module\n  for:g f(g)=3")
    assert columns(trace, annotated('for g in xs:\n    GET("y",f(g))\n', "/p/a.py")) == {"y": [(1, "3")]}


def test_one_file_under_two_module_names_gives_one_column() -> None:
    sources = [FakeSource("/p/a.py", SOURCE), FakeSource("/p/a.py", SOURCE, "__mp_main__")]
    trace = FakeTrace(sources, TREE + "__mp_main__\n  for:g f(g,c=7)=0.9\n")
    text = 'xs=[1,2]\nfor g in xs:\n    y=GET("y",f(g,c=7))\n'
    blocks = Blocks()
    found = extract(trace, [annotated(text, "/p/a.py")], blocks)  # type: ignore[arg-type, list-item]
    assert [p.instance.tolist() for p in found.pieces["y"]] == [[1, 2], [4]]
    assert len({p.block for p in found.pieces["y"]}) == 1


def test_a_callee_is_not_recorded_and_says_so() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "f(1)\n")], "module")
    (remark,) = remarks(trace, annotated('GET("fn",f)(1)\n', "/p/a.py"))
    assert remark.startswith("fn: what is called is not recorded")


def test_a_changed_expression_says_so() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "x=g(2)\n")], "module g(2)=1")
    (remark,) = remarks(trace, annotated('y=GET("y",f(1))\n', "/p/a.py"))
    assert remark.startswith("y: this version of the source has no counterpart")


def test_another_version_with_the_same_statement_is_read_and_said() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "import os\nx=f(1)\n")], "module f(1)=4")
    copy = annotated('x=GET("y",f(1))\n', "/p/a.py")
    assert columns(trace, copy) == {"y": [(0, "4")]}
    assert remarks(trace, copy) == ["y: found in another version of the source (run r1)"]


def test_another_version_with_other_names_says_so() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "b=1\nx=f(b,7)\ng(b)\n")], "module f(b,7)=4")
    copy = annotated('a=1\nx=GET("y",f(a,7))\ng(a)\n', "/p/a.py")
    assert columns(trace, copy) == {"y": [(0, "4")]}
    said = "another version of the source has it with other names: `f(b,7)`, not `f(a,7)` (run r1)"
    assert remarks(trace, copy) == [f"y: {said}"]


def test_another_version_with_another_expression_in_its_place_says_so() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "x=f(2)\n")], "module f(2)=4")
    copy = annotated('x=GET("y",f(1))\n', "/p/a.py")
    assert columns(trace, copy) == {"y": [(0, "4")]}
    assert remarks(trace, copy) == ["y: another version of the source has `f(2)` in its place, not `f(1)` (run r1)"]


@pytest.mark.parametrize("source", ["import os\nx=f(1)\n", "x=f(2)\n"])
def test_if_it_must_be_exact_another_version_has_no_value(source: str) -> None:
    trace = FakeTrace([FakeSource("/p/a.py", source)], "module")
    found = extract(trace, [annotated('x=GET("y",f(1))\n', "/p/a.py")], Blocks(), exact=True)  # type: ignore[arg-type, list-item]
    assert found.pieces == {}
    said = "y: the source is another version, of which --exact takes no value (run r1)"
    assert [str(d) for d in found.diagnostics] == [said]


def test_if_it_must_be_exact_comments_and_layout_may_differ() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "# why\nx = f(1)\n")], "module f(1)=4")
    found = extract(trace, [annotated('x=GET("y",f(1))\n', "/p/a.py")], Blocks(), exact=True)  # type: ignore[arg-type, list-item]
    assert (list(found.pieces), found.diagnostics) == (["y"], [])


def test_warnings_of_the_trace_are_passed_on() -> None:
    trace = FakeTrace([FakeSource("/p/a.py", "x=f(1)\n")], "module f(1)=4", warnings=["a segment is cut"])
    trace.info["gap"] = "recording stopped early: No space left on device"
    assert remarks(trace, annotated('x=GET("y",f(1))\n', "/p/a.py")) == [
        "a segment is cut (run r1)",
        "recording stopped early: No space left on device (run r1)",
    ]


def test_a_source_without_its_site_table_only_loses_its_own_names() -> None:
    loop, function = "for i in h():\n    x=f(1)\n", "def h():\n    return 2\n"
    trace = FakeTrace(
        [FakeSource("/p/a.py", loop), FakeSource("/p/b.py", function, "b")], "module\n  h()\n  for:i f(1)=4"
    )
    trace.sources[1].available = False
    copies = (
        annotated(loop.replace("f(1)", 'GET("x",f(1))'), "/p/a.py"),
        annotated(function.replace("2", 'GET("r",2)'), "/p/b.py"),
    )
    assert columns(trace, *copies) == {"x": [(2, "4")]}
    assert remarks(trace, *copies) == ["r: the run's copy of /p/b.py cannot be read (run r1)"]
