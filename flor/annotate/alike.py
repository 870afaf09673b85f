"""Which trees of two scopes are equal, and the pairs of nodes that were found to be the same place.

Equal means equal but for positions, for variables that were renamed, and for the variables of lambdas and
comprehensions, whatever their names are.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flor.annotate.scopes import Definition, children, own_nodes
from flor.annotate.tree import BODIES, imported_variable

Word = Callable[[str], str]


@dataclass
class Pairs:
    """For nodes of one tree the node of the other, each used once."""

    of: dict[ast.AST, ast.AST] = field(default_factory=dict)
    back: dict[ast.AST, ast.AST] = field(default_factory=dict)
    changed: set[ast.AST] = field(default_factory=set)  # those whose expression is another one

    def add(self, x: ast.AST, y: ast.AST) -> None:
        self.of[x] = y
        self.back[y] = x

    def free(self, x: ast.AST, y: ast.AST) -> bool:
        """Has neither a partner?"""
        return x not in self.of and y not in self.back

    def drop(self, x: ast.AST) -> None:
        """Take back the partners of a node and of what lies in it."""
        for node in ast.walk(x):
            y = self.of.pop(node, None)
            if y is not None:
                self.back.pop(y)
                self.changed.discard(node)


class Alike:
    """Numbers for the nodes of two scopes: equal trees have equal numbers. A definition in a scope is known by its
    name."""

    def __init__(self) -> None:
        self.number: dict[ast.AST, int] = {}
        self.mass: dict[ast.AST, int] = {}  # how many nodes a tree has
        self._inner: set[ast.AST] = set()  # variables of lambdas and comprehensions
        self._numbers: dict[tuple[object, ...], int] = {}

    def add(self, statements: Iterable[ast.AST], word: Word) -> None:
        """Number the nodes of statements. `word` is what a variable is called in the other version."""
        nodes = list(own_nodes(statements))
        self._inner.update(node for node, inner in nodes if inner)
        for node, inner in reversed(nodes):
            self.number[node] = self._number((type(node), *self._says(node, "" if inner else None, word)))
            mass = 1
            if not isinstance(node, Definition):
                for child in children(node):
                    mass += self.mass[child]
            self.mass[node] = mass

    def _number(self, key: tuple[object, ...]) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _says(self, node: ast.AST, inner: str | None, word: Word) -> Iterator[object]:
        match node:
            case ast.Name(id=name):
                yield inner if inner is not None else word(name)
                yield type(node.ctx)
            case ast.arg(arg=name):
                yield inner if inner is not None else word(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield word(name)
            case ast.alias():
                yield node.name
                yield word(imported_variable(node))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield word(name)
                yield from (self._part(getattr(node, f)) for f in node._fields if f != "name")
            case _:
                yield from (self._part(getattr(node, f, None)) for f in node._fields)

    def _part(self, value: object) -> object:
        if isinstance(value, ast.AST):
            return self.number.get(value, type(value))
        if isinstance(value, list):
            return tuple(self._part(item) for item in value)
        return type(value), repr(value) if isinstance(value, float | complex) else value

    def same(self, x: ast.AST, y: ast.AST) -> bool:
        return self.number[x] == self.number[y]

    def is_inner(self, node: ast.AST) -> bool:
        """Is it a variable of a lambda or a comprehension?"""
        return node in self._inner

    def head(self, node: ast.AST) -> int:
        """The number of a compound statement without its bodies."""
        return self._number((type(node), *(self._part(getattr(node, f)) for f in node._fields if f not in BODIES)))

    def shape(self, node: ast.AST) -> tuple[object, ...]:
        """What a statement says but for its numbers."""
        found: list[object] = []
        stack = [node]
        while stack:
            part = stack.pop()
            below = [] if isinstance(part, Definition) else list(children(part))
            found.append(type(part))
            if isinstance(part, ast.Constant) and isinstance(part.value, int | float | complex):
                continue
            if not below:
                found.append(self.number[part])
            found += [len(below), *(v for f in part._fields if isinstance(v := getattr(part, f, None), str))] * bool(
                below
            )
            stack += below
        return tuple(found)

    def pair(self, pairs: Pairs, x: ast.AST, y: ast.AST) -> bool:
        """Pair the nodes of two trees with equal numbers; False if the variables in them do not correspond."""
        found: list[tuple[ast.AST, ast.AST]] = []
        there: dict[str, str] = {}
        back: dict[str, str] = {}
        bound: set[str] = set()
        stack = [(x, y)]
        while stack:
            p, q = stack.pop()
            if isinstance(p, Definition):
                continue
            if not pairs.free(p, q):
                return False
            found.append((p, q))
            if p in self._inner:
                one, other = _variable(p), _variable(q)
                if there.setdefault(one, other) != other or back.setdefault(other, one) != one:
                    return False
                if not isinstance(getattr(p, "ctx", None), ast.Load):
                    bound.add(one)
            stack.extend(zip(children(p), children(q), strict=True))
        if any(one != other and one not in bound for one, other in there.items()):
            return False  # what binds them lies outside, and need not correspond
        for p, q in found:
            pairs.add(p, q)
        return True


def _variable(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.arg  # type: ignore[attr-defined]
