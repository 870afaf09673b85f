"""Random edits of real sources: every expression has its true place afterwards, or none; and most have one."""

from __future__ import annotations

import ast
import os
import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flor.annotate.match import corresponding
from tests.annotate.edits import EXCHANGES, KINDS, Edited, edited, places

pytestmark = pytest.mark.once

MODULES = ["bisect", "colorsys", "copy", "fnmatch", "glob", "heapq", "queue", "sched", "shlex", "textwrap"]


@cache
def source(module: str) -> str:
    return (Path(os.__file__).parent / f"{module}.py").read_text()


def found(case: Edited) -> tuple[int, int]:
    """How many places have a counterpart, of how many that are still there. Asserts that all of these are true."""
    matching = corresponding(case.before, case.after)
    left = set(case.origin.values())
    count = 0
    for x in places(case.before):
        y = matching.nodes.get(x)
        is_binding = not isinstance(getattr(x, "ctx", None), ast.Load) and not isinstance(x, ast.expr)
        if y is None or (is_binding and x in matching.changed):
            continue
        assert case.is_true(x, y), (
            f"{ast.dump(x)} (line {x.lineno}) is not {ast.dump(y)} (line {y.lineno}): {case.done}"
        )  # type: ignore[attr-defined]
        count += 1
    return count, sum(case.number[x] in left for x in places(case.before))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(MODULES),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2**32)), min_size=1, max_size=8),
)
def test_a_place_in_an_edited_source_is_the_true_one(module: str, edits: list[tuple[str, int]]) -> None:
    case = edited(source(module), edits)
    assume(case is not None)
    assert case is not None
    found(case)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.sampled_from(MODULES), st.sampled_from(EXCHANGES), st.integers(0, 2**32))
def test_what_changed_places_is_not_found_where_it_was(module: str, kind: str, seed: int) -> None:
    case = edited(source(module), [(kind, seed)])
    assume(case is not None)
    assert case is not None
    found(case)


@pytest.mark.parametrize("kind", KINDS)
def test_most_places_are_found_after_an_edit(kind: str) -> None:
    chosen = random.Random(kind)
    count = total = 0
    for module in MODULES:
        for _ in range(3):
            case = edited(source(module), [(kind, chosen.randrange(2**32))])
            if case is not None:
                one, all_ = found(case)
                count, total = count + one, total + all_
    assert count > 0.97 * total, f"{count} of {total}"


def test_most_places_are_found_after_many_edits() -> None:
    chosen = random.Random(20)
    count = total = 0
    for module in MODULES:
        case = edited(source(module), [(chosen.choice(KINDS), chosen.randrange(2**32)) for _ in range(20)])
        if case is not None:
            one, all_ = found(case)
            count, total = count + one, total + all_
    assert count > 0.9 * total, f"{count} of {total}"
