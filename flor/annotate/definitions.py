"""Which function or class of one version is which in another by what is in it, whatever its name is.

Content goes before names: if `train` became `fit`, and `test` became `train`, nothing of the old `train` is in the new
one.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from flor.annotate.scopes import Definition, Scope, all_definitions, definitions
from flor.annotate.tree import fingerprint, same

# A function or class of so few nodes may be equal to another one by chance.
SMALL_DEFINITION = 30

_Path = tuple[str, ...]  # the names of the definitions around, and the own one


@dataclass
class ByContent:
    """What content says of two versions."""

    pairs: list[tuple[Definition, Definition]] = field(default_factory=list)
    doubtful: set[Definition] = field(default_factory=set)  # one of several, so that names say nothing either


def by_content(a: ast.Module, b: ast.Module) -> ByContent:
    """The large definitions of `a` that are equal but for their names to one of `b`, and not to that of their own name.

    Of one that lies in another one of them nothing is said.
    """
    groups: dict[Hashable, tuple[list[Definition], list[Definition]]] = defaultdict(lambda: ([], []))
    for side, left in enumerate(_without_equal(_paths(a), _paths(b))):
        for definition in left:
            groups[without_name(definition)][side].append(definition)
    found = ByContent()
    for xs, ys in groups.values():
        pairs = once(xs, ys, lambda d: d.name)
        done = {d for pair in pairs for d in pair}
        xs, ys = [x for x in xs if x not in done], [y for y in ys if y not in done]
        if len(xs) == len(ys) == 1:
            pairs.append((xs[0], ys[0]))
        elif xs and ys:
            found.doubtful.update(xs, ys)
        found.pairs += pairs
    inside = {d for pair in found.pairs for around in pair for d in all_definitions(around)}
    found.pairs = [(x, y) for x, y in found.pairs if x not in inside and y not in inside]
    found.doubtful -= inside
    return found


def _paths(tree: ast.Module) -> dict[_Path, list[Definition]]:
    """The definitions of a module by their paths, those around before those inside."""
    found: dict[_Path, list[Definition]] = defaultdict(list)
    stack: list[tuple[_Path, Scope]] = [((), tree)]
    while stack:
        around, scope = stack.pop()
        for definition in definitions(scope.body):
            path = (*around, definition.name)
            found[path].append(definition)
            stack.append((path, definition))
    return found


def _without_equal(a: dict[_Path, list[Definition]], b: dict[_Path, list[Definition]]) -> list[list[Definition]]:
    """The large definitions of both, without those that are equal to one of the same path, and what is in them."""
    equal: set[_Path] = set()
    for path, xs in a.items():
        if path[:-1] in equal or any(same(x, y) for x in xs for y in b.get(path, ())):
            equal.add(path)
    return [
        [d for path, ds in paths.items() if equal.isdisjoint(_prefixes(path)) for d in ds if is_telling(d)]
        for paths in (a, b)
    ]


def _prefixes(path: _Path) -> list[_Path]:
    return list(accumulate((name,) for name in path))


def is_telling(node: Definition) -> bool:
    """Is it large enough not to be equal to another one by chance?"""
    return sum(1 for _ in ast.walk(node)) >= SMALL_DEFINITION


def without_name(node: Definition) -> Hashable:
    """What a definition says but for its name."""
    return fingerprint(node, frozenset({"name"}))


def once(
    xs: Sequence[Definition], ys: Sequence[Definition], key: Callable[[Definition], Hashable]
) -> list[tuple[Definition, Definition]]:
    """Pairs with a key that occurs once in each."""
    first, second = Counter(map(key, xs)), Counter(map(key, ys))
    others = {key(y): y for y in ys}
    return [(x, others[k]) for x in xs if first[k := key(x)] == second[k] == 1]
