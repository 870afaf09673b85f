"""The places of a shadow copy's names in any version of its source. Never a wrong one: rather none, and why."""

from __future__ import annotations

import ast

from flor.annotate.gets import Get, GetError
from flor.annotate.match import Nodes, corresponding
from flor.annotate.places import Missing, Place, Shadow
from flor.annotate.source import Parsed, syntax_line
from flor.annotate.strip import Reading, Stripped, looked_through, strip
from flor.annotate.tree import paired, span_of

_READINGS: tuple[Reading, ...] = ("bindings", "removed", "kept")


def align(shadow: Shadow, run_source: str) -> dict[str, Place | Missing]:
    """For each name of `shadow` its place in `run_source`, the text of the version that a run executed.

    That may be a shadow copy itself: its GETs are looked through, and spans are those of the text as it is, GETs
    included. A place is exact if the two sources are equal but for GETs, comments and layout.
    """
    try:
        tree = looked_through(Parsed(run_source))
    except SyntaxError as error:
        line, message = syntax_line(error)
        reason = f"this version of the source does not parse (line {line}: {message})"
        return {name.name: Missing(reason) for name in shadow.names}
    stripped, nodes, exact = _reading(shadow, tree)
    return {
        get.name: _in_version(get, place, stripped, nodes, exact)
        for get, place in zip(stripped.gets, stripped.places, strict=True)
    }


def _reading(shadow: Shadow, tree: ast.Module) -> tuple[Stripped, Nodes, bool]:
    """The shadow copy's GETs taken out in the way that gives `tree`, if one does, else in the usual way.

    With the node of `tree` for its nodes, and whether all are equal.
    """
    usual: Stripped | None = None
    for reading in _READINGS:
        try:
            stripped = strip(Parsed(shadow.text), reading=reading)
        except GetError:
            continue
        if (nodes := paired(stripped.tree, tree)) is not None:
            return stripped, nodes, True
        usual = usual or stripped
    assert usual is not None, "a Shadow has been read once"
    return usual, corresponding(usual.tree, tree), False


def _in_version(get: Get, place: Place | None, stripped: Stripped, nodes: Nodes, exact: bool) -> Place | Missing:
    line = get.call.lineno
    if get.refused is not None:
        return Missing(get.refused)
    if place is None:
        variable = ast.unparse(get.expression)
        return Missing(
            f'GET("{get.name}", {variable}) in line {line} is no expression of the source: put the GET '
            f"around one, or straight after {variable} gets its value"
        )
    node = get.binding if place.kind == "binding" else get.expression
    assert node is not None
    if (found := nodes.get(node)) is None:
        text = " ".join(ast.unparse(_statement_of(stripped.tree, node)).partition("\n")[0].split())
        shown = text if len(text) <= 60 else text[:59] + "…"
        return Missing(f"this version of the source has no counterpart of `{shown}` (line {line} of the shadow copy)")
    return Place(place.kind, span_of(found), place.variable, exact)


def _statement_of(tree: ast.Module, node: ast.AST) -> ast.AST:
    """The innermost statement around a node."""
    stack: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while stack:
        at, statement = stack.pop()
        if isinstance(at, ast.stmt):
            statement = at
        if at is node:
            return statement
        stack.extend((child, statement) for child in ast.iter_child_nodes(at))
    raise AssertionError("a node of the tree")
