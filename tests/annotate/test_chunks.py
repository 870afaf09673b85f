"""Texts in chunks, edited at random: as if they were parsed anew each time."""

from __future__ import annotations

import argparse
import ast
import inspect
import random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flor.annotate import members
from flor.annotate.chunks import Chunk, Chunks
from flor.annotate.nameable import Expression, enclosing, expression_at
from flor.annotate.source import parse_tree
from flor.annotate.suggest import suggest

TEXT = '''\
#!/usr/bin/env python
"""A script."""
import os; import sys

@decorated
@twice(
    1)
def f(a, b=1):
    """Doc."""
    for i in range(3):
        print(i)
        if i: x = (
            1)
    return a

x = 1
print(x)
GET("x", x)
class C:
    def g(self):
        return """
def no(): pass
"""
# a comment

if x:
    y = 1
elif f(1):
    y = 2
else:
    y = 3
print(y); print(
  "é\\n")
'''
CLASS = '''\
import os

@decorated(
  1)
class C(
    Base):
    """Doc."""
    # a comment

    a = 1; b = (
        2)
    @property
    def f(self):
        return """
    x = 1
"""

    if a:
        c = 1
    else:
        c = 2
    async def g(self, x=1):
        for i in x:
            print("é", i)
        # the end

    def h(self): pass
print(C)
x = 1
'''
PIECES = [
    "\n",
    "x",
    " ",
    "    ",
    '"""',
    "(",
    ")",
    "else:\n",
    "print(1)\n",
    "y = 2\n",
    "#",
    "@d\n",
    "\r\n",
    "\r",
    ":",
    "if 1:\n",
    "\f",
]


def texts(chunks: Chunks) -> list[str]:
    return [chunk.text for chunk in chunks.chunks]


def test_statements_with_those_that_belong_to_them() -> None:
    assert texts(Chunks.of("# c\na = 1; b = 2\nprint(a)\n\ndef f():\n  pass\n# d\nc = 1")) == [
        "# c\na = 1; b = 2\nprint(a)\n\n",
        "def f():\n  pass\n# d\n",
        "c = 1",
    ]


def test_what_an_edit_did_not_touch_is_kept() -> None:
    before = Chunks.of("a = 1\nb = 2\nc = 3\nd = 4\n")
    after = before.changed("a = 1\nb = 2\nc = 33\nd = 4\n")
    assert after.chunks[0] is before.chunks[0]
    assert after.chunks[3] is before.chunks[3]
    assert texts(after) == ["a = 1\n", "b = 2\n", "c = 33\n", "d = 4\n"]
    assert [after.at(offset) for offset in (0, 5, 6, 24, 100)] == [0, 0, 1, 3, 3]


def test_a_syntax_error_spoils_its_chunk_alone() -> None:
    before = Chunks.of("a = 1\nb = 2\nc = 3\nd = 4\n")
    after = before.changed("a = 1\nb = 2\nc = (3\nd = 4\n")
    assert [(chunk.text, chunk.broken) for chunk in after.chunks] == [
        ("a = 1\n", False), ("b = 2\n", False), ("c = (3\n", True), ("d = 4\n", False),
    ]  # fmt: skip
    assert after.mended() is None
    assert texts(after.changed("a = 1\nb = 2\nc = (3)\nd = 4\n")) == ["a = 1\n", "b = 2\n", "c = (3)\n", "d = 4\n"]


def test_an_error_that_is_mended_elsewhere() -> None:
    broken = Chunks.of("a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\n").changed(
        'a = 1\nb = """2\nc = 3\nd = 4\ne = 5\nf = 6\n'
    )
    after = broken.changed('a = 1\nb = """2\nc = 3\nd = 4\ne = 5"""\nf = 6\n')
    mended = after.mended() if after.broken else after
    assert mended is not None
    assert texts(mended) == ["a = 1\n", 'b = """2\nc = 3\nd = 4\ne = 5"""\n', "f = 6\n"]


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("a = 1\nb = = 2\nc = 3\n", "b = = 2\n"),
        ("def f():\n  x = (\n\nb = 2\n", "def f():\n  x = (\n\n"),
        ("x = \n", "x = \n"),
        ("a = 1\n  b = 2\nc = 3\n", "a = 1\n  b = 2\n"),
    ],
)
def test_a_text_that_was_broken_from_the_beginning(text: str, broken: str) -> None:
    chunks = Chunks.of(text)
    assert "".join(texts(chunks)) == text
    assert [chunk.text for chunk in chunks.chunks if chunk.broken] == [broken]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_goes_on_is_not_cut(end: str) -> None:
    text = end.join(["x = 1", "\\", "y = 2", "z = 3", ""])
    chunks = Chunks.of(text).chunks
    assert [chunk.text for chunk in chunks] == [end.join(["x = 1", "\\", "y = 2", ""]), f"z = 3{end}"]
    assert not any(chunk.broken for chunk in chunks)
    method = f"    def f(self):{end}        pass{end}"
    long = f"class A:{end}" + method * 100 + f"    \\{end}" + method
    (chunk,) = Chunks.of(long).chunks
    assert chunk.members is None


def test_no_text() -> None:
    assert Chunks.of("").at(0) is None
    assert texts(Chunks.of("").changed("x = 1\n").changed("")) == []


def check(chunks: Chunks, text: str) -> None:
    """Chunks are a text; those that are not broken parse, and together as they do when they are parsed at once."""
    assert "".join(texts(chunks)) == text
    for chunk in chunks.chunks:
        if not chunk.broken:
            parse_tree(chunk.text)
    try:
        tree = parse_tree(text)
    except SyntaxError:
        assert chunks.broken
        return
    mended = chunks.mended() if chunks.broken else chunks
    assert mended is not None
    body = [ast.dump(statement) for chunk in mended.chunks for statement in parse_tree(chunk.text).body]
    assert body == [ast.dump(statement) for statement in tree.body]
    assert texts(mended) == texts(Chunks.of(text))


def edit_at_random(text: str, random: random.Random, count: int) -> None:
    chunks = Chunks.of(text)
    for _ in range(count):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice([0, 0, 1, 3, 20, 80]))
        copied = random.randrange(len(text) + 1)
        new = random.choice([*PIECES, "", text[copied : copied + random.randrange(60)]])
        text = text[:start] + new + text[end:]
        chunks = chunks.changed(text)
        check(chunks, text)


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_edits(random: random.Random, count: int) -> None:
    edit_at_random(TEXT, random, count)


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_edits_in_a_class_that_is_known_statement_by_statement(random: random.Random, count: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "_LONG", 0)
        edit_at_random(CLASS, random, count)


def class_of(module: ModuleType, name: str) -> tuple[Chunks, int]:
    """A module's chunks, and which of them is a class of it."""
    chunks = Chunks.of(inspect.getsource(module))
    return chunks, next(n for n, text in enumerate(texts(chunks)) if f"\nclass {name}" in "\n" + text)


def test_an_edited_method_of_a_long_class_is_parsed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before, number = class_of(argparse, "ArgumentParser")
    text = "".join(texts(before)).replace("        self.usage = usage\n", "        self.usage = usage  # as told\n\n")
    with monkeypatch.context() as patch:
        patch.setattr("flor.annotate.chunks.parse_tree", None)
        chunk = before.changed(text).chunks[number]
    assert chunk.text != before.chunks[number].text
    assert chunk.members == Chunks.of(text).chunks[number].members


def test_what_is_said_of_an_expression_is_the_same_with_its_method_alone() -> None:
    before, number = class_of(argparse, "ArgumentParser")
    long, whole = before.chunks[number], Chunks.of(before.chunks[number].text).chunks[0].parsed
    alone = 0
    for node in ast.walk(whole.tree):
        if isinstance(node, ast.expr | ast.arg):
            start, end = whole.start(node), whole.end(node)
            parsed = Chunk(long.text, members=long.members).around(start, end)
            alone += len(parsed.tree.body[-1].body) == 1  # type: ignore[attr-defined]
            found = expression_at(parsed, start, end)
            assert found == expression_at(whole, start, end)
            assert enclosing(parsed, start) == enclosing(whole, start)
            if isinstance(found, Expression):
                assert suggest(parsed, found, ()) == suggest(whole, found, ())
    assert alone > 1000
