"""The recorder in Python: the same functions as `_probe.c`, the same bytes, slower. Taken where `_probe` was not built.

See `_probe.c` for how an event's activation is known. Frames are compared by `id()` together with their code; none is
kept.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable
from opcode import opmap
from typing import Any

from flor.capture import ops
from flor.capture.ops import CREATES, GUARDED
from flor.trace import format as f

_FIRST_EVENTS = 192 * 1024
_LAST_EVENTS = 16 * 1024 * 1024 // f.RECORD * f.RECORD
_FIRST_HEAP = 64 * 1024
_LAST_HEAP = 16 * 1024 * 1024
_ALLOWANCE_NS = 100_000_000
_SHARE = 20
_MAX_STR = 65536
_MIN_SECRET = 4
_MAX_SECRETS = 64
_INT = struct.Struct("<Q")
_DOUBLE = struct.Struct("<d")
_HEAD = struct.Struct("<I")
_SMALL = range(-(2**63), 2**63)
_COARSE = getattr(time, "CLOCK_MONOTONIC_COARSE", time.CLOCK_MONOTONIC)

Keep = Callable[[object, bool], tuple[int, bytes | int | float]]


class _File:
    """A mapped file that is written from its beginning."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix
        self.path = ""
        self.segment = 0
        self.map: mmap.mmap | None = None
        self.next = 0
        self.size = 0

    def room(self, need: int, first: int, last: int, stream: int) -> None:
        if self.next + need <= self.size:
            return
        self.seal()
        assert _r.directory is not None
        size = max(need, first << self.segment if self.segment < 7 and first << self.segment < last else last)
        self.path = f"{_r.directory}/{stream}.{self.segment}.{self.suffix}"
        self.segment += 1  # now, should a signal's handler raise here: no name is used twice
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, size)
            else:
                os.ftruncate(fd, size)
            self.map = mmap.mmap(fd, size)
        except OSError:
            os.unlink(self.path)
            raise
        finally:
            os.close(fd)
        self.next, self.size = 0, size

    def seal(self) -> None:
        if self.map is not None:
            self.map.close()
            os.truncate(self.path, self.next)
            self.map = None


class _Entry:
    """One activation on a stream's stack."""

    __slots__ = ("block", "code", "frame", "guarded", "mark", "number", "pos")

    def __init__(self, block: int, pos: int, mark: int, number: int, guarded: bool, frame: int, code: Any) -> None:
        self.block, self.pos, self.mark, self.number = block, pos, mark, number
        self.guarded, self.frame, self.code = guarded, frame, code


class _Stream:
    def __init__(self, number: int) -> None:
        self.number = number
        self.events = _File("events")
        self.heap = _File("heap")
        self.stack: list[_Entry] = []
        self.pending = 0
        self.activations = 0
        self.records = 0
        self.last_time = -1
        self.busy = False
        self.dead = False
        self.gaps: dict[int, int] = {}

    def put(self, head: int, payload: int) -> None:
        if self.dead:
            _r.lost += 1
            return
        try:
            if _r.directory is None:
                self.open_process()
            self.events.room(f.RECORD, _FIRST_EVENTS, _LAST_EVENTS, self.number)
        except OSError as error:
            self.fail(error)
            return
        at, data = self.events.next, self.events.map
        assert data is not None
        data[at + 4 : at + 12] = _INT.pack(payload & 0xFFFF_FFFF_FFFF_FFFF)
        data[at : at + 4] = _HEAD.pack(head)
        self.events.next = at + f.RECORD
        self.records += 1

    def open_process(self) -> None:
        self.busy = True
        try:
            directory()
        finally:
            self.busy = False

    def fail(self, error: OSError) -> None:
        self.dead = True
        _r.lost += 1
        _r.error = _r.error or error.errno or 0

    def emit(self, head: int, payload: int) -> None:
        if self.pending:
            if self.pending > f.MAX_LEAVE:
                self.put(f.LEAVE << f.KIND_SHIFT, self.pending)
            else:
                head |= self.pending << f.LEAVE_SHIFT
            self.pending = 0
        self.put(head, payload)

    def keep(self, data: bytes) -> int | None:
        """Put `data` into the heap. None where nothing can be written."""
        if self.dead:
            return None
        try:
            if _r.directory is None:
                self.open_process()
            self.heap.room(len(data) + 4, _FIRST_HEAP, _LAST_HEAP, self.number)
        except OSError as error:
            self.fail(error)
            return None
        at, target = self.heap.next, self.heap.map
        assert target is not None
        target[at : at + 4 + len(data)] = _HEAD.pack(len(data)) + data
        self.heap.next = at + 4 + len(data)
        return (self.heap.segment - 1) << f.HEAP_SHIFT | at

    def pop(self) -> None:
        entry = self.stack.pop()
        if not entry.guarded:
            frame = _r.frames.get(entry.frame)
            if frame and not frame.token and frame.stream is self and frame.number == entry.number:
                frame.pos, frame.mark = entry.pos, entry.mark
        self.pending += 1

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
        now = time.clock_gettime_ns(_COARSE)
        if now != self.last_time:
            self.last_time = now
            self.put(f.TIME << f.KIND_SHIFT, max(now - _r.origin, 0))


class _Frame:
    """A generator's or coroutine's frame: created (`token`, `made`), or begun (`stream`, `number`)."""

    __slots__ = ("block", "code", "made", "mark", "number", "pos", "stream", "token")

    def __init__(
        self, code: Any, token: int, stream: _Stream | None, number: int, block: int, made: Any = None
    ) -> None:
        self.code, self.token, self.stream, self.number, self.made = code, token, stream, number, made
        self.block = self.pos = block
        self.mark = 0


class _Recorder:
    active = False
    directory: str | None = None
    origin = 0
    spent = 0
    keep: Keep
    open_process: Callable[[int, int], str]
    secrets: list[str]
    streams: list[_Stream]
    free: list[_Stream]
    frames: dict[int, _Frame]
    stream_count = 0
    token = 0
    unplaced = 0
    lost = 0
    error = 0
    fork_stream = -1
    fork_record = 0
    epoch = 0
    local: threading.local


_r = _Recorder()


class _Hold:
    """Gives a stream back when its thread has ended."""

    def __init__(self, stream: _Stream) -> None:
        self.stream = stream

    def __del__(self) -> None:
        if _r is not None and _r.active:  # at the interpreter's very end it is gone
            _r.free.append(self.stream)


def _stream() -> _Stream | None:
    if not _r.active:
        return None
    hold: _Hold | None = getattr(_r.local, "hold", None)
    if hold is None:
        if _r.free:
            stream = _r.free.pop()
            stream.stack.clear()
            stream.pending = 0
            stream.emit(f.THREAD << f.KIND_SHIFT, threading.get_native_id())
        else:
            stream = _Stream(_r.stream_count)
            _r.stream_count += 1
            _r.streams.append(stream)
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
    """One probe: callable as flor.capture.ops's operations say. Records nothing once recording has stopped."""

    __slots__ = ("block", "depth", "flags", "function", "last", "last_epoch", "op", "redact", "run", "site")

    def __init__(self, spec: tuple[int, ...], base: int, blocks: int) -> None:
        self.op, function, block, site, _, self.depth, self.flags, self.redact = spec
        self.function = base + function
        self.block = base + block
        self.site = base + blocks + site
        self.last: tuple[object, _Stream, int, int] | None = None
        self.last_epoch = 0
        self.run = _RUN[self.op]

    def __call__(self, *values: Any) -> Any:
        stream = _stream()
        if stream is not None:
            self.run(self, stream, values)
        return _result(self.op, values)

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return unrecorded, (self.op,)

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
        if known.stream is s:
            s.emit(f.RESUME << f.KIND_SHIFT, known.number)
        else:
            s.emit(f.PARENT << f.KIND_SHIFT, 0)
            s.emit(f.BLOCK << f.KIND_SHIFT | f.OPEN | known.block, 0)
            known.stream, known.number, known.pos, known.mark = s, s.activations, known.block, 0
            s.activations += 1
        s.stack.append(_Entry(known.block, known.pos, known.mark, known.number, False, id(frame), known.code))
        return True

    def settled(self, s: _Stream) -> bool:
        if self.settle(s):
            return True
        _r.unplaced += 1
        return False

    def at(self, s: _Stream) -> None:
        s.stack[-1].pos = self.block
        s.stack[-1].mark = 0

    def begin_frame(self, s: _Stream) -> bool:
        frame = _caller(self.depth)
        if frame is None:
            return False
        s.forget(id(frame))
        s.prune()
        s.tell_position()
        s.tell_time()
        known = _r.frames.get(id(frame))
        if known is not None and known.token and known.code is frame.f_code:
            s.emit(f.PARENT << f.KIND_SHIFT, known.token)
        number, s.activations = s.activations, s.activations + 1
        s.stack.append(_Entry(self.function, self.function, 0, number, False, id(frame), frame.f_code))
        _r.frames[id(frame)] = _Frame(frame.f_code, 0, s, number, self.function)
        return True

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
        ref = s.keep(data)
        if ref is not None:
            if len(data) <= 256:
                self.remember(s, v, f.STR, ref)
            s.emit(head | f.STR << f.KIND_SHIFT, ref)
        return True

    def again(self, s: _Stream, head: int, v: object) -> bool:
        last = self.last
        if last is None or last[0] is not v or last[1] is not s or self.last_epoch != _r.epoch:
            return False
        s.emit(head | last[2] << f.KIND_SHIFT, last[3])
        return True

    def remember(self, s: _Stream, v: object, kind: int, ref: int) -> None:
        self.last = (v, s, kind, ref)
        self.last_epoch = _r.epoch

    def slow(self, s: _Stream, head: int, v: Any, redact: bool) -> None:
        if self.again(s, head, v):
            return
        if issubclass(type(v), float):
            s.emit(head | f.FLOAT << f.KIND_SHIFT, _INT.unpack(_DOUBLE.pack(float.__pos__(v)))[0])
            return
        begin = time.monotonic_ns()
        if _r.spent > _ALLOWANCE_NS + (begin - _r.origin) // _SHARE:
            self.gap(s, head, type(v))
            return
        s.busy = True
        try:
            kind, what = _r.keep(v, redact)
        except (RecursionError, MemoryError):
            s.busy = False
            self.gap(s, head, type(v))
            return
        finally:
            s.busy = False
            _r.spent += time.monotonic_ns() - begin
        if isinstance(what, bytes):
            ref = s.keep(what)
            if ref is not None:
                if _permanent(v):
                    self.remember(s, v, kind, ref)
                s.emit(head | kind << f.KIND_SHIFT, ref)
        elif isinstance(what, float):
            s.emit(head | kind << f.KIND_SHIFT, _INT.unpack(_DOUBLE.pack(what))[0])
        else:
            s.emit(head | kind << f.KIND_SHIFT, what)

    def gap(self, s: _Stream, head: int, kind: type) -> None:
        ref = s.gaps.get(id(kind))
        if ref is None:
            name = "".join(c for c in _c_name(kind) if c >= " " and c not in '"\\')[:199]
            ref = s.keep(f'{{"why": "time budget", "type": "{name}"}}'.encode())
            if ref is None:
                return
            s.gaps[id(kind)] = ref
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

    def created(self, s: _Stream, v: object) -> None:
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
        _r.token += 1
        _r.frames[id(frame)] = _Frame(frame.f_code, _r.token, None, 0, 0, weakref.ref(v))
        s.emit(f.CREATE << f.KIND_SHIFT, _r.token)


def _has_begun(frame: types.FrameType | None) -> bool:
    """Has this asynchronous generator begun? 3.11 only tells by where it stands."""
    return frame is None or frame.f_lasti < 0 or frame.f_code.co_code[frame.f_lasti] != opmap["RETURN_GENERATOR"]


def _permanent(v: object) -> bool:
    if issubclass(type(v), type):
        return not type.__dict__["__flags__"].__get__(v) & 1 << 9
    return type(v) is types.ModuleType or (
        type(v) is types.BuiltinFunctionType and (v.__self__ is None or type(v.__self__) is types.ModuleType)
    )


def _c_name(kind: type) -> str:
    """What C calls tp_name: qualified for static types, bare for classes."""
    heap_type = kind.__flags__ & 1 << 9
    return kind.__name__ if heap_type or kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _value(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settled(s):
        p.at(s)
        p.record(s, p.site, values[-1], bool(p.redact & 1))
        if p.flags & CREATES:
            p.created(s, values[-1])


def _bind(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settled(s):
        p.at(s)
        p.record_all(s, values, 0)


def _iterate(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settled(s):
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
    s.prune()
    s.tell_position()
    s.tell_time()
    s.stack.append(_Entry(p.block, p.block, 0, s.activations, True, 0, None))
    s.activations += 1
    p.record_all(s, values, f.OPEN)


def _enter_frame(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.begin_frame(s):
        p.record_all(s, values, f.OPEN)


def _leave(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settle(s):
        s.pop()


def _mark(p: Probe, s: _Stream, values: tuple[Any, ...]) -> None:
    if p.settle(s):
        s.stack[-1].mark = p.block


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
}


def _result(op: int, values: tuple[Any, ...]) -> Any:
    if op in (ops.VALUE, ops.LEAVE_FRAME):
        return values[-1]
    return True if op in (ops.ITERATE, ops.ITERATE_GENERATOR) else None


class unrecorded:  # noqa: N801
    """What a probe becomes in a process that does not record: it returns what a probe returns."""

    def __init__(self, op: int) -> None:
        self.op = op

    def __call__(self, *values: Any) -> Any:
        return _result(self.op, values)


# The recorder's functions: the same as _probe.c's.


def start(directory: str, origin: int, keep: Keep, secrets: list[str], open_process: Callable[[int, int], str]) -> None:
    """Record from now on into `directory`. `origin`: time.monotonic_ns() at the run's start.

    `secrets` collects the texts that are not to be recorded. `keep(value, redact)` returns (kind, bytes | int | float)
    for values that are no plain scalars;
    `open_process(stream, record)` makes a forked child's folder and returns its path.
    """
    _r.directory, _r.origin, _r.keep, _r.open_process = directory, origin, keep, open_process
    _r.secrets, _r.streams, _r.free, _r.frames = secrets, [], [], {}
    _r.local = threading.local()
    _r.active = True
    _r.epoch = 1


def probes(specs: list[tuple[int, ...]], base: int, blocks: int) -> list[Probe]:
    """The probes of one source, one for each Spec of flor.capture.ops, in their order."""
    return [Probe(spec, base, blocks) for spec in specs]


def forked() -> None:
    """To be called in a forked child: it must never write into its parent's segments."""
    if not _r.active:
        return
    hold: _Hold | None = getattr(_r.local, "hold", None)
    mine = hold.stream if hold else None
    _r.directory = None
    _r.fork_stream = mine.number if mine else -1
    _r.fork_record = mine.records if mine else 0
    _r.epoch += 1
    _r.free = []
    _r.streams = [mine] if mine else []
    if mine:
        mine.gaps = {}
        mine.events, mine.heap = _File("events"), _File("heap")
    _r.lost = _r.unplaced = 0


def directory() -> str:
    """This process's folder of segments. A forked child makes its own at its first event or module."""
    if _r.directory is None:
        _r.directory = _r.open_process(_r.fork_stream, _r.fork_record)
    return _r.directory


def stop() -> dict[str, int]:
    """Record nothing more, and cut the segments to their length."""
    _r.active = False
    for stream in _r.streams:
        stream.busy = stream.dead = True
        stream.events.seal()
        stream.heap.seal()
    records = sum(s.records for s in _r.streams)
    return {"records": records, "unplaced": _r.unplaced, "lost": _r.lost, "error": _r.error}
