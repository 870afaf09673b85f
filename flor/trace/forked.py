"""The block instances that forked children go on in: copies, each beside its original. Pure functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from flor.trace.columns import Instances

Ints = npt.NDArray[np.int64]


class CircleError(ValueError):
    """Instances are their own ancestors: not what was written."""


def beside(
    instances: Instances, copies: Ints, main: int, process: Ints, activations: Sequence[Sequence[int]]
) -> Instances:
    """The instances with each copy beside its original, and with what begins in a copy counted on from what had begun
    in the original.

    `copies`: rows (copy, original, stream, seq), see `Trace.copies`. `main`: the main script's module, or -1.
    `process`: of each stream. `activations`: of each source the blocks that have activations. Raises CircleError.
    """
    if not ((copies[:, 1] >= 0) & (copies[:, 1] < copies[:, 0])).all():
        raise CircleError
    instances = replace(instances, parent=_parents(instances, copies, main, process))
    return replace(instances, ordinal=_counted_on(instances, copies, activations))


def _parents(instances: Instances, copies: Ints, main: int, process: Ints) -> Ints:
    """A copy lies in the copy that its stream has of the original's parent, or in that parent itself. Other threads of
    a process that has a copy of the main module begin in that."""
    parent = instances.parent.copy()
    pairs = list(zip(instances.stream[copies[:, 0]].tolist(), copies[:, :2].tolist(), strict=True))
    copy_of = {(stream, original): copy for stream, (copy, original) in pairs}
    for stream, (copy, original) in pairs:
        around = int(parent[original])
        parent[copy] = copy_of.get((stream, around), around)
    if main >= 0:
        of_main = copies[first_originals(copies) == main, 0]
        main_of = np.full(process.max() + 1, main)
        main_of[process[instances.stream[of_main]]] = of_main
        inside = np.flatnonzero(parent == main)
        inside = inside[~np.isin(inside, copies[:, 0])]
        parent[inside] = main_of[process[instances.stream[inside]]]
    return parent


def _counted_on(instances: Instances, copies: Ints, activations: Sequence[Sequence[int]]) -> Ints:
    """The ordinals, those of activations in a copy counted on from those that had begun in the original."""
    parent, ordinal = instances.parent, instances.ordinal.copy()
    block = _first_blocks(activations)[instances.source] + instances.block
    begun = activations_among(instances, activations) & np.isin(parent, copies[:, :2])
    begun[copies[:, 0]] = False
    within = np.flatnonzero(begun)
    within = within[np.argsort(parent[within], kind="stable")]
    inside = parent[within]
    counted: dict[int, dict[int, int]] = {}
    for copy, original, stream, last in copies.tolist():
        before, own = (within[slice(*np.searchsorted(inside, (i, i + 1)))] for i in (original, copy))
        if not len(own) and not len(before) and original not in counted:
            continue
        counts = counted[copy] = dict(counted.get(original, {}))
        before = before[(instances.stream[before] == stream) & (instances.seq[before] <= last)]
        for number in _distinct(block[before]):
            counts[number] = int(ordinal[before[block[before] == number]].max()) + 1
        own = own[instances.stream[own] == instances.stream[copy]]
        for number in _distinct(block[own]):
            ordinal[own[block[own] == number]] += counts.get(number, 0)
    return ordinal


def first_originals(copies: Ints) -> Ints:
    """Of each copy the original that is none."""
    original = dict(copies[:, :2].tolist())
    for copy, own in original.items():
        original[copy] = original.get(own, own)
    return np.array(list(original.values()), np.int64)


def _distinct(blocks: Ints) -> list[int]:
    found: list[int] = np.unique(blocks).tolist()
    return found


def _first_blocks(activations: Sequence[Sequence[int]]) -> Ints:
    """Where the numbers of each source's blocks begin, as far as they have activations, if all are numbered; one more
    for the end."""
    return np.cumsum([0, *(max(own, default=-1) + 1 for own in activations)])


def activations_among(instances: Instances, activations: Sequence[Sequence[int]]) -> npt.NDArray[np.bool_]:
    """Whether each instance is of a block that has activations."""
    first = _first_blocks(activations)
    is_activation = np.zeros(first[-1] + 1, bool)
    for begin, own in zip(first, activations, strict=False):
        is_activation[begin + np.array(own, np.int64)] = True
    where = np.minimum(first[instances.source] + instances.block, first[instances.source + 1])
    found: npt.NDArray[np.bool_] = is_activation[where] & (where < first[instances.source + 1])
    return found
