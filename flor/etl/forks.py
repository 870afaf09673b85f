"""What a child of `os.fork` has of the time before it was one.

It goes on in copies of the block instances that it was forked in (`Trace.copies`), so what it evaluates there is not
its parent's. What was evaluated there before is of both. Pure functions on arrays.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def inherited(copies: Ints, held: Ints, stream: npt.NDArray[np.int32], seq: Ints) -> Iterator[tuple[int, int]]:
    """(copy, number) for each copy that has nothing of its own and has what its original had before the fork.

    `held`: over instances, the number of what each holds, -1: nothing. `stream`, `seq`: of each number, where in the
    order of events it was recorded. `copies` as `Trace.copies` are.
    """
    given: dict[int, int] = {}
    for copy, original, forked, last in copies.tolist():
        if held[copy] >= 0:
            continue
        number = int(held[original])
        if number >= 0:
            before = stream[number] == forked and seq[number] <= last
        else:
            number = given.get(original, -1)
            before = number >= 0
        if before:
            given[copy] = number
    return iter(given.items())
