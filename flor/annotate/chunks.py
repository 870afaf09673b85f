"""A text in chunks of top-level statements: what an edit did not touch is not parsed again.

Texts that parse one after the other parse together, and mean the same. So a chunk is known by its text alone, and a
syntax error spoils the chunk that it stands in, not the others. A chunk is a statement with those that share its lines,
and the expression statements behind it (a `GET("n", x)` belongs to the statement before it), up to the next one's line.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

from flor.annotate.members import Members, Method, continues, is_long, members_of
from flor.annotate.source import NEWLINE, Parsed, parse_tree
from flor.capture.sites import Span

#: Chunks by which a part that does not parse is widened at once, and how often.
_WIDER = (0, 1, 4)
#: Lines at which a text that does not parse is tried to be parted.
_TRIALS = 8
#: Characters with which no statement begins.
_NO_STATEMENT = ("", *" \t\f\r\n#)]}")
#: A first line which, whatever comes behind it, begins a statement that is no expression.
_STATEMENT_LINE = re.compile(r"(?:@|(?:async|class|def|for|from|if|import|try|while|with)\b).*(?:\r\n?|\n)")


class Chunk:
    """Some lines of a text."""

    def __init__(
        self, text: str, broken: bool = False, tree: ast.Module | None = None, members: Members | None = None
    ) -> None:
        self.text = text
        self.broken = broken  # whether it does not parse
        self.members = members  # of a long class
        self._tree = tree  # of the text, if it was just parsed by itself
        self._method: Method | None = None  # of a long class, the one that was looked at last

    @cached_property
    def key(self) -> str:
        """What it says: blank lines at its end aside, which some editors add."""
        return self.text.rstrip()

    @cached_property
    def lines(self) -> int:
        """How many line ends it has."""
        return len(NEWLINE.findall(self.text))

    @cached_property
    def parsed(self) -> Parsed:
        """Raises SyntaxError if it is broken."""
        tree, self._tree = self._tree, None
        return Parsed(self.text, tree)

    def around(self, start: int, end: int) -> Parsed:
        """What has to be known of it to look at what lies between two offsets: the method, if it is a long class of
        which nobody has asked for all. Raises SyntaxError if it is broken."""
        if self.members is None or self._tree is not None or "parsed" in self.__dict__:
            return self.parsed
        if self._method is None or not self._method.start <= start <= self._method.end:
            self._method = self.members.alone(self.text, start)
        if self._method is None or not self._method.start <= start <= end <= self._method.end:
            return self.parsed
        return self._method.parsed


class Chunks:
    """The chunks of a text, in order. Never changes."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.starts = [0, *accumulate(len(chunk.text) for chunk in chunks)][: len(chunks)]

    @classmethod
    def of(cls, text: str) -> Chunks:
        """The chunks of a text that was not seen before."""
        found = _split(text)
        return cls(_around_errors(text) if found is None else found)

    @property
    def broken(self) -> bool:
        """Whether some of it does not parse."""
        return any(chunk.broken for chunk in self.chunks)

    def at(self, offset: int) -> int | None:
        """The index of the chunk in which an offset lies; None where there is none."""
        return max(bisect_right(self.starts, offset) - 1, 0) if self.chunks else None

    def within(self, span: Span) -> tuple[int, Span] | None:
        """The index of the chunk in which a span of the text begins, and the span there; None where there is none."""
        number = bisect_right(self.above, span[0] - 1) - 1
        if not 0 <= number < len(self.chunks):
            return None
        above = self.above[number]
        return number, (span[0] - above, span[1], span[2] - above, span[3])

    @cached_property
    def above(self) -> list[int]:
        """How many lines there are before each chunk."""
        return [0, *accumulate(chunk.lines for chunk in self.chunks)][: len(self.chunks)]

    def changed(self, text: str) -> Chunks:
        """The chunks of another text: those that it has in common with this one at its beginning and its end are the
        same objects, and only what lies between is parsed."""
        old = self.chunks
        whole, last = self._front(text)
        if self._begins_there(whole, text, last):
            front, at = whole, last
        else:
            front, at = (whole - 1, last - len(old[whole - 1].text)) if whole else (0, 0)  # the last of them may go on
        back, end = self._back(text, front, at)
        if back == front + 1 and (members := old[front].members) is not None:
            after = members.after(old[front].text, text[at:end])
            if after is not None:
                return Chunks([*old[:front], Chunk(text[at:end], members=after), *old[back:]])
        least = front, at, back, end
        for wider in _WIDER:
            for _ in range(wider):
                if front > 0:
                    front -= 1
                    at -= len(old[front].text)
                if back < len(old):
                    end += len(old[back].text)
                    back += 1
            found = _split(text[at:end])
            if back == len(old) and (found is not None or front == 0):
                break
            if found is not None and not _is_comment(text[at:end]):
                break
        if found is None:
            front, at, back, end = least
            if last <= end and text[:last].endswith(("\n", "\r")):
                front, at = whole, last
            found = [Chunk(text[at:end], broken=True)] if at < end else []
        return Chunks([*old[:front], *found, *old[back:]])

    def mended(self) -> Chunks | None:
        """All of it parsed anew, if a part was broken and none is."""
        found = _split("".join(chunk.text for chunk in self.chunks))
        known = {chunk.text: chunk for chunk in self.chunks if not chunk.broken}
        return None if found is None else Chunks([known.get(chunk.text, chunk) for chunk in found])

    def _front(self, text: str) -> tuple[int, int]:
        """How many chunks the text begins with, and where they end."""
        count = at = 0
        for chunk in self.chunks:
            if not text.startswith(chunk.text, at):
                break
            at += len(chunk.text)
            count += 1
        return count, at

    def _begins_there(self, index: int, text: str, at: int) -> bool:
        """Whether a text's statement at an offset begins as that of a chunk, so that what is before ends there."""
        if index == len(self.chunks) or (index and self.chunks[index - 1].broken):
            return False
        line = _STATEMENT_LINE.match(self.chunks[index].text)
        return line is not None and text.startswith(line.group(), at)

    def _back(self, text: str, first: int, at: int) -> tuple[int, int]:
        """The index of the first of the chunks that the text ends with, and where it begins. Before `first` and `at`
        there is none."""
        index, start = len(self.chunks), len(text)
        while index > first:
            chunk = self.chunks[index - 1].text
            before = start - len(chunk)
            is_line = before == at or text[max(before - 1, 0) : before] in ("\n", "\r")
            if before < at or not text.endswith(chunk, at, start) or not is_line:
                break
            index, start = index - 1, before
        if index == 0 and self.chunks:  # it may begin in another chunk now: with an expression, or a line feed
            index, start = 1, start + len(self.chunks[0].text)
        return index, start


def _is_comment(text: str) -> bool:
    """Whether there is no statement in it: it belongs to the one behind."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in NEWLINE.split(text))


def _split(text: str) -> list[Chunk] | None:
    """The chunks of a text; None if it does not parse."""
    if not text:
        return []
    try:
        tree = parse_tree(text)
    except SyntaxError:
        return None
    body = tree.body
    lines = [0, *(match.end() for match in NEWLINE.finditer(text))]
    first: list[tuple[int, ast.stmt | None]] = [(1, body[0] if body else None)]  # of each chunk: line and statement
    end_before = 0
    for number, statement in enumerate(body):
        line = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        begins = number and line > end_before and not continues(text, lines[line - 1])
        if begins and not isinstance(statement, ast.Expr):
            first.append((line, statement))
        end_before = statement.end_lineno or line
    ends = [*(lines[line - 1] for line, _ in first[1:]), len(text)]
    found = []
    for (line, own), end in zip(first, ends, strict=True):
        chunk = text[lines[line - 1] : end]
        members = members_of(own, chunk, line) if own is not None and is_long(own) else None
        found.append(Chunk(chunk, tree=tree if len(first) == 1 else None, members=members))
    return found


def _around_errors(text: str) -> list[Chunk]:
    """The chunks of a text that does not parse: those of its beginning and of its end that do, if they are found by a
    few trials, around a broken one."""
    starts = [0, *(match.end() for match in NEWLINE.finditer(text))]
    tops = [
        start
        for start in starts
        if text[start : start + 1] not in ("", " ", "\t", "\f", "#", ")", "]", "}", "\r", "\n")
    ]
    try:
        parse_tree(text)
        line = 1
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), len(starts))
    above = [start for start in tops if start <= starts[line - 1]]
    head: list[Chunk] = []
    tail: list[Chunk] = []
    begin, end = 0, len(text)
    for start in reversed(above[-_TRIALS:]):
        if (found := _split(text[:start])) is not None:
            head, begin = found, start
            break
    for start in [start for start in tops if start > starts[line - 1]][:_TRIALS]:
        if (found := _split(text[start:])) is not None:
            tail, end = found, start
            break
    return [*head, Chunk(text[begin:end], broken=True), *tail]
