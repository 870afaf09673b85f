"""The table of positions of compiled code: for each code unit the piece of source that it stands for.

Objects/locations.md of CPython describes its bytes.
"""

from __future__ import annotations

from typing import NamedTuple


class Position(NamedTuple):
    """A piece of source, in lines from 1 and bytes from 0; all None: none."""

    line: int | None
    end_line: int | None
    column: int | None
    end_column: int | None


NOWHERE = Position(None, None, None, None)

# Codes of entries; those below are for a short text in the line of the entry before.
_NO_LINE = 15
_LONG = 14
_NO_COLUMNS = 13
_ONE_LINE = 10
_LONGEST = 8  # units of an entry


def starts(table: bytes) -> set[int]:
    """The code units at which entries of a table begin."""
    found: set[int] = set()
    unit = 0
    for byte in table:
        if byte & 0x80:
            found.add(unit)
            unit += (byte & 7) + 1
    return found


def write(positions: list[Position], begins: set[int], line: int) -> bytes:
    """The table for code whose first line is `line`, as the compiler writes it. `positions`: of each code unit;
    `begins`: units at which entries begin, besides those whose position is not that of the unit before."""
    table = bytearray()
    begin = 0
    for unit in range(1, len(positions) + 1):
        position = positions[begin]
        ends = unit == len(positions) or unit in begins or positions[unit] != position or unit - begin == _LONGEST
        if ends:
            kind, rest = _entry(position, line)
            table.append(0x80 | kind << 3 | unit - begin - 1)
            table += rest
            line = line if position.line is None else position.line
            begin = unit
    return bytes(table)


def _entry(position: Position, before: int) -> tuple[int, bytes]:
    """An entry's code and further bytes. `before`: the line of the entry before it."""
    line, end_line, column, end_column = position
    if line is None or end_line is None:
        return _NO_LINE, b""
    delta = line - before
    if column is None or end_column is None:
        return _NO_COLUMNS, _signed(delta)
    if line == end_line:
        if delta == 0 and column < 80 and 0 <= end_column - column < 16:
            return column >> 3, bytes([(column & 7) << 4 | end_column - column])
        if 0 <= delta < 3 and column < 128 and end_column < 128:
            return _ONE_LINE + delta, bytes([column, end_column])
    return _LONG, _signed(delta) + _number(end_line - line) + _number(column + 1) + _number(end_column + 1)


def _signed(number: int) -> bytes:
    return _number(-number << 1 | 1 if number < 0 else number << 1)


def _number(number: int) -> bytes:
    """The lowest six bits come first."""
    written = bytearray()
    while number >= 0x40:
        written.append(0x40 | number & 0x3F)
        number >>= 6
    written.append(number)
    return bytes(written)
