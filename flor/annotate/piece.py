"""The part of a text that is enough to understand an edit in it.

Texts that parse one after the other parse together, so the lines of a statement are enough, or of a method with its
class's head. In a long statement the item of a bracketed list is: within its commas, what parses as an item there
parses as one among thousands. The arguments of a GET are no such list: what goes with it depends on what is around it.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flor.annotate.gets import GetError, is_get
from flor.annotate.places import Edit, Expression, Place, apply
from flor.annotate.source import NEWLINE, Parsed
from flor.annotate.strip import Stripped, strip
from flor.annotate.tree import Step, descend, same, span_of

BINDERS = (ast.Name, ast.arg, ast.alias, ast.ExceptHandler)
#: A piece of more characters is parted.
_LONG = 4000
#: What may lie between two items, but for white space and parentheses.
_BETWEEN = re.compile(r"#[^\r\n]*|[,(]")


def path_at(parsed: Parsed, start: int, end: int, kind: type[ast.AST]) -> list[Step]:
    """The nodes from the module to the innermost of a kind at exactly these offsets, which must be there."""
    path = descend(parsed, start, end)
    while not isinstance(node := path[-1].node, kind) or (parsed.start(node), parsed.end(node)) != (start, end):
        path.pop()
        assert path, f"no {kind.__name__} at {start} to {end}"
    return path


def path_to(parsed: Parsed, expression: Expression) -> list[Step]:
    """The nodes from the module to that of an expression of `parsed`."""
    if expression.kind == "expression":
        return path_at(parsed, expression.start, expression.end, ast.expr)
    path = descend(parsed, expression.start, expression.end)
    while not isinstance(node := path[-1].node, BINDERS) or span_of(node) != expression.span:
        path.pop()
        assert path, "a binding has its node"
    return path


@dataclass(frozen=True)
class Piece:
    """A part of a text, between what has to stand around it."""

    start: int  # offset of `text` in the whole
    text: str
    text_without: str  # its GETs taken out
    place: Place  # of the expression to be named, in `text_without`

    @classmethod
    def around(cls, parsed: Parsed, expression: Expression) -> Piece:
        """The piece around an expression; the whole text where its lines do not stand alone. Raises GetError."""
        low, high, head = _lines_around(parsed, expression.start)
        if high - low > _LONG and (item := _item_around(parsed, expression)) is not None:
            return item
        text = head + parsed.text[low:high]
        if "GET" not in text and (head or text == parsed.text):  # it is as it is, and parses
            above = parsed.lines.position(low)[0] - 1 - len(NEWLINE.findall(head))
            line, column, end_line, end_column = expression.span
            span = (line - above, column, end_line - above, end_column)
            return cls(low - len(head), text, text, Place(expression.kind, span, expression.variable))
        try:
            return cls._of(Parsed(text), low - len(head), expression)
        except SyntaxError:
            return cls._of(Parsed(parsed.text), 0, expression)

    @classmethod
    def _of(cls, piece: Parsed, start: int, expression: Expression) -> Piece:
        node = path_to(piece, _moved(expression, piece, start))[-1].node
        stripped = strip(piece)
        place = Place(expression.kind, span_of(stripped.partner[node]), expression.variable)
        return cls(start, piece.text, stripped.text, place)

    def with_edit(self, edit: Edit) -> Stripped | None:
        """This piece with an edit of the whole text made, its GETs taken out; None if that is no annotated text."""
        try:
            return strip(Parsed(apply([(s - self.start, e - self.start, new) for s, e, new in edit], self.text)))
        except (SyntaxError, GetError):
            return None


def _moved(expression: Expression, piece: Parsed, start: int) -> Expression:
    """An expression of the whole text as one of a piece that begins at `start`."""
    own = expression.start - start, expression.end - start
    return dataclasses.replace(expression, start=own[0], end=own[1], span=piece.lines.span(*own))


def _lines_around(parsed: Parsed, offset: int) -> tuple[int, int, str]:
    """The lines of the statement at an offset, of the text or of a class in it, and of those that share them, to the
    next one's first; and what has to stand above them.

    Expression statements come with the statement before them, which tells what a `GET("n", x)` of its own is.
    """
    body, end, head = parsed.tree.body, len(parsed.text), ""
    while True:
        starts = [parsed.lines.line_start(parsed.start(s)) for s in body]
        first = last = max((i for i, start in enumerate(starts) if start <= offset), default=0)
        while first > 0 and (starts[first] <= parsed.end(body[first - 1]) or isinstance(body[first], ast.Expr)):
            first -= 1
        while last + 1 < len(body) and starts[last + 1] <= parsed.end(body[last]):
            last += 1
        low, high = starts[first], starts[last + 1] if last + 1 < len(body) else end
        around = body[first]
        if first != last or not isinstance(around, ast.ClassDef):
            return low, high, head
        inside = parsed.start(around.body[0])
        lines = parsed.lines.line_start(inside)
        if offset < lines or parsed.text[lines:inside].strip():
            return low, high, head
        body, end, head = around.body, high, "class C:\n"


def _item_around(parsed: Parsed, expression: Expression) -> Piece | None:
    """The piece that is an item of a bracketed list, the largest that is short; None if there is none."""
    if expression.kind != "expression":
        return None
    path = path_to(parsed, expression)
    for step, below in pairwise(path):
        if isinstance(step.node, ast.JoinedStr) or type(step.node).__name__ == "TemplateStr":
            return None
        found = _items(parsed, step.node)
        index = next((i for i, parts in enumerate(found.parts) if below.node in parts), None) if found else None
        if found is None or index is None:
            continue
        low, high = found.between(parsed, index)
        if high - low > _LONG:
            continue
        start = low - len(found.opening)
        try:
            piece = Parsed(found.opening + parsed.text[low:high] + found.closing)
            node = path_to(piece, _moved(expression, piece, start))[-1].node
            if not same(node, path[-1].node):
                return None
            return Piece._of(piece, start, expression)
        except (SyntaxError, AssertionError, GetError):
            return None
    return None


@dataclass(frozen=True)
class _Items:
    """What stands between brackets, parted by commas."""

    parts: Sequence[Sequence[ast.AST]]  # the nodes of each item
    begin: int  # offset behind the opening bracket
    end: int  # offset of the closing one
    opening: str  # a list that another item can be put into: what stands before it,
    closing: str  # and behind it

    def between(self, parsed: Parsed, index: int) -> tuple[int, int]:
        """The offsets between the commas, or brackets, around an item."""
        low = self.begin if index == 0 else _next(parsed, self._end(parsed, index - 1), ",") + 1
        last = index == len(self.parts) - 1
        return low, self.end if last else _next(parsed, self._end(parsed, index), ",")

    def _end(self, parsed: Parsed, index: int) -> int:
        return max(map(parsed.end, self.parts[index]))


def _next(parsed: Parsed, offset: int, wanted: str) -> int:
    """The offset of the next comma or opening bracket, comments aside."""
    while (match := _BETWEEN.search(parsed.text, offset)) is not None and match.group() != wanted:
        offset = match.end()
    return len(parsed.text) if match is None else match.start()


def _items(parsed: Parsed, node: ast.AST) -> _Items | None:
    """The items of a node that is a bracketed list of some."""
    match node:
        case ast.List():
            parts: list[list[ast.AST]] = [[item] for item in node.elts]
            opening, closing = "[", "]"
        case ast.Set():
            parts, opening, closing = [[item] for item in node.elts], "{0,", "}"
        case ast.Tuple() if parsed.text.startswith("(", parsed.start(node)):
            parts, opening, closing = [[item] for item in node.elts], "(0,", ")"
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            parts = [[value] if key is None else [key, value] for key, value in pairs]
            opening, closing = "{", "}"
        case ast.Call() if not is_get(node):  # what it takes out with it depends on what is around
            arguments: list[ast.AST] = [*node.args, *node.keywords]
            parts = [[item] for item in sorted(arguments, key=parsed.start)]
            opening, closing = "f(", ")"
        case _:
            return None
    begin = _next(parsed, parsed.end(node.func), "(") if isinstance(node, ast.Call) else parsed.start(node)
    return _Items(parts, begin + 1, parsed.end(node) - 1, opening, closing)
