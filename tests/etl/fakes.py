"""Traces in memory, with site tables as the rewriter makes them.

The tree is written as in `tests.etl.trees`, with blocks as `module`, `for:g`, `while_L3`, `f()`, and values as
`text=literal`: the site with that text in that block. Neither has spaces.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from flor.annotate import shadow
from flor.capture.rewrite import rewrite
from flor.capture.sites import SourceMap
from flor.etl.extract import Annotated
from flor.etl.typed import constant, together
from flor.home import Run
from flor.trace.read import Instances, Values


@dataclass
class FakeSource:
    path: str
    text: str
    module: str = "__main__"
    available: bool = True

    def __post_init__(self) -> None:
        self.data = self.text.encode()
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.map: SourceMap = rewrite(ast.parse(self.text), self.data).map


@dataclass
class FakeTrace:
    """One run; duck-typed as `flor.trace.read.Trace`."""

    sources: list[FakeSource]
    tree: str
    id: str = "r1"
    warnings: list[str] = field(default_factory=list)
    info: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run = Run(Path("/home/x/runs") / self.id, self.info)
        self.rows: list[tuple[int, int, int, int]] = []  # source, block, parent, ordinal
        self.recorded: dict[tuple[int, int], list[tuple[int, str]]] = {}
        counts: Counter[tuple[int, int, int]] = Counter()
        path: list[tuple[int, int]] = []
        for line in filter(str.strip, self.tree.splitlines()):
            indent = len(line) - len(line.lstrip())
            word, *values = line.split()
            path = [p for p in path if p[0] < indent]
            parent = path[-1][1] if path else -1
            source, block = self._block(word, self.rows[parent][0] if path else 0)
            path.append((indent, len(self.rows)))
            for value in values:
                text, _, literal = value.rpartition("=")
                self.recorded.setdefault((source, self._site(source, block, text)), []).append(
                    (len(self.rows), literal)
                )
            self.rows.append((source, block, parent, counts[source, block, parent]))
            counts[source, block, parent] += 1

    def _block(self, word: str, near: int) -> tuple[int, int]:
        for source in [near, *range(len(self.sources))]:
            for index, block in enumerate(self.sources[source].map.blocks):
                module = ["module"] if source == near else []
                loop = f"for:{block.name.replace(' ', '')}"
                words = {
                    "module": [self.sources[source].module, *module],
                    "function": [f"{block.name}()"],
                    "while": [block.name],
                }.get(block.kind, [loop])
                if word in words:
                    return source, index
        raise AssertionError(f"no block {word}")

    def _site(self, source: int, block: int, text: str) -> int:
        sites = self.sources[source].map.sites
        return next(i for i, s in enumerate(sites) if s.block == block and s.text == text and s.source == "recorded")

    def instances(self) -> Instances:
        source, block, parent, ordinal = (np.array([r[k] for r in self.rows], np.int64) for k in range(4))
        place = np.arange(len(self.rows))
        return Instances(source, block, parent, ordinal, np.zeros(len(place), np.int32), place, place)

    def values(self, source: int, site: int) -> Values:
        found = self.recorded.get((source, site), [])
        values = together([constant(literal, 1) for _, literal in found])
        data = pa.concat_arrays(values.data) if found else pa.nulls(0, pa.large_binary())
        instance = np.array([i for i, _ in found], np.int64)
        return Values(instance, instance, values.kind, values.payload, data)


def annotated(text: str, source: str, path: str = "/p/a_h.py") -> Annotated:
    """A shadow copy of `source`; `text` has no header yet."""
    return Annotated(shadow.parse(f"#{source}\n{text}".encode(), path), Path(path))
