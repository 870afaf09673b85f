"""The complete execution trace as one JSON document, by the seed's grammar ("Context Free Grammar of the Log").

ROOT is the block node of the script's module. A block node is one block instance; its `log_sequence` holds, in the
order of events, a record for each value recorded in it and a node for each block instance inside it. Standard library
only: this also runs inside the captured program, at its end.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from flor.trace import format as f
from flor.trace import values
from flor.trace.decode import MISSING, Decoded, decode
from flor.trace.forked import Forks, Mains, Places
from flor.trace.layout import mains_again
from flor.trace.stream import ROW, find, text

#: The least JSON that a block instance and a value make.
_NODE_BYTES, _RECORD_BYTES = 45, 200

#: Written at once.
_BUFFER = 1 << 20


@dataclass(frozen=True)
class LogSource:
    """A source as the log shows it. `blocks` and `sites` are those of its SourceMap, as plain JSON data."""

    path: str
    module: str
    blocks: list[dict[str, Any]]
    sites: list[dict[str, Any]]


@dataclass(frozen=True)
class LogColumns:
    """What the log is written from. Instances and values are numbered from 0."""

    sources: list[LogSource]
    source: Sequence[int]  # of each instance: index into sources
    block: Sequence[int]  # of each instance: index into its source's blocks
    parent: Sequence[int]  # of each instance, -1: none
    #: What instance i holds, in the order of events: items[start[i]:start[i + 1]]; v >= 0 is a value, ~c the child c.
    start: Sequence[int]
    items: Sequence[int]
    site: Sequence[tuple[int, int]]  # (source, site) of each number in site_of
    site_of: Sequence[int]  # of each value: index into site
    value: Callable[[int], tuple[int, int, bytes | None]]  # its kind, payload and heap bytes
    roots: Sequence[int]  # the instances without parent, in the order of events
    root: int  # the one of them that is the root of the log, -1: there is none
    complete: bool = True  # False: the events go on behind the instance `cut`
    cut: int = -1


def log_run(run: Path, file: BinaryIO, limit_bytes: int | None) -> bool:
    """Write the log of the run in the directory `run` from its segments. Returns whether it ends early.

    At most about `limit_bytes` are written (None: everything). Raises as `decode` does, and OSError of `file`.
    """
    if limit_bytes is None:
        return write_log(columns(decode(run)), file, None)
    # Decoding is cheap, arranging for the log is not: the first look only says how many events will do.
    limit = limit_bytes // _NODE_BYTES + 1
    decoded = decode(run, limit=limit)
    least = len(decoded.block) * _NODE_BYTES + sum(decoded.counts) * _RECORD_BYTES
    if least > 2 * limit_bytes:
        decoded = decode(run, limit=max(decoded.records * limit_bytes // least, 1000))
    return write_log(columns(decoded), file, limit_bytes)


def columns(decoded: Decoded) -> LogColumns:
    """Raw segments' columns, arranged for the log."""
    locate_block = [(i, b) for i, s in enumerate(decoded.sources) for b in range(len(s.blocks))]
    locate_site = [(i, s) for i, source in enumerate(decoded.sources) for s in range(len(source.sites))]
    # Sorted by instance, then own stream before others, then (stream, seq).
    entries: list[tuple[int, bool, int, int, int, int]] = []
    own = decoded.stream.tolist()
    site_of: list[int] = []
    payloads: list[int] = []
    kinds: list[int] = []  # kind | stream << 32
    for site, rows in enumerate(decoded.rows):
        if rows is not None:
            words = memoryview(rows).cast("Q")
            inside, seqs, streams = words[0::ROW].tolist(), words[1::ROW].tolist(), words[3::ROW].tolist()
            first = len(kinds)
            kinds += streams
            payloads += words[2::ROW].tolist()
            site_of += [site] * len(streams)
            entries += [
                (i, own[i] != s >> 32, s >> 32, q, n, n)
                for n, (i, s, q) in enumerate(zip(inside, streams, seqs, strict=True), first)
            ]
    parents = parents_of(decoded)
    for child, (parent, s, q) in enumerate(zip(parents, own, decoded.seq, strict=True)):
        if parent >= 0:
            entries.append((parent, own[parent] != s, s, q, child, ~child))
    entries.sort()
    start = [0] * (len(own) + 1)
    for entry in entries:
        start[entry[0] + 1] += 1

    def value(number: int) -> tuple[int, int, bytes | None]:
        word, payload = kinds[number], payloads[number]
        kind, data = find(word & 0xFF, payload, word >> 32, decoded.heap, MISSING)
        if data is not None:
            kind, data = text(kind, data, MISSING)
        return kind, payload, data

    roots = sorted((i for i, parent in enumerate(parents) if parent < 0), key=lambda i: (own[i], decoded.seq[i]))
    return LogColumns(
        [LogSource(s.key.path, s.key.module, s.raw["blocks"], s.raw["sites"]) for s in decoded.sources],
        [locate_block[b][0] for b in decoded.block],
        [locate_block[b][1] for b in decoded.block],
        parents,
        list(accumulate(start)),
        [entry[5] for entry in entries],
        locate_site,
        site_of,
        value,
        roots,
        root_of(parents, roots, decoded.main),
        decoded.complete,
        decoded.cut,
    )


def parents_of(decoded: Decoded) -> list[int]:
    """The instances' parents, where forked children's copies lie beside their originals (`assemble` does the same)."""
    parents: list[int] = decoded.parent.tolist()
    copies: list[int] = decoded.copies.tolist()
    if copies:
        forks = Forks(decoded.streams, decoded.forks)
        stream = [forks.rank[own] for own in decoded.stream]
        process = [forks.process[own] for own in stream]
        places = Places(forks, stream, parents, copies)
        are_copies = set(copies)
        for instance, parent in enumerate(parents):
            if parent >= 0 and process[instance] != process[parent] and instance not in are_copies:
                parents[instance] = places.of_child(process[instance], parent)
        for copy, around in zip(copies, list(places.of_copies()), strict=True):
            parents[copy] = around
    mains = mains_again([source.key for source in decoded.sources])
    if mains or copies:
        _into_mains(parents, decoded, {decoded.sources[number].first_block for number in mains})
    return parents


def _into_mains(parents: list[int], decoded: Decoded, blocks: set[int]) -> None:
    """Have what lies directly in the main module lie in its process's own instance of it, which is of `blocks`."""
    forks, main = Forks(decoded.streams, decoded.forks), decoded.main
    if main < 0:
        return
    stream = [forks.rank[own] for own in decoded.stream]
    process = [forks.process[own] for own in stream]
    again = [i for i in range(main + 1, len(parents)) if decoded.block[i] in blocks and parents[i] in (-1, main)]
    again.sort(key=lambda i: (stream[i], decoded.seq[i]))
    copies = [(copy, decoded.parent[copy]) for copy in decoded.copies.tolist()]
    mains = Mains(forks, process, main, again, copies)
    for instance in mains.again.values():
        parents[instance] = -1
    for instance, parent in enumerate(parents):
        if parent == main and process[instance] != process[main]:
            parents[instance] = mains.of(process[instance])


def root_of(parent: Sequence[int], roots: Sequence[int], main: int) -> int:
    """The log's root: of `roots` the one around the main module's instance, else the first; -1: there is none."""
    if main < 0:
        return roots[0] if len(roots) else -1
    root = main
    while parent[root] >= 0:
        root = parent[root]
    return root


def write_log(columns: LogColumns, file: BinaryIO, limit_bytes: int | None) -> bool:
    """Write the log; returns whether it ends early: where a block ended beyond `limit_bytes`, or the events did.

    What is written is one valid JSON document in either case. Raises OSError of `file`.
    """
    writer = _Writer(columns)
    sink = _Sink(file)
    early = False
    nodes = [writer.node(columns.root)]
    sink.write(writer.opening(columns.root))
    while nodes:
        node = nodes[-1]
        if node.at == node.end:
            sink.write("]}")
            nodes.pop()
            early = bool(nodes) and (node.last or (limit_bytes is not None and sink.size >= limit_bytes))
            if early:
                break
            continue
        item = node.items[node.at]
        separator = ",\n" if node.at else ""
        node.at += 1
        if item >= 0:
            sink.write(separator + writer.record(item))
            continue
        child = writer.node(~item)
        if child.last and child.at == child.end:
            early = True
            break
        sink.write(separator + writer.opening(~item))
        nodes.append(child)
    sink.write("]}" * len(nodes) + "\n")
    sink.flush()
    return early or not columns.complete


@dataclass(slots=True)
class _Node:
    """A block node that is being written."""

    items: Sequence[int]
    end: int
    last: bool  # the events end inside it: nothing follows it
    at: int = 0


class _Sink:
    """Collects text, and writes it in large pieces."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pieces: list[str] = []
        self._flushed = 0
        self.size = 0

    def write(self, text: str) -> None:
        self._pieces.append(text)
        self.size += len(text)
        if self.size - self._flushed > _BUFFER:
            self.flush()

    def flush(self) -> None:
        self._file.write("".join(self._pieces).encode("ascii"))
        self._pieces.clear()
        self._flushed = self.size


class _Writer:
    """The pieces of the document. What is the same for all records of a site is made once."""

    def __init__(self, columns: LogColumns) -> None:
        self._columns = columns
        self._openings: dict[tuple[int, int], str] = {}
        self._parts: dict[int, tuple[str, str, bool]] = {}

    def node(self, instance: int) -> _Node:
        """What an instance holds; the root also what has no parent. Where the events end, up to its last child."""
        columns = self._columns
        if instance < 0:
            return _Node([], 0, False)
        last = instance == columns.cut and not columns.complete
        items = columns.items[columns.start[instance] : columns.start[instance + 1]]
        if last:
            items = items[: next((i for i in range(len(items), 0, -1) if items[i - 1] < 0), 0)]
        if instance == columns.root:
            items = [*items, *(~root for root in columns.roots if root != instance)]
        return _Node(items, len(items), last)

    def opening(self, instance: int) -> str:
        """The beginning of a block's node; -1: of a module's of which nothing was recorded."""
        if instance < 0:
            return _opening("function_body :: __main__")
        place = self._columns.source[instance], self._columns.block[instance]
        if place not in self._openings:
            name = _function_name(self._columns.sources[place[0]], place[1])
            self._openings[place] = _opening("loop_body" if name is None else f"function_body :: {name}")
        return self._openings[place]

    def record(self, number: int) -> str:
        """The log record of a value."""
        site = self._columns.site_of[number]
        parts = self._parts.get(site)
        if parts is None:
            parts = self._parts[site] = self._site_parts(*self._columns.site[site])
        before, after, redacted = parts
        kind, payload, data = self._columns.value(number)
        return before + (json.dumps(values.REDACTED_TEXT) if redacted else json_value(kind, payload, data)) + after

    def _site_parts(self, source_number: int, site_number: int) -> tuple[str, str, bool]:
        source = self._columns.sources[source_number]
        site = source.sites[site_number]
        block = site["block"]
        while (name := _function_name(source, block)) is None:
            block = source.blocks[block]["parent"]
        before = {
            "assignee": site.get("assignee"),
            "caller": site.get("caller"),
            "from_arg": site.get("from_arg", False),
            "in_execution": name,
            "in_file": source.path,
            "instruction_no": site["line"],
            "keyword_name": site.get("keyword"),
            "pos": site.get("pos"),
        }
        after = {"typ": site["kind"], "value": site["text"]}
        redacted = bool(site.get("redacted", False))
        return json.dumps(before)[:-1] + ', "runtime_value": ', ", " + json.dumps(after)[1:], redacted


def _opening(block_type: str) -> str:
    return '{"block_type": ' + json.dumps(block_type) + ', "log_sequence": ['


def _function_name(source: LogSource, block: int) -> str | None:
    """The name of a block that has a frame of its own; None for a loop."""
    kind = source.blocks[block]["kind"]
    if kind not in f.ACTIVATION_BLOCKS:
        return None
    return source.module if kind == "module" else str(source.blocks[block]["name"])


def json_value(kind: int, payload: int, data: bytes | None) -> str:
    """A value as JSON: numbers, booleans, strings and None as such where JSON holds them exactly, else their text."""
    if kind == f.FLOAT:
        number = values.double(payload)
        return repr(number) if math.isfinite(number) else f'"{number}"'
    if kind == f.INT:
        return str(values.signed(payload))
    if kind == f.NONE:
        return "null"
    if kind == f.BOOL:
        return "true" if payload else "false"
    text = values.text(kind, payload, data)
    if text is None:
        text = f"<not kept: {values.gap_reason(data)}>"
    return text if kind == f.BIG_INT and text.lstrip("-").isdecimal() else json.dumps(text)


_RECORD: dict[str, tuple[type | None, ...]] = {
    "assignee": (str, list, None),
    "caller": (str, None),
    "from_arg": (bool,),
    "in_execution": (str,),
    "in_file": (str,),
    "instruction_no": (int,),
    "keyword_name": (str, None),
    "pos": (int, None),
    "runtime_value": (str, int, float, bool, None),
    "typ": (str,),
    "value": (str,),
}


def check_log(data: object, *, empty_blocks: bool = False) -> list[str]:
    """Where a parsed document departs from the grammar; empty if nowhere.

    As the seed's own examples do, null stands where a record has no assignee, caller, keyword or position.
    `empty_blocks`: a block node without members may lack its `log_sequence`, as in the seed's tutorial.
    """
    problems: list[str] = []
    todo: list[tuple[str, object]] = [("ROOT", data)]
    while todo:
        place, node = todo.pop()
        if not isinstance(node, dict):
            problems.append(f"{place}: {type(node).__name__} is neither a block node nor a log record")
        elif "block_type" in node:
            problems += _check_block(place, {"log_sequence": [], **node} if empty_blocks else node)
            sequence = node.get("log_sequence")
            if isinstance(sequence, list):
                todo += [(f"{place}[{i}]", member) for i, member in enumerate(sequence)]
        elif place == "ROOT":
            problems.append("ROOT: not a block node")
        else:
            problems += _check_record(place, node)
    return problems


def _check_block(place: str, node: dict[str, object]) -> list[str]:
    problems = [f"{place}: {key!r} does not belong here" for key in node.keys() - {*_BLOCK_KEYS}]
    block_type = node["block_type"]
    if block_type != "loop_body" and not (
        isinstance(block_type, str) and block_type.startswith("function_body :: ") and len(block_type) > 17
    ):
        problems.append(f"{place}: block_type {block_type!r}")
    if not isinstance(node.get("log_sequence"), list):
        problems.append(f"{place}: no log_sequence")
    consumes = node.get("consumes_from", [])
    if not isinstance(consumes, list) or not all(isinstance(name, str) for name in consumes):
        problems.append(f"{place}: consumes_from {consumes!r}")
    return problems


_BLOCK_KEYS = ("block_type", "consumes_from", "log_sequence")


def _check_record(place: str, record: dict[str, object]) -> list[str]:
    problems = [f"{place}: {key!r} does not belong here" for key in record.keys() - _RECORD.keys()]
    problems += [f"{place}: no {key!r}" for key in _RECORD.keys() - record.keys()]
    for key, allowed in _RECORD.items():
        value = record.get(key)
        if key in record and (None if value is None else type(value)) not in allowed:
            problems.append(f"{place}: {key} is {value!r}")
    return problems
