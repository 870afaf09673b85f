"""Key columns: which blocks give one, what they are called, in which order. Pure.

A loop that leads to a value gives the key `<target>_iter`: `g_iter`, `i_j_iter` for `for i, j in ...`,
`while_L12_iter`, and `for_L3_iter` where the target is `_`. A function that leads to a value gives `<name>_call` if
some value came from its second or a later call under one parent. Keys are ordered as their blocks nest, outer before
inner; where neither lies in the other, as in the sources. Two keys with one name, or a key and a name of the user:
the later key has its line appended, `i_iter_L12`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flor.annotate.loops import Counterpart
from flor.capture.sites import Block

#: What a block without counterpart is called across runs: for each block from the outermost in: kind, name, and a count
#: among its siblings of that kind and name. Lines are no part of it, so it holds for runs of an older version too.
Path = tuple[tuple[str, str, int], ...]

LOOPS = ("for", "while", "comprehension")
FRAMES = ("function", "lambda", "generator")


def _paths(blocks: Sequence[Block]) -> list[Path]:
    paths: list[Path] = []
    seen: dict[tuple[Path, str, str], int] = {}
    for block in blocks:
        outer = () if block.parent is None else paths[block.parent]
        name = "" if block.kind in ("module", "while") else block.name
        count = seen.get((outer, block.kind, name), 0)
        seen[outer, block.kind, name] = count + 1
        paths.append((*outer, (block.kind, name, count)))
    return paths


def base_name(block: Block) -> str:
    """The name of a block's key column, before it is told apart from others."""
    words = "_".join(re.findall(r"\w+", block.name.rpartition(".")[2] if block.kind in FRAMES else block.name))
    if block.kind == "while":
        return f"while_L{block.line}_iter"
    if block.kind in LOOPS:
        return f"{words}_iter" if words.strip("_") else f"for_L{block.line}_iter"
    if block.kind == "function":
        return f"{words}_call"
    return f"{block.kind}_L{block.line}_call"


def called(block: Block, word: str) -> bool:
    """Whether a word is a name of a block: as its key column, with or without `_iter` or `_call`, with or without its
    line."""
    column = base_name(block)
    bare = column.rpartition("_")[0]
    return word in (column, bare, f"{column}_L{block.line}", f"{bare}_L{block.line}")


def in_nesting_order(blocks: Iterable[int], nesting: Iterable[tuple[int, int]]) -> list[int]:
    """`blocks`, given in source order, so that each comes after those in which it lies. In a cycle (recursion) the
    source decides."""
    order: list[int] = []
    waiting = list(blocks)
    outer: dict[int, set[int]] = {b: set() for b in waiting}
    for above, below in nesting:
        if above in outer and below in outer and above != below:
            outer[below].add(above)
    while waiting:
        free = (b for b in waiting if outer[b].isdisjoint(waiting))
        block = next(free, waiting[0])
        waiting.remove(block)
        order.append(block)
    return order


def key_names(blocks: Sequence[Block], names: Iterable[str]) -> list[str]:
    """A name for each key block, in order, none equal to another or to one of `names`; upper and lower case count as
    equal, as in SQL."""
    taken = {name.casefold() for name in names}
    result = []
    for block in blocks:
        name = base = base_name(block)
        if name.casefold() in taken:
            name = base = f"{base}_L{block.line}"
        number = 2
        while name.casefold() in taken:
            name = f"{base}_{number}"
            number += 1
        taken.add(name.casefold())
        result.append(name)
    return result


def run_key(names: Iterable[str]) -> str:
    """The name of the key column of runs: `run`, unless the user has a name like it."""
    taken = {name.casefold() for name in names}
    return "run" if "run" not in taken else free_name("run_id", taken)


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name_2` and so on if it is taken; upper and lower case count as equal."""
    others = {other.casefold() for other in taken}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, len(others) + 3))) if n not in others)


@dataclass(frozen=True)
class Numbered:
    """The blocks of one version of a source. Lists have one length."""

    numbers: list[int]
    functions: list[int]  # of each the number of the block with a frame of its own in which it lies, or its own
    called: list[bool]  # of each whether it is, or lies in, what may be called from anywhere


class Blocks:
    """Numbers for the blocks of all runs: one block has one number in every run and version."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, Path | Counterpart], int] = {}
        self._known: dict[tuple[str, tuple[Block, ...], tuple[tuple[int, Counterpart], ...]], Numbered] = {}
        self.blocks: list[Block] = []  # by number: the block in the version that counts, else the last one added
        self.versions: list[set[Block]] = []  # by number: the block in all versions
        self._counts: set[int] = set()  # the numbers of blocks that are in a version that counts
        self.rank: list[tuple[int, int]] = []  # by number: place of its source among the tags, then within the source
        self._tags: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.blocks)

    def add(
        self,
        tag: str,
        blocks: Sequence[Block],
        known: bool = True,
        counterparts: Mapping[int, Counterpart] | None = None,
        counts: bool = False,
    ) -> Numbered:
        """Number the blocks of one version of a source. `tag` says which source it is, the same in every run.

        `known`: it can be read. `counterparts`: what some of the blocks correspond to in the version that all others
        are held against, wherever they lie here. `counts`: it is that version itself, so keys are called by its names.
        """
        same = counterparts or {}
        version = (tag, tuple(blocks), tuple(sorted(same.items())))
        if version in self._known:
            return self._known[version]
        place = self._tags.setdefault(tag, len(self._tags))
        made = Numbered([], [], [])
        for index, (block, path) in enumerate(zip(blocks, _paths(blocks), strict=True)):
            number = self._numbers.setdefault((tag, same.get(index, path)), len(self.blocks))
            frame = block.kind not in LOOPS or block.parent is None
            made.numbers.append(number)
            made.functions.append(number if frame else made.functions[block.parent or 0])
            called = not known or block.kind in ("function", "lambda")
            made.called.append(called or (block.parent is not None and made.called[block.parent]))
            if number == len(self.blocks):
                self.blocks.append(block)
                self.versions.append(set())
                self.rank.append((place, index))
            elif counts or number not in self._counts:
                self.blocks[number], self.rank[number] = block, (place, index)
            self.versions[number].add(block)
            if counts:
                self._counts.add(number)
        self._known[version] = made
        return made


def keys(
    blocks: Blocks, leading: Mapping[int, int], nesting: Iterable[tuple[int, int]], names: Sequence[str]
) -> list[tuple[int, str]]:
    """The key columns after `run`: number of the block, name of the column.

    `leading`: block -> the largest ordinal of its instances that lead to a value, over all runs. `names`: the user's
    names.
    """
    chosen = [
        b
        for b, ordinal in leading.items()
        if blocks.blocks[b].kind in LOOPS or (blocks.blocks[b].kind in FRAMES and ordinal > 0)
    ]
    # All blocks take part in the order: a loop in a function comes after the loops around the function's calls.
    every = in_nesting_order(sorted(leading, key=lambda b: blocks.rank[b]), nesting)
    ordered = [b for b in every if b in chosen]
    return list(zip(ordered, key_names([blocks.blocks[b] for b in ordered], [*names, run_key(names)]), strict=True))
