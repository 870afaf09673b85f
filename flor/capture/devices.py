"""Numbers that lie on an accelerator. To read one would wait until it is computed: it is copied without waiting, and
noted in the place of its gap once the copy has arrived. Of one that does not arrive before the run ends the gap stays.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

Place = tuple[int, int, int]  # a record's stream, segment, and offset there
Number = tuple[int, int | float]  # a kind of flor.trace.format whose payload is the number itself, and the number

MAX_AWAITED = 1000  # numbers that are under way at the same time


class Copy:
    """A copy of a number, on its way to the host."""

    def arrived(self) -> bool:
        """Whether it is there. Does not wait."""
        raise NotImplementedError

    def number(self) -> Number | None:
        """What has arrived; None if no record holds it."""
        raise NotImplementedError


#: For each type of device what begins to copy a tensor with one element, or gives None where that cannot be done now.
#: Of types that are not here (mps, xla, ...) no copy is known that does not wait.
BEGIN: dict[str, Callable[[Any], Copy | None]] = {}

awaited: deque[tuple[Place, Copy]] = deque()
os.register_at_fork(after_in_child=awaited.clear)  # they are the parent's


class _Recorder:
    #: puts a number into the place of a gap
    amend: Callable[[Place, int, int | float], None] | None = None


recorder = _Recorder()


def begin(value: Any) -> Callable[[Place], None] | None:
    """Begin to copy a tensor's one element. Returns what is to be told its gap's place, None if it is not copied."""
    begins = BEGIN.get(value.device.type)
    copy = begins(value) if begins is not None and len(awaited) < MAX_AWAITED else None
    return None if copy is None else lambda place: awaited.append((place, copy))


def resolve() -> None:
    """Note the numbers that have arrived. They do in the order in which they were copied, or nearly so."""
    while awaited:
        try:
            place, copy = awaited.popleft()
        except IndexError:  # another thread has taken it
            return
        if not copy.arrived():
            awaited.appendleft((place, copy))
            return
        number = copy.number()
        if number is not None and recorder.amend is not None:
            recorder.amend(place, *number)


class _Copied(Copy):
    """A tensor that is copied behind what is queued on its device's current stream."""

    def __init__(self, value: Any, device: Any, read: Callable[[Any], Number | None]) -> None:
        torch = sys.modules["torch"]._C
        # Into pinned memory, as torch does it then: into other memory the copy would wait.
        with torch.DisableTorchFunction(), torch._DisableTorchDispatch():
            self._host = value.detach().to("cpu", non_blocking=True)
            self._event = device.Event()
            self._event.record(device.current_stream(value.device))
        self._read = read

    def arrived(self) -> bool:
        return bool(self._event.query())

    def number(self) -> Number | None:
        return self._read(self._host)


def add(kind: str, read: Callable[[Any], Number | None]) -> None:
    """Copy numbers from the type of device that torch has a module of this name for; `read` reads one on the host."""

    def begins(value: Any) -> Copy | None:
        device = getattr(sys.modules["torch"], kind)
        # What is captured into a graph is to be the program's alone.
        capturing = getattr(device, "is_current_stream_capturing", None)
        return None if capturing is not None and capturing() else _Copied(value, device, read)

    BEGIN[kind] = begins
