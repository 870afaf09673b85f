"""Types of columns that were recorded as text: points in time, and containers as JSON.

A column has such a type only where each value of it comes back from there as the same text; else it stays text.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from flor import arrow

Texts = Sequence[str | None]

_EPOCH = datetime(1970, 1, 1)

#: Lists of numbers, which are JSON already.
_NUMBER = r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,2})?"
_NUMBERS = re.compile(rf"\[+(?:{_NUMBER})(?:\]*, \[*{_NUMBER})*\]+")


def points_in_time(texts: Texts) -> pa.Array | None:
    """Dates, times of day on dates without a zone, or in UTC, each to the microsecond, as Python writes them in ISO
    8601; None if they are not all of one of these. A None is NULL."""
    try:
        found = [None if text is None else _parsed(text) for text in texts]
    except ValueError:
        return None
    null = np.array([f is None for f in found], np.bool_)
    kinds = {(type(f), f.tzinfo if isinstance(f, datetime) else None) for f in found if f is not None}
    if kinds == {(date, None)}:
        days = np.array([0 if f is None else f.toordinal() - _EPOCH.toordinal() for f in found], np.int32)
        return arrow.numbers(days, null, pa.date32())
    if len(kinds) != 1:
        return None
    (_, zone) = kinds.pop()
    moments = np.array([0 if f is None else _microseconds(f) for f in found], np.int64)
    return arrow.numbers(moments, null, pa.timestamp("us", zone and "UTC"))


def _parsed(text: str) -> date:
    """Raises ValueError if it is none of these."""
    found: date = date.fromisoformat(text) if len(text) <= len("2000-01-01") else datetime.fromisoformat(text)
    if found.isoformat() != text or (isinstance(found, datetime) and found.tzinfo not in (None, UTC)):
        raise ValueError(text)
    return found


def _microseconds(moment: date) -> int:
    assert isinstance(moment, datetime)
    since = moment.replace(tzinfo=None) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def as_json(texts: Texts) -> list[str | None] | None:
    """Containers, as Python expressions, in JSON: a tuple is a list there. None if one has something that JSON has not
    (sets, bytes, NaN, keys that are no text)."""
    found: list[str | None] = []
    for text in texts:
        if text is None or _NUMBERS.fullmatch(text):
            found.append(text)
            continue
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        if not _is_json(value):
            return None
        try:
            found.append(json.dumps(value, ensure_ascii=False))
        except ValueError:  # an int of more digits than Python writes
            return None
    return found


def _is_json(value: object) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
    return False
