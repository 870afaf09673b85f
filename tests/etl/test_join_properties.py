"""The join against slow models of its rules, on random trees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flor.etl.join import Tree, join

pytestmark = pytest.mark.once


class Program(NamedTuple):
    """Blocks of a random program: 0 is the module."""

    functions: list[bool]  # whether the block is a function
    within: list[int]  # the function (or module) in which it lies, itself for a function
    outer: list[int]  # for a loop, the block around it


class Case(NamedTuple):
    program: Program
    parent: list[int]
    block: list[int]
    held: dict[int, list[int]]  # instance -> names that it holds; a name belongs to block name // 2
    thinned: frozenset[int] = frozenset()  # blocks of which instances are missing

    @property
    def tree(self) -> Tree:
        n = len(self.parent)
        within = np.array(self.program.within, np.int32)
        block = np.array(self.block, np.int32)
        stream, seq = np.zeros(n, np.int32), np.arange(n, dtype=np.int64)
        thinned = np.isin(np.arange(len(within)), list(self.thinned))
        return Tree(np.array(self.parent, np.int64), block, stream, seq, within, within != 0, thinned)

    def columns(self) -> list[np.ndarray]:
        names = sorted({name for names in self.held.values() for name in names})
        return [np.array([i for i, held in sorted(self.held.items()) if n in held], np.int64) for n in names]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    program = Program([True], [0], [-1])
    for block in range(1, draw(st.integers(1, 6))):
        outer = draw(st.integers(0, block - 1))
        function = draw(st.booleans())
        program.functions.append(function)
        program.within.append(block if function else program.within[outer])
        program.outer.append(outer)
    return program


@st.composite
def cases(draw: st.DrawFn, *, calls_anywhere: bool = True) -> Case:
    """A random execution: any function may be called from anywhere, or, with `calls_anywhere` off, only from its
    outer block."""
    program = draw(programs())
    parent, block = [-1], [0]
    for _ in range(draw(st.integers(0, 16))):
        at = draw(st.integers(0, len(parent) - 1))
        choices = [
            b
            for b in range(1, len(program.outer))
            if program.outer[b] == block[at] or (program.functions[b] and calls_anywhere)
        ]
        if choices:
            parent.append(at)
            block.append(draw(st.sampled_from(choices)))
    held = draw(st.dictionaries(st.integers(0, len(parent) - 1), st.sets(st.integers(0, 1), min_size=1)))
    return Case(program, parent, block, {i: sorted(2 * block[i] + n for n in names) for i, names in held.items()})


RUN = -1


class Model:
    """The rules of `flor.etl.join`, read off word by word."""

    def __init__(self, case: Case, chosen: Collection[int] = ()) -> None:
        self.case = case
        self.count = len(case.parent)
        self.chosen = [i for i in range(self.count) if case.block[i] in chosen]
        self.leading = {a for i in (*case.held, *self.chosen) for a in self.upwards(i)}

    def upwards(self, node: int) -> list[int]:
        """The node, its parent, and so on, the run last."""
        path = [node]
        while path[-1] != RUN:
            path.append(self.case.parent[path[-1]])
        return path

    def beneath(self, node: int) -> list[int]:
        return [i for i in range(self.count) if node in self.upwards(i)]

    def recursive(self, node: int) -> bool:
        if node == RUN or not self.case.program.functions[self.case.block[node]]:
            return False
        return any(a != RUN and self.case.block[a] == self.case.block[node] for a in self.upwards(node)[1:])

    def only(self, node: int, above: int) -> bool:
        return [i for i in self.beneath(above) if self.case.block[i] == self.case.block[node]] == [node]

    def stands(self, node: int) -> int:
        if node == RUN:
            return RUN
        path = self.upwards(node)
        best = node
        for height in range(1, len(path)):
            if all(self.only(y, path[height]) and not self.recursive(y) for y in path[:height]):
                best = path[height]
        return best

    def rows(self) -> list[int]:
        places = {self.stands(i) for i in self.case.held}

        def counts(place: int, lower: int) -> bool:
            path = self.upwards(lower)
            return place in path[1:] and not any(self.recursive(y) for y in path[: path.index(place)])

        return sorted(p for p in places if not any(counts(p, q) for q in places))

    def shown(self, row: int, block: int) -> int:
        for node in self.upwards(row):
            here = [i for i in self.leading if i != RUN and self.case.block[i] == block and self.stands(i) == node]
            if here:
                (instance,) = here
                return instance
            if self.recursive(node) and self.case.block[node] == self.case.program.within[block]:
                return RUN
        return RUN


@settings(max_examples=400, deadline=None)
@given(cases())
def test_as_the_rules_say(case: Case) -> None:
    model = Model(case)
    rows = join(case.tree, case.columns())
    assert sorted(rows.place.tolist()) == model.rows()
    for block, shown in rows.instances.items():
        assert shown.tolist() == [model.shown(r, block) for r in rows.place.tolist()]
    assert set(rows.instances) == {case.block[i] for i in model.leading if i != RUN}


@settings(max_examples=400, deadline=None)
@given(cases(), st.sets(st.integers(0, 5)))
def test_chosen_rows_are_the_instances_of_their_blocks(case: Case, chosen: set[int]) -> None:
    """And show what the same rules show on them."""
    model = Model(case, chosen)
    rows = join(case.tree, case.columns(), sorted(chosen))
    expected = (model.chosen if chosen else [RUN]) if case.held else []
    assert sorted(rows.place.tolist()) == expected
    for block, shown in rows.instances.items():
        assert shown.tolist() == [model.shown(r, block) for r in rows.place.tolist()]


def spliced(case: Case) -> list[set[int]]:
    """The rows, as sets of shown holders, by a model that knows only sibling blocks: what ran once under its parent
    is part of it, what ran many times stacks. Right where a function is called from one block only."""

    def rows(unit: list[int]) -> list[set[int]]:
        unit = list(unit)
        many: list[int] = []
        for node in unit:  # grows while it is walked
            children = [i for i, p in enumerate(case.parent) if p == node]
            for child in children:
                once = sum(case.block[c] == case.block[child] for c in children) == 1
                (unit if once else many).append(child)
        own = {i for i in unit if i in case.held}
        inner = [own | r for child in many for r in rows([child])]
        return inner or ([own] if own else [])

    return rows([RUN])


@settings(max_examples=400, deadline=None)
@given(cases(calls_anywhere=False))
def test_siblings_share_repeat_and_stack(case: Case) -> None:
    rows = join(case.tree, case.columns())
    shown = [
        {i for block in rows.instances if (i := int(rows.instances[block][r])) in case.held}
        for r in range(len(rows.place))
    ]
    assert sorted(map(sorted, shown)) == sorted(map(sorted, spliced(case)))


@settings(max_examples=400, deadline=None)
@given(cases())
def test_every_value_is_on_a_row_and_no_row_mixes_calls(case: Case) -> None:
    model = Model(case)
    rows = join(case.tree, case.columns())
    table = [{b: int(shown[r]) for b, shown in rows.instances.items() if shown[r] >= 0} for r in range(len(rows.place))]
    assert {i for row in table for i in row.values()} >= set(case.held)
    assert len(table) <= len(case.held)
    for row in table:
        calls: dict[int, set[int]] = {}
        for block, instance in row.items():
            function = case.program.within[block]
            call = next((a for a in model.upwards(instance)[:-1] if case.block[a] == function), RUN)
            calls.setdefault(function, set()).add(call)
        assert all(len(c) == 1 for c in calls.values())


@st.composite
def thinned_cases(draw: st.DrawFn) -> tuple[Case, Case, list[int]]:
    """A random execution; what is recorded of it where some instances are left out; and the numbers of those that are
    recorded."""
    case = draw(cases())
    skipped = draw(st.sets(st.integers(1, len(case.parent) - 1))) if len(case.parent) > 1 else set()
    model = Model(case)
    recorded = [i for i in range(len(case.parent)) if not skipped.intersection(model.upwards(i))]
    thinned = frozenset(case.block[i] for i in skipped if case.parent[i] in recorded)
    number = {old: new for new, old in enumerate(recorded)} | {RUN: RUN}
    parent = [number[case.parent[i]] for i in recorded]
    held = {number[i]: names for i, names in case.held.items() if i in number}
    return case, Case(case.program, parent, [case.block[i] for i in recorded], held, thinned), recorded


@settings(max_examples=1500, deadline=None)
@given(thinned_cases())
def test_what_a_row_of_a_thinned_run_shows_belongs_there(cases: tuple[Case, Case, list[int]]) -> None:
    """It is of an instance around the row's place, or the only one of its block that ran beneath one of those."""
    case, thin, recorded = cases
    model = Model(case)
    rows = join(thin.tree, thin.columns())
    shown = {int(i) for instances in rows.instances.values() for i in instances if i >= 0}
    assert shown >= set(thin.held)
    for row, place in enumerate(rows.place.tolist()):
        around = model.upwards(recorded[place] if place >= 0 else RUN)
        for instances in rows.instances.values():
            if (instance := int(instances[row])) >= 0:
                node = recorded[instance]
                assert node in around or any(model.only(node, s) for s in around if s in model.upwards(node))


def narrowed(case: Case) -> tuple[Tree, list[np.ndarray], np.ndarray]:
    """The tree with those instances only that a long run's names need (as `extract` asks for them), its columns, and
    which of all instances they are."""
    program, parent, block = case.program, case.parent, case.block
    loops = {b for b in case.thinned & set(block) if not program.functions[b]}
    kept = {block[i] for i in case.held} | {b for b in case.thinned if program.functions[b]}
    kept |= {program.outer[b] for b in loops}
    while True:
        around = {program.outer[b] for b in kept if program.outer[b] >= 0}
        around |= {block[parent[i]] for i, b in enumerate(block) if b in kept and parent[i] >= 0}
        if around <= kept:
            break
        kept |= around
    ids = [i for i, b in enumerate(block) if b in kept]
    number = {-1: -1, **{i: n for n, i in enumerate(ids)}}
    held = {number[i]: names for i, names in case.held.items()}
    less = Case(program, [number[parent[i]] for i in ids], [block[i] for i in ids], held, case.thinned)
    tree = replace(less.tree, seq=np.array(ids, np.int64), elsewhere={b: program.outer[b] for b in loops})
    return tree, less.columns(), np.array([*ids, -1], np.int64)


@settings(max_examples=1500, deadline=None)
@given(thinned_cases())
def test_the_instances_that_names_need_give_the_same_rows(cases: tuple[Case, Case, list[int]]) -> None:
    _, thin, _ = cases
    rows = join(thin.tree, thin.columns())
    tree, columns, ids = narrowed(thin)
    fewer = join(tree, columns)
    assert ids[fewer.place].tolist() == rows.place.tolist()
    assert {b: ids[i].tolist() for b, i in fewer.instances.items()} == {
        b: i.tolist() for b, i in rows.instances.items()
    }


def test_a_thinned_loop_in_a_function_without_names_may_have_called_any() -> None:
    """Epochs that call g(), h() and train(), in which a loop was thinned that may have called g(), too."""
    program = Program([True, False, True, True, True, False], [0, 0, 2, 3, 4, 4], [-1, 0, 0, 0, 0, 4])
    parent, block, held = [-1], [0], {}
    for _ in range(2):
        epoch = len(block)
        parent += [0, epoch, epoch, epoch, epoch + 3]
        block += [1, 2, 3, 4, 5]
        held |= {epoch + 1: [4], epoch + 2: [6]}
    case = Case(program, parent, block, held, frozenset({5}))
    rows = join(case.tree, case.columns())
    tree, columns, ids = narrowed(case)
    assert ids[join(tree, columns).place].tolist() == rows.place.tolist()
    assert len(rows.place) == 4
