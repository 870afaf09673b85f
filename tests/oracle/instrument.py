"""A script's tree, with each expression's value handed to the truth program. Standard library only, no Flor.

Every expression `e` becomes the call `value(site, e)`, and other calls say when a block begins its next instance and when
names were bound. A block is a module, function, lambda or generator expression, the body of a loop (with a `while`'s
test), or what a comprehension does for each item of one of its `for` clauses.

The instrumented tree has the number of a node's block, plus one, for its line. So a frame's line number tells in which
block it is, whatever it does there: no bookkeeping, nothing to restore after an exception.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

Span = tuple[int, int, int, int]

FSTRINGS_HAVE_POSITIONS = sys.version_info >= (3, 12)

#: Stands in a code's constants for a method of the truth program, whose name follows: no namespace is asked for it.
MARKER = "\0oracle:"
VALUE, BIND, ENTER, ITERATE, GENERATE, BOOL = "value", "bind", "enter", "iterate", "generate", "bool"
DECIDE = "decide"


@dataclass(frozen=True)
class Block:
    kind: str  # module, function, lambda, generator, for, while, comprehension
    parent: int | None
    line: int


@dataclass(frozen=True)
class Site:
    kind: str  # expression, binding
    block: int
    span: Span


@dataclass
class Instrumented:
    tree: ast.Module
    blocks: list[Block] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"blocks": [asdict(b) for b in self.blocks], "sites": [asdict(s) for s in self.sites]}


def instrument(data: bytes, path: str) -> Instrumented:
    """The instrumented tree of a source, its blocks and sites. Raises SyntaxError."""
    tree = ast.parse(data, path)
    found = Instrumented(tree)
    _Instrument(found).module(tree)
    return found


class _Instrument:
    def __init__(self, found: Instrumented) -> None:
        self.found = found
        self.spans: dict[ast.AST, Span] = {}
        self.loads = True  # names may be looked up: no namespace of the program's own making notices

    # Blocks and sites.

    def block(self, kind: str, parent: int | None, line: int) -> int:
        self.found.blocks.append(Block(kind, parent, line))
        return len(self.found.blocks) - 1

    def site(self, kind: str, node: ast.AST, block: int) -> ast.expr:
        """A number that stands for a new site."""
        self.found.sites.append(Site(kind, block, self.span(node)))
        return _constant(len(self.found.sites) - 1, block)

    def span(self, node: Any) -> Span:
        """Where a node was."""
        if node not in self.spans:
            self.spans[node] = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        return self.spans[node]

    def move(self, node: ast.AST, block: int) -> None:
        if hasattr(node, "lineno"):
            self.span(node)
            _place(node, block)

    def move_all(self, node: ast.AST | None, block: int) -> None:
        """Move a tree whose values are nobody's concern."""
        for part in ast.walk(node) if node is not None else ():
            self.move(part, block)

    def names(self, names: list[tuple[str, ast.AST]], block: int) -> list[ast.expr]:
        """Arguments that say what names were bound to: a list of their sites, then their values."""
        names = names if self.loads else []
        sites = [self.site("binding", node, block) for _, node in names]
        loads: list[ast.expr] = [_load(name, block) for name, _ in names]
        return [_at(ast.Tuple(sites, ast.Load()), block), *loads]

    def bound(self, names: list[tuple[str, ast.AST]], block: int) -> list[ast.stmt]:
        return [_statement(_call(BIND, self.names(names, block), block), block)] if names and self.loads else []

    # Modules, functions, classes.

    def module(self, tree: ast.Module) -> None:
        block = self.block("module", None, 1)
        kept = _docstring(tree.body)
        while kept < len(tree.body) and _is_future(tree.body[kept]):
            kept += 1
        enter = _statement(_call(ENTER, [_constant(block, block), *self.names([], block)], block), block)
        for statement in tree.body[:kept]:
            self.move_all(statement, block)
        tree.body[kept:] = [enter, *self.body(tree.body[kept:], block)]

    def function(self, node: Any, block: int) -> None:
        self.span(node)
        node.decorator_list = [self.value(d, block) for d in node.decorator_list]
        inner = self.block("function", block, node.lineno)
        self.arguments(node.args, block)
        for rest in (node.returns, *getattr(node, "type_params", [])):
            self.move_all(rest, block)
        self.move(node, block)
        loads, self.loads = self.loads, True
        enter = _statement(self.enter(node.args, inner), inner)
        kept = _docstring(node.body)
        for statement in node.body[:kept]:
            self.move_all(statement, inner)
        node.body[kept:] = [enter, *self.body(node.body[kept:], inner)]
        self.loads = loads

    def enter(self, arguments: ast.arguments, block: int) -> ast.expr:
        parameters = [(a.arg, a) for a in _parameters(arguments)]
        return _call(ENTER, [_constant(block, block), *self.names(parameters, block)], block)

    def arguments(self, arguments: ast.arguments, block: int) -> None:
        for parameter in _parameters(arguments):
            self.move_all(parameter, block)
        arguments.defaults = [self.value(d, block) for d in arguments.defaults]
        arguments.kw_defaults = [d and self.value(d, block) for d in arguments.kw_defaults]

    def class_(self, node: ast.ClassDef, block: int) -> None:
        node.decorator_list = [self.value(d, block) for d in node.decorator_list]
        node.bases = [self.value(b, block) for b in node.bases]
        for keyword in node.keywords:
            self.move(keyword, block)
            keyword.value = self.value(keyword.value, block)
        for parameter in getattr(node, "type_params", []):
            self.move_all(parameter, block)
        self.move(node, block)
        loads, self.loads = self.loads, not (node.bases or node.keywords)
        node.body = self.body(node.body, block)
        self.loads = loads

    # Statements.

    def body(self, statements: list[ast.stmt], block: int) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            after = self.statement(statement, block)
            result += [statement, *self.bound(after, block)]
        return result

    def statement(self, node: Any, block: int) -> list[tuple[str, ast.AST]]:
        """Instrument a statement in place. Returns the names that are bound after it."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, block)
            case ast.ClassDef():
                self.class_(node, block)
            case ast.For() | ast.AsyncFor():
                self.for_(node, block)
            case ast.While():
                self.while_(node, block)
            case ast.Try() | ast.TryStar():
                self.try_(node, block)
            case ast.With() | ast.AsyncWith():
                self.with_(node, block)
            case ast.If(test=test):
                self.move(node, block)
                node.test = self.test(test, block)
                node.body, node.orelse = self.body(node.body, block), self.body(node.orelse, block)
            case ast.Match():
                self.match(node, block)
            case ast.Import() | ast.ImportFrom():
                self.move_all(node, block)
                return [(a.asname or a.name.partition(".")[0], a) for a in node.names if a.name != "*"]
            case ast.Assign():
                self.move(node, block)
                node.value = self.value(node.value, block)
                return [n for target in node.targets for n in self.target(target, block)]
            case ast.AugAssign():
                self.move(node, block)
                names = self.target(node.target, block)
                node.value = self.value(node.value, block)
                return names
            case ast.AnnAssign():
                self.move(node, block)
                self.move_all(node.annotation, block)
                node.value = node.value and self.value(node.value, block)
                names = self.target(node.target, block)
                return names if node.value else []
            case ast.Expr(value=ast.Constant()):
                self.move_all(node, block)
            case ast.Delete():
                self.move(node, block)
                for target in node.targets:
                    self.target(target, block)
            case _:  # return, raise, assert, an expression; what has no expressions
                self.move(node, block)
                if type(node).__name__ == "TypeAlias":
                    self.move_all(node, block)
                    return []
                for name, value in ast.iter_fields(node):
                    if isinstance(value, ast.expr):
                        setattr(node, name, self.test(value, block) if name == "test" else self.value(value, block))
        return []

    def target(self, node: ast.expr, block: int) -> list[tuple[str, ast.AST]]:
        """Instrument the loads in a target. Returns the names that it binds."""
        self.move(node, block)
        match node:
            case ast.Name():
                return [(node.id, node)]
            case ast.Tuple() | ast.List():
                return [n for element in node.elts for n in self.target(element, block)]
            case ast.Starred():
                return self.target(node.value, block)
            case ast.Attribute():
                node.value = self.value(node.value, block)
            case ast.Subscript():
                node.value, node.slice = self.value(node.value, block), self.index(node.slice, block)
        return []

    def loop_target(self, node: ast.expr, block: int) -> list[tuple[str, ast.AST]]:
        """The names that a loop's target binds. Its loads belong to no instance: the next one has not begun."""
        self.move_all(node, block)
        return [(n.id, n) for n in _stored(node)]

    def for_(self, node: ast.For | ast.AsyncFor, block: int) -> None:
        self.span(node)
        node.iter = self.value(node.iter, block)
        inner = self.block("for", block, node.lineno)
        names = self.loop_target(node.target, block)
        self.move(node, block)
        begin = _call(ITERATE, [_constant(inner, inner), *self.names(names, inner)], inner)
        node.body = [_statement(begin, inner), *self.body(node.body, inner)]
        node.orelse = self.body(node.orelse, block)

    def while_(self, node: ast.While, block: int) -> None:
        self.span(node)
        inner = self.block("while", block, node.lineno)
        self.move(node, inner)  # each evaluation of the test begins an instance
        if isinstance(node.test, ast.Constant) and not node.test.value:
            self.move(node.test, inner)  # it is not evaluated
        else:
            begin = _call(ITERATE, [_constant(inner, inner), *self.names([], inner)], inner)
            node.test = _at(ast.BoolOp(ast.And(), [begin, self.test(node.test, inner)]), inner)
        node.body = self.body(node.body, inner)
        node.orelse = self.body(node.orelse, block)

    def try_(self, node: ast.Try | ast.TryStar, block: int) -> None:
        self.move(node, block)
        node.body = self.body(node.body, block)
        for handler in node.handlers:
            self.move(handler, block)
            handler.type = handler.type and self.value(handler.type, block)
            bound = [(handler.name, handler)] if handler.name else []
            handler.body = [*self.bound(bound, block), *self.body(handler.body, block)]
        node.orelse, node.finalbody = self.body(node.orelse, block), self.body(node.finalbody, block)

    def with_(self, node: ast.With | ast.AsyncWith, block: int) -> None:
        self.move(node, block)
        names: list[tuple[str, ast.AST]] = []
        for item in node.items:
            item.context_expr = self.value(item.context_expr, block)
            if item.optional_vars is not None:
                names += self.target(item.optional_vars, block)
        node.body = [*self.bound(names, block), *self.body(node.body, block)]

    def match(self, node: ast.Match, block: int) -> None:
        self.move(node, block)
        node.subject = self.value(node.subject, block)
        for case in node.cases:
            self.move_all(case.pattern, block)
            case.guard = case.guard and self.test(case.guard, block)
            case.body = self.body(case.body, block)

    # Expressions.

    def value(self, node: Any, block: int) -> Any:
        """The expression with its parts instrumented, handing over its value."""
        self.move(node, block)
        if isinstance(node, ast.Starred):
            node.value = self.value(node.value, block)
            return node
        self.parts(node, block)
        arguments = [self.site("expression", node, block), node]
        if isinstance(node, ast.NamedExpr):
            arguments.append(self.site("binding", node.target, block))
        return _call(VALUE, arguments, block)

    def parts(self, node: Any, block: int) -> None:
        match node:
            case ast.Lambda():
                inner = self.block("lambda", block, self.span(node)[0])
                self.arguments(node.args, block)
                loads, self.loads = self.loads, True
                parts = self.enter(node.args, inner), self.value(node.body, inner), _constant(None, inner)
                node.body = _at(ast.IfExp(*parts), inner)
                self.loads = loads
            case ast.GeneratorExp():
                inner = self.block("generator", block, self.span(node)[0])
                self.comprehension(node, block, inner, GENERATE)
            case ast.ListComp() | ast.SetComp() | ast.DictComp():
                self.comprehension(node, block, block, ITERATE)
            case ast.JoinedStr():
                for part in node.values:
                    self.move(part, block)
                    if not FSTRINGS_HAVE_POSITIONS:  # which part is where is not known
                        self.move_all(part, block)
                    elif isinstance(part, ast.FormattedValue):
                        part.value = self.value(part.value, block)
                        if part.format_spec is not None:
                            self.move(part.format_spec, block)
                            self.parts(part.format_spec, block)
            case ast.NamedExpr():
                self.move(node.target, block)
                node.value = self.value(node.value, block)
            case ast.BoolOp():
                node.values = [self.operand(v, block) for v in node.values]
            case ast.IfExp():
                node.test = self.test(node.test, block)
                node.body, node.orelse = self.value(node.body, block), self.value(node.orelse, block)
            case ast.Subscript():
                node.value, node.slice = self.value(node.value, block), self.index(node.slice, block)
            case _:
                for name, part in ast.iter_fields(node):
                    if isinstance(part, ast.expr):
                        setattr(node, name, self.value(part, block))
                    elif isinstance(part, list):
                        setattr(node, name, [self.part(p, block) for p in part])

    # The truth of what decides is asked for once, as Python does it. Around `a and b` a call would ask again.

    def operand(self, node: Any, block: int) -> Any:
        if not isinstance(node, ast.BoolOp):
            return self.value(node, block)
        self.move(node, block)
        node.values = [self.operand(v, block) for v in node.values]
        return node

    def test(self, node: Any, block: int) -> Any:
        return self.condition(node, block, {}, {}) if _has_parts(node) else self.value(node, block)

    def condition(self, node: Any, block: int, true: _Known, false: _Known) -> Any:
        """A condition. `true`, `false`: sites whose value is known if it is that, and the value if it is not its own."""
        if not _has_parts(node):
            call = self.value(node, block)
            known = [
                _at(ast.Tuple([_known(s, v, block) for s, v in k.items()], ast.Load()), block) for k in (true, false)
            ]
            return _call(DECIDE, [*known, call], block)
        self.move(node, block)
        site = len(self.found.sites)
        self.site("expression", node, block)
        match node:
            case ast.UnaryOp():
                is_true = {site: True, **{s: True if v is None else v for s, v in true.items()}}
                is_false = {site: False, **{s: False if v is None else v for s, v in false.items()}}
                node.operand = self.condition(node.operand, block, is_false, is_true)
            case ast.BoolOp():
                ends_it = false if isinstance(node.op, ast.And) else true
                for i, value in enumerate(node.values[:-1]):
                    ends = {site: None, **ends_it}
                    on, off = ({}, ends) if ends_it is false else (ends, {})
                    node.values[i] = self.condition(value, block, on, off)
                node.values[-1] = self.condition(node.values[-1], block, {site: None, **true}, {site: None, **false})
            case ast.IfExp():
                node.test = self.test(node.test, block)
                node.body = self.condition(node.body, block, {site: None, **true}, {site: None, **false})
                node.orelse = self.condition(node.orelse, block, {site: None, **true}, {site: None, **false})
        return node

    def part(self, node: Any, block: int) -> Any:
        if isinstance(node, ast.keyword):
            self.move(node, block)
            node.value = self.value(node.value, block)
            return node
        return self.value(node, block) if isinstance(node, ast.expr) else node

    def index(self, node: Any, block: int) -> Any:
        """A subscript's index: a slice is no value, its bounds are."""
        if isinstance(node, ast.Slice):
            self.move(node, block)
            node.lower, node.upper, node.step = (
                p and self.value(p, block) for p in (node.lower, node.upper, node.step)
            )
            return node
        if isinstance(node, ast.Tuple) and any(isinstance(e, ast.Slice) for e in node.elts):
            self.move(node, block)
            node.elts = [self.index(e, block) for e in node.elts]
            return node
        return self.value(node, block)

    def comprehension(self, node: Any, outer: int, block: int, begin: str) -> None:
        loads, self.loads = self.loads, True
        for i, clause in enumerate(node.generators):
            clause.iter = self.value(clause.iter, block if i else outer)
            names = self.loop_target(clause.target, block)
            inner = self.block("comprehension", block, self.span(clause.target)[0])
            around = [_constant(block, inner)] if begin == GENERATE and not i else []
            arguments = [*around, _constant(inner, inner), *self.names(names, inner)]
            begins = _call(ITERATE if i else begin, arguments, inner)
            # Called, so that a condition's __bool__ runs in the block of the item, whatever line the compiler gives the jump.
            clause.ifs = [begins, *(_call(BOOL, [self.test(c, inner)], inner) for c in clause.ifs)]
            block = inner
        for name in ("key", "value", "elt"):
            if (part := getattr(node, name, None)) is not None:
                setattr(node, name, self.value(part, block))
        self.loads = loads


_Known = dict[int, bool | None]


def _known(site: int, value: bool | None, block: int) -> ast.expr:
    return _at(ast.Tuple([_constant(site, block), _constant(value, block)], ast.Load()), block)  # type: ignore[no-any-return]


def _has_parts(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp | ast.IfExp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def _place(node: Any, block: int) -> None:
    node.lineno = node.end_lineno = block + 1
    node.col_offset = node.end_col_offset = 0


def _at(node: Any, block: int) -> Any:
    _place(node, block)
    return node


def _constant(value: Any, block: int) -> ast.expr:
    return _at(ast.Constant(value), block)  # type: ignore[no-any-return]


def _load(name: str, block: int) -> ast.expr:
    return _at(ast.Name(name, ast.Load()), block)  # type: ignore[no-any-return]


def _call(function: str, arguments: list[Any], block: int) -> ast.expr:
    return _at(ast.Call(_constant(MARKER + function, block), arguments, []), block)  # type: ignore[no-any-return]


def _statement(value: ast.expr, block: int) -> ast.stmt:
    return _at(ast.Expr(value), block)  # type: ignore[no-any-return]


def _docstring(body: list[ast.stmt]) -> int:
    """How many statements of a body are its docstring."""
    first = body[0].value if body and isinstance(body[0], ast.Expr) else None
    return int(isinstance(first, ast.Constant) and isinstance(first.value, str))


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    variadic = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variadic]


def _stored(target: ast.expr) -> list[ast.Name]:
    if isinstance(target, ast.Name):
        return [target]
    if isinstance(target, ast.Starred):
        return _stored(target.value)
    return [n for e in target.elts for n in _stored(e)] if isinstance(target, ast.Tuple | ast.List) else []
