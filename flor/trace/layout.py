"""What lies in a run's `segments/`: its processes, their captured sources, their streams' files. Reads no events.

Everything here was written by some other process, perhaps half of it: what cannot be read is said in `warnings`.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flor.trace.format import ACTIVATION_BLOCKS, HEAP_SHIFT, ID_MASK, TAIL

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OTHER_FILES = ("process.json", "modules.jsonl", "control")
_SEGMENT = re.compile(r"(\d{1,9})\.(\d{1,9})\.(events|heap)")
_TAIL = re.compile(r"(\d{1,9})\.tail\.(events|heap)")


class VanishedError(Exception):
    """A file that was there a moment ago is gone: the run was packed meanwhile, or is being removed."""


@dataclass(frozen=True)
class SourceKey:
    """Which captured source. The same text can be captured under several paths or modules."""

    sha256: str
    path: str
    module: str


@dataclass
class SourceTable:
    """What decoding needs of one source. `blocks` and `sites` are empty if its site table cannot be read."""

    key: SourceKey
    first_block: int  # run-wide number of its block 0
    first_site: int
    raw: dict[str, Any]  # sites/<sha256>.json, {"blocks": [], "sites": []} if it cannot be read
    blocks: list[tuple[int, ...]] = field(default_factory=list)  # rows of stream.BLOCK_COLUMNS
    sites: list[int] = field(default_factory=list)  # each site's block


@dataclass(frozen=True)
class Tail:
    """What a stream's tail held when it was read: bytes of a segment, from an offset on, then zeros."""

    segment: int
    offset: int
    data: bytes

    def beyond(self, end: int) -> bytes:
        """What goes beyond the segment's own bytes, which were read after the tail and end at `end`."""
        return self.data[end - self.offset :] if end >= self.offset else b""


@dataclass
class Process:
    """One process of the run."""

    path: Path
    started: int
    parent: int  # index among the layout's processes, -1: none
    forked: bool  # whether it has, or had, a parent
    #: the parent's stream and its record count at the fork; None also if the thread that forked had no stream
    fork: tuple[int, int] | None
    bases: list[tuple[int, int, int, SourceTable]] = field(default_factory=list)  # base, blocks, sites, source
    ids: bytes = b""  # rows of stream.ID_COLUMNS
    streams: dict[int, dict[int, Path]] = field(default_factory=dict)  # stream -> segment -> events file
    tails: dict[tuple[int, str], Tail] = field(default_factory=dict)  # (stream, "events" or "heap")


@dataclass
class Layout:
    """A run's raw segments. A process comes after the one that it was forked from."""

    run: Path
    processes: list[Process]
    sources: list[SourceTable]
    warnings: list[str]
    damaged: bool = False  # something that was written cannot be read

    def block_table(self) -> bytes:
        """Rows of `stream.BLOCK_COLUMNS` for all blocks of the run."""
        table = array("i")
        named = any(s.key.module == "__main__" for s in self.sources)
        for source in self.sources:
            main = 2 if not named or source.key.module == "__main__" else 1
            for function, slot, parent_slot, end_slot, slots, is_module in source.blocks:
                table.extend(
                    (source.first_block + function, slot, parent_slot, end_slot, slots, main if is_module else 0)
                )
        return table.tobytes()

    def site_count(self) -> int:
        """Sites of all sources."""
        return sum(len(s.sites) for s in self.sources)


def read_layout(run: Path) -> Layout:
    """Read everything but the events. Raises VanishedError if there is no `segments/`, or no more."""
    layout = Layout(run, [], [], [])
    descriptions: dict[str, dict[str, Any]] = {}
    for path in _listed(run / "segments"):
        if path.name.startswith("."):
            continue
        try:
            descriptions[path.name] = _process_json(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _still_there(run)
            _damage(layout, f"segments/{path.name} skipped: its process.json cannot be read ({reason(error)})")
    number: dict[str, int] = {}
    known: dict[SourceKey, SourceTable] = {}
    for name in _parents_first(descriptions):
        description = descriptions[name]
        parent, fork = -1, None
        if description["parent"] is not None:
            parent = number.get(description["parent"], -1)
            if description["stream"] is not None:
                fork = (description["stream"], description["record"])
            if parent < 0:
                _damage(layout, f"segments/{name}: its parent {description['parent']!r} is missing")
        forked = description["parent"] is not None
        process = Process(run / "segments" / name, description["started"], parent, forked, fork)
        number[name] = len(layout.processes)
        layout.processes.append(process)
        _read_modules(layout, process, known)
        _list_streams(layout, process)
    return layout


def _process_json(path: Path) -> dict[str, Any]:
    data = json.loads((path / "process.json").read_bytes())
    parent, started = data["parent"], data["started"]
    if not isinstance(started, int) or not -(1 << 63) <= started < 1 << 63:
        raise ValueError(f"started: {started!r}")
    stream = data["stream"] if parent is not None else None
    if not isinstance(parent, str | None) or (stream is not None and not _are_counts(stream, data["record"])):
        raise ValueError(f"parent: {parent!r}")
    return {k: data.get(k) for k in ("parent", "started", "stream", "record")}


def _are_counts(*numbers: object) -> bool:
    return all(isinstance(n, int) and n >= 0 for n in numbers)


def _parents_first(descriptions: dict[str, dict[str, Any]]) -> list[str]:
    """Names by time of start, each behind its parent; what hangs in a circle counts as without parent."""
    order: dict[str, None] = {}
    for name in sorted(descriptions, key=lambda n: (descriptions[n]["started"], n)):
        chain: dict[str, None] = {}
        while name in descriptions and name not in order and name not in chain:
            chain[name] = None
            name = descriptions[name]["parent"]
        order.update(dict.fromkeys(reversed(chain)))
    return list(order)


def _read_modules(layout: Layout, process: Process, known: dict[SourceKey, SourceTable]) -> None:
    try:
        text = (process.path / "modules.jsonl").read_bytes()
    except FileNotFoundError:
        text = b""
        _still_there(layout.run)
    except OSError as error:
        text = b""
        _damage(layout, f"{_name(process)}/modules.jsonl cannot be read ({reason(error)})")
    own: list[tuple[int, int, int, SourceTable]] = []
    for line in text.split(b"\n")[:-1]:  # behind the last newline lies nothing, or what is just being written
        try:
            data = json.loads(line)
            base, blocks, sites = data["base"], data["blocks"], data["sites"]
            key = SourceKey(data["sha256"], data["path"], data["module"])
            if not _are_counts(base, blocks, sites):
                raise ValueError("base, blocks, sites")
            if not all(isinstance(t, str) for t in (key.sha256, key.path, key.module)):
                raise ValueError("sha256, path, module")
            if base + blocks + sites > ID_MASK + 1 or not _SHA256.fullmatch(key.sha256):
                raise ValueError("ids or sha256 out of range")
        except (ValueError, KeyError, TypeError) as error:
            _damage(layout, f"{_name(process)}/modules.jsonl: a line cannot be read ({reason(error)})")
            continue
        if key not in known:
            known[key] = _read_site_table(layout, key)
            layout.sources.append(known[key])
        source = known[key]
        if source.blocks and (len(source.blocks), len(source.sites)) != (blocks, sites):
            _damage(layout, f"sites/{key.sha256}.json does not fit {_name(process)}/modules.jsonl")
            continue
        own.append((base, blocks, sites, source))
    if process.parent >= 0:
        # What the parent has captured after the fork is not the child's: its own ids go on from the same number.
        inherited = layout.processes[process.parent]
        before = min((base for base, *_ in own), default=ID_MASK + 1)
        process.bases = [b for b in inherited.bases if b[0] < before] + own
        process.ids = inherited.ids if not own else _id_table(process.bases)
    else:
        process.bases = own
        process.ids = _id_table(own)


def _id_table(bases: Iterable[tuple[int, int, int, SourceTable]]) -> bytes:
    unknown = array("i", (-1, -1, 0, 0))
    table = array("i")
    for base, blocks, sites, source in sorted(bases, key=lambda b: b[0]):
        if not source.blocks:
            continue
        end = base + blocks + sites
        if len(table) < 4 * end:
            table.extend(unknown * (end - len(table) // 4))
        ids = array("i")
        for block, row in enumerate(source.blocks):
            ids.extend((source.first_block + block, -1, source.first_block + row[0], row[1]))
        for site, block in enumerate(source.sites, source.first_site):
            row = source.blocks[block]
            ids.extend((source.first_block + block, site, source.first_block + row[0], row[1]))
        table[4 * base : 4 * end] = ids
    return table.tobytes()


def _read_site_table(layout: Layout, key: SourceKey) -> SourceTable:
    last = layout.sources[-1] if layout.sources else None
    first_block = last.first_block + len(last.blocks) if last else 0
    first_site = last.first_site + len(last.sites) if last else 0
    try:
        raw = json.loads((layout.run / "sites" / f"{key.sha256}.json").read_bytes())
        blocks = _slots([(b["kind"], b["parent"]) for b in raw["blocks"]])
        sites = [s["block"] for s in raw["sites"]]
        if not all(type(b) is int and 0 <= b < len(blocks) for b in sites):
            raise ValueError("a site's block")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        _damage(layout, f"values of {key.path} are lost: sites/{key.sha256}.json cannot be read ({reason(error)})")
        return SourceTable(key, first_block, first_site, {"blocks": [], "sites": []})
    return SourceTable(key, first_block, first_site, raw, blocks, sites)


def _slots(blocks: list[tuple[str, int | None]]) -> list[tuple[int, ...]]:
    """Rows of `stream.BLOCK_COLUMNS` (with 1 for a module in the last) for a source's (kind, parent).

    A frame's slots are numbered so that the loops inside a loop follow it. Raises ValueError if this is no forest.
    """
    children: list[list[int]] = [[] for _ in blocks]
    roots = []
    for number, (kind, parent) in enumerate(blocks):
        if kind in ACTIVATION_BLOCKS or kind in ("for", "while", "comprehension"):
            if kind not in ACTIVATION_BLOCKS:
                if type(parent) is not int or not 0 <= parent < len(blocks):
                    raise ValueError("a block's parent")
                children[parent].append(number)
            else:
                roots.append(number)
        else:
            raise ValueError(f"a block's kind: {kind!r}")
    rows: list[list[int]] = [[] for _ in blocks]
    for root in roots:
        frame: list[int] = []
        stack = [root]
        while stack:
            number = stack.pop()
            if number < 0:
                rows[~number][3] = len(frame)
                continue
            parent = blocks[number][1]
            parent_slot = -1 if number == root or parent is None else rows[parent][1]
            rows[number] = [root, len(frame), parent_slot, 0, 0, int(blocks[number][0] == "module")]
            frame.append(number)
            stack.append(~number)
            stack.extend(reversed(children[number]))
        for number in frame:
            rows[number][4] = len(frame)
    if not all(rows):
        raise ValueError("blocks in a circle")
    return [tuple(row) for row in rows]


def _list_streams(layout: Layout, process: Process) -> None:
    paths = _listed(process.path)
    for path in paths:
        if match := _TAIL.fullmatch(path.name):
            tail = _read_tail(path)
            if tail is not None:
                process.tails[int(match[1]), match[2]] = tail
    for (stream, kind), tail in process.tails.items():
        if kind == "events" and any(tail.data[:4]):
            name = f"{stream}.{tail.segment}.events"
            process.streams.setdefault(stream, {})[tail.segment] = process.path / name
    for path in _listed(process.path):  # again: what was in a tail may be there now
        match = _SEGMENT.fullmatch(path.name)
        if match and match[3] == "events":
            process.streams.setdefault(int(match[1]), {})[int(match[2])] = path
        elif not match and not _TAIL.fullmatch(path.name) and path.name not in _OTHER_FILES and path.name[0] != ".":
            layout.warnings.append(f"{_name(process)}/{path.name} skipped: it is no file of a trace")
    process.streams = dict(sorted(process.streams.items()))


def _read_tail(path: Path) -> Tail | None:
    """None if it is gone, or not whole: then the segment has it all, or the process died before it wrote anything."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) < TAIL:
        return None
    place = int.from_bytes(data[:8], "little")
    return Tail(place >> HEAP_SHIFT, place & ((1 << HEAP_SHIFT) - 1), data[TAIL:])


def packed(run: Path) -> bool:
    """Whether the run has a whole packed trace. blocks.parquet comes last."""
    return (run / "trace" / "values.parquet").is_file() and (run / "trace" / "blocks.parquet").is_file()


def heap_files(process: Process) -> dict[tuple[int, int], Path]:
    """A process's heap segments by (stream, segment), those too of which only a tail is there. Raises VanishedError if
    its folder is gone."""
    found = {}
    for (stream, kind), tail in process.tails.items():
        if kind == "heap":
            found[stream, tail.segment] = process.path / f"{stream}.{tail.segment}.heap"
    for path in _listed(process.path):
        match = _SEGMENT.fullmatch(path.name)
        if match and match[3] == "heap":
            found[int(match[1]), int(match[2])] = path
    return found


def _listed(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except FileNotFoundError:
        raise VanishedError(path) from None
    except NotADirectoryError:
        return []


def _still_there(run: Path) -> None:
    if not (run / "segments").is_dir():
        raise VanishedError(run / "segments")


def _damage(layout: Layout, warning: str) -> None:
    layout.warnings.append(warning)
    layout.damaged = True


def _name(process: Process) -> str:
    return f"segments/{process.path.name}"


def reason(error: Exception) -> str:
    """Why something could not be read, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(f"{type(error).__name__}: {error}".split())
