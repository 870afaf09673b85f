"""Shadow copies: the header, reading, taking GETs out of what people write by hand, and every way to get it wrong."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flor.annotate.places import Place, Refusal, Shadow, apply
from flor.annotate.shadow import insert_from_source, make, parse
from flor.annotate.source import Parsed
from flor.annotate.strip import strip
from flor.errors import FlorError
from tests.annotate.marked import unmark

PATH = Path("/home/me/iris.py")


def shadow_of(text: str) -> Shadow:
    return parse(b"#/home/me/iris.py\n" + text.encode(), "iris_h.py")


COPIES = {
    "plain": (b"x = 1\n", b"#/home/me/iris.py\nx = 1\n"),
    "empty": (b"", b"#/home/me/iris.py\n"),
    "no line end": (b"x = 1", b"#/home/me/iris.py\nx = 1"),
    "CR LF": (b"x = 1\r\ny\r\n", b"#/home/me/iris.py\r\nx = 1\r\ny\r\n"),
    "CR": (b"x = 1\ry\r", b"#/home/me/iris.py\rx = 1\ry\r"),
    "byte order mark": (b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbf#/home/me/iris.py\nx = 1\n"),
    "shebang": (b"#!/usr/bin/python\nx\n", b"#!/usr/bin/python\n#/home/me/iris.py\nx\n"),
    "encoding on line 1": (b"# coding: latin-1\nx='\xe9'\n", b"# coding: latin-1\n#/home/me/iris.py\nx='\xe9'\n"),
    "encoding on line 2": (
        b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\nx='\xe9'\n",
        b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\n#/home/me/iris.py\nx='\xe9'\n",
    ),
    "encoding below a path": (b"#/a\n#coding=latin-1\nx='\xe9'", b"#/a\n#coding=latin-1\n#/home/me/iris.py\nx='\xe9'"),
    "encoding alone": (b"# coding: latin-1", b"# coding: latin-1\n#/home/me/iris.py"),
    "no encoding on line 2 after code": (b"x = 1\n# coding: u8\n", b"#/home/me/iris.py\nx = 1\n# coding: u8\n"),
    "future import": (b"'doc'\nfrom __future__ import x", b"#/home/me/iris.py\n'doc'\nfrom __future__ import x"),
}


@pytest.mark.parametrize(("data", "expected"), COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_the_source_with_its_path(data: bytes, expected: bytes) -> None:
    assert make(PATH, data) == expected


@pytest.mark.parametrize("data", [data for data, _ in COPIES.values()], ids=COPIES.keys())
def test_a_copy_gives_its_source_back(data: bytes) -> None:
    shadow = parse(make(PATH, data), "iris_h.py")
    assert (shadow.source_path, shadow.decoded.encode(shadow.source, "iris_h.py")) == (PATH, data)


@pytest.mark.parametrize("data", [data for data, _ in COPIES.values()], ids=COPIES.keys())
def test_python_reads_a_copy_as_it_reads_the_source(data: bytes) -> None:
    assert ast.dump(ast.parse(make(PATH, data))) == ast.dump(ast.parse(data))


@pytest.mark.parametrize(
    "path",
    [
        "/a b/ü.py",
        "/a/encoding:foo/x.py",
        "/coding=latin-1.py",
        "/a\nb.py",
        "/a\r.py",
        "/ends ",
        "/%41",
        "/\udcff.py",
        "/\u2028",
    ],
)
@pytest.mark.parametrize("data", [b"x = 1\n", b"# coding: latin-1\nx = 1\n", b"# coding: shift_jis\n"])
def test_any_path_survives(path: str, data: bytes) -> None:
    copy = make(Path(path), data)
    assert parse(copy, "x_h.py").source_path == Path(path)
    assert ast.dump(ast.parse(copy)) == ast.dump(ast.parse(data))


@pytest.mark.parametrize("header", ["#/home/me/iris.py", "# /home/me/iris.py", "#/home/me/iris.py "])
def test_a_header_on_line_1_is_found_above_an_encoding(header: str) -> None:
    shadow = parse(f"{header}\n# coding: utf-8\nx = 1\n".encode(), "iris_h.py")
    assert (shadow.source_path, shadow.source) == (PATH, "# coding: utf-8\nx = 1\n")


BY_HAND = {
    "the seed's": ('f(t=GET("t", 0.15), r=GET("r", g(1,100)))', "f(t=0.15, r=g(1,100))"),
    "operator in it": ('x = GET("n", a + b) * c', "x = (a + b) * c"),
    "lines in it": ('x = GET("n", a +\n  b)', "x = (a +\n  b)"),
    "tuple that must keep its parentheses": ('f(GET("n", (1, 2)))', "f((1, 2))"),
    "tuple among tuples": ('return GET("a", (1, GET("b", (2, 3))))', "return 1, (2, 3)"),
    "spaces, comments, a trailing comma": ('x = GET( # c\n "n" ,\n  (y) , )', "x = (y)"),
    "literal in parentheses": ("x = GET(('a' 'b'), y)", "x = y"),
    "flor.GET": ('x = flor.GET("n", y)', "x = y"),
    "import for plain Python": ('from flor import GET\nx = GET("n", y)\n', "x = y\n"),
    "import in a function": ('def f():\n  from flor import GET\n  x = GET("n", y)\n', "def f():\n  x = y\n"),
    "import of flor": ('import flor\nx = flor.GET("n", y)\n', "x = y\n"),
    "import of flor that the source needs": ('import flor\nflor.x(flor.GET("n", y))\n', "import flor\nflor.x(y)\n"),
    "statement after an assignment": ('x = f()\nGET("n", x)\n', "x = f()\n"),
    "statement with a comment": ('x = f()\nGET("n", x)  # c\ny\n', "x = f()\ny\n"),
    "statements at the end, no line end": ('x += 1\nGET("a", x)\nGET("b", x)', "x += 1"),
    "two names in one statement": ('x += 1\nGET("a", GET("b", x))\n', "x += 1\n"),
    "statement far from the binding": ('x = f()\ng()\nGET("n", x)\n', "x = f()\ng()\nx\n"),
    "text and comments": ('x = "GET(1)"  # GET(2)\n', 'x = "GET(1)"  # GET(2)\n'),
    "GET of a class": (
        'class A:\n  def GET(self): pass\nx = GET("n", y)\n',
        "class A:\n  def GET(self): pass\nx = y\n",
    ),
    "GET of the source, other arguments": ('def GET(u): pass\nGET(u)\nflor.GET("n", x)', "def GET(u): pass\nGET(u)\nx"),
}


@pytest.mark.parametrize(("text", "source"), BY_HAND.values(), ids=BY_HAND.keys())
def test_what_people_write_gives_a_source_of_the_same_meaning(text: str, source: str) -> None:
    assert strip(Parsed(text)).text == source


def test_names_come_in_order_with_their_places_in_the_source() -> None:
    shadow = shadow_of('for g in y:\n    GET("gamma", g)\n    s = GET("score", f(GET("C", 1)))\n')
    assert [(n.name, n.line, n.text, n.place) for n in shadow.names] == [
        ("gamma", 3, "g", Place("binding", (1, 4, 1, 5), "g")),
        ("score", 4, 'f(GET("C", 1))', Place("expression", (2, 8, 2, 12))),
        ("C", 4, "1", Place("expression", (2, 10, 2, 11))),
    ]


BINDINGS = {
    "parameter": ('def f(a: int):\n  GET("n", a)\n  g()\n', (1, 6, 1, 12)),
    "augmented": ('a += 1\nGET("n", a)\n', (1, 0, 1, 1)),
    "import": ('import b as a\nGET("n", a)\n', (1, 7, 1, 13)),
    "except": ('try: f()\nexcept E as a:\n  GET("n", a)\n  g()\n', (2, 0, 3, 5)),
    "with": ('with f() as (b, a): GET("n", a); g()\n', (1, 16, 1, 17)),
    "unpacked": ('b, *a = f()\nGET("n", a)\n', (1, 4, 1, 5)),
}


@pytest.mark.parametrize(("text", "span"), BINDINGS.values(), ids=BINDINGS.keys())
def test_a_binding_has_the_place_of_what_binds(text: str, span: tuple[int, int, int, int]) -> None:
    assert [n.place for n in shadow_of(text).names] == [Place("binding", span, "a")]


WRONG = {
    "no header": (b"x = 1\n", "h.py:1: no line names the source"),
    "relative header": (b"#iris.py\n", "h.py:1: no line names the source"),
    "no Python": (b"#/a\nx = (\n", "h.py:2: "),
    "null byte": (b"#/a\nx\x00\n", "h.py:1: "),
    "not its encoding": (b"#/a\nx\n'\xff'\n", "h.py:3: not utf-8"),
    "unknown encoding": (b"# coding: klingon\n#/a\n", "h.py declares the encoding klingon"),
    "no arguments": (b"#/a\nGET()\n", "h.py:2: GET() is no GET"),
    "one argument": (b"#/a\nx\nGET(x)\n", "h.py:3: GET(x) is no GET"),
    "name that is no literal": (b"#/a\nGET(n, x)\n", "h.py:2: GET(n, x) is no GET"),
    "f-string as name": (b"#/a\nGET(f'{n}', x)\n", "h.py:2: "),
    "empty name": (b"#/a\nGET('', x)\n", "h.py:2: GET('', x) is no GET"),
    "keyword": (b"#/a\nGET('n', e=x)\n", "h.py:2: GET('n', e=x) is no GET"),
    "starred": (b"#/a\nGET('n', *x)\n", "h.py:2: GET('n', *x) is no GET"),
    "three arguments": (b"#/a\nflor.GET('n', x, y)\n", "h.py:2: flor.GET('n', x, y) is no GET"),
    "same name twice": (b"#/a\nf(GET('n', x))\nf(GET('n', y))\n", 'name "n" is used twice: h.py:2 and h.py:3'),
    "GET that the source defines": (b"#/a\ndef GET(a, b): pass\nGET('n', x)\n", "h.py:3: line 2 defines another GET"),
    "pattern": (b"#/a\nmatch x:\n  case GET('n', y): pass\n", "h.py:3: a pattern"),
    "text that prints itself": (b"#/a\nf\"{GET('n', x)=}\"\n", "h.py:2: "),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_copy_is_one_line_with_file_and_line(data: bytes, message: str) -> None:
    with pytest.raises(FlorError) as error:
        parse(data, "h.py")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


FROM_SOURCE = {
    "expression": ("for x in y:\n    z = f(«x + 1»)\n", 'for x in y:\n    z = f(GET("n", x + 1))\n'),
    "binding": ("for «x» in y:\n    z = f(x + 1)\n", 'for x in y:\n    GET("n", x)\n    z = f(x + 1)\n'),
    "handler": ("try: f()\nexcept E as «e»: g(e)\n", 'try: f()\nexcept E as e: GET("n", e); g(e)\n'),
}


@pytest.mark.parametrize(("marked", "expected"), FROM_SOURCE.values(), ids=FROM_SOURCE.keys())
def test_a_selection_in_the_source_is_named_in_the_copy(marked: str, expected: str) -> None:
    source, start, end = unmark(marked)
    shadow = shadow_of(source)
    edit = insert_from_source(source, shadow, start, end, "n")
    assert not isinstance(edit, Refusal), edit.reason
    assert apply(edit, shadow.text) == "#/home/me/iris.py\n" + expected


def test_a_selection_in_the_source_is_found_among_gets_and_other_layout() -> None:
    source, start, end = unmark("a = f(1)\nfor x in y: b = g(«a», x)\n")
    shadow = shadow_of('a = GET("a", f(1))\n\nfor x in y: GET("x", x); b = GET("b", g(a, x))  # c\n')
    edit = insert_from_source(source, shadow, start, end, "n")
    assert not isinstance(edit, Refusal), edit.reason
    assert 'b = GET("b", g(GET("n", a), x))  # c' in apply(edit, shadow.text)


def test_a_statement_that_did_not_change_is_named_in_a_copy_that_is_out_of_date() -> None:
    source, start, end = unmark("a = f(2)\nb = «g(a)»\n")
    shadow = shadow_of('a = GET("a", f(1))\nb = g(a)\n')
    edit = insert_from_source(source, shadow, start, end, "n")
    assert not isinstance(edit, Refusal), edit.reason
    assert 'b = GET("n", g(a))' in apply(edit, shadow.text)


def test_a_statement_that_changed_is_refused() -> None:
    source, start, end = unmark("a = «f(2)»\n")
    refusal = insert_from_source(source, shadow_of("a = f(1)\n"), start, end, "n")
    assert isinstance(refusal, Refusal)
    assert "iris_h.py is out of date: line 1 of the source" in refusal.reason
