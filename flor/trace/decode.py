"""Raw segments to columns: the block instances and the sites' values of a run, or of a part of it.

Standard library only (and `_decode`, where it is built): this also runs inside the captured program, at its end.
"""

from __future__ import annotations

import importlib
import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flor.trace import stream as in_python
from flor.trace.checkpoint import Checkpoint, StreamState, parts
from flor.trace.format import CLOSED, HEAP_SHIFT, RECORD, segment_size
from flor.trace.layout import Layout, Process, SourceTable, VanishedError, read_layout
from flor.trace.segment import Tail, intact, records
from flor.trace.stream import AnyDecoder, read_heap

try:
    in_c: Any = importlib.import_module("flor.trace._decode")
except ImportError:
    in_c = None

#: Files that are opened before the first is read, so that they can be read though a packer removes them.
_HELD_OPEN = 256

#: Stands for heap bytes that are not where a value says.
MISSING = b'{"why": "its bytes are missing in the trace"}'

#: Of a process: the one that it was forked from (-1: it was not), whether multiprocessing did it (1) or `os.fork`; of
#: these the forking thread's stream (-1: none) and its last record before that; and the one that started it afresh (-1:
#: none, or it is not known).
Fork = tuple[int, int, int, int, int]

#: The segment in which heap bytes are found whose own segment is gone.
CARRIED = (1 << (64 - HEAP_SHIFT)) - 1


@dataclass
class Decoded:
    """Columns of a run, or of a part. Words are native 64-bit; a site's run-wide number is its source's `first_site` +
    its own."""

    sources: list[SourceTable]
    base: int  # number of the first instance
    block: memoryview  # run-wide number: its source's first_block + its own
    parent: memoryview
    ordinal: memoryview  # an activation's counts within its stream
    stream: memoryview
    seq: memoryview
    begin: memoryview
    late: memoryview  # (instance, parent, ordinal) of instances before `base` whose parent is known now
    copies: memoryview  # instances that forked children go on in, see stream.Finished
    rows: list[memoryview | None]  # by site; stream.ROW words for each value
    kinds: memoryview  # by site: a bit for each kind of value that its rows have
    counts: memoryview  # by site: how many values there are, also of sites that were not kept
    skipped: memoryview  # by run-wide block: how many of its instances were not recorded, in all parts so far
    streams: list[tuple[int, int]]  # by their numbers: process, and number there
    forks: list[Fork]  # by process: where it comes from
    heap: Heaps
    warnings: list[str]
    duplicates: int  # values that were dropped because their instance has another of the same site, in all parts so far
    unresolved: int  # instances whose parent is not known, and will not be
    damaged: bool  # something that was written could not be read
    records: int  # how many were read
    complete: bool  # the limit was not reached
    cut: int  # if it was: the instance that was the position there, or -1
    main: int  # instance of the main script's module, or -1
    checkpoint: Checkpoint | None  # what the next part goes on from, if there is to be one


class Heaps:
    """The heap segments of a run, mapped: they stay readable when their files go."""

    def __init__(self, carried: dict[tuple[int, int, int], tuple[int, bytes]]) -> None:
        self._maps: dict[tuple[int, int], bytes | mmap.mmap] = {}
        self._carried: dict[tuple[int, int], int] = {}
        pieces: list[bytes] = []
        at = 0
        for (stream, _, _), (payload, data) in carried.items():
            self._carried[stream, payload] = at
            pieces += ((len(data) + 1).to_bytes(4, "little"), data)
            at += 4 + len(data)
        self._gone = b"".join(pieces)

    def __call__(self, stream: int, segment: int) -> memoryview | None:
        """The buffer of a segment of a run-wide stream."""
        if segment == CARRIED:
            return memoryview(self._gone)
        found = self._maps.get((stream, segment))
        return None if found is None else memoryview(found)

    def add(self, stream: int, segment: int, path: Path, tail: Tail | None, another_boot: bool) -> None:
        """Map a file, or read it if there is a tail of it. `another_boot`: see `Process`. Raises OSError."""
        if tail is not None:
            data = path.read_bytes() if tail.offset or path.exists() else b""
            self._maps[stream, segment] = data + tail.beyond(len(data))
            return
        with path.open("rb") as file:
            empty = file.seek(0, 2) == 0
            mapped = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._maps[stream, segment] = mapped[: intact(mapped)] if another_boot else mapped

    def has(self, stream: int, segment: int) -> bool:
        """Whether the segment itself is there."""
        return (stream, segment) in self._maps

    def place(self, stream: int, payload: int) -> int:
        """The payload to be used instead of one whose segment is gone. It may lead nowhere."""
        return CARRIED << HEAP_SHIFT | self._carried.get((stream, payload), (1 << HEAP_SHIFT) - 1)

    def read(self, stream: int, payload: int) -> bytes | None:
        """The heap bytes of a value of a run-wide stream; None if they are not there."""
        if not self.has(stream, payload >> HEAP_SHIFT):
            payload = self.place(stream, payload)
        return read_heap(self(stream, payload >> HEAP_SHIFT), payload & (1 << HEAP_SHIFT) - 1)


def decode(
    run: Path,
    *,
    limit: int | None = None,
    sites: tuple[int, int] | None = None,
    growing: bool = False,
    layout: Layout | None = None,
    since: Checkpoint | None = None,
    upto: dict[tuple[str, int], int] | None = None,
    last: bool = False,
    python: bool = False,
) -> Decoded:
    """Decode the events of the run in the directory `run`.

    Stops after `limit` records. Keeps the values of the run-wide site numbers in the range `sites` (default: all).
    `growing`: the run is going on, so events may be newer than what was read of its sources; they are left for later.
    `layout`: what `read_layout(run)` gave; read if it is not given. `python`: never use `_decode`.

    `since`: what earlier parts are gone on from. `upto`: a part ends here, before these segments of the streams (by
    process and stream; streams that are not named are left for later); the result has a checkpoint. `last`: after it
    nothing is left, so no child can wait for its parent's events.

    What is damaged is skipped and said in `warnings`. Raises `VanishedError` if the segments go away meanwhile (then
    the run was packed), OSError if they cannot be read, ValueError if `since` is damaged.
    """
    before = since or Checkpoint()
    if layout is None:
        layout = read_layout(run, before.sources, before.processes, long=since is not None)
    first, end = sites if sites is not None else (0, layout.site_count())
    decoder: AnyDecoder = _machine(python).Decoder(
        layout.block_table(), layout.site_count(), -1 if limit is None else limit, first, end
    )
    if before.carried is not None:
        decoder.restore(before.carried)
    reading = _Reading(layout, decoder, before, growing, upto, last, limit)
    base = decoder.instances
    heap = reading.everything()
    columns, rows, counts, skipped, late, kinds, copies = decoder.finish()
    damaged = layout.damaged or reading.damaged or before.damaged
    said = list(dict.fromkeys(before.warnings + layout.warnings + reading.warnings))
    checkpoint = reading.checkpoint(said, damaged) if upto is not None else None
    warnings = list(said)
    if decoder.misplaced:
        warnings.append(f"{decoder.misplaced} values could not be placed")
    unresolved = decoder.unresolved if reading.complete and (upto is None or last) else 0
    block, parent, ordinal, stream, seq, begin = (memoryview(column).cast("q") for column in columns)
    return Decoded(
        layout.sources,
        base,
        block,
        parent,
        ordinal,
        stream,
        seq,
        begin,
        memoryview(late).cast("q"),
        memoryview(copies).cast("q"),
        [None if r is None else memoryview(r) for r in rows],
        memoryview(kinds).cast("I"),
        memoryview(counts).cast("q"),
        memoryview(skipped).cast("q"),
        reading.stream_places(),
        reading.forks(),
        heap,
        warnings,
        decoder.duplicates,
        unresolved,
        damaged,
        decoder.records,
        reading.complete,
        decoder.cut,
        decoder.main,
        checkpoint,
    )


def split(rows: bytes | memoryview, *, python: bool = False) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """`stream.split`, in C where it is built."""
    columns: tuple[bytes, bytes, bytes, bytes, bytes] = _machine(python).split(rows)
    return columns


def gather(rows: bytes | memoryview, heap: Heaps, *, python: bool = False) -> tuple[bytes, bytes, bytes]:
    """`stream.gather`, in C where it is built."""
    gathered: tuple[bytes, bytes, bytes] = _machine(python).gather(rows, heap, MISSING)
    return gathered


def texts(
    kinds: bytes | memoryview, offsets: bytes | memoryview, data: bytes | memoryview, *, python: bool = False
) -> tuple[bytes, bytes, bytes]:
    """`stream.texts`, in C where it is built."""
    found: tuple[bytes, bytes, bytes] = _machine(python).texts(kinds, offsets, data, MISSING)
    return found


def _machine(python: bool) -> Any:
    return in_python if python or in_c is None else in_c


#: Instead of the state that a forked child goes on from.
_NOT_KNOWN, _NOT_YET = object(), object()


#: Instead of a child: where the main script's module begins, before so many records.
_MAIN, _MAIN_BY = "", 8


class _Reading:
    """Feeds a run's files to a decoder."""

    def __init__(
        self,
        layout: Layout,
        decoder: AnyDecoder,
        before: Checkpoint,
        growing: bool,
        upto: dict[tuple[str, int], int] | None,
        last: bool,
        limit: int | None,
    ) -> None:
        self._layout, self._decoder, self._before = layout, decoder, before
        self._growing, self._upto, self._last, self._limit = growing, upto, last, limit
        self._streams = {place: replace(state) for place, state in before.streams.items()}
        self._forks = dict(before.forks)
        self._forking: set[int] = set()  # processes that forked in this part
        self._open: dict[Path, Any] = {}
        self.warnings: list[str] = []
        self.damaged = False
        self.complete = True

    def everything(self) -> Heaps:
        """Feed all streams of all processes; returns their heaps."""
        heaps = Heaps(self._before.heap)
        for process in self._layout.processes:
            self._decoder.process(process.parent)
        try:
            self._hold_files()
            for process in self._layout.processes:
                for stream in process.streams:
                    place = process.name, stream
                    if place not in self._streams:
                        first = not process.forked and stream == min(
                            s for name, s in (*self._streams, place) if name == process.name
                        )
                        self._streams[place] = StreamState(len(self._streams), now=process.started, first=first)
                for stream, files in process.heaps.items():
                    if (state := self._streams.get((process.name, stream))) is not None:
                        self._add_heaps(heaps, process, stream, state.number, files)
            if self._more_parts():
                raise VanishedError(self._layout.run / "segments")
            for index, process in enumerate(self._layout.processes):
                for stream, files in process.streams.items():
                    if self.complete:
                        self._stream(index, process, stream, files)
        finally:
            for file in self._open.values():
                file.close()
        return heaps

    def checkpoint(self, warnings: list[str], damaged: bool) -> Checkpoint:
        """What the next part goes on from, but for what its own rows say of the heap. To be called when the decoder has
        finished."""
        states = [state.state for state in self._streams.values() if state.state is not None]
        states += [state for state in self._forks.values() if state is not None]
        return Checkpoint(
            self._before.part + 1,
            [(s.key, s.end_block - s.first_block, s.end_site - s.first_site) for s in self._layout.sources],
            [p.name for p in self._layout.processes],
            self._streams,
            self._forks,
            dict(self._before.consumed),
            self._decoder.carry(states, sorted(self._forking)),
            dict(self._before.heap),
            warnings,
            damaged,
        )

    def stream_places(self) -> list[tuple[int, int]]:
        """By the streams' numbers: process, and number there."""
        index = {process.name: i for i, process in enumerate(self._layout.processes)}
        places = sorted((state.number, place) for place, state in self._streams.items())
        return [(index[name], stream) for _, (name, stream) in places]

    def forks(self) -> list[Fork]:
        """By process: where it comes from."""
        found = []
        for process in self._layout.processes:
            stream = last = -1
            if process.fork is not None and process.parent >= 0:
                parent = self._layout.processes[process.parent]
                state = self._streams.get((parent.name, process.fork[0]))
                stream = -1 if state is None else state.number
                last = self._own_record(process.parent, process.fork[1], process.fork[0]) - 1
            found.append((process.parent, int(process.apart), stream, last, process.starter))
        return found

    def _hold_files(self) -> None:
        """Open the first files: those that a packer would remove next."""
        for process in self._layout.processes:
            for stream, files in process.streams.items():
                state = self._streams.get((process.name, stream))
                for segment in sorted(files)[: _HELD_OPEN - len(self._open)]:
                    if state is None or segment >= state.segment:
                        self._open_file(files[segment], process.tail(stream, "events", segment))

    def _open_file(self, path: Path, tail: Tail | None) -> None:
        try:
            self._open[path] = path.open("rb", buffering=0)
        except FileNotFoundError as error:
            if tail is not None and not tail.offset:
                nothing = Path(os.devnull).open("rb", buffering=0)  # noqa: SIM115 - closed as all of these are
                self._open[path] = nothing  # so far there is only the tail
            else:
                self._cannot_read(path, error)
        except OSError as error:
            self._cannot_read(path, error)

    def _add_heaps(self, heaps: Heaps, process: Process, stream: int, number: int, files: dict[int, Path]) -> None:
        for segment, path in files.items():
            try:
                heaps.add(number, segment, path, process.tail(stream, "heap", segment), process.another_boot)
            except OSError as error:
                self._cannot_read(path, error)

    def _cannot_read(self, path: Path, error: OSError) -> None:
        """A file that was listed. Raises VanishedError if it is gone because it was packed, or the run removed."""
        if not (self._layout.run / "segments").is_dir() or self._more_parts():
            raise VanishedError(path) from None
        self._warn(f"{_relative(path)} cannot be read ({error.strerror})")

    def _more_parts(self) -> bool:
        """Whether some of what is to be read lies in a part now."""
        return parts(self._layout.run) != list(range(1, self._before.part + 1))

    def _start(self, index: int) -> object:
        """What a forked process's stream of the fork goes on from: a state, None (nothing), or why there is none."""
        process = self._layout.processes[index]
        if process.apart:
            return None
        if process.name in self._forks:
            return self._forks[process.name]
        if process.fork is None or process.parent < 0:
            return _NOT_KNOWN
        parent, (stream, record) = self._layout.processes[process.parent], process.fork
        state = self._streams.get((parent.name, stream))
        record = self._own_record(process.parent, record, stream)
        if state is None or state.state is None:
            goes_on = parent.fork is not None and parent.fork[0] == stream
            if record <= 0:
                return self._start(process.parent) if goes_on else None
        elif state.seq + 1 == record:
            return state.state
        elif state.seq >= record:
            return _NOT_KNOWN
        return _NOT_KNOWN if self._upto is None or self._last else _NOT_YET

    def _own_record(self, index: int, record: int, stream: int) -> int:
        """A forked process goes on counting the records of its stream: how many are its own."""
        fork = self._layout.processes[index].fork
        return record - fork[1] if fork is not None and fork[0] == stream and record >= fork[1] else record

    def _stream(self, index: int, process: Process, stream: int, files: dict[int, Path]) -> None:
        decoder, place = self._decoder, (process.name, stream)
        state = self._streams[place]
        end = None if self._upto is None else self._upto.get(place, 0)
        segments = [s for s in sorted(files) if s >= state.segment and (end is None or s < end)]
        forks = self._waiting(index, stream, state)
        # The segment behind them is read as far as others need it: up to where a child was forked.
        beyond = (segments or [state.segment - 1])[-1] + 1
        if end is None or not forks or beyond not in files:
            beyond = -1
        if not segments and beyond < 0 and (state.state is not None or self._upto is not None):
            return
        start: object = state.state
        if start is None and process.fork is not None and process.fork[0] == stream:
            start = self._start(index)
            if start is _NOT_YET:
                return
            self._forks.pop(process.name, None)
        if state.state is None and start is not _NOT_KNOWN:
            self._pass_on(index, stream, start)
        known = start if isinstance(start, bytes) else None
        decoder.stream(index, process.ids, state.number, state.seq, state.now, state.first, known)
        if start is _NOT_KNOWN:
            decoder.lose()
            if not self._growing:
                self._warn(f"segments/{process.name} goes on from events that are missing")
        for segment in segments:
            if segment != state.segment:
                self._warn(f"{_relative(files[segment])}: segments before it are missing")
                decoder.lose()
                state.offset = 0
            state.segment = segment
            goes_on, _ = self._segment(index, stream, segment, state.offset, forks, False)
            state.segment, state.offset = segment + 1, 0
            if not goes_on:
                break
        if beyond >= 0 and forks:
            _, taken = self._segment(index, stream, beyond, state.offset, forks, True)
            state.offset += taken * RECORD
        state.seq, state.now, state.first, state.state = decoder.seq, decoder.now, decoder.first, decoder.state()

    def _pass_on(self, index: int, stream: int, start: Any) -> None:
        """A stream that forked children before its first record gives them what it goes on from itself."""
        for record, name in self._forked(index, stream):
            if record <= 0:
                self._forks[name] = start

    def _waiting(self, index: int, stream: int, state: StreamState) -> list[tuple[int, str]]:
        """After how many records the stream forked children that have not begun, and their names; also where the main
        script's module begins, which other threads' activations lie in."""
        waiting = [(record, name) for record, name in self._forked(index, stream) if record > state.seq + 1]
        if index == 0 and stream == 0 and self._decoder.main < 0:
            waiting += [(record, _MAIN) for record in range(max(1, state.seq + 2), _MAIN_BY)]
        return sorted(waiting)

    def _forked(self, index: int, stream: int) -> list[tuple[int, str]]:
        """After how many records a process's stream forked children that have not begun, and their names."""
        return [
            (self._own_record(index, child.fork[1], stream), child.name)
            for child in self._layout.processes
            if child.parent == index and child.fork is not None and child.fork[0] == stream and not child.apart
            if not self._has_begun(child.name, stream)
        ]

    def _has_begun(self, name: str, stream: int) -> bool:
        state = self._streams.get((name, stream))
        return state is not None and state.state is not None

    def _segment(
        self, index: int, stream: int, segment: int, offset: int, forks: list[tuple[int, str]], to_forks: bool
    ) -> tuple[bool, int]:
        """Feed one segment from an offset on, or only up to the last of the forks. Returns whether the stream can go
        on, and how many records were taken."""
        decoder, process = self._decoder, self._layout.processes[index]
        path, tail = process.streams[stream][segment], process.tail(stream, "events", segment)
        if path not in self._open:
            self._open_file(path, tail)
        file = self._open.pop(path, None)
        if file is None:
            decoder.lose()
            return True, 0
        begin, closed = decoder.seq, False
        last = segment == max(process.streams[stream])
        end = process.ends.get(stream) if last else None
        with file:
            size = os.fstat(file.fileno()).st_size
            if process.another_boot:
                data = file.read()
                end = size = intact(data)
                closed = data[size - RECORD : size] == CLOSED
            goes_on = self._feed(index, path, records(file.fileno(), offset, end, tail), forks, to_forks)
        taken = decoder.seq - begin
        if goes_on and not to_forks and not last:
            whole = segment_size(segment) if process.another_boot and not closed else size // RECORD * RECORD
            if offset + taken * RECORD < whole:
                self._warn(f"{_relative(path)}: its end is missing")
                decoder.lose()
        return goes_on, taken

    def _feed(
        self, index: int, path: Path, chunks: Iterable[bytes], forks: list[tuple[int, str]], to_forks: bool
    ) -> bool:
        """Feed a segment's records. Returns whether the stream can go on."""
        decoder = self._decoder
        for chunk in chunks:
            rest = memoryview(chunk)
            while len(rest) >= RECORD and (forks or not to_forks):
                ahead = forks[0][0] - decoder.seq - 1 if forks else len(rest) // RECORD
                part = rest[: ahead * RECORD]
                was_broken = decoder.broken
                taken = decoder.feed(part)
                while forks and forks[0][0] == decoder.seq + 1:
                    self._reached(index, forks.pop(0)[1])
                if decoder.main >= 0:
                    forks[:] = [fork for fork in forks if fork[1] != _MAIN]
                if decoder.broken and not was_broken:
                    if self._growing:
                        return False
                    self._warn(f"{_relative(path)}: record {decoder.seq} of the stream makes no sense")
                rest = rest[taken * RECORD :]
                if taken < len(part) // RECORD:
                    if not any(rest[:4]):  # a head of 0: the end of what was written
                        return True
                    if decoder.records == self._limit:
                        self.complete = False
                        return False
        return True

    def _reached(self, index: int, child: str) -> None:
        """A process's stream is where it forked a child."""
        if child != _MAIN:
            self._forks[child] = self._decoder.state()
            self._forking.add(index)

    def _warn(self, warning: str) -> None:
        self.warnings.append(warning)
        self.damaged = True


def _relative(path: Path) -> str:
    """A path inside `segments/` as it stands there."""
    parts = path.parts
    return "/".join(parts[len(parts) - parts[::-1].index("segments") - 1 :])
