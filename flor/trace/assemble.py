"""The block instances of a run's parts made one: numbered so that parents come before their children, counted over all
streams. Pure functions on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.trace.columns import Instances, Rows, Values, arrow
from flor.trace.forked import CircleError, activations_among, beside, first_originals

Ints = npt.NDArray[np.int64]


def concatenate(parts: Sequence[Instances]) -> Instances:
    """The parts' instances one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Instances(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Instances)})


@dataclass(frozen=True)
class Assembled:
    """Instances as readers see them."""

    instances: Instances
    number: Ints | None  # of each of the given instances its new number; None: the same
    copies: Ints  # rows (copy, original, stream, seq), see `Trace.copies`
    cut: int  # of how many the parent was cut off, because it was their child


def assemble(
    instances: Instances,
    late: Ints,
    copies: Ints,
    main: int,
    streams: Sequence[tuple[int, int]],
    activations: Sequence[Sequence[int]],
) -> Assembled:
    """Make the parts' instances one.

    `late`: rows (instance, parent, ordinal) of those whose parent was found in a later part. `copies`: rows (copy,
    stream, seq) as the decoder gives them, with their originals for parents. `main`: the main script's module, or -1.
    `streams`: the process and the number
    there of each stream. `activations`: of each source the blocks that have activations. Raises CircleError.
    """
    cut = 0
    found = np.column_stack([copies[:, 0], instances.parent[copies[:, 0]], copies[:, 1:]])
    if len(late):
        instances, cut = _with_late(instances, late)
    rank = stream_ranks(streams)
    if rank is not None:
        instances = replace(instances, stream=rank[instances.stream])
        found[:, 2] = rank[found[:, 2]]
    if len(found):
        process = np.array(sorted(streams) if rank is not None else streams)[:, 0]
        instances = beside(instances, found, main, process, activations)
    if len(streams) > 1:
        instances = replace(instances, ordinal=_over_streams(instances, found[:, 0], activations))
    if len(found):
        instances.ordinal[found[:, 0]] = instances.ordinal[first_originals(found)]
    number = _parents_first(instances.parent)
    if number is not None:
        instances = _renumbered(instances, number)
        found[:, :2] = number[found[:, :2]]
    return Assembled(instances, number, found, cut)


def stream_ranks(streams: Sequence[tuple[int, int]]) -> npt.NDArray[np.int32] | None:
    """The streams' numbers for readers, in the order of processes: parts number them as they came. None: the same."""
    order = sorted(range(len(streams)), key=streams.__getitem__)
    if order == list(range(len(streams))):
        return None
    rank = np.empty(len(streams), np.int32)
    rank[order] = np.arange(len(streams))
    return rank


def _with_late(instances: Instances, late: Ints) -> tuple[Instances, int]:
    parent, ordinal = instances.parent.copy(), instances.ordinal.copy()
    parent[late[:, 0]], ordinal[late[:, 0]] = late[:, 1], late[:, 2]
    # They were counted when they were found: in the stream's order they may come before others.
    among = np.flatnonzero(np.isin(parent, late[:, 1]))
    group = (instances.stream[among], instances.block[among], instances.source[among], parent[among])
    by_seq, by_ordinal = np.lexsort((instances.seq[among], *group)), np.lexsort((ordinal[among], *group))
    ordinal[among[by_seq]] = ordinal[among[by_ordinal]]
    cut = 0
    links = late[_endless(parent)[late[:, 0]], :2].tolist()
    for instance, _ in links:
        parent[instance] = -1
    for instance, found in links:  # again, one by one: the one that closes a circle is cut
        at = found
        while at >= 0 and at != instance:
            at = int(parent[at])
        if at == instance:
            cut += 1
        else:
            parent[instance] = found
    return replace(instances, parent=parent, ordinal=ordinal), cut


def _endless(parent: Ints) -> npt.NDArray[np.bool_]:
    """Whose chain of parents has no end."""
    ancestor = parent
    for _ in range(len(parent).bit_length() + 1):
        ancestor = np.where(ancestor >= 0, ancestor[ancestor], -1)
    return ancestor >= 0


def _over_streams(instances: Instances, copies: Ints, activations: Sequence[Sequence[int]]) -> Ints:
    """Ordinals of activations, counted on from stream to stream under a parent that has some in several. The copies are
    not counted."""
    counted = activations_among(instances, activations)
    counted[copies] = False
    parent, stream = instances.parent, instances.stream
    abroad = (parent >= 0) & (stream != stream[parent])
    shared = np.flatnonzero(counted & ((parent < 0) | np.isin(parent, parent[abroad])))
    if not len(shared):
        return instances.ordinal
    keys = (stream[shared], instances.block[shared], instances.source[shared], parent[shared])
    order = shared[np.lexsort((instances.ordinal[shared], *keys))]
    ends = _changes(stream, instances.block, instances.source, parent, at=order)
    groups = _changes(instances.block, instances.source, parent, at=order)
    # Of each run of one stream: how many come in the group's streams before it.
    begins = np.flatnonzero(ends)
    lengths = np.diff([*begins, len(order)])
    total = instances.ordinal[order[begins + lengths - 1]] + 1
    before = np.cumsum(total) - total
    of_group = before[groups[begins]]
    at_group = np.repeat(of_group, np.diff([*np.flatnonzero(groups[begins]), len(begins)]))
    ordinal = instances.ordinal.copy()
    ordinal[order] += np.repeat(before - at_group, lengths)
    return ordinal


def _changes(*columns: npt.NDArray[np.signedinteger], at: Ints) -> npt.NDArray[np.bool_]:
    """Where one of the columns differs from the row before; the first row counts."""
    changes = np.zeros(len(at), bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= np.diff(column[at]) != 0
    return changes


def _parents_first(parent: Ints) -> Ints | None:
    """New numbers such that parents come before their children, else in their order. None: they do."""
    index = np.arange(len(parent))
    if (parent < index).all():
        return None
    if _endless(parent).any():
        raise CircleError
    number = index
    while not (parent < index).all():
        last = np.maximum(index, parent)  # the last one among it and its ancestors
        while True:
            further = np.where(parent >= 0, np.maximum(last, last[parent]), last)
            if (further == last).all():
                break
            last = further
        order = np.lexsort((index, last != index, last))
        moved = np.empty(len(parent), np.int64)
        moved[order] = index
        parent = np.where(parent[order] >= 0, moved[parent[order]], -1)
        number = moved[number]
    return number


def _renumbered(instances: Instances, number: Ints) -> Instances:
    order = np.empty(len(number), np.int64)
    order[number] = np.arange(len(number))
    parent = instances.parent[order]
    moved = {f.name: getattr(instances, f.name)[order] for f in fields(Instances) if f.name != "parent"}
    return Instances(**moved, parent=np.where(parent >= 0, number[parent], -1))


def one_after_the_other(parts: Sequence[tuple[int, Rows]]) -> Rows:
    """A site's rows from several parts, each with the number of its part's first instance: in the order of (stream,
    seq), one value in each instance (as the decoder does it in one part)."""
    instance, seq, kind, payload = (
        np.concatenate([getattr(rows.values, name) for _, rows in parts])
        for name in ("instance", "seq", "kind", "payload")
    )
    data = pa.concat_arrays([rows.values.data for _, rows in parts])
    stream = np.concatenate([rows.stream for _, rows in parts])
    order = None
    if (np.diff(stream) < 0).any():
        order = np.argsort(stream, kind="stable")
    # Values in instances of an earlier part may be their second.
    older = np.unique(np.concatenate([rows.values.instance[rows.values.instance < base] for base, rows in parts]))
    if len(older) and np.isin(instance, older).sum() > len(older):
        order = np.arange(len(stream)) if order is None else order
        order = order[_one_each(instance[order], stream[order])]
    if order is None:
        return Rows(Values(instance, seq, kind, payload, data), stream)
    values = Values(instance[order], seq[order], kind[order], payload[order], data.take(arrow(order)))
    return Rows(values, stream[order])


def _one_each(instance: Ints, stream: npt.NDArray[np.int32]) -> Ints:
    """Which rows are left when of an instance's rows the last one of its first stream is."""
    index = np.arange(len(instance))
    order = np.lexsort((-index, instance))
    _, first = np.unique(instance, return_index=True)
    first_stream = stream[first]
    own = stream[order] == np.repeat(first_stream, np.bincount(np.searchsorted(instance[first], instance)))
    order = order[own]
    keep = np.ones(len(order), bool)
    keep[1:] = np.diff(instance[order]) != 0
    return np.sort(order[keep])
