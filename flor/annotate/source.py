"""Source text: bytes to text and back (PEP 263), lines, positions, the syntax tree. Knows no GET and no shadow copy.

Offsets count characters of the text from 0. Positions are those of `ast`: lines from 1, columns in UTF-8 bytes from 0.
A line ends at CR LF, CR or LF and nowhere else; `str.splitlines` also ends one at a form feed, Python does not.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from dataclasses import dataclass

from flor.capture.sites import Span
from flor.errors import FlorError

NEWLINE = re.compile(r"\r\n|\r|\n")
BOM = "\ufeff"
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_LINE_OF_BYTES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)?")
_UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A source as text, and what its bytes were."""

    text: str  # without a byte order mark; line ends as in the bytes
    encoding: str
    bom: bool

    def encode(self, text: str, shown_as: str) -> bytes:
        """`text` as bytes of the same encoding. Raises FlorError where the encoding lacks a character."""
        try:
            return (_UTF8_BOM if self.bom else b"") + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise FlorError(
                f"{shown_as} is written in {self.encoding}, which has no {character!r}: use other characters"
            ) from None


def split_lines(data: bytes, count: int) -> list[bytes]:
    """The first `count` lines of `data` with their ends; fewer if there are fewer."""
    lines: list[bytes] = []
    position = 0
    while len(lines) < count and position < len(data):
        match = _LINE_OF_BYTES.match(data, position)
        assert match is not None
        lines.append(match.group())
        position = match.end()
    return lines


def cookie(line: bytes) -> str | None:
    """The encoding that a line declares as PEP 263 has it, or None."""
    match = _COOKIE.match(line.rstrip(b"\r\n"))
    return match.group(1).decode("ascii") if match else None


def cookie_line(lines: list[bytes]) -> int | None:
    """Index of the line that declares the encoding: 0, or 1 if the line above it is blank or a comment; else None."""
    if lines and cookie(lines[0]) is not None:
        return 0
    if len(lines) > 1 and _BLANK.match(lines[0].rstrip(b"\r\n")) and cookie(lines[1]) is not None:
        return 1
    return None


def decode(data: bytes, shown_as: str = "the source") -> Decoded:
    """The text of a Python source. Raises FlorError, one line, where Python could not read it either."""
    bom = data.startswith(_UTF8_BOM)
    body = data.removeprefix(_UTF8_BOM)
    lines = split_lines(body, 2)
    declared = cookie_line(lines)
    encoding = "utf-8"
    if declared is not None:
        encoding = cookie(lines[declared]) or "utf-8"
        if bom and encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise FlorError(f"{shown_as} has a byte order mark, which means UTF-8, but declares {encoding}: remove one")
    try:
        return Decoded(body.decode(encoding), encoding, bom)
    except LookupError:
        raise FlorError(f"{shown_as} declares the encoding {encoding}, which Python does not know") from None
    except UnicodeDecodeError as error:
        line = len(NEWLINE.findall(body[: error.start].decode("latin-1"))) + 1
        raise FlorError(f"{shown_as}:{line}: not {encoding}; declare the encoding, or save it as UTF-8") from None


def encode(text: str, shown_as: str) -> bytes:
    """A text as bytes of the encoding that it declares. Raises FlorError where that lacks a character."""
    lines = split_lines(text.encode("utf-8", "surrogatepass"), 2)
    declared = cookie_line(lines)
    encoding = (None if declared is None else cookie(lines[declared])) or "utf-8"
    try:
        return Decoded(text, encoding, bom=False).encode(text, shown_as)
    except LookupError:
        raise FlorError(f"{shown_as} declares the encoding {encoding}, which Python does not know") from None


class Lines:
    """The line index of a text. A byte order mark at its beginning belongs to no line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [1 if text.startswith(BOM) else 0, *(match.end() for match in NEWLINE.finditer(text))]
        self._ascii = text.isascii()

    def offset(self, line: int, column: int) -> int:
        """Offset of an ast position."""
        start = self.starts[line - 1]
        if self._ascii:
            return start + column
        # A character takes at least one byte: `column` characters are enough.
        return start + len(self.text[start : start + column].encode()[:column].decode(errors="ignore"))

    def position(self, offset: int) -> tuple[int, int]:
        """The ast position of an offset."""
        line = max(bisect_right(self.starts, offset), 1)
        start = self.starts[line - 1]
        return line, max(offset - start, 0) if self._ascii else len(self.text[start:offset].encode())

    def span(self, start: int, end: int) -> Span:
        """The ast span from one offset to another."""
        return (*self.position(start), *self.position(end))

    def line_start(self, offset: int) -> int:
        """Offset at which the line of `offset` begins."""
        return self.starts[max(bisect_right(self.starts, offset), 1) - 1]

    def next_line(self, offset: int) -> int | None:
        """Offset at which the line after that of `offset` begins; None on the last line."""
        index = max(bisect_right(self.starts, offset), 1)
        return self.starts[index] if index < len(self.starts) else None

    def newline_before(self, line_start: int) -> str:
        """The line end before the line that begins at `line_start`; the text's first one, or LF, if there is none."""
        for newline in ("\r\n", "\n", "\r"):
            if self.text.endswith(newline, 0, line_start):
                return newline
        match = NEWLINE.search(self.text)
        return match.group() if match else "\n"


def offset_of(text: str, line: int, column: int) -> int:
    """Offset of a position as a user writes it: line and column count from 1, in characters.

    The column after a line's last character is its end. Raises FlorError where the text has no such position.
    """
    starts = Lines(text).starts
    if not 1 <= line <= len(starts):
        raise FlorError(f"there is no line {line}: lines are 1 to {len(starts)}")
    start = starts[line - 1]
    end = starts[line] if line < len(starts) else len(text)
    length = len(text[start:end].rstrip("\r\n"))
    if not 1 <= column <= length + 1:
        raise FlorError(f"there is no column {column} in line {line}: columns are 1 to {length + 1}")
    return start + column - 1


class Parsed:
    """A text with its line index and its syntax tree. Whoever asks several things about one text parses it once."""

    def __init__(self, text: str, tree: ast.Module | None = None) -> None:
        """`tree`: that of `text`, for whoever has it. Raises SyntaxError where `text` is no Python; it has a line
        number and one line of message."""
        self.text = text
        self.lines = Lines(text)
        self.tree = tree if tree is not None else parse_tree(text)

    @classmethod
    def of(cls, source: str | Parsed) -> Parsed:
        return source if isinstance(source, Parsed) else cls(source)

    def start(self, node: ast.AST) -> int:
        """Offset of a node's first character; for a decorated definition that of its first `@`."""
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = decorators[0]
            return self.text.rindex("@", 0, self.lines.offset(first.lineno, first.col_offset))
        return self.lines.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Offset after a node's last character."""
        return self.lines.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def slice(self, node: ast.AST) -> str:
        """A node's own text."""
        return self.text[self.start(node) : self.end(node)]


def parse_tree(text: str) -> ast.Module:
    """`ast.parse` for text from anywhere: no warnings, and SyntaxError whatever the reason that it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.removeprefix(BOM))
    except SyntaxError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "too deeply nested", ("", 1, 1, "")) from None


def parse_expression(text: str) -> ast.expr | None:
    """The tree of an expression, which may stand on several lines; None if it is none. Its positions are of no use."""
    try:
        statements = parse_tree(f"({text})").body
    except SyntaxError:
        return None
    return statements[0].value if len(statements) == 1 and isinstance(statements[0], ast.Expr) else None


def syntax_line(error: SyntaxError) -> tuple[int, str]:
    """Line and message of a SyntaxError."""
    return error.lineno or 1, error.msg
