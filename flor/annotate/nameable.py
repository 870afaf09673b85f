"""Which expression stands at a position, may it be named, and what name suits it. Changes no text.

Nameable is every expression that is evaluated as a value, and every variable that gets a value without one: a loop
target, a parameter, an augmented assignment, an unpacked target, a name of `with`, `except` or `import`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from flor.annotate.gets import get_literal
from flor.annotate.places import Expression, Refusal, Slot
from flor.annotate.slots import slots_after, slots_first
from flor.annotate.source import Parsed, parse_expression, syntax_line
from flor.annotate.suggest import suggest
from flor.annotate.tree import (
    FSTRINGS_HAVE_POSITIONS,
    Function,
    Step,
    descend,
    imported_variable,
    is_docstring,
    refused_field,
    same,
    span_of,
)
from flor.capture.sites import CALLED

__all__ = ["answer_for", "enclosing", "expression_at", "suggest"]

_NOTHING = Refusal("there is no expression here: select one")
_CALLED = Refusal(CALLED)
_IN_FSTRING = Refusal(
    "Python before 3.12 cannot name a part of an f-string: name the whole string, or assign the part to a variable"
)


def expression_at(source: str | Parsed, start: int, end: int) -> Expression | Refusal:
    """The smallest nameable expression that covers `start` to `end`; at an empty range the innermost that touches it.

    White space around the selection and parentheses around an expression do not matter. What receives a value (a
    target, a keyword) stands for that value. Where the selection is no node (`b + c` in `a + b + c`), the answer is the
    node around it; and where a caret stands on what is called, the call.
    """
    try:
        parsed = Parsed.of(source)
    except SyntaxError as error:
        line, message = syntax_line(error)
        return Refusal(f"line {line} does not parse: {message}")
    start, end = _trimmed(parsed.text, start, end)
    return _smallest(_Selection(parsed, descend(parsed, start, end), start, end))


def answer_for(parsed: Parsed, node: ast.AST) -> Expression | Refusal:
    """What naming a node of `parsed` means: an expression, or a Name, arg, alias or ExceptHandler that binds."""
    start, end = parsed.start(node), parsed.end(node)
    path = descend(parsed, start, end)
    while path and path[-1].node is not node:
        path.pop()
    if not path:
        return _NOTHING
    if isinstance(node, ast.ExceptHandler):
        end = start
    return _answer(_Selection(parsed, path, start, end)) or _NOTHING


def enclosing(source: str | Parsed, offset: int, limit: int = 3) -> list[Expression]:
    """What can be named at a caret, within its statement: the innermost first, at most `limit`."""
    try:
        parsed = Parsed.of(source)
    except SyntaxError:
        return []
    path = descend(parsed, offset, offset)
    found: list[Expression] = []
    for depth in range(len(path) - 1, 0, -1):
        answer = _answer(_Selection(parsed, path[: depth + 1], offset, offset))
        if isinstance(answer, Expression) and answer not in found and not _is_called(path[: depth + 1]):
            found.append(answer)
        if isinstance(path[depth].node, ast.stmt):
            break
    return found[:limit]


@dataclass(frozen=True, slots=True)
class _Selection:
    """A node, by the path to it, and the selection that it covers."""

    parsed: Parsed
    path: list[Step]
    start: int
    end: int

    @property
    def step(self) -> Step:
        return self.path[-1]

    @property
    def node(self) -> ast.AST:
        return self.path[-1].node

    @property
    def parent(self) -> ast.AST:
        return self.path[-2].node

    def to(self, *steps: tuple[ast.AST, str]) -> _Selection:
        """The selection with its path going on to a node below."""
        return _Selection(
            self.parsed, [*self.path, *(Step(node, field, None) for node, field in steps)], self.start, self.end
        )

    def up(self) -> _Selection:
        return _Selection(self.parsed, self.path[:-1], self.start, self.end)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The selection without white space around it."""
    selected = text[start:end]
    if not selected.strip():
        return start, start
    return start + len(selected) - len(selected.lstrip()), end - (len(selected) - len(selected.rstrip()))


def _smallest(selection: _Selection) -> Expression | Refusal:
    exact = _exact(selection)
    if exact is not None:
        return exact
    while len(selection.path) > 1:
        answer = _answer(selection)
        called = isinstance(answer, Expression) and _is_called(selection.path)
        if answer is not None and not (called and selection.start == selection.end):
            return _CALLED if called else answer
        selection = selection.up()
    return _NOTHING


def _is_called(path: Sequence[Step]) -> bool:
    """Whether a path ends at the function, or the method, of a call: naming that has no value."""
    if len(path) < 2 or path[-1].field != "func" or not isinstance(path[-2].node, ast.Call):
        return False
    return isinstance(path[-1].node, ast.Name | ast.Attribute) and get_literal(path[-2].node) is None


def _exact(selection: _Selection) -> Expression | Refusal | None:
    """The expression that is selected together with its parentheses, or with the comma or semicolon after it."""
    parsed, start, end = selection.parsed, selection.start, selection.end
    while start < end:
        path = descend(parsed, start, end)
        if isinstance(path[-1].node, ast.expr) and (parsed.start(path[-1].node), parsed.end(path[-1].node)) == (
            start,
            end,
        ):
            break
        if parsed.text[start] == "(" and parsed.text[end - 1] == ")":
            start, end = _trimmed(parsed.text, start + 1, end - 1)
        elif parsed.text[end - 1] in ",;":
            start, end = _trimmed(parsed.text, start, end - 1)
        else:
            return None
    if start >= end or (start, end) == (selection.start, selection.end):
        return None
    answer = _answer(_Selection(parsed, path, start, end))
    if not isinstance(answer, Expression):
        return None
    return _CALLED if _is_called(path) else answer


def _answer(selection: _Selection) -> Expression | Refusal | None:
    """What naming this node means; None where the node around it decides."""
    path = selection.path
    for above, step in itertools.pairwise(path):
        reason = refused_field(above.node, step)
        if reason is not None:
            return Refusal(reason)
    node = selection.node
    if isinstance(node, ast.expr):
        return _of_expression(selection, node)
    if isinstance(node, ast.stmt):
        return _of_statement(selection, node)
    if isinstance(node, ast.keyword):
        return _answer(selection.to((node.value, "value")))
    if isinstance(node, ast.arg):
        return _parameter(selection, node)
    if isinstance(node, ast.alias):
        return _import(selection, node)
    if isinstance(node, ast.ExceptHandler):
        return _handler(selection, node)
    return None


def _of_expression(selection: _Selection, node: ast.expr) -> Expression | Refusal | None:
    parent = selection.parent
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return _target(selection)
    if isinstance(node, ast.Starred):
        return _answer(selection.to((node.value, "value")))
    if isinstance(node, ast.Slice) or (
        isinstance(node, ast.Tuple) and any(isinstance(e, ast.Slice) for e in node.elts)
    ):
        return None
    if isinstance(parent, ast.Call) and get_literal(parent) is not None and node is not parent.args[1]:
        return None
    if isinstance(parent, ast.Attribute) and isinstance(selection.path[-3].node, ast.Call):
        call = selection.path[-3].node
        if call.func is parent and get_literal(call) is not None:
            return None  # the flor of flor.GET
    if isinstance(node, ast.Call) and get_literal(node) is not None:
        return _answer(selection.to((node.args[1], "args")))
    if isinstance(node, ast.FormattedValue) or isinstance(parent, ast.JoinedStr):
        return None
    if isinstance(node, ast.JoinedStr):
        if selection.step.field == "format_spec":
            return None
        partly = selection.start > selection.parsed.start(node) and selection.end < selection.parsed.end(node)
        if partly and not FSTRINGS_HAVE_POSITIONS and any(isinstance(v, ast.FormattedValue) for v in node.values):
            return _IN_FSTRING
    if len(selection.path) > 2 and is_docstring(selection.path[-3].node, parent):
        return Refusal("a docstring is no value that is computed: __doc__ would be lost")
    return _in_fstring(selection, node) or _expression(selection.parsed, node)


def _expression(parsed: Parsed, node: ast.expr) -> Expression:
    start, end = parsed.start(node), parsed.end(node)
    return Expression("expression", start, end, span_of(node), parsed.text[start:end])


def _in_fstring(selection: _Selection, node: ast.expr) -> Refusal | None:
    """Why a part of an f-string cannot be named, if `node` is one and so it is."""
    for above, step in itertools.pairwise(selection.path):
        if not isinstance(above.node, ast.FormattedValue) or step.field != "value":
            continue
        if not FSTRINGS_HAVE_POSITIONS:
            return _IN_FSTRING
        parsed = selection.parsed
        if re.match(r"[\s)]*=", parsed.text[parsed.end(step.node) :]):
            return Refusal("f'{x=}' prints the text of x, which a name would change: name it where it gets its value")
        alone = parse_expression(parsed.slice(node))
        if alone is None or not same(alone, node):
            return _NOTHING
    return None


def _of_statement(selection: _Selection, node: ast.stmt) -> Expression | Refusal:
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr) and node.value is not None:
        return _answer(selection.to((node.value, "value"))) or _NOTHING
    if isinstance(node, ast.AugAssign):
        return _answer(selection.to((node.target, "target"))) or _NOTHING
    if isinstance(node, ast.AnnAssign):
        return Refusal("the variable is only declared here: name where it gets its value")
    if isinstance(node, ast.Import | ast.ImportFrom) and len(node.names) == 1:
        return _import(selection.to((node.names[0], "names")), node.names[0])
    if isinstance(node, ast.Global | ast.Nonlocal):
        return Refusal("the variable is only declared here: name where it gets its value")
    return _NOTHING


def _target(selection: _Selection) -> Expression | Refusal | None:
    """What a target stands for: the value that it receives, or the variable that is bound."""
    node = selection.node
    if isinstance(node, ast.Starred):
        return _answer(selection.to((node.value, "value")))
    depth = len(selection.path) - 2
    while isinstance(selection.path[depth].node, ast.Tuple | ast.List | ast.Starred):
        depth -= 1
    owner, part = selection.path[depth].node, selection.path[depth + 1]
    above = _Selection(selection.parsed, selection.path[: depth + 1], selection.start, selection.end)
    if isinstance(owner, ast.Assign | ast.AnnAssign | ast.NamedExpr) and part.node is node:
        if owner.value is None:
            return Refusal("the variable is only declared here: name where it gets its value")
        return _answer(above.to((owner.value, "value")))
    if isinstance(owner, ast.comprehension):
        return Refusal("a comprehension's variable has no statement of its own: name a use of it in the comprehension")
    if isinstance(owner, ast.Delete):
        return Refusal("what is deleted is no value")
    if not isinstance(node, ast.Name):
        several = isinstance(node, ast.Tuple | ast.List)
        return Refusal("select one of the variables" if several else "only a plain variable can be named here")
    statement = selection.path[depth - 1].node if isinstance(owner, ast.withitem) else owner
    if _is_bound_again(statement, node):
        return Refusal(f"{node.id} is bound again in the same statement: name the last one")
    if isinstance(owner, ast.For | ast.AsyncFor):
        return _binding(selection, node.id, slots_first(selection.parsed, owner, owner.body))
    if isinstance(owner, ast.withitem):
        assert isinstance(statement, ast.With | ast.AsyncWith)
        return _binding(selection, node.id, slots_first(selection.parsed, statement, statement.body))
    if isinstance(owner, ast.Assign | ast.AugAssign):
        return _binding(selection, node.id, _slots_after(above))
    return _NOTHING


def _is_bound_again(statement: ast.AST, name: ast.Name) -> bool:
    """Whether another target of the statement binds the same name after this one."""
    targets: list[ast.AST] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.For | ast.AsyncFor):
        targets = [statement.target]
    elif isinstance(statement, ast.With | ast.AsyncWith):
        targets = [item.optional_vars for item in statement.items if item.optional_vars is not None]
    bound = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return any(n.id == name.id and span_of(n) > span_of(name) for n in bound)


def _binding(selection: _Selection, variable: str, slots: tuple[Slot, ...]) -> Expression:
    parsed, node = selection.parsed, selection.node
    return Expression("binding", parsed.start(node), parsed.end(node), span_of(node), variable, variable, slots)


def _slots_after(statement: _Selection) -> tuple[Slot, ...]:
    """Slots after the statement that is selected."""
    siblings = getattr(statement.parent, statement.step.field)
    return slots_after(statement.parsed, siblings, siblings.index(statement.node))


def _parameter(selection: _Selection, node: ast.arg) -> Expression | Refusal:
    owner = selection.path[-3].node  # path[-2] is the ast.arguments
    if not isinstance(owner, Function):
        return Refusal("a lambda's parameter has no statement of its own: name a use of it in the lambda")
    return _binding(selection, node.arg, slots_first(selection.parsed, owner, owner.body))


def _import(selection: _Selection, node: ast.alias) -> Expression | Refusal:
    statement = selection.parent
    assert isinstance(statement, ast.Import | ast.ImportFrom)
    if node.name == "*":
        return Refusal("import * binds no variable that is known: import the one to name by its own name")
    if isinstance(statement, ast.ImportFrom) and statement.module in ("__future__", "flor") and not statement.level:
        return Refusal(f"what is imported from {statement.module} is no value of the experiment")
    variable = imported_variable(node)
    if any(imported_variable(a) == variable for a in statement.names[statement.names.index(node) + 1 :]):
        return Refusal(f"{variable} is bound again in the same statement: name the last one")
    return _binding(selection, variable, _slots_after(selection.up()))


def _handler(selection: _Selection, node: ast.ExceptHandler) -> Expression | Refusal | None:
    """The variable of `except ... as variable`, if the selection is in the line's head."""
    parsed = selection.parsed
    if node.name is None or selection.end > parsed.start(node.body[0]):
        return None
    if len(parsed.text[selection.end : parsed.start(node.body[0])].split(":", 1)) < 2:
        return None
    return _binding(selection, node.name, slots_first(parsed, node, node.body))
