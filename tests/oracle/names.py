"""A name for every place of a source, put into a shadow copy, and what is to be read without one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flor.annotate import shadow
from flor.annotate.nameable import answer_for
from flor.annotate.places import Expression, Missing, Name, Place, Refusal, Shadow
from flor.annotate.source import Parsed, decode
from flor.annotate.tree import span_of
from flor.errors import FlorError
from flor.etl.extract import Annotated
from flor.trace.read import Source
from tests.oracle.instrument import Site

_Key = tuple[str, tuple[int, int, int, int]]


@dataclass(frozen=True)
class Named:
    """Names for all sites of a source."""

    copies: list[Annotated]
    names: dict[str, int]  # name -> site
    wrong: list[str]  # what the shadow copy takes a name for, where that is another thing
    refused: dict[int, str]  # site -> why it cannot be named


class _Direct(Annotated):
    """What cannot stand in a shadow copy: names whose places are given."""

    def places(self, source: Source) -> Mapping[str, Place | Missing]:  # type: ignore[override]
        return {name.name: name.place for name in self.shadow.names}


def name_all(path: Path, data: bytes, sites: Iterable[tuple[int, Site]], prefix: str) -> Named:
    """Name every site of a source: by a GET in a shadow copy where that can be, else directly."""
    decoded = decode(data, str(path))
    parsed = Parsed(decoded.text)
    nodes = _nodes(parsed.tree)
    answers: dict[str, Expression] = {}
    names: dict[str, int] = {}
    direct: list[Name] = []
    refused: dict[int, str] = {}
    wanted: dict[str, Place] = {}
    for number, site in sites:
        name = f"{prefix}{number}"
        names[name] = number
        node = nodes.get((site.kind, site.span))
        place = Place("expression" if site.kind == "expression" else "binding", site.span)
        answer = answer_for(parsed, node) if node is not None else Refusal("no node of the syntax tree stands there")
        if isinstance(answer, Refusal):
            refused[number] = answer.reason
        if isinstance(answer, Expression) and (answer.kind, answer.span) == (place.kind, place.span):
            answers[name] = answer
            wanted[name] = place
        else:
            direct.append(Name(name, site.span[0], "", place))
    copies, wrong = _shadow_copy(path, data, parsed, answers, wanted)
    if not copies:
        direct += [Name(name, place.span[0], "", place) for name, place in wanted.items()]
    if direct:
        copies.append(_Direct(Shadow(path, decoded.text, direct, decoded.text, decoded, "direct"), path))
    return Named(copies, names, wrong, refused)


def _shadow_copy(
    path: Path, data: bytes, parsed: Parsed, answers: dict[str, Expression], wanted: dict[str, Place]
) -> tuple[list[Annotated], list[str]]:
    decoded = decode(data, str(path))
    text = annotate(parsed, answers)
    try:
        copy = shadow.parse(shadow.make(path, decoded.encode(text, str(path))), f"{path.stem}_h.py")
    except FlorError as error:
        return [], [f"the shadow copy with all names: {error}"]
    wrong = [
        f"{n.name} ({n.text}) stands for {n.place}, not for {wanted[n.name]}"
        for n in copy.names
        if (n.place.kind, n.place.span) != (wanted[n.name].kind, wanted[n.name].span)
    ]
    return [Annotated(copy, path)], wrong


def _nodes(tree: ast.Module) -> dict[_Key, ast.AST]:
    """The nodes that are evaluated or bind, by kind and span."""
    found: dict[_Key, ast.AST] = {}
    parts: set[ast.AST] = set()  # of f-strings: no expressions
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts.update(node.values)
            parts.update(v.format_spec for v in node.values if isinstance(v, ast.FormattedValue) and v.format_spec)
        if isinstance(node, ast.arg | ast.alias | ast.ExceptHandler):
            found["binding", span_of(node)] = node
        elif isinstance(node, ast.expr) and node not in parts and not isinstance(node, ast.Starred | ast.Slice):
            kind = "expression" if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) else "binding"
            found.setdefault((kind, span_of(node)), node)
    return found


def annotate(parsed: Parsed, answers: dict[str, Expression]) -> str:
    """The text with all names in it at once."""
    # At one offset: what ends there, then statements of their own, then what begins; of those the outer ones first.
    insertions: list[tuple[int, int, int, int, str]] = []
    shapes = _shapes(parsed)
    for order, (name, answer) in enumerate(answers.items()):
        start, end = answer.start, answer.end
        if answer.kind == "binding":
            slot = answer.slots[0]
            call = f'GET("{name}", {answer.variable})'
            insertions.append((slot.offset, 1, 0, order, slot.before + call + slot.after))
            continue
        before, after = shapes.get((start, end), ("", ""))
        space = " " if start > 0 and f"_{parsed.text[start - 1]}".isidentifier() else ""
        if before == "sole":
            insertions += [(start, 2, -end, order, f'(GET("{name}", '), (end, 0, -start, order, "))")]
        else:
            insertions.append((start, 2, -end, order, f'{space}GET("{name}", {before}'))
            insertions.append((end, 0, -start, order, f"{after})"))
    parts, at = [], 0
    for offset, _, _, _, text in sorted(insertions):
        parts += [parsed.text[at:offset], text]
        at = offset
    return "".join(parts) + parsed.text[at:]


def _shapes(parsed: Parsed) -> dict[tuple[int, int], tuple[str, str]]:
    """The parentheses that GETs around some expressions need, by offsets; "sole" is a call's only argument, a generator
    expression that shares the call's parentheses."""
    shapes: dict[tuple[int, int], tuple[str, str]] = {}
    for node in ast.walk(parsed.tree):
        match node:
            case ast.Call(args=[ast.GeneratorExp() as only]) if parsed.end(only) == parsed.end(node):
                shapes[parsed.start(only), parsed.end(only)] = ("sole", "")
            case ast.Tuple(elts=[ast.Starred()]) if not parsed.slice(node).endswith((",", ")")):  # x[*y]
                shapes[parsed.start(node), parsed.end(node)] = ("(", ",)")
            case ast.Tuple() | ast.GeneratorExp() | ast.Yield() | ast.YieldFrom():
                shapes.setdefault((parsed.start(node), parsed.end(node)), ("(", ")"))
            case ast.Expr(value=ast.Name()):
                shapes[parsed.start(node), parsed.end(node)] = ("(", ")")
    return shapes
