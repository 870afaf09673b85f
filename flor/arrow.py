"""Arrow arrays from numbers and texts, by their buffers. `pa.array` would do, but it imports pandas where that is
installed, which takes longer than all else in `flor etl`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TEXT = pa.large_string()


def numbers(values: npt.NDArray[Any], null: npt.NDArray[np.bool_] | None = None, kind: pa.DataType = None) -> pa.Array:
    """An array of a numpy array of bool, int32, int64 or float64; NULL where `null` is True. `kind` is another type of
    as many bits."""
    if values.dtype == np.bool_:
        data, kind = np.packbits(values, bitorder="little"), pa.bool_()
    else:
        data, kind = np.ascontiguousarray(values), kind or pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [_validity(null), pa.py_buffer(data)])


def optional(values: Sequence[float | None], kind: pa.DataType) -> pa.Array:
    """An array of 64-bit numbers of a type; None is NULL."""
    null = np.array([v is None for v in values], np.bool_)
    dtype = np.float64 if kind == pa.float64() else np.int64
    return numbers(np.array([0 if v is None else v for v in values], dtype), null, kind)


def texts(values: Sequence[str | None]) -> pa.Array:
    """An array of text; None is NULL. A lone surrogate (a byte of a file's name that is no text) is escaped."""
    encoded = [b"" if v is None else v.encode("utf-8", "backslashreplace") for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    null = np.array([v is None for v in values], np.bool_)
    buffers = [_validity(null), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(TEXT, len(encoded), buffers)


def repeated(data: bytes, count: int, kind: pa.DataType = TEXT) -> pa.Array:
    """`count` times the same text, or bytes if `kind` is pa.large_binary()."""
    offsets = np.arange(count + 1, dtype=np.int64) * len(data)
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(offsets), pa.py_buffer(data * count)])


def content(texts: pa.Array) -> memoryview:
    """All the bytes of an array of text, one after the other."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data or b"")[int(ends[0]) : int(ends[-1])]


def _validity(null: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    if null is None or not null.any():
        return None
    return pa.py_buffer(np.packbits(~null, bitorder="little"))


def moments(nanoseconds: npt.NDArray[np.int64], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """An array of points in time, UTC, in microseconds, from nanoseconds since the epoch."""
    return numbers(nanoseconds // 1000, null, pa.timestamp("us", "UTC"))
