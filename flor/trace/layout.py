"""What lies in a run's `segments/`: its processes, their captured sources, their streams' files. Reads no events.

Everything here was written by some other process, perhaps half of it: what cannot be read is said in `warnings`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flor.home import is_elsewhere, is_of_another_boot, process_started
from flor.trace.format import ACTIVATION_BLOCKS, ID_MASK
from flor.trace.segment import Tail, read_tail

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


def mains_again(keys: Sequence[SourceKey]) -> list[int]:
    """Which of the sources are the main module again, as multiprocessing runs it in processes that it starts afresh."""
    main = {key.path for key in keys if key.module == "__main__"}
    return [number for number, key in enumerate(keys) if key.module == "__mp_main__" and key.path in main]


@dataclass
class SourceTable:
    """What decoding needs of one source. `blocks` and `sites` are empty if its site table cannot be read."""

    key: SourceKey
    first_block: int  # run-wide number of its block 0
    first_site: int
    end_block: int  # one more than its last block's number; a source that cannot be read may have numbers, too
    end_site: int
    raw: dict[str, Any]  # sites/<sha256>.json, {"blocks": [], "sites": []} if it cannot be read
    blocks: list[tuple[int, ...]] = field(default_factory=list)  # rows of stream.BLOCK_COLUMNS
    sites: list[int] = field(default_factory=list)  # each site's block


@dataclass
class Process:
    """One process of the run."""

    path: Path | None  # its folder; None: it is gone, and only its place among the processes remains
    name: str
    started: int
    parent: int  # index among the layout's processes, -1: none
    forked: bool  # whether it has, or had, a parent
    #: the parent's stream and its record count at the fork; None also if the thread that forked had no stream
    fork: tuple[int, int] | None
    apart: bool = False  # it does not go on from there: multiprocessing forked it
    starter: int = -1  # index of the process that started this one afresh, -1: none, or it is not known
    ended: bool = True  # it had ended before its files were looked at, as far as that can be known
    another_boot: bool = False  # on another machine, or on this one before it was started again
    bases: list[tuple[int, int, int, SourceTable]] = field(default_factory=list)  # base, blocks, sites, source
    ids: bytes = b""  # rows of stream.ID_COLUMNS
    streams: dict[int, dict[int, Path]] = field(default_factory=dict)  # stream -> segment -> events file
    heaps: dict[int, dict[int, Path]] = field(default_factory=dict)  # stream -> segment -> heap file
    tails: dict[tuple[int, str], Tail] = field(default_factory=dict)  # by stream, and "events" or "heap"
    ends: dict[int, int] = field(default_factory=dict)  # bytes of each stream's last events file, when it was listed

    def tail(self, stream: int, kind: str, segment: int) -> Tail | None:
        """The tail of a segment, if it has one. Then the segment's file itself may not be there yet."""
        found = self.tails.get((stream, kind))
        return found if found is not None and found.segment == segment else None


@dataclass
class Layout:
    """A run's raw segments. A process comes after the one that it was forked from, or that started it."""

    run: Path
    processes: list[Process]
    sources: list[SourceTable]
    warnings: list[str]
    damaged: bool = False  # something that was written cannot be read
    long: bool = False  # see `read_layout`

    def block_table(self) -> bytes:
        """Rows of `stream.BLOCK_COLUMNS` for all blocks of the run."""
        table = array("i")
        named = any(s.key.module == "__main__" for s in self.sources)
        for source in self.sources:
            main = 2 if not named or source.key.module == "__main__" else 1
            for function, slot, parent_slot, end_slot, slots, is_module, resumes in source.blocks:
                own = main if is_module else 0
                table.extend((source.first_block + function, slot, parent_slot, end_slot, slots, own, resumes))
            for block in range(source.first_block + len(source.blocks), source.end_block):
                table.extend((block, 0, -1, 1, 1, 0, 1))
        return table.tobytes()

    def site_count(self) -> int:
        """Sites of all sources."""
        return self.sources[-1].end_site if self.sources else 0


def read_layout(
    run: Path,
    sources: Sequence[tuple[SourceKey, int, int]] = (),
    processes: Sequence[str] = (),
    *,
    long: bool = False,
) -> Layout:
    """Read everything but the events. Raises VanishedError if there is no `segments/`, or no more.

    `sources` (with how many blocks and sites each has) and `processes` come first, in this order: they have their
    numbers already. A process's files are listed before what it captured is read, so that each event of a segment that
    is not its stream's last is of a source that the layout has. `long`: the sources' texts are looked at, too, so that
    decoding can forget the calls of functions that cannot be suspended.
    """
    layout = Layout(run, [], [], [], long=long)
    known: dict[SourceKey, SourceTable] = {}
    for key, blocks, sites in sources:
        known[key] = _read_site_table(layout, key, (blocks, sites))
        layout.sources.append(known[key])
    descriptions = _read_descriptions(layout)
    number: dict[str, int] = {}
    for name in [*processes, *(n for n in _parents_first(descriptions) if n not in processes)]:
        description = descriptions.get(name)
        if description is None:
            number[name] = len(layout.processes)
            layout.processes.append(Process(None, name, 0, -1, True, None))
            continue
        parent, fork = -1, None
        if description["parent"] is not None:
            parent = number.get(description["parent"], -1)
            if description["stream"] is not None:
                fork = (description["stream"], description["record"])
            if parent < 0:
                _damage(layout, f"segments/{name}: its parent {description['parent']!r} is missing")
        forked = description["parent"] is not None
        apart = description.get("apart") is True
        starter = number.get(description["starter"], -1)
        process = Process(run / "segments" / name, name, description["started"], parent, forked, fork, apart, starter)
        pid, pid_started = description["pid"], description["pid_started"]
        if isinstance(pid, int) and isinstance(pid_started, str):
            process.ended = not is_elsewhere(pid_started) and process_started(pid) != pid_started
            process.another_boot = is_of_another_boot(pid_started)
        if process.another_boot:
            what = "was written on another machine, or before this one was started again"
            layout.warnings.append(f"{_name(process)} {what}: what came last may be missing")
        number[name] = len(layout.processes)
        layout.processes.append(process)
        _list_files(layout, process)
        _read_modules(layout, process, known)
    return layout


def _read_descriptions(layout: Layout) -> dict[str, dict[str, Any]]:
    """What each process.json says, by process."""
    found: dict[str, dict[str, Any]] = {}
    for path in _listed(layout.run / "segments"):
        if path.name.startswith("."):
            continue
        try:
            found[path.name] = _process_json(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _still_there(layout.run)
            if not isinstance(error, FileNotFoundError) or any(not p.name.startswith(".") for p in _listed(path)):
                _damage(layout, f"segments/{path.name} skipped: its process.json cannot be read ({reason(error)})")
    return found  # without those that are making their folder just now, or died over it


def captured(run: Path) -> list[SourceKey]:
    """What the processes of a run that is not packed have captured so far. Nothing where that cannot be read."""
    found: dict[SourceKey, None] = {}
    try:
        folders = _listed(run / "segments")
    except VanishedError:
        return []
    for folder in folders:
        try:
            lines = (folder / "modules.jsonl").read_bytes().split(b"\n")[:-1]
            own = [json.loads(line) for line in lines]
            found |= dict.fromkeys(SourceKey(str(o["sha256"]), str(o["path"]), str(o["module"])) for o in own)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return list(found)


def _process_json(path: Path) -> dict[str, Any]:
    data = json.loads((path / "process.json").read_bytes())
    parent, started = data["parent"], data["started"]
    if not isinstance(started, int) or not -(1 << 63) <= started < 1 << 63:
        raise ValueError(f"started: {started!r}")
    stream = data["stream"] if parent is not None else None
    if not isinstance(parent, str | None) or (stream is not None and not _are_counts(stream, data["record"])):
        raise ValueError(f"parent: {parent!r}")
    if not isinstance(starter := data.get("starter"), str | None):
        raise ValueError(f"starter: {starter!r}")
    return {k: data.get(k) for k in ("parent", "starter", "started", "stream", "record", "apart", "pid", "pid_started")}


def _are_counts(*numbers: object) -> bool:
    return all(isinstance(n, int) and n >= 0 for n in numbers)


def _parents_first(descriptions: dict[str, dict[str, Any]]) -> list[str]:
    """Names by time of start, each behind its parent, or what started it; what hangs in a circle counts as without."""
    order: dict[str, None] = {}
    for name in sorted(descriptions, key=lambda n: (descriptions[n]["started"], n)):
        chain: dict[str, None] = {}
        while name in descriptions and name not in order and name not in chain:
            chain[name] = None
            name = descriptions[name]["parent"] or descriptions[name]["starter"]
        order.update(dict.fromkeys(reversed(chain)))
    return list(order)


def _read_modules(layout: Layout, process: Process, known: dict[SourceKey, SourceTable]) -> None:
    assert process.path is not None
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
            known[key] = _read_site_table(layout, key, None)
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


def _read_site_table(layout: Layout, key: SourceKey, size: tuple[int, int] | None) -> SourceTable:
    """A source's table. `size`: how many blocks and sites it has had so far; None: it is new."""
    last = layout.sources[-1] if layout.sources else None
    first_block, first_site = (last.end_block, last.end_site) if last else (0, 0)
    try:
        raw = json.loads((layout.run / "sites" / f"{key.sha256}.json").read_bytes())
        functions = _functions(layout.run / "sources" / f"{key.sha256}.py") if layout.long else {}
        blocks = _slots([(b["kind"], b["parent"], b["line"]) for b in raw["blocks"]], functions)
        sites = [s["block"] for s in raw["sites"]]
        if not all(type(b) is int and 0 <= b < len(blocks) for b in sites):
            raise ValueError("a site's block")
        if size not in (None, (len(blocks), len(sites))):
            raise ValueError("it has changed")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        _damage(layout, f"values of {key.path} are lost: sites/{key.sha256}.json cannot be read ({reason(error)})")
        ends = (first_block + size[0], first_site + size[1]) if size else (first_block, first_site)
        return SourceTable(key, first_block, first_site, *ends, {"blocks": [], "sites": []})
    ends = (first_block + len(blocks), first_site + len(sites))
    return SourceTable(key, first_block, first_site, *ends, raw, blocks, sites)


def _slots(blocks: list[tuple[str, int | None, int]], functions: dict[int, bool]) -> list[tuple[int, ...]]:
    """Rows of `stream.BLOCK_COLUMNS` (with 1 for a module in "main") for a source's (kind, parent, line).

    `functions`: whether a function that begins in a line may be suspended; what is not there may. A frame's slots are
    numbered so that the loops inside a loop follow it. Raises ValueError if this is no forest.
    """
    children: list[list[int]] = [[] for _ in blocks]
    roots = []
    for number, (kind, parent, _) in enumerate(blocks):
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
            kind, _, line = blocks[number]
            resumes = kind == "generator" or (kind == "function" and functions.get(line, True))
            rows[number] = [root, len(frame), parent_slot, 0, 0, int(kind == "module"), int(resumes)]
            frame.append(number)
            stack.append(~number)
            stack.extend(reversed(children[number]))
        for number in frame:
            rows[number][4] = len(frame)
    if not all(rows):
        raise ValueError("blocks in a circle")
    return [tuple(row) for row in rows]


def _list_files(layout: Layout, process: Process) -> None:
    """A process's files as they are at one moment, though it may go on: of what is read of its events all heap bytes
    are there."""
    assert process.path is not None
    _read_tails(layout, process, "events")
    process.streams = _list_segments(process, "events")
    for stream, files in process.streams.items():
        try:
            process.ends[stream] = files[max(files)].stat().st_size
        except FileNotFoundError:  # there is only its tail, or it is gone: that is seen when it is opened
            process.ends[stream] = 0
        except OSError:
            pass
    _read_tails(layout, process, "heap")
    process.heaps = _list_segments(process, "heap")
    for path in _listed(process.path):
        known = _SEGMENT.fullmatch(path.name) or _TAIL.fullmatch(path.name) or path.name in _OTHER_FILES
        if not known and not path.name.startswith("."):
            layout.warnings.append(f"{_name(process)}/{path.name} skipped: it is no file of a trace")


def _read_tails(layout: Layout, process: Process, kind: str) -> None:
    """The tails. Of another boot none is believed: its pages went to the disk, or come from it, each when it liked."""
    assert process.path is not None
    for path in _listed(process.path):
        match = _TAIL.fullmatch(path.name)
        if match and match[2] == kind and (tail := read_tail(path)) is not None:
            if process.another_boot:
                layout.damaged |= any(tail.data)
            else:
                process.tails[int(match[1]), kind] = tail


def _list_segments(process: Process, kind: str) -> dict[int, dict[int, Path]]:
    """By stream and segment, those too of which only a tail is there (of events, one with something in it)."""
    assert process.path is not None
    found: dict[int, dict[int, Path]] = {}
    for (stream, of), tail in process.tails.items():
        if of == kind and (kind == "heap" or tail.data):
            found.setdefault(stream, {})[tail.segment] = process.path / f"{stream}.{tail.segment}.{kind}"
    for path in _listed(process.path):
        match = _SEGMENT.fullmatch(path.name)
        if match and match[3] == kind:
            found.setdefault(int(match[1]), {})[int(match[2])] = path
    return dict(sorted(found.items()))


@functools.cache
def _functions(source: Path) -> dict[int, bool]:
    """The lines of a source where functions begin, and whether one of them may be suspended. Empty if it cannot be
    read."""
    lines: dict[int, bool] = {}
    with contextlib.suppress(OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                suspends = isinstance(node, ast.AsyncFunctionDef) or any(map(_yields, ast.walk(node)))
                lines[node.lineno] = suspends or lines.get(node.lineno, False)
    return lines


def _yields(node: ast.AST) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom)


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
    return f"segments/{process.name}"


def reason(error: Exception) -> str:
    """Why something could not be read, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(f"{type(error).__name__}: {error}".split())
