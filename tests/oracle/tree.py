"""Block instances of two tellings of one run, brought together: an instance's *path* is the same number in both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.oracle.instrument import Block


class Instance(NamedTuple):
    """A block instance; the parent, another one's number, is -1 where there is none."""

    source: int
    block: int
    parent: int
    thread: int
    ordinal: int | None = None  # None: to be counted


@dataclass
class Paths:
    """Numbers for ways down from a run to an instance."""

    known: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    steps: list[tuple[int, int, int, int]] = field(default_factory=list)

    def number(self, parent: int, source: int, block: int, ordinal: int) -> int:
        step = (parent, source, block, ordinal)
        if step not in self.known:
            self.known[step] = len(self.steps)
            self.steps.append(step)
        return self.known[step]

    def shown(self, path: int, names: Callable[[int, int], str]) -> str:
        """A path in words: "f()[0] > i[2]"."""
        parts: list[str] = []
        while path >= 0:
            path, source, block, ordinal = self.steps[path]
            parts.append(f"{names(source, block)}[{ordinal}]")
        return " > ".join(reversed(parts))


def paths(instances: Sequence[Instance], signs: Sequence[Iterable[str]], known: Paths) -> list[int]:
    """The path of each instance.

    Nobody promises in which order threads begin. What several threads began under one parent is put into an order by
    what lies in it: `signs` are, for each instance, words that both tellings have for its values.
    """
    children: dict[tuple[int, int, int], list[int]] = {}
    for number, instance in enumerate(instances):
        children.setdefault((instance.parent, instance.source, instance.block), []).append(number)
    below: dict[int, list[int]] = {}
    for (parent, _, _), group in children.items():
        below.setdefault(parent, []).extend(group)
    ordinals: dict[int, int] = {}
    for (parent, _, _), group in children.items():
        own = instances[parent].thread if parent >= 0 else None
        others = [n for n in group if own is not None and instances[n].thread != own]
        if others:
            signatures = {n: _signature(n, instances, below, signs) for n in others}
            same = [n for n in group if n not in signatures]
            ordered = [*same, *sorted(others, key=signatures.__getitem__)]
            ordinals.update((n, i) for i, n in enumerate(ordered))
        else:
            ordinals.update(
                (n, i if instances[n].ordinal is None else int(instances[n].ordinal or 0)) for i, n in enumerate(group)
            )
    result: dict[int, int] = {-1: -1}

    def path(number: int) -> int:
        chain = []
        while number not in result:
            chain.append(number)
            number = instances[number].parent
        for n in reversed(chain):
            i = instances[n]
            result[n] = known.number(result[i.parent], i.source, i.block, ordinals[n])
        return result[chain[0]] if chain else result[number]

    return [path(n) for n in range(len(instances))]


def _signature(
    root: int, instances: Sequence[Instance], below: dict[int, list[int]], signs: Sequence[Iterable[str]]
) -> str:
    words: Counter[str] = Counter()
    stack = [(root, "")]
    while stack:
        number, way = stack.pop()
        way += f"/{instances[number].source}.{instances[number].block}"
        words[way] += 1
        words.update(f"{way}:{sign}" for sign in signs[number])
        stack.extend((child, way) for child in below.get(number, []))
    return json.dumps(sorted(words.items()))


def match_blocks(
    blocks: Sequence[tuple[str, int | None, int]], truth: Sequence[Block], sites: Iterable[tuple[int, int]]
) -> tuple[list[int], list[str]]:
    """For each recorded block, (kind, parent, line), the truth's; and what contradicts it.

    `sites`: pairs of blocks in which one and the same site lies.
    """
    found: dict[int, int] = {}
    wrong: list[str] = []
    for block, other in sites:
        if found.setdefault(block, other) != other:
            wrong.append(f"sites of one block (line {blocks[block][2]}) lie in several")
    for block in reversed(range(len(blocks))):
        parent, other = blocks[block][1], found.get(block)
        above = truth[other].parent if parent is not None and other is not None else None
        if parent is not None and above is not None and found.setdefault(parent, above) != above:
            wrong.append(f"the block of line {blocks[block][2]} lies in another one")
    taken = set(found.values())
    for block, (kind, parent, line) in enumerate(blocks):
        if block in found:
            continue
        above = None if parent is None else found.get(parent)
        free = (i for i, b in enumerate(truth) if i not in taken and (b.kind, b.parent, b.line) == (kind, above, line))
        found[block] = next(free, -1 - block)
        taken.add(found[block])
    for block, other in found.items():
        if other >= 0 and truth[other].kind != blocks[block][0]:
            wrong.append(f"the block of line {blocks[block][2]} is a {truth[other].kind}, not a {blocks[block][0]}")
    return [found[b] for b in range(len(blocks))], wrong
