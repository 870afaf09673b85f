"""Where an older run logged something else under a name than the newest one does, because the source has changed.

A statement of the older run that stands in the newer source just was not met: a branch was not taken, say.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from flor.errors import FlorError
from flor.home import Run
from flor.trace import logged
from flor.trace.read import open_trace


@dataclass(frozen=True)
class Statement:
    """A log statement that a run has met, as far as another version of the source can have it, too."""

    file: str  # path of the source
    typ: str
    column: str
    text: str  # what is logged, on one line


def statement(line: logged.Line) -> Statement | None:
    """Of a line of logged.jsonl; None: nothing can be said of it, as its text is not known, or it is `flor.arg`, which
    logs what it was given."""
    text = " ".join(str(line.about.get("value", "")).split())
    if line.column is None or line.typ == "arg" or not text:
        return None
    return Statement(line.file, line.typ, line.column, text)


def remarks(met: Mapping[str, frozenset[Statement]], newest: Run) -> Iterator[tuple[str, str]]:
    """The id and what is to be said of each run that logged a name by statements that the source has no more.

    `met`: of each run that logged the name, the oldest first, the statements; `newest`: the last one of them.
    """
    now = met[newest.id]
    here = " and ".join(sorted({own.text for own in now}))
    if not here:
        return
    files = {own.file for own in now}
    sources: dict[str, ast.Module] | None = None

    @cache
    def stands(own: Statement) -> bool:
        nonlocal sources
        if own.text in {other.text for other in now}:
            return True
        if sources is None:
            sources = _sources(newest)
        found = [sources[file] for file in {own.file, *files} if file in sources]
        return any(_can_log(source, own) for source in found)

    for run, statements in met.items():
        gone = sorted({own.text for own in statements if not stands(own)})
        if gone:
            yield run, f"{' and '.join(gone)} {'was' if len(gone) == 1 else 'were'} logged here, not {here}"


def _sources(run: Run) -> dict[str, ast.Module]:
    """The sources that a run has kept, parsed, by their paths. One that cannot be read is left out."""
    found = {}
    kept = [(own["path"], own["sha256"]) for own in logged.sources(run.path)]
    with contextlib.suppress(FlorError):
        kept += [(own.path, own.sha256) for own in open_trace(run).sources]
    for path, sha256 in kept:
        with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            found[path] = ast.parse((run.path / "sources" / f"{sha256}.py").read_bytes())
    return found


def _can_log(source: ast.Module, statement: Statement) -> bool:
    """Whether there is a call in a source that can be a statement: one of the same argument, and of no other name."""
    try:
        sought = ast.dump(ast.parse(f"({statement.text})", mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(source):
        if isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            name = node.args[0] if statement.typ == "log" and node.args else None
            is_other = isinstance(name, ast.Constant) and str(name.value).casefold() != statement.column.casefold()
            if not is_other and any(ast.dump(own) == sought for own in given):
                return True
    return False
