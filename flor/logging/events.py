"""What the log of a Context is made of: block instances, and the calls of the functions that hold logged values.

Standard library only: this also runs inside the captured program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flor.home import Run
from flor.trace import logged
from flor.trace.cet_json import json_value, parents_of
from flor.trace.decode import MISSING, Decoded, decode
from flor.trace.stream import ROW, find, text

#: The parameter of each function of `flor/logging/recorded.py` that holds its value.
VALUES = {"logged": "value", "logged_secret": "password", "called": "consumes"}

LOOPS = ("for", "while")


@dataclass
class Source:
    """A source of the run. `blocks` and `sites` are those of its SourceMap, as plain JSON data."""

    path: str
    module: str
    blocks: list[dict[str, Any]]
    sites: list[dict[str, Any]]

    def parameter(self, function: str, name: str) -> int | None:
        """The site of a function's parameter."""
        for number, site in enumerate(self.sites):
            wanted = site["kind"] == "parameter" and site["text"] == name
            if wanted and self.blocks[site["block"]]["name"] == function:
                return number
        return None


@dataclass
class Events:
    """The block instances that matter, in any order, and the calls of the functions that hold logged values."""

    sources: list[Source]
    source: Sequence[int]  # of each instance: index into sources
    block: Sequence[int]  # of each instance: index into its source's blocks
    parent: Sequence[int]  # of each instance, -1: none
    stream: Sequence[int]
    seq: Sequence[int]
    #: function of `recorded.py` -> instance of its call -> number of the line, value as JSON
    calls: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)  # iterations of `while` whose body began
    cut: bool = False  # there are more


def of_segments(run: Run) -> Events:
    """The events of a run that is not packed. Raises VanishedError if it is by now, OSError if it cannot be read."""
    decoded = decode(run.path, growing=run.status == "running")
    sources = [Source(s.key.path, s.key.module, s.raw["blocks"], s.raw["sites"]) for s in decoded.sources]
    place = [(i, b) for i, s in enumerate(decoded.sources) for b in range(len(s.blocks))]
    events = Events(
        sources,
        [place[b][0] for b in decoded.block],
        [place[b][1] for b in decoded.block],
        parents_of(decoded),
        decoded.stream.tolist(),
        decoded.seq.tolist(),
    )
    for index, source in enumerate(sources):
        first = decoded.sources[index].first_site
        if source.module == logged.MODULE:
            for function, parameter in VALUES.items():
                numbers = _rows(decoded, first, source.parameter(function, "place"))
                held = _rows(decoded, first, source.parameter(function, parameter))
                calls = events.calls.setdefault(function, {})
                for instance, (_, payload, _) in numbers.items():
                    if instance in held:
                        kind, own, data = held[instance]
                        calls[instance] = payload, json_value(kind, own, data)
        for number in in_bodies_of_while(source):
            events.busy.update(_rows(decoded, first, number, values=False))
    return events


def in_bodies_of_while(source: Source) -> list[int]:
    """The sites in bodies of `while`."""
    return [
        number
        for number, site in enumerate(source.sites)
        if (block := source.blocks[site["block"]])["kind"] == "while" and site["line"] != block["line"]
    ]


def _rows(
    decoded: Decoded, first: int, site: int | None, values: bool = True
) -> dict[int, tuple[int, int, bytes | None]]:
    """The values of a site, by instance: kind, payload and heap bytes."""
    rows = None if site is None else decoded.rows[first + site]
    if rows is None:
        return {}
    words = memoryview(rows).cast("Q")
    found: dict[int, tuple[int, int, bytes | None]] = {}
    for instance, payload, word in zip(words[0::ROW], words[2::ROW], words[3::ROW], strict=True):
        if not values:
            found[instance] = 0, 0, None
            continue
        kind, data = find(word & 0xFF, payload, word >> 32, decoded.heap, MISSING)
        if data is not None:
            kind, data = text(kind, data, MISSING)
        found[instance] = kind, payload, data
    return found
