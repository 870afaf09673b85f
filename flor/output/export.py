"""Where the table of `flor etl` goes, and its head for a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from flor.diagnostics import Diagnostic
from flor.errors import FlorError
from flor.output import terminal
from flor.output.databases import Database, database
from flor.output.formats import Writer, whole, writer


@dataclass(frozen=True)
class Outputs:
    """Files and databases that a table is written to."""

    files: list[tuple[Path, Writer]]
    databases: list[Database]

    @property
    def titles(self) -> list[str]:
        """Each in words."""
        return [*(str(path) for path, _ in self.files), *(d.title for d in self.databases)]

    def write(self, table: pa.Table) -> list[Diagnostic]:
        """Write a table to all of them; returns what is to be said of values that are not there as they are.

        Raises FlorError at the first that cannot be written: that one, those behind it and all files are as they were.
        """
        remarks = []
        files = {
            os.path.realpath(path): (path, write) for path, write in self.files
        }  # of one that is there twice: once
        with contextlib.ExitStack() as written:  # files take their places when all is written
            for path, write in files.values():
                file = written.enter_context(whole(path))
                remarks += write(table, file)
                file.flush()
            for into in self.databases:
                remarks += into.write(table)
        return remarks


def outputs(
    experiment: str, files: Sequence[Path], databases: Sequence[Sequence[str]], append: bool, safe_csv: bool
) -> Outputs:
    """What the options ask for; by default EXPERIMENT.csv. Reads and writes nothing.

    `databases` has KIND and perhaps DSN of each. Raises FlorError for an option that cannot be followed.
    """
    chosen = list(files)
    if not files and not databases:
        chosen = [Path(f"{experiment}.csv")]
    found = Outputs(
        [(path, writer(path, safe_csv)) for path in chosen],
        [database(words, experiment, append) for words in databases],
    )
    if append and not databases:
        raise FlorError("--append adds rows to a database: say which with -d")
    if safe_csv and not any(path.suffix.lower() == ".csv" for path in chosen):
        raise FlorError("--safe-csv is about CSV, and no .csv file is written")
    return found


def head(table: pa.Table, rows: int = 10) -> str:
    """The first rows as aligned text for the terminal, and a line that says how large the table is."""
    shown = [column.to_pylist() for column in table.slice(0, rows).columns]
    return terminal.draw(table.column_names, shown, table.num_rows, terminal.width_of(sys.stdout))
