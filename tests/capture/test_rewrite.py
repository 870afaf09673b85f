"""What rewriting leaves as it was, over modules of the standard library: names, flags, line numbers, constants that are not probes."""

from __future__ import annotations

import ast
import os
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from flor.capture import ops, rewrite

LIBRARY = Path(os.__file__).parent
MODULES = """
    abc argparse ast asyncio/base_events asyncio/tasks asyncio/streams base64 bdb bisect calendar cmd codecs collections/__init__
    concurrent/futures/thread configparser contextlib copy csv dataclasses datetime decimal difflib dis doctest email/message
    enum fileinput fractions functools gettext glob heapq html/parser http/client http/cookies inspect json/decoder keyword
    logging/__init__ mailbox multiprocessing/pool numbers optparse pathlib pdb pickle pickletools platform plistlib pprint
    pydoc queue random reprlib sched selectors shelve shutil smtplib socket ssl statistics string subprocess symtable tarfile
    tempfile textwrap threading timeit tokenize traceback types typing unittest/mock uuid warnings weakref zipfile
""".split()


def code_objects(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_objects(constant)


def outside(code: types.CodeType) -> list[object]:
    """What a program can see of its code, apart from constants and instructions."""
    return [
        (c.co_qualname, c.co_names, c.co_varnames, c.co_freevars, c.co_cellvars, c.co_flags, c.co_firstlineno)
        for c in code_objects(code)
    ]


def markers(code: types.CodeType) -> set[int]:
    texts = (k for c in code_objects(code) for k in c.co_consts if isinstance(k, str))
    return {int(t.removeprefix(ops.MARKER)) for t in texts if t.startswith(ops.MARKER)}


def paths() -> list[Path]:
    """zipfile, pathlib and others are a file in one version and a package in another."""
    found = [LIBRARY / f"{name}.py" for name in MODULES] + [LIBRARY / name / "__init__.py" for name in MODULES]
    return sorted({p for p in found if p.is_file()})


@pytest.mark.parametrize("path", paths(), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_rewritten_code_shows_what_the_source_showed(path: Path) -> None:
    data = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = compile(data, str(path), "exec", dont_inherit=True)
        rewritten = rewrite.rewrite(ast.parse(data), data)
        code = compile(rewritten.tree, str(path), "exec", dont_inherit=True)
    assert outside(code) == outside(plain)
    assert markers(code) <= set(range(len(rewritten.specs)))
    lines = {line for c in code_objects(plain) for *_, line in c.co_lines() if line}
    lines |= {n.lineno for n in ast.walk(ast.parse(data)) if isinstance(n, ast.stmt | ast.expr)}
    assert {line for c in code_objects(code) for *_, line in c.co_lines() if line} <= lines


def test_every_site_says_where_its_value_is_found() -> None:
    for path in paths()[:20]:
        data = path.read_bytes()
        sites = rewrite.rewrite(ast.parse(data), data).map.sites
        lost = [
            s
            for s in sites
            if (s.source in ("same", "derived") and (s.of is None or sites[s.of].source == "absent"))
            or (s.source in ("constant", "derived") and (s.witness is None or sites[s.witness].source != "recorded"))
            or (s.source == "absent" and not s.why)
        ]
        assert lost == []


def test_what_has_no_value_of_its_own_gives_its_name_none() -> None:
    data = b"x = __debug__\ny: bool = __debug__\n(z := __debug__)\n"
    sites = rewrite.rewrite(ast.parse(data), data).map.sites
    assert {(s.text, s.source, s.of) for s in sites if s.kind == "binding"} == {(n, "absent", None) for n in "xyz"}
