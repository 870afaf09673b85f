"""Which runs of an experiment a table is made of."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from flor import home
from flor.errors import FlorError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Selection:
    """Runs that fulfil all of it; of those, the last ones."""

    ids: tuple[str, ...] = ()  # these; none of them: all
    since: float | None = None  # that began then or later; seconds since the epoch
    where: str | None = None  # a condition in SQL on the columns of the view `runs`
    last: int | None = None  # so many


ALL = Selection()


def moment(text: str, now: float) -> float:
    """Seconds since the epoch of what a user calls a point in time: how long before `now` (`90m`, `2h`, `3d`, `1w`), or
    a date with or without a time, in ISO 8601, in local time unless it says otherwise. Raises FlorError."""
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text):
        return now - float(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise FlorError(f"--since {text}: give a date such as 2026-03-01 or 2026-03-01T14:30, or 90m, 2h, 3d") from None


def select(experiment: str, runs: Sequence[home.Run], selection: Selection) -> list[home.Run]:
    """The runs that are selected, in their order. Raises FlorError for an unknown run, or a condition that is no SQL,
    or if there are runs and none is selected."""
    found = list(runs)
    if selection.ids:
        _check_ids(experiment, selection.ids)
        found = [r for r in found if r.id in selection.ids]
    if selection.since is not None:
        found = [r for r in found if float(r.info["start"]) >= selection.since]
    if selection.where is not None:
        fulfilling = _where(experiment, selection.where)
        found = [r for r in found if r.id in fulfilling]
    if selection.last is not None:
        found = found[max(len(found) - selection.last, 0) :]
    if runs and not found:
        raise FlorError(f"none of the {len(runs)} runs of {experiment!r} is selected: see flor show {experiment}")
    return found


def _check_ids(experiment: str, ids: Sequence[str]) -> None:
    present = [p.name for p in home.run_paths(experiment)]
    for run_id in ids:
        if run_id not in present:
            last = f"the last one is {present[-1]}" if present else "it has none yet"
            raise FlorError(f"experiment {experiment!r} has no run {run_id!r}; {last}: see flor show {experiment}")


def _where(experiment: str, condition: str) -> set[str]:
    from flor.query import sql

    database = sql.Database(files_here=False)
    try:
        answer = database.query(
            f"select run from (select * from runs where experiment = {sql.quoted(experiment)}) where ({condition}\n)"
        )
        return {str(row[0]) for row in answer.rows}
    except sql.NoAccessError:
        raise FlorError(
            f"--where {condition}: a condition reaches no files, only the columns of the view runs"
        ) from None
    finally:
        database.close()
