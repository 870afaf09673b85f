"""The statements of one scope, in order, with what each lies in. Bodies of definitions are other scopes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flor.annotate.scopes import Definition
from flor.annotate.tree import BODIES


@dataclass(eq=False, slots=True)
class Item:
    """A statement, an `except` or a `case`."""

    node: ast.AST
    parent: Item | None  # the compound statement around it, in the same scope
    field: str  # of the parent
    position: int  # in the order of the source
    end: int = 0  # position of the last one in it

    @property
    def is_compound(self) -> bool:
        return not BODIES.isdisjoint(self.node._fields)

    def above(self) -> Iterator[tuple[Item, str]]:
        """The compound statements around it, innermost first, each with the field in which it lies."""
        item = self
        while item.parent is not None:
            yield item.parent, item.field
            item = item.parent


class Region:
    """The statements of a scope. Definitions are left out: they are found by their names."""

    def __init__(self, body: Sequence[ast.AST]) -> None:
        self.body = body
        self.items: list[Item] = []
        self.of: dict[ast.AST, Item] = {}
        stack: list[tuple[ast.AST, Item | None, str]] = [(node, None, "body") for node in reversed(body)]
        while stack:
            node, parent, field = stack.pop()
            if isinstance(node, Definition):
                continue
            item = Item(node, parent, field, len(self.items), len(self.items))
            self.items.append(item)
            self.of[node] = item
            below = [(f, child) for f in node._fields if f in BODIES for child in getattr(node, f)]
            stack.extend((child, item, f) for f, child in reversed(below))
        for item in reversed(self.items):
            if item.parent is not None:
                item.parent.end = max(item.parent.end, item.end)

    def inside(self, item: Item) -> Sequence[Item]:
        """What lies in an item, in order."""
        return self.items[item.position + 1 : item.end + 1]

    def direct(self, nodes: Sequence[ast.AST]) -> list[Item]:
        """The items of a body."""
        return [self.of[node] for node in nodes if node in self.of]
