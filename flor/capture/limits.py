"""How much of the disk and of the time a run may take."""

from __future__ import annotations

import os
from typing import NamedTuple

from flor.errors import FlorError

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Limits(NamedTuple):
    """What one run may take."""

    budget: int | None = None  #: bytes of its trace; None: 4 GiB or a tenth of the free disk, whichever is less
    backlog: int = 1 << 30  #: bytes that may wait to be packed; part of the budget
    share: float = 0.01  #: of its time, for looking at values that are no plain scalars

    def budget_in(self, folder: str) -> int:
        """The budget in bytes, for a run that is kept in `folder`. May raise OSError."""
        if self.budget is not None:
            return self.budget
        disk = os.statvfs(folder)
        return min(4 << 30, disk.f_bavail * disk.f_frsize // 10)


def size(text: str, what: str) -> int:
    """Bytes, from a text such as 500M or 1.5G. Units are powers of 1024. Raises FlorError that begins with `what`."""
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = number[-1:] if number[-1:].isalpha() else ""
    try:
        found = int(float(number.removesuffix(unit)) * _UNITS[unit])
        if found <= 0:
            raise ValueError
    except (ValueError, KeyError, OverflowError):
        raise FlorError(f"{what}: {text!r} is no size: write one as 500M or 4G") from None
    return found


def share(value: object, what: str) -> float:
    """A share of the run's time, from 0 to 1; 1 is no limit. Raises FlorError that begins with `what`."""
    try:
        found = float(value)  # type: ignore[arg-type]
        if isinstance(value, bool) or not 0 <= found <= 1:
            raise ValueError
    except (TypeError, ValueError):
        raise FlorError(f"{what}: {value!r} is no share of the time: write a number from 0 to 1, as 0.05") from None
    return found
