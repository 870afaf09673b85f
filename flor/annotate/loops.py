"""Which loop or function of one version of a source is which of another's: what repeats, and gives a table its keys."""

from __future__ import annotations

import ast
from collections import defaultdict

from flor.annotate.match import Matching

#: Kind and line, as the map of a source has them for its blocks.
Key = tuple[str, int]

#: A loop or function of the version that others are held against: kind, line and column there.
Counterpart = tuple[str, int, int]


def counterparts(tree: ast.Module, version: ast.Module, matching: Matching) -> dict[Key, Counterpart]:
    """For loops and functions of `version` what they are in `tree`, whose nodes `matching` has: of those that stand
    alone, among their kind, in their line."""
    keys = {node: key for key, nodes in _by_line(version).items() if len(nodes) == 1 for node in nodes}
    found: dict[Key, Counterpart] = {}
    for (kind, line), nodes in _by_line(tree).items():
        for node in nodes:
            key = keys.get(matching.nodes.get(node))  # type: ignore[arg-type]
            if key is not None and key[0] == kind:
                found[key] = (kind, line, _placed(node).col_offset)
    return found


def _by_line(tree: ast.Module) -> dict[Key, list[ast.AST]]:
    found: dict[Key, list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree):
        kind = _kind(node)
        if kind is not None:
            found[kind, _placed(node).lineno].append(node)
    return found


def _kind(node: ast.AST) -> str | None:
    """The kind of block that it is, as `flor.capture.sites` has it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "function"
        case ast.For() | ast.AsyncFor():
            return "for"
        case ast.While():
            return "while"
        case ast.Lambda():
            return "lambda"
        case ast.GeneratorExp():
            return "generator"
        case ast.comprehension():
            return "comprehension"
    return None


def _placed(node: ast.AST) -> ast.expr | ast.stmt:
    """What has the line of a block."""
    if isinstance(node, ast.comprehension):
        return node.target
    assert isinstance(node, ast.expr | ast.stmt)
    return node
