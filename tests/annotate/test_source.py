"""Bytes to text and back, lines, offsets and positions."""

from __future__ import annotations

import ast

import pytest

from flor.annotate.source import Lines, decode, offset_of
from flor.errors import FlorError

TEXT = "é = '😋' + x\r\n\fy = 2\rz\n\u2028w = '\v'"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1\r\ny\rz\n",
        b"\xef\xbb\xbfx = '\xc3\xa9'\n",
        b"# coding: latin-1\nx = '\xe9'",
        b"#!/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'",
        b"\n# coding: latin-1\n'\xe9'",
    ],
)
def test_bytes_come_back(data: bytes) -> None:
    decoded = decode(data)
    assert decoded.encode(decoded.text, "x.py") == data


@pytest.mark.parametrize("data", [b"x\n# coding: latin-1\n'\xe9'", b"\xef\xbb\xbf# coding: latin-1\n", b"'\xe9'"])
def test_what_python_cannot_decode_is_an_error(data: bytes) -> None:
    with pytest.raises(FlorError, match=r"^x\.py"):
        decode(data, "x.py")
    with pytest.raises(SyntaxError):
        ast.parse(data)


def test_a_character_that_the_encoding_lacks_is_an_error() -> None:
    with pytest.raises(FlorError, match="latin-1, which has no '😋'"):
        decode(b"# coding: latin-1\n").encode("😋", "x.py")


def test_every_offset_comes_back_from_its_position() -> None:
    lines = Lines(TEXT)
    assert [lines.offset(*lines.position(offset)) for offset in range(len(TEXT))] == list(range(len(TEXT)))


def test_positions_are_those_of_ast() -> None:
    text = TEXT.replace("\u2028", "")
    lines = Lines(text)
    names = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)]
    spans = [(n.lineno, n.col_offset, n.end_lineno, n.end_col_offset) for n in names]
    assert [lines.span(text.index(n.id), text.index(n.id) + 1) for n in names] == spans


@pytest.mark.parametrize(("line", "column", "offset"), [(1, 1, 0), (1, 9, 8), (1, 12, 11), (2, 1, 13), (3, 2, 21)])
def test_a_users_position_counts_characters_from_1(line: int, column: int, offset: int) -> None:
    assert offset_of(TEXT, line, column) == offset


@pytest.mark.parametrize(("line", "column"), [(0, 1), (5, 1), (1, 0), (1, 13)])
def test_a_position_outside_is_an_error(line: int, column: int) -> None:
    with pytest.raises(FlorError, match=r"are 1 to \d+"):
        offset_of(TEXT, line, column)
