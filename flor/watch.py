"""`flor sql --watch`: a query that is asked again and again while runs go on, over tables that grow with them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

from flor import home
from flor.errors import FlorError
from flor.etl.asked import remake
from flor.query import answers
from flor.query.sql import Database, is_old
from flor.query.views import SCHEMAS

SECONDS = 2.0

_TOP = "\x1b[H\x1b[2J"  # clears a terminal
_OTHER_LINES = 4  # of a screen: header, dots, size, and where the cursor stands

Warn = Callable[[Iterable[object]], None]


def watch(sql: str, form: str, seconds: float, stream: TextIO, warn: Warn, allow_files: bool = False) -> None:
    """Write the answer to a query every so many seconds, until no run of the experiments that it names goes on.

    A terminal is redrawn; elsewhere answers follow each other. Raises FlorError if the query names no experiment and no
    view, and as `Database.query` does.
    """
    database = Database(allow_files)
    try:
        if not database.only_asks(sql):
            raise FlorError("--watch asks again and again: it takes SELECT, and nothing that changes something")
        database.apart(lambda: database.query(sql))
        if not database.named:
            raise FlorError("there is nothing to watch: the query names no experiment and no view")
        views = not database.named.isdisjoint(SCHEMAS)
        tables = sorted(database.named.difference(SCHEMAS))
        said: set[str] = set()
        running: list[str] = []
        while True:
            before = running  # of a run that was killed since, nothing says when it ended
            running = [e for e in (home.experiments() if views else tables) if is_running(e)]
            warnings = [w for e in tables if e in running or e in before or is_old(e) for w in renew(e)]
            warnings += database.apart(lambda: _write(database, sql, form, stream))
            warn(w for w in dict.fromkeys(warnings) if stream.isatty() or w not in said)
            said.update(warnings)
            if not running:
                return
            time.sleep(seconds)
    finally:
        database.close()


def is_running(experiment: str) -> bool:
    """Whether a run of an experiment goes on."""
    return any(run.status == "running" for run in home.runs(experiment, []))


def renew(experiment: str) -> Sequence[str]:
    """Make an experiment's table anew, for the names that it has. Returns its diagnostics, or why it stays as it
    was."""
    try:
        made, asked = remake(experiment)
        asked.save(made, experiment)
        return list(map(str, made.diagnostics))
    except FlorError as error:
        return [f"the table of {experiment} stays as it was: {error}"]


def _write(database: Database, sql: str, form: str, stream: TextIO) -> list[str]:
    answer = database.query(sql)
    if form == "table" and stream.isatty():
        size = shutil.get_terminal_size()
        stream.write(_TOP + answers.as_table(answer, size.columns, max(1, size.lines - _OTHER_LINES)))
    else:
        answers.WRITERS[form](answer, stream)
    stream.flush()
    return answer.warnings
