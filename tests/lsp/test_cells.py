"""Cells as the side panel gets them."""

from __future__ import annotations

import json

import pytest

from flor_lsp.tables import cell


@pytest.mark.parametrize("value", [None, True, 1, 0.5, "", "text", "[1, 'a']", "[[1, 2], [3]]", "[]", "[", "[null]x"])
def test_what_json_has_is_as_it_is(value: object) -> None:
    assert cell(value) == value


def test_what_javascript_lacks_is_text() -> None:
    assert cell(2**60) == {"text": str(2**60)}
    assert [cell(float(text)) for text in ("nan", "-inf")] == [{"text": "NaN"}, {"text": "-Infinity"}]
    assert cell("x" * 400) == {"text": "x" * 300, "length": 400}


def test_arrays_of_numbers_have_a_picture() -> None:
    assert cell("[1, 2.5, null]") == {"text": "[1, 2.5, null]", "shape": [3], "picture": [[1.0, 2.5, None]]}
    rows = [[row * 40 + column for column in range(40)] for row in range(20)]
    large = cell(json.dumps(rows))
    assert (large["shape"], large["length"]) == ([20, 40], len(json.dumps(rows)))
    assert large["picture"] == [row[::3] for row in rows[::2]]
    assert cell(json.dumps([rows, rows]))["picture"] == large["picture"]
