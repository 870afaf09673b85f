"""What the functions of this folder answer: plain data, no syntax trees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flor.annotate.source import Decoded
from flor.capture.sites import Span

Kind = Literal["expression", "binding"]

#: How a name's place in a version of the source was found. "exact": the version is the one that was annotated, but for
#: comments and layout. In another version, "same": the same expression; "renamed": the same but for names of variables;
#: "changed": the place is the same, the expression is another one.
How = Literal["exact", "same", "renamed", "changed"]

#: Replacements of a text: (start offset, end offset, new text); offsets are those of the text as it was.
Edit = list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something cannot be named: one sentence for the user."""

    reason: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a statement can be inserted: at `offset`, as `before` + statement + `after`."""

    offset: int
    before: str
    after: str

    def edit(self, statement: str) -> Edit:
        return [(self.offset, self.offset, self.before + statement + self.after)]


@dataclass(frozen=True, slots=True)
class Expression:
    """Something that can be named.

    An "expression" gets `GET("name", ...)` around its text. A "binding" is a variable that gets its value without an
    expression of its own (a loop target, a parameter, ...): the statement `GET("name", variable)` goes into the first
    of `slots` that fits.
    """

    kind: Kind
    start: int  # offsets of its text; of a binding, of the node that binds
    end: int
    span: Span  # of the ast node; of a binding that of the Name, arg, alias or ExceptHandler that binds
    text: str  # the expression as written; of a binding the variable
    variable: str | None = None
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a version of a source a name's values come from."""

    kind: Kind
    span: Span  # of the expression's node; of a binding that of the Name, arg, alias or ExceptHandler that binds
    variable: str | None = None  # of a binding
    how: How = "exact"
    text: str | None = None  # the expression in this version, in one line, if it is another one than
    named: str | None = None  # the one that was named


@dataclass(frozen=True, slots=True)
class Missing:
    """A version of a source has no counterpart of a name: one sentence that says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a shadow copy."""

    name: str
    line: int  # of its GET in the shadow copy
    text: str  # what is named, as written there
    place: Place  # in Shadow.source
    refused: str | None = None  # why nothing is evaluated at its place (an annotation), if so


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow copy that was read."""

    source_path: Path  # absolute
    text: str
    names: list[Name]  # in the order of their GETs
    source: str  # `text` without its header and its GETs
    decoded: Decoded
    shown_as: str


def apply(edit: Edit, text: str) -> str:
    """`text` with an edit made."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edit, key=lambda change: change[:2]):
        assert start >= at, "an edit's replacements overlap"
        parts += [text[at:start], new]
        at = end
    return "".join(parts) + text[at:]
