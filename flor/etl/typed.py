"""Recorded values -> one typed Arrow array: a column of the table.

bool, int, float and bytes columns keep their type; ints beyond 64 bits become decimals of 38 digits, beyond those text.
Ints among floats are floats where they are so exactly. Dates and times keep their type where it holds all of them;
lists and other containers are JSON where that can say them. Everything else is text, and so is a column of several
types.
None is NULL; a value that the trace does not hold (a gap, a secret) is NULL and said.
"""

from __future__ import annotations

import ast
import json
import struct
from collections import Counter
from decimal import Decimal
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import arrow
from flor.diagnostics import Diagnostic, counted
from flor.etl.parsed import as_json, points_in_time
from flor.trace import format as f
from flor.trace.recorded import NULLS, TYPES, Recorded, heap_bytes, texts
from flor.trace.values import gap_reason, is_cut, value

Ints = npt.NDArray[np.int64]

_T = TypeVar("_T")
_DECIMAL_DIGITS = 38


def constant(literal: str, count: int) -> Recorded:
    """`count` times the value of a literal: a constant of the source."""
    meant = ast.literal_eval(literal)
    kind, payload, data = f.EXACT, 0, None
    match meant:
        case None:
            kind = f.NONE
        case bool():
            kind, payload = f.BOOL, int(meant)
        case int() if -(2**63) <= meant < 2**63:
            kind, payload = f.INT, meant % 2**64
        case int():
            kind, data = f.BIG_INT, hex(meant).encode()
        case float():
            kind, payload = f.FLOAT, struct.unpack("<Q", struct.pack("<d", meant))[0]
        case complex():
            kind, data = f.COMPLEX, struct.pack("<dd", meant.real, meant.imag)
        case str():
            kind, data = f.STR, meant.encode("utf-8", "surrogatepass")
        case bytes():
            kind, data = f.BYTES, meant
        case _:
            data = literal.encode("utf-8", "surrogatepass")
    binary = pa.large_binary()
    heap = pa.nulls(count, binary) if data is None else arrow.repeated(data, count, binary)
    return Recorded(np.full(count, kind, np.uint8), np.full(count, payload, np.uint64), [heap])


def gaps(why: str, count: int) -> Recorded:
    """`count` values that are missing for one reason."""
    data = arrow.repeated(json.dumps({"why": why}).encode(), count, pa.large_binary())
    return Recorded(np.full(count, f.GAP, np.uint8), np.zeros(count, np.uint64), [data])


def column(name: str, values: Recorded, rows: Ints) -> tuple[pa.Array, list[Diagnostic]]:
    """The column whose row i has the value number `rows[i]` of `values`, NULL where that is -1; and what is to be
    said about it."""
    counts = Counter({int(k): int(n) for k, n in enumerate(np.bincount(values.kind)) if n})
    diagnostics = _missing(name, values, counts)
    kinds = set(counts).difference(NULLS)
    types = sorted({TYPES[k] for k in kinds if k in TYPES})
    if kinds == {f.INT, f.FLOAT} and not _beyond_float(values):
        diagnostics.append(Diagnostic("has ints and floats, so the column is float", name))
        numbers = np.where(values.kind == f.INT, values.payload.view(np.int64), values.payload.view(np.float64))
        null = np.append((values.kind != f.INT) & (values.kind != f.FLOAT), True)[rows]
        return arrow.numbers(np.append(numbers, 0.0)[rows], null), diagnostics
    if len(types) > 1:
        diagnostics.append(Diagnostic(f"has values of several types ({', '.join(types)}), so the column is text", name))
    if len(kinds) == 1 and kinds <= {f.BOOL, f.INT, f.FLOAT}:
        return _plain(kinds.pop(), values, rows), diagnostics
    if kinds and kinds <= {f.INT, f.BIG_INT}:
        integers = _integers(values)
        if all(n is None or (isinstance(n, int) and abs(n) < 10**_DECIMAL_DIGITS) for n in integers):
            decimals = _take([Decimal(n) if isinstance(n, int) else None for n in integers], rows)
            return pa.array(decimals, pa.decimal128(_DECIMAL_DIGITS, 0)), diagnostics
        diagnostics.append(Diagnostic(f"has ints of more than {_DECIMAL_DIGITS} digits, so the column is text", name))
    if kinds == {f.BYTES}:
        return _bytes(values, rows), diagnostics
    shown = texts(values)
    if kinds == {f.DATE} and (moments := points_in_time(_take(shown, rows))) is not None:
        return moments, diagnostics
    if kinds and kinds <= {f.EXACT, f.ARRAY} and (in_json := as_json(shown)) is not None:
        return arrow.texts(_take(in_json, rows)), diagnostics
    return arrow.texts(_take(shown, rows)), diagnostics


def _beyond_float(values: Recorded) -> bool:
    """Whether an int among them is no float exactly."""
    integers = values.payload.view(np.int64)[values.kind == f.INT]
    return bool(((integers > 2**53) | (integers < -(2**53))).any())


def _missing(name: str, values: Recorded, counts: Counter[int]) -> list[Diagnostic]:
    diagnostics = []
    if counts[f.GAP]:
        reasons = Counter(gap_reason(data) for data in heap_bytes(values, f.GAP))
        for why, n in reasons.most_common():
            more = " (FLOR_TIME_SHARE gives a run more)" if why == "time budget" else ""
            diagnostics.append(Diagnostic(f"{counted(n)} not in the trace: {why}{more}", name))
    if counts[f.SUMMARY] and (cut := sum(is_cut(f.SUMMARY, data) for data in heap_bytes(values, f.SUMMARY))):
        longer = f"{counted(cut)} longer than what a trace keeps: the table has the beginning, and the length"
        diagnostics.append(Diagnostic(longer, name))
    if counts[f.REDACTED]:
        diagnostics.append(Diagnostic(f"{counted(counts[f.REDACTED])} redacted: the name looks like a secret's", name))
    return diagnostics


def _plain(kind: int, values: Recorded, rows: Ints) -> pa.Array:
    type_: type = {f.BOOL: np.bool_, f.INT: np.int64, f.FLOAT: np.float64}[kind]
    numbers = values.payload != 0 if kind == f.BOOL else values.payload.view(type_)
    null = np.append(values.kind != kind, True)[rows]  # row -1 is the last one
    return arrow.numbers(np.append(numbers, type_(0))[rows], null)


def _bytes(values: Recorded, rows: Ints) -> pa.Array:
    heap = pa.chunked_array(values.data, pa.large_binary()).combine_chunks()
    null = np.append(values.kind != f.BYTES, True)[rows]
    return heap.take(arrow.numbers(np.where(null, 0, rows), null))


def _integers(values: Recorded) -> list[object]:
    """Ints of any size; None for a NULL."""
    kinds, payloads, heap = values.kind.tolist(), values.payload.tolist(), heap_bytes(values)
    return [None if k in NULLS else value(k, p, d) for k, p, d in zip(kinds, payloads, heap, strict=True)]


def _take(values: list[_T], rows: Ints) -> list[_T | None]:
    padded = [*values, None]  # row -1 is the last one
    return [padded[i] for i in rows.tolist()]
