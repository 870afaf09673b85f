"""How a run keeps within its budget, for the recorder in Python: the same as `_probe_thin.h`, which says why.

Knows blocks and bytes; of streams and activations it knows nothing.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from flor.home import create_private
from flor.trace import format as f

#: Before Python 3.13 a mapping keeps a descriptor open.
NO_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
COARSE = 6 if sys.platform == "linux" else time.CLOCK_MONOTONIC  #: CLOCK_MONOTONIC_COARSE, which time does not name

_LAST_SEGMENT = f.segment_size(7)
_HOT = 0.9
_FACTOR = 4
_LEVELS = 4
_MOST = 8
_MOST_AROUND = 64
_MAX_FOUND = 256
_MAX_MASK = (1 << 64 - 3) - 1
_FIRST_PACKING = 16 << 20
_INT = struct.Struct("<Q")


class Place:
    """A block: how much of it is recorded."""

    __slots__ = ("around", "begun", "chosen", "count", "end", "heap", "id", "mask", "records", "weight")

    def __init__(self, id_: int, end: int, around: int) -> None:
        self.id, self.end = id_, end  # the id behind those of the blocks inside it; 0: it is never thinned
        self.around = around  # the block around it; of a function's the one that has called it last; 0: none
        self.mask = self.count = 0
        self.records = self.begun = self.heap = 0
        self.weight = 0.0
        self.chosen = False

    def is_thinned(self) -> bool:
        """Whether an instance that begins now is not recorded."""
        if not self.mask:
            return False
        self.count += 1
        return bool(self.count - 1 & self.mask)


class Thinning:
    """What a process has used of the run's budget, and which blocks it thins for that."""

    def __init__(self, origin: int, budget: int, backlog: int, pack: Callable[[], None]) -> None:
        self.origin, self.budget, self.backlog, self.pack = origin, budget or 1, backlog or 1, pack
        self.places: dict[int, Place] = {}  # by id, of blocks and of their sites
        self.found: dict[Place, None] = {}
        self.level = 0
        self.begin()

    def begin(self) -> None:
        """A process begins."""
        self.control: mmap.mmap | None = None
        self.sealed = 0
        self.next_pack = min(_FIRST_PACKING, self.budget // 4)
        self.plan_look(min(self.budget, self.backlog))

    def open_control(self, directory: str) -> None:
        """Where this process and the packer tell each other how far they are."""
        self.control = None
        try:
            fd = create_private(f"{directory}/control", os.O_RDWR)
        except OSError:
            return
        try:
            size = 8 * f.CONTROL_WORDS
            if os.pwrite(fd, bytes(size), 0) == size:
                self.control = mmap.mmap(fd, size, **NO_DESCRIPTOR)
        except OSError:
            pass
        finally:
            os.close(fd)

    def add(self, base: int, ends: tuple[int, ...]) -> list[Place]:
        """The places of a source's blocks, which have the ids from `base` on."""
        places: list[Place] = []
        for i, end in enumerate(ends):
            around = max(i - 1, 0)
            while around and places[around].end <= base + i:
                around = places[around].around - base
            places.append(Place(base + i, base + end if end else 0, base + around if i else 0))
        self.places.update((p.id, p) for p in places)
        return places

    def plan_look(self, left: float) -> None:
        """When the next look is, with so many bytes left."""
        self.next_look = self.sealed + int(min(max(left / 8, f.CHUNK), _LAST_SEGMENT))
        self.look_sealed, self.look_heap = self.sealed, 0
        self.look_time = time.clock_gettime_ns(COARSE)
        self.found.clear()

    def limit(self, tail: bytes, unsealed: int) -> None:
        """Look at what is used: thin if it is time. Raises OSError if nothing is left.

        `tail`: the stream's latest records; `unsealed`: bytes in the tails of all streams.
        """
        if self.sealed >= self.next_pack:
            self.next_pack = 2 * self.sealed
            self.pack()
        part, bytes_ = self.left(unsealed)
        written = float(self.sealed - self.look_sealed)
        if part <= 0 and self.level == _LEVELS:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        while self.level and part > 1.5 / (1 << self.level):
            self.level -= 1
        times = 0
        while self.level + times < _LEVELS and part <= 0.5 / (1 << self.level + times):
            times += 1
        level = self.level + times
        if part <= 0.5:
            times = _enough(written, bytes_, times)
        if not times and level == _LEVELS:
            times = self.too_fast(written, bytes_)
        if not times or self.thin(tail, written, times):
            self.level = level
        elif part <= 0:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        self.plan_look(bytes_)

    def left(self, unsealed: int) -> tuple[float, float]:
        """How much of what may be used is left, from 1 to 0 and below; and how many bytes that are."""
        written = self.sealed + unsealed
        consumed = packed = others = 0
        if self.control is not None:
            self.control[8 * f.WRITTEN : 8 * f.WRITTEN + 8] = _INT.pack(written)
            consumed, packed, others = struct.unpack_from("<3Q", self.control, 8 * f.CONSUMED)
        waiting = written - min(consumed, written) + others
        of_budget = 1 - (packed + waiting) / self.budget
        of_backlog = 1 - waiting / self.backlog
        if of_budget < of_backlog:
            return of_budget, of_budget * self.budget
        return of_backlog, of_backlog * self.backlog

    def too_fast(self, written: float, left: float) -> int:
        """How often what was written since the last look has to be thinned so that what is left lasts as long as the
        run has."""
        now = time.clock_gettime_ns(COARSE)
        rate, times = written / (now - self.look_time + 1), 0
        while rate * (now - self.origin + 1) > left and times < _MOST:
            rate /= _FACTOR
            times += 1
        return times

    def note(self, place: Place) -> bool:
        """A block has something since the last look. False: there are too many of them."""
        if place not in self.found:
            if len(self.found) == _MAX_FOUND:
                return False
            self.found[place] = None
            place.records = place.begun = place.heap = 0
        return True

    def weigh(self, place: Place | None, size: int) -> None:
        """A value takes so many bytes of the heap."""
        self.look_heap += size
        if place is not None and self.note(place):
            place.heap += size

    def thin(self, tail: bytes, written: float, times: int) -> bool:
        """Thin, so many times, what most of the latest bytes come from. Returns whether there is something to thin."""
        chosen = self.hottest(tail, written)
        for place in chosen:
            place.chosen = place.end != 0
        for place in chosen:
            if place.chosen:
                self.choose_inner_or_outer(place)
        thinned = [place for place in chosen if place.chosen]
        for place in thinned:
            place.chosen = False
            for _ in range(times):
                if place.mask < _MAX_MASK:
                    place.mask = place.mask << 2 | 3
        if thinned and self.control is not None:
            self.control[8 * f.THINNED] = 1
        return bool(thinned)

    def hottest(self, tail: bytes, written: float) -> list[Place]:
        """The blocks that most of what was written since the last look comes from, by weight."""
        count = 0
        for head, _ in struct.iter_unpack("<IQ", tail):
            place = self.places.get(head & f.ID_MASK)
            if place is None or not self.note(place):
                continue
            count += 1
            place.records += 1
            place.begun += head & f.OPEN != 0
        events = max(written - self.look_heap, float(count * f.RECORD))
        total = covered = 0.0
        for place in self.found:
            place.weight = place.heap + (events * place.records / count if count else 0.0)
            total += place.weight
        chosen: list[Place] = []
        for place in sorted(self.found, key=lambda p: (-p.weight, p.id)):
            if covered >= _HOT * total:
                break
            covered += place.weight
            chosen.append(place)
        return chosen

    def choose_inner_or_outer(self, place: Place) -> None:
        """Of a block that lies in another chosen one, one of the two is thinned."""
        outer: Place | None = place
        for _ in range(_MOST_AROUND):
            if outer is None or not (outer is place or not outer.chosen):
                break
            outer = self.places[outer.around] if outer.around else None
        if outer is None or outer is place or not outer.chosen:
            return
        if place.begun >= _FACTOR * outer.begun:
            outer.chosen = False
        else:
            place.chosen = False


def _enough(written: float, left: float, times: int) -> int:
    """How often, at least `times`, to thin so that as much again as since the last look fits four times into what is
    left. (Tails make looks coarse where the budget is small.)"""
    written /= _FACTOR**times
    while times < _MOST and written > left / 4:
        written /= _FACTOR
        times += 1
    return times
