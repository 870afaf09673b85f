"""A part of a long statement is enough: what is answered for it is what is answered for the whole."""

from __future__ import annotations

import ast
import json
import textwrap
import tokenize
from pathlib import Path

import pytest

from flor.annotate import piece
from flor.annotate.insert import insert
from flor.annotate.source import Parsed

TRAPS = textwrap.dedent(
    """\
    table = {  # a comment, with commas (and brackets
        "a": (1, 2,), "b" : [x for x in (3, 4)], **more, (5): {6, (7), 8}, 'c': lambda a, b=(1, 2): (a, b),
        # { [ ( ,
        f"{a, b}": f(g)(1, *rest, (yielded), key=[9,], **{"k": "v"}), "d": (y := 10), "e": not [], "f": (
            11  # , )
            ,
        ), "g": "text, with (commas" 'and "more' [0], "h": -1 if (a) else (b), "i": a[1, 2:3, (4)], "j": (),
    }
    call((first)  , ( (second) ), third(x for x in y), *(a for a in b), **dict(c=1)) (sum(d for d in e))
    ünï = ["ü, ö", ("ä",), {"ß": [ünï, (ünï)]}, not(a), 1 if(b)else(c), (yield), (yield 1), (await d), *[], ...]
    [a, b] = (c, d) = [[1, (2)], ((3), 4)]
    x = (
        1, [2,
    3], (4)
    )
    def g():
        w = GET("m1", (yield))
        GET("m2", (w))
        v = f(GET("m3", (i for i in w)), flor.GET("m4", (1, 2)))
        return GET("m5", (v, [w, GET("m6", (yield 3))]))
    """
)


def expressions(text: str) -> list[tuple[int, int]]:
    parsed = Parsed(text)
    nodes = [node for node in ast.walk(parsed.tree) if isinstance(node, ast.expr | ast.arg | ast.alias)]
    return sorted({(parsed.start(node), parsed.end(node)) for node in nodes})


def answers(text: str) -> list[object]:
    return [insert(text, start, end, "name") for start, end in expressions(text)]


@pytest.mark.parametrize("long", [4, 12, 40])
@pytest.mark.parametrize("named", ["", "(7)", "third(x for x in y)", "ünï, ("])
def test_an_item_is_named_as_it_is_in_the_whole(long: int, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TRAPS
    if named:
        at = text.index(named)
        edit = insert(text, at, at + len(named.removesuffix(", (")), "before")
        assert isinstance(edit, list)
        for start, end, new in sorted(edit, reverse=True):
            text = text[:start] + new + text[end:]
    monkeypatch.setattr(piece, "_LONG", 1 << 30)
    whole = answers(text)
    monkeypatch.setattr(piece, "_LONG", long)
    found = []
    own = piece._item_around
    monkeypatch.setattr(piece, "_item_around", lambda *given: found.append(own(*given)) or found[-1])
    assert answers(text) == whole
    assert sum(item is not None for item in found) > 10
    assert sum(isinstance(answer, list) for answer in whole) > 100


@pytest.mark.parametrize("module", [json.__file__, textwrap.__file__, tokenize.__file__])
def test_so_it_is_in_real_sources(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Path(module).read_text()
    monkeypatch.setattr(piece, "_LONG", 1 << 30)
    whole = answers(text)
    monkeypatch.setattr(piece, "_LONG", 8)
    assert answers(text) == whole


def test_a_part_is_what_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a long table: naming in it takes no longer than elsewhere."""
    text = "table = {" + ", ".join(f"'key {n}': [{n}, ({n}, {n + 1})]" for n in range(1000)) + "}\n"
    parsed = Parsed(text)
    lengths = []

    class Noted(Parsed):
        def __init__(self, text: str, tree: ast.Module | None = None) -> None:
            lengths.append(len(text))
            super().__init__(text, tree)

    monkeypatch.setattr(piece, "Parsed", Noted)
    at = text.index("[500")
    assert insert(parsed, at + 1, at + 4, "n") == [(at + 1, at + 4, 'GET("n", 500)')]
    assert lengths and max(lengths) < 100
