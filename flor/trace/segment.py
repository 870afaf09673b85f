"""The bytes of one segment: what its file holds, and what lies in its tail. `format` says how both lie on the disk."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flor.trace.format import CHUNK, HEAP_SHIFT, RECORD, TAIL

_PLACE = 8  # bytes that say where the tail belongs
_PAGE = 4096  # bytes that reach the disk together
_AT_ONCE = RECORD << 18  # bytes that are read at once


@dataclass(frozen=True)
class Tail:
    """What a tail held when it was read: bytes of a segment, from an offset on, then zeros."""

    segment: int
    offset: int
    data: bytes

    def beyond(self, end: int) -> bytes:
        """What goes beyond the segment's own bytes, which were read after the tail and end at `end`."""
        return self.data[end - self.offset :] if end >= self.offset else b""


def read_tail(path: Path) -> Tail | None:
    """None if it is gone, or not whole: then the segment has it all, or the process died before it wrote anything."""
    try:
        with path.open("rb", buffering=0) as file:
            while True:
                first, data = (os.pread(file.fileno(), TAIL + CHUNK, 0) for _ in range(2))
                if min(len(first), len(data)) < TAIL:
                    return None
                if os.pread(file.fileno(), _PLACE, 0) == first[:_PLACE]:  # it was not emptied while it was read
                    place = int.from_bytes(first[:_PLACE], "little")
                    written = _written(first) if path.name.endswith("events") else len(data)
                    return Tail(place >> HEAP_SHIFT, place & ((1 << HEAP_SHIFT) - 1), data[TAIL:written])
    except OSError:
        return None


def _written(data: bytes) -> int:
    """Where the records of a tail end. Of one that is being written when it is read, the head may be seen before its
    payload is: what has its head at the first reading is whole at the second."""
    end = TAIL
    while any(data[end : end + 4]):
        end += RECORD
    return end


def records(file: int, offset: int, end: int | None, tail: Tail | None) -> Iterator[bytes]:
    """The whole records of a segment of events from an offset on, some at a time: its file's, up to the offset `end` if
    one is given, then what its tail goes beyond them. The file may have holes, grow and be cut while it is read."""
    while True:
        chunk = os.pread(file, _AT_ONCE if end is None else min(_AT_ONCE, max(end - offset, 0)), offset)
        whole = len(chunk) // RECORD * RECORD
        if not whole:
            break
        yield chunk[:whole]
        offset += whole
    if tail is not None:
        yield tail.beyond(offset)


def intact(data: bytes | mmap.mmap) -> int:
    """How many bytes of a file come before the first page that is all zeros. That is what a machine that lost power
    leaves of a page that was not on the disk; what comes behind it is no more to be trusted."""
    return next((at for at in range(0, len(data), _PAGE) if not any(data[at : at + _PAGE])), len(data))
