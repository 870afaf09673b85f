"""A name's place in another version of the source. « and » mark what it must be; without them there must be none."""

from __future__ import annotations

import pytest

from flor.annotate.align import align
from flor.annotate.places import Missing, Place
from flor.annotate.shadow import parse
from flor.annotate.source import Lines
from tests.annotate.marked import unmark


def aligned(shadow: str, run: str) -> Place | Missing:
    """The place of the name "n" in `run`."""
    return align(parse(b"#/a.py\n" + shadow.encode(), "a_h.py"), run)["n"]


EXACT = {
    "same source": ('s = GET("n", f(x))\n', "s = «f(x)»\n"),
    "other layout and comments": ('s = GET("n", f(x))\n', "# c\ns = («f( x )» )\n"),
    "other columns": ('é = f("é", GET("n", x))\n', 'é  =  f("é", «x»)\n'),
    "run of a shadow copy": ('s = GET("n", f(x))\n', '#/a.py\ns = GET("m", «f(x)»)\n'),
    "run of a shadow copy, nested": ('s = GET("n", f(x))\n', 's = GET("m", «f(GET("k", x))»)\n'),
    "run of a copy with an import": ('s = GET("n", x)\n', 'from flor import GET\ns = GET("n", «x»)\n'),
    "run of a copy with statements": ('for x in y: f(GET("n", x))\n', 'for x in y: GET("m", x); f(«x»)\n'),
    "loop target": ('for x in y: GET("n", x); f(x)\n', "for «x» in y: f(x)\n"),
    "parameter": ('def f(x=1):\n  GET("n", x)\n  g()\n', "def f(«x»=1):\n  g()\n"),
    "expression statement": ('x = f()\nGET("n", (x))\n', "x = f()\n«x»\n"),
    "expression statement, by hand": ('x = f()\nGET("n", x)\n', "x = f()\n«x»\n"),
    "beside a statement that the source lacks": ('GET("m", y)\nx = GET("n", f())\n', "x = «f()»\n"),
    "GET that the run's source defines": (
        'def GET(a, b): pass\nGET(1)\nx = flor.GET("n", f())',
        "def GET(a, b): pass\nGET(1)\nx = «f()»",
    ),
}


@pytest.mark.parametrize(("shadow", "run"), EXACT.values(), ids=EXACT.keys())
def test_the_annotated_source_has_the_exact_place(shadow: str, run: str) -> None:
    text, start, end = unmark(run)
    place = aligned(shadow, text)
    assert isinstance(place, Place), place.reason
    assert (place.span, place.exact) == (Lines(text).span(start, end), True)


OTHER_VERSION = {
    "statement before": ('s = GET("n", f(x))\n', "a = 1\ns = «f(x)»\n"),
    "statement gone": ('a = 1\ns = GET("n", f(x))\n', "s = «f(x)»\n"),
    "equal statements, the second": ('s = f(x)\ns = GET("n", f(x))\n', "a = 1\ns = f(x)\ns = «f(x)»\n"),
    "loop over other values": ('for g in [1]:\n  s = GET("n", f(g))\n', "for g in [1, 2]:\n  s = «f(g)»\n"),
    "target of a loop over other values": ('for g in [1]: GET("n", g); f(g)\n', "for «g» in [1, 2]: f(g)\n"),
    "head of a loop whose body changed": ('for g in GET("n", z): f(g)\n', "for g in «z»: f(g, 1)\n"),
    "function that moved": ('def a(): return GET("n", x)\ndef b(): pass\n', "def b(): 1\ndef a(): return «x»\n"),
    "function with a new parameter": ('def a(p): GET("n", p); f()\n', "def a(«p», q): f()\n"),
    "method": ("class A:\n  def m(self): return GET('n', x)\n", "class A:\n  y = 1\n  def m(self): return «x»\n"),
    "except": ("try: f()\nexcept E as e: g(GET('n', e))\n", "try: f(2)\nexcept E as e: g(«e»)\n"),
    "condition that did not change": (
        "if a: x = GET('n', f())\nelse: x = f()\n",
        "b\nif a: x = «f()»\nelse: x = f()\n",
    ),
    "run of a shadow copy": ("a = 1\nb = GET('n', f())\n", "a = 2\nb = GET('m', «f()»)\n"),
}


@pytest.mark.parametrize(("shadow", "run"), OTHER_VERSION.values(), ids=OTHER_VERSION.keys())
def test_another_version_has_the_place_of_the_same_statement(shadow: str, run: str) -> None:
    text, start, end = unmark(run)
    place = aligned(shadow, text)
    assert isinstance(place, Place), place.reason
    assert (place.span, place.exact) == (Lines(text).span(start, end), False)


NOWHERE = {
    "statement changed": ('s = GET("n", f(x))\n', "s = f(y)\n", "no counterpart of `s = f(x)` (line 2"),
    "value changed beside it": ('s = f(GET("n", x), 1)\n', "s = f(x, 2)\n", "no counterpart"),
    "another statement of that kind": ('s = f(x)\ns = GET("n", f(x))\n', "s = f(x)\n", "no counterpart"),
    "one more statement of that kind": ('s = GET("n", f(x))\n', "s = f(x)\ns = f(x)\n", "no counterpart"),
    "other function": ('def a(): return GET("n", x)\n', "def b(): return x\n", "no counterpart"),
    "other branch": ('if a: x = GET("n", f())\nelse: g()\n', "if a: g()\nelse: x = f()\n", "no counterpart"),
    "other condition": ('if a: x = GET("n", f())\n', "if b: x = f()\n", "no counterpart"),
    "into a condition": ('x = GET("n", f())\n', "if b: x = f()\n", "no counterpart"),
    "loop over another target": ('for a in z: x = GET("n", f())\n', "for b in z: x = f()\n", "no counterpart"),
    "two loops that it may be": (
        'for a in p: x = GET("n", f())\n',
        "for a in q: x = g()\nfor a in r: x = f()\n",
        "no counterpart",
    ),
    "loops that changed places": (
        'for a in p: x = GET("n", f())\nfor a in q: g()\n',
        "for a in q: g()\nfor a in r: x = f()\n",
        "no counterpart",
    ),
    "default among other parameters": ('def f(a=GET("n", 1)): pass\n', "def f(a=1, b=1): pass\n", "no counterpart"),
    "run that does not parse": ('x = GET("n", 1)\n', "x = (\n", "does not parse (line 1"),
    "annotation": ('x: GET("n", int) = 1\n', "x: int = 1\n", "an annotation"),
    "statement that the source lacks": (
        'x = f()\ng()\nGET("n", x)\n',
        "x = f()\ng()\n",
        "is no expression of the source",
    ),
}


@pytest.mark.parametrize(("shadow", "run", "reason"), NOWHERE.values(), ids=NOWHERE.keys())
def test_what_is_not_sure_has_no_place(shadow: str, run: str, reason: str) -> None:
    missing = aligned(shadow, run)
    assert isinstance(missing, Missing), missing
    assert reason in missing.reason
    assert "\n" not in missing.reason
