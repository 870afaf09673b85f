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
from flor.trace.forked import CircleError, Forks, Mains, Places

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
    copies: Ints  # rows (copy, original), see `Trace.copies`
    cut: int  # of how many the parent was cut off, because it was their child


def assemble(
    instances: Instances,
    late: Ints,
    copies: Ints,
    streams: Sequence[tuple[int, int]],
    forks: Forks,
    activations: Sequence[Sequence[int]],
    main: int = -1,
    mains: Sequence[int] = (),
) -> Assembled:
    """Make the parts' instances one.

    `late`: rows (instance, parent, ordinal) of those whose parent was found in a later part. `copies`: the instances
    that forked children go on in, with their originals for parents. `streams`: the process and the number there of each
    stream. `activations`: of each source the blocks that have activations. `main`: the main module's instance, -1:
    none; `mains`: the sources that are the main module again, in processes that were started afresh. Raises
    CircleError.
    """
    cut = 0
    pairs = np.column_stack([copies, instances.parent[copies]])
    if len(late):
        instances, cut = _with_late(instances, late)
    rank = stream_ranks(streams)
    if rank is not None:
        instances = replace(instances, stream=rank[instances.stream])
    if len(copies):
        instances = replace(instances, parent=_with_copies(instances, copies, forks))
        instances = replace(instances, ordinal=_counted_on(instances, pairs, forks, activations))
    forked, counted_in = pairs, instances.parent
    if main >= 0 and (len(mains) or len(copies)):
        instances, pairs = _with_mains(instances, main, mains, pairs, forks)
        own = pairs[~np.isin(pairs[:, 0], forked[:, 0]), 0]
        counted_in = np.where(np.isin(instances.parent, own), main, instances.parent)  # as one in all of these
    if len(streams) > 1:
        ordinal = _over_streams(replace(instances, parent=counted_in), copies, activations)
        instances = replace(instances, ordinal=ordinal)
    for copy, original in forked.tolist():
        instances.ordinal[copy] = instances.ordinal[original]
    number = _parents_first(instances.parent)
    if number is not None:
        instances = _renumbered(instances, number)
        pairs = number[pairs]
    return Assembled(instances, number, pairs, cut)


def _with_copies(instances: Instances, copies: Ints, forks: Forks) -> Ints:
    """The parents where copies lie beside their originals, and what forked children began lies in their copies."""
    parent, stream = instances.parent.copy(), instances.stream
    places = Places(forks, memoryview(stream), memoryview(parent), copies.tolist())  # type: ignore[arg-type]
    process = np.array(forks.process)[stream]
    abroad = np.flatnonzero((parent >= 0) & (process != process[parent]))
    abroad = abroad[~np.isin(abroad, copies)]
    different, which = np.unique(np.stack([process[abroad], parent[abroad]]), axis=1, return_inverse=True)
    moved = np.array([places.of_child(*pair) for pair in different.T.tolist()], np.int64)
    if len(abroad):
        parent[abroad] = moved[which.reshape(-1)]
    around = list(places.of_copies())
    parent[copies] = around
    return parent


def _with_mains(
    instances: Instances, main: int, mains: Sequence[int], copies: Ints, forks: Forks
) -> tuple[Instances, Ints]:
    """What lies directly in the main module, in a process that was started afresh, lies in its own instance of it, or
    in that of what started it. To the rows (copy, original) come those of such instances: each goes on from that of
    what started its process, as a copy does."""
    process = np.array(forks.process)[instances.stream]
    is_main = np.isin(instances.source, mains) & (instances.block == 0)
    again = np.flatnonzero(is_main & ((instances.parent < 0) | (instances.parent == main)))  # perhaps after a package
    again = again[(process[again] != process[main]) & (again > main)]
    again = again[np.lexsort((instances.seq[again], instances.stream[again]))]
    found = Mains(forks, memoryview(process), main, again.tolist(), copies.tolist())  # type: ignore[arg-type]
    parent = instances.parent.copy()
    parent[list(found.again.values())] = -1
    inside = np.flatnonzero((parent == main) & (process != process[main]))
    numbers, which = np.unique(process[inside], return_inverse=True)
    parent[inside] = np.array([found.of(number) for number in numbers.tolist()], np.int64)[which]
    pairs = np.concatenate([np.array(found.pairs(), np.int64).reshape(-1, 2), copies])
    return replace(instances, parent=parent), pairs[np.argsort(process[pairs[:, 0]], kind="stable")]


def _counted_on(instances: Instances, copies: Ints, forks: Forks, activations: Sequence[Sequence[int]]) -> Ints:
    """The ordinals, those of activations in a copy counted on from those that had begun in the original."""
    parent, ordinal = instances.parent, instances.ordinal.copy()
    block = _first_blocks(activations)[instances.source] + instances.block
    begun = _are_activations(instances, activations) & np.isin(parent, copies)
    begun[copies[:, 0]] = False
    within = np.flatnonzero(begun)
    within = within[np.argsort(parent[within], kind="stable")]
    inside = parent[within]
    counted: dict[int, dict[int, int]] = {}
    for copy, original in copies.tolist():
        before, own = (within[slice(*np.searchsorted(inside, (i, i + 1)))] for i in (original, copy))
        if not len(own) and not len(before) and original not in counted:
            continue
        counts = counted[copy] = dict(counted.get(original, {}))
        process = forks.process[int(instances.stream[copy])]
        limit = {stream: forks.limit(process, stream) for stream in _distinct(instances.stream[before])}
        before = before[instances.seq[before] <= [limit[stream] for stream in instances.stream[before].tolist()]]
        for number in _distinct(block[before]):
            counts[number] = int(ordinal[before[block[before] == number]].max()) + 1
        own = own[instances.stream[own] == instances.stream[copy]]
        for number in _distinct(block[own]):
            ordinal[own[block[own] == number]] += counts.get(number, 0)
    return ordinal


def _distinct(numbers: npt.NDArray[np.signedinteger]) -> list[int]:
    found: list[int] = np.unique(numbers).tolist()
    return found


def _first_blocks(activations: Sequence[Sequence[int]]) -> Ints:
    """Where the numbers of each source's blocks begin, as far as they have activations, if all are numbered; one more
    for the end."""
    return np.cumsum([0, *(max(own, default=-1) + 1 for own in activations)])


def _are_activations(instances: Instances, activations: Sequence[Sequence[int]]) -> npt.NDArray[np.bool_]:
    """Whether each instance is of a block that has activations."""
    first = _first_blocks(activations)
    is_activation = np.zeros(first[-1] + 1, bool)
    for begin, own in zip(first, activations, strict=False):
        is_activation[begin + np.array(own, np.int64)] = True
    where = np.minimum(first[instances.source] + instances.block, first[instances.source + 1])
    found: npt.NDArray[np.bool_] = is_activation[where] & (where < first[instances.source + 1])
    return found


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
    counted = _are_activations(instances, activations)
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
