"""NAME_log.json: what a Context logged, as a tree of calls and iterations, by the grammar of docs/logging.md.

It is made of the run's trace. Where that is small, inside the program, with the standard library alone; else, and where
some of it is packed, by a process of its own: `python -m flor.logging.whole RUN_DIR CONTEXT FILE`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from flor.errors import FlorError
from flor.home import Run
from flor.trace import logged
from flor.trace.cet_json import json_value, parents_of
from flor.trace.checkpoint import parts
from flor.trace.decode import MISSING, Decoded, decode
from flor.trace.layout import VanishedError
from flor.trace.stream import ROW, find, text

#: Bytes of segments that are read inside the program.
_SMALL = 16 << 20

#: Where the log ends early.
LIMIT = 50_000_000

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


def write(run: Run, context: int | None, target: Path) -> None:
    """Write the log of one of a run's Contexts; None: the last one. Raises OSError or FlorError."""
    if parts(run.path) or _size(run.path / "segments") > _SMALL:
        _write_beside(run, context, target)
        return
    try:
        events = of_segments(run.path)
    except VanishedError:
        _write_beside(run, context, target)
        return
    write_events(run, events, context, target)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*") if path.suffix in (".events", ".heap"))


def _write_beside(run: Run, context: int | None, target: Path) -> None:
    command = [sys.executable, "-P", "-m", "flor.logging.whole", str(run.path), str(context or ""), str(target)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode:
        raise FlorError((done.stderr.strip().splitlines() or ["it could not be made"])[-1])
    sys.stderr.write(done.stderr)


def write_events(run: Run, events: Events, context: int | None, target: Path) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="ascii") as file:
            early = write_log(events, logged.lines(run.path), context, file)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    if early:
        print(f"flor: {target} ends early, at {LIMIT // 1_000_000} MB: the trace has all of it", file=sys.stderr)


# ---- the tree


def write_log(
    events: Events, lines: dict[int, logged.Line], context: int | None, file: IO[str], limit: int | None = LIMIT
) -> bool:
    """Write the log of a Context, by default the last one; returns whether it ends early. A log with one root is that
    root; with none or several it is a list of them."""
    contexts = [line for line in lines.values() if line.typ == "context"]
    about = lines.get(context) if context is not None else contexts[-1] if contexts else None
    tree = Tree(events, lines, about)
    writer = _Writer(file, limit)
    if len(tree.roots) != 1:
        writer.open("[", "]")
    for root in tree.roots:
        _write_node(tree, root, writer)
    writer.close_all()
    file.write("\n")
    return writer.full


class Tree:
    """What is shown of the block instances, and where."""

    def __init__(self, events: Events, lines: dict[int, logged.Line], about: logged.Line | None) -> None:
        self.events, self.lines = events, lines
        self.own_run = about is not None and bool(about.about.get("run"))
        self.number = None if about is None else about.id
        self.tracked = self._tracked()
        self.consumes: dict[int, list[str]] = {}  # of each call of a tracked function that is shown
        self._match()
        self._around: dict[int, int] = {-1: -1}
        self.inside: dict[int, list[int]] = {}  # shown instances and calls of `logged`, by the shown instance around
        self.roots: list[int] = []
        for instance in self._shown():
            around = self._nearest(events.parent[instance])
            if around >= 0:
                self.inside.setdefault(around, []).append(instance)
            elif instance in self.consumes:
                self.roots.append(instance)
        for around, members in self.inside.items():
            members.sort(key=lambda i: (events.stream[i] != events.stream[around], events.stream[i], events.seq[i]))
        self.roots.sort(key=lambda i: (events.stream[i], events.seq[i]))

    def _tracked(self) -> dict[tuple[int, int], bool]:
        """The blocks (source, block) of tracked functions."""
        known = {
            (own.file, own.about["function"], own.about["line"]) for own in self.lines.values() if own.typ == "call"
        }
        known |= {
            (own.file, own.about["function"], own.about["line"]) for own in self.lines.values() if own.typ == "tracked"
        }
        found = {}
        for file, function, line in known:
            for index, source in enumerate(self.events.sources):
                if source.path == file and (block := _block(source, function, line)) is not None:
                    found[index, block] = True
        return found

    def _match(self) -> None:
        """Which calls of tracked functions are shown: each was announced right before it."""
        events = self.events
        announced = events.calls.get("called", {})
        candidates: dict[tuple[int, int], list[int]] = {}
        for instance in range(len(events.parent)):
            if instance in announced or (events.source[instance], events.block[instance]) in self.tracked:
                candidates.setdefault((events.parent[instance], events.stream[instance]), []).append(instance)
        unannounced: list[int] = []
        for own in candidates.values():
            waiting: dict[tuple[str, str], tuple[int, str]] = {}
            for instance in sorted(own, key=lambda i: events.seq[i]):
                if instance in announced:
                    number, value = announced[instance]
                    line = self.lines.get(number)
                    if line is not None:
                        waiting[line.file, line.about["function"]] = number, value
                    continue
                source = events.sources[events.source[instance]]
                name = str(source.blocks[events.block[instance]]["name"])
                number, value = waiting.pop((source.path, name), (0, '""'))
                line = self.lines.get(number)
                if line is None and not self.own_run:
                    unannounced.append(instance)
                elif line is None or line.about.get("context") == self.number:
                    names = json.loads(value)
                    self.consumes[instance] = names.split("\n") if isinstance(names, str) and names else []
        for instance in unannounced:  # a generator, say: it is a part of what called it
            around = events.parent[instance]
            while around >= 0 and around not in self.consumes:
                around = events.parent[around]
            if around >= 0:
                self.consumes[instance] = []

    def _shown(self) -> Iterator[int]:
        events = self.events
        last: dict[tuple[int, int, int], int] = {}  # the last iteration of each `while` under each parent
        tests = [
            {site["block"] for site in source.sites if site["line"] == source.blocks[site["block"]]["line"]}
            for source in events.sources
        ]
        has_children = set(events.parent)
        shown = []
        for instance, (source, block) in enumerate(zip(events.source, events.block, strict=True)):
            if instance in self.consumes:
                shown.append(instance)
            elif any(instance in events.calls.get(name, ()) for name in ("logged", "logged_secret")):
                if self.record(instance) is not None:
                    shown.append(instance)
            elif self.is_loop(instance) and self._in_tracked(instance):
                shown.append(instance)
                if events.sources[source].blocks[block]["kind"] == "while" and block in tests[source]:
                    key = events.parent[instance], source, block
                    if key not in last or events.seq[last[key]] < events.seq[instance]:
                        last[key] = instance
        # Each evaluation of the test begins an instance; behind the last iteration it is evaluated once more.
        over = {i for i in last.values() if i not in events.busy and i not in has_children}
        return (instance for instance in shown if instance not in over)

    def is_loop(self, instance: int) -> bool:
        block = self.events.sources[self.events.source[instance]].blocks[self.events.block[instance]]
        return block["kind"] in LOOPS

    def _in_tracked(self, instance: int) -> bool:
        """Whether a loop's iteration is of a call that is shown."""
        while instance >= 0 and instance not in self.consumes:
            block = self.events.sources[self.events.source[instance]].blocks[self.events.block[instance]]
            if block["kind"] not in (*LOOPS, "comprehension"):
                return False
            instance = self.events.parent[instance]
        return instance >= 0

    def _nearest(self, instance: int) -> int:
        """The shown instance that an instance is, or lies in; -1: none."""
        path = []
        while instance not in self._around:
            if instance in self.consumes or (self.is_loop(instance) and self._in_tracked(instance)):
                self._around[instance] = instance
                break
            path.append(instance)
            instance = self.events.parent[instance]
        found = self._around[instance]
        self._around.update(dict.fromkeys(path, found))
        return found

    def record(self, instance: int) -> dict[str, Any] | None:
        """The LOG_RECORD of a call of `logged`, its value still as JSON."""
        for name in ("logged", "logged_secret"):
            if instance in self.events.calls.get(name, ()):
                number, value = self.events.calls[name][instance]
                line = self.lines.get(number)
                if line is None or line.typ not in ("param", "metric", "read", "write"):
                    return None
                about = {key: own for key, own in line.about.items() if key != "column"}
                return dict(sorted({**about, "in_file": line.file, "runtime_value": value, "typ": line.typ}.items()))
        return None

    def name(self, instance: int) -> str:
        return str(self.events.sources[self.events.source[instance]].blocks[self.events.block[instance]]["name"])


def _block(source: Source, function: str, line: int) -> int | None:
    """The block of a function whose code begins at a line, with its decorators."""
    found = [i for i, b in enumerate(source.blocks) if b["kind"] == "function" and b["name"] == function]
    return min(
        (i for i in found if source.blocks[i]["line"] >= line), key=lambda i: source.blocks[i]["line"], default=None
    )


# ---- the text


class _Writer:
    """Writes JSON, indented, member by member. What was opened can be closed at any time."""

    def __init__(self, file: IO[str], limit: int | None) -> None:
        self.file, self.limit = file, limit
        self.ends: list[str] = []
        self.first = True
        self.size = 0

    @property
    def full(self) -> bool:
        return self.limit is not None and self.size >= self.limit

    def put(self, text: str) -> None:
        self.file.write(text)
        self.size += len(text)

    def member(self, text: str) -> None:
        """A member of what is open, or its beginning."""
        if self.ends:
            self.put(("\n" if self.first else ",\n") + "    " * len(self.ends))
        self.put(text)
        self.first = False

    def open(self, text: str, end: str) -> None:
        """Begin an object or a list with this text."""
        self.member(text)
        self.ends.append(end)
        self.first = True

    def close(self) -> None:
        end = self.ends.pop()
        self.put(end if self.first else "\n" + "    " * len(self.ends) + end)
        self.first = False

    def close_all(self) -> None:
        while self.ends:
            self.close()


def _write_node(tree: Tree, root: int, writer: _Writer) -> None:
    """Write a block node and all that lies in it; stops where the writer is full."""
    waiting: list[Iterator[int]] = [iter([root])]
    while waiting and not writer.full:
        instance = next(waiting[-1], None)
        if instance is None:
            waiting.pop()
            if waiting:
                writer.close()
                writer.close()
            continue
        record = tree.record(instance)
        if record is not None:
            writer.open("{", "}")
            for key, value in record.items():
                text = value if key == "runtime_value" else json.dumps(value)
                writer.member(f"{json.dumps(key)}: {text}")
            writer.close()
            continue
        writer.open("{", "}")
        consumes = tree.consumes.get(instance)
        block_type = "loop_body" if consumes is None else f"function_body :: {tree.name(instance)}"
        writer.member(f'"block_type": {json.dumps(block_type)}')
        if consumes:
            writer.member(f'"consumes_from": {json.dumps(consumes)}')
        members = tree.inside.get(instance)
        if members:
            writer.open('"log_sequence": [', "]")
            waiting.append(iter(members))
        else:
            writer.close()


# ---- what the trace says


def of_segments(run: Path) -> Events:
    """The events of a run that is not packed. Raises VanishedError if it is by now, OSError if it cannot be read."""
    decoded = decode(run)
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
