"""Where the statement that names a binding goes: where the value is first known, and so that it can be taken out.

`for x in y: f(x)` has the slot `for x in y: GET("x", x); f(x)`; a body in lines of its own gets a line of its own.
"""

from __future__ import annotations

import ast

from flor.annotate.places import Slot
from flor.annotate.source import NEWLINE, Parsed
from flor.annotate.tree import is_docstring, same_line


def slots_first(parsed: Parsed, owner: ast.AST, body: list[ast.stmt]) -> tuple[Slot, ...]:
    """Slots at the beginning of a body, after a docstring; the best first."""
    if is_docstring(owner, body[0]):
        return slots_after(parsed, body, 0)
    start = parsed.start(body[0])
    line_start = parsed.lines.line_start(start)
    indent = parsed.text[line_start:start]
    own_line = Slot(line_start, indent, parsed.lines.newline_before(line_start))
    in_line = Slot(start, "", "; ")
    slots = (own_line,) if _blank(indent) else ()
    return slots if _is_compound(body[0]) else (*slots, in_line)


def slots_after(parsed: Parsed, siblings: list[ast.stmt], index: int) -> tuple[Slot, ...]:
    """Slots straight after a simple statement; the best first."""
    end = parsed.end(siblings[index])
    inline = Slot(end, "; ", "")
    start = parsed.start(siblings[index])
    line_start = parsed.lines.line_start(start)
    indent = parsed.text[line_start:start]
    shares_line = (index > 0 and same_line(parsed, siblings[index - 1], siblings[index])) or _semicolon_follows(
        parsed, end
    )
    if shares_line or not _blank(indent):
        return (inline,)
    next_line = parsed.lines.next_line(end)
    if next_line is None:
        return (Slot(len(parsed.text), parsed.lines.newline_before(line_start) + indent, ""), inline)
    return (Slot(next_line, indent, parsed.lines.newline_before(next_line)), inline)


def _semicolon_follows(parsed: Parsed, end: int) -> bool:
    line_end = NEWLINE.search(parsed.text, end)
    rest = parsed.text[end : line_end.start() if line_end else len(parsed.text)]
    return rest.lstrip(" \t\f\\").startswith(";")


def _blank(text: str) -> bool:
    return not text.strip(" \t\f")


def _is_compound(statement: ast.stmt) -> bool:
    return hasattr(statement, "body") or hasattr(statement, "cases")
