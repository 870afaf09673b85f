"""Syntax trees: descend to a position, compare, pair the nodes of equal trees. Without recursion: trees are deep."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flor.annotate.source import Parsed, parse_tree
from flor.capture.sites import Span

#: Fields that hold statements, or what holds statements.
BODIES = frozenset({"body", "orelse", "finalbody", "handlers", "cases"})

# Between two statements on one logical line: a semicolon, and line ends only after a backslash.
_SEMICOLON = re.compile(r"(?:[ \t\f]|\\(?:\r\n|\r|\n))*;(?:[ \t\f]|\\(?:\r\n|\r|\n))*")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Step:
    """A node and the field of the node above that holds it."""

    node: ast.AST
    field: str
    index: int | None  # in the field, if that is a list


def span_of(node: ast.AST) -> Span:
    """The ast span of a node that has one."""
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def steps_below(node: ast.AST) -> Iterator[Step]:
    """A node's children. Operators and expression contexts are left out."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            if hasattr(value, "lineno") or value._fields:
                yield Step(value, field, None)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield Step(item, field, index)


def descend(parsed: Parsed, start: int, end: int) -> list[Step]:
    """The nodes that cover the offsets `start` to `end`, outermost (the module) first.

    An empty range is covered by what touches it; of two neighbours the one that begins there. Before Python 3.12 the
    nodes in an f-string have no reliable positions: there the descent ends at the f-string.
    """
    low, high = parsed.lines.position(start), parsed.lines.position(end)
    path = [Step(parsed.tree, "", None)]
    while (below := _covering(path[-1].node, low, high)) is not None:
        path += below
    return path


def follow(path: Sequence[Step], root: ast.AST) -> ast.AST:
    """The node of another, equal tree to which a path from its root leads."""
    node = root
    for step in path[1:]:
        below = getattr(node, step.field)
        node = below if step.index is None else below[step.index]
    return node


def _covering(node: ast.AST, low: tuple[int, int], high: tuple[int, int]) -> list[Step] | None:
    if isinstance(node, ast.JoinedStr) and not FSTRINGS_HAVE_POSITIONS:
        return None
    touching: list[Step] | None = None
    for step in steps_below(node):
        child = step.node
        if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
            continue  # in f"{x=}" the text "x=" overlaps x
        if not hasattr(child, "lineno"):  # arguments, comprehension, withitem, match_case: as wide as their parts
            below = _covering(child, low, high)
            found = None if below is None else [step, *below]
        else:
            line, column, end_line, end_column = span_of(child)
            decorators = getattr(child, "decorator_list", None)
            if decorators:
                line, column = decorators[0].lineno, decorators[0].col_offset
            found = [step] if (line, column) <= low and high <= (end_line, end_column) else None
        if found is not None:
            if low < span_of(found[-1].node)[2:] or low != high:
                return found
            touching = found
    return touching


FSTRINGS_HAVE_POSITIONS = hasattr(ast, "TypeAlias")  # both came with Python 3.12


def fingerprint(node: ast.AST, without: frozenset[str] = frozenset()) -> tuple[object, ...]:
    """What a tree says, positions aside: equal trees have equal ones. `without` leaves out fields of `node` itself."""
    found: list[object] = [type(node)]
    stack: list[object] = [getattr(node, name, None) for name in reversed(node._fields) if name not in without]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            found.append(type(item))
            stack.extend(getattr(item, name, None) for name in reversed(item._fields))
        elif isinstance(item, list):
            found.append(len(item))
            stack.extend(reversed(item))
        else:
            found.append((type(item), repr(item)))
    return tuple(found)


def paired(a: ast.AST, b: ast.AST, without: frozenset[str] = frozenset()) -> dict[ast.AST, ast.AST] | None:
    """The node of `b` for every node of `a` but operators and contexts; None if the trees differ, positions aside.

    `without` leaves out fields of `a` and `b` themselves.
    """
    found: dict[ast.AST, ast.AST] = {}
    stack: list[tuple[object, object]] = [(a, b)]
    while stack:
        x, y = stack.pop()
        if type(x) is not type(y):
            return None
        if isinstance(x, ast.AST):
            assert isinstance(y, ast.AST)
            found[x] = y
            for name in x._fields:
                if x is a and name in without:
                    continue
                p, q = getattr(x, name, None), getattr(y, name, None)
                if p is not q:
                    stack.append((p, q))
        elif isinstance(x, list):
            assert isinstance(y, list)
            if len(x) != len(y):
                return None
            stack.extend(zip(x, y, strict=True))
        elif x != y:
            return None
    return found


def same(a: ast.AST, b: ast.AST) -> bool:
    """Are two trees equal, positions aside?"""
    return paired(a, b) is not None


def same_code(text: str, other: str) -> bool:
    """Are two texts the same code, layout, comments and parentheses aside?"""
    try:
        return text == other or same(parse_tree(text), parse_tree(other))
    except SyntaxError:
        return False


def statement_lists(tree: ast.AST) -> Iterator[tuple[ast.AST, str, list[ast.stmt]]]:
    """Every list of statements with its owner and field."""
    stack = [tree]
    while stack:
        node = stack.pop()
        for field in node._fields:
            if field in BODIES and (items := getattr(node, field)):
                stack.extend(items)
                if isinstance(items[0], ast.stmt):
                    yield node, field, items


def same_line(parsed: Parsed, a: ast.stmt, b: ast.stmt) -> bool:
    """Do two consecutive statements stand on one logical line, as in `a; b`?"""
    return _SEMICOLON.fullmatch(parsed.text, parsed.end(a), parsed.start(b)) is not None


def is_docstring(owner: ast.AST, statement: ast.AST) -> bool:
    """Is `statement` the docstring of `owner`?"""
    return (
        isinstance(owner, ast.Module | ast.ClassDef | Function)
        and owner.body[:1] == [statement]
        and isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def refused_field(parent: ast.AST, step: Step) -> str | None:
    """Why nothing in a field of `parent` is evaluated as a value, if so."""
    if step.field in ("annotation", "returns"):
        return "an annotation is no value: name where the variable gets its value"
    if step.field == "type_params" or type(parent).__name__ == "TypeAlias":
        return "a type parameter or alias is no value that a run computes"
    if isinstance(step.node, ast.pattern):
        return "a pattern is no value: name the subject of the match, or a use of the variable in the case"
    return None


def stored_names(target: ast.AST) -> Iterator[ast.Name]:
    """The variables that an assignment target binds: `a` and `b` of `a, *b, c.d, e[0]`."""
    if isinstance(target, ast.Name):
        yield target
    elif isinstance(target, ast.Starred):
        yield from stored_names(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from stored_names(item)


def imported_variable(alias: ast.alias) -> str:
    """The variable that one part of an import binds."""
    return alias.asname or alias.name.partition(".")[0]
