"""A stream's tail: what its process wrote last, before that is in a segment. `format` says how it lies on the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flor.trace.format import CHUNK, HEAP_SHIFT, TAIL

_PLACE = 8  # bytes that say where the tail belongs


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
                data = os.pread(file.fileno(), TAIL + CHUNK, 0)
                if len(data) < TAIL:
                    return None
                if os.pread(file.fileno(), _PLACE, 0) == data[:_PLACE]:  # it was not emptied while it was read
                    place = int.from_bytes(data[:_PLACE], "little")
                    return Tail(place >> HEAP_SHIFT, place & ((1 << HEAP_SHIFT) - 1), data[TAIL:])
    except OSError:
        return None
