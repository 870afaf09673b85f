"""Which variables a scope binds and which it uses. Knows names, not values."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from flor.annotate.tree import BODIES, Function, imported_variable

Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

# Fields of operators, expression contexts and words.
_NO_CHILDREN = frozenset({"ctx", "op", "ops", "id", "attr", "kind", "type_comment", "module", "level", "conversion"})
_NONE: frozenset[str] = frozenset()


def own_nodes(statements: Iterable[ast.AST]) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes of statements, each before those in it, without the bodies and parameters of definitions.

    With each, whether it is a variable of a lambda or a comprehension in the statement.
    """
    stack: list[tuple[ast.AST, frozenset[str]]] = [(node, _NONE) for node in statements]
    while stack:
        node, inner = stack.pop()
        if isinstance(node, ast.Name):
            yield node, node.id in inner
            continue
        yield node, isinstance(node, ast.arg) and node.arg in inner
        if isinstance(node, Definition):
            stack.extend((part, inner) for part in header(node))
        elif isinstance(node, ast.Lambda):
            within = inner | {a.arg for a in parameters(node.args)}
            defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
            stack += [
                (node.body, within),
                *((p, within) for p in parameters(node.args)),
                *((d, inner) for d in defaults),
            ]
            yield node.args, False
        elif isinstance(node, Comprehension):
            within = inner | {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
            first = node.generators[0].iter
            for child in children(node):
                if isinstance(child, ast.comprehension):
                    yield child, False
                    stack += [(p, inner if p is first else within) for p in children(child)]
                else:
                    stack.append((child, within))
        else:
            stack += [(child, inner) for child in children(node)]


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes below a node, without operators and expression contexts."""
    found: list[ast.AST] = []
    for name in node._fields:
        if name in _NO_CHILDREN:
            continue
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def header(node: Definition) -> Iterator[ast.expr]:
    """The expressions of a definition that are evaluated around it: decorators, default values, base classes."""
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from (k.value for k in node.keywords)
    else:
        yield from node.args.defaults
        yield from (d for d in node.args.kw_defaults if d is not None)


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters, in order."""
    more = [p for p in (arguments.vararg, arguments.kwarg) if p is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


def definitions(statements: Iterable[ast.AST]) -> list[Definition]:
    """The functions and classes defined by statements, but for those that are defined in one of these."""
    found: list[Definition] = []
    stack = list(statements)[::-1]
    while stack:
        node = stack.pop()
        if isinstance(node, Definition):
            found.append(node)
            continue
        for name in reversed(node._fields):
            if name in BODIES:
                stack.extend(reversed(getattr(node, name)))
    return found


def all_definitions(scope: Scope) -> list[Definition]:
    """All functions and classes in a scope, those around before those inside."""
    found = definitions(scope.body)
    for node in found:  # the list grows
        found += definitions(node.body)
    return found


def variables(node: ast.AST) -> Sequence[str]:
    """The variables that this node itself binds or unbinds."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del(), id=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.alias():
            return [imported_variable(node)]
    return []


class Variables:
    """The variables of scopes, each found out once."""

    def __init__(self) -> None:
        self._free: dict[Definition, frozenset[str]] = {}

    def bound(self, scope: Scope, body: Sequence[ast.AST] | None = None) -> frozenset[str]:
        """What a scope binds for itself; with `body`, in a part of its body."""
        names, elsewhere = set(), set()
        if isinstance(scope, Function):
            names = {p.arg for p in parameters(scope.args)}
        for node, inner in own_nodes(scope.body if body is None else body):
            if isinstance(node, ast.Global | ast.Nonlocal):
                elsewhere |= set(node.names)
            elif not inner:
                names |= set(variables(node))
        return frozenset(names if isinstance(scope, ast.Module) else names - elsewhere)

    def used(self, scope: Scope) -> frozenset[str]:
        """What a scope mentions, its own variables and others, with what functions in it take from outside."""
        own = {name for node, inner in own_nodes(scope.body) if not inner for name in mentions(node)}
        return frozenset(own.union(*(self.free(d) for d in definitions(scope.body))))

    def free(self, node: Definition) -> frozenset[str]:
        """What a definition takes from the scopes around it."""
        if node not in self._free:
            if isinstance(node, ast.ClassDef):  # functions in it do not see its variables
                own = {name for n, inner in own_nodes(node.body) if not inner for name in mentions(n)}
                inside = frozenset[str]().union(*(self.free(d) for d in definitions(node.body)))
                self._free[node] = frozenset(own - self.bound(node)) | inside
            else:
                self._free[node] = self.used(node) - self.bound(node)
        return self._free[node]


def mentions(node: ast.AST) -> Sequence[str]:
    """The variables that this node itself mentions."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Global | ast.Nonlocal):
        return node.names
    return variables(node)
