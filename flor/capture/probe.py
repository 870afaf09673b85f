"""The recorder in Python: the same functions as `_probe.c`, the same bytes, slower. Taken where `_probe` was not built.

See `_probe.c` for how an event's activation is known. Frames are compared by `id()` together with their code; none is
kept.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import mmap
import os
import struct
import sys
import threading
import time
import types
import weakref
from collections import deque
from collections.abc import Callable
from opcode import opmap
from typing import Any

from flor.capture import ops
from flor.capture.ops import ASYNC, CREATES, DERIVED, GUARDED, HOLDS, IS_FALSE, IS_TRUE, ON_FALSE, ON_TRUE
from flor.capture.thinning import COARSE, NO_DESCRIPTOR, Place, Thinning
from flor.home import create_private
from flor.trace import format as f

_ALLOWANCE_NS = 25_000_000
_FIRST = 4  # so many slow values of each probe are looked at whatever the time
_ALL = 1000  # a share of all the time: there is no limit
_MAX_STR = 65536
#: The modules that fork for multiprocessing, and for what goes its ways.
_MULTIPROCESSING = ("multiprocessing.popen_fork", "multiprocess.popen_fork", "billiard.popen_fork")
_MIN_SECRET = 4
_MAX_SECRETS = 64
_MAX_LEAVES = 256
_LEAF_NS = 10
_UNTOLD = 2**64 - 1
_INT = struct.Struct("<Q")
_DOUBLE = struct.Struct("<d")
_HEAD = struct.Struct("<I")
_SMALL = range(-(2**63), 2**63)

_Address = tuple[int, int, int]  # a record's stream, segment, and offset there
Keep = Callable[[object, bool], "tuple[int, bytes | int | float] | tuple[int, bytes, Callable[[_Address], None]]"]


#: Where the stack is about to end a probe has to fail before it has begun. (So many activations are deep; so many
#: calls are in a probe.)
_DEEP, _LEVELS = 50, 16


def _room(levels: int) -> None:
    """Raises RecursionError if so many calls have no room."""
    if levels:
        _room(levels - 1)


class _File:
    """A stream's events or heap: the tail is mapped and written, and when it is full, appended to the segment."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self.map: mmap.mmap | None = None
        self.next = 0  # in the tail
        self.offset = 0  # where the tail belongs in the segment
        self.segment = 0

    def open(self, stream: int) -> None:
        self.path = f"{_r.directory}/{stream}.tail.{self.suffix}"
        fd = create_private(self.path, os.O_RDWR | os.O_EXCL)
        try:
            _write_all(fd, bytes(f.TAIL + f.CHUNK), 0)
            self.map = mmap.mmap(fd, f.TAIL + f.CHUNK, **NO_DESCRIPTOR)
        except OSError:
            os.unlink(self.path)
            raise
        finally:
            os.close(fd)

    def place_tail(self) -> None:
        assert self.map is not None
        self.map[:8] = _INT.pack(self.segment << f.HEAP_SHIFT | self.offset)

    def put(self, data: bytes) -> None:
        """Into the tail, which has room for it."""
        assert self.map is not None
        at = f.TAIL + self.next
        self.map[at : at + len(data)] = data
        self.next += len(data)

    def append(self, data: bytes, stream: int) -> None:
        path = f"{_r.directory}/{stream}.{self.segment}.{self.suffix}"
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC) if self.offset else create_private(path, os.O_WRONLY)
        try:
            _write_all(fd, data, self.offset)
        finally:
            os.close(fd)
        self.offset += len(data)
        _r.thinning.sealed += len(data)

    def flush(self, stream: _Stream) -> None:
        """Append the tail to the segment and empty it, in an order in which no moment loses a byte to a reader."""
        if _r.thinning.sealed >= _r.thinning.next_look and _r.active:
            stream.limit()
        if self.next:
            assert self.map is not None
            self.append(self.map[f.TAIL : f.TAIL + self.next], stream.number)
            self.map[f.TAIL : f.TAIL + self.next] = bytes(self.next)
            self.next = 0
            self.place_tail()

    def amend(self, stream: int, segment: int, offset: int, kind: int, payload: bytes) -> None:
        """Put a number into the place of a gap: the payload first, then the head."""
        at = f.TAIL + offset - self.offset
        if self.map is not None and self.segment == segment and f.TAIL <= at < f.TAIL + self.next:
            head = _amended(self.map[at : at + 4], kind)
            if head is not None:
                self.map[at + 4 : at + 12] = payload
                self.map[at : at + 4] = head
            return
        try:
            fd = os.open(f"{_r.directory}/{stream}.{segment}.{self.suffix}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # it is packed already: the gap stays
            return
        try:
            head = _amended(os.pread(fd, 4, offset), kind)
            if head is not None:
                _write_all(fd, payload, offset + 4)
                _write_all(fd, head, offset)
        finally:
            os.close(fd)

    def next_segment(self) -> None:
        self.segment += 1
        self.offset = 0
        self.place_tail()

    def end(self, stream: _Stream) -> None:
        if self.map is not None:
            with contextlib.suppress(OSError):  # else the tail stays, and has it all
                self.flush(stream)
                os.unlink(self.path)
            self.map.close()
            self.map = None


def _amended(head: bytes, kind: int) -> bytes | None:
    """A gap's head as that of a number; None if it is no gap's."""
    old = int.from_bytes(head, "little")
    if old >> f.KIND_SHIFT & f.KIND_MASK != f.GAP:
        return None
    return _HEAD.pack(old & ~(f.KIND_MASK << f.KIND_SHIFT) | kind << f.KIND_SHIFT)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


class _Entry:
    """One activation on a stream's stack. Blocks `skip` to before `skip_end` are not recorded now (0: all are); of a
    silent one nothing is, nor that it is there. `bare`: its loop's body runs without probes of derived loads. `untold`:
    it goes on, and no record has told that yet; nor that `left_out` instances of the block `left_out_of` were not
    recorded here."""

    __slots__ = (
        *("bare", "block", "code", "frame", "guarded", "left_out", "left_out_of", "mark", "number"),
        *("pos", "silent", "skip", "skip_end", "untold"),
    )

    def __init__(self, block: int, pos: int, mark: int, number: int, guarded: bool, frame: int, code: Any) -> None:
        self.block, self.pos, self.mark, self.number = block, pos, mark, number
        self.guarded, self.frame, self.code = guarded, frame, code
        self.silent = self.bare = self.untold = False
        self.skip = self.skip_end = self.left_out = self.left_out_of = 0

    def silence(self) -> None:
        self.silent = True
        self.skip, self.skip_end = 0, 1 << 32

    def skips(self, block: int) -> bool:
        return self.skip <= block < self.skip_end

    def skip_no_more(self) -> None:
        self.skip = self.skip_end = 0


class _Stream:
    def __init__(self, number: int) -> None:
        self.number = number
        self.events = _File("events")
        self.heap = _File("heap")
        self.heap_segment = 0  # where the heap was when the segment of events began
        self.stack: list[_Entry] = []
        self.bottom = _Entry(0, 0, 0, -1, True, 0, None)  # no activation: what is owed where there is none
        self.pending = 0
        self.owed = False  # something of activations that no record has told yet
        self.from_others: deque[tuple[int, int, int]] = deque()  # the same of suspended ones, found by other threads
        self.activations = 0
        self.sealed = 0
        self.last_time = -1
        self.busy = False
        self.meant = False  # what is being raised is meant for the program
        self.dead = False
        self.gaps: dict[str, int] = {}  # by the type's name: types come and go

    def record(self, probe: Probe, values: tuple[Any, ...]) -> None:
        """Do what a probe does. The program's signal handlers and finalizers can run anywhere in it: they are not
        recorded then."""
        if len(self.stack) > _DEEP:
            _room(_LEVELS)  # raises in both probes of an activation, where it begins and where it is left, or in none
        self.busy = True
        try:
            probe.run(probe, self, values)
        except BaseException:
            if not self.meant:  # it was broken off anywhere: what would follow could not be placed
                self.fail(OSError(errno.EINTR, ""))
            self.meant = False
            raise
        finally:
            self.busy = False

    @property
    def records(self) -> int:
        return self.sealed + self.events.next // f.RECORD

    def put(self, head: int, payload: int) -> None:
        if self.dead:
            _r.lost += 1
            return
        try:
            if self.events.map is None:
                self.open(self.events)
            elif self.events.next == f.CHUNK:
                self.more_events()
        except OSError as error:
            self.fail(error)
            return
        at, data = f.TAIL + self.events.next, self.events.map
        assert data is not None
        data[at + 4 : at + 12] = _INT.pack(payload & 0xFFFF_FFFF_FFFF_FFFF)
        data[at : at + 4] = _HEAD.pack(head)
        self.events.next += f.RECORD

    def more_events(self) -> None:
        file = self.events
        file.flush(self)
        self.sealed += f.CHUNK // f.RECORD
        full = file.offset >= f.segment_size(file.segment)
        if not full and self.heap_segment != self.heap.segment:  # it ends early: much that waits may be in the heap
            file.append(f.CLOSED, self.number)
            self.sealed += 1
            full = True
        if full:
            file.next_segment()
            self.heap_segment = self.heap.segment

    def open(self, file: _File) -> None:
        directory()
        file.open(self.number)

    def fail(self, error: OSError) -> None:
        self.dead = True
        _r.lost += 1
        _r.error = _r.error or error.errno or 0

    def limit(self) -> None:
        """Look at what is used. Raises OSError if nothing is left."""
        tail = self.events.map[f.TAIL : f.TAIL + self.events.next] if self.events.map else b""
        _r.thinning.limit(tail, sum(s.events.next + s.heap.next for s in _r.streams))

    def note_skipped(self, block: int) -> None:
        entry = self.stack[-1] if self.stack else self.bottom
        if entry.left_out and entry.left_out_of != block:
            self.tell_all()
        entry.left_out_of = block
        entry.left_out += 1
        self.owed = True

    def begins(self, place: Place) -> None:
        """An activation of `place` begins."""
        place.around = self.stack[-1].pos if self.stack else 0

    def tell_first(self) -> int:
        """Before a record: what has to be told first. Returns what goes into the record's head."""
        leave = self.pending << f.LEAVE_SHIFT
        if self.pending > f.MAX_LEAVE:
            self.put(f.LEAVE << f.KIND_SHIFT, self.pending)
            leave = 0
        self.pending = 0
        if self.owed:
            for entry in (self.bottom, *self.stack):
                if entry.untold:
                    self.put(leave | f.RESUME << f.KIND_SHIFT, entry.number)
                    leave = 0
                if entry.left_out:
                    self.put(leave | f.SKIP << f.KIND_SHIFT | entry.left_out_of, entry.left_out)
                    leave = 0
                entry.untold, entry.left_out = False, 0
            self.owed = False
        if self.from_others:
            if leave:
                self.put(f.LEAVE << f.KIND_SHIFT, leave >> f.LEAVE_SHIFT)
            while self.from_others:
                self.tell_suspended(*self.from_others.popleft())
            return 0
        return leave

    def tell_suspended(self, number: int, block: int, count: int) -> None:
        """So many instances of a block were not recorded in an activation that is not on the stack."""
        self.put(f.RESUME << f.KIND_SHIFT, number)
        self.put(f.SKIP << f.KIND_SHIFT | block, count)
        self.put(f.LEAVE << f.KIND_SHIFT, 1)

    def tell_all(self) -> None:
        """The same where no record follows."""
        left = self.tell_first() >> f.LEAVE_SHIFT
        if left:
            self.put(f.LEAVE << f.KIND_SHIFT, left)

    def emit(self, head: int, payload: int) -> None:
        if self.pending or self.owed or self.from_others:
            head |= self.tell_first()
        self.put(head, payload)

    def keep(self, place: Place | None, data: bytes) -> int | None:
        """Put `data`, of a value of this block, into the heap. None where nothing can be written."""
        if self.dead:
            _r.lost += 1
            return None
        data = _HEAD.pack(len(data) + 1) + data  # of what was never written it is 0
        file = self.heap
        try:
            if file.map is None:
                self.open(file)
            if file.next + len(data) > f.CHUNK:
                file.flush(self)
                if file.offset >= f.segment_size(file.segment):
                    file.next_segment()
            _r.thinning.weigh(place, len(data))
            ref = file.segment << f.HEAP_SHIFT | file.offset + file.next
            if len(data) > f.CHUNK:
                file.append(data, self.number)
                file.place_tail()
            else:
                file.put(data)
            return ref
        except OSError as error:
            self.fail(error)
            return None

    def pop(self) -> None:
        entry = self.stack[-1]
        if not entry.untold and entry.left_out:
            self.tell_all()
        if not entry.guarded:
            frame = _r.frames.get(entry.frame)
            if frame and not frame.token and frame.stream is self and frame.number == entry.number:
                frame.pos, frame.mark, frame.skip, frame.skip_end = entry.pos, entry.mark, entry.skip, entry.skip_end
                frame.left_out, frame.left_out_of = entry.left_out, entry.left_out_of
        self.stack.pop()
        self.pending += not entry.silent and not entry.untold

    def prune(self) -> None:
        while self.stack and not self.stack[-1].guarded and not _alive(self.stack[-1]):
            self.pop()

    def forget(self, frame: int) -> None:
        """An activation begins in this frame: those that are taken for being in it are not running any more."""
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i].guarded:
                return
            if self.stack[i].frame == frame:
                while len(self.stack) > i:
                    self.pop()

    def tell_position(self) -> None:
        if self.stack:
            entry = self.stack[-1]
            if entry.mark and entry.mark != entry.pos:
                self.emit(f.BLOCK << f.KIND_SHIFT | entry.mark, 0)
                entry.pos = entry.mark
            entry.mark = 0

    def tell_time(self) -> None:
        now = time.clock_gettime_ns(COARSE)
        if now != self.last_time:
            self.last_time = now
            self.put(f.TIME << f.KIND_SHIFT, max(now - _r.origin, 0))


class _Frame:
    """A generator's or coroutine's frame: created (`token`, `made`), or begun (`stream`, `number`)."""

    __slots__ = (
        *("block", "code", "left_out", "left_out_of", "made", "mark", "number", "pos"),
        *("silent", "skip", "skip_end", "stream", "token"),
    )

    def __init__(
        self, code: Any, token: int, stream: _Stream | None, number: int, block: int, made: Any = None
    ) -> None:
        self.code, self.token, self.stream, self.number, self.made = code, token, stream, number, made
        self.block = self.pos = block
        self.mark = self.skip = self.skip_end = self.left_out = self.left_out_of = 0
        self.silent = False

    def tell(self, own: _Stream | None) -> None:
        """It is not known any more, or nobody knows whether it will go on: tell what it owes. `own` is the calling
        thread's stream; in another one its thread tells it when it comes to that."""
        if self.token or not self.left_out or self.stream is None:
            return
        owed, self.left_out = (self.number, self.left_out_of, self.left_out), 0
        if self.stream is own:
            own.tell_all()
            own.tell_suspended(*owed)
        else:
            self.stream.from_others.append(owed)


class _Recorder:
    active = False
    directory: str | None = None
    origin = 0
    spent = 0
    share = 0
    over = False
    asked = 0
    keep: Keep
    open_process: Callable[[int, int, bool], str]
    secrets: list[str]
    streams: list[_Stream]
    free: list[_Stream]
    frames: dict[int, _Frame]
    numbers: itertools.count[int]  # of streams and of tokens: threads take them at the same time
    tokens: itertools.count[int]
    unplaced = 0
    lost = 0
    error = 0
    fork_stream = -1
    fork_record = 0
    fork_apart = False  # multiprocessing forked: what the child does is not the parent's going on
    epoch = 0
    first_id = 0  # ids below it are those of runs before
    next_id = 0
    local: threading.local
    thinning: Thinning
    steady: set[int]  # sites that a CHOOSE asks about, and that had no value that may change
    float64: type | None = None
    traced = False


_r = _Recorder()


def _over_budget() -> bool:
    """Have slow values taken their share of the run's time? While they have, the clock is asked now and then only."""
    if _r.share >= _ALL or _r.spent <= _ALLOWANCE_NS:
        return False
    if _r.over:
        _r.asked += 1
        if _r.asked & 15:
            return True
    now = time.clock_gettime_ns(COARSE) - _r.origin
    _r.over = _r.spent > _ALLOWANCE_NS + now // _ALL * _r.share
    return _r.over


class _Hold:
    """Gives a stream back when its thread has ended."""

    def __init__(self, stream: _Stream) -> None:
        self.stream = stream

    def __del__(self) -> None:
        if _r is not None and _r.active and self.stream in _r.streams:  # at the interpreter's very end it is gone
            _r.free.append(self.stream)


def _stream() -> _Stream | None:
    if not _r.active:
        return None
    hold: _Hold | None = getattr(_r.local, "hold", None)
    if hold is None:
        try:
            stream = _r.free.pop()
        except IndexError:
            stream = _Stream(next(_r.numbers))
            _r.streams.append(stream)
        else:
            if stream.owed:
                stream.tell_all()
            stream.stack.clear()
            stream.pending = 0
            stream.emit(f.THREAD << f.KIND_SHIFT, threading.get_native_id())
        _r.local.hold = hold = _Hold(stream)
    return None if hold.stream.busy else hold.stream


# The frames of this module that lie between a probe's caller and `sys._getframe` are left out by their file.
def _caller(depth: int) -> types.FrameType | None:
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    while frame is not None and depth > 0:
        frame, depth = frame.f_back, depth - 1
    return frame


def _alive(entry: _Entry) -> bool:
    frame = _caller(0)
    while frame is not None:
        if id(frame) == entry.frame and frame.f_code is entry.code:
            return True
        frame = frame.f_back
    return False


class Probe:
    """One probe: subscripted or called as flor.capture.ops's operations say. Records nothing once recording has
    stopped."""

    __name__ = "probe"  # tools that are told of calls (sys.monitoring) ask a callable for it
    __slots__ = (
        *(
            "begun",
            "bindings",
            "block",
            "depth",
            "flags",
            "function",
            "holds",
            "home",
            "last",
            "last_epoch",
            "looked",
            "of",
            "op",
            "outcomes",
            "place",
        ),
        *("redact", "run", "site", "values"),
    )

    def __init__(self, spec: tuple[int, ...], base: int, places: list[Place]) -> None:
        self.op, function, block, site, self.values, self.depth, self.flags, self.redact, self.of = spec
        self.function = base + function
        self.block = base + block
        self.site = base + len(places) + site
        self.home, self.place = places[function], places[block]
        self.last: tuple[object, _Stream, int, int] | None = None
        self.last_epoch = 0
        self.run = _RUN[self.op]
        self.bindings: list[int] = []
        self.outcomes: list[Probe] = []
        self.begun = self.holds = False
        self.looked = 0
        for i in range(self.values):
            _r.thinning.places[self.site + i] = self.place

    def __getitem__(self, value: Any) -> Any:
        if self.op == ops.ITERABLE:
            return _steps_of(self, value)
        return self.test(value) if self.op == ops.TEST else self(value)

    def __invert__(self) -> Any:
        return self()

    def __call__(self, *values: Any) -> Any:
        stream = _stream()
        if stream is not None:
            stream.record(self, values)
        return self.choose() if self.op in _CHOOSING and self.of else _result(self.op, values)

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return unrecorded, (self.op,)

    def choose(self) -> bool:
        """In the first iteration all loads are probed: then it is known what its bindings have. Those of what may
        change are for as long as there is time to look at them."""
        stream = _stream()
        if stream is None or not stream.stack:
            return False
        entry = stream.stack[-1]
        if not entry.guarded or entry.block != self.function or entry.skip_end:
            return False
        probed = not self.begun or _r.traced or not _r.steady.issuperset(self.bindings)
        probed = probed or (self.holds and not _over_budget())
        self.begun = True
        entry.bare = not probed
        return probed

    def test(self, value: Any) -> Any:
        """The truth of `value`, which is asked for here and nowhere else, and what it tells."""
        if self.values:
            self(value)
        truth = bool(value)
        for outcome in self.outcomes:
            if outcome.flags & (ON_TRUE if truth else ON_FALSE):
                known = outcome.flags & (IS_TRUE | IS_FALSE)
                outcome(known == IS_TRUE if known else value)
        return truth

    # What stands above the values: which activation is it?

    def settle(self, s: _Stream) -> bool:
        if self.flags & GUARDED:
            while s.stack and not s.stack[-1].guarded:
                s.pop()
            for i in range(len(s.stack) - 1, -1, -1):
                if s.stack[i].guarded and s.stack[i].block == self.function:
                    while len(s.stack) > i + 1:
                        s.pop()
                    return True
            return False
        frame = _caller(self.depth)
        if frame is None:
            return False
        while s.stack:
            entry = s.stack[-1]
            if entry.frame == id(frame) and entry.block == self.function:
                return True
            if entry.guarded or _alive(entry):
                break
            s.pop()
        known = _r.frames.get(id(frame))
        if known is None or known.token or known.block != self.function or known.code is not frame.f_code:
            return False
        untold = not known.silent and known.stream is s
        if known.silent:
            known.stream = s
        elif known.stream is not s:
            known.tell(s)
            s.emit(f.PARENT << f.KIND_SHIFT, 0)
            s.emit(f.BLOCK << f.KIND_SHIFT | f.OPEN | known.block, 0)
            known.stream, known.number, known.pos, known.mark = s, s.activations, known.block, 0
            s.activations += 1
        entry = _Entry(known.block, known.pos, known.mark, known.number, False, id(frame), known.code)
        entry.skip, entry.skip_end = known.skip, known.skip_end
        entry.left_out, entry.left_out_of, entry.untold = known.left_out, known.left_out_of, untold
        known.left_out = 0
        s.owed |= untold
        if known.silent:
            entry.silence()
        s.stack.append(entry)
        return True

    def settled(self, s: _Stream) -> bool:
        if not self.settle(s):
            _r.unplaced += 1
            return False
        entry = s.stack[-1]
        if entry.skips(self.block):
            return False
        entry.skip_no_more()
        return True

    def next_instance(self, s: _Stream) -> bool:
        """As `settled` for the next instance of a loop, unless it is skipped."""
        if not self.settle(s):
            _r.unplaced += 1
            return False
        entry = s.stack[-1]
        if entry.silent or (entry.skips(self.block) and self.block != entry.skip):
            return False
        entry.skip_no_more()
        if self.place.is_thinned():
            s.note_skipped(self.block)
            entry.skip, entry.skip_end = self.block, self.place.end
            return False
        return True

    def begins_silently(self, s: _Stream, place: Place) -> bool:
        """Is the activation of `place` that begins now not recorded?"""
        if s.stack and s.stack[-1].skip_end:
            return True
        if not place.is_thinned():
            return False
        s.note_skipped(place.id)
        return True

    def at(self, s: _Stream) -> None:
        s.stack[-1].pos = self.block
        s.stack[-1].mark = 0

    def begin_frame(self, s: _Stream) -> bool:
        frame = _caller(self.depth)
        if frame is None or self.function < _r.first_id:
            return False
        _look_for_tracer()
        s.forget(id(frame))
        s.prune()
        s.tell_position()
        known = _r.frames.get(id(frame))
        if known is not None:
            known.tell(s)
        token = known.token if known is not None and known.code is frame.f_code else 0
        silent = token == _UNTOLD if token else self.begins_silently(s, self.home)
        number = -1
        if not silent:
            s.begins(self.home)
            s.tell_time()
            if token:
                s.emit(f.PARENT << f.KIND_SHIFT, token)
            number, s.activations = s.activations, s.activations + 1
        entry = _Entry(self.function, self.function, 0, number, False, id(frame), frame.f_code)
        if silent:
            entry.silence()
        s.stack.append(entry)
        _r.frames[id(frame)] = _Frame(frame.f_code, 0, s, number, self.function)
        _r.frames[id(frame)].silent = silent
        return not silent

    # Values.

    def record(self, s: _Stream, head: int, v: Any, redact: bool) -> None:
        kind = type(v)
        if kind is float:
            s.emit(head | f.FLOAT << f.KIND_SHIFT, _INT.unpack(_DOUBLE.pack(v))[0])
        elif kind is int and v in _SMALL:
            s.emit(head | f.INT << f.KIND_SHIFT, v)
        elif v is None:
            s.emit(head | f.NONE << f.KIND_SHIFT, 0)
        elif kind is bool:
            s.emit(head | f.BOOL << f.KIND_SHIFT, int(v))
        elif kind is not str or not self.text(s, head, v, redact):
            self.slow(s, head, v, redact)

    def text(self, s: _Stream, head: int, v: str, redact: bool) -> bool:
        known = any(secret in v for secret in _r.secrets)
        if redact or known:
            if not known and len(v) >= _MIN_SECRET and len(_r.secrets) < _MAX_SECRETS:
                _r.secrets.append(v)
            s.emit(head | f.REDACTED << f.KIND_SHIFT, 0)
            return True
        if self.again(s, head, v):
            return True
        if len(v) > _MAX_STR // 4:
            return False
        try:
            data = v.encode()
        except UnicodeEncodeError:
            return False
        if len(data) <= 7:
            payload = bytes([len(data)]) + data.ljust(7, b"\0")
            s.emit(head | f.SHORT_STR << f.KIND_SHIFT, _INT.unpack(payload)[0])
            return True
        ref = s.keep(self.place, data)
        if ref is not None:
            self.remember(s, v if len(data) <= 256 else None, f.STR, ref)
            s.emit(head | f.STR << f.KIND_SHIFT, ref)
        return True

    def again(self, s: _Stream, head: int, v: object) -> bool:
        last = self.last
        seen = last[0]() if last is not None and type(last[0]) is weakref.ref else last and last[0]
        if last is None or seen is not v or last[1] is not s or self.last_epoch != _r.epoch:
            return False
        if type(v) is bytes:  # of bytes there is one object, whoever made it
            return False
        s.emit(head | last[2] << f.KIND_SHIFT, last[3])
        return True

    def wrote_last(self, s: _Stream, kind: int, data: bytes) -> int | None:
        """Where these bytes lie, if they are those that this probe wrote last: of a value that has not changed."""
        last = self.last
        if last is None or last[1] is not s or last[2] != kind or self.last_epoch != _r.epoch:
            return None
        return last[3] if type(last[0]) is bytes and last[0] == data else None

    def to_remember(self, v: object, kind: int, data: bytes) -> object:
        """What stands for `v`, of which these bytes were kept; the program's own bytes do not."""
        stands = _without_keeping(v)
        if stands is None and data is not v and kind != f.GAP and len(data) <= f.MAX_REUSED:
            return data
        return stands

    def remember(self, s: _Stream, v: object, kind: int, ref: int) -> None:
        self.last = None if v is None else (v, s, kind, ref)
        self.last_epoch = _r.epoch

    def slow(self, s: _Stream, head: int, v: Any, redact: bool) -> None:
        if self.again(s, head, v):
            return
        if type(v) is not int and self.is_new_change(s, head, v):
            return
        if issubclass(type(v), float):
            s.emit(head | f.FLOAT << f.KIND_SHIFT, _INT.unpack(_DOUBLE.pack(float.__pos__(v)))[0])
            return
        if self.looked < _FIRST:
            self.looked += 1
        elif _over_budget():
            self.gap(s, head, type(v))
            return
        if (type(v) is list or type(v) is tuple) and self.few_numbers(s, head, v):
            return
        begin = time.monotonic_ns()
        try:
            kind, what, *told = _r.keep(v, redact)
        except (RecursionError, MemoryError):
            self.gap(s, head, type(v))
            return
        except BaseException:
            s.meant = True
            raise
        finally:
            _r.spent += (time.monotonic_ns() - begin) * 3 // 2  # what it costs the program, caches included
        if isinstance(what, bytes):
            ref = self.wrote_last(s, kind, what)
            if ref is None:
                ref = s.keep(self.place, what)
                if ref is not None:
                    self.remember(s, self.to_remember(v, kind, what), kind, ref)
            if ref is not None:
                s.emit(head | kind << f.KIND_SHIFT, ref)
                if told and not s.dead:
                    s.meant = True  # what a signal's handler raises there
                    told[0]((s.number, s.events.segment, s.events.offset + s.events.next - f.RECORD))
                    s.meant = False
        elif isinstance(what, float):
            s.emit(head | kind << f.KIND_SHIFT, _INT.unpack(_DOUBLE.pack(what))[0])
        else:
            s.emit(head | kind << f.KIND_SHIFT, what)

    def is_new_change(self, s: _Stream, head: int, v: object) -> bool:
        """Note that the site has a value that is no constant number or text. Where the loads that are derived from it
        run without probes just now, nobody looks whether it changes before them. A reader knows that of a container;
        anything else may be kept as a number (an array of one element): then it is a gap, this once."""
        site = head & f.ID_MASK
        kind = type(v)
        if type(kind) is type and issubclass(kind, float) and (kind.__module__, kind.__name__) == ("numpy", "float64"):
            _r.float64 = kind
        if site not in _r.steady or kind is str or kind is _r.float64:
            return False
        _r.steady.discard(site)
        if not s.stack[-1].bare or kind in (list, tuple, dict, set, frozenset):
            return False
        self.gap(s, head, kind)
        return True

    def few_numbers(self, s: _Stream, head: int, v: list[Any] | tuple[Any, ...]) -> bool:
        """Record a list or tuple of few numbers, or return False."""
        tree = bytearray()
        leaves = _write_tree(tree, v, _MAX_LEAVES, 0)
        if leaves < 0:
            return False
        _r.spent += (_MAX_LEAVES - leaves + 4) * _LEAF_NS
        ref = s.keep(self.place, bytes(tree))
        if ref is not None:
            s.emit(head | f.TREE << f.KIND_SHIFT, ref)
        return True

    def gap(self, s: _Stream, head: int, kind: type) -> None:
        name = "".join(c for c in _c_name(kind) if c >= " " and c not in '"\\')[:199]
        ref = s.gaps.get(name)
        if ref is None:
            ref = s.keep(None, f'{{"why": "time budget", "type": "{name}"}}'.encode())
            if ref is None:
                return
            s.gaps[name] = ref
        s.emit(head | f.GAP << f.KIND_SHIFT, ref)

    def record_all(self, s: _Stream, values: tuple[Any, ...], opens: int) -> None:
        if not values and opens:
            s.emit(f.BLOCK << f.KIND_SHIFT | opens | self.block, 0)
        for i, v in enumerate(values):
            redact = i < 63 and bool(self.redact >> i & 1)
            try:
                self.record(s, (self.site + i) | (0 if i else opens), v, redact)
            except BaseException:
                if opens and i == 0:
                    s.emit(f.BLOCK << f.KIND_SHIFT | opens | self.block, 0)
                raise

    def created(self, s: _Stream, v: object, told: bool) -> None:
        """`told`: it is recorded where `v` was created."""
        if type(v) is types.GeneratorType:
            begun, frame = v.gi_running or v.gi_suspended, v.gi_frame
        elif type(v) is types.CoroutineType:
            begun, frame = v.cr_running or v.cr_suspended, v.cr_frame
        elif type(v) is types.AsyncGeneratorType:
            frame = v.ag_frame
            begun = v.ag_running or (v.ag_suspended if hasattr(v, "ag_suspended") else _has_begun(frame))
        else:
            return
        if begun or frame is None:
            return
        known = _r.frames.get(id(frame))
        if known is not None and known.made is not None and known.made() is v:
            return  # it was passed on, not made here
        if known is not None:
            known.tell(s)
        token = next(_r.tokens) if told else _UNTOLD
        _r.frames[id(frame)] = _Frame(frame.f_code, token, None, 0, 0, weakref.ref(v))
        if told:
            s.emit(f.CREATE << f.KIND_SHIFT, token)


def _write_tree(tree: bytearray, v: Any, leaves: int, depth: int) -> int:
    """Append `v` as a TREE holds it. Returns how many leaves may still come, -1 if it is none."""
    kind = type(v)
    if len(tree) > 4096 - 9:
        return -1
    if kind is list or kind is tuple:
        if len(v) > leaves or depth == 8:
            return -1
        tree += (b"[" if kind is list else b"(") + len(v).to_bytes(2, "little")
        for item in v:
            leaves = _write_tree(tree, item, leaves, depth + 1)
            if leaves < 0:
                return -1
        return leaves
    if kind is float:
        tree += b"d" + _DOUBLE.pack(v)
    elif kind is int and v in _SMALL:
        tree += b"i" + v.to_bytes(8, "little", signed=True)
    elif v is None or kind is bool:
        tree += b"N" if v is None else b"T" if v else b"F"
    else:
        return -1
    return leaves - 1


def _has_begun(frame: types.FrameType | None) -> bool:
    """Has this asynchronous generator begun? 3.11 only tells by where it stands."""
    return frame is None or frame.f_lasti < 0 or frame.f_code.co_code[frame.f_lasti] != opmap["RETURN_GENERATOR"]


def _without_keeping(v: object) -> object | None:
    """What stands for `v` where it is remembered; None: it is not. No object lives longer for it."""
    if issubclass(type(v), type):
        return None if type.__dict__["__flags__"].__get__(v) & 1 << 9 else v
    plain = type(v) is types.ModuleType or type(v) is types.BuiltinFunctionType
    return weakref.ref(v) if plain else None


def _c_name(kind: type) -> str:
    """What C calls tp_name: qualified for static types, bare for classes."""
    heap_type = kind.__flags__ & 1 << 9
    return kind.__name__ if heap_type or kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _value(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    told = p.settled(s)
    if told:
        p.at(s)
        p.record(s, p.site, values[-1], bool(p.redact & 1))
    if p.flags & CREATES:
        _look_for_tracer()
        if told or (s.stack and s.stack[-1].skip_end):
            p.created(s, values[-1], told)


def _load(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    v, kind = values[-1], type(values[-1])
    if _r.traced:
        _value(p, s, values)
        return
    if v is None or kind is float or kind is int or kind is str or kind is bool or kind is _r.float64:
        return
    if not ((kind is list or kind is tuple) and _over_budget()):
        _value(p, s, values)


def _test(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    (_load if p.flags & DERIVED else _value)(p, s, values)


def _bind(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settled(s):
        p.at(s)
        p.record_all(s, values, 0)


def _iterate(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.next_instance(s):
        s.tell_time()
        p.at(s)
        p.record_all(s, values, f.OPEN)


def _iterate_generator(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    frame = _caller(p.depth)
    known = _r.frames.get(id(frame))
    begun = known is not None and frame is not None and known.code is frame.f_code and not known.token
    if not begun and p.begin_frame(s):
        s.emit(f.BLOCK << f.KIND_SHIFT | f.OPEN | p.function, 0)
    _iterate(p, s, values)


def _enter(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.block < _r.first_id:
        return
    _look_for_tracer()
    s.prune()
    s.tell_position()
    silent = p.begins_silently(s, p.place)
    entry = _Entry(p.block, p.block, 0, -1, True, 0, None)
    if silent:
        entry.silence()
        s.stack.append(entry)
        return
    s.begins(p.place)
    s.tell_time()
    entry.number, s.activations = s.activations, s.activations + 1
    s.stack.append(entry)
    p.record_all(s, values, f.OPEN)


def _enter_frame(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.begin_frame(s):
        p.record_all(s, values, f.OPEN)


def _leave(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settle(s):
        s.pop()


def _mark(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if not p.settle(s):
        return
    entry = s.stack[-1]
    if not entry.skips(p.block):
        entry.skip_no_more()
        entry.mark = p.block
        entry.bare = False


_RUN: dict[int, Callable[[Probe, _Stream, tuple[Any, ...]], None]] = {
    ops.VALUE: _value,
    ops.BIND: _bind,
    ops.ITERATE: _iterate,
    ops.ITERATE_GENERATOR: _iterate_generator,
    ops.ENTER: _enter,
    ops.ENTER_FRAME: _enter_frame,
    ops.LEAVE: _leave,
    ops.LEAVE_FRAME: _leave,
    ops.MARK: _mark,
    ops.LOAD: _load,
    ops.CHOOSE: lambda *_: None,
    ops.ITERABLE: _mark,
    ops.TEST: _test,
    ops.OUTCOME: _value,
}
_CHOOSING = (ops.CHOOSE, ops.ITERATE)

#: Types of what is iterated over without any code of the program's.
_PLAIN: tuple[type, ...] = (list, tuple, range, dict, set, frozenset, str, bytes)
_PLAIN += (type({}.keys()), type({}.values()), type({}.items()))


class _Steps:
    """For `map(next, ...)`: moves the position before each step. So no frame of this module is there when the program's
    own code runs."""

    def __init__(self, probe: Probe, iterator: Any) -> None:
        self.probe, self.iterator = probe, iterator

    def __iter__(self) -> _Steps:
        return self

    def __next__(self) -> Any:
        self.move()
        return self.iterator

    __aiter__ = __iter__

    def __anext__(self) -> Any:
        self.move()
        return self.iterator.__anext__()

    def move(self) -> None:
        stream = _stream()
        if stream is not None:
            _mark(self.probe, stream, ())


def _steps_of(probe: Probe, value: Any) -> Any:
    kind = type(value)
    if not probe.flags & ASYNC:
        plain = kind in _PLAIN or not (hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"))
        return value if plain else map(next, _Steps(probe, iter(value)))
    if kind is types.AsyncGeneratorType or not hasattr(kind, "__aiter__"):
        return value
    iterator = kind.__aiter__(value)
    return _Steps(probe, iterator) if hasattr(type(iterator), "__anext__") else value


def _result(op: int, values: tuple[Any, ...]) -> Any:
    if op in (ops.VALUE, ops.LOAD, ops.LEAVE_FRAME, ops.ITERABLE, ops.TEST):
        return values[-1]
    return True if op in (ops.ITERATE, ops.ITERATE_GENERATOR) else None


class unrecorded:  # noqa: N801
    """What a probe becomes in a process that does not record: it returns what a probe returns."""

    def __init__(self, op: int) -> None:
        self.op = op

    def __getitem__(self, value: Any) -> Any:
        return _result(self.op, (value,))

    def __invert__(self) -> Any:
        return _result(self.op, ())

    def __call__(self, *values: Any) -> Any:
        return _result(self.op, values)


# The recorder's functions: the same as _probe.c's.


def start(
    directory: str,
    origin: int,
    keep: Keep,
    secrets: list[str],
    open_process: Callable[[int, int, bool], str],
    pack: Callable[[], None],
    budget: int,
    backlog: int,
    share: float,
) -> None:
    """Record from now on into `directory`. `origin`: time.monotonic_ns() at the run's start.

    `secrets` collects the texts that are not to be recorded. `keep(value, redact)` returns (kind, bytes | int | float)
    for values that are no plain scalars; `open_process(stream, record, apart)` makes a forked child's folder, returns
    its path; `pack()` starts the process that packs the run beside it, unless there is one. `budget`, `backlog`: bytes
    that the run may take, and that may wait to be packed. `share`: part of the run's time that slow values may take.
    """
    _r.directory, _r.origin, _r.keep, _r.open_process = directory, origin, keep, open_process
    _r.secrets, _r.streams, _r.free, _r.frames = secrets, [], [], {}
    _r.thinning, _r.share = Thinning(origin, budget, backlog, pack), int(share * 1000)
    _r.steady = set()
    _r.numbers, _r.tokens = itertools.count(), itertools.count(1)
    _r.local = threading.local()
    _r.first_id = _r.next_id  # the code of a run that was recorded before may still run, in a closure or a generator
    _r.spent = _r.asked = _r.unplaced = _r.lost = _r.error = 0
    _r.over = False
    _r.active = True
    _r.epoch += 1
    if directory:
        _r.thinning.open_control(directory)


def probes(specs: list[tuple[int, ...]], base: int, ends: tuple[int, ...], sites: int) -> list[Probe]:
    """The probes of one source, one for each Spec of flor.capture.ops, in their order.

    `ends`: for each block the number behind the last block inside it; 0: it is never thinned. `sites`: how many sites
    it has.
    """
    places = _r.thinning.add(base, ends)
    _r.next_id = max(_r.next_id, base + len(ends) + sites)
    made = [Probe(spec, base, places) for spec in specs]
    for number, probe in enumerate(made):
        if probe.op in _CHOOSING:
            loads = [p for p in made[number + 1 : probe.of] if p.op == ops.LOAD]
            probe.bindings = [base + len(places) + p.of for p in loads if not p.flags & HOLDS]
            probe.holds = any(p.flags & HOLDS for p in loads)
            _r.steady.update(probe.bindings)
        elif probe.op == ops.TEST:
            probe.outcomes = made[number + 1 : probe.of]
    return made


def traced() -> None:
    """From now on all loads are recorded: a debugger's user may bind local names."""
    _r.traced = True


def _look_for_tracer() -> None:
    """Asked where a function begins or a call ends: nothing else begins a tracer."""
    if sys.gettrace() is not None:
        traced()


def forks() -> None:
    """To be called before a fork: what is told before it is not told again in the child."""
    hold: _Hold | None = getattr(_r.local, "hold", None) if _r.active else None
    if hold is not None:
        for frame in list(_r.frames.values()):
            frame.tell(hold.stream)
        if hold.stream.owed:
            hold.stream.tell_all()


def forked() -> None:
    """To be called in a forked child: it must never write into its parent's segments."""
    if not _r.active:
        return
    hold: _Hold | None = getattr(_r.local, "hold", None)
    mine = hold.stream if hold else None
    _r.directory = None
    _r.fork_stream = mine.number if mine else -1
    _r.fork_record = mine.records if mine else 0
    _r.fork_apart = sys._getframe(1).f_globals.get("__name__") in _MULTIPROCESSING
    _r.epoch += 1
    _r.free = []
    _r.streams = [mine] if mine else []
    _r.thinning.begin()
    if mine:
        mine.sealed = mine.records
        mine.gaps = {}
        mine.events, mine.heap, mine.heap_segment = _File("events"), _File("heap"), 0
        mine.from_others.clear()
    if _r.fork_apart:
        _begin_apart(mine)
    _r.lost = _r.unplaced = 0
    if mine is None or not mine.dead:
        _r.error = 0


def _begin_apart(mine: _Stream | None) -> None:
    """What the parent did is nothing that this process goes on with: its stream begins with nothing on the stack, and
    what was suspended goes on as in another thread."""
    for frame in _r.frames.values():
        if not frame.token:
            frame.stream = None
    if mine is not None:
        mine.stack.clear()
        mine.pending = mine.activations = 0
        mine.owed = False


def follow(method: Callable[[Any, str], Any], then: Callable[[Any, str, Any], Any]) -> Callable[[Any, str], Any]:
    """A method of one argument: calls `method`, then `then` with its result added, and returns what that returns."""

    def get_code(self: Any, argument: str) -> Any:
        return then(self, argument, method(self, argument))

    # Python takes the import system's own frames out of a traceback by this name.
    get_code.__code__ = get_code.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
    return get_code


def amend(place: _Address, kind: int, number: int | float) -> None:
    """Put a number into the place of a gap: stream, segment, offset."""
    stream, segment, offset = place
    payload = _DOUBLE.pack(number) if isinstance(number, float) else _INT.pack(number & 0xFFFF_FFFF_FFFF_FFFF)
    for one in _r.streams:
        if one.number == stream:
            one.events.amend(stream, segment, offset, kind, payload)


def directory() -> str:
    """This process's folder of segments. A forked child makes its own at its first event or module."""
    if _r.directory is None:
        _r.directory = _r.open_process(_r.fork_stream, _r.fork_record, _r.fork_apart)
        _r.thinning.open_control(_r.directory)
    return _r.directory


def stop() -> dict[str, int]:
    """Record nothing more, and cut the segments to their length."""
    for stream in _r.streams:
        if stream.owed:
            stream.tell_all()
    for frame in list(_r.frames.values()):
        frame.tell(frame.stream)
    for stream in _r.streams:
        if stream.from_others:
            stream.tell_all()
    _r.active = False
    records = sum(s.records for s in _r.streams)
    for stream in _r.streams:
        stream.busy = True
        stream.events.end(stream)
        stream.heap.end(stream)
        stream.dead = True
    return {"records": records, "unplaced": _r.unplaced, "lost": _r.lost, "error": _r.error}
