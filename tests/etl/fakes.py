"""Traces in memory, with site tables as the rewriter makes them.

The tree is written as in `tests.etl.trees`, with blocks as `module`, `for:g`, `while_L3`, `f()`, and values as
`text=literal`: the site with that text in that block. Neither has spaces. `-3 for:g`: three iterations that were not
recorded.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flor.annotate import shadow
from flor.capture.rewrite import rewrite
from flor.capture.sites import SourceMap
from flor.errors import FlorError
from flor.etl.extract import Annotated
from flor.etl.typed import constant
from flor.home import Run
from flor.trace.forked import Forks
from flor.trace.read import Instances, Thinned, Values
from flor.trace.recorded import together


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
    error: str = ""  # what opening it raises

    def __post_init__(self) -> None:
        self.run = Run(Path("/home/x/runs") / self.id, self.info)
        self.copies = np.zeros((0, 2), np.int64)
        self.forks = Forks([], [])
        self.mains: list[int] = []
        self.rows: list[tuple[int, int, int, int]] = []  # source, block, parent, ordinal
        self.recorded: dict[tuple[int, int], list[tuple[int, str]]] = {}
        self.thinned_away: Counter[tuple[int, int]] = Counter()
        counts: Counter[tuple[int, int, int]] = Counter()
        path: list[tuple[int, int]] = []
        for line in filter(str.strip, self.tree.splitlines()):
            indent = len(line) - len(line.lstrip())
            word, *values = line.split()
            path = [p for p in path if p[0] < indent]
            parent = path[-1][1] if path else -1
            skipped = int(word[1:]) if word.startswith("-") else 0
            if skipped:
                word = values.pop()
            source, block = self._block(word, self.rows[parent][0] if path else 0)
            if skipped:
                counts[source, block, parent] += skipped
                self.thinned_away[source, block] += skipped
                continue
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

    @property
    def count(self) -> int:
        return len(self.rows)

    kept = count

    @property
    def counts(self) -> Counter[tuple[int, int]]:
        return Counter((source, block) for source, block, *_ in self.rows)

    def only(self, blocks: Iterable[tuple[int, int]]) -> FakeTrace:
        kept = set(blocks)
        while more := {self.rows[p][:2] for s, b, p, _ in self.rows if (s, b) in kept and p >= 0} - kept:
            kept |= more
        number = {-1: -1}
        narrowed = copy(self)
        narrowed.rows = []
        for old, (source, block, parent, ordinal) in enumerate(self.rows):
            if (source, block) in kept:
                number[old] = len(narrowed.rows)
                narrowed.rows.append((source, block, number[parent], ordinal))
        narrowed.recorded = {
            site: [(number[i], literal) for i, literal in values]
            for site, values in self.recorded.items()
            if all(i in number for i, _ in values)
        }
        return narrowed

    def skipped(self) -> dict[tuple[int, int], int]:
        return dict(self.thinned_away)

    def thinned(self) -> dict[tuple[int, int], Thinned]:
        found = {}
        for (index, number), skipped in sorted(self.thinned_away.items()):
            source, block = self.sources[index], self.sources[index].map.blocks[number]
            recorded = sum(row[:2] == (index, number) for row in self.rows)
            about = (source.path, source.module, block.line, block.kind, block.name)
            found[index, number] = Thinned(*about, recorded, skipped)
        return found

    def values(self, source: int, site: int) -> Values:
        found = self.recorded.get((source, site), [])
        values = together([constant(literal, 1) for _, literal in found])
        data = pa.concat_arrays(values.data) if found else pa.nulls(0, pa.large_binary())
        instance = np.array([i for i, _ in found], np.int64)
        return Values(instance, instance, values.kind, values.payload, data)


def annotated(text: str, source: str, path: str = "/p/a_h.py") -> Annotated:
    """A shadow copy of `source`; `text` has no header yet."""
    return Annotated(shadow.parse(f"#{source}\n{text}".encode(), path), Path(path))


def install(home: Path, monkeypatch: pytest.MonkeyPatch, **experiments: list[FakeTrace]) -> None:
    """Make FLOR_HOME hold experiments whose runs have these traces, for `flor.etl.table` and `flor.query.views`."""
    monkeypatch.setenv("FLOR_HOME", str(home))
    by_run = {(name, trace.id): trace for name, traces in experiments.items() for trace in traces}
    for name in experiments:
        (home / name).mkdir(parents=True)
    for number, ((name, run_id), trace) in enumerate(by_run.items()):
        folder = home / name / "runs" / run_id
        folder.mkdir(parents=True)
        info = {"format": 1, "pid": 1, "pid_started": "", "status": "finished", "exit_code": 0, "sources": []}
        info |= {"start": 1000.0 + number, "end": 1000.5 + number, "argv": ["a.py", "--n", "3"], "script": "/p/a.py"}
        (folder / "run.json").write_text(json.dumps(info | trace.info))

    def open_trace(run: Run) -> FakeTrace:
        trace = by_run[run.experiment, run.id]
        if trace.error:
            raise FlorError(trace.error)
        trace.run = run
        return trace

    monkeypatch.setattr("flor.etl.reading.source_exists", lambda path: True)
    monkeypatch.setattr("flor.etl.reading.open_trace", open_trace)
    monkeypatch.setattr("flor.query.views.open_trace", open_trace)
