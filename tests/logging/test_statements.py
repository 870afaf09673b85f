"""What the source says about a log statement: pure."""

from __future__ import annotations

import textwrap

import pytest

from flor.logging.statements import Facts, Source


def facts(text: str) -> list[Facts]:
    """Of the calls of `log.param` in a source, in order."""
    source = Source(textwrap.dedent(text).encode())
    calls = sorted(span for span, call in source.calls.items() if source.segment(call.func) == "log.param")
    found = [source.facts("param", span) for span in calls]
    return [own for own in found if own is not None]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("log.param(x)", [True]),
        ("log.param(3)", [False]),
        ("log.param(x + 0)", [False]),
        ("y = x\n    log.param(y)", [True]),
        ("y, z = 1, x\n    log.param(y)\n    log.param(z)", [False, True]),
        ("y = z = x\n    log.param(z)", [True]),
        ("y = log.param(x)\n    log.param(y)", [True, True]),
        ("log.param(x)\n    x = 1\n    log.param(x)", [True, False]),
        ("x += 1\n    log.param(x)", [False]),
        ("if c:\n        x = 1\n    log.param(x)", [False]),
        ("if c:\n        y = x\n    else:\n        y = x\n    log.param(y)", [True]),
        ("if c:\n        y = x\n    log.param(y)", [False]),
        ("for i in x:\n        log.param(x)\n        log.param(i)", [True, False]),
        ("for i in x:\n        log.param(x)\n        x = i", [False]),
        ("while log.param(x):\n        x = x.next", [False]),
        ("for x in x:\n        log.param(x)", [False]),
        ("with x as y:\n        log.param(x)\n        log.param(y)", [True, False]),
        ("try:\n        x = f()\n    except E as e:\n        log.param(x)\n    log.param(x)", [False, False]),
        ("return [log.param(x) for i in c], [log.param(x) for x in c]", [True, False]),
        ("return (lambda: log.param(x)), (log.param(x) for i in c)", [False, False]),
        ("(x := 2)\n    log.param(x)", [False]),
        ("import x\n    log.param(x)", [False]),
        ("del x\n    log.param(x)", [False]),
        ("def g():\n        nonlocal x\n        x = 1\n    g()\n    log.param(x)", [False]),
        ("match x:\n        case [y]:\n            log.param(y)\n            log.param(x)", [False, True]),
        ("def g(y):\n        return log.param(y), log.param(x)", [True, False]),
    ],
)
def test_what_is_an_argument(body: str, expected: list[bool]) -> None:
    assert [own.from_arg for own in facts(f"def f(x, c=1):\n    {body}\n")] == expected


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("rate = log.param(0.1)", ["rate"]),
        ("fit(rate=log.param(0.1))", ["rate"]),
        ("model = SVC(C=log.param(c), gamma=log.param(g))", ["C", "gamma"]),
        ("seed(log.param(s))", ["s"]),
        ("seed(log.param(self.s))", ["s"]),
        ("log.param(score(x))", ["score"]),
        ("log.param(m.score(x))", ["score"]),
        ("a, b = log.param(1), log.param(c)", ["1", "c"]),
        ("a[0] = log.param(1 + 1)", ["a[0]"]),
        ("x = log.param(1); x = log.param(2); X = log.param(3)", ["x", "x_2", "X_3"]),
        ("x = log.param(1); x = log.param(2); x_2 = log.param(3)", ["x", "x_2", "x_2_2"]),
        ("log.param(" + "1 + " * 20 + "1)", [("1 + " * 10)[:40] + "…"]),
    ],
)
def test_what_a_column_is_called(statement: str, columns: list[str]) -> None:
    assert [own.column for own in facts(statement)] == columns


def test_where_a_statement_stands() -> None:
    text = """
        class Model:
            def fit(self, data):
                def step(
                    n,
                ):
                    return f(
                        1,
                        log.param(n),
                    )
        log.param(
            1)
    """
    inner, outer = facts(text)
    assert (inner.in_execution, inner.instruction_no) == ("Model.fit.<locals>.step", 7)
    assert (inner.caller, inner.pos, inner.keyword_name) == ("f", 1, None)
    assert (outer.in_execution, outer.instruction_no, outer.caller) == ("<module>", 11, None)


def test_encodings_and_line_ends_make_no_difference() -> None:
    source = Source("# coding: latin-1\r\nö = log.param('ä')\r\n".encode("latin-1"))
    ((span, _),) = source.calls.items()
    found = source.facts("param", span)
    assert found is not None and (found.assignee, found.value) == ("ö", "'ä'")
    assert source.facts("param", (9, 0, 9, 1)) is None
