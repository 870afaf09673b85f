"""Every nameable expression of real sources, named through the copy as the language server does it.

    python -m tests.annotate.corpus [--every N] [--processes N] FOLDER...

Each is named alone; edits that do not overlap are then made together. The copy without its GETs is to be the source,
byte for byte, and its tree is to differ by the GETs alone. Prints what was refused or wrong, and how many there were.
What one statement has that names cannot be tried for within ten minutes is counted as left out.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from flor.annotate.chunks import Chunks
from flor.annotate.living import Living
from flor.annotate.nameable import expression_at
from flor.annotate.places import Edit, Expression, Refusal, apply
from flor.annotate.source import Parsed, decode
from flor.annotate.strip import strip
from flor.errors import FlorError

_HEADER = "#/corpus/source.py\n"
_PATIENCE = 600  # seconds for one statement of a module


@dataclass
class Result:
    """What came of one source."""

    path: Path
    named: int = 0
    unnamable: int = 0  # what is no value: annotations, patterns, targets
    left: int = 0  # for which there was no time
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class TakenOut(ast.NodeTransformer):
    """An own idea of the tree without GETs, to compare with; the statement GETs are told by their names."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[1] if isinstance(node.func, ast.Name) and node.func.id == "GET" else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "GET":
            name = call.args[0]
            assert isinstance(name, ast.Constant)
            if name.value.startswith("binding"):
                return None
        return self.generic_visit(node)


def check(path: Path, every: int = 1) -> Result:
    """Name every expression of a source, or every n-th."""
    result = Result(path)
    try:
        text = decode(path.read_bytes(), str(path)).text
        ast.parse(text)
    except (FlorError, SyntaxError, ValueError, RecursionError):
        return result
    source = Chunks.of(text)
    copy = Living(_HEADER + text, source.changed(_HEADER + text), "source_h.py")
    at = 0
    for number, chunk in enumerate(source.chunks):
        edits: list[tuple[tuple[int, int], Edit]] = []
        end = time.monotonic() + _PATIENCE
        for node in ast.walk(chunk.parsed.tree):
            if not isinstance(node, ast.expr | ast.arg | ast.alias | ast.ExceptHandler) or _is_odd(node):
                continue
            at += 1
            if at % every:
                continue
            if time.monotonic() > end:
                result.left += 1
                continue
            found = expression_at(chunk.parsed, chunk.parsed.start(node), chunk.parsed.end(node))
            if not isinstance(found, Expression):
                result.unnamable += 1
                continue
            edit = copy.insert_from_source(source, number, found, f"{found.kind} {at}")
            if isinstance(edit, Refusal):
                result.refused.append(f"{path}: {found.text[:60]!r}: {edit.reason}")
            else:
                result.named += 1
                start = source.starts[number] + len(_HEADER)
                own = [place - start for change in edit for place in change[:2]]
                edits.append(((min(*own, found.start), max(*own, found.end)), edit))
        for batch in _apart(edits):
            _verify(result, copy, source.starts[number], chunk.text, batch)
    return result


def _is_odd(node: ast.AST) -> bool:
    """Before Python 3.12 what is in an f-string has no reliable position; nothing is asked for there by position."""
    return sys.version_info < (3, 12) and isinstance(node, ast.FormattedValue)


def _apart(edits: list[tuple[tuple[int, int], Edit]]) -> Iterator[list[Edit]]:
    """Groups of edits that do not touch each other."""
    rest = sorted(edits, key=lambda own: own[0])
    while rest:
        end, batch, left = -1, [], []
        for own in rest:
            if own[0][0] > end:
                batch.append(own[1])
                end = own[0][1]
            else:
                left.append(own)
        yield batch
        rest = left


def _verify(result: Result, copy: Living, start: int, chunk: str, batch: list[Edit]) -> None:
    start += len(_HEADER)
    changes = [(s - start, e - start, new) for edit in batch for s, e, new in edit]
    try:
        made = apply(changes, chunk)
        tree = TakenOut().visit(ast.parse(made))
        for node in ast.walk(tree):  # a class whose whole body was the GET of a binding cannot be
            assert not hasattr(node, "body") or node.body != []
        same_tree = ast.dump(tree) == ast.dump(ast.parse(chunk))
        same_text = strip(Parsed(made)).text == chunk
    except (AssertionError, SyntaxError, FlorError) as error:
        result.wrong.append(f"{result.path}: {error!r}")
        return
    if not (same_tree and same_text):
        result.wrong.append(f"{result.path}: {'another tree' if same_text else 'another text'} in {chunk[:60]!r}")


def main() -> int:
    """Returns 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.annotate.corpus")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--every", type=int, default=1, help="only every n-th expression")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    paths = sorted({path for folder in options.folders for path in folder.rglob("*.py")})
    named = unnamable = left = refused = wrong = files = 0
    with contextlib.suppress(KeyboardInterrupt), ProcessPoolExecutor(options.processes) as pool:
        for result in pool.map(check, paths, [options.every] * len(paths), chunksize=4):
            files += 1
            named, unnamable, left = named + result.named, unnamable + result.unnamable, left + result.left
            refused, wrong = refused + len(result.refused), wrong + len(result.wrong)
            print("\n".join([*result.refused, *result.wrong]), end="\n" if result.refused or result.wrong else "")
            if files % 100 == 0:
                print(f"... {files} of {len(paths)} files, {named:,} named", flush=True)
    print(
        f"{files:,} files: {named:,} named, {unnamable:,} no values, {refused} refused, {wrong} wrong, {left:,} left out"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
