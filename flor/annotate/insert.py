"""Insert, remove and rename a GET: text in, edit out. Each is verified before it is answered.

`ast` locates, and the call is spliced into the text around the selected expression alone. An edit is given only if the
GETs taken out again leave byte for byte what they left before, and the new name stands for what was selected.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from flor.annotate.gets import Get, GetError, Gets, find
from flor.annotate.match import corresponding
from flor.annotate.nameable import answer_for, expression_at
from flor.annotate.piece import Piece, path_at, path_to
from flor.annotate.places import Edit, Expression, Place, Refusal, Shadow, apply
from flor.annotate.source import Parsed, syntax_line
from flor.annotate.strip import Stripped, looked_through, removals, strip, variants
from flor.annotate.tree import descend, follow
from flor.errors import FlorError

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def insert(source: str | Parsed, start: int, end: int, name: str) -> Edit | Refusal:
    """The edit that names what is selected from offset `start` to `end`, of a source or of a shadow copy's text."""
    parsed = _parsed(source)
    if isinstance(parsed, Refusal):
        return parsed
    found = expression_at(parsed, start, end)
    return found if isinstance(found, Refusal) else insert_at(parsed, found, name)


def _parsed(source: str | Parsed) -> Parsed | Refusal:
    try:
        return Parsed.of(source)
    except SyntaxError as error:
        line, message = syntax_line(error)
        return Refusal(f"line {line} does not parse: {message}")


def insert_at(parsed: Parsed, expression: Expression, name: str) -> Edit | Refusal:
    """The edit that names `expression`, which is one of `parsed`."""
    refusal = bad_name(name)
    if refusal is not None:
        return refusal
    try:
        gets = find(parsed, strict=True)
        for get in gets.found:
            if get.name == name:
                return Refusal(f'the name "{name}" is taken in line {get.call.lineno}: choose another')
            if get.binding is not None and get.span[0] <= expression.start < get.span[1]:
                return Refusal(f'this is "{get.name}" already: rename it, or name the variable where it is bound')
        before = Piece.around(parsed, expression)
    except GetError as error:
        return Refusal(f"line {error.line}: {error.reason}")
    for edit in _candidates(parsed, gets, expression, name):
        after = before.with_edit(edit)
        if after is not None and after.text == before.text_without and _place_of(after, name) == before.place:
            return edit
    return Refusal("a GET does not fit here: put this part into a variable of its own, and name that")


def insert_from_source(source: str | Parsed, shadow: Shadow, start: int, end: int, name: str) -> Edit | Refusal:
    """The edit of the shadow copy's text that names what is selected in its source, offset `start` to `end` there."""
    parsed = _parsed(source)
    if isinstance(parsed, Refusal):
        return parsed
    selected = expression_at(parsed, start, end)
    if isinstance(selected, Refusal):
        return selected
    return insert_selected(parsed.text, shadow.text, shadow.shown_as, selected, name)


def insert_selected(text: str, copy_text: str, shown_as: str, selected: Expression, name: str) -> Edit | Refusal:
    """The edit of a shadow copy's text that names `selected`, an expression of its source, whose text is `text`."""
    original, stripped = Parsed(text), strip(Parsed(copy_text)).tree
    node = path_to(original, selected)[-1].node
    matching = corresponding(looked_through(original), stripped)
    found = matching.nodes.get(node)
    if found is None or node in matching.changed:
        line = original.lines.position(selected.start)[0]
        return Refusal(f"{shown_as} is out of date: line {line} of the source has changed since, or is not in the copy")
    return _insert_around(Parsed(copy_text), found, selected, name)


def insert_counterpart(
    original: Parsed, stripped: Parsed, around: Callable[[int, int], Parsed], selected: Expression, name: str
) -> Edit | Refusal:
    """As `insert_selected`, of texts that were parsed: the source, which has no GET, and the copy, whose tree says the
    same, as its GETs were taken out. `around` gives the copy as it is, or what is enough of it to look at what lies
    between two offsets. Changes none of them."""
    found = follow(path_to(original, selected), stripped.tree)
    return _insert_around(around(stripped.start(found), stripped.end(found)), found, selected, name)


def _insert_around(fresh: Parsed, found: ast.AST, selected: Expression, name: str) -> Edit | Refusal:
    same_kind = type(found) if selected.kind == "binding" else ast.expr
    target = answer_for(fresh, node_at(fresh, fresh.start(found), fresh.end(found), same_kind))
    return target if isinstance(target, Refusal) else insert_at(fresh, target, name)


def remove(text: str, name: str) -> Edit:
    """The edit that takes one GET out. Raises FlorError if there is no such name."""
    parsed, gets, get = _find_name(text, name)
    before = strip(Parsed(text))
    alone = [g for g in gets.found if g.statement is not None and g.statement is get.statement] == [get]
    if get.statement is not None and get.binding is not None and alone:
        candidates: list[Edit] = [removals(parsed, {get.statement})]
    else:
        candidates = variants(text, get)
    left = {(g.name, p) for g, p in zip(before.gets, before.places, strict=True) if g.name != name}
    for edit in candidates:
        try:
            after = strip(Parsed(apply(edit, text)))
        except (SyntaxError, GetError):
            continue
        if after.text == before.text and {(g.name, p) for g, p in zip(after.gets, after.places, strict=True)} == left:
            return sorted(edit)
    raise FlorError(f'the GET of "{name}" in line {get.call.lineno} cannot be taken out alone: edit the line by hand')


def rename(text: str, old: str, new: str) -> Edit:
    """The edit that renames a name. Raises FlorError if there is no such name, or the new one is taken or none."""
    parsed, gets, get = _find_name(text, old)
    refusal = bad_name(new)
    if refusal is not None:
        raise FlorError(refusal.reason)
    taken = next((g for g in gets.found if g.name == new and new != old), None)
    if taken is not None:
        raise FlorError(f'the name "{new}" is taken in line {taken.call.lineno}: choose another')
    literal = get.call.args[0]
    return [(parsed.start(literal), parsed.end(literal), _literal(new))]


def _find_name(text: str, name: str) -> tuple[Parsed, Gets, Get]:
    try:
        parsed = Parsed(text)
        gets = find(parsed, strict=True)
    except SyntaxError as error:
        line, message = syntax_line(error)
        raise FlorError(f"line {line} does not parse: {message}") from None
    except GetError as error:
        raise FlorError(f"line {error.line}: {error.reason}") from None
    get = next((get for get in gets.found if get.name == name), None)
    if get is None:
        known = ", ".join(get.name for get in gets.found)
        raise FlorError(f'there is no name "{name}"; ' + (f"there are: {known}" if known else "there is none yet"))
    return parsed, gets, get


def bad_name(name: str) -> Refusal | None:
    """Why this cannot be a name, if so."""
    if not name or name != name.strip():
        return Refusal("a name needs a character that is no space, and none around it")
    if _CONTROL.search(name):
        return Refusal("a name cannot hold control characters")
    return None


def _literal(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _place_of(stripped: Stripped, name: str) -> Place | None:
    return next((p for get, p in zip(stripped.gets, stripped.places, strict=True) if get.name == name), None)


def node_at(parsed: Parsed, start: int, end: int, kind: type[ast.AST]) -> ast.AST:
    """The innermost node of a kind at exactly these offsets, which must be there."""
    return path_at(parsed, start, end, kind)[-1].node


def _candidates(parsed: Parsed, gets: Gets, expression: Expression, name: str) -> Iterator[Edit]:
    """Ways to insert the GET, the plainest first; not all are right."""
    if expression.kind == "binding":
        assert expression.variable is not None
        for slot in expression.slots:
            yield slot.edit(f"GET({_literal(name)}, {expression.variable})")
        return
    start, end = expression.start, expression.end
    sole_generator = _is_sole_generator(parsed, start, end)
    after_word = not sole_generator and start > 0 and f"_{parsed.text[start - 1]}".isidentifier()
    for parentheses in (False, True):
        call = _call(name, parsed.text[start:end], parentheses, space=after_word)
        if sole_generator:
            call = f"({call})"
        yield [(start, end, " " + call if after_word else call)]
    region = _argument_with_parentheses(gets, parsed, start, end)
    if region is not None:
        yield [(*region, _call(name, parsed.text[slice(*region)], False, space=False))]


def _argument_with_parentheses(gets: Gets, parsed: Parsed, start: int, end: int) -> tuple[int, int] | None:
    """The text of a GET's argument with its parentheses, if it is the node at these offsets and has some around."""
    for get in gets.found:
        if (parsed.start(get.argument), parsed.end(get.argument)) == (start, end) and get.region != (start, end):
            return get.region
    return None


def _is_sole_generator(parsed: Parsed, start: int, end: int) -> bool:
    """Is this the generator of `f(x for x in y)`, to which ast gives the call's own parentheses?"""
    path = descend(parsed, start, end)
    node, parent = path[-1].node, path[-2].node
    return (
        isinstance(node, ast.GeneratorExp)
        and isinstance(parent, ast.Call)
        and parsed.end(parent) == end == parsed.end(node)
    )


def _call(name: str, expression: str, parentheses: bool, space: bool) -> str:
    """`GET("name", expression)`, the expression's text unchanged."""
    argument = f"({expression})" if parentheses else expression
    return f"GET{' ' if space else ''}({_literal(name)}, {argument})"
