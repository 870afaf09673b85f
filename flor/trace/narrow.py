"""A part of a trace's block instances that stands for itself: those of some blocks, and all that they lie in.

What is asked of a long run is mostly about its outer loops, and most of its instances are of the inner ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Block = tuple[int, int]  # source, block


class Blocks(Protocol):
    """What is asked of a piece of a trace."""

    @property
    def base(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def late(self) -> Ints: ...
    def blocks(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]: ...
    def parents(self, at: Ints) -> Ints: ...


def closed(pieces: Sequence[Blocks], wanted: Iterable[Block]) -> list[Ints]:
    """Which instances of each piece, counted from its first, are of the wanted blocks, of blocks that such an instance
    has for its parent, and so on: the parent of each is among them.

    Raises ValueError if the pieces make no sense.
    """
    numbers = _Numbers(pieces)
    kept = numbers.of(wanted)
    late = np.concatenate([piece.late[:, 1] for piece in pieces])
    while (found := _pass(pieces, numbers, kept, late)) is None:
        pass
    return found


class _Numbers:
    """One number for each block of each source."""

    def __init__(self, pieces: Sequence[Blocks]) -> None:
        self._sources = self._width = 1
        for piece in pieces:
            source, block = piece.blocks()
            if len(source):
                if min(source.min(), block.min()) < 0:
                    raise ValueError("numbers are out of range")
                self._sources = max(self._sources, int(source.max()) + 1)
                self._width = max(self._width, int(block.max()) + 1)

    def of(self, blocks: Iterable[Block]) -> npt.NDArray[np.bool_]:
        """A mask over the numbers: those of these blocks."""
        mask = np.zeros(self._sources * self._width, np.bool_)
        for source, block in blocks:
            if source < self._sources and block < self._width:
                mask[source * self._width + block] = True
        return mask

    def instances(self, piece: Blocks) -> Ints:
        """The number of each instance's block."""
        source, block = piece.blocks()
        return source.astype(np.int64) * self._width + block


def _pass(pieces: Sequence[Blocks], numbers: _Numbers, kept: npt.NDArray[np.bool_], late: Ints) -> list[Ints] | None:
    """The instances of the kept blocks, or None if these have parents of further ones: those are kept now, too.

    Parents come before their children, but for `late` ones: the blocks of these are kept whoever their children are.
    """
    found: list[Ints] = []
    pending: Ints = late[late >= 0]
    before = int(kept.sum())
    for piece in reversed(pieces):
        block = numbers.instances(piece)
        at = np.flatnonzero(kept[block])
        found.append(at)
        parents = piece.parents(at)
        pending = np.concatenate((pending, _distinct(parents[parents >= 0])))
        here = (pending >= piece.base) & (pending < piece.base + piece.count)
        kept[block[pending[here] - piece.base]] = True
        pending = pending[~here]
    if len(pending):
        raise ValueError("numbers are out of range")
    return found[::-1] if int(kept.sum()) == before else None


def _distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values; most of those that repeat stand side by side, and are there once."""
    return values[np.concatenate(([True], values[1:] != values[:-1]))] if len(values) else values
