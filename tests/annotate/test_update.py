"""The names of a shadow copy carried over to another version of its source."""

from __future__ import annotations

import pytest

from flor.annotate.shadow import parse
from flor.annotate.source import Parsed
from flor.annotate.strip import strip
from flor.annotate.update import carry_over

SHADOW = """\
#/a.py
lr = GET("lr", 0.1)
for epoch in range(3):
    GET("epoch", epoch)
    for x in (1, 2):
        w, loss = step(w, x)
        GET("w", w)
        GET("loss", loss)
    rate = GET("rate", GET("same", lr / GET("divisor", epoch)))
"""


def updated(shadow: str, source: str) -> tuple[str, list[str], list[str]]:
    """The new copy without its header, the names that are another expression, with what they were, and what is lost."""
    carried = carry_over(parse(shadow.encode(), "a_h.py"), source.encode())
    assert strip(Parsed(carried.shadow.text)).text.partition("\n")[2] == source or "from flor" in carried.shadow.text
    inexact = [f"{name.name}: {was}" for name, was in carried.inexact]
    return carried.shadow.text.removeprefix("#/a.py\n"), inexact, carried.lost


def test_an_unchanged_source_gives_the_same_copy() -> None:
    source = strip(Parsed(SHADOW)).text.partition("\n")[2]
    assert updated(SHADOW, source) == (SHADOW.removeprefix("#/a.py\n"), [], [])


def test_names_go_where_their_expressions_went() -> None:
    source = """\
import os   # as it is written
lr   = 0.1
for epoch in range(5):
    with timer():
        for x in (1, 2):
            w, loss = step(w, x)
    rate = ( lr /
             epoch )
"""
    text, inexact, lost = updated(SHADOW, source)
    assert (
        text
        == """\
import os   # as it is written
lr   = GET("lr", 0.1)
for epoch in range(5):
    GET("epoch", epoch)
    with timer():
        for x in (1, 2):
            w, loss = step(w, x)
            GET("w", w)
            GET("loss", loss)
    rate = GET("rate", GET("same", ( lr /
             GET("divisor", epoch) )))
""".replace('GET("rate", GET("same", ( lr /\n             GET("divisor", epoch) )))', RATE)
    )
    assert (inexact, lost) == ([], [])


RATE = """( GET("rate", GET("same", lr /
             GET("divisor", epoch))) )"""


def test_what_is_another_expression_now_is_said() -> None:
    shadow = '#/a.py\na = GET("a", f(1))\nb, _ = g(2)\nGET("b", b)\nh(b)\n'
    text, inexact, lost = updated(shadow, "a = f(5)\nc, _ = g(2)\nh(c)\n")
    assert text == 'a = GET("a", f(5))\nc, _ = g(2)\nGET("b", c)\nh(c)\n'
    assert (inexact, lost) == (["a: f(1)", "b: b"], [])


def test_what_has_no_place_any_more_is_left_out_and_said() -> None:
    text, inexact, lost = updated('#/a.py\na = GET("a", f(1))\nb = GET("b", g(2))\n', "b = g(2)\n")
    assert (text, inexact) == ('b = GET("b", g(2))\n', [])
    assert lost == [
        "a: `f(1)` could not be carried over: this version of the source has no counterpart of `a = f(1)` "
        "(line 2 of the shadow copy)"
    ]


@pytest.mark.parametrize("before", ["", '"""Doc."""\nfrom __future__ import annotations\n'])
def test_the_import_of_get_stays(before: str) -> None:
    shadow = f'#/a.py\n{before}from flor import GET\nx = GET("x", f())\n'
    text, _, lost = updated(shadow, f"{before}import os\nx = f()\n")
    assert text == f'{before}from flor import GET\nimport os\nx = GET("x", f())\n'
    assert lost == []


def test_bytes_that_are_not_ascii_stay() -> None:
    shadow = '# coding: latin-1\n#/a.py\né = GET("é", f("ü"))\n'.encode("latin-1")
    carried = carry_over(parse(shadow, "a_h.py"), '# coding: latin-1\r\n\r\né = f("ü")\r\n'.encode("latin-1"))
    new = carried.shadow.decoded.encode(carried.shadow.text, "a_h.py")
    assert new == '# coding: latin-1\r\n#/a.py\r\n\r\né = GET("é", f("ü"))\r\n'.encode("latin-1")
