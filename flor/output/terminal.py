"""Columns as aligned text that fits a terminal. Pure but for the question how wide the terminal is."""

from __future__ import annotations

import math
import shutil
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import TextIO

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_DOTS = "…"
#: What is tried in turn until the columns fit: the widest cell in characters, and whether floats keep all their digits.
_TRIES = ((40, True), (40, False), (24, False))


def width_of(stream: TextIO) -> int | None:
    """The width of the terminal that `stream` writes to; None if it is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def draw(names: Sequence[str], columns: Sequence[Sequence[object]], total: int, width: int | None = None) -> str:
    """A header, the rows, and a line that says how many rows there are, `total`, shown or not. Ends with a newline.

    Numbers stand to the right. Where it is wider than `width`, cells are cut and floats rounded; where that is not
    enough, columns are left out of the middle, so that the first (the keys) and the last ones stay.
    """
    for widest, exact in _TRIES:
        cells = [[_cut(n, widest), *(_shown(v, widest, exact) for v in c)] for n, c in zip(names, columns, strict=True)]
        widths = [max(map(_width, c)) for c in cells]
        if width is None or _fits(widths, width):
            break
    first, last = _fitting(widths, width)
    drawn = [_pad(c, _is_numeric(values)) for c, values in zip(cells, columns, strict=True)]
    left_out = len(names) - first - last
    if left_out:
        drawn[first : len(names) - last] = [[_DOTS] * len(drawn[0])]
    lines = ["  ".join(line).rstrip() for line in zip(*drawn, strict=True)]
    if len(lines) - 1 < total:
        lines.append(_DOTS)
    size = f"{total:,} row{'' if total == 1 else 's'}, {len(names)} column{'' if len(names) == 1 else 's'}"
    return "\n".join([*lines, size + (f" ({left_out} not shown)" if left_out else "")]) + "\n"


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + 2 * (len(widths) - 1) <= width


def _fitting(widths: Sequence[int], width: int | None) -> tuple[int, int]:
    """How many of the first and of the last columns fit, the two sides in turn; at least one."""
    if width is None or _fits(widths, width):
        return len(widths), 0
    first, last, room = 0, 0, width - len(_DOTS)
    while first + last < len(widths):
        at_front = first <= last
        needed = 2 + (widths[first] if at_front else widths[-1 - last])
        if needed > room and first:
            break
        room -= needed
        first, last = first + at_front, last + (not at_front)
    return first, last


def _is_numeric(column: Sequence[object]) -> bool:
    kinds = {type(v) for v in column if v is not None}
    return bool(kinds) and kinds <= {int, float, Decimal}


def _shown(value: object, widest: int, exact: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return repr(value) if exact or not math.isfinite(value) else f"{value:.6g}"
    return _cut(str(value), widest)


def _cut(text: str, widest: int) -> str:
    """One line of at most `widest` columns, and nothing that moves the cursor."""
    start = text[: widest + 1]
    line = "".join(_ESCAPES.get(c, c if c.isprintable() else "\N{REPLACEMENT CHARACTER}") for c in start)
    if _width(line) <= widest:
        return line
    while _width(line) >= widest:
        line = line[:-1]
    return line + _DOTS


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _pad(column: Sequence[str], to_right: bool) -> list[str]:
    width = max(map(_width, column))
    fill = [" " * (width - _width(c)) for c in column]
    return [f + c if to_right else c + f for c, f in zip(column, fill, strict=True)]
