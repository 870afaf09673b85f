"""A name's place in another version of the source. « and » mark what it must be; without them there must be none."""

from __future__ import annotations

import ast
import textwrap

import pytest

from flor.annotate.align import align
from flor.annotate.insert import insert
from flor.annotate.places import How, Missing, Place, Refusal, apply
from flor.annotate.shadow import parse
from flor.annotate.source import Lines
from tests.annotate.marked import unmark


def aligned(shadow: str, run: str) -> Place | Missing:
    """The place of the name "n" in `run`."""
    return align(parse(b"#/a.py\n" + shadow.encode(), "a_h.py"), run).places["n"]


def named(marked: str) -> str:
    """The source with the name "n" at what is marked."""
    text, start, end = unmark(marked)
    edit = insert(text, start, end, "n")
    assert not isinstance(edit, Refusal), edit.reason
    return apply(edit, text)


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
    assert (place.span, place.how) == (Lines(text).span(start, end), "exact")


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
    assert (place.span, place.how) == (Lines(text).span(start, end), "same")


LOOP = "for g in [1, 2]:\n    c = fit(g)\n    s = «score(c, g)»\n"
WITH_LOOP = "with timer():\n    for g in [1, 2]:\n        c = fit(g)\n        s = «score(c, g)»\n"
TRAIN = "def train(m, d):\n    z = m(d) * 2 + bias(m, 2)\n    w = «loss(z, d)» - z\n    return w / z\n"
TEST = "def test(m, d):\n    z = m(d) * 3 + bias(m, 5)\n    w = loss(z, d) - d\n    return w * z\n"


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


#: Two versions of a source with the place that is the same in both, and how that is found from one in the other.
EDITS: dict[str, tuple[str, str, How]] = {
    "a statement before": ("x = «f()»\n", "import os\nx = «f()»\n", "same"),
    "loop put into with": (LOOP, WITH_LOOP, "same"),
    "loop put into try": (
        LOOP,
        "try:\n    for g in [1, 2]:\n        c = fit(g)\n        s = «score(c, g)»\nfinally:\n    end()\n",
        "same",
    ),
    "loop put into if": (LOOP, WITH_LOOP.replace("with timer()", "if verbose"), "same"),
    "loop put into another loop": (LOOP, WITH_LOOP.replace("with timer()", "for seed in range(3)"), "same"),
    "loop put into a function": (LOOP, WITH_LOOP.replace("with timer()", "def main()") + "main()\n", "same"),
    "loop put into main, with an option changed": (
        "n = 5\nw = start(n, 3)\n" + LOOP,
        "def main():\n    n = 9\n    w = start(n, 3)\n"
        + "".join(f"    {line}\n" for line in LOOP.splitlines())
        + "main()\n",
        "same",
    ),
    "statement put into if": ("a()\nx = «f(y)»\nb()\n", "a()\nif z:\n    x = «f(y)»\nb()\n", "same"),
    "one of two equal statements put into if": (
        "x = f(y)\na()\nx = «f(y)»\nb()\n",
        "x = f(y)\na()\nif z:\n    x = «f(y)»\nb()\n",
        "same",
    ),
    "other condition": ("if a: x = «f()»\n", "if b: x = «f()»\n", "same"),
    "function moved": ("def a(): return «x»\ndef b(): pass\n", "def b(): 1\ndef a(): return «x»\n", "same"),
    "function moved into a class": (
        "def a(x, y):\n    z = x * y + f(x, 2)\n    w = «g(z)» - y\n    return w / z\n",
        "class A:\n    def a(x, y):\n        z = x * y + f(x, 2)\n        w = «g(z)» - y\n        return w / z\n",
        "same",
    ),
    "function that became async": ("def a(): x = «f()»\n", "async def a(): x = «f()»\n", "same"),
    "parameter added": ("def f(«p»): return p\n", "def f(q, «p»=1, *a): return p\n", "same"),
    "default value changed": ("def f(p=«1»): return p\n", "def f(p=«2»): return p\n", "changed"),
    "argument added at the end": ("x = f(«a», 1)\n", "x = f(«a», 1, 2)\n", "same"),
    "keyword argument added": ("x = SVC(gamma=«g»)\n", "x = SVC(C=1, gamma=«g»)\n", "same"),
    "call with an argument added": ("x = «f(a)»\n", "x = «f(a, b)»\n", "changed"),
    "part put into a call": ("loss = «(p - y) ** 2»\n", "loss = mean(«(p - y) ** 2»)\n", "same"),
    "factor put before": ("s = «clf.score(X, y)»\n", "s = 100 * «clf.score(X, y)»\n", "same"),
    "value of the same target": ("rate = «0.1 / epoch»\n", "rate = «decay(epoch)»\n", "changed"),
    "constant in an operation": ("rate = «0.1» / epoch\n", "rate = «0.2» / epoch\n", "changed"),
    "argument of the same call": ("fit(x, «0.1»)\n", "fit(x, «rate»)\n", "changed"),
    "argument of the same keyword": ("x = SVC(gamma=«g»)\n", "x = SVC(gamma=«h(2)»)\n", "changed"),
    "value of the same key": ("d = {'lr': «0.1», 'n': 1}\n", "d = {'n': 1, 'lr': «0.2»}\n", "changed"),
    "loop over other values": ("for g in «[1, 2]»: f(g)\n", "for g in «[1, 2, 3]»: f(g)\n", "changed"),
    "value that is returned": ("def f(x): return «x + 1»\n", "def f(x): return «x + 2»\n", "changed"),
    "target that got an annotation": ("x = «f(1)»\n", "x: int = «f(2)»\n", "changed"),
    "second of several, each changed": ("a(1)\na(«2»)\n", "a(3)\na(«4»)\n", "changed"),
    "variable renamed": ("lr = 0.1\nw = «f(lr)»\nprint(lr)\n", "rate = 0.1\nw = «f(rate)»\nprint(rate)\n", "renamed"),
    "loop target renamed": (
        "for «g» in xs:\n    f(g)\n    h(g, 1)\n",
        "for «c» in xs:\n    f(c)\n    h(c, 1)\n",
        "renamed",
    ),
    "parameter renamed": ("def f(«a»):\n    g(a)\n    return a\n", "def f(«b»):\n    g(b)\n    return b\n", "renamed"),
    "renamed beside a change": (
        "m = Net(3)\nfit(m, 1)\ny = «m.score(z)»\n",
        "net = Net(3)\nfit(net, 2)\ny = «net.score(z)»\n",
        "renamed",
    ),
    "module's variable renamed, used in a function": (
        "size = 5\ndef f():\n    return «g(size)»\nf(size)\n",
        "width = 5\ndef f():\n    return «g(width)»\nf(width)\n",
        "renamed",
    ),
    "variable of a comprehension renamed": ("x = «[f(a) for a in b]»\n", "y = 1\nx = «[f(c) for c in b]»\n", "renamed"),
    "function renamed": (
        "def a(x, y):\n    z = x * y + f(x, 2)\n    w = «g(z)» - y\n    return w / z\na(1, 2)\n",
        "def b(x, y):\n    z = x * y + f(x, 2)\n    w = «g(z)» - y\n    return w / z\nb(1, 2)\n",
        "same",
    ),
    "function renamed, its name given to another one": (
        TRAIN + TEST,
        TRAIN.replace("train", "fit") + TEST.replace("test", "train"),
        "same",
    ),
    "functions that exchanged their names": (
        TRAIN + TEST,
        TEST.replace("test", "train") + TRAIN.replace("train", "test"),
        "same",
    ),
    "function kept under another name, a new one under its own": (
        TRAIN,
        TRAIN.replace("train", "old_train") + "def train(m, d):\n    w = loss(d, m)\n    return w\n",
        "same",
    ),
    "methods of classes that exchanged their names": (
        f"class A:\n{_indented(TRAIN)}class B:\n{_indented(TEST.replace('test', 'train'))}",
        f"class A:\n{_indented(TEST.replace('test', 'train'))}class B:\n{_indented(TRAIN)}",
        "same",
    ),
    "loop over fewer, with nothing equal elsewhere": (
        "for i in «range(10)»: f(i)\nfor j in range(5): g(j)\n",
        "for i in «range(20)»: f(i)\nfor j in range(5): g(j)\n",
        "changed",
    ),
    "value that another statement still has": (
        "x = «f(a, 1)»\ny = f(a, 1)\n",
        "x = «f(a, 2)»\ny = f(a, 1)\n",
        "changed",
    ),
    "equal statements in a row": ("f(x)\nf(«x»)\n", "a = 1\nf(x)\nf(«x»)\n", "same"),
}
BOTH_WAYS = [
    pytest.param(*(x, y)[::step], how, id=f"{name}{way}")
    for name, (x, y, how) in EDITS.items()
    for step, way in ((1, ""), (-1, ", undone"))
]


@pytest.mark.parametrize(("one", "other", "how"), BOTH_WAYS)
def test_an_edited_version_has_the_place(one: str, other: str, how: How) -> None:
    text, start, end = unmark(other)
    place = aligned(named(one), text)
    assert isinstance(place, Place), place.reason
    assert (place.span, place.how) == (Lines(text).span(start, end), how)
    original, start_here, end_here = unmark(one)
    differing = (text[start:end], original[start_here:end_here])
    assert (place.text, place.named) == ((None, None) if how == "same" else differing)


#: Two versions of a source with a place each that has no counterpart in the other.
NO_PLACE = {
    "another variable's value": ("x = «f(y)»\n", "z = «f(a)»\n"),
    "another variable that is returned": ("def f(x, y): return «x»\n", "def f(x, y): return «y»\n"),
    "another attribute that is returned": ("def f(self): return «self.a»\n", "def f(self): return «self.b»\n"),
    "another argument in its place": ("f(«x»)\n", "f(«y»)\n"),
    "renamed, but not everywhere": ("a = g(1, 2)\nf(«a»)\nh(a)\n", "b = g(1, 2)\nf(b)\nh(«c»)\n"),
    "a name that was there before": ("a = 1\nb = g(2)\nf(«a»)\n", "c = 1\nb = g(2)\nf(«b»)\n"),
    "of two equal statements one gone": ("f(«x»)\nf(x)\n", "f(«x»)\n"),
    "one more equal statement": ("s = f(x)\ng()\ns = f(«x»)\n", "s = f(«x»)\n"),
    "a number that its neighbour had": ("x = 1\nx = «2»\n", "x = «2»\nx = 3\n"),
    "arguments that changed places": ("f(«a», b)\n", "f(b, «a»)\n"),
    "larger arguments that changed places": ("f(«n + 1», n * 5)\n", "f(n * 5, «n + 1»)\n"),
    "arguments that changed keywords": ("x = f(a=«n + 1», b=n * 5)\n", "x = f(a=n * 5, b=«n + 1»)\n"),
    "values that changed keys": ('x = {"a": «n + 1», "b": n * 5}\n', 'x = {"a": n * 5, "b": «n + 1»}\n'),
    "one value that went to another key": ('x = {"a": «n + 1», "b": n * 5}\n', 'x = {"a": n + 2, "b": «n + 1»}\n'),
    "what is inside of one that changed places": ("x = [f(«n + 1»), g(n * 5)]\n", "x = [g(n * 5), f(«n + 1»)]\n"),
    "operands that changed places": ("x = («n + a») / (n * a)\n", "x = (n * a) / («n + a»)\n"),
    "arms that changed places": ("x = «n + 1» if c else n * 5\n", "x = n * 5 if c else «n + 1»\n"),
    "several values that changed places": ("a, b = «n + 1», n * 5\n", "a, b = n * 5, «n + 1»\n"),
    "values that moved up": ("f(1, «2»)\n", "f(«2», 3)\n"),
    "into the other branch": ("if a: x = «f()»\nelse: g()\n", "if a: g()\nelse: x = «f()»\n"),
    "small function of another name": ("def a(): return «x»\n", "def b(): return «x»\n"),
    "another function's statement": ("def a(): x = «f()»\ndef b(): pass\n", "def a(): pass\ndef b(): x = «f()»\n"),
    "another class's method": ("class A:\n  def m(self): return «1»\n", "class B:\n  def m(self): return «1»\n"),
    "loops that changed places": ("for a in p: «f()»\nfor a in q: g()\n", "for a in q: g()\nfor a in p: «f()»\n"),
    "statements that changed places": ("x = «f()»\ny = g()\n", "y = g()\nx = «f()»\n"),
    "two loops that it may be": (
        "for a in p:\n  f(a)\n  x = «1»\n",
        "for a in q:\n  f(a)\n  x = «2»\nfor a in r:\n  f(a)\n  x = 3\n",
    ),
    "from a branch that is gone": (
        "if e > 1:\n    v = «score(0, test)»\n    print(v)\nelse:\n    v = score(0, train)\nprint(v)\n",
        "if e > 1:\n    v = «score(0, train)»\nprint(v)\n",
    ),
    "text from a branch that is gone": (
        "if e > 1:\n    v = «'a'»\n    print(v)\nelse:\n    v = 'b'\nsave(v)\n",
        "if e > 1:\n    v = «'b'»\nsave(v)\n",
    ),
    "value that went to a new statement": (
        "acc = «score(m, train)»\nprint(acc)\n",
        "acc = «score(m, test)»\nreport = score(m, train)\nprint(acc)\n",
    ),
    "number in a value that went to a new statement": ("a = score(m, «1»)\n", "a = score(m, «2»)\nb = score(m, 1)\n"),
    "values that changed places": (
        "a = «score(m, train)»\nb = score(m, test)\nprint(a, b)\n",
        "a = «score(m, test)»\nb = score(m, train)\nprint(a, b)\n",
    ),
    "arguments that calls exchanged": (
        "for e in es:\n    log(«loss(e)»)\n    report(acc(e))\n",
        "for e in es:\n    log(«acc(e)»)\n    report(loss(e))\n",
    ),
    "value of a handler that is gone": (
        "try:\n    r = «primary(x)»\nexcept E:\n    r = fallback(x)\nprint(r)\n",
        "try:\n    r = «fallback(x)»\nfinally:\n    pass\nprint(r)\n",
    ),
    "value of another operator": ("t += f(i)\ng()\nt -= «h(i)»\n", "g()\nt -= «f(i)»\n"),
    "values of a loop that became inner": (
        "for i in «range(10)»:\n    f(i)\n    g(i * 2)\n",
        "for j in range(10):\n    for i in «range(3)»:\n        f(i)\n        g(i * 2)\n",
    ),
    "one of two equal functions, of which another one is left": (
        TRAIN + unmark(TRAIN.replace("train", "test"))[0],
        unmark(TRAIN.replace("train", "fit"))[0] + "def train(m, d):\n    w = «loss(d, m)»\n    return w\n",
    ),
    "variables of a comprehension that changed places": (
        "x = [f(«a», b) for a, b in c]\n",
        "x = [f(b, «a») for a, b in c if a]\n",
    ),
}
NOT_BOTH_WAYS = [
    pytest.param(*(x, y)[::step], id=f"{name}{way}")
    for name, (x, y) in NO_PLACE.items()
    for step, way in ((1, ""), (-1, ", undone"))
]


@pytest.mark.parametrize(("one", "other"), NOT_BOTH_WAYS)
def test_what_is_in_doubt_has_no_place(one: str, other: str) -> None:
    missing = aligned(named(one), unmark(other)[0])
    assert isinstance(missing, Missing), missing
    assert "no counterpart" in missing.reason


def test_an_edited_version_is_told_from_a_reformatted_one() -> None:
    source = "x = f(  a,b )   # why\nfor g in [ 1,2 ]:  y = «h( g )»\n"
    text, *_ = unmark(source)
    place = aligned(named(source), ast.unparse(ast.parse(text)) + "\n")
    assert isinstance(place, Place)
    assert (place.how, place.span) == ("exact", (3, 8, 3, 12))


NOWHERE = {
    "statement gone": ('s = GET("n", f(x))\n', "t = g(y)\n", "no counterpart of `s = f(x)` (line 2"),
    "run that does not parse": ('x = GET("n", 1)\n', "x = (\n", "does not parse (line 1"),
    "annotation": ('x: GET("n", int) = 1\n', "x: int = 1\n", "an annotation"),
    "statement that the source lacks": (
        'x = f()\ng()\nGET("n", x)\n',
        "x = f()\ng()\n",
        "is no expression of the source",
    ),
}


@pytest.mark.parametrize(("shadow", "run", "reason"), NOWHERE.values(), ids=NOWHERE.keys())
def test_a_name_without_a_place_says_why(shadow: str, run: str, reason: str) -> None:
    missing = aligned(shadow, run)
    assert isinstance(missing, Missing), missing
    assert reason in missing.reason
    assert "\n" not in missing.reason


def test_a_one_line_statement_of_which_a_reading_leaves_nothing() -> None:
    text = '#/p/s.py\nok = x = 1\nif GET("ok", ok): GET("x", x)\n'
    copy = parse(text.encode(), "s_h.py")
    places = align(copy, "ok = x = 1\nif ok: x\nprint(x)\n").places
    assert [place.span for place in places.values() if isinstance(place, Place)] == [(2, 3, 2, 5), (2, 7, 2, 8)]
