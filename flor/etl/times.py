"""When each row began and how long it took.

A block instance ends where the next instance of its thread begins that does not lie beneath it, the last one of the
main thread where the run ends; that of another thread or process is not known. (A trace tells when block instances
begin, a few milliseconds coarse; when one ends is not recorded.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import arrow, home
from flor.etl.extract import Extracted
from flor.etl.join import Tree, by_depth, depths

Ints = npt.NDArray[np.int64]


def ends(tree: Tree, begin: Ints, end: int) -> Ints:
    """For each instance when it ended, in the unit of `begin` (when each began) and `end` (when the run did); -1: not
    known."""
    count = len(tree.parent)
    order = np.lexsort((tree.seq, tree.stream))
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    last = place.copy()  # the last place, in its own thread, of an instance and what lies beneath it
    depth = depths(np.concatenate(([0], tree.parent + 1)))[1:]  # a parent of -1 is the run
    for nodes in reversed(by_depth(depth)[2:]):
        nodes = nodes[tree.stream[nodes] == tree.stream[tree.parent[nodes]]]
        np.maximum.at(last, tree.parent[nodes], last[nodes])
    following = np.append(order, -1)[last + 1]
    here = (following >= 0) & (tree.stream[following] == tree.stream)
    return np.where(here, begin[following], np.where(tree.stream == 0, np.maximum(end, begin), -1))


def spans(run: home.Run, extracted: Extracted, instances: Ints) -> tuple[Ints, Ints]:
    """When each of these block instances began, in nanoseconds since the epoch, and how many it took; -1 where that is
    not known. An instance of -1 is the run itself."""
    start = round(run.info["start"] * 1e9)
    end = round(run.info["end"] * 1e9) - start if run.info.get("end") else None
    last = int(extracted.begin.max(initial=0)) if end is None else end
    ended = np.append(ends(extracted.tree, extracted.begin, last), last)  # the last one is the run itself
    begin, ended = np.append(extracted.begin, 0)[instances], ended[instances]
    return start + begin, np.where(ended < 0, -1, ended - begin)


def time_columns(began: Ints, took: Ints) -> tuple[pa.Array, pa.Array]:
    """The columns `began` and `seconds`, of what `spans` gives."""
    return arrow.moments(began, began < 0), arrow.numbers(took / 1e9, took < 0)
