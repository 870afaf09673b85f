"""A trace's columns as numpy and Arrow arrays. What reads and what writes packed traces shares them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.trace import format as f
from flor.trace.decode import Decoded, Fork, gather, split, texts
from flor.trace.layout import SourceKey
from flor.trace.stream import ROW


@dataclass(frozen=True)
class Instances:
    """A run's block instances; row i is instance i. All arrays have one length. Parents come before their children."""

    source: npt.NDArray[np.int32]  # index into Trace.sources
    block: npt.NDArray[np.int32]  # index into that source's SourceMap.blocks
    parent: npt.NDArray[np.int64]  # instance, -1: none
    #: 0, 1, ... among the instances of this block under this parent. A loop that goes on in a forked child goes on
    #: counting there, so parent and child can have iterations of one number, in two streams.
    ordinal: npt.NDArray[np.int64]
    stream: npt.NDArray[np.int32]  # thread of the run, numbered over all its processes
    seq: npt.NDArray[np.int64]  # place in the stream's order of events
    begin: npt.NDArray[np.int64]  # nanoseconds on the run's clock, a few milliseconds coarse


@dataclass(frozen=True)
class Values:
    """The recorded values of one site, in the order of (stream, seq). At most one for each instance."""

    instance: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]  # a value kind of flor.trace.format
    payload: npt.NDArray[np.uint64]  # INT: two's complement, FLOAT: bits of the double, BOOL: 0 or 1; else 0
    data: pa.LargeBinaryArray  # heap bytes of the kinds that have them (SHORT_STR arrives as STR), else null


@dataclass(frozen=True)
class About:
    """What a part of a trace says of the whole run, as far as it was known then."""

    keys: list[SourceKey]
    streams: list[tuple[int, int]]  # by their numbers: process, and number there
    forks: list[Fork]  # by process: where it comes from
    activations: list[list[int]]  # of each source the blocks that have activations
    warnings: list[str]
    main: int  # instance of the main script's module, or -1
    skipped: dict[tuple[int, int], int]  # (source, block) -> how many instances were not recorded
    duplicates: int  # values that were dropped because their instance has another of the same site
    unresolved: int  # instances without known parent
    damaged: bool


@dataclass(frozen=True)
class Rows:
    """The values of a site, and the stream that each was recorded in."""

    values: Values
    stream: npt.NDArray[np.int32]


_ROW = np.dtype([("instance", "<i8"), ("seq", "<i8"), ("payload", "<u8"), ("kind", "<u4"), ("stream", "<i4")])
assert _ROW.itemsize == ROW * 8

#: For each kind whether it has bytes, and whether they are in the heap. As bits: those that are.
_HAS_DATA = np.isin(np.arange(256), [*f.HEAP_KINDS, f.SHORT_STR])
_IN_HEAP = np.isin(np.arange(256), list(f.HEAP_KINDS))
_HEAP_BITS = sum(1 << kind for kind in f.HEAP_KINDS)
_DATA_BITS = _HEAP_BITS | 1 << f.SHORT_STR

#: How many of a site's last values are looked at for one that may be referred to again, and how many gaps.
_LOOKED_AT = 1 << 12
_GAPS = 1 << 10

#: Heap bytes, as Checkpoint.heap has them.
Remembered = tuple[tuple[int, int, int], tuple[int, bytes]]


def instances_of(*columns: npt.NDArray[Any]) -> Instances:
    """Instances of columns in their order, each of its proper type."""
    names = ("source", "block", "parent", "ordinal", "stream", "seq", "begin")
    types = (np.int32, np.int32, np.int64, np.int64, np.int32, np.int64, np.int64)
    return Instances(**{n: c.astype(t, copy=False) for n, t, c in zip(names, types, columns, strict=True)})


def no_rows() -> Rows:
    """Rows of a site that has no values."""
    none = np.zeros(0, np.int64)
    data = pa.nulls(0, pa.large_binary())
    return Rows(Values(none, none, none.astype(np.uint8), none.astype(np.uint64), data), none.astype(np.int32))


def arrow(column: npt.NDArray[Any]) -> pa.Array:
    """The column for Arrow, not copied if it is contiguous. (pa.array would import pandas to look at it.)"""
    column = np.ascontiguousarray(column)
    kind = pa.from_numpy_dtype(column.dtype)
    return pa.Array.from_buffers(kind, len(column), [None, pa.py_buffer(column)])


def decoded_instances(decoded: Decoded) -> Instances:
    """The instances that the decoder found, an activation's ordinal counted within its stream."""
    block = np.frombuffer(decoded.block, np.int64)
    counts = [s.end_block - s.first_block for s in decoded.sources]
    source_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    block_of = np.concatenate([np.zeros(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)])
    source, here = source_of[block], block_of[block]
    columns = (decoded.parent, decoded.ordinal, decoded.stream, decoded.seq, decoded.begin)
    return instances_of(source, here, *(np.frombuffer(c, np.int64) for c in columns))


def decoded_about(decoded: Decoded) -> About:
    """What the decoder found out about the run."""
    blocks = [(i, b, s.first_block + b) for i, s in enumerate(decoded.sources) for b in range(len(s.blocks))]
    return About(
        [s.key for s in decoded.sources],
        decoded.streams,
        decoded.forks,
        [[b for b, row in enumerate(s.blocks) if row[1] == 0] for s in decoded.sources],
        decoded.warnings,
        decoded.main,
        {(i, b): decoded.skipped[number] for i, b, number in blocks if decoded.skipped[number]},
        decoded.duplicates,
        decoded.unresolved,
        decoded.damaged,
    )


def decoded_rows(site: int, rows: memoryview, decoded: Decoded) -> Rows:
    """Rows of a site (a run-wide number) as the decoder gives them, as columns."""
    types = (np.int64, np.int64, np.uint64, np.uint8, np.int32)
    instance, seq, payload, kind, stream = map(np.frombuffer, split(rows), types)
    if decoded.kinds[site] & _DATA_BITS:
        table = np.frombuffer(rows, _ROW)
        if decoded.kinds[site] & _HEAP_BITS:
            table = _with_places(table, kind, decoded)
        kind, data = _with_data(*gather(table.view(np.uint8).data, decoded.heap))
    else:
        data = pa.nulls(len(kind), pa.large_binary())
    return Rows(Values(instance, seq, kind, payload, data), stream)


def in_words(values: Values) -> Values:
    """Values with each TREE as an EXACT: for who reads them. What stores them leaves them as they are."""
    kind, data = values.kind, values.data
    if not (kind == f.TREE).any():
        return values
    _, offsets, content = data.buffers()
    here = memoryview(offsets)[8 * data.offset : 8 * (data.offset + len(data) + 1)]
    kind, data = _with_data(*texts(np.ascontiguousarray(kind).data, here, memoryview(content)))
    return replace(values, kind=kind, data=data)


def _with_data(
    kinds: bytes, offsets: bytes | memoryview, content: bytes | memoryview
) -> tuple[npt.NDArray[np.uint8], pa.LargeBinaryArray]:
    """Kinds and heap bytes as the decoder gives them, as columns."""
    kind = np.frombuffer(kinds, np.uint8)
    valid = np.packbits(_HAS_DATA[kind], bitorder="little")
    buffers = [pa.py_buffer(b) for b in (valid, offsets, content)]
    return kind, pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(kind), buffers)


def _with_places(table: npt.NDArray[Any], kind: npt.NDArray[np.uint8], decoded: Decoded) -> npt.NDArray[Any]:
    """Rows whose heap segments are gone, as far as anything of them was carried on, refer to where it lies now."""
    at = np.flatnonzero(_IN_HEAP[kind])
    if not len(at):
        return table
    stream, payload = table["stream"][at], table["payload"][at]
    segment = payload >> np.uint64(f.HEAP_SHIFT)
    begins = np.flatnonzero(np.r_[True, (stream[1:] != stream[:-1]) | (segment[1:] != segment[:-1])])
    places = zip(stream[begins].tolist(), segment[begins].tolist(), strict=True)
    gone = np.repeat([not decoded.heap.has(*place) for place in places], np.diff(begins, append=len(at)))
    if not gone.any():
        return table
    table = table.copy()
    table["payload"][at[gone]] = [
        decoded.heap.place(s, p) for s, p in zip(stream[gone].tolist(), payload[gone].tolist(), strict=True)
    ]
    return table


def remembered(site: int, rows: memoryview, decoded: Decoded, highest: dict[int, int]) -> Iterator[Remembered]:
    """Heap bytes of a site's rows that later records may refer to again (see flor.trace.format). `highest` learns the
    highest heap segment that a row of a stream refers to."""
    if not decoded.kinds[site] & _HEAP_BITS:
        return
    table = np.frombuffer(rows, _ROW)
    kinds = table["kind"].astype(np.uint8)
    at = np.flatnonzero(_IN_HEAP[kinds])
    streams = table["stream"][at]
    for stream in _different(streams):
        own = at[streams == stream]
        payloads, own_kinds = table["payload"][own], kinds[own]
        highest[stream] = max(highest.get(stream, 0), int(payloads.max()) >> f.HEAP_SHIFT)
        for kind in _different(own_kinds):
            of_kind = payloads[own_kinds == kind]
            if kind == f.GAP:
                for payload in np.unique(of_kind)[-_GAPS:].tolist():
                    yield (stream, kind, payload), (payload, decoded.heap.read(stream, payload) or b"")
                continue
            for payload in of_kind[: -_LOOKED_AT - 1 : -1].tolist():
                data = decoded.heap.read(stream, payload)
                if data is not None and len(data) <= f.MAX_REUSED:
                    yield (stream, kind, site), (payload, data)
                    break


def _different(small: npt.NDArray[Any]) -> list[int]:
    """The different ones of small numbers that are not negative."""
    same = not len(small) or small.min() == small.max()
    found: list[int] = (small[:1] if same else np.flatnonzero(np.bincount(small))).tolist()
    return found
