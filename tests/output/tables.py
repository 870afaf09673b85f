"""A table with every value that some format cannot keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

_NAN, _INFINITE = float("nan"), float("inf")
_DAYS = [date(1, 1, 1), date(9999, 12, 31), None, date(1900, 2, 28), date(1970, 1, 1), date(2024, 2, 29)]
_MOMENTS = [
    datetime(2024, 2, 29, 23, 59, 59, 999_999),
    None,
    *(datetime(d.year, d.month, d.day) for d in _DAYS[3:] if d),
]
_UTC = re.compile(r"datetime\.timezone\.utc|zoneinfo\.ZoneInfo\(key='(Etc/)?UTC'\)")
_BIG = pa.decimal128(38, 0)

HARD = pa.table(
    {
        "run": pa.array(["r"] * 6, pa.large_string()),
        "int": pa.array([2**63 - 1, -(2**63), 0, None, 2**53 + 1, -7]),
        "float": pa.array([_NAN, None, _INFINITE, -_INFINITE, 0.1 + 0.2, 5e-324]),
        "bool": pa.array([True, None, False, True, False, None]),
        "big": pa.array([Decimal(2**70), None, Decimal(-(10**38) + 1), Decimal(0), Decimal(-5), None], _BIG),
        "text": pa.array(["a\0b", None, "", "\r\n é😀\t", "=1+1", "\\udc80"], pa.large_string()),
        'a "name", with all': pa.array(["'", '"', ";", "\x1b[0m", "_x0041_", "x" * 40_000], pa.large_string()),
        "day": pa.array(_DAYS, pa.date32()),
        "moment": pa.array([*_MOMENTS, datetime(1901, 1, 1, 1, 1, 1, 1000)], pa.timestamp("us")),
        "utc": pa.array([m and m.replace(tzinfo=UTC) for m in [*_MOMENTS, None]], pa.timestamp("us", "UTC")),
        "bytes": pa.array([b"", b"\0\xff'", None, b"a,b\n", bytes(range(256)), b"\\x41"], pa.large_binary()),
        "nothing": pa.array([None] * 6, pa.large_string()),
    }
)
HARD_ROWS: list[dict[str, Any]] = HARD.to_pylist()


def same(rows: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether rows are the same in values and types; NaN is NaN here, and UTC is UTC by any name."""
    found, wanted = (_UTC.sub("UTC", repr(r)) for r in (rows, expected))
    return found == wanted


def without_nul(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as they are where a text cannot hold NUL."""
    return [{**row, "text": row["text"] and row["text"].replace("\0", "\\x00")} for row in rows]
