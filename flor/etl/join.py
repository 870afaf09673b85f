"""Columns -> rows, along the tree of block instances. Pure: it knows numbers of instances and blocks, no values and
no files.

The rules, in order. A *run* is the root of its tree; an instance without a parent hangs from it.

1. *Where an instance stands.* An instance that is the only one of its block beneath an instance `s` counts as part of
   `s`, provided that the same holds for all between it and `s`. It *stands* at the highest such `s`, else at itself.
   "The only one" is meant of all that ran, whether a name was evaluated there or not, and of everything beneath `s`,
   at any depth. Where a block was thinned others of it may have run, and in those whatever lies in it in the source,
   and any function: what lies in a function stands at nothing that may have had such others beneath it.
   So a call made once in an iteration stands at the iteration, wherever in the body it is made; the
   iterations of a loop that runs several times, and calls made several times, stand at themselves.
2. *What a row shows.* A row has a place in the tree. It shows each name's value from the nearest place upwards,
   itself first, at which an instance of the name's block stands, and NULL where there is none, or where the name was
   not evaluated in that instance. Instances that hold no value, and have none beneath, do not count. So an outer
   value repeats on all rows beneath, values of sibling blocks that ran once share the row, and a block that ran once
   repeats on the rows of one that ran many times.
3. *Which rows there are.* A place with values is a row if no place with values lies beneath it. Each of two sibling
   blocks that ran many times thus has rows of its own, with NULL for the other's names: no cross product. An instance
   without values gives no row.
4. *Recursion.* A call of a function beneath another call of it is recursive: it stands at itself. For names and keys
   of that function, what stands above the inner call is not shown on rows at and beneath it; and in rule 3 what lies
   in or beneath a recursive call does not count as beneath. So every call with values is a row of its own, and no row
   takes a value from another call of the same function.
5. *Processes.* A child of `os.fork` goes on in copies of the instances that it was forked in, beside them. A row in a
   copy shows what the child evaluated there, else what the original shows, but in no case what the process that forked
   it evaluated after that, nor what stands at the original because its block ran there once, where that began in the
   child, too. A copy without values, and without any beneath, is no row where rows are chosen. In a
   process that is started afresh, the main module that it runs again is a copy of that of the process that started
   it, of which it has all; the original is no row if each of its values is on rows of copies.
6. *Order.* Rows come in the order in which their places began: the main thread's, then thread by thread.

It follows that every value is on some row, and that there are never more rows than instances with values.

Where the rows are *chosen*, as the instances of a block, rule 3 does not count: each recorded instance of the block is
a row with its place there, and what stands beneath it is on no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flor.trace.forked import Forks

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tree:
    """The block instances of one run. Arrays over instances have one length; parents come before their children."""

    parent: npt.NDArray[np.int64]  # instance, -1: the run itself
    block: npt.NDArray[np.int32]  # a number that is the same for all instances of a block
    stream: npt.NDArray[np.int32]
    seq: npt.NDArray[np.int64]
    function: npt.NDArray[np.int32]  # over blocks: the block with a frame of its own in which the block lies, or itself
    called: Bools  # over blocks: whether it is, or lies in, a function, which may be called from anywhere
    thinned: Bools  # over blocks: whether some of its instances were not recorded
    #: thinned loops whose instances, those that were recorded, are not in this tree, each with the block around it
    elsewhere: Mapping[int, int] = field(default_factory=dict)
    copies: Ints = field(default_factory=lambda: np.empty((0, 2), np.int64))  # as `Trace.copies` are
    forks: Forks = field(default_factory=lambda: Forks([], []))


@dataclass(frozen=True)
class Rows:
    """The rows of one run. Arrays have one length."""

    place: Ints  # the instance at which the row has its place, -1: the run itself
    instances: dict[
        int, Ints
    ]  # block -> the instance of it that the row shows, -1: none. For all blocks that lead to a value
    nesting: frozenset[
        tuple[int, int]
    ]  # (outer block, inner block): an instance of one was the parent of one of the other
    leading: dict[int, Ints]  # block -> its instances that hold a value or have one beneath


def join(tree: Tree, held: Iterable[Ints], chosen: Sequence[int] | None = None) -> Rows:
    """The rows for names whose values are held by the instances `held` (one array for each name).

    `chosen`: the blocks whose instances are the rows, none of them: the run is the only row; None: as the rules say.
    """
    holds = np.zeros(len(tree.parent), np.bool_)
    held = list(held)
    for instances in held:
        holds[instances] = True
    holders = np.flatnonzero(holds)
    if not holders.size:
        return Rows(np.empty(0, np.int64), {}, frozenset(), {})
    fixed = np.flatnonzero(np.isin(tree.block, chosen)) if chosen else np.empty(0, np.int64)
    if len(fixed) and len(tree.copies):
        own = _with_ancestors(tree.parent, _distinct(holders))
        fixed = fixed[~np.isin(fixed, tree.copies[:, 0]) | own[fixed]]
    if chosen and not fixed.size:
        return Rows(np.empty(0, np.int64), {}, frozenset(), {})
    leads = _with_ancestors(tree.parent, _distinct(np.concatenate((holders, fixed))))
    relevant = np.zeros(len(tree.function), np.bool_)
    relevant[tree.block[leads]] = True
    kept = _with_ancestors(tree.parent, np.flatnonzero(relevant[tree.block]))
    graph = _Graph(tree, kept, leads)

    stands = graph.stands()
    if chosen is not None:
        rows = np.sort(graph.node[fixed]) if chosen else np.zeros(1, np.int64)
    else:
        place = np.zeros(graph.size, np.bool_)
        place[stands[graph.node[holders]]] = True
        rows = np.flatnonzero(place & ~graph.leads_to(place))
    at = graph.instance[rows]
    order = np.lexsort((rows, np.where(at < 0, -1, tree.seq[at]), np.where(at < 0, -1, tree.stream[at])))
    rows = rows[order]

    paths = graph.paths_to(rows)
    shown: dict[int, Ints] = {}
    leading: dict[int, Ints] = {}
    nesting: list[tuple[int, int]] = []
    for block in np.flatnonzero(relevant).tolist():
        nodes = graph.leading_of(block)
        shown[block] = graph.instance[graph.nearest(nodes, stands, int(tree.function[block]), paths, rows)]
        leading[block] = graph.instance[nodes]
        nesting += [(outer, block) for outer in graph.around(nodes)]
    places = graph.instance[rows]
    if chosen is None and len(tree.copies) and (rest := _without_repeated(tree, places, shown, held)) is not None:
        places, shown = places[rest], {block: instances[rest] for block, instances in shown.items()}
    return Rows(places, shown, frozenset(nesting), leading)


def _without_repeated(tree: Tree, places: Ints, shown: Mapping[int, Ints], held: Sequence[Ints]) -> Bools | None:
    """A mask of the rows without those of main modules each of whose values is also on a row of a process that was
    started afresh (rule 5). None: they have no rows, or are to keep them."""
    again = [
        (copy, original)
        for copy, original in tree.copies.tolist()
        if tree.forks.are_one(tree.forks.process[tree.stream[copy]], int(tree.stream[original]))
    ]
    originals = np.flatnonzero(np.isin(places, [original for _, original in again]))
    if not len(originals):
        return None
    values: list[list[int]] = []  # what these rows show, for each name and block; -1: nothing
    on: list[Counter[int]] = []  # on how many rows each of them is
    for instances in held:
        holds = np.zeros(len(tree.parent) + 1, np.bool_)  # the last one is for instance -1
        holds[instances] = True
        same = np.arange(len(holds))  # as this instance a row shows one, because a copy without has its original's
        same[-1] = -1
        for copy, original in again:
            if not holds[copy]:
                same[copy] = same[original]
        for block in _distinct(tree.block[instances].astype(np.int64)).tolist():
            on_row = same[shown[block]]
            own = on_row[originals]
            values.append(np.where(holds[own], own, -1).tolist())
            on.append(Counter(on_row[np.isin(on_row, own)].tolist()))
    rest = np.ones(len(places), np.bool_)
    for at in reversed(range(len(originals))):  # a process's row comes before those of what it started, or forked
        here = [own[at] for own in values]
        if all(value < 0 or rows[value] > 1 for value, rows in zip(here, on, strict=True)):
            rest[originals[at]] = False
            for value, rows in zip(here, on, strict=True):
                rows[value] -= 1
    return rest


def _with_ancestors(parent: Ints, nodes: Ints) -> Bools:
    """A mask over all instances: `nodes` and their ancestors."""
    mask = np.zeros(len(parent), np.bool_)
    mask[nodes] = True
    while nodes.size:
        up = parent[nodes]
        up = up[np.concatenate(([True], up[1:] != up[:-1]))]  # most repeats of a parent stand side by side
        up = up[up >= 0]
        nodes = _distinct(up[~mask[up]])
        mask[nodes] = True
    return mask


def _distinct(values: Ints) -> Ints:
    """The values, ascending, each once. Sorting beats the hashing of np.unique several times over."""
    if np.all(values[1:] > values[:-1]):
        return values
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if ordered.size else ordered


class _Graph:
    """A tree of nodes, numbered depth first: 0 is the run, and beneath a node, itself included, are the numbers from
    its own up to, not including, its `end`.

    Work goes level by level, from the run downwards or upwards to it: the nodes of a level are handled at once.
    """

    def __init__(self, tree: Tree, kept: Bools, leading: Bools) -> None:
        """The tree of the instances in the mask `kept`; those in the mask `leading` hold a value or have one
        beneath."""
        instance: Ints = np.concatenate(([-1], np.flatnonzero(kept)))
        self.size = len(instance)
        node = np.zeros(len(kept) + 1, np.int64)  # the last one is for parent -1
        node[instance[1:]] = np.arange(1, self.size)
        parent: Ints = np.concatenate(([0], node[tree.parent[instance[1:]]]))
        depth = depths(parent)
        levels = by_depth(depth)
        number, size = _depth_first(parent, levels)
        if np.any(number[1:] < number[:-1]):
            order = np.empty(self.size, np.int64)
            order[number] = np.arange(self.size)
            instance, parent, depth, size = instance[order], number[parent][order], depth[order], size[order]
            levels = by_depth(depth)
            node[instance[1:]] = np.arange(1, self.size)
        self.instance, self.node, self.parent, self.depth = instance, node, parent, depth
        self.end: Ints = np.arange(self.size) + size
        self.block: Ints = np.concatenate(([-1], tree.block[instance[1:]]))
        self.leading: Bools = np.concatenate(([True], leading[instance[1:]]))
        self.levels = [level[self.leading[level]] for level in levels]
        self.previous, self.next, self.recursive = self._neighbours(tree.function)
        self.recursion = bool(self.recursive.any())
        self.copies: list[tuple[int, int]] = node[tree.copies[kept[tree.copies].all(axis=1)]].tolist()
        if self.copies:
            self.forks = tree.forks
            self.stream = np.concatenate(([0], tree.stream[instance[1:]]))
            self.seq = np.concatenate(([-1], tree.seq[instance[1:]]))
            #: (stream, node) -> the copy that the stream has of it
            self.copy = {(int(self.stream[copy]), original): copy for copy, original in self.copies}
        self._nodes: dict[int, Ints] = {}
        self.thinned = bool(tree.thinned.any())
        if self.thinned:
            self._doubt_others(tree, levels)

    def _neighbours(self, function: npt.NDArray[np.int32]) -> tuple[Ints, Ints, Bools]:
        """For each node, the nodes of its block that come before and after it; and whether it is a recursive call."""
        previous, following = np.full(self.size, -1), np.full(self.size, self.size)
        recursive = np.zeros(self.size, np.bool_)
        small = self.block.astype(np.int16) if self.block.max() < 2**15 else self.block  # int16 is sorted by radix
        grouped = np.argsort(small, kind="stable")
        for nodes in np.split(grouped, np.flatnonzero(np.diff(small[grouped])) + 1):
            previous[nodes[1:]], following[nodes[:-1]] = nodes[:-1], nodes[1:]
            block = int(self.block[nodes[0]])
            if block >= 0 and function[block] == block:
                recursive[nodes[1:]] = np.maximum.accumulate(self.end[nodes])[:-1] > nodes[1:]
        return previous, following, recursive

    def _doubt_others(self, tree: Tree, levels: list[Ints]) -> None:
        """Note where something ran that was not recorded."""
        of_run = np.zeros(1, np.bool_)  # its block is -1
        thinned = np.concatenate((tree.thinned, of_run))[self.block]
        #: the nearest node of a thinned block at or above each node, -1: none
        self.under: Ints = np.where(thinned, np.arange(self.size), -1)
        for level in levels[1:]:
            free = level[self.under[level] < 0]
            self.under[free] = self.under[self.parent[free]]
        #: for each node, whether it lies in a function; whether something at or beneath it may not have been recorded
        self.called: Bools = np.concatenate((tree.called, of_run))[self.block]
        gaps = _with_ancestors(tree.parent, np.flatnonzero(_may_have_gaps(tree)))
        self.gaps: Bools = np.concatenate((np.array([gaps.any()]), gaps[self.instance[1:]]))

    def leading_of(self, block: int) -> Ints:
        """The leading nodes of a block."""
        return np.flatnonzero((self.block == block) & self.leading)

    def nodes_of(self, block: int) -> Ints:
        """All nodes of a block."""
        found = self._nodes.get(block)
        if found is None:
            found = self._nodes[block] = np.flatnonzero(self.block == block)
        return found

    def _alone(self, nodes: Ints, beneath: Ints) -> Bools:
        """Whether each node is the only one of its block beneath, or at, an ancestor of it or itself."""
        alone: Bools = (self.previous[nodes] < beneath) & (self.next[nodes] >= self.end[beneath])
        if self.thinned:
            alone &= (self.under[nodes] <= beneath) & ~(self.called[nodes] & self.gaps[beneath])
        return alone

    def stands(self) -> Ints:
        """For each leading node, the node at which it stands (rule 1)."""
        stands = np.arange(self.size)
        for level in self.levels[1:]:
            nodes = level[~self.recursive[level]] if self.recursion else level
            top = stands[self.parent[nodes]]
            alone = self._alone(nodes, top)
            stands[nodes[alone]] = top[alone]
            nodes = nodes[~alone]
            above = self.parent[nodes]
            while nodes.size:
                alone = self._alone(nodes, above)
                nodes, above = nodes[alone], above[alone]
                stands[nodes] = above
                above = self.parent[above]
        return stands

    def leads_to(self, place: Bools) -> Bools:
        """For each node, whether a place lies beneath it, not counting what lies in recursive calls (rules 3 and 4)."""
        leads = np.zeros(self.size, np.bool_)
        for nodes in reversed(self.levels[1:]):
            counted = nodes[(place[nodes] | leads[nodes]) & ~self.recursive[nodes]]
            leads[self.parent[counted]] = True
        return leads

    def paths_to(self, rows: Ints) -> list[Ints]:
        """By depth, the nodes on the paths from the run to `rows`."""
        on_path = np.zeros(self.size, np.bool_)
        on_path[rows] = True
        for nodes in reversed(self.levels[1:]):
            on_path[self.parent[nodes[on_path[nodes]]]] = True
        return [level[on_path[level]] for level in self.levels]

    def nearest(self, nodes: Ints, stands: Ints, function: int, paths: list[Ints], rows: Ints) -> Ints:
        """For each row, which of `nodes`, all of one block in `function`, it shows (rules 2 and 4); 0 for none."""
        shown = np.zeros(self.size, np.int64)
        shown[stands[nodes]] = nodes
        for copy, original in self.copies:
            if shown[copy] == 0 < shown[original] and not self._has_others(copy, int(shown[original])):
                shown[copy] = self._passed_on(int(shown[original]), int(self.stream[copy]))
        for level in paths[int(self.depth[stands[nodes]].min()) + 1 :]:
            above = shown[self.parent[level]]
            if self.recursion:
                above[self.recursive[level] & (self.block[level] == function)] = 0
            shown[level] = np.where(shown[level] > 0, shown[level], above)
        return shown[rows]

    def _has_others(self, copy: int, node: int) -> bool:
        """Whether another instance of a block, of those from a node up to what `copy` is one of, began beneath it: then
        it is not the only one there."""
        stream, end = int(self.stream[copy]), int(self.end[copy])
        while node > 0 and self.block[node] != self.block[copy]:
            own = self.nodes_of(int(self.block[node]))
            beneath = own[np.searchsorted(own, copy) : np.searchsorted(own, end)]
            if len(beneath) and (len(beneath) > 1 or self.copy.get((stream, node)) != beneath[0]):
                return True
            node = int(self.parent[node])
        return False

    def _passed_on(self, node: int, stream: int) -> int:
        """What a forked child, in its stream, has of a node that its parent shows: its copy, or the node if it began
        before the fork; 0 for nothing."""
        if (stream, node) in self.copy:
            return int(self.copy[stream, node])
        limit = self.forks.limit(self.forks.process[stream], int(self.stream[node]))
        return node if int(self.seq[node]) <= limit else 0

    def around(self, nodes: Ints) -> list[int]:
        """The blocks of the parents of `nodes`, but for recursive calls; -1 is the run."""
        if self.recursion:
            nodes = nodes[~self.recursive[nodes]]
        found = np.zeros(int(self.block.max()) + 2, np.bool_)
        found[self.block[self.parent[nodes]]] = True  # -1 is the last one
        found[-1] = False
        return np.flatnonzero(found).tolist()


def _may_have_gaps(tree: Tree) -> Bools:
    """Over instances: whether some of a thinned block may have begun there that were not recorded.

    Those of a loop begin where others of it have; a function may be called anywhere.
    """
    thinned = np.flatnonzero(tree.thinned)
    unseen = not set(np.setdiff1d(thinned, tree.block).tolist()) <= tree.elsewhere.keys()
    if unseen or np.any(tree.called[thinned] & (tree.function[thinned] == thinned)):
        return np.ones(len(tree.block), np.bool_)
    around = tree.parent[tree.thinned[tree.block]]
    begins = np.zeros(len(tree.thinned), np.bool_)
    begins[tree.block[around[around >= 0]]] = True
    begins[list(tree.elsewhere.values())] = True
    return begins[tree.block]


def _depth_first(parent: Ints, levels: list[Ints]) -> tuple[Ints, Ints]:
    """For each node its number in depth-first order, siblings in the order they have, and how many nodes there are
    beneath it, itself included."""
    size = np.ones(len(parent), np.int64)
    for level in reversed(levels[1:]):
        np.add.at(size, parent[level], size[level])
    number = np.zeros(len(parent), np.int64)
    for nodes in levels[1:]:
        parents = parent[nodes]
        if np.any(parents[1:] < parents[:-1]):
            order = np.argsort(parents, kind="stable")
            nodes, parents = nodes[order], parents[order]
        before = np.cumsum(size[nodes]) - size[nodes]
        first = np.flatnonzero(np.concatenate(([True], parents[1:] != parents[:-1])))
        siblings = np.diff(np.append(first, len(nodes)))
        number[nodes] = number[parents] + 1 + before - np.repeat(before[first], siblings)
    return number, size


def depths(parent: Ints) -> Ints:
    """How many steps each node is from node 0, which is its own parent."""
    depth = np.ones(len(parent), np.int64)
    depth[0] = 0
    above = parent
    while above.any():
        depth = depth + depth[above]
        above = above[above]
    return depth


def by_depth(depth: Ints) -> list[Ints]:
    """The nodes at each depth, ascending."""
    small = depth.astype(np.int16) if depth.max() < 2**15 else depth  # int16 is sorted by radix
    return np.split(np.argsort(small, kind="stable"), np.cumsum(np.bincount(depth))[:-1])
