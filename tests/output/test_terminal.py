"""Tables on a terminal."""

from __future__ import annotations

import pytest

from flor.output.terminal import draw

pytestmark = pytest.mark.once

FLOAT = 0.9130434782608695


def test_numbers_stand_right_and_text_left() -> None:
    assert draw(["n", "text", "b"], [[1, 20], ["a", "bcdef"], [True, None]], 2) == (
        " n  text   b\n 1  a      True\n20  bcdef  NULL\n2 rows, 3 columns\n"
    )


def test_exact_floats_where_there_is_room() -> None:
    assert str(FLOAT) in draw(["x"], [[FLOAT]], 1, 80)


def test_rounded_floats_where_there_is_not() -> None:
    assert draw(["x", "y"], [[FLOAT], [FLOAT]], 1, 20) == "       x         y\n0.913043  0.913043\n1 row, 2 columns\n"


def test_columns_are_left_out_of_the_middle() -> None:
    names = ["run", *(f"column_{i}" for i in range(8)), "last"]
    assert draw(names, [[1]] * 10, 1, 40).splitlines() == [
        "run  column_0  …  column_7  last",
        "  1         1  …         1     1",
        "1 row, 10 columns (6 not shown)",
    ]


def test_a_long_text_is_cut() -> None:
    text = draw(["t"], [["x" * 1000]], 1)
    assert text.splitlines()[1] == "x" * 39 + "…"


def test_a_cell_is_one_line_without_control_characters() -> None:
    assert draw(["t"], [["a\nb\x1b[31m"]], 1).splitlines()[1] == "a\\nb\N{REPLACEMENT CHARACTER}[31m"


def test_wide_characters_take_two_columns() -> None:
    assert draw(["t", "u"], [["日本", "ab"], ["x", "y"]], 2) == "t     u\n日本  x\nab    y\n2 rows, 2 columns\n"


def test_no_rows() -> None:
    assert draw(["a", "b"], [[], []], 0) == "a  b\n0 rows, 2 columns\n"


def test_rows_that_are_not_shown_are_counted() -> None:
    assert draw(["a"], [[1]], 12345) == "a\n1\n…\n12,345 rows, 1 column\n"


def test_at_least_one_column_is_shown() -> None:
    assert draw(["abcdefgh", "b"], [[1], [2]], 1, 3).splitlines()[0] == "abcdefgh  …"
