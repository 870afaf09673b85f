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
    small = {"shape": [3], "picture": [[1.0, 2.5, None]], "steps": [1, 1]}
    assert cell("[1, 2.5, null]") == {"text": "[1, 2.5, null]", **small}
    rows = [[row * 40 + column for column in range(40)] for row in range(20)]
    large = cell(json.dumps(rows))
    assert (large["shape"], large["length"]) == ([20, 40], len(json.dumps(rows)))
    assert (large["picture"], large["steps"]) == ([row[::3] for row in rows[::2]], [2, 3])
    assert cell(json.dumps([rows, rows]))["picture"] == large["picture"]


def test_what_is_no_array_of_numbers_has_none() -> None:
    for text in ("[" + "9" * 400 + "]", '["1", "2"]', "[true, false]"):
        assert cell(text) in (text, {"text": text[:300], "length": len(text)})


def test_a_column_may_have_any_name() -> None:
    import pyarrow as pa

    from flor_lsp import tables

    for name in ("n", "N", "row", "Row_"):
        kept = tables._keep(pa.table({name: [30, 10, 20]}), {"columns": {}})
        sort = [{"column": name, "descending": False}]
        window = tables.rows(print, kept["handle"], sort=sort, filter=[{"column": name, "operator": ">", "value": 10}])
        assert window == {"rows": [[20], [30]], "total": 2}


def test_values_at_one_place_are_counted() -> None:
    import pyarrow as pa

    from flor_lsp import tables

    kept = tables._keep(pa.table({"x": [2, 1, 2, None], "y": [5.0, 6.0, 7.0, 8.0]}), {"columns": {}})
    (series,) = tables.plot(print, kept["handle"], ["y"], "x")["series"]
    assert (series["x"], series["y"], series["hidden"]) == ([1.0, 2.0], [6.0, 7.0], 1)
