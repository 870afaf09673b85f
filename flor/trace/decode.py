"""Raw segments to columns: a run's block instances and its sites' values.

Standard library only (and `_decode`, where it is built): this also runs inside the captured program, at its end.
"""

from __future__ import annotations

import importlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flor.trace import stream as in_python
from flor.trace.format import RECORD
from flor.trace.layout import Layout, Process, SourceTable, Tail, VanishedError, heap_files, read_layout
from flor.trace.stream import AnyDecoder

try:
    in_c: Any = importlib.import_module("flor.trace._decode")
except ImportError:
    in_c = None

_CHUNK = RECORD << 18  # bytes read at once

#: Instead of a stream's state.
_NOT_KNOWN = object()

#: Stands for heap bytes that are not where a value says.
MISSING = b'{"why": "its bytes are missing in the trace"}'


@dataclass
class Decoded:
    """A run's columns. Words are native 64-bit; a site's run-wide number is its source's `first_site` + its own."""

    sources: list[SourceTable]
    block: memoryview  # run-wide number: its source's first_block + its own
    parent: memoryview
    ordinal: memoryview
    stream: memoryview
    seq: memoryview
    begin: memoryview
    rows: list[memoryview | None]  # by site; stream.ROW words for each value
    counts: memoryview  # by site: how many values there are, also of sites that were not kept
    skipped: memoryview  # by run-wide block: how many of its instances were not recorded
    heap: Heaps
    warnings: list[str]
    damaged: bool  # something that was written could not be read
    records: int  # how many were read
    complete: bool  # the limit was not reached
    cut: int  # if it was: the instance that was the position there, or -1
    main: int  # instance of the main script's module, or -1


class Heaps:
    """The heap segments of a run, mapped: they stay readable when their files go."""

    def __init__(self) -> None:
        self._maps: dict[tuple[int, int], bytes | mmap.mmap] = {}

    def __call__(self, stream: int, segment: int) -> memoryview | None:
        """The buffer of a segment of a run-wide stream."""
        found = self._maps.get((stream, segment))
        return None if found is None else memoryview(found)

    def add(self, stream: int, segment: int, path: Path, tail: Tail | None) -> None:
        """Map a file, or read it if there is a tail of it. Raises OSError."""
        if tail is not None:
            data = path.read_bytes() if path.exists() else b""
            self._maps[stream, segment] = data + tail.beyond(len(data))
            return
        with path.open("rb") as file:
            empty = file.seek(0, 2) == 0
            self._maps[stream, segment] = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def decode(
    run: Path,
    *,
    limit: int | None = None,
    sites: tuple[int, int] | None = None,
    growing: bool = False,
    layout: Layout | None = None,
    python: bool = False,
) -> Decoded:
    """Decode the events of the run in the directory `run`.

    Stops after `limit` records. Keeps the values of the run-wide site numbers in the range `sites` (default: all).
    `growing`: the run is going on, so events may be newer than what was read of its sources; they are left for later.
    `layout`: what `read_layout(run)` gave; read if it is not given. `python`: never use `_decode`.

    What is damaged is skipped and said in `warnings`. Raises `VanishedError` if the segments go away meanwhile (then
    the run was packed), OSError if they cannot be read.
    """
    layout = layout or read_layout(run)
    first, end = sites if sites is not None else (0, layout.site_count())
    decoder: AnyDecoder = _machine(python).Decoder(
        layout.block_table(), layout.site_count(), -1 if limit is None else limit, first, end
    )
    reading = _Reading(layout, decoder, growing)
    heap = reading.everything()
    columns, rows, counts, skipped = decoder.finish()
    warnings = layout.warnings + reading.warnings
    for number, what in (
        (decoder.misplaced, "could not be placed"),
        (decoder.duplicates, "dropped: their block instance has another of the same site"),
    ):
        if number:
            warnings.append(f"{number} values {what}")
    if decoder.unresolved and reading.complete:
        warnings.append(f"{decoder.unresolved} block instances have no known parent")
    block, parent, ordinal, stream, seq, begin = (memoryview(column).cast("q") for column in columns)
    return Decoded(
        layout.sources,
        block,
        parent,
        ordinal,
        stream,
        seq,
        begin,
        [None if r is None else memoryview(r) for r in rows],
        memoryview(counts).cast("q"),
        memoryview(skipped).cast("q"),
        heap,
        warnings,
        layout.damaged or reading.damaged,
        decoder.records,
        reading.complete,
        decoder.cut,
        decoder.main,
    )


def gather(rows: bytes | memoryview, heap: Heaps, *, python: bool = False) -> tuple[bytes, bytes, bytes]:
    """`stream.gather`, in C where it is built."""
    gathered: tuple[bytes, bytes, bytes] = _machine(python).gather(rows, heap, MISSING)
    return gathered


def _machine(python: bool) -> Any:
    return in_python if python or in_c is None else in_c


class _Reading:
    """Feeds a run's files to a decoder."""

    def __init__(self, layout: Layout, decoder: AnyDecoder, growing: bool) -> None:
        self._layout, self._decoder, self._growing = layout, decoder, growing
        self._states: dict[int, object] = {}  # forked process -> the state that it goes on from
        self.warnings: list[str] = []
        self.damaged = False
        self.complete = True

    def everything(self) -> Heaps:
        """Feed all streams of all processes; returns their heaps."""
        heaps = Heaps()
        number = 0
        for index, process in enumerate(self._layout.processes):
            self._decoder.process(process.parent)
            self._pass_on(index, process)
            numbers: dict[int, int] = {}
            for stream in process.streams:
                if self.complete:
                    self._stream(index, process, stream, number)
                numbers[stream] = number
                number += 1
            for (stream, segment), path in heap_files(process).items():
                if stream in numbers:
                    try:
                        tail = process.tails.get((stream, "heap"))
                        heaps.add(numbers[stream], segment, path, tail if tail and tail.segment == segment else None)
                    except FileNotFoundError:
                        raise VanishedError(path) from None
                    except OSError as error:
                        self._warn(f"{_relative(path)} cannot be read ({error.strerror})")
        return heaps

    def _pass_on(self, index: int, process: Process) -> None:
        """A process that forked before its stream had a file gives its children what it goes on from itself."""
        for child, forked in enumerate(self._layout.processes):
            if forked.parent == index and forked.fork is not None:
                stream, record = forked.fork
                if record <= 0 and stream not in process.streams:
                    goes_on = process.fork is not None and process.fork[0] == stream
                    self._states[child] = self._states.get(index, _NOT_KNOWN) if goes_on else None

    def _stream(self, index: int, process: Process, stream: int, number: int) -> None:
        decoder = self._decoder
        forks = sorted(
            (child.fork[1], i)
            for i, child in enumerate(self._layout.processes)
            if child.parent == index and child.fork is not None and child.fork[0] == stream
        )
        goes_on = process.fork is not None and process.fork[0] == stream
        first = not process.forked and stream == min(process.streams)
        state = self._states.pop(index, _NOT_KNOWN) if goes_on else None
        decoder.stream(process.ids, number, process.started, first, None if state is _NOT_KNOWN else state)
        if state is _NOT_KNOWN:
            decoder.lose()
            if not self._growing:
                self._warn(f"{_relative(process.path)} goes on from events that are missing")
        expected = 0
        while forks and forks[0][0] <= 0:
            self._states[forks.pop(0)[1]] = decoder.state()
        for segment, path in sorted(process.streams[stream].items()):
            if segment != expected:
                self._warn(f"{_relative(path)}: segments before it are missing")
                decoder.lose()
            expected = segment + 1
            tail = process.tails.get((stream, "events"))
            if not self._segment(path, forks, tail if tail and tail.segment == segment else None):
                break

    def _segment(self, path: Path, forks: list[tuple[int, int]], tail: Tail | None) -> bool:
        """Feed one file, and what its tail goes beyond it. Returns whether the stream can go on."""
        try:
            chunks = _chunks(path, tail)
            for chunk in chunks:
                rest = memoryview(chunk)
                while len(rest) >= RECORD:
                    ahead = forks[0][0] - self._decoder.seq - 1 if forks else len(rest) // RECORD
                    part = rest[: ahead * RECORD]
                    was_lost = self._decoder.lost
                    taken = self._decoder.feed(part)
                    while forks and forks[0][0] == self._decoder.seq + 1:
                        self._states[forks.pop(0)[1]] = self._decoder.state()
                    if self._decoder.lost and not was_lost:
                        if self._growing:
                            return False
                        self._warn(f"{_relative(path)}: record {self._decoder.seq} of the stream makes no sense")
                    elif taken < len(part) // RECORD:
                        if any(rest[taken * RECORD :][:4]):  # no head of 0: the limit
                            self.complete = False
                            return False
                        return True
                    rest = rest[taken * RECORD :]
        except FileNotFoundError:
            raise VanishedError(path) from None
        except OSError as error:
            self._warn(f"{_relative(path)} cannot be read ({error.strerror})")
            self._decoder.lose()
        return True

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)
        self.damaged = True


def _chunks(path: Path, tail: Tail | None) -> Iterator[bytes]:
    """A file's whole records, some at a time, and what its tail goes beyond it. It may have holes, grow and be cut while
    it is read. Raises OSError."""
    offset = 0
    if tail is None or path.exists():
        with path.open("rb", buffering=0) as file:
            while True:
                chunk = os.pread(file.fileno(), _CHUNK, offset)
                whole = len(chunk) // RECORD * RECORD
                if not whole:
                    break
                yield chunk[:whole]
                offset += whole
    if tail is not None:
        yield tail.beyond(offset)


def _relative(path: Path) -> str:
    """A path inside `segments/` as it stands there."""
    parts = path.parts
    return "/".join(parts[len(parts) - parts[::-1].index("segments") - 1 :])
