"""NAME_log.json: what a Context logged, as a tree of calls and iterations, by the grammar of docs/logging.md.

It is made of the run's trace. Where that is small, inside the program, with the standard library alone; else, and where
some of it is packed, by a process of its own: `python -m flor.logging.whole RUN_DIR CONTEXT FILE`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from flor.errors import FlorError
from flor.home import Run
from flor.logging.events import Events, of_segments
from flor.logging.tree import Tree
from flor.trace import logged
from flor.trace.checkpoint import parts
from flor.trace.layout import VanishedError

#: Bytes of segments that are read inside the program.
_SMALL = 16 << 20

#: Where the log ends early.
LIMIT = 50_000_000


def write(run: Run, context: int | None, target: Path) -> None:
    """Write the log of one of a run's Contexts; None: the last one. Raises OSError or FlorError."""
    if parts(run.path) or _size(run.path / "segments") > _SMALL:
        _write_beside(run, context, target)
        return
    try:
        events = of_segments(run)
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
        print(
            f"flor: {target} ends early, at {LIMIT // 1_000_000} MB: flor log --context prints all of it",
            file=sys.stderr,
        )


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
    return writer.full or events.cut


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

    def whole(self, begin: str, members: list[str], end: str) -> None:
        """A member of what is open, with its own members."""
        inner = "\n" + "    " * (len(self.ends) + 1)
        self.member(begin + inner + f",{inner}".join(members) + inner[:-4] + end)

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
    texts: dict[int, list[str]] = {}  # of each line its record's members; an empty one is the value's
    while waiting and not writer.full:
        instance = next(waiting[-1], None)
        if instance is None:
            waiting.pop()
            if waiting:
                writer.close()
                writer.close()
            continue
        record = tree.records.get(instance)
        if record is not None:
            number, value = record
            members = texts.get(number)
            if members is None:
                members = texts[number] = _members(tree.lines[number])
            writer.whole("{", [member or f'"runtime_value": {value}' for member in members], "}")
            continue
        consumes, inside = tree.consumes.get(instance), tree.inside.get(instance)
        block_type = "loop_body" if consumes is None else f"function_body :: {tree.name(instance)}"
        about = [f'"block_type": {json.dumps(block_type)}']
        if consumes:
            about.append(f'"consumes_from": {json.dumps(consumes)}')
        if inside:
            writer.open("{", "}")
            for member in about:
                writer.member(member)
            writer.open('"log_sequence": [', "]")
            waiting.append(iter(inside))
        else:
            writer.whole("{", about, "}")


def _members(line: logged.Line) -> list[str]:
    """The members of a statement's records, as JSON; an empty text stands for the value."""
    about = {key: own for key, own in line.about.items() if key not in ("column", "span")}
    fields = {**about, "in_file": line.file, "runtime_value": None, "typ": line.typ}
    return [
        f"{json.dumps(key)}: {json.dumps(own)}" if key != "runtime_value" else "" for key, own in sorted(fields.items())
    ]
