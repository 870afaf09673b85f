"""What `import flor` offers besides GET: tables and runs as Python objects. Imported when it is first used."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flor import home
from flor.errors import FlorError

if TYPE_CHECKING:
    from flor.etl.table import Table


@dataclass(frozen=True)
class Run:
    """One run of an experiment."""

    experiment: str
    id: str  # ids sort by time
    status: str  # running, finished, failed, killed
    script: str | None
    arguments: list[str]  # of the script
    start: datetime  # local time
    end: datetime | None  # None: it goes on, or was killed
    exit_code: int | None
    exception: str | None  # what ended it: type and message
    python: str | None  # its version
    host: str | None
    commit: str | None  # of git, that was checked out
    code: str | None  # the ref under which git keeps the run's code


def table(
    experiment: str,
    *shadows: str | os.PathLike[str],
    runs: Sequence[str | Run] | None = None,
    rows: str | None = None,
    times: bool = False,
    exact: bool = False,
    long: bool = False,
) -> Table:
    """The table of the names in shadow copies, over all runs of an experiment, or those in `runs`, or with these ids.

    `rows`, `times`, `exact` and `long` are the options of `flor etl`: the block whose instances are the rows, columns
    that say when, no values of other versions of the source, and a row for each value.

    Without shadow copies: those and the options of the last `flor etl`, and, unless `runs` says otherwise, its runs and
    those that came since. Nothing is written. Raises FlorError for what `flor etl` refuses.
    """
    from flor.etl.asked import Asked, remake
    from flor.etl.selection import Selection

    home.check_experiment_name(experiment)
    chosen = None
    if runs is not None:
        chosen = Selection(tuple(run.id if isinstance(run, Run) else run for run in runs))
        if not chosen.ids:  # to a selection that would be all
            raise FlorError(f"none of the runs of {experiment!r} is selected: `runs` is empty")
    if shadows:
        asked = Asked(chosen or Selection(), rows, times, exact, long)
        return asked.make(experiment, [Path(shadow) for shadow in shadows])
    if rows is not None or times or exact or long:
        raise FlorError("rows, times, exact and long are about shadow copies: name them")
    return remake(experiment, chosen)[0]


def runs(experiment: str) -> list[Run]:
    """The runs of an experiment, oldest first. One that cannot be read is left out, with a warning.

    Raises FlorError if there is no such experiment.
    """
    unreadable: list[str] = []
    found = [_run(run) for run in home.runs(experiment, unreadable)]
    for text in unreadable:
        warnings.warn(text, stacklevel=3)
    return found


def _run(run: home.Run) -> Run:
    info = run.info
    end = info["end"]
    return Run(
        run.experiment,
        run.id,
        run.status,
        _text(info.get("script")),
        list(map(str, info["argv"][1:])),
        datetime.fromtimestamp(info["start"]),
        None if end is None else datetime.fromtimestamp(end),
        info["exit_code"],
        _text(info.get("exception")),
        _text(info.get("python")),
        _text(info.get("host")),
        _text(info.get("commit")),
        run.code_ref,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
