"""From an annotated text to the source that it came from: the exact inverse of insertion.

Parentheses straight inside a GET around a tuple, a generator or a yield go with the GET where the syntax around does
without them (`return GET("n", (a, b))` was `return a, b`), and those around a plain variable that is a whole statement
do. Insertion doubles parentheses of the source's own that would be taken for its own. `GET ("n", ...)`, with a space,
goes with one space before it (`return GET ("n", [1])` was `return[1]`).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from flor.annotate.gets import Get, GetError, Gets, find, take_out
from flor.annotate.places import Edit, Place, apply
from flor.annotate.source import NEWLINE, Parsed, parse_tree
from flor.annotate.tree import paired, same, same_line, span_of, statement_lists

#: What a statement `GET("n", x)` is taken for: "bindings" removes those straight after x is bound, others are around an
#: expression statement; "removed" and "kept" decide alike for all.
Reading = Literal["bindings", "removed", "kept"]


@dataclass(frozen=True)
class Stripped:
    """An annotated text without its GETs."""

    text: str
    gets: list[Get]
    places: list[Place | None]  # of each GET, in `text`; None: its variable is not bound where it stands
    tree: ast.Module  # that of the annotated text, GETs taken out, positions as in the annotated text
    partner: dict[ast.AST, ast.AST]  # the node of `text` for every node of `tree`
    defined: int | None = None  # the line in which the annotated text defines a GET of its own


def strip(parsed: Parsed, header: tuple[int, int] | None = None, reading: Reading = "bindings") -> Stripped:
    """Take all GETs out of an annotated text, and its header, the line from one offset to another.

    Changes `parsed.tree`. Raises GetError where a GET cannot be read, or no source can have become this text.
    """
    gets = find(parsed, strict=True)
    removed = {g.statement for g in gets.found if g.statement is not None and is_removed(g, reading)} | set(
        gets.imports
    )
    wrapped = [g for g in gets.found if g.statement not in removed or g.statement is None]
    edit = removals(parsed, removed, header)
    if not gets.found and not edit:
        partner = {node: node for node in ast.walk(parsed.tree)}
        return Stripped(parsed.text, [], [], parsed.tree, partner, gets.defined)
    if any(start < get.span[1] and get.span[0] < end for get in wrapped for start, end, _ in edit):
        raise _not_from_a_source(gets)  # `if GET("a", x): GET("b", y)` with nothing left of its body
    choices = [variants(parsed.text, get) for get in wrapped]
    chunks = _chunks(parsed, wrapped, edit)
    tree = take_out(gets, removed)
    text, stripped_tree = _without(parsed, edit, [c[0] for c in choices])
    pairs = stripped_tree and paired(tree, stripped_tree)
    if not pairs:
        picked = [_pick(chunk, choices) for chunk in chunks]
        text, stripped_tree = _without(parsed, edit, [v for chosen in picked for v in chosen])
        pairs = stripped_tree and paired(tree, stripped_tree)
        if not pairs:
            raise _not_from_a_source(gets)
    return Stripped(text, gets.found, [_place(g, removed, pairs) for g in gets.found], tree, pairs, gets.defined)


def is_removed(get: Get, reading: Reading) -> bool:
    """Does a GET that is a statement of its own vanish as a whole?"""
    return get.binding is not None if reading == "bindings" else reading == "removed"


def _place(get: Get, removed: set[ast.stmt], partner: dict[ast.AST, ast.AST]) -> Place | None:
    if get.statement is None or get.statement not in removed:
        return Place("expression", span_of(partner[get.expression]))
    if get.binding is None:
        return None
    assert isinstance(get.expression, ast.Name)
    return Place("binding", span_of(partner[get.binding]), get.expression.id)


def _without(parsed: Parsed, edit: Edit, chosen: list[Edit]) -> tuple[str, ast.Module | None]:
    text = apply(edit + [change for variant in chosen for change in variant], parsed.text)
    try:
        return text, parse_tree(text)
    except SyntaxError:
        return text, None


def _not_from_a_source(gets: Gets) -> GetError:
    first = gets.found[0].call.lineno if gets.found else 1
    return GetError(first, "a GET from here on stands where Python takes no expression: take it out")


def variants(text: str, get: Get) -> list[Edit]:
    """How a GET around an expression can be taken out, the likeliest first; the last is right wherever a call is."""
    start, end = get.region
    call_start, call_end = get.span
    keep = [(call_start, start, ""), (end, call_end, "")]
    bare = [(call_start, start + 1, ""), (end - 1, call_end, "")]
    parenthesised = [(call_start, start, "("), (end, call_end, ")")]
    needs_parentheses = isinstance(get.argument, ast.Tuple | ast.GeneratorExp | ast.Yield | ast.YieldFrom)
    found = [keep, parenthesised]
    if text[start] == "(" and (needs_parentheses or (get.whole and isinstance(get.argument, ast.Name))):
        found.insert(0, bare)
    if call_start > 0 and text[call_start - 1] == " " and text.startswith(("GET ", "flor.GET "), call_start):
        found = [[(s - (s == call_start), e, new) for s, e, new in variant] for variant in found[:-1]] + found
    return found


@dataclass(frozen=True)
class _Chunk:
    """A top-level statement that holds GETs."""

    start: int
    text: str
    statement: ast.stmt
    edit: Edit  # removals of whole statements in it
    gets: list[int]  # indices of the GETs in it


def _chunks(parsed: Parsed, gets: list[Get], edit: Edit) -> list[_Chunk]:
    """The top-level statements that hold `gets`, before the GETs are taken out."""
    found: list[_Chunk] = []
    index = 0
    for statement in parsed.tree.body:
        if index == len(gets):
            break
        last = index
        end = statement.end_lineno, statement.end_col_offset
        while last < len(gets) and (gets[last].call.end_lineno, gets[last].call.end_col_offset) <= end:
            last += 1
        if last > index:
            start, stop = parsed.start(statement), parsed.end(statement)
            inside = [(max(s, start), min(e, stop), new) for s, e, new in edit if s < stop and e > start]
            found.append(_Chunk(start, parsed.text[start:stop], statement, inside, list(range(index, last))))
        index = last
    return found


def _pick(chunk: _Chunk, choices: list[list[Edit]]) -> list[Edit]:
    """One variant for each GET of a statement: the likeliest with which the statement is right."""
    picked = [choices[i][-2] for i in chunk.gets]  # parentheses as they are
    open_choices = [(n, choices[i][:-2]) for n, i in enumerate(chunk.gets)]
    if not _is_right(chunk, picked):
        picked = [choices[i][-1] for i in chunk.gets]  # always in parentheses
        open_choices = [(n, choices[i][:-1]) for n, i in enumerate(chunk.gets)]
    for n, likelier in open_choices:
        for variant in likelier:
            attempt = [*picked[:n], variant, *picked[n + 1 :]]
            if _is_right(chunk, attempt):
                picked = attempt
                break
    return picked


def _is_right(chunk: _Chunk, picked: list[Edit]) -> bool:
    edit = chunk.edit + [change for variant in picked for change in variant]
    text = apply([(s - chunk.start, e - chunk.start, new) for s, e, new in edit], chunk.text)
    try:
        body = parse_tree(text).body
    except SyntaxError:
        return False
    return len(body) == 1 and same(body[0], chunk.statement)


def looked_through(parsed: Parsed) -> ast.Module:
    """The tree of a run's source without the GETs that it may have. Changes `parsed.tree`; positions stay."""
    gets = find(parsed, strict=False)
    removed = {g.statement for g in gets.found if g.statement is not None and is_removed(g, "bindings")}
    return take_out(gets, removed | set(gets.imports))


def removals(parsed: Parsed, removed: set[ast.stmt], header: tuple[int, int] | None = None) -> Edit:
    """The edit that deletes whole statements (their lines, or `x; ` in a line with others), and the line `header`."""
    ranges: list[tuple[int, int]] = [header] if header else []
    for _, _, siblings in statement_lists(parsed.tree) if removed else ():
        index = 0
        while index < len(siblings):
            last = index
            if siblings[index] in removed:
                while (
                    last + 1 < len(siblings)
                    and siblings[last + 1] in removed
                    and same_line(parsed, *siblings[last : last + 2])
                ):
                    last += 1
                ranges.append(_removal(parsed, siblings, index, last))
            index = last + 1
    return [(start, end, "") for start, end in _merged(parsed.text, ranges)]


def _removal(parsed: Parsed, siblings: list[ast.stmt], first: int, last: int) -> tuple[int, int]:
    """The range of the statements `first` to `last`, which share a line."""
    start, end = parsed.start(siblings[first]), parsed.end(siblings[last])
    if first > 0 and same_line(parsed, siblings[first - 1], siblings[first]):
        return parsed.end(siblings[first - 1]), end
    if last + 1 < len(siblings) and same_line(parsed, siblings[last], siblings[last + 1]):
        return start, parsed.start(siblings[last + 1])
    next_line = parsed.lines.next_line(end)
    return parsed.lines.line_start(start), len(parsed.text) if next_line is None else next_line


def _merged(text: str, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, adjacent ones as one. Last lines without a line end take the one before them."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    if merged and merged[-1][1] == len(text) and not text.endswith(("\n", "\r")):
        start, end = merged[-1]
        before = "\r\n" if text.endswith("\r\n", 0, start) else text[max(start - 1, 0) : start]
        if NEWLINE.fullmatch(before):
            merged[-1] = (start - len(before), end)
    return merged
