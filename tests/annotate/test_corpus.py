"""Insertion on real sources: GETs at random expressions, nested, leave the module when they are taken out again."""

from __future__ import annotations

import ast
import os
import random
from pathlib import Path

import pytest

from flor.annotate.insert import insert_at
from flor.annotate.nameable import expression_at
from flor.annotate.places import Edit, Expression, Refusal, apply
from flor.annotate.source import Parsed, decode
from flor.annotate.strip import strip
from tests.annotate.corpus import TakenOut, check

MODULES = [
    "abc",
    "base64",
    "bisect",
    "calendar",
    "cmd",
    "codecs",
    "colorsys",
    "contextlib",
    "copy",
    "csv",
    "difflib",
    "filecmp",
    "fileinput",
    "fnmatch",
    "functools",
    "getopt",
    "glob",
    "gzip",
    "heapq",
    "html/parser",
    "json/decoder",
    "json/encoder",
    "keyword",
    "linecache",
    "numbers",
    "operator",
    "queue",
    "random",
    "reprlib",
    "sched",
    "shlex",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "token",
    "tokenize",
    "types",
    "uuid",
    "wave",
]
ROUNDS = 3
EACH = 20


def annotated(parsed: Parsed, chosen: random.Random, round_: int) -> tuple[str, list[str]]:
    """The text with up to EACH names more, and what was refused."""
    nodes = [n for n in ast.walk(parsed.tree) if isinstance(n, ast.expr | ast.arg | ast.alias)]
    edits: list[Edit] = []
    refused: list[str] = []
    ends: list[tuple[int, int]] = []
    for node in chosen.sample(nodes, min(len(nodes), 4 * EACH)):
        found = expression_at(parsed, parsed.start(node), parsed.end(node))
        if len(edits) == EACH or not isinstance(found, Expression):
            continue
        if any(start < found.end and found.start < end for start, end in ends):
            continue
        edit = insert_at(parsed, found, f"{found.kind} {round_} {len(edits)}")
        if isinstance(edit, Refusal):
            refused.append(f"{found.text}: {edit.reason}")
        else:
            edits.append(edit)
            ends.append((min(edit[0][0], found.start), max(edit[0][1], found.end)))
    return apply([change for edit in edits for change in edit], parsed.text), refused


@pytest.mark.parametrize("module", MODULES)
def test_names_anywhere_leave_a_real_module_when_taken_out(module: str) -> None:
    path = Path(os.__file__).parent / f"{module}.py"
    original = decode(path.read_bytes(), str(path)).text
    chosen = random.Random(module)
    text = original
    for round_ in range(ROUNDS):
        text, refused = annotated(Parsed(text), chosen, round_)
        assert not [r for r in refused if "already" not in r]
    assert strip(Parsed(text)).text == original
    assert ast.dump(TakenOut().visit(ast.parse(text))) == ast.dump(ast.parse(original))


@pytest.mark.parametrize("module", MODULES)
def test_a_name_anywhere_is_in_the_copy_alone(module: str) -> None:
    result = check(Path(os.__file__).parent / f"{module}.py", every=9)
    assert (result.refused, result.wrong) == ([], [])
    assert result.named > 15 or module in ("keyword", "struct", "token", "abc", "colorsys", "numbers")
