"""A text with its lines, and places in it as LSP counts them. Everything else counts characters of the text.

A line ends at CR LF, CR or LF and nowhere else. A column counts bytes of UTF-8 (utf-8), units of UTF-16 (utf-16) or
characters (utf-32), as client and server have agreed on. What is beyond a line's end is its end, what is beyond the
text the text's end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from lsprotocol.types import Position, PositionEncodingKind, Range

from flor.annotate.source import NEWLINE

_Encoding = PositionEncodingKind | str


class Text:
    """Never changes: an edit gives another one."""

    def __init__(self, text: str, encoding: _Encoding, starts: Sequence[int] | None = None) -> None:
        self.text = text
        self.encoding = encoding
        self._starts = starts if starts is not None else _starts(text)

    def offset(self, position: Position) -> int:
        """The offset of a position."""
        if position.line >= len(self._starts):
            return len(self.text)
        start = self._starts[position.line]
        line = self._line(position.line)
        return start + _characters(line, position.character, self.encoding)

    def position(self, offset: int) -> Position:
        """The position of an offset."""
        number = max(bisect_right(self._starts, offset) - 1, 0)
        start = self._starts[number]
        return Position(number, _units(self.text[start:offset], self.encoding))

    def offsets(self, range_: Range) -> tuple[int, int]:
        """The offsets of a range, in order."""
        start, end = self.offset(range_.start), self.offset(range_.end)
        return min(start, end), max(start, end)

    def range(self, start: int, end: int) -> Range:
        """The range between two offsets."""
        return Range(self.position(start), self.position(end))

    def edited(self, start: int, end: int, new: str) -> Text:
        """The text with what is between two offsets replaced."""
        text = self.text[:start] + new + self.text[end:]
        first = max(bisect_right(self._starts, max(start - 1, 0)) - 1, 0)  # a CR before may become a CR LF
        last = bisect_right(self._starts, end)
        shift = len(text) - len(self.text)
        low = self._starts[first]
        high = self._starts[last] + shift if last < len(self._starts) else len(text)
        between = [match.end() for match in NEWLINE.finditer(text, low, high)]
        behind = [start + shift for start in self._starts[last + 1 :]]
        return Text(text, self.encoding, [*self._starts[: first + 1], *between, *behind])

    def _line(self, number: int) -> str:
        """A line without its end."""
        start = self._starts[number]
        if number + 1 == len(self._starts):
            return self.text[start:]
        line = self.text[start : self._starts[number + 1]]
        return line[:-2] if line.endswith("\r\n") else line[:-1]


def _starts(text: str) -> list[int]:
    return [0, *(match.end() for match in NEWLINE.finditer(text))]


def _units(text: str, encoding: _Encoding) -> int:
    if text.isascii() or encoding == "utf-32":
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)


def _characters(line: str, units: int, encoding: _Encoding) -> int:
    """How many characters of a line the first `units` are; what is cut by them does not count."""
    if line.isascii() or encoding == "utf-32":
        return min(units, len(line))
    count = 0
    for character in line:
        units -= _units(character, encoding)
        if units < 0:
            break
        count += 1
    return count
