"""When each row began and how long it took. Pure.

A block instance ends where the next instance of its thread begins that does not lie beneath it, the last one where the
run ends. (A trace tells when block instances begin, a few milliseconds coarse; when one ends is not recorded.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flor.etl.join import Tree, by_depth, depths

Ints = npt.NDArray[np.int64]


def ends(tree: Tree, begin: Ints, end: int) -> Ints:
    """For each instance when it ended, in the unit of `begin` (when each began) and `end` (when the run did)."""
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
    return np.where(here, begin[following], np.maximum(end, begin))
