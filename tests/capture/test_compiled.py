"""What is put right in compiled code: only lines of probes, and handlers that leave a frame where the exception was."""

from __future__ import annotations

import ast
import dis
import types
import warnings
from pathlib import Path

import pytest

from flor.capture import compiled, ops, rewrite
from tests.capture.test_rewrite import LIBRARY, code_objects, paths


def both(data: bytes) -> list[tuple[types.CodeType, types.CodeType]]:
    """Each code object of a source, as it was compiled with probes and as it was put right."""
    rewritten = rewrite.rewrite(ast.parse(data), data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(rewritten.tree, "source.py", "exec", dont_inherit=True)
    return list(
        zip(code_objects(code), code_objects(compiled.put_right(code, rewritten.specs, rewritten.places)), strict=True)
    )


@pytest.mark.parametrize("path", paths()[::3], ids=lambda p: str(p.relative_to(LIBRARY)))
def test_each_code_object_has_the_lines_that_it_has_without_probes(path: Path) -> None:
    data = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = compile(data, "source.py", "exec", dont_inherit=True)
    ours = {(code.co_qualname, code.co_firstlineno): lines(code) for _, code in both(data)}
    for code in code_objects(plain):
        assert ours[code.co_qualname, code.co_firstlineno] == lines(code), code.co_qualname


def lines(code: types.CodeType) -> set[int]:
    """What a tracer can be told of."""
    return {line for _, _, line in code.co_lines() if line is not None}


@pytest.mark.parametrize("path", paths()[::3], ids=lambda p: str(p.relative_to(LIBRARY)))
def test_only_tables_change(path: Path) -> None:
    for before, after in both(path.read_bytes()):
        units = [list(zip(code.co_code[::2], code.co_code[1::2], strict=True)) for code in (before, after)]
        changed = {old[0] for old, new in zip(*units, strict=True) if old != new}
        assert changed <= {dis.opmap["RERAISE"]} and before.co_code[::2] == after.co_code[::2]
        handlers = [dis._parse_exception_table(code) for code in (before, after)]  # type: ignore[attr-defined]
        assert [h[:3] for h in handlers[0]] == [h[:3] for h in handlers[1]]
        assert all(
            new.depth in (old.depth, old.depth + 1) and new.lasti >= old.lasti
            for old, new in zip(*handlers, strict=True)
        )


def handlers(source: str) -> list[tuple[int, bool, int]]:
    """(depth, where it came from is pushed, RERAISE's argument) of the handlers that begin a function's code."""
    (_, _), (_, code) = both(source.encode())
    units = code.co_code
    found = []
    for entry in dis._parse_exception_table(code):  # type: ignore[attr-defined]
        reraise = next(i for i in range(entry.target, len(units), 2) if units[i] == dis.opmap["RERAISE"])
        found.append((entry.depth, entry.lasti, units[reraise + 1]))
    return found


def test_a_functions_own_handler_is_like_one_of_with() -> None:
    assert set(handlers("def f(): return g()\n")) == {(0, True, 2), (2, True, 1)}


def test_the_programs_own_handlers_stay_as_they_are() -> None:
    plain = handlers("def f():\n    try:\n        g()\n    finally:\n        h()\n")
    assert {(0, False, 0), (1, True, 1)} <= set(plain)


@pytest.mark.parametrize("names", [1, 300])
def test_a_function_that_begins_on_its_own_line_has_no_other(names: int) -> None:
    """With many constants a probe is loaded by two instructions."""
    source = f"def f(a):\n    x = [{', '.join(map(str, range(2, 2 + names)))}]\n    return a + {names * 7}\n"
    (_, _), (_, code) = both(source.encode())
    entered = code.co_code[::2].index(dis.opmap["RESUME"])
    lines = [position[0] for position in code.co_positions()]
    assert lines[entered : lines.index(2)] == [1] + [None] * (lines.index(2) - entered - 1)
    loads = [c for c in code.co_consts if isinstance(c, str) and c.startswith(ops.MARKER)]
    assert len(loads) > 3
