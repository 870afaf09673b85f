"""Where the statements of a long class begin: a method that was edited is parsed alone, without a thousand lines around
it.

Statements of one indentation that parse one after the other parse together. So a class still parses, and is one class,
if what has changed is whole statements of its body that parse as such.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from flor.annotate.source import NEWLINE, Parsed, parse_tree

#: Lines of a class that is worth it.
_LONG = 100
_HEADER = "class _:\n"
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Members:
    """The body of the class with which a text begins."""

    cuts: Sequence[int]  # offsets of the lines on which its statements begin
    indent: str  # before each of them

    def after(self, old: str, new: str) -> Members | None:
        """The same of another text, `new`, where `old` is the one that they are of; None if that takes parsing it."""
        begin = _common(old, new)
        end = len(old) - _common_end(old, new, begin)
        first, last = bisect_right(self.cuts, begin) - 1, bisect_right(self.cuts, end)
        if first < 0:
            return None
        moved = len(new) - len(old)
        start, rest = self.cuts[first], [cut + moved for cut in self.cuts[last:]]
        part = new[start : rest[0] if rest else len(new)]
        try:
            statements = parse_tree(_HEADER + part).body
        except SyntaxError:
            return None
        found = members_of(statements[0], _HEADER + part) if len(statements) == 1 else None
        if found is None or found.indent != self.indent:
            return None
        own = [start, *(start + cut - len(_HEADER) for cut in found.cuts[1:])]
        return Members([*self.cuts[:first], *own, *rest], self.indent)

    def alone(self, text: str, offset: int) -> Method | None:
        """The method in which an offset of the text lies; None if it lies in none."""
        first = bisect_right(self.cuts, offset) - 1
        if first < 0:
            return None
        begin = self.cuts[first]
        until = self.cuts[first + 1] if first + 1 < len(self.cuts) else len(text)
        lines = len(NEWLINE.findall(text, self.cuts[0], begin))
        blank = " " * (begin - self.cuts[0] - lines) + "\n" * lines
        parsed = Parsed(text[: self.cuts[0]] + blank + text[begin:until])
        found = parsed.tree.body[-1]
        method = found.body[0] if isinstance(found, ast.ClassDef) else None
        if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        return Method(parsed, parsed.start(method.body[0]), parsed.end(method.body[-1]))


@dataclass(frozen=True)
class Method:
    """One of a class."""

    parsed: Parsed  # the class with nothing else in it, all at its place
    start: int  # of the method's body
    end: int


def continues(text: str, start: int) -> bool:
    """Whether the line that starts there goes on from the one before, by a backslash at its end."""
    return text.endswith(("\\\n", "\\\r\n", "\\\r"), 0, start)


def is_long(statement: ast.stmt) -> bool:
    """Whether it is a class of which the members are worth to be known."""
    return isinstance(statement, ast.ClassDef) and (statement.end_lineno or 0) - statement.lineno >= _LONG


def members_of(statement: ast.stmt, text: str, first_line: int = 1) -> Members | None:
    """Those of a class whose text, or one that begins with it, is `text`; None if each does not have lines of its own.
    `first_line`: the number that the text's first line has in the statement's positions."""
    if not isinstance(statement, ast.ClassDef):
        return None
    lines = [0, *(match.end() for match in NEWLINE.finditer(text))]
    cuts: list[int] = []
    indents = set()
    end_before = statement.lineno
    for own in statement.body:
        line = min([own.lineno, *(d.lineno for d in getattr(own, "decorator_list", []))])
        if line > end_before:
            if continues(text, lines[line - first_line]):
                return None
            cuts.append(lines[line - first_line])
            indent = _INDENT.match(text, cuts[-1])
            assert indent is not None
            indents.add(indent.group())
            if own.col_offset != len(indent.group()):
                return None
        end_before = own.end_lineno or line
    return Members(cuts, indents.pop()) if len(indents) == 1 else None


def _common(old: str, new: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(old: str, new: str, begin: int) -> int:
    """How many characters both end with, none of them before `begin`."""
    low, high = 0, min(len(old), len(new)) - begin
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low
