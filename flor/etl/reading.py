"""What a table and its long form share: the shadow copies, and what the runs answer to their names, one by one."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flor import home
from flor.annotate import shadow
from flor.annotate.places import Name
from flor.diagnostics import Diagnostic
from flor.errors import FlorError
from flor.etl import logged
from flor.etl.extract import Annotated, Extracted, extract, number_blocks
from flor.etl.keys import Blocks, free_name
from flor.etl.logged import LoggedName
from flor.etl.selection import ALL, Selection, select
from flor.trace.read import open_trace

#: Sources that are named where a run has not the one that is sought.
_MOST_SOURCES = 5


#: Is told how many runs are done, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Read:
    """What was read, and what is to be said about it."""

    names: list[tuple[Path, Name]]  # in order, each with its shadow copy
    logged: list[LoggedName]  # that the programs of the runs logged, each under the name of its column
    diagnostics: list[Diagnostic]
    going: list[str]  # ids of the runs that had not ended


def read_runs(
    experiment: str,
    shadows: Sequence[Path | Annotated],
    selection: Selection,
    blocks: Blocks,
    take: Callable[[home.Run, Extracted], Iterable[Diagnostic]],
    exact: bool = False,
    whole: bool = False,
    survey: bool = False,
    progress: Progress | None = None,
) -> Read:
    """Give `take` what each selected run, oldest first, answers to the names; it returns what is to be said of that.

    `blocks` learns the runs' blocks. If `exact`, names have values only in sources that are the annotated ones, but for
    comments and layout. `whole`: with all block instances, of long runs too. `survey`: `blocks` knows those
    of all runs before `take` is called. `progress` is told how far it is. Raises FlorError for what the user has
    to mend: an unknown experiment or run, no run, a shadow copy that cannot be read, a name that is used twice. A run
    that cannot be read is skipped, with a diagnostic.
    """
    home.experiment_path(experiment)
    annotated = [copy if isinstance(copy, Annotated) else read_shadow(copy) for copy in shadows]
    names = _names(annotated)
    warnings: list[str] = []
    runs = select(experiment, list(home.runs(experiment, warnings)), selection)
    diagnostics = [Diagnostic(w) for w in warnings]
    told, columns = _logged(runs, [name.name for _, name in names], diagnostics)
    _check_names(annotated, [*names, *told])
    for copy in annotated:
        path = str(copy.shadow.source_path)
        for paths in ({source["path"] for source in run.info["sources"]} for run in runs):
            copy.others |= paths - {path} if path in paths else set()
    taken = 0
    going: list[str] = []
    captured: dict[str, None] = {}
    for run in runs if survey else ():
        with contextlib.suppress(FlorError):
            number_blocks(open_trace(run), annotated, blocks)
    for number, run in enumerate(runs):
        if progress is not None:
            progress(number, len(runs))
        try:
            trace = open_trace(run)
            extracted = extract(trace, annotated, blocks, exact, whole, columns)
        except FlorError as error:
            diagnostics.append(Diagnostic(str(error)))
            continue
        diagnostics += [*extracted.diagnostics, *_how_it_ended(run), *take(run, extracted)]
        captured |= dict.fromkeys(source.path for source in trace.sources)
        taken += 1
        going += [run.id] if run.status == "running" else []
    if not taken:
        reason = str(diagnostics[0]) if diagnostics else f"flor python SCRIPT {experiment} makes one"
        raise FlorError(f"experiment {experiment!r} has no run that can be read: {reason}")
    gone = [*_gone_sources(annotated, experiment), *_edited_copies(annotated, runs)]
    read = f"runs of {experiment!r}" if selection == ALL else "chosen runs"
    _check_captured(annotated, read, list(captured), runs, diagnostics)
    return Read(names, told, [*diagnostics, *gone], going)


def _how_it_ended(run: home.Run) -> list[Diagnostic]:
    """What is to be said of a run that has not ended well: its rows are in the table."""
    if run.status == "finished":
        return []
    sentence = "has not ended: its values so far are in the table" if run.status == "running" else run.status
    return [Diagnostic(sentence, runs=(run.id,))]


def read_shadow(path: Path) -> Annotated:
    """A shadow copy from its file. Raises FlorError with one line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlorError(f"cannot read the shadow copy {path}: {error.strerror}") from None
    return Annotated(shadow.parse(data, str(path)), path)


def _names(annotated: Sequence[Annotated]) -> list[tuple[Path, Name]]:
    """All names in order. Raises FlorError if one is there twice."""
    seen: dict[str, tuple[Path, Name]] = {}
    for copy in annotated:
        for name in copy.shadow.names:
            if name.name.casefold() in seen:  # to SQL upper and lower case are one
                path, other = seen[name.name.casefold()]
                places = f"{path}:{other.line} and {copy.path}:{name.line}"
                twice = "is used twice" if other.name == name.name else f'and "{other.name}" are one name to SQL'
                raise FlorError(f'the name "{name.name}" {twice}: {places}; rename one of them')
            seen[name.name.casefold()] = copy.path, name
    return list(seen.values())


def _check_names(annotated: Sequence[Annotated], names: Sequence[object]) -> None:
    """Raises FlorError if there is no name."""
    if not names:
        files = ", ".join(str(c.path) for c in annotated)
        if not files:
            raise FlorError("there is nothing to make a table of: name a shadow copy, as the programs logged nothing")
        raise FlorError(f'there is no name in {files}: put GET("name", ...) around an expression')


def _logged(
    runs: Sequence[home.Run], names: Sequence[str], diagnostics: list[Diagnostic]
) -> tuple[list[LoggedName], dict[str, str]]:
    """What the programs of the runs logged, under the names of the columns; and these, by the name in lower case. A
    name of a shadow copy is the user's latest word: what is logged under the same gets another column, and that is
    said."""
    columns: dict[str, str] = {}
    found = []
    for own in logged.names(runs):
        name = free_name(own.name, [*names, *columns.values()])
        if name != own.name:
            diagnostics.append(
                Diagnostic(f"the program logs something of this name, which is the column {name}", own.name)
            )
        diagnostics += [Diagnostic(remark, name, (run,)) for run, remark in own.others]
        columns[own.name.casefold()] = name
        found.append(replace(own, name=name))
    return found, columns


def _gone_sources(annotated: Sequence[Annotated], experiment: str) -> list[Diagnostic]:
    """What is to be said of sources that are not there any more. Raises FlorError where no run has one either."""
    diagnostics = []
    for copy in annotated:
        path = copy.shadow.source_path
        if source_exists(path) or not copy.shadow.names:
            continue
        if not copy.was_found:
            raise FlorError(
                f"the source of {copy.path} is gone and no run of {experiment!r} has it: {path}; correct its header"
            )
        diagnostics.append(Diagnostic(f"the source of {copy.path} is gone, the runs' own copies are read: {path}"))
    return diagnostics


def _edited_copies(annotated: Sequence[Annotated], runs: Sequence[home.Run]) -> list[Diagnostic]:
    """What is to be said of copies that are not of the source as it is, though a run captured it as it is."""
    captured = {(own["path"], own["sha256"]) for run in runs for own in run.info["sources"]}
    diagnostics = []
    for copy in annotated:
        path = copy.shadow.source_path
        try:
            source = path.read_bytes()
        except OSError:
            continue
        now = hashlib.sha256(source).hexdigest()
        if now != copy.sha256 and (str(path), now) in captured and not copy.is_code_of(source):
            more = f"{copy.path} differs from {path} by more than names: flor cp --update {copy.path} renews it"
            diagnostics.append(Diagnostic(more))
    return diagnostics


def _check_captured(
    annotated: Sequence[Annotated],
    read: str,
    captured: list[str],
    runs: Sequence[home.Run],
    diagnostics: Sequence[Diagnostic],
) -> None:
    """Raise FlorError if no run has the source of any shadow copy: nothing could stand in the table.

    `read`: which runs were read, in words. `captured`: the sources that they have. `diagnostics`: what was said of
    them.
    """
    missing = [copy for copy in annotated if copy.shadow.names]
    if not missing or any(copy.was_captured for copy in missing):
        return
    path = str(missing[0].shadow.source_path)
    reasons = [skipped["why"] for run in runs for skipped in run.info.get("uncaptured", []) if skipped["path"] == path]
    why = f" ({reasons[-1]})" if reasons else ""
    more = f" and {len(captured) - _MOST_SOURCES} more" if len(captured) > _MOST_SOURCES else ""
    have = f"they captured {', '.join(captured[:_MOST_SOURCES]) or 'nothing'}{more}"
    if not captured and diagnostics:
        have = f"{have}: {diagnostics[0]}"
    raise FlorError(f"none of the {read} captured {path}{why}, the source of {missing[0].path}; {have}")


def source_exists(path: Path) -> bool:
    """Whether there is a file of this name. Where that cannot be told there is none."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists can raise
