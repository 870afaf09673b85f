"""Values where the code is: inlay hints beside what is named, and a hover on whatever was captured."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor.annotate.carry import Carry
from flor.annotate.chunks import Chunk, Chunks
from flor.annotate.living import Living, Named
from flor.annotate.places import Refusal
from flor.annotate.source import decode
from flor.capture.sites import Span
from flor.errors import FlorError
from flor_lsp import copies
from flor_lsp.documents import Document
from flor_lsp.experiments import Experiments, RunInfo, Version
from flor_lsp.features import logged
from flor_lsp.features.names import place_in_source

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

_HINT = 42  # characters: of more, some editors show the beginning
_VALUES = 3  # in a hint
_VALUE = 12  # characters of a value in a hint
_KEPT = 5_000  # summaries
_CARRIES = 32

_Place = tuple[str, Span]  # kind and span


class Values:
    """Summaries of values, from a worker, and kept for runs that have ended."""

    def __init__(self, server: FlorServer) -> None:
        self._server = server
        self._known: dict[tuple[str, str, str, _Place], Any] = {}
        self._versions: dict[str, Chunks] = {}  # by content
        self._carries: dict[tuple[int, int], tuple[Chunks, Chunks, Carry]] = {}
        self._keeping = threading.Lock()  # some of it is asked for in threads

    async def of(self, run: RunInfo, version: Version, places: Sequence[_Place]) -> list[Any] | None:
        """The summary of each place in a run's source, None where it has no value. None for all while much of the
        run's trace is still to be packed. Raises FlorError."""
        keys = [(run.experiment, run.id, version.path, place) for place in places]
        missing = [place for key, place in zip(keys, places, strict=True) if key not in self._known]
        found: dict[_Place, Any] = {}
        if missing:
            answers = await self._server.reader.call(
                "values",
                run=str(run.path),
                path=version.path,
                sha256=version.sha256,
                spans=[[kind, *span] for kind, span in missing],
            )
            if answers is None:
                return None
            found = dict(zip(missing, answers, strict=True))
        if run.status != "running":
            if len(self._known) > _KEPT:
                self._known.clear()
            self._known |= {(run.experiment, run.id, version.path, place): own for place, own in found.items()}
        return [self._known.get(key, found.get(place)) for key, place in zip(keys, places, strict=True)]

    def carry(self, run: RunInfo, version: Version, chunks: Chunks) -> Carry | None:
        """From a text to a run's version of it; None if that cannot be read."""
        old = self._version(run, version, chunks)
        return None if old is None else self.between(old, chunks)

    def _version(self, run: RunInfo, version: Version, chunks: Chunks) -> Chunks | None:
        """A run's version of a text that is like another; None if it cannot be read."""
        if (known := self._versions.get(version.sha256)) is not None:
            return known
        try:
            data = (run.path / "sources" / f"{version.sha256}.py").read_bytes()
            read = chunks.changed(decode(data, version.path).text)
        except (OSError, FlorError):
            return None
        self._keep(self._versions, version.sha256, read)
        return read

    def onward(self, run: RunInfo, version: Version, chunks: Chunks) -> Callable[[Span], Span | None] | None:
        """From a span in a run's version of a text to the same expression in the text, None where there is none; None
        for all if that version cannot be read."""
        if (old := self._version(run, version, chunks)) is None:
            return None
        carry = self.between(chunks, old)

        def now(span: Span) -> Span | None:
            within = old.within(span)
            return None if within is None else carry.back(*within)

        return now

    def between(self, old: Chunks, new: Chunks) -> Carry:
        """From one text to another."""
        key = (id(old), id(new))
        kept = self._carries.get(key)
        if kept is None or kept[0] is not old or kept[1] is not new:
            kept = old, new, Carry(old, new)
            self._keep(self._carries, key, kept)
        return kept[2]

    def _keep(self, kept: dict[Any, Any], key: Any, value: Any) -> None:
        with self._keeping:
            if len(kept) >= _CARRIES:
                kept.pop(next(iter(kept)))
            kept[key] = value


def last_run(server: FlorServer, document: Document) -> tuple[RunInfo, Version] | None:
    """The last run that captured a file, and the version that it has."""
    if document.path is None:
        return None
    for run in server.runs_of(document)[:1]:
        version = Experiments.version(run, document.path, document.sha256)
        if version is not None:
            return run, version
    return None


async def hints(server: FlorServer, params: types.InlayHintParams) -> list[types.InlayHint]:
    """The last values beside each named expression in some range, in a source and in its shadow copy; in a source also
    beside each statement that logs."""
    if not server.settings.inlay_hints:
        return []
    document = server.documents.get(params.text_document.uri)
    low, high = document.content.offsets(params.range)
    return [*await _of_names(server, document, low, high), *await _of_statements(server, document, low, high)]


async def _of_statements(server: FlorServer, document: Document, low: int, high: int) -> list[types.InlayHint]:
    """The hints of what the source's last run logged."""
    last = last_run(server, document) if document.living is None else None
    if last is None:
        return []
    met = await logged.statements(server, document, *last)
    found = [(own, own.place[1]) for own in met if own.place is not None and low <= own.place[1] <= high]
    if not found:
        return []
    places: list[_Place] = [("expression", own.span) for own, _ in found]
    summaries = await server.values.of(*last, places) or [None] * len(found)
    return [
        _hint(document, own.name, end, summary, last[0])
        for (own, end), summary in zip(found, summaries, strict=True)
        if summary is not None
    ]


async def _of_names(server: FlorServer, document: Document, low: int, high: int) -> list[types.InlayHint]:
    found = [own for own in _named(server, document) if low <= own.end <= high]
    if not found:
        return []
    living, source = found[0].living, found[0].source
    last = last_run(server, source)
    chunks = server.stripped(living)
    carry = None if last is None else await asyncio.to_thread(server.values.carry, last[0], last[1], chunks)
    if last is None or carry is None:
        return []
    shown: list[_Shown] = []
    places: list[_Place] = []
    for own in found:
        if (there := carry.back(own.named.chunk, own.named.place.span)) is not None:
            places.append((own.named.place.kind, there))
            shown.append(own)
    summaries = await server.values.of(*last, places) or [None] * len(shown)
    return [
        _hint(document, own.named.name, own.end, summary, last[0])
        for own, summary in zip(shown, summaries, strict=True)
        if summary is not None
    ]


@dataclass(frozen=True)
class _Shown:
    """A name that has a place in a document."""

    named: Named
    end: int  # of the place
    living: Living
    source: Document


def _named(server: FlorServer, document: Document) -> list[_Shown]:
    """Each name that has a place in a document, be it a shadow copy or its source."""
    living = document.living
    try:
        if living is not None:
            if living.source_path is None or not living.source_path.exists():
                return []
            source = server.documents.of(living.source_path)
            return [_Shown(own, own.end, living, source) for own in living.names if own.refused is None]
        if document.path is None:
            return []
        there = copies.existing(server.documents, copies.of_source(server.documents, document.path))
    except (FlorError, OSError):
        return []
    found = []
    for own in [] if there is None else there[1].names:
        assert there is not None
        place = place_in_source(server, there[1], own, document)
        if place is not None and own.refused is None:
            found.append(_Shown(own, place[1], there[1], document))
    return found


def _hint(document: Document, name: str, end: int, summary: Any, run: RunInfo) -> types.InlayHint:
    shown = [value if len(value) <= _VALUE else value[: _VALUE - 1] + "…" for value in summary["last"][-_VALUES:]]
    label = f"{name}: {' '.join(shown)}"
    while len(label) > _HINT and len(shown) > 1:
        shown = shown[1:]
        label = f"{name}: {' '.join(shown)}"
    part = types.InlayHintLabelPart(label[:_HINT], tooltip=_text(summary, run))
    return types.InlayHint(document.content.position(end), [part], padding_left=True)


async def hover(server: FlorServer, params: types.HoverParams) -> types.Hover | None:
    """What the expression under the caret was in the last run: the innermost that has values. Elsewhere nothing."""
    if not server.settings.hover:
        return None
    document = server.documents.get(params.text_document.uri)
    offset = document.content.offset(params.position)
    chosen = copies.selected(document, offset, offset)
    if isinstance(chosen, Refusal):
        return None
    living = document.living
    if living is not None:
        around = [own for own in living.names if own.start <= offset <= own.end]
        if not around or living.source_path is None or not living.source_path.exists():
            return None
        own = min(around, key=lambda named: named.end - named.start)
        source, chunks = server.documents.of(living.source_path), server.stripped(living)
        wanted = [(own.chunk, own.place.kind, own.place.span, own.text, own.start, own.end)]
    else:
        source, chunks = document, document.chunks
        wanted = [(s.chunk, s.expression.kind, s.expression.span, s.expression.text, s.start, s.end) for s in chosen]
    last = last_run(server, source)
    carry = None if last is None else await asyncio.to_thread(server.values.carry, last[0], last[1], chunks)
    if last is None or carry is None:
        return None
    there = [(carry.back(number, span), kind, text, start, end) for number, kind, span, text, start, end in wanted]
    known = [(span, kind, text, start, end) for span, kind, text, start, end in there if span is not None]
    summaries = await server.values.of(*last, [(kind, span) for span, kind, *_ in known])
    if summaries is None:
        _, _, text, start, end = known[0]
        waiting = f"run {last[0].id} of {last[0].experiment}: its trace is being packed, its values show after that"
        return types.Hover(_markup(server, text, waiting), document.content.range(start, end))
    for (_, _, text, start, end), summary in zip(known, summaries, strict=True):
        if summary is not None:
            return types.Hover(_markup(server, text, _text(summary, last[0])), document.content.range(start, end))
    return None


def _markup(server: FlorServer, text: str, said: str) -> types.MarkupContent:
    line = " ".join(text.split())
    line = line if len(line) <= 60 else line[:59] + "…"
    if not server.client.markdown:
        return types.MarkupContent(types.MarkupKind.PlainText, f"{line}\n{said}")
    fence = "``" if "`" in line else "`"
    shown = f"{fence} {line} {fence}\n\n```text\n{said}\n```"
    return types.MarkupContent(types.MarkupKind.Markdown, shown)


def _text(summary: Any, run: RunInfo) -> str:
    count = summary["count"]
    lines = [f"{count:,} value{'s' if count != 1 else ''}, {', '.join(summary['types'])}"]
    if summary.get("spark") and count > 1:
        lines.append(f"{summary['spark']}  min {summary['min']}  max {summary['max']}")
    what = "last" if count > 1 else "value"
    lines.append(f"{what} " + "  ".join(summary["last"]))
    lines.append(f"run {run.id} of {run.experiment}, {run.status}, began {ago(run.start)}")
    return "\n".join(lines)


def ago(moment: float, now: float | None = None) -> str:
    """How long ago something was, in words."""
    seconds = max((time.time() if now is None else now) - moment, 0)
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return "just now"


def stripped(sources: Sequence[str | None]) -> Chunks:
    """The source that a shadow copy's chunks are of."""
    return Chunks([Chunk(own or "", broken=own is None) for own in sources])
