"""A trace's columns as numpy and Arrow arrays. What reads and what writes packed traces shares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.trace import format as f
from flor.trace.decode import Decoded, gather
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
class Rows:
    """The values of a site, and the stream that each was recorded in."""

    values: Values
    stream: npt.NDArray[np.int32]


_ROW = np.dtype([("instance", "<i8"), ("seq", "<i8"), ("payload", "<u8"), ("kind", "<u4"), ("stream", "<i4")])
assert _ROW.itemsize == ROW * 8

#: For each kind whether its payload is the value, and whether it has heap bytes.
_HAS_PAYLOAD = np.isin(np.arange(256), (f.BOOL, f.INT, f.FLOAT))
_HAS_DATA = np.isin(np.arange(256), [*f.HEAP_KINDS, f.SHORT_STR])  # as the decoder gives kinds


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
    """The instances that the decoder found."""
    block = np.frombuffer(decoded.block, np.int64)
    first = np.array([s.first_block for s in decoded.sources], np.int64)
    # A source whose site table is missing has no blocks and the same first one as the next: the last counts.
    source = np.searchsorted(first, block, side="right") - 1
    here = block - first[source] if len(first) else block
    columns = (decoded.parent, decoded.ordinal, decoded.stream, decoded.seq, decoded.begin)
    return instances_of(source, here, *(np.frombuffer(c, np.int64) for c in columns))


def decoded_skipped(decoded: Decoded) -> dict[tuple[int, int], int]:
    """How many instances of a block, (source, block), were not recorded, where any was not."""
    return {
        (number, block): count
        for number, source in enumerate(decoded.sources)
        for block in range(len(source.blocks))
        if (count := decoded.skipped[source.first_block + block])
    }


def decoded_rows(rows: memoryview, decoded: Decoded) -> Rows:
    """A site's rows as the decoder gives them, as columns."""
    table = np.frombuffer(rows, _ROW)
    kind = table["kind"].astype(np.uint8)
    kinds = np.unique(kind) if kind.min() != kind.max() else kind[:1]
    payload = table["payload"]
    if not _HAS_PAYLOAD[kinds].all():
        payload = np.where(_HAS_PAYLOAD[kind], payload, np.uint64(0))
    if not _HAS_DATA[kinds].any():
        data = pa.nulls(len(kind), pa.large_binary())
    else:
        valid = pa.py_buffer(np.packbits(_HAS_DATA[kind], bitorder="little"))
        found, offsets, content = gather(rows, decoded.heap)
        kind = np.frombuffer(found, np.uint8)
        buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(content)]
        data = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(kind), buffers)
    return Rows(Values(table["instance"], table["seq"], kind, payload, data), table["stream"])
