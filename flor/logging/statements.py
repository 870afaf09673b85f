"""What the source says about a log statement: the fields of its LOG_RECORD but for the value. Pure.

A statement is known by the span of its call, as the running code has it, and not by how it is spelled. Where the source
fails to tell (it is none, or not the one that runs) there is still a record, with the fields that are known.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from flor.capture import syntax
from flor.capture.sites import Span

_MAX_NAME = 40  # characters of an expression that gives its text to a column
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COLUMNS = ("param", "metric")  # what has a column without being given its name


@dataclass(frozen=True)
class Facts:
    """The fields of LOG_RECORD (docs/logging.md), and the name of the column."""

    assignee: str | list[str] | None = None
    caller: str | None = None
    from_arg: bool = False
    in_execution: str = "<module>"
    instruction_no: int = 0
    keyword_name: str | None = None
    pos: int | None = None
    value: str = ""
    column: str | None = None
    secret: bool = False

    def fields(self) -> dict[str, Any]:
        return asdict(self)


class Source:
    """A source with log statements in it. Raises SyntaxError or ValueError if it cannot be parsed."""

    def __init__(self, data: bytes) -> None:
        self.tree = ast.parse(data)
        self.text = syntax.utf8(data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self.parents: dict[ast.AST, ast.AST] = {}
        self.calls: dict[Span, ast.Call] = {}
        returned = []
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, ast.Call):
                self.calls[syntax.span(node)] = node
            elif isinstance(node, ast.Return) and node.value is not None:
                returned.append(syntax.span(node.value))
        self.returned = frozenset(returned)

    def facts(self, typ: str, span: Span) -> Facts | None:
        """Of the statement whose call has this span; None: there is no call."""
        call = self.calls.get(span)
        if call is None:
            return None
        value = _argument(call, typ)
        statement = next(node for node in self.around(call) if isinstance(node, ast.stmt))
        assignee = self.assignee(call)
        caller, pos, keyword = self.receiver(call)
        text = self.segment(value) if value is not None else ""
        function = next((node for node in self.around(call) if isinstance(node, _FUNCTIONS)), None)
        return Facts(
            assignee,
            caller,
            isinstance(value, ast.Name) and function is not None and id(value) in self.from_arguments(function),
            "<module>" if function is None else self.qualified(function),
            statement.lineno,
            keyword,
            pos,
            text,
            self.columns.get(id(call)) or self.column(call),
            value is not None and syntax.looks_secret(value, text, keyword, assignee),
        )

    def segment(self, node: ast.AST) -> str:
        """The node's text as it stands in the source."""
        line, column, end_line, end_column = syntax.span(node)
        lines = self.text[line - 1 : end_line]
        lines[-1] = lines[-1][:end_column]
        lines[0] = lines[0][column:]
        return b"\n".join(lines).decode("utf-8", "replace")

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """What the node lies in, from the inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def qualified(self, function: ast.AST) -> str:
        """A function's name with those of the functions and classes it lies in."""
        name = str(getattr(function, "name", ""))
        for node in self.around(function):
            if isinstance(node, _FUNCTIONS):
                name = f"{node.name}.<locals>.{name}"
            elif isinstance(node, ast.ClassDef):
                name = f"{node.name}.{name}"
        return name

    def assignee(self, call: ast.Call) -> str | list[str] | None:
        """The text of what the statement assigns to, in whose value the call lies."""
        inner: ast.AST = call
        for node in self.around(call):
            if isinstance(node, ast.Lambda):
                return None
            if isinstance(node, ast.NamedExpr):
                return self.segment(node.target)
            if isinstance(node, ast.withitem) and node.optional_vars is not None and inner is node.context_expr:
                return self.targets([node.optional_vars])
            if isinstance(node, ast.Assign) and inner is node.value:
                return self.targets(node.targets)
            if isinstance(node, ast.AnnAssign) and inner is node.value:
                return self.segment(node.target)
            if isinstance(node, ast.stmt):
                return None
            inner = node
        return None

    def targets(self, targets: Sequence[ast.expr]) -> str | list[str]:
        found: list[str] = []
        todo = list(targets)
        while todo:
            target = todo.pop(0)
            if isinstance(target, ast.Tuple | ast.List):
                todo[:0] = target.elts
            else:
                found.append(self.segment(target))
        return found[0] if len(found) == 1 else found

    def receiver(self, call: ast.Call) -> tuple[str | None, int | None, str | None]:
        """Of the innermost call among whose arguments this one lies: its function's text, and the position or the
        keyword there."""
        inner: ast.AST = call
        for node in self.around(call):
            if isinstance(node, ast.Lambda | ast.stmt):
                break
            if isinstance(node, ast.Call) and inner is not node.func:
                if isinstance(inner, ast.keyword):
                    return self.segment(node.func), None, inner.arg
                return self.segment(node.func), next(i for i, a in enumerate(node.args) if a is inner), None
            inner = node
        return None, None, None

    # Columns.

    @cached_property
    def columns(self) -> dict[int, str]:
        """The columns of `.param` and `.metric` calls, by the identity of the call. Where several would have one name,
        the second one in the source is called `name_2`."""
        taken: set[str] = set()
        found: dict[int, str] = {}
        given = {name.casefold() for call in self.calls.values() if (name := _given(call)) is not None}
        for _, call in sorted(self.calls.items()):
            if isinstance(call.func, ast.Attribute) and call.func.attr in _COLUMNS:
                name = self.column(call)
                numbered = (f"{name}_{number}" for number in itertools.count(2))
                others = (name, *itertools.islice((n for n in numbered if n.casefold() not in given), len(taken) + 1))
                found[id(call)] = free = next(other for other in others if other.casefold() not in taken)
                taken.add(free.casefold())
        return found

    def column(self, call: ast.Call) -> str:
        """A name for a logged value: what receives it, else what it is."""
        parent = self.parents[call]
        if isinstance(parent, ast.keyword) and parent.arg is not None:
            return parent.arg
        assignee = self.assignee(call)
        if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) and isinstance(assignee, str):
            return assignee
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):  # x = y = ...
            return parent.targets[0].id
        value = _argument(call, "")
        if isinstance(value, ast.Name):
            return value.id
        if isinstance(value, ast.Attribute):
            return value.attr
        if isinstance(value, ast.Call):
            function = value.func
            if isinstance(function, ast.Name | ast.Attribute):
                return function.id if isinstance(function, ast.Name) else function.attr
        if isinstance(assignee, str):
            return assignee
        text = " ".join(self.segment(value).split()) if value is not None else "value"
        return text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…"

    # Data flow.

    def from_arguments(self, function: ast.AST) -> set[int]:
        """The identities of names that are read in the function's body and then have the value of a parameter, that it
        got as an argument, by way of assignments or at once."""
        if function not in self._from_arguments:
            assert isinstance(function, _FUNCTIONS)
            flow = _Flow(function)
            self._from_arguments[function] = flow.found
        return self._from_arguments[function]

    @cached_property
    def _from_arguments(self) -> dict[ast.AST, set[int]]:
        return {}


def _given(call: ast.Call) -> str | None:
    """The name that a call as `log("name", value)` gives, if it is written there."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _argument(call: ast.Call, typ: str) -> ast.expr | None:
    """What a log statement logs: its only argument, or of `log(name, value)` and `arg(name, default)` the second."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return given[min(1 if typ in ("log", "arg") else 0, len(given) - 1)] if given else None


class _Flow:
    """Which names have the value of a parameter, statement by statement."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.found: set[int] = set()
        inside = [n for s in function.body for n in ast.walk(s) if isinstance(n, ast.Nonlocal | ast.Global)]
        self.shared = {name for node in inside for name in node.names}
        names = {parameter.arg for parameter in syntax.parameters(function.args)} - self.shared
        self.body(function.body, names)

    def body(self, statements: Sequence[ast.stmt], names: set[str]) -> set[str]:
        """`names` have the value of a parameter before these statements. Returns which have it behind them."""
        for statement in statements:
            names = self.one(statement, names)
        return names

    def one(self, node: ast.stmt, names: set[str]) -> set[str]:
        bound = syntax.bound([node])
        if isinstance(node, ast.If):
            names = self.read([node.test], names)
            return self.body(node.body, names) & self.body(node.orelse, names)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            names = self.read([node.test if isinstance(node, ast.While) else node.iter], names - bound)
            self.body(node.body, names)
            self.body(node.orelse, names)
            return names
        if isinstance(node, ast.With | ast.AsyncWith):
            self.read([item.context_expr for item in node.items], names)
            return self.body(
                node.body, names - syntax.bound([item.optional_vars for item in node.items if item.optional_vars])
            )
        if isinstance(node, ast.Try | ast.TryStar):
            after = self.body(node.body, names)
            unsure = names - bound
            for handler in node.handlers:
                self.body(handler.body, unsure)
            self.body(node.orelse, after)
            self.body(node.finalbody, unsure)
            return unsure
        if isinstance(node, ast.Match):
            names = self.read([node.subject], names - bound)
            for case in node.cases:
                self.body(case.body, names)
            return names
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            return names - {node.name}
        walrus = {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
        self.read([node], names - walrus)
        after = names - bound
        if isinstance(node, ast.Assign):
            for target in node.targets:
                after |= self.copied(target, node.value, names)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            after |= self.copied(node.target, node.value, names)
        return after - self.shared

    def copied(self, target: ast.expr, value: ast.expr, names: set[str]) -> set[str]:
        """The names that an assignment gives the value of a parameter."""
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            if len(target.elts) != len(value.elts) or any(
                isinstance(e, ast.Starred) for e in [*target.elts, *value.elts]
            ):
                return set()
            return {n for t, v in zip(target.elts, value.elts, strict=True) for n in self.copied(t, v, names)}
        while _logged(value) is not None:
            value = _logged(value) or value
        same = isinstance(target, ast.Name) and isinstance(value, ast.Name) and value.id in names
        return {target.id} if same and isinstance(target, ast.Name) else set()

    def read(self, nodes: Sequence[ast.AST], names: set[str]) -> set[str]:
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if isinstance(node, ast.Lambda | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
                own = syntax.bound([node]) | {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
                own |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in names - own]
                if not isinstance(node, ast.Lambda | ast.GeneratorExp):  # what they read they may read later
                    self.found.update(map(id, inner))
                continue
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
                self.found.add(id(node))
            todo += ast.iter_child_nodes(node)
        return names


def _logged(value: ast.expr) -> ast.expr | None:
    """What a call of `.param(x)` and the like returns: its argument. None: it is no such call."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        return value.args[0] if value.func.attr in ("param", "metric", "read", "write") else None
    return None
