"""Recorded values, many at a time: what each of them is, and its text."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import arrow
from flor.trace import format as f
from flor.trace.values import text

#: Words for the kinds that are values.
TYPES = {
    f.BOOL: "bool",
    f.INT: "int",
    f.BIG_INT: "int",
    f.FLOAT: "float",
    f.STR: "str",
    f.BYTES: "bytes",
    f.COMPLEX: "complex",
    f.EXACT: "container",
    f.ARRAY: "array",
    f.OBJECT: "object",
    f.NAMED: "object",
    f.DATE: "date",
    f.SUMMARY: "summary",
}
#: Kinds that are NULL in a column.
NULLS = (f.NONE, f.GAP, f.REDACTED)


@dataclass(frozen=True)
class Recorded:
    """Values as they were recorded; arrays of one length. See `flor.trace.read.Values`."""

    kind: npt.NDArray[np.uint8]
    payload: npt.NDArray[np.uint64]
    data: Sequence[pa.Array]  # the heap bytes, in chunks


def empty() -> Recorded:
    return Recorded(np.empty(0, np.uint8), np.empty(0, np.uint64), [])


def together(parts: Sequence[Recorded]) -> Recorded:
    """One after the other."""
    if not parts:
        return empty()
    kinds, payloads = np.concatenate([p.kind for p in parts]), np.concatenate([p.payload for p in parts])
    return Recorded(kinds, payloads, [d for p in parts for d in p.data])


def heap_bytes(values: Recorded, kind: int | None = None) -> list[bytes | None]:
    """The heap bytes, of all values or of those of one kind."""
    data = [d for chunk in values.data for d in chunk.to_pylist()]
    return data if kind is None else [data[i] for i in np.flatnonzero(values.kind == kind)]


def texts(values: Recorded) -> list[str | None]:
    """What to show of each value; None for a NULL."""
    match np.flatnonzero(np.bincount(values.kind)).tolist():  # columns of one plain kind need no look at each value
        case [f.INT]:
            return list(map(str, values.payload.view(np.int64).tolist()))
        case [f.FLOAT]:
            return list(map(repr, values.payload.view(np.float64).tolist()))
    kinds, payloads, heap = values.kind.tolist(), values.payload.tolist(), heap_bytes(values)
    return [_text(k, p, d) for k, p, d in zip(kinds, payloads, heap, strict=True)]


def type_names(values: Recorded) -> pa.Array:
    """What kind of value each is, in words; a dictionary array."""
    return pa.DictionaryArray.from_arrays(arrow.numbers(values.kind.astype(np.int64)), _words())


@functools.cache
def _words() -> pa.Array:
    """The word for each kind, by its number."""
    names = {**TYPES, f.NONE: "None", f.GAP: "gap", f.REDACTED: "redacted"}
    return arrow.texts([names.get(k, "unknown") for k in range(256)])


def _text(kind: int, payload: int, data: bytes | None) -> str | None:
    if kind in NULLS:
        return None
    shown = text(kind, payload, data)
    # Arrow's text is UTF-8, which has no lone surrogates.
    return shown if shown is None or shown.isascii() else shown.encode("utf-8", "backslashreplace").decode()
