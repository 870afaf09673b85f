"""Places in a text, as LSP counts them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol.types import Position

from flor_lsp.positions import Text

LINE = "é = 😋 + x"


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 12), ("utf-16", 9), ("utf-32", 8)])
def test_columns(encoding: str, column: int) -> None:
    text = Text(f"a\r\n{LINE}\fb\u2028c\rlast", encoding)
    at = text.text.index("x")
    assert text.position(at) == Position(1, column)
    assert text.offset(Position(1, column)) == at
    assert text.text[text.offset(Position(2, 0)) :] == "last"


def test_beyond() -> None:
    text = Text("ab\ncd", "utf-16")
    assert [text.offset(Position(*at)) for at in ((0, 99), (1, 99), (9, 9))] == [2, 5, 5]


def test_what_is_cut_does_not_count() -> None:
    assert Text("😋x", "utf-16").offset(Position(0, 1)) == 0
    assert Text("éx", "utf-8").offset(Position(0, 1)) == 0


TEXTS = st.text("ab\r\n\n\ré😋", max_size=12)


@settings(max_examples=500)
@given(TEXTS, st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), TEXTS), max_size=4))
def test_an_edited_text_is_as_a_new_one(text: str, edits: list[tuple[int, int, str]]) -> None:
    edited = Text(text, "utf-16")
    for start, end, new in edits:
        low, high = sorted((min(start, len(text)), min(end, len(text))))
        text = text[:low] + new + text[high:]
        edited = edited.edited(low, high, new)
        assert edited.text == text
        assert edited._starts == Text(text, "utf-16")._starts
        for offset in range(len(text) + 1):
            if text[offset - 1 : offset + 1] != "\r\n":
                assert edited.offset(edited.position(offset)) == offset
