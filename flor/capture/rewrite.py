"""A syntax tree in, the same tree with probes and its `SourceMap` out. Runs nothing, writes nothing.

Each probe is a constant that is subscripted or called: `probe[e]` for an expression `e`, `probe(x, y)` as the first
statement of a loop's body. The constant is a marker string here; `flor.capture.modules` puts the probe itself into the
compiled code's constants. So a probe costs one C call and no look-up of a name, and no namespace of the program shows
it. Why not a temporary variable: a temporary would keep intermediate objects alive, and a file that is to be closed by
its last reference would not be.

Nothing else about the program changes. Probes that stand between statements have no line number, so that a debugger
steps over them. A function's body goes into `try ... finally` to tell when the function is left; CPython 3.11 and
later enter such a block for free.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from flor.capture import syntax
from flor.capture.compiled import Place
from flor.capture.ops import (
    ASYNC,
    BIND,
    CHOOSE,
    CREATES,
    DERIVED,
    ENTER,
    ENTER_FRAME,
    GUARDED,
    HOLDS,
    IS_FALSE,
    IS_TRUE,
    ITERABLE,
    ITERATE,
    ITERATE_GENERATOR,
    LEAVE,
    LEAVE_FRAME,
    LOAD,
    MARK,
    MARKER,
    ON_FALSE,
    ON_TRUE,
    OUTCOME,
    TEST,
    VALUE,
    Spec,
)
from flor.capture.sites import CALLED, Block, Site, SourceMap, Span

_COMPREHENSION_FRAMES = sys.version_info < (3, 12)  # PEP 709 inlined list, set and dict comprehensions
_FSTRING_POSITIONS = sys.version_info >= (3, 12)  # PEP 701: before it, positions inside an f-string are wrong
_JUMPS_HAVE_POSITIONS = sys.version_info >= (3, 12)  # before it, they stand where the last comparison stands
_MAX_TEXT = 400
_WORTH_A_COPY = 3  # derived loads in a loop's body

_DECIDED = "the value of a condition that holds a constant is not recorded: name its other parts"
_NAMESPACE = "names that a class with a base binds are not recorded: its namespace may notice. Name the value"
_OPERAND = "`and` and `or` inside one another are not recorded where their truth alone is asked for: name their parts"
_UNRECORDED = "the value is not recorded"
_COMPILED = ("jit", "compile", "triton", "numba", "vectorize", "cuda", "tf.function")


class Rewritten(NamedTuple):
    tree: ast.Module
    map: SourceMap
    specs: list[Spec]
    places: dict[int, Place]  # by number of a probe: of the expression that it is around


def rewrite(tree: ast.Module, source: bytes) -> Rewritten:
    """Put probes into `tree`, in place. `source` is the text it was parsed from, in UTF-8."""
    return _Rewriter(source).module(tree)


@dataclass(frozen=True)
class _Scope:
    """Where the rewriter stands."""

    block: int
    function: int
    guarded: bool
    suspends: bool = False  # a generator or coroutine: control may come back at every yield and await
    depth: int = 0
    name: str = ""  # qualified
    parameters: frozenset[str] = frozenset()
    loop_mark: bool = False  # the innermost loop marks its end of body
    loop: int = 0  # that loop
    loads: bool = True  # names that are bound may be loaded: nobody can notice
    steady: frozenset[str] = frozenset()  # local names that only this scope's own code binds
    #: of those, the ones whose value now is that of one binding, and the binding's site
    known: dict[str, int] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)  # of those, the ones that are bound now: to load them cannot raise
    holders: frozenset[str] = frozenset()  # names that the innermost loop takes items or attributes of
    caught: bool = False  # an exception that is raised here may be caught in the same block instance

    @property
    def flags(self) -> int:
        return GUARDED if self.guarded else 0

    def bind(self, name: str, site: int | None) -> None:
        """From here on the value of `name` is that of `site` (None: no site has it)."""
        if name in self.steady:
            self.there.add(name)
        if site is None or name not in self.steady:
            self.known.pop(name, None)
        else:
            self.known[name] = site

    def forget(self, nodes: Iterable[ast.AST]) -> None:
        """What is bound in `nodes` may have been bound there now, or not."""
        for name in syntax.bound(nodes):
            self.known.pop(name, None)

    @contextmanager
    def branch(self, *nodes: ast.AST) -> Iterator[None]:
        """`nodes` are walked over inside; whether they are executed is not known."""
        before, there = dict(self.known), set(self.there)
        yield
        self.known.clear()
        self.known.update(before)
        self.there.intersection_update(there)
        self.forget(nodes)


@dataclass(frozen=True)
class _Facts:
    """What the surroundings of an expression say about it."""

    assignee: str | list[str] | None = None
    caller: str | None = None
    pos: int | None = None
    keyword: str | None = None


#: What is known when a condition's part is true, or false: sites with the value it has, or with IS_TRUE or IS_FALSE.
Outcomes = tuple[tuple[int, int], ...]

_NO_FACTS = _Facts()
_FOLDABLE = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.Subscript)  # may be constants to the compiler
_STRAIGHT = (
    ast.Expr,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Import,
    ast.ImportFrom,
    ast.Global,
    ast.Nonlocal,
    ast.Pass,
)
_NOWHERE: dict[str, Any] = {"lineno": -1, "end_lineno": -1, "col_offset": -1, "end_col_offset": -1}


class _Rewriter:
    def __init__(self, source: bytes) -> None:
        self.lines = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self.blocks: list[Block] = []
        self.sites: list[Site] = []
        self.specs: list[Spec] = []
        self.places: dict[int, Place] = {}  # by number of the probe: of the expression that it is around
        self.line = 0
        self.compared: Span | None = None  # the last comparison of the condition
        self.last: int | None = None  # the site that was recorded last, and from which no other way leads than to here
        self.sure = True  # nothing can have raised since: where it has a value, what stands here was evaluated
        self.bound: frozenset[str] = frozenset()  # names that are bound anywhere in the source; "*": any name
        self.derives = True  # only the source's own statements bind local names

    # Blocks, sites, probes.

    def block(self, kind: str, name: str, parent: int | None, line: int) -> int:
        self.blocks.append(Block(kind, name, parent, line))
        return len(self.blocks) - 1

    def text(self, node: ast.AST) -> str:
        """The node's own source text, cut at a length that nobody reads."""
        line, column, end_line, end_column = syntax.span(node)
        if line == end_line:
            text = self.lines[line - 1][column:end_column]
        else:
            text = b"\n".join(
                [self.lines[line - 1][column:], *self.lines[line : end_line - 1], self.lines[end_line - 1][:end_column]]
            )
        shown = text[: 4 * _MAX_TEXT].decode("utf-8", "replace")
        return shown if len(shown) <= _MAX_TEXT else shown[:_MAX_TEXT] + "…"

    def site(self, kind: str, node: ast.AST, scope: _Scope, facts: _Facts = _NO_FACTS, **more: Any) -> int:
        text = more.pop("text", None) or self.text(node)
        if kind in ("binding", "target") and not scope.loads and not more:
            more = {"source": "absent", "why": _NAMESPACE}
        self.sites.append(
            Site(
                kind,
                scope.block,
                syntax.span(node),
                text,
                self.line,
                assignee=facts.assignee,
                caller=facts.caller,
                pos=facts.pos,
                keyword=facts.keyword,
                from_arg=isinstance(node, ast.Name) and node.id in scope.parameters,
                redacted=syntax.looks_secret(node, text, facts.keyword, facts.assignee),
                **more,
            )
        )
        return len(self.sites) - 1

    def around(self, spec: Spec, place: Place, *arguments: ast.expr) -> ast.expr:
        """The probe around an expression. `compiled` puts it into its place by a position without extent."""
        number, line = len(self.specs), place.span[0]
        self.places[number] = place
        at = {"lineno": line, "col_offset": number + 1, "end_lineno": line, "end_col_offset": number + 1}
        return self.probe(spec, arguments, at)

    def place(self, node: ast.expr) -> Place:
        return Place(syntax.span(node), None if _JUMPS_HAVE_POSITIONS else self.compared)

    def probe(self, spec: Spec, arguments: Sequence[ast.expr], at: dict[str, Any]) -> ast.expr:
        """The probe subscripted with its argument, called with several, inverted where it has none: each is what costs
        least."""
        self.specs.append(spec)
        marker: ast.expr = ast.Constant(value=f"{MARKER}{len(self.specs) - 1}", **at)
        if not arguments:
            return ast.UnaryOp(op=ast.Invert(), operand=marker, **at)
        if len(arguments) > 1:
            return ast.Call(func=marker, args=list(arguments), keywords=[], **at)
        if isinstance(arguments[0], _FOLDABLE) or syntax.debug(
            arguments[0]
        ):  # the compiler would take the marker's character of that number
            marker = ast.IfExp(test=ast.Constant(value=True, **at), body=marker, orelse=marker, **at)
        return ast.Subscript(value=marker, slice=arguments[0], ctx=ast.Load(), **at)

    def statement(
        self,
        op: int,
        scope: _Scope,
        block: int,
        names: Sequence[str] = (),
        site: int = 0,
        at: dict[str, Any] = _NOWHERE,
    ) -> ast.Expr:
        """A probe as a statement of its own; `names` are loaded for it."""
        redact = sum(self.sites[site + i].redacted << i for i in range(min(len(names), 63)))
        spec = Spec(op, scope.function, block, site, len(names), scope.depth, scope.flags, redact)
        loads: list[ast.expr] = [ast.Name(id=n, ctx=ast.Load(), **_NOWHERE) for n in names]
        return ast.Expr(value=self.probe(spec, loads, at), **at)

    def bind(self, names: Sequence[str], first: int, scope: _Scope) -> list[ast.stmt]:
        """A probe statement for names that have just been bound; their sites begin at `first`."""
        if not names or not scope.loads:
            return []
        self.recorded(first)
        return [self.statement(BIND, scope, scope.block, names, first)]

    def begin(self, op: int, scope: _Scope, block: int, names: Sequence[ast.Name]) -> ast.Expr:
        """A probe statement for the next instance of a loop with these targets."""
        first = self.bindings("target", names, scope)
        statement = self.statement(op, scope, block, [n.id for n in names] if scope.loads else [], first)
        self.recorded(first if names and scope.loads else None)
        return statement

    def mark(self, scope: _Scope) -> ast.stmt:
        return self.statement(MARK, scope, scope.block)

    def wrap(self, node: ast.expr, site: int, scope: _Scope, creates: bool = False) -> ast.expr:
        flags = scope.flags | (CREATES if creates else 0)
        redact = int(self.sites[site].redacted)
        spec = Spec(VALUE, scope.function, scope.block, site, 1, scope.depth, flags, redact)
        self.recorded(site)
        return self.around(spec, self.place(node), node)

    # Which site tells that something was evaluated.

    def recorded(self, site: int | None) -> None:
        self.last, self.sure = site, True

    def may_raise(self) -> None:
        """Between what was recorded last and what comes now."""
        self.sure = False

    def branch_here(self) -> None:
        """It is not known whether what comes now is executed."""
        self.last = None

    def witnesses(self, scope: _Scope, around: int | None) -> tuple[int | None, int | None]:
        """`witness` and `since` of a site that stands here. The witness is what was recorded last, or the site
        `around`, which has no value if it raised: None where this may happen often, so that a record is made."""
        last = self.last if self.last is not None and self.sites[self.last].block == scope.block else None
        if last is not None and self.sure:
            return last, None
        return None if scope.caught else around, last

    # Module, functions, classes.

    def module(self, tree: ast.Module) -> Rewritten:
        block = self.block("module", "<module>", None, 1)
        self.bound = syntax.bound_anywhere(tree)
        self.derives = not syntax.reaches_into_frames(tree)
        scope = _Scope(block, block, guarded=True)
        kept = syntax.prologue(tree.body)
        enter = self.statement(ENTER, scope, block)
        body = self.body(tree.body[kept:], scope)
        tree.body[kept:] = [self.guard(enter, body, scope)]
        return Rewritten(tree, SourceMap(self.blocks, self.sites), self.specs, self.places)

    def guard(self, enter: ast.stmt, body: list[ast.stmt], scope: _Scope) -> ast.stmt:
        """The body of a module or a function, which says when it is left. Each place where it ends leaves by itself, as
        it does without probes: so the last line that a tracer sees is one that was executed."""
        leave = self.statement(LEAVE, scope, scope.function)
        end = ast.Return(value=None, **_NOWHERE) if scope.name else ast.Break(**_NOWHERE)
        guarded = ast.Try(body=[enter, *syntax.ended(body, end)], handlers=[], orelse=[], finalbody=[leave], **_NOWHERE)
        if scope.name:
            return guarded
        return ast.While(test=ast.Constant(value=True, **_NOWHERE), body=[guarded], orelse=[], **_NOWHERE)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> list[ast.stmt]:
        compiled = any(word in self.text(d) for d in node.decorator_list for word in _COMPILED)
        node.decorator_list = [self.value(d, scope)[0] for d in node.decorator_list]
        self.defaults(node.args, scope)
        if compiled:  # another compiler reads the body: it must find there what was written
            return [node]
        name = f"{scope.name}{node.name}"
        block = self.block("function", name, scope.block, node.lineno)
        suspends = isinstance(node, ast.AsyncFunctionDef) or syntax.suspends(node.body)
        parameters = syntax.parameters(node.args)
        inner = _Scope(
            block,
            block,
            guarded=not suspends,
            suspends=suspends,
            name=f"{name}.<locals>.",
            parameters=frozenset(a.arg for a in parameters) - syntax.rebound(node.body),
            steady=self.steady(node),
        )
        first = self.parameters(parameters, inner)
        around = self.last
        self.recorded(first if parameters else None)
        op = ENTER_FRAME if suspends else ENTER
        enter = self.statement(op, inner, block, [a.arg for a in parameters], first)
        kept = 1 if ast.get_docstring(node, clean=False) is not None else 0
        body = self.body(node.body[kept:], inner)
        node.body[kept:] = [enter, *body] if suspends else [self.guard(enter, body, inner)]
        self.recorded(around)
        self.may_raise()
        return [node]

    def parameters(self, parameters: Sequence[ast.arg], scope: _Scope) -> int:
        first = len(self.sites)
        for parameter in parameters:
            self.line = parameter.lineno
            scope.bind(parameter.arg, self.site("parameter", parameter, scope, text=parameter.arg))
        return first

    def steady(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
        return syntax.steady(node) if self.derives else frozenset()

    def defaults(self, arguments: ast.arguments, scope: _Scope) -> None:
        arguments.defaults = [self.value(d, scope)[0] for d in arguments.defaults]
        arguments.kw_defaults = [d and self.value(d, scope)[0] for d in arguments.kw_defaults]

    def class_(self, node: ast.ClassDef, scope: _Scope) -> list[ast.stmt]:
        node.decorator_list = [self.value(d, scope)[0] for d in node.decorator_list]
        header = replace(scope, depth=scope.depth + bool(getattr(node, "type_params", None)))  # they have a frame
        node.bases = [self.value(b, header)[0] for b in node.bases]
        for keyword in node.keywords:
            keyword.value = self.value(keyword.value, header, _Facts(keyword=keyword.arg))[0]
        inner = replace(
            header,
            depth=header.depth + 1,
            name=f"{scope.name}{node.name}.",
            parameters=frozenset(),
            loop_mark=False,
            loads=not (node.bases or node.keywords),  # a metaclass may give any namespace, even one that forgets
            steady=frozenset(),
            known={},
            there=set(),
        )
        self.may_raise()
        kept = 1 if ast.get_docstring(node, clean=False) is not None else 0
        node.body[kept:] = self.body(node.body[kept:], inner) or ([] if kept else [ast.Pass(**_NOWHERE)])
        # The class body has a frame of its own: what its probes belong to must be on top of the stack before it.
        return [self.mark(scope), node] if scope.suspends else [node]

    # Statements.

    def body(self, statements: Iterable[ast.stmt], scope: _Scope) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            self.line = statement.lineno
            result.extend(self.one(statement, scope))
        return result

    def branch(self, statements: list[ast.stmt], scope: _Scope) -> list[ast.stmt]:
        """Statements of which it is not known whether they are executed, and how far."""
        self.branch_here()
        with scope.branch(*statements):
            return self.body(statements, scope)

    def one(self, node: ast.stmt, scope: _Scope) -> list[ast.stmt]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            result = self.class_(node, scope) if isinstance(node, ast.ClassDef) else self.function(node, scope)
            scope.bind(node.name, None)
            self.may_raise()
            return result
        resumes = scope.suspends and syntax.suspends_itself(node)
        visit: Callable[[Any, _Scope], list[ast.stmt]] | None = getattr(self, f"on_{type(node).__name__}", None)
        result = visit(node, scope) if visit else [node]
        if not isinstance(node, _STRAIGHT):
            self.branch_here()
        elif not scope.loads:
            self.may_raise()
        if resumes:  # an exception may be thrown in at a yield: tell who runs again, before any handler does
            result = [
                ast.Try(body=result, handlers=[], orelse=[], finalbody=[self.mark(scope)], **_NOWHERE),
            ]
        return result

    def on_Expr(self, node: ast.Expr, scope: _Scope) -> list[ast.stmt]:
        if not isinstance(node.value, ast.Constant):
            node.value = self.value(node.value, scope)[0]
        return [node]

    def on_Assign(self, node: ast.Assign, scope: _Scope) -> list[ast.stmt]:
        assignees = [a for t in node.targets for a in self.assignees(t)]
        facts = _Facts(assignee=assignees[0] if len(assignees) == 1 else assignees)
        node.value, value = self.value(node.value, scope, facts)
        after: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.site("binding", target, scope, **_same(value))
                scope.bind(target.id, value)
            else:
                # What stands first in the first target is evaluated right after the value.
                after.extend(self.targets(target, scope, value if target is node.targets[0] else None))
        return [node, *after]

    def assignees(self, target: ast.expr) -> list[str]:
        if isinstance(target, ast.Tuple | ast.List):
            return [a for e in target.elts for a in self.assignees(e)]
        return [self.text(target)]

    def targets(self, target: ast.expr, scope: _Scope, witness: int | None) -> list[ast.stmt]:
        """Probes for the loads inside a target, and a probe statement for the names that it binds."""
        names = self.names(target, scope, witness)
        return self.bind([n.id for n in names], self.bindings("binding", names, scope), scope)

    def bindings(self, kind: str, names: Sequence[ast.Name], scope: _Scope) -> int:
        first = len(self.sites)
        for name in names:
            scope.bind(name.id, self.site(kind, name, scope))
        return first

    def names(self, target: ast.expr, scope: _Scope | None, witness: int | None = None) -> list[ast.Name]:
        """The names that `target` binds; what it loads on the way gets probes. Without a scope it gets none: a loop's
        target is evaluated before the loop's next instance begins. `witness`: as in `value`, for what it loads first.
        """
        if isinstance(target, ast.Name):
            return [target]
        if isinstance(target, ast.Tuple | ast.List):
            self.may_raise()
            return [n for e in target.elts for n in self.names(e, scope)]
        if isinstance(target, ast.Starred):
            return self.names(target.value, scope)
        if scope is None:
            return []
        if isinstance(target, ast.Attribute | ast.Subscript):
            target.value, site = self.value(target.value, scope, witness=witness)
            if isinstance(target, ast.Subscript):
                recorded = site is not None and self.sites[site].source == "recorded"
                target.slice = self.slice(target.slice, scope, site if recorded else witness)
        self.may_raise()
        return []

    def on_AnnAssign(self, node: ast.AnnAssign, scope: _Scope) -> list[ast.stmt]:
        if node.value is not None:
            node.value, value = self.value(node.value, scope, _Facts(assignee=self.text(node.target)))
            if isinstance(node.target, ast.Name):
                self.site("binding", node.target, scope, **_same(value))
                scope.bind(node.target.id, value)
        if not isinstance(node.target, ast.Name):
            self.names(node.target, scope)
        elif node.target.id not in scope.steady:  # elsewhere than in a function the annotation is evaluated
            self.may_raise()
        return [node]

    def on_AugAssign(self, node: ast.AugAssign, scope: _Scope) -> list[ast.stmt]:
        if isinstance(node.target, ast.Name):
            binding = self.site("binding", node.target, scope)
            if node.target.id not in scope.there:
                self.may_raise()
            node.value = self.value(node.value, scope, witness=binding if scope.loads else None)[0]
            scope.bind(node.target.id, binding)
            return [node, *self.bind([node.target.id], binding, scope)]
        # The target is evaluated before the value, and its own value taken, which may raise.
        before = self.last, self.sure
        self.may_raise()
        node.value, value = self.value(node.value, scope)
        self.last, self.sure = before
        self.names(node.target, scope, value)
        return [node]

    def on_Delete(self, node: ast.Delete, scope: _Scope) -> list[ast.stmt]:
        for target in node.targets:
            self.names(target, scope)
            self.may_raise()
        return [node]

    def on_Return(self, node: ast.Return, scope: _Scope) -> list[ast.stmt]:
        if node.value is not None:
            node.value = self.value(node.value, scope)[0]
        return [node]

    def on_Raise(self, node: ast.Raise, scope: _Scope) -> list[ast.stmt]:
        node.exc = node.exc and self.value(node.exc, scope)[0]
        node.cause = node.cause and self.value(node.cause, scope)[0]
        return [node]

    def on_Assert(self, node: ast.Assert, scope: _Scope) -> list[ast.stmt]:
        node.test = self.test(node.test, scope)
        self.branch_here()
        node.msg = node.msg and self.value(node.msg, scope)[0]
        return [node]

    def test(self, node: ast.expr, scope: _Scope) -> ast.expr:
        """A condition. What the compiler decides is left alone, so that it still decides it."""
        compared, self.compared = self.compared, None
        whole = not any(map(syntax.decided, syntax.decisive(node)))
        result = self.condition(node, scope, whole and syntax.decides(node), (), (), None)
        self.compared = compared
        return result

    def condition(
        self, node: ast.expr, scope: _Scope, whole: bool, true: Outcomes, false: Outcomes, witness: int | None
    ) -> ast.expr:
        """A part of a condition, with `true` and `false` as what is known if it is that. `whole`: nothing of the
        condition is decided by the compiler.

        The truth of each part is asked for once. A probe around `a and b` would be given a value whose truth is asked
        for again, by what decides on it: so the probes are around `a` and `b`, ask themselves, and tell the value of
        all."""
        if not syntax.decides(node):
            if isinstance(node, ast.Compare):
                self.compared = syntax.span(node)
            if whole:
                return self.decisive(node, scope, true, false, witness)
            return node if syntax.decided(node) else self.value(node, scope)[0]
        absent: dict[str, Any] = {"source": "absent", "why": _DECIDED}
        site = self.site("expression", node, scope, **({} if whole else absent))
        own = ((site, 0),)
        around = site if whole else None
        if isinstance(node, ast.UnaryOp):
            if_true = ((site, IS_FALSE), *((s, value or IS_FALSE) for s, value in false))
            if_false = ((site, IS_TRUE), *((s, value or IS_TRUE) for s, value in true))
            node.operand = self.condition(node.operand, scope, whole, if_true, if_false, around)
        elif isinstance(node, ast.BoolOp):
            last = len(node.values) - 1
            for i, value in enumerate(node.values):
                if i:
                    self.branch_here()
                on = () if isinstance(node.op, ast.And) and i < last else own + true
                off = () if isinstance(node.op, ast.Or) and i < last else own + false
                node.values[i] = self.condition(value, scope, whole, on, off, None if i else around)
        elif isinstance(node, ast.IfExp):
            node.test = self.test(node.test, scope)
            self.branch_here()
            node.body = self.condition(node.body, scope, whole, own + true, own + false, None)
            self.branch_here()
            node.orelse = self.condition(node.orelse, scope, whole, own + true, own + false, None)
        return node

    def decisive(self, node: ast.expr, scope: _Scope, true: Outcomes, false: Outcomes, witness: int | None) -> ast.expr:
        """A part of a condition that has a value whose truth decides."""
        place = self.place(node)
        result, _ = self.value(node, scope, witness=witness)
        if result is node:
            number = len(self.specs)
            spec = Spec(TEST, scope.function, scope.block, depth=scope.depth, flags=scope.flags)
            result = self.around(spec, place, node)
        else:
            number = len(self.specs) - 1
            spec = self.specs[number]
            spec = spec._replace(op=TEST, flags=spec.flags & ~HOLDS | (DERIVED if spec.op == LOAD else 0))
        for outcomes, truth in ((true, ON_TRUE), (false, ON_FALSE)):
            for site, value in outcomes:
                redact = int(self.sites[site].redacted)
                flags = scope.flags | truth | value
                self.specs.append(Spec(OUTCOME, scope.function, scope.block, site, 1, scope.depth, flags, redact))
        self.specs[number] = spec._replace(of=len(self.specs))
        return result

    def on_If(self, node: ast.If, scope: _Scope) -> list[ast.stmt]:
        node.test = self.test(node.test, scope)
        node.body = self.branch(node.body, scope)
        node.orelse = self.branch(node.orelse, scope)
        return [node]

    def on_For(self, node: ast.For | ast.AsyncFor, scope: _Scope) -> list[ast.stmt]:
        # The iterable's __next__ may be captured itself: it runs between two iterations, not in the one before.
        marks = not self.is_range(node.iter) or not syntax.binds_names_only(node.target)
        node.iter = self.value(node.iter, scope)[0]
        block = self.block("for", syntax.loop_name(node.target), scope.block, node.lineno)
        inner = replace(scope, block=block, loop=scope.block, loop_mark=marks)
        scope.forget([node])
        with scope.branch(node.target, *node.body):
            begin = self.begin(ITERATE, inner, block, self.names(node.target, None))
            node.body = self.iteration(begin, node.body, inner)
        if marks:
            node.body.append(self.mark(replace(inner, block=scope.block)))
        return self.after_loop(node, scope)

    on_AsyncFor = on_For

    def iteration(self, begin: ast.Expr | None, statements: list[ast.stmt], scope: _Scope) -> list[ast.stmt]:
        """A loop's body, which `begin` begins, if it does. An innermost one with many derived loads is there twice:
        without the probes of these loads for as long as the bindings that they are derived from have had values only
        that cannot change. What the loop takes items or attributes of can change, most likely: to be without its
        probes, there must be no time left to look."""
        head: list[ast.stmt] = [] if begin is None else [begin]
        inside = replace(scope, holders=syntax.holders(statements), caught=False)
        if not scope.guarded or any(map(syntax.holds_code, statements)):
            return head + self.body(statements, inside)
        chooses = begin or self.statement(CHOOSE, scope, scope.block)
        spec = len(self.specs) - 1
        body = self.body(statements, inside)
        if sum(s.op == LOAD for s in self.specs[spec:]) < _WORTH_A_COPY:
            return head + body
        self.specs[spec] = self.specs[spec]._replace(of=len(self.specs))
        bare = [_WithoutLoads(self.specs).visit(copy.deepcopy(s)) for s in body]
        return [ast.If(test=chooses.value, body=body, orelse=bare, **_NOWHERE)]

    def after_loop(self, node: ast.For | ast.AsyncFor | ast.While, scope: _Scope) -> list[ast.stmt]:
        if node.orelse:
            node.orelse = [self.mark(scope), *self.branch(node.orelse, scope)]
        return [node, self.mark(scope)]

    def on_Continue(self, node: ast.Continue, scope: _Scope) -> list[ast.stmt]:
        return [self.mark(replace(scope, block=scope.loop)), node] if scope.loop_mark else [node]

    def on_While(self, node: ast.While, scope: _Scope) -> list[ast.stmt]:
        block = self.block("while", f"while_L{node.lineno}", scope.block, node.lineno)
        inner = replace(scope, block=block, loop=scope.block, loop_mark=False)
        scope.forget([node])
        if syntax.literal(node.test):
            at = syntax.location(node.test) if node.body[0].lineno == node.lineno else _NOWHERE
            begin = self.statement(ITERATE, inner, block, at=at)
        else:  # the test is evaluated once more than the body: each evaluation begins an instance
            begin = None
            spec = Spec(ITERATE, scope.function, block, depth=scope.depth, flags=scope.flags)
            begins = self.probe(spec, [], syntax.location(node.test))
            node.test = ast.BoolOp(op=ast.And(), values=[begins, self.test(node.test, inner)], **_NOWHERE)
        self.branch_here()
        with scope.branch(*node.body):
            node.body = self.iteration(begin, node.body, inner)
        return self.after_loop(node, scope)

    def on_With(self, node: ast.With | ast.AsyncWith, scope: _Scope) -> list[ast.stmt]:
        item, *others = node.items
        if others:  # what the first one binds is bound when the second one is evaluated
            within = type(node)(items=others, body=node.body, **syntax.location(node))
            node.items, node.body = [item], [within]
        target = item.optional_vars
        facts = _Facts(assignee=self.text(target)) if target is not None else _NO_FACTS
        item.context_expr = self.value(item.context_expr, scope, facts)[0]
        self.may_raise()
        begin = [] if target is None else self.targets(target, scope, None)
        loops = syntax.has_loop(node.body)
        with scope.branch(*node.body):
            body = self.body(node.body, scope)
        if loops:  # the manager is left where it was entered, however the loop ends
            body = [ast.Try(body=body, handlers=[], orelse=[], finalbody=[self.mark(scope)], **_NOWHERE)]
        node.body = [*begin, *body]
        return [node]

    on_AsyncWith = on_With

    def on_Try(self, node: ast.Try, scope: _Scope) -> list[ast.stmt]:
        loops = syntax.has_loop(node.body) or scope.suspends
        within = replace(scope, caught=True) if node.handlers else scope
        before = set(scope.there)
        node.body, written = self.body(node.body, within), node.body
        tried, there = dict(scope.known), set(scope.there)
        scope.there.intersection_update(before)
        scope.forget(written)
        for handler in node.handlers:
            self.line = handler.lineno
            self.branch_here()
            handler.type = handler.type and self.value(handler.type, scope)[0]
            self.branch_here()
            begin = [self.mark(scope)] if loops else []
            if handler.name is not None:
                site = self.site("binding", handler, scope, text=handler.name)
                begin += self.bind([handler.name], site, scope)
            with scope.branch(*handler.body):
                handler.body = [*begin, *self.body(handler.body, scope)]
        after = dict(scope.known)
        scope.known.clear()
        scope.known.update(tried)  # the `else` goes on where the body ended
        scope.there.update(there)
        node.orelse = self.branch(node.orelse, scope)
        scope.known.clear()
        scope.known.update({n: s for n, s in after.items() if n not in syntax.bound(node.orelse)})
        scope.there.intersection_update(before)
        if node.finalbody:
            node.finalbody = [*([self.mark(scope)] if loops else []), *self.branch(node.finalbody, scope)]
        return [node]

    on_TryStar = on_Try

    def on_Match(self, node: ast.Match, scope: _Scope) -> list[ast.stmt]:
        node.subject = self.value(node.subject, scope)[0]
        scope.forget(c.pattern for c in node.cases)
        for case in node.cases:
            self.branch_here()
            case.guard = case.guard and self.test(case.guard, scope)
            case.body = self.branch(case.body, scope)
        return [node]

    def on_Import(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> list[ast.stmt]:
        scope.forget([node])
        names = [(a, a.asname or a.name.partition(".")[0]) for a in node.names if a.name != "*"]
        if not names or getattr(node, "module", None) == "__future__":
            return [node]
        first = len(self.sites)
        for alias, name in names:
            self.site("binding", alias, scope, text=name)
        return [node, *self.bind([n for _, n in names], first, scope)]

    on_ImportFrom = on_Import

    # Expressions.

    def value(
        self, node: ast.expr, scope: _Scope, facts: _Facts = _NO_FACTS, witness: int | None = None
    ) -> tuple[ast.expr, int | None]:
        """The expression with probes, and the site that has its value (None: it has none).

        `witness` is a recorded site that has a value whenever this expression was evaluated and nothing after it
        raised; then constants and names that are known need no record.
        """
        if syntax.literal(node):
            return self.literal(node, scope, facts, witness)
        if isinstance(node, ast.BinOp) and witness is not None and syntax.folded(node) is not None:
            known, since = self.witnesses(scope, witness)
            if known is not None:
                return node, self.constant(node, scope, facts, known, since)
        if isinstance(node, ast.Starred):
            node.value = self.value(node.value, scope, facts, witness)[0]
            self.may_raise()
            return node, None
        if isinstance(node, ast.NamedExpr):
            site = self.site("expression", node, scope, facts)
            node.value, value = self.value(node.value, scope, replace(facts, assignee=node.target.id))
            self.sites[site] = replace(self.sites[site], **_same(value))
            self.site("binding", node.target, scope, **_same(value))
            return node, value
        if syntax.debug(node):
            return node, None
        since = None
        if isinstance(node, ast.Name) and witness is not None and node.id in scope.known:
            witness, since = self.witnesses(scope, witness)
        if isinstance(node, ast.Name) and witness is not None and node.id in scope.known:
            binding = scope.known[node.id]
            site = self.site(
                "expression", node, scope, facts, source="derived", of=binding, witness=witness, since=since
            )
            if not self.sites[site].redacted:
                flags = scope.flags | (HOLDS if node.id in scope.holders else 0)
                load = Spec(LOAD, scope.function, scope.block, site, 1, scope.depth, flags, of=binding)
                return self.around(load, self.place(node), node), site
            self.sites[site] = replace(self.sites[site], source="recorded", of=None, witness=None, since=None)
            return self.wrap(node, site, scope), site
        if isinstance(node, ast.JoinedStr) and not _FSTRING_POSITIONS:
            site = self.site("expression", node, scope, facts)
            return self.wrap(node, site, scope), site
        visit: Callable[[Any, _Scope, int], None] | None = getattr(self, f"in_{type(node).__name__}", None)
        if visit is None:  # syntax of a later Python
            return node, None
        site = self.site("expression", node, scope, facts)
        visit(node, scope, site)
        creates = isinstance(node, ast.Call | ast.GeneratorExp)
        return self.wrap(node, site, scope, creates), site

    def literal(self, node: ast.expr, scope: _Scope, facts: _Facts, witness: int | None) -> tuple[ast.expr, int | None]:
        witness, since = (None, None) if witness is None else self.witnesses(scope, witness)
        if witness is not None:
            return node, self.constant(node, scope, facts, witness, since)
        site = self.site("expression", node, scope, facts)
        for part in syntax.operands(node):
            self.constant(part, scope, _NO_FACTS, site)
        return self.wrap(node, site, scope), site

    def constant(self, node: ast.expr, scope: _Scope, facts: _Facts, witness: int, since: int | None = None) -> int:
        """The site of what the compiler makes a constant of: nothing is recorded."""
        text = syntax.folded(node) if isinstance(node, ast.BinOp) else ast.unparse(node)
        site = self.site(
            "expression", node, scope, facts, source="constant", constant=text, witness=witness, since=since
        )
        for part in syntax.operands(node):
            self.constant(part, scope, _NO_FACTS, witness, since)
        return site

    def many(self, nodes: Sequence[ast.expr], scope: _Scope, witness: int | None) -> list[Any]:
        return [self.value(n, scope, witness=witness)[0] for n in nodes]

    def slice(self, node: ast.expr, scope: _Scope, witness: int | None) -> ast.expr:
        """A subscript's index: a slice is no value, its bounds are."""
        if isinstance(node, ast.Slice):
            node.lower = node.lower and self.value(node.lower, scope, witness=witness)[0]
            node.upper = node.upper and self.value(node.upper, scope, witness=witness)[0]
            node.step = node.step and self.value(node.step, scope, witness=witness)[0]
            return node
        if isinstance(node, ast.Tuple) and any(isinstance(e, ast.Slice) for e in node.elts):
            node.elts = [self.slice(e, scope, witness) for e in node.elts]
            return node
        return self.value(node, scope, witness=witness)[0]

    def in_Name(self, node: ast.Name, scope: _Scope, site: int) -> None:
        pass

    def in_Attribute(self, node: ast.Attribute, scope: _Scope, site: int) -> None:
        node.value = self.value(node.value, scope, witness=site)[0]

    def in_Subscript(self, node: ast.Subscript, scope: _Scope, site: int) -> None:
        node.value = self.value(node.value, scope, witness=site)[0]
        node.slice = self.slice(node.slice, scope, site)

    def in_Call(self, node: ast.Call, scope: _Scope, site: int) -> None:
        caller = self.text(node.func)
        if isinstance(node.func, ast.Name):
            self.site("expression", node.func, scope, source="absent", why=CALLED)
            if not self.is_there(node.func.id, scope):
                self.may_raise()
        elif isinstance(node.func, ast.Attribute):
            self.site("expression", node.func, scope, source="absent", why=CALLED)
            node.func.value = self.value(node.func.value, scope, witness=site)[0]
            self.may_raise()
        else:
            node.func = self.value(node.func, scope, witness=site)[0]
        node.args = [self.value(a, scope, _Facts(caller=caller, pos=i), site)[0] for i, a in enumerate(node.args)]
        for keyword in node.keywords:
            keyword.value = self.value(keyword.value, scope, _Facts(caller=caller, keyword=keyword.arg), site)[0]
            if keyword.arg is None:
                self.may_raise()

    def is_range(self, node: ast.expr) -> bool:
        """Whether it is a range: nothing of the program's own runs when it is iterated over."""
        return isinstance(node, ast.Call) and syntax.callee(node) == "range" and self.bound.isdisjoint(("range", "*"))

    def is_there(self, name: str, scope: _Scope) -> bool:
        """Whether looking up the name cannot raise."""
        return name in scope.there or (name in syntax.BUILTINS and self.bound.isdisjoint((name, "*")))

    def in_BinOp(self, node: ast.BinOp, scope: _Scope, site: int) -> None:
        node.left, node.right = self.many([node.left, node.right], scope, site)

    def in_UnaryOp(self, node: ast.UnaryOp, scope: _Scope, site: int) -> None:
        node.operand = self.value(node.operand, scope, witness=site)[0]

    def in_BoolOp(self, node: ast.BoolOp, scope: _Scope, site: int | None) -> None:
        for i, value in enumerate(node.values):
            witness = None if i else site
            if i:
                self.branch_here()
            if isinstance(value, ast.BoolOp):  # its truth is asked for once: a probe would have it asked for again
                self.site("expression", value, scope, source="absent", why=_OPERAND)
                self.in_BoolOp(value, scope, witness)
            else:
                node.values[i] = self.value(value, scope, witness=witness)[0]

    def in_Compare(self, node: ast.Compare, scope: _Scope, site: int) -> None:
        node.left = self.value(node.left, scope, witness=site)[0]
        comparators = []
        for i, (op, comparator) in enumerate(zip(node.ops, node.comparators, strict=True)):
            witness = site if i == 0 else None
            if i:
                self.branch_here()
            folds = isinstance(op, ast.In | ast.NotIn) and isinstance(comparator, ast.List | ast.Set)
            if witness is not None and folds and all(map(syntax.literal, comparator.elts)):  # type: ignore[attr-defined]
                comparators.append(self.literal(comparator, scope, _NO_FACTS, witness)[0])
            else:
                comparators.append(self.value(comparator, scope, witness=witness)[0])
        node.comparators = comparators

    def in_IfExp(self, node: ast.IfExp, scope: _Scope, site: int) -> None:
        node.test = self.test(node.test, scope)
        self.branch_here()
        node.body = self.value(node.body, scope)[0]
        self.branch_here()
        node.orelse = self.value(node.orelse, scope)[0]

    def in_Tuple(self, node: ast.Tuple | ast.List | ast.Set, scope: _Scope, site: int) -> None:
        if all(map(syntax.literal, node.elts)):  # nothing between its beginning and its end can raise
            for element in node.elts:
                self.constant(element, scope, _NO_FACTS, site)
        else:
            node.elts = self.many(node.elts, scope, site)

    in_List = in_Tuple

    def in_Set(self, node: ast.Set, scope: _Scope, site: int) -> None:
        if all(map(syntax.literal, node.elts)):
            return self.in_Tuple(node, scope, site)
        for i, element in enumerate(node.elts):
            node.elts[i] = self.value(element, scope, witness=site)[0]
            self.may_raise()  # a long one adds element by element, which may raise

    def in_Dict(self, node: ast.Dict, scope: _Scope, site: int) -> None:
        for i, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            secret = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
            node.keys[i] = key and self.value(key, scope, witness=site)[0]
            node.values[i] = self.value(value, scope, _Facts(keyword=secret), site)[0]
            self.may_raise()  # as for a set

    def in_JoinedStr(self, node: ast.JoinedStr, scope: _Scope, site: int) -> None:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.value(part.value, scope, witness=site)[0]
                self.may_raise()
                if isinstance(part.format_spec, ast.JoinedStr):
                    self.in_JoinedStr(part.format_spec, scope, site)

    def in_Await(self, node: ast.Await, scope: _Scope, site: int) -> None:
        node.value = self.value(node.value, scope)[0]

    def in_Yield(self, node: ast.Yield, scope: _Scope, site: int) -> None:
        node.value = node.value and self.value(node.value, scope)[0]

    def in_YieldFrom(self, node: ast.YieldFrom, scope: _Scope, site: int) -> None:
        node.value = self.value(node.value, scope)[0]

    def in_Lambda(self, node: ast.Lambda, scope: _Scope, site: int) -> None:
        self.defaults(node.args, scope)
        if syntax.suspends([ast.Expr(node.body)]):
            return
        block = self.block("lambda", f"{scope.name}<lambda>", scope.block, node.lineno)
        parameters = syntax.parameters(node.args)
        inner = _Scope(
            block,
            block,
            guarded=False,
            name=f"{scope.name}<lambda>.<locals>.",
            parameters=frozenset(a.arg for a in parameters),
            steady=self.steady(node),
        )
        line = self.line
        first = self.parameters(parameters, inner)
        self.recorded(first if parameters else None)
        self.line = line
        place = self.place(node.body)
        enter = self.statement(ENTER_FRAME, inner, block, [a.arg for a in parameters], first)
        body = self.value(node.body, inner)[0]
        node.body = self.around(Spec(LEAVE_FRAME, block, block), place, enter.value, body)

    def in_GeneratorExp(self, node: ast.GeneratorExp, scope: _Scope, site: int) -> None:
        block = self.block("generator", f"{scope.name}<genexpr>", scope.block, node.lineno)
        inner = _Scope(block, block, guarded=False, suspends=True, name=scope.name, parameters=scope.parameters)
        self.comprehension(node, scope, inner, ITERATE_GENERATOR)

    def in_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp, scope: _Scope, site: int) -> None:
        inner = replace(scope, depth=scope.depth + _COMPREHENSION_FRAMES, loads=True)  # its names are its own
        self.comprehension(node, scope, inner, ITERATE)

    in_SetComp = in_DictComp = in_ListComp

    def comprehension(self, node: Any, outer: _Scope, scope: _Scope, op: int) -> None:
        """Each `for` clause is a loop block; its first condition, always true, begins an instance."""
        targets = frozenset(syntax.bound(c.target for c in node.generators)) if self.derives else frozenset()
        known = {n: s for n, s in scope.known.items() if n not in targets}
        there = scope.there | targets
        scope = replace(scope, steady=scope.steady | targets, known=known, there=there, caught=False)
        for i, clause in enumerate(node.generators):
            first_clause = i == 0
            # The outermost iterable is evaluated where the comprehension stands, the others inside. Its __next__ may be
            # captured itself: it runs between two iterations.
            marks = not self.is_range(clause.iter)
            place = self.place(clause.iter)
            clause.iter = self.value(clause.iter, outer if first_clause else scope)[0]
            if marks:
                flags = scope.flags | (ASYNC if clause.is_async else 0)
                spec = Spec(ITERABLE, scope.function, scope.block, depth=scope.depth, flags=flags)
                clause.iter = self.around(spec, place, clause.iter)
            block = self.block("comprehension", syntax.loop_name(clause.target), scope.block, clause.target.lineno)
            scope = replace(scope, block=block)
            begin = self.begin(op if first_clause else ITERATE, scope, block, self.names(clause.target, None))
            conditions = []
            for condition in clause.ifs:
                conditions.append(self.test(condition, scope))
                self.branch_here()
            clause.ifs = [begin.value, *conditions]
        if isinstance(node, ast.DictComp):
            node.key = self.value(node.key, scope)[0]
            node.value = self.value(node.value, scope)[0]
        else:
            node.elt = self.value(node.elt, scope)[0]


def _same(value: int | None) -> dict[str, Any]:
    """Where the value of a binding of exactly this value is found."""
    return {"source": "absent", "why": _UNRECORDED} if value is None else {"source": "same", "of": value}


class _WithoutLoads(ast.NodeTransformer):
    """Takes the probes of derived loads away again."""

    def __init__(self, specs: list[Spec]) -> None:
        self.specs = specs

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        marker = node.value.body if isinstance(node.value, ast.IfExp) else node.value
        match marker:
            case ast.Constant(value=str(text)) if text.startswith(MARKER):
                if self.specs[int(text[len(MARKER) :])].op == LOAD:
                    return self.visit(node.slice)  # type: ignore[no-any-return]
        return self.generic_visit(node)
