"""What programs logged, in their sources as they are now: a log statement is found where the run's own version of the
source has it, and carried over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor.annotate.source import Lines
from flor.capture.sites import Span
from flor.errors import FlorError
from flor.trace import logged
from flor_lsp.documents import Document
from flor_lsp.experiments import Experiments, RunInfo, Version
from flor_lsp.messages import OfColumn
from flor_lsp.protocol import ReplyError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

_RUNS = 100  # runs of a file that are looked at for what one of them logged


@dataclass(frozen=True)
class Statement:
    """A log statement that has a column, and its place in the source as it is now."""

    name: str  # of the column
    typ: str  # param, metric, log or arg
    text: str  # what is logged
    span: Span  # of the call, in the version that ran
    place: tuple[int, int] | None  # offsets of the call; None: it is not there any more


async def statements(server: FlorServer, document: Document, run: RunInfo, version: Version) -> list[Statement]:
    """The statements of a source that a run met, in that order."""
    return await asyncio.to_thread(_statements, server, _Now(document), run, version)


async def of_file(server: FlorServer, document: Document) -> list[Statement]:
    """The statements of a source that the last run met that logged something in it: the first one of each name."""
    return await asyncio.to_thread(_of_first, server, _Now(document), _versions(server, document))


def _of_first(server: FlorServer, now: _Now, versions: Iterable[tuple[RunInfo, Version]]) -> list[Statement]:
    for run, version in versions:
        found: dict[str, Statement] = {}
        for own in _statements(server, now, run, version):
            found.setdefault(own.name.casefold(), own)
        if found:
            return list(found.values())
    return []


class _Now:
    """A source as it is now. Made on the event loop's thread."""

    def __init__(self, document: Document) -> None:
        self.chunks, self.text = document.chunks, document.content.text


def _versions(server: FlorServer, document: Document) -> list[tuple[RunInfo, Version]]:
    """The runs of a source, the newest first, with the version that each of them has."""
    path = document.path
    runs = server.runs_of(document)[:_RUNS] if path is not None else []
    own = [(run, Experiments.version(run, path, document.sha256)) for run in runs if path is not None]
    return [(run, version) for run, version in own if version is not None]


def _statements(
    server: FlorServer, now: _Now, run: RunInfo, version: Version, wanted: Callable[[logged.Line], bool] | None = None
) -> list[Statement]:
    lines = logged.lines(run.path).values()
    met = [
        (line.column, line, line.span)
        for line in lines
        if line.file == version.path and line.column is not None and line.span is not None
        if wanted is None or wanted(line)
    ]
    if not met:
        return []
    onward = server.values.onward(run, version, now.chunks)
    places = Lines(now.text)
    found = []
    for column, line, span in met:
        there = None if onward is None else onward(span)
        place = None if there is None else (places.offset(*there[:2]), places.offset(*there[2:]))
        found.append(Statement(column, line.typ, str(line.about["value"]), span, place))
    return found


def names_of_run(run: RunInfo) -> list[str]:
    """The names that a run logged, in whatever source."""
    return list(dict.fromkeys(line.column for line in logged.lines(run.path).values() if line.column is not None))


def described(server: FlorServer, document: Document, found: Iterable[Statement]) -> list[dict[str, Any]]:
    """Statements as `flor/names` has them."""
    unstructure = server.protocol._converter.unstructure
    return [
        {
            "name": own.name, "typ": own.typ, "text": own.text,
            "source": None if own.place is None else unstructure(document.content.range(*own.place)),
        }
        for own in found
    ]  # fmt: skip


async def place(server: FlorServer, asked: OfColumn) -> tuple[str, types.Range]:
    """Where the statement that `flor/reveal` means stands: its document and range. Raises ReplyError if it is not there
    any more."""
    assert asked.source is not None
    if not Path(asked.source).is_absolute():
        raise ReplyError(f'"{asked.name}" was logged by code that is in no file')
    gone = f'what logs "{asked.name}" is not in {asked.source} any more'
    try:
        document = server.documents.of(Path(asked.source))
    except FlorError:
        raise ReplyError(gone) from None

    def is_meant(line: logged.Line) -> bool:
        is_named = line.column is not None and line.column.casefold() == asked.name.casefold()
        return is_named and (line.about["instruction_no"], line.about["value"]) == (asked.line, asked.text)

    def first(now: _Now, versions: Iterable[tuple[RunInfo, Version]]) -> Statement | None:
        every = (_statements(server, now, run, version, is_meant) for run, version in versions)
        return next((found[0] for found in every if found), None)

    found = await asyncio.to_thread(first, _Now(document), _versions(server, document))
    if found is None:
        raise ReplyError(f'no run has kept the version of {asked.source} that logged "{asked.name}"')
    if found.place is None:
        raise ReplyError(gone)
    return document.uri, document.content.range(*found.place)
