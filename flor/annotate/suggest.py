"""What name suits an expression. Proposes, decides nothing."""

from __future__ import annotations

import ast
from collections.abc import Collection

from flor.annotate.gets import get_literal
from flor.annotate.places import Expression
from flor.annotate.source import Parsed
from flor.annotate.tree import Function, Step, descend, span_of

# Methods that hand on what they are called on: `loss.item()` is the loss.
_CONVERSIONS = frozenset({"item", "tolist", "numpy", "cpu", "detach", "copy", "clone", "to_numpy"})


def suggest(source: str | Parsed, expression: Expression, taken: Collection[str]) -> str:
    """A name for `expression`, not in `taken`: of the target, keyword or parameter that gets the value, else its own.

    Its own is that of a variable or attribute, of the function that is called; of a plain value, that of the function
    which gets or returns it; "value" where there is none.
    """
    if expression.kind == "binding":
        assert expression.variable is not None
        return _unique(expression.variable, taken)
    parsed = Parsed.of(source)
    path = descend(parsed, expression.start, expression.end)
    while not (isinstance(path[-1].node, ast.expr) and span_of(path[-1].node) == expression.span):
        path.pop()
    node = path[-1].node
    while isinstance(path[-2].node, ast.Call) and get_literal(path[-2].node) is not None:
        path.pop()
    name = _receiver(path) or own_name(node) or _function_around(path)
    return _unique((name or "value").strip("_") or "value", taken)


def _unique(name: str, taken: Collection[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique


def own_name(node: ast.AST | None) -> str | None:
    """The name that an expression brings along."""
    while isinstance(node, ast.Call) and get_literal(node) is not None:
        node = node.args[1]
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _CONVERSIONS:
            return own_name(value) or name
        case ast.Call(func=function):
            return own_name(function)
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key.isidentifier():
            return key
        case ast.Subscript(value=value) | ast.Await(value=value) | ast.Starred(value=value):
            return own_name(value)
        case ast.NamedExpr(target=target):
            return own_name(target)
    return None


def _receiver(path: list[Step]) -> str | None:
    """The name of what receives exactly the value of the last node of `path`."""
    step, parent = path[-1], path[-2].node
    match parent:
        case ast.Assign(targets=targets):
            return next((name for name in map(own_name, targets) if name), None)
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target) if step.field == "value":
            return own_name(target)
        case ast.keyword(arg=name):
            return name
        case ast.Dict(keys=keys, values=values) if step.field == "values":
            key = keys[_index(values, step.node)]
            return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        case ast.arguments():
            return _default_of(parent, step)
        case ast.Call(args=args) if step.field == "args":
            return _parameter_of(path[0].node, parent, _index(args, step.node))
    return None


def _index(items: list[ast.expr], node: ast.AST) -> int:
    return next(i for i, item in enumerate(items) if item is node)


def _default_of(arguments: ast.arguments, step: Step) -> str | None:
    assert step.index is not None
    if step.field == "kw_defaults":
        return arguments.kwonlyargs[step.index].arg
    positional = [*arguments.posonlyargs, *arguments.args]
    return positional[len(positional) - len(arguments.defaults) + step.index].arg


def _parameter_of(module: ast.AST, call: ast.Call, position: int) -> str | None:
    """The parameter that gets the call's argument at `position`, if the function is one of the module's own."""
    if not isinstance(module, ast.Module) or any(isinstance(a, ast.Starred) for a in call.args[: position + 1]):
        return None
    functions = [
        s for s in module.body if isinstance(s, Function) and isinstance(call.func, ast.Name) and s.name == call.func.id
    ]
    if len(functions) != 1:
        return None
    parameters = [*functions[0].args.posonlyargs, *functions[0].args.args]
    return parameters[position].arg if position < len(parameters) else None


def _function_around(path: list[Step]) -> str | None:
    """The function that a plain value is given to, or that returns it."""
    step, parent = path[-1], path[-2].node
    if isinstance(parent, ast.Call) and step.field == "args":
        return own_name(parent.func)
    if isinstance(parent, ast.AugAssign):
        return own_name(parent.target)
    if isinstance(parent, ast.Return):
        return next((s.node.name for s in reversed(path) if isinstance(s.node, Function)), None)
    return None
