"""Open a trace: its sources, its block instances, the values of a site. The same answers for a packed trace and for raw segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True)
class Instances:
    """A run's block instances; row i is instance i. All arrays have one length. Parents come before their children."""

    source: npt.NDArray[np.int32]  # index into Trace.sources
    block: npt.NDArray[np.int32]  # index into that source's SourceMap.blocks
    parent: npt.NDArray[np.int64]  # instance, -1: none
    ordinal: npt.NDArray[np.int64]  # 0, 1, ... among the instances of this block under this parent
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
