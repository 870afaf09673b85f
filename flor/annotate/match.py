"""Which node of one version of a source is which in another. Says nothing where it is not sure.

Statements correspond if they are equal and stand in corresponding bodies: of the same function or class, of a loop over
the same target, of an `if`, `try` or `with` with an equal head. Inside a statement that changed nothing corresponds to
anything.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from flor.annotate.tree import BODIES, Function, fingerprint, paired

Nodes = dict[ast.AST, ast.AST]


def corresponding(a: ast.Module, b: ast.Module) -> Nodes:
    """The node of `b` for the nodes of `a` that have one; for all of them if the trees are equal."""
    found: Nodes = paired(a, b) or {}
    if found:
        return found
    _match_lists(a.body, b.body, found)
    return found


def _match_lists(a: Sequence[ast.AST], b: Sequence[ast.AST], found: Nodes) -> None:
    """Match what stands in two corresponding bodies: statements, handlers or cases."""
    for x, y in _equal([n for n in a if not _has_body(n)], [n for n in b if not _has_body(n)], fingerprint):
        found.update(paired(x, y) or {})
    for x, y in _matched_compounds([n for n in a if _has_body(n)], [n for n in b if _has_body(n)]):
        _match_compounds(x, y, found)


def _has_body(node: ast.AST) -> bool:
    return not BODIES.isdisjoint(node._fields)


def _equal(
    a: Sequence[ast.AST], b: Sequence[ast.AST], key: Callable[[ast.AST], Hashable]
) -> list[tuple[ast.AST, ast.AST]]:
    """Pairs with equal keys, in order, where a key occurs equally often on both sides. A key None matches nothing."""
    groups: dict[Hashable, tuple[list[ast.AST], list[ast.AST]]] = defaultdict(lambda: ([], []))
    for side, nodes in enumerate((a, b)):
        for node in nodes:
            groups[key(node)][side].append(node)
    return [
        pair
        for k, (xs, ys) in groups.items()
        if k is not None and len(xs) == len(ys)
        for pair in zip(xs, ys, strict=True)
    ]


def _matched_compounds(a: Sequence[ast.AST], b: Sequence[ast.AST]) -> list[tuple[ast.AST, ast.AST]]:
    """Pairs of compound statements: equal ones, then those with equal heads, then those alone of their kind."""
    sure = _equal(a, b, fingerprint)
    matched = list(sure)
    for key in (_head, _lone_key):
        rest_a = [x for x in a if all(x is not p for p, _ in matched)]
        rest_b = [y for y in b if all(y is not q for _, q in matched)]
        likely = _equal(rest_a, rest_b, key)
        if key is _lone_key:
            counts: dict[Hashable, int] = defaultdict(int)
            for x, _ in likely:
                counts[_lone_key(x)] += 1
            likely = [(x, y) for x, y in likely if counts[_lone_key(x)] == 1]
        matched += likely
    place_a = {node: i for i, node in enumerate(a)}
    place_b = {node: i for i, node in enumerate(b)}
    # What only looks alike must not have changed its order against what is equal.
    return [
        (x, y)
        for n, (x, y) in enumerate(matched)
        if n < len(sure) or all((place_a[x] < place_a[p]) == (place_b[y] < place_b[q]) for p, q in sure)
    ]


def _head(node: ast.AST) -> Hashable:
    return fingerprint(node, BODIES)


def _lone_key(node: ast.AST) -> Hashable:
    """What can still be told of a head that changed: a definition's name, the target of a loop."""
    if isinstance(node, Function | ast.ClassDef):
        return type(node), node.name
    if isinstance(node, ast.For | ast.AsyncFor):
        return type(node), fingerprint(node.target)
    if isinstance(node, ast.While):
        return (type(node),)
    return None


def _match_compounds(a: ast.AST, b: ast.AST, found: Nodes) -> None:
    found[a] = b
    for name in a._fields:
        x, y = getattr(a, name, None), getattr(b, name, None)
        if name in BODIES:
            _match_lists(x or [], y or [], found)
        elif isinstance(x, ast.arguments) and isinstance(y, ast.arguments):
            _match_parameters(x, y, found)
        elif isinstance(x, ast.AST) and isinstance(y, ast.AST):
            found.update(paired(x, y) or {})
        elif isinstance(x, list) and isinstance(y, list) and len(x) == len(y):
            for p, q in zip(x, y, strict=True):
                if isinstance(p, ast.AST) and isinstance(q, ast.AST):
                    found.update(paired(p, q) or {})


def _match_parameters(a: ast.arguments, b: ast.arguments, found: Nodes) -> None:
    """Parameters correspond by name, even where others came or went; default values only if all is equal."""
    equal = paired(a, b)
    if equal is not None:
        found.update(equal)
        return
    others = {node.arg: node for node in ast.walk(b) if isinstance(node, ast.arg)}
    for node in ast.walk(a):
        if isinstance(node, ast.arg) and node.arg in others:
            found[node] = others[node.arg]
