"""The places of a shadow copy's names in any version of its source. Never a wrong one: rather none, and why."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from flor.annotate import loops
from flor.annotate.gets import Get, GetError
from flor.annotate.match import Matching, corresponding
from flor.annotate.places import How, Missing, Place, Shadow
from flor.annotate.source import Lines, Parsed, syntax_line
from flor.annotate.strip import Reading, Stripped, looked_through, strip
from flor.annotate.tree import imported_variable, paired, same, span_of

_READINGS: tuple[Reading, ...] = ("bindings", "removed", "kept")
# Characters of a text in a message.
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Aligned:
    """A version of the source, held against a shadow copy."""

    places: dict[str, Place | Missing]  # of each name
    #: what loops and functions of the version, by kind and line, correspond to
    blocks: dict[loops.Key, loops.Counterpart] = field(default_factory=dict)


def align(shadow: Shadow, run_source: str) -> Aligned:
    """For each name of `shadow` its place in `run_source`, the text of the version that a run executed.

    That may be a shadow copy itself: its GETs are looked through, and spans are those of the text as it is, GETs
    included. A place is exact if the two sources are equal but for GETs, comments and layout.
    """
    try:
        parsed = Parsed(run_source)
        tree = looked_through(parsed)
    except SyntaxError as error:
        line, message = syntax_line(error)
        reason = f"this version of the source does not parse (line {line}: {message})"
        return Aligned({name.name: Missing(reason) for name in shadow.names})
    stripped, matching = _reading(shadow, tree)
    places = {
        get.name: _in_version(get, place, stripped, matching, parsed)
        for get, place in zip(stripped.gets, stripped.places, strict=True)
    }
    return Aligned(places, loops.counterparts(stripped.tree, tree, matching))


def _reading(shadow: Shadow, tree: ast.Module) -> tuple[Stripped, Matching]:
    """The shadow copy's GETs taken out in the way that gives `tree`, if one does, else in the usual way.

    With the nodes of `tree` for its nodes.
    """
    usual: Stripped | None = None
    for reading in _READINGS:
        try:
            stripped = strip(Parsed(shadow.text), reading=reading)
        except GetError:
            continue
        if (nodes := paired(stripped.tree, tree)) is not None:
            return stripped, Matching(nodes, equal=True)
        usual = usual or stripped
    assert usual is not None, "a Shadow has been read once"
    return usual, corresponding(usual.tree, tree)


def _in_version(
    get: Get, place: Place | None, stripped: Stripped, matching: Matching, version: Parsed
) -> Place | Missing:
    line = get.call.lineno
    if get.refused is not None:
        return Missing(get.refused)
    if place is None:
        shown = ast.unparse(get.expression)
        return Missing(
            f'GET("{get.name}", {shown}) in line {line} is no expression of the source: put the GET '
            f"around one, or straight after {shown} gets its value"
        )
    node = get.binding if place.kind == "binding" else get.expression
    assert node is not None
    found = matching.nodes.get(node)
    if found is None or (place.kind == "binding" and node in matching.changed):
        shown = one_line(ast.unparse(_statement_of(stripped.tree, node)).partition("\n")[0])
        return Missing(f"this version of the source has no counterpart of `{shown}` (line {line} of the shadow copy)")
    if matching.equal:
        return Place(place.kind, span_of(found), place.variable)
    how = _how(node, found, matching)
    variable = _variable(found) if place.kind == "binding" else None
    if how == "same":
        return Place(place.kind, span_of(found), variable, how)
    lines = Lines(stripped.text)
    here = stripped.text[lines.offset(*place.span[:2]) : lines.offset(*place.span[2:])]
    text = variable or one_line(version.slice(found))
    return Place(place.kind, span_of(found), variable, how, text, place.variable or one_line(here))


def _how(node: ast.AST, found: ast.AST, matching: Matching) -> How:
    if node in matching.changed:
        return "changed"
    if isinstance(node, ast.ExceptHandler | ast.arg | ast.alias):
        return "same" if _variable(node) == _variable(found) else "renamed"
    return "same" if same(node, found) else "renamed"


def _variable(node: ast.AST) -> str | None:
    """The variable that a node binds."""
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            return name
        case ast.alias():
            return imported_variable(node)
    return None


def one_line(text: str) -> str:
    """A text in one line, cut if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


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
