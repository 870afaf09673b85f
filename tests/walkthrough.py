"""The walk-through in tests: run a script, annotate a shadow copy, make the table, read it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import flor


def run(*arguments: object, code: int = 0) -> str:
    """`flor python ...`; returns what the program printed."""
    done = flor("python", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout


def annotate(source: str, *edits: tuple[str, str]) -> str:
    """Make SOURCE_h.py, and put each edit's second text in the place of its first, which must stand there once."""
    shadow = source.removesuffix(".py") + "_h.py"
    done = flor("cp", source, shadow)
    assert done.returncode == 0, done.stderr
    path = Path(shadow)
    text = path.read_text()
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times"
        text = text.replace(old, new)
    path.write_text(text)
    return shadow


def etl(experiment: str, *shadows: str) -> tuple[list[dict[str, str]], str]:
    """The rows of EXPERIMENT.csv without the run's id ("run" is its number), and what was said on stderr."""
    done = flor("etl", experiment, *shadows)
    assert done.returncode == 0, done.stderr
    with Path(f"{experiment}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {run: str(number) for number, run in enumerate(sorted({r["run"] for r in rows}))}
    return [{**r, "run": runs[r["run"]]} for r in rows], done.stderr


def columns(rows: Sequence[dict[str, str]], *names: str) -> list[tuple[str, ...]]:
    """The named columns of each row."""
    return [tuple(r[n] for n in names) for r in rows]
