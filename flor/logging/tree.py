"""What the log of a Context shows of the block instances, and where. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flor.logging.events import LOOPS, Events, Source
from flor.trace.logged import Line

#: Statements that have a record.
_RECORDS = ("param", "metric", "read", "write")

_OTHER, _LOOP, _INSIDE = range(3)  # kinds of blocks; a comprehension is no block of the log, and stands in none's way


class Tree:
    """Calls of tracked functions and iterations in them, and the records in these."""

    def __init__(self, events: Events, lines: dict[int, Line], about: Line | None) -> None:
        """`about`: the line of the Context; None: nothing is shown."""
        self.events, self.lines = events, lines
        self.own_run = about is not None and bool(about.about.get("run"))
        self.number = None if about is None else about.id
        self.tracked = tracked_blocks(events.sources, lines)
        self.consumes: dict[int, list[str]] = {}  # of each call of a tracked function that is shown
        self.records: dict[int, tuple[int, str]] = {}  # of each record the number of its line, and its value as JSON
        self.inside: dict[int, list[int]] = {}  # what is shown, by the shown instance around
        self.roots: list[int] = []
        self._match()
        self._arrange()

    def name(self, instance: int) -> str:
        """The name of a function."""
        return str(self.events.sources[self.events.source[instance]].blocks[self.events.block[instance]]["name"])

    def _match(self) -> None:
        """Which calls of tracked functions are shown: each was announced right before it."""
        events = self.events
        announced = events.calls.get("called", {})
        candidates: dict[tuple[int, int], list[int]] = {}
        for instance, place in enumerate(zip(events.source, events.block, strict=True)):
            if place in self.tracked or instance in announced:
                candidates.setdefault((events.parent[instance], events.stream[instance]), []).append(instance)
        marks = [instance for instance, (number, _) in announced.items() if number == self.number]
        unannounced: list[int] = []
        for own in candidates.values():
            waiting: dict[tuple[str, str], tuple[int, str]] = {}
            for instance in sorted(own, key=events.seq.__getitem__):
                if instance in announced:
                    number, value = announced[instance]
                    line = self.lines.get(number)
                    if line is not None and line.typ == "call":
                        waiting[line.file, line.about["function"]] = number, value
                    continue
                path = events.sources[events.source[instance]].path
                number, value = waiting.pop((path, self.name(instance)), (0, '""'))
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
            if around >= 0 or self._is_between(instance, marks):
                self.consumes[instance] = []

    def _is_between(self, instance: int, marks: list[int]) -> bool:
        """Whether it began, on the same thread, between the marks that say where the Context begins and ends."""
        stream, seq = self.events.stream, self.events.seq
        return sum(stream[mark] == stream[instance] and seq[mark] < seq[instance] for mark in marks) == 1

    def _arrange(self) -> None:
        events = self.events
        nearest = self._nearest()
        over = self._evaluations_behind_the_last_iteration(nearest)
        for instance, around in enumerate(nearest):
            if around != instance or instance in over:
                continue
            parent = events.parent[instance]
            outer = nearest[parent] if parent >= 0 else -1
            if outer >= 0:
                self.inside.setdefault(outer, []).append(instance)
            else:
                self.roots.append(instance)
        for function in ("logged", "logged_secret"):
            for instance, (number, value) in events.calls.get(function, {}).items():
                line, parent = self.lines.get(number), events.parent[instance]
                outer = nearest[parent] if parent >= 0 else -1
                if line is not None and line.typ in _RECORDS and outer >= 0:
                    self.records[instance] = number, value
                    self.inside.setdefault(outer, []).append(instance)
        for around, members in self.inside.items():
            if all(events.stream[i] == events.stream[around] for i in members):
                members.sort(key=events.seq.__getitem__)
            else:
                own = events.stream[around]
                members.sort(key=lambda i: (events.stream[i] != own, events.stream[i], events.seq[i]))
        self.roots.sort(key=lambda i: (events.stream[i], events.seq[i]))

    def _nearest(self) -> list[int]:
        """For each instance the one that is shown and that it is, or lies in; -1: none."""
        events = self.events
        kinds = [[_kind(block["kind"]) for block in source.blocks] for source in events.sources]
        nearest = [-2] * len(events.parent)
        of_call = bytearray(len(events.parent))  # whether it is a shown call, or lies in one by loops alone
        for start in range(len(nearest)):
            path = []
            instance = start
            while instance >= 0 and nearest[instance] == -2:
                path.append(instance)
                instance = events.parent[instance]
            for instance in reversed(path):
                parent = events.parent[instance]
                if instance in self.consumes:
                    nearest[instance], of_call[instance] = instance, 1
                    continue
                kind = kinds[events.source[instance]][events.block[instance]]
                nearest[instance] = nearest[parent] if parent >= 0 else -1
                if kind != _OTHER and parent >= 0 and of_call[parent]:
                    of_call[instance] = 1
                    if kind == _LOOP:
                        nearest[instance] = instance
        return nearest

    def _evaluations_behind_the_last_iteration(self, nearest: list[int]) -> set[int]:
        """Each evaluation of a `while`'s condition begins an instance: of each such loop that ended by its condition
        the last one."""
        events = self.events
        tests = {
            (index, site["block"])
            for index, source in enumerate(events.sources)
            for site in source.sites
            if (block := source.blocks[site["block"]])["kind"] == "while" and site["line"] == block["line"]
        }
        if not tests:
            return set()
        last: dict[tuple[int, int, int], int] = {}
        for instance, place in enumerate(zip(events.source, events.block, strict=True)):
            if place in tests and nearest[instance] == instance:
                key = (events.parent[instance], *place)
                if key not in last or events.seq[last[key]] < events.seq[instance]:
                    last[key] = instance
        busy = events.busy.union(events.parent)
        return {instance for instance in last.values() if instance not in busy}


def _kind(kind: str) -> int:
    return _LOOP if kind in LOOPS else _INSIDE if kind == "comprehension" else _OTHER


def tracked_blocks(sources: list[Source], lines: dict[int, Line]) -> set[tuple[int, int]]:
    """The blocks (source, block) of tracked functions."""
    known = {
        (own.file, own.about["function"], own.about["line"]) for own in lines.values() if own.typ in ("call", "tracked")
    }
    return {
        (index, block)
        for file, function, line in known
        for index, source in enumerate(sources)
        if source.path == file
        for block in _blocks(source, function, line)
    }


def _blocks(source: Source, function: str, line: int) -> Iterator[int]:
    """The block of a function whose code begins at a line, with its decorators."""
    found = [
        (block["line"], number)
        for number, block in enumerate(source.blocks)
        if block["kind"] in ("function", "lambda") and block["name"] == function and block["line"] >= line
    ]
    if found:
        yield min(found)[1]
