"""Key columns: their names, their order, and that a block is the same in every version of its source."""

from __future__ import annotations

import ast

import pytest

from flor.capture.rewrite import rewrite
from flor.capture.sites import Block
from flor.etl.keys import Blocks, base_name, in_nesting_order, key_names, keys, run_key

pytestmark = pytest.mark.once


def blocks_of(source: str) -> list[Block]:
    return rewrite(ast.parse(source), source.encode()).map.blocks


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("for g in x: pass", "g_iter"),
        ("for i, j in x: pass", "i_j_iter"),
        ("for i, (a, *b) in x: pass", "i_a_b_iter"),
        ("for self.step in x: pass", "self_step_iter"),
        ("for a[0] in x: pass", "a_0_iter"),
        ("for größe in x: pass", "größe_iter"),
        ("\n\nfor _ in x: pass", "for_L3_iter"),
        ("for _, _ in x: pass", "for_L1_iter"),
        ("\nwhile x: pass", "while_L2_iter"),
        ("[c for c in x]", "c_iter"),
        ("def train(): pass", "train_call"),
        ("class Net:\n  def fit(self): pass", "fit_call"),
        ("\nf = lambda: 1", "lambda_L2_call"),
    ],
)
def test_name(source: str, name: str) -> None:
    assert base_name(blocks_of(source)[-1]) == name


def test_name_of_an_inner_function() -> None:
    assert base_name(blocks_of("def f():\n  def g(): pass")[-1]) == "g_call"


def test_name_of_a_generator_expression() -> None:
    assert base_name(blocks_of("\n(c for c in x)")[1]) == "generator_L2_call"


FOR = [Block("for", "i", 0, line) for line in (3, 12, 12)]


@pytest.mark.parametrize(
    ("blocks", "names", "expected"),
    [
        (FOR, [], ["i_iter", "i_iter_L12", "i_iter_L12_2"]),
        (FOR[:1], ["i_iter"], ["i_iter_L3"]),
        (FOR[:1], ["I_ITER"], ["i_iter_L3"]),
        (FOR[:1], ["i_iter", "i_iter_L3"], ["i_iter_L3_2"]),
    ],
)
def test_equal_names_are_told_apart(blocks: list[Block], names: list[str], expected: list[str]) -> None:
    assert key_names(blocks, names) == expected


@pytest.mark.parametrize(
    ("names", "expected"), [(["x"], "run"), (["Run"], "run_id"), (["run", "run_id"], "run_id_2"), ([], "run")]
)
def test_the_run_key_makes_way_for_a_name(names: list[str], expected: str) -> None:
    assert run_key(names) == expected


@pytest.mark.parametrize(
    ("blocks", "nesting", "expected"),
    [
        ([1, 2, 3], [(1, 2), (2, 3)], [1, 2, 3]),
        ([1, 2, 3], [(3, 1), (2, 3)], [2, 3, 1]),  # the function stands above the loops that call it
        ([1, 2, 3, 4], [(1, 2), (1, 3), (3, 4)], [1, 2, 3, 4]),
        ([1, 2], [(1, 2), (2, 1)], [1, 2]),
        ([1, 2], [(1, 1), (9, 2)], [1, 2]),
    ],
)
def test_order(blocks: list[int], nesting: list[tuple[int, int]], expected: list[int]) -> None:
    assert in_nesting_order(blocks, nesting) == expected


OLD = "for g in x:\n  while a: pass\ndef f():\n  for g in x: pass\n  for g in y: pass\n"
NEW = "import os\n\ndef f():\n  for g in x: pass\n  for g in z: pass\n\nfor g in x:\n  while b: pass\n"


def test_a_block_keeps_its_number_in_another_version() -> None:
    blocks = Blocks()
    old = dict(zip(["module", "g", "while", "f", "f.g", "f.g2"], blocks.add("a", blocks_of(OLD)).numbers, strict=True))
    new = dict(zip(["module", "f", "f.g", "f.g2", "g", "while"], blocks.add("a", blocks_of(NEW)).numbers, strict=True))
    assert old == new
    assert blocks.blocks[old["while"]].line == 8


def test_blocks_of_two_sources_are_two() -> None:
    blocks = Blocks()
    assert set(blocks.add("a", blocks_of(OLD)).numbers).isdisjoint(blocks.add("b", blocks_of(OLD)).numbers)


def test_loops_lie_in_their_function() -> None:
    blocks = Blocks()
    made = blocks.add("a", blocks_of(OLD))
    module, _, _, f, *_ = made.numbers
    assert made.functions[:5] == [module, module, module, f, f]


@pytest.mark.parametrize(("largest", "expected"), [(0, ["g_iter"]), (1, ["g_iter", "f_call"])])
def test_a_function_is_a_key_if_it_was_called_again(largest: int, expected: list[str]) -> None:
    blocks = Blocks()
    module, g, f = blocks.add("a", blocks_of("for g in x:\n  pass\ndef f(): pass")).numbers
    found = keys(blocks, {module: 0, g: 4, f: largest}, {(module, g), (g, f)}, ["x"])
    assert [name for _, name in found] == expected
