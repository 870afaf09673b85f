"""Values of DuckDB that no Python object holds: infinite dates, nanoseconds, intervals with months. They are asked for
as text, as DuckDB writes it. Knows types only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

#: Types with the infinities, which Python's dates have not.
_DATES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"}
#: Types of which a Python object holds a part only.
_TEXT = {"TIMESTAMP_NS", "TIMESTAMPTZ_NS", "TIME_NS", "INTERVAL"}
_OF_TIME = re.compile(r"DATE|TIME|INTERVAL")


def projection(types: Sequence[Any]) -> str:
    """The columns of a relation, in SQL, as values that Python holds. `types`: as DuckDB's Python package has them."""
    return ", ".join(_column(f"#{place}", kind) for place, kind in enumerate(types, 1))


def _column(column: str, kind: Any) -> str:
    if str(kind) in _DATES:  # a union's values are those of its members
        union = f"UNION(value {kind}, text VARCHAR)"
        return f"CASE WHEN isinf({column}) THEN {column}::VARCHAR::{union} ELSE {column}::{union} END"
    return f"{column}::{_held(kind)}" if _OF_TIME.search(str(kind)) else column


def _held(kind: Any) -> str:
    """A type whose values Python holds, in SQL. Inside of another type a date is text, whatever its value."""
    if str(kind) in _DATES | _TEXT:
        return "VARCHAR"
    match kind.id:
        case "list":
            return f"{_held(kind.children[0][1])}[]"
        case "array":
            (_, child), (_, size) = kind.children
            return f"{_held(child)}[{size}]"
        case "map" | "tuple":
            return f"{kind.id.upper()}({', '.join(_held(child) for _, child in kind.children)})"
        case "struct" | "union":  # the first child of a union is its tag
            members = kind.children[kind.id == "union" :]
            return f"{kind.id.upper()}({', '.join(f'{_quoted(name)} {_held(child)}' for name, child in members)})"
    return str(kind)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
