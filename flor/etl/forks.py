"""What a child of `os.fork` has of the time before it was one.

It goes on in copies of the block instances that it was forked in (`Trace.copies`), so what it evaluates there is not
its parent's. What was evaluated before the fork is of both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flor.trace.forked import Forks

Ints = npt.NDArray[np.int64]


def passed_on(copies: Ints, held: Ints) -> Ints:
    """Over instances, the number of what each holds (-1: nothing), where a copy without has what its original has: it
    may be of later than the fork, see `has`."""
    if not len(copies):
        return held
    held = held.copy()
    for copy, original in copies.tolist():
        if held[copy] < 0:
            held[copy] = held[original]
    return held


def has(forks: Forks, own: npt.NDArray[np.int32], stream: npt.NDArray[np.int32], seq: Ints) -> npt.NDArray[np.bool_]:
    """Whether the process of each of the streams `own` has the record `seq` of `stream`: its own ones, and those of
    processes that it was forked from, from before that."""
    pairs, which = np.unique(np.stack([np.array(forks.process, np.int64)[own], stream]), axis=1, return_inverse=True)
    limits = np.array([forks.limit(*pair) for pair in pairs.T.tolist()], np.int64)
    found: npt.NDArray[np.bool_] = seq <= limits[which.reshape(-1)]
    return found
