"""Small trees of block instances as text, for tests of the rules of the table.

A line is a block instance: its block, then the names that have a value there; deeper lines lie beneath it. A block
whose name ends with `()` is a function. The n-th value of a name, counted from 0 in the order of lines, is written as
the name and n. `-3 batch` are three instances of `batch` that were not recorded.

    epoch lr
      batch loss
      batch loss

A table is text too: a header, then a line for each row, `-` for NULL. A column `batch#` is the ordinal of the shown
instance of that block.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from flor.etl.join import Rows, Tree, join


@dataclass(frozen=True)
class Small:
    """A tree that is small enough to look at."""

    parent: list[int]
    block: list[str]
    names: list[list[str]]
    stream: list[int]
    ordinals: list[int]
    thinned: set[str]

    @property
    def blocks(self) -> list[str]:
        return list(dict.fromkeys(self.block))

    def function(self, block: str) -> str:
        """The function in which a block lies; '' at the top of the run."""
        node = self.block.index(block)
        while node >= 0 and not self.block[node].endswith("()"):
            node = self.parent[node]
        return self.block[node] if node >= 0 else ""

    def tree(self) -> Tree:
        numbers = {b: i for i, b in enumerate(self.blocks)}
        functions = [
            numbers.get(self.function(b), numbers[b] if b.endswith("()") else len(numbers)) for b in self.blocks
        ]
        return Tree(
            np.array(self.parent, np.int64),
            np.array([numbers[b] for b in self.block], np.int32),
            np.array(self.stream, np.int32),
            np.arange(len(self.parent), dtype=np.int64),
            np.array(functions, np.int32),
            np.array([bool(self.function(b)) for b in self.blocks], np.bool_),
            np.array([b in self.thinned for b in self.blocks]),
        )

    def holders(self) -> dict[str, list[int]]:
        """Name -> instances that hold a value of it, in order."""
        result: dict[str, list[int]] = {}
        for i, names in enumerate(self.names):
            for name in names:
                result.setdefault(name, []).append(i)
        return result

    def rows(self) -> Rows:
        return join(self.tree(), [np.array(h, np.int64) for h in self.holders().values()])

    def table(self, columns: list[str]) -> list[list[str]]:
        """The joined table: name and number of each value, or '-'."""
        rows, holders, ordinals, blocks = self.rows(), self.holders(), self.ordinals, self.blocks
        table = []
        for column in columns:
            name = column.rstrip("#")
            block = name if column.endswith("#") else self.block[holders[name][0]]
            shown = rows.instances[blocks.index(block)].tolist()
            if column.endswith("#"):
                table.append([str(ordinals[i]) if i >= 0 else "-" for i in shown])
            else:
                table.append([f"{name}{holders[name].index(i)}" if i in holders[name] else "-" for i in shown])
        return [list(r) for r in zip(*table, strict=True)]


def parse(text: str) -> Small:
    """Read the notation. A line that begins with `|` and a number belongs to that thread: `|1 work() x`."""
    small = Small([], [], [], [], [], set())
    seen: Counter[tuple[int, str]] = Counter()
    path: list[tuple[int, int]] = []
    for line in filter(str.strip, text.splitlines()):
        indent = len(line) - len(line.lstrip())
        words = line.split()
        stream = int(words.pop(0)[1:]) if words[0].startswith("|") else None
        while path and path[-1][0] >= indent:
            path.pop()
        parent = path[-1][1] if path else -1
        if words[0].startswith("-"):
            seen[parent, words[1]] += int(words[0][1:])
            small.thinned.add(words[1])
            continue
        small.ordinals.append(seen[parent, words[0]])
        seen[parent, words[0]] += 1
        small.stream.append(stream if stream is not None else small.stream[parent] if parent >= 0 else 0)
        path.append((indent, len(small.parent)))
        small.parent.append(parent)
        small.block.append(words[0])
        small.names.append(words[1:])
    return small


def expected(text: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table written as text."""
    header, *rows = [line.split() for line in text.splitlines() if line.strip()]
    return header, rows
