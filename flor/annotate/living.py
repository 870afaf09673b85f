"""A shadow copy while it is edited, chunk by chunk: an edit costs what it touches, an error spoils its chunk alone."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

from flor.annotate import header
from flor.annotate.chunks import Chunk, Chunks
from flor.annotate.gets import GetError, another_get
from flor.annotate.insert import bad_name, insert_at, insert_counterpart, insert_selected, remove, rename
from flor.annotate.places import Edit, Expression, Place, Refusal
from flor.annotate.source import NEWLINE, Lines, Parsed, syntax_line
from flor.annotate.strip import strip


@dataclass(frozen=True, slots=True)
class Named:
    """A name of a shadow copy. Offsets are those of its text."""

    name: str
    start: int  # of the GET
    end: int
    literal: tuple[int, int]  # the text of the name, with its quotes
    text: str  # what is named
    chunk: int
    place: Place  # in the chunk's own source
    refused: str | None  # why nothing is evaluated there, if so


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at some place, in one sentence."""

    start: int
    end: int
    message: str


@dataclass(frozen=True)
class _Content:
    """What a chunk holds; offsets are its own."""

    source: str | None  # its text without header and GETs; None where it cannot be read
    names: list[Named] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    tree: ast.Module | None = None  # without the GETs, if it has some; positions are those of the chunk
    defined: int | None = None  # the line in which it defines a GET of its own


#: What chunks hold that have no header.
_known: WeakKeyDictionary[Chunk, _Content] = WeakKeyDictionary()


class Living:
    """A shadow copy as it is now. What a chunk of it holds is found out once, whichever text it is in."""

    def __init__(self, text: str, chunks: Chunks, shown_as: str) -> None:
        self.text = text
        self.chunks = chunks
        self.shown_as = shown_as
        found = header.read(text)
        self.source_path: Path | None = None if found is None else found[0]
        self._header = None if found is None else found[1]

    @cached_property
    def _contents(self) -> list[_Content]:
        found = []
        for number, chunk in enumerate(self.chunks.chunks):
            if number == 0 and self._header is not None:
                content = _content(chunk, self._header)
            elif (known := _known.get(chunk)) is not None:
                content = known
            else:
                content = _known[chunk] = _content(chunk, None)
            found.append(content)
        return found

    @cached_property
    def names(self) -> list[Named]:
        """Its names in order. One that is there twice is here twice."""
        found = []
        for number, (start, content) in enumerate(zip(self.chunks.starts, self._contents, strict=True)):
            for own in content.names:
                literal = (own.literal[0] + start, own.literal[1] + start)
                places = (own.start + start, own.end + start, literal)
                found.append(Named(own.name, *places, own.text, number, own.place, own.refused))
        return found

    @cached_property
    def problems(self) -> list[Problem]:
        """What keeps it from being read, with the names that are there twice."""
        found = [
            Problem(problem.start + start, problem.end + start, problem.message)
            for start, content in zip(self.chunks.starts, self._contents, strict=True)
            for problem in content.problems
        ]
        first: dict[str, Named] = {}
        for own in self.names:
            if (other := first.setdefault(own.name.casefold(), own)) is not own:
                what = "is used twice" if other.name == own.name else f'and "{other.name}" are one name to SQL'
                found.append(Problem(*own.literal, f'the name "{own.name}" {what}: rename one of them'))
            if (refusal := bad_name(own.name)) is not None:
                found.append(Problem(*own.literal, f"{own.name!r}: {refusal.reason}"))
            if own.refused is not None:
                found.append(Problem(own.start, own.end, own.refused))
            if self._defined is not None and self.text.startswith("GET", own.start):
                found.append(Problem(own.start, own.end, another_get(f"line {self._defined}")))
        return sorted(found, key=lambda problem: problem.start)

    @cached_property
    def _defined(self) -> int | None:
        """The line in which it defines a GET of its own."""
        defined = enumerate(content.defined for content in self._contents)
        return next((self.chunks.above[number] + line for number, line in defined if line is not None), None)

    @property
    def sources(self) -> list[str | None]:
        """Each chunk's own source."""
        return [content.source for content in self._contents]

    def named_at(self, offset: int) -> Named | None:
        """The name whose text in quotes an offset touches."""
        return next((own for own in self.names if own.literal[0] <= offset <= own.literal[1]), None)

    def counterpart(self, source: Chunks, number: int) -> int | None:
        """Which chunk is that of a chunk of the source; None where that is not plain."""
        return next((here for here, there in self.origins(source).items() if there == number), None)

    def origins(self, source: Chunks) -> dict[int, int]:
        """For each of its chunks, that of the source which is the same, where that is plain."""
        ours: dict[str, list[int]] = defaultdict(list)
        theirs: dict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(self.sources):
            if own is not None:
                ours[own.rstrip()].append(number)
        for number, chunk in enumerate(source.chunks):
            theirs[chunk.key].append(number)
        return {
            here: there
            for text, numbers in ours.items()
            if len(numbers) == len(theirs[text])
            for here, there in zip(numbers, theirs[text], strict=True)
        }

    def insert(self, number: int, expression: Expression, name: str) -> Edit | Refusal:
        """The edit that names an expression of one of its chunks; the expression's offsets are the chunk's own."""
        if (refusal := self._refusal(name) or self._no_get()) is not None:
            return refusal
        return self._moved(insert_at(self.chunks.chunks[number].parsed, expression, name), number)

    def insert_from_source(self, source: Chunks, number: int, expression: Expression, name: str) -> Edit | Refusal:
        """The edit that names an expression of a chunk of its source; the expression's offsets are that chunk's own."""
        if (refusal := self._refusal(name) or self._no_get()) is not None:
            return refusal
        chunk = source.chunks[number]
        if (here := self.counterpart(source, number)) is not None:
            own = self.chunks.chunks[here]
            if own.text == chunk.text:
                return self._moved(insert_at(own.around(expression.start, expression.end), expression, name), here)
            stripped = Parsed(own.text, self._contents[here].tree or own.parsed.tree)
            return self._moved(insert_counterpart(chunk.parsed, stripped, own.around, expression, name), here)
        start = source.starts[number]
        text = "".join(c.text for c in source.chunks)
        lines = source.above[number]
        line, column, end_line, end_column = expression.span
        moved = replace(
            expression,
            start=start + expression.start,
            end=start + expression.end,
            span=(line + lines, column, end_line + lines, end_column),
            slots=(),
        )
        try:
            return insert_selected(text, self.text, self.shown_as, moved, name)
        except SyntaxError as error:
            line, message = syntax_line(error)
            return Refusal(f"line {line} does not parse: {message}")
        except GetError as error:
            return Refusal(f"{self.shown_as}:{error.line}: {error.reason}")

    def rename(self, named: Named, new: str) -> Edit | Refusal:
        """The edit that renames a name."""
        if new == named.name:
            return []
        if (refusal := self._refusal(new, besides=named)) is not None:
            return refusal
        chunk = self.chunks.chunks[named.chunk]
        edit = rename(chunk.text, named.name, new)
        return self._moved(edit, named.chunk)

    def remove(self, named: Named) -> Edit:
        """The edit that takes a GET out. Raises FlorError if it cannot be taken out alone."""
        at = self.chunks.starts[named.chunk]
        return [(s + at, e + at, new) for s, e, new in remove(self.chunks.chunks[named.chunk].text, named.name)]

    def _refusal(self, name: str, besides: Named | None = None) -> Refusal | None:
        if (refusal := bad_name(name)) is not None:
            return refusal
        for own in self.names:
            if own.name.casefold() == name.casefold() and own is not besides:
                line = self.text.count("\n", 0, own.start) + 1
                return Refusal(f'the name "{own.name}" is taken in line {line} of {self.shown_as}: choose another')
        return None

    def _no_get(self) -> Refusal | None:
        """Why a GET would not be ours, if so."""
        return None if self._defined is None else Refusal(another_get(f"{self.shown_as}:{self._defined}"))

    def _moved(self, edit: Edit | Refusal, number: int) -> Edit | Refusal:
        at = self.chunks.starts[number]
        return edit if isinstance(edit, Refusal) else [(start + at, end + at, new) for start, end, new in edit]


def _content(chunk: Chunk, header_span: tuple[int, int] | None) -> _Content:
    text = chunk.text
    if chunk.broken:
        try:
            Parsed(text)
        except SyntaxError as error:
            line, message = syntax_line(error)
            return _Content(None, [], [_at_line(text, line, f"{message}: mend the shadow copy")])
    if "GET" not in text and header_span is None:
        return _Content(text)
    parsed = Parsed(text)
    try:
        stripped = strip(parsed, header_span)
    except GetError as error:
        return _Content(None, [], [_at_line(text, error.line, error.reason)])
    names = []
    for get, place in zip(stripped.gets, stripped.places, strict=True):
        if place is not None:
            literal = get.call.args[0]
            span = (parsed.start(literal), parsed.end(literal))
            names.append(Named(get.name, *get.span, span, parsed.slice(get.expression), 0, place, get.refused))
    return _Content(stripped.text, names, tree=stripped.tree, defined=stripped.defined)


def _at_line(text: str, line: int, message: str) -> Problem:
    starts = Lines(text).starts
    start = starts[min(max(line, 1), len(starts)) - 1]
    content = NEWLINE.split(text[start:], 1)[0]
    return Problem(start + len(content) - len(content.lstrip()), start + len(content.rstrip()), message)
