"""A shadow copy's names carried over to the present version of its source. Touches no file."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from flor.annotate import shadow as shadows
from flor.annotate.align import align, one_line
from flor.annotate.gets import find
from flor.annotate.insert import insert_selected, node_at
from flor.annotate.nameable import answer_for
from flor.annotate.piece import BINDERS
from flor.annotate.places import Edit, Missing, Name, Place, Refusal, Shadow, apply
from flor.annotate.source import Parsed, decode
from flor.annotate.tree import is_docstring, span_of


@dataclass(frozen=True, slots=True)
class Carried:
    """A new shadow copy of the source as it is now."""

    shadow: Shadow
    inexact: list[tuple[Name, str]]  # names whose expression is another one now, each with what it was
    lost: list[str]  # a line for each name that has no place any more: what it was, and why


def carry_over(old: Shadow, data: bytes) -> Carried:
    """The source `data`, which must parse, with the names of a shadow copy of another version of it."""
    source = Parsed(decode(data, str(old.source_path)).text)
    places = align(old, source.text).places
    new = _parse(old, shadows.make(old.source_path, data))
    why: dict[str, str] = {}
    # Of two names of one expression the second goes inside the first; of two GETs after one statement the second goes
    # straight after it.
    expressions = [name for name in old.names if name.place.kind == "expression"]
    bindings = [name for name in old.names if name.place.kind == "binding"]
    for name in (*expressions, *reversed(bindings)):
        place = places[name.name]
        edit = Refusal(place.reason) if isinstance(place, Missing) else _insertion(source, new, place, name.name)
        if isinstance(edit, Refusal):
            why[name.name] = edit.reason
        else:
            new = _parse(old, new.decoded.encode(apply(edit, new.text), old.shown_as))
    new = _with_import(old, new)
    inexact = [
        (name, place.named)
        for name in new.names
        if isinstance(place := places[name.name], Place) and place.named is not None
    ]
    lost = [
        f"{name.name}: `{one_line(name.text)}` could not be carried over: {why[name.name]}"
        for name in old.names
        if name.name in why
    ]
    return Carried(new, inexact, lost)


def _parse(old: Shadow, data: bytes) -> Shadow:
    return shadows.parse(data, old.shown_as)


def _insertion(source: Parsed, new: Shadow, place: Place, name: str) -> Edit | Refusal:
    if place.kind == "expression":
        line, column, end_line, end_column = place.span
        start, end = source.lines.offset(line, column), source.lines.offset(end_line, end_column)
        node = node_at(source, start, end, ast.expr)
    else:
        node = next(n for n in ast.walk(source.tree) if isinstance(n, BINDERS) and span_of(n) == place.span)
    selected = answer_for(source, node)
    return (
        selected
        if isinstance(selected, Refusal)
        else insert_selected(source.text, new.text, new.shown_as, selected, name)
    )


def _with_import(old: Shadow, new: Shadow) -> Shadow:
    """With the import of GET that the old copy had, so that plain Python runs it too."""
    parsed = Parsed(old.text)
    imports = [s for s in find(parsed, strict=True).imports if s in parsed.tree.body]
    if not imports or not new.names:
        return new
    text = Parsed(new.text)
    first = next(s for s in text.tree.body if not is_docstring(text.tree, s) and not _is_future(s))
    at = text.lines.line_start(text.start(first))
    line = parsed.slice(imports[0]) + text.lines.newline_before(at)
    changed = _parse(old, new.decoded.encode(apply([(at, at, line)], new.text), old.shown_as))
    return changed if changed.source == new.source else new


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
