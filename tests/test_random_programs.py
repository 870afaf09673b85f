"""Random programs behave under capture as under plain Python: the same output, exceptions, namespaces, lifetimes."""

from __future__ import annotations

import functools
import hashlib
import textwrap
from collections.abc import Iterator

import hypothesmith
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.behaviour import Server

# ---- programs that run ----

PRELUDE = '''
class Thing:
    """Says when it dies, and swallows an exception if its number is even."""
    def __init__(self, n): self.n = n
    def __del__(self): print("dies", self.n)
    def __enter__(self): return self.n
    def __exit__(self, kind, value, tb): print("exit", kind); return self.n % 2 == 0
    def __repr__(self): return f"Thing({self.n})"
    def __add__(self, other): return self.n + 1
    def twice(self, by=2): return Thing(self.n * by % 97)
def report(error):
    """What `error` is and where it came from."""
    lines, traceback = [], error.__traceback__
    while traceback:
        lines.append((traceback.tb_frame.f_code.co_qualname, traceback.tb_lineno))
        traceback = traceback.tb_next
    print(repr(error), lines, repr(error.__context__))
a, b, c = 1, 2, 3
'''

NAMES = st.sampled_from("abc")
_ERRORS = ("ValueError", "KeyError", "TypeError", "(IndexError, ZeroDivisionError)", "Exception")


@functools.cache
def expressions(functions: tuple[str, ...], depth: int) -> st.SearchStrategy[str]:
    """Expressions whose values stay small. `functions` may be called, with one argument."""
    leaf = st.one_of(NAMES, NAMES, st.integers(-3, 9).map(str))
    if depth == 0:
        return leaf
    e = expressions(functions, depth - 1)
    forms = [
        leaf,
        st.builds("({} + {}) % 97".format, e, e),
        st.builds("({} - {}) // {}".format, e, e, e),
        st.builds("(not {})".format, e),
        st.builds("({} {} {} or 0)".format, e, st.sampled_from(["and", "or", "==", "!=", "*"]), e),
        st.builds("({} < {} <= {})".format, e, e, e),
        st.builds("({} if {} else {})".format, e, e, e),
        st.builds("[{}, {}, *({},)][{}]".format, e, e, e, st.integers(-3, 3)),
        st.builds("{{'k': {}, **{{}}}}['{}']".format, e, st.sampled_from("kkkx")),
        st.builds("len(f'{{{}!r:>4}} {{{}}}')".format, NAMES, NAMES),
        st.builds("sum([x for x in ({}, {}) if x != {}])".format, e, e, e),
        st.builds("max((y for y in range({}) if y % 2), default={})".format, st.integers(0, 4), e),
        st.builds("len({{x: y for x, y in zip(range({}), 'ab')}})".format, e),
        st.builds("(lambda x, *y, z={}: [x, z][{}])({})".format, e, st.integers(0, 2), e),
        st.builds("Thing({}).n".format, e),
        st.builds("Thing({}).twice(by={}).n".format, st.integers(0, 9), e),
    ]
    forms += [st.builds(f"{f}({{}})".format, e) for f in functions]
    return st.one_of(forms)


def _block(*statements: str) -> str:
    return textwrap.indent("\n".join(statements), "    ")


@st.composite
def statements(draw: st.DrawFn, functions: tuple[str, ...], depth: int, where: frozenset[str]) -> str:
    """A statement. `where`: what may stand here, of "return", "yield", "loop"."""
    e = expressions(functions, 2)

    def body(more: frozenset[str] = frozenset()) -> str:
        return _block(*draw(st.lists(statements(functions, depth - 1, where | more), min_size=1, max_size=3)))

    simple = ["assign", "walrus", "unpack", "augmented", "print", "raise", "assert", "del", "pass"]
    simple += [w for w in ("return", "yield") if w in where] + (["break", "continue"] if "loop" in where else [])
    compound = ["if", "for", "while", "try", "with", "match", "def", "class"] if depth else []
    kind = draw(st.sampled_from(simple + compound + compound))
    name = draw(NAMES)
    match kind:
        case "assign":
            return f"{name} = {draw(e)}"
        case "walrus":
            return f"print(({name} := {draw(e)}), {name})"
        case "unpack":
            return f"{name}, *d = {draw(e)}, {draw(e)}"
        case "augmented":
            return f"{name} += {draw(e)}\n{name} %= 97"
        case "print":
            return f"print({draw(e)})"
        case "raise":
            return f"raise {draw(st.sampled_from(['ValueError', 'KeyError', 'StopIteration']))}({draw(e)})"
        case "assert":
            return f"assert {draw(e)}, {draw(e)}"
        case "del":
            return f"del {name}\n{name} = {draw(e)}"
        case "return":
            return f"return {draw(e)}"
        case "yield":
            return f"{name} = yield {draw(e)}"
        case "break" | "continue" | "pass":
            return kind
        case "if":
            return f"if {draw(e)}:\n{body()}\nelse:\n{body()}"
        case "for":
            iterable = draw(st.sampled_from(["range(3)", "(Thing(7), 8)", "'ab'"]))
            return f"for {name} in {iterable}:\n{body(frozenset({'loop'}))}\nelse:\n{body()}"
        case "while":
            return f"i = 0\nwhile i < 3 and {draw(e)} != 0:\n    i += 1\n{body(frozenset({'loop'}))}\n    i += 1"
        case "try":
            handler = f"except {draw(st.sampled_from(_ERRORS))} as error:\n{_block('report(error)')}\n{body()}\n"
            final = f"finally:\n{body()}" if draw(st.booleans()) else ""
            return f"try:\n{body()}\n{handler}else:\n{body()}\n{final}"
        case "with":
            return f"with Thing({draw(st.integers(0, 3))}) as {name}:\n{body()}"
        case "match":
            return (
                f"match {draw(e)}:\n    case int({name}) if {draw(e)}:\n{textwrap.indent(body(), '    ')}\n"
                f"    case _:\n{textwrap.indent(body(), '    ')}"
            )
        case "class":
            return f"class C:\n    x = {draw(e)}\n    def m(self): return self.x\n{name} = C().m()"
        case _:
            inner = draw(functions_(functions, depth - 1))
            return f"{inner}\n{name} = f({draw(e)}) or 4"


@st.composite
def functions_(draw: st.DrawFn, functions: tuple[str, ...], depth: int, name: str = "f") -> str:
    """The definition of a function with one parameter: an ordinary one or a generator's list."""
    where = draw(st.sampled_from([frozenset({"return"}), frozenset({"return", "yield"})]))
    lines = draw(st.lists(statements(functions, depth, where), min_size=1, max_size=4))
    start = "b = a\nc = 5\ni = 0"
    if "yield" in where:
        return f"def {name}_(a):\n{_block(start, 'yield a', *lines)}\ndef {name}(a): return sum(x for x in {name}_(a) if x)"
    return f"def {name}(a, z=[]):\n{_block('z.append(1)', start, *lines)}"


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program: some functions, then statements that print and call them."""
    parts = [PRELUDE]
    known: tuple[str, ...] = ()
    for name in draw(st.sampled_from([(), ("g",), ("g", "h")])):
        parts.append(draw(functions_(known, 2, name)))
        known += (name,)
    for statement in draw(st.lists(statements(known, 3, frozenset()), min_size=1, max_size=6)):
        parts.append(f"try:\n{_block(statement, 'print(a, b, c)')}\nexcept Exception as error:\n    report(error)")
    return "\n".join(parts) + "\n"


# ---- both ways ----


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """One that runs programs by plain Python, and one under capture."""
    folder = tmp_path_factory.mktemp("random")
    plain, captured = Server(folder, captured=False), Server(folder, captured=True)
    yield plain, captured
    plain.close()
    captured.close()


def same_both_ways(servers: tuple[Server, Server], source: str, builtins: bool) -> None:
    plain, captured = servers
    path = plain.folder / f"program_{hashlib.sha256(source.encode()).hexdigest()[:16]}.py"
    path.write_text(source)
    expected = plain.ask(path, builtins)
    assume(expected is not None)
    assert captured.ask(path, builtins) == expected
    assert captured.has_captured(path)


_QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=150, **_QUIET)  # type: ignore[arg-type]
@given(source=programs())
def test_programs_that_run_behave_the_same(servers: tuple[Server, Server], source: str) -> None:
    same_both_ways(servers, source, builtins=True)


@settings(max_examples=60, **_QUIET)  # type: ignore[arg-type]
@given(source=hypothesmith.from_grammar(auto_target=False))
def test_texts_of_pythons_grammar_behave_the_same(servers: tuple[Server, Server], source: str) -> None:
    assume(_compiles(source))
    same_both_ways(servers, source, builtins=False)


@settings(max_examples=30, **_QUIET)  # type: ignore[arg-type]
@given(source=hypothesmith.from_node(auto_target=False))
def test_random_syntax_trees_behave_the_same(servers: tuple[Server, Server], source: str) -> None:
    assume(_compiles(source))
    same_both_ways(servers, source, builtins=False)


def _compiles(source: str) -> bool:
    try:
        compile(source, "", "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
