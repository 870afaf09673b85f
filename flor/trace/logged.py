"""What a run's log statements are: `logged.jsonl`, a line for each statement that was evaluated, tracked function that
was called, and Context that was entered.

Its values are those of calls of `logged`, in the source of the module MODULE (`flor/logging/recorded.py`). Standard
library only: this also runs inside the captured program.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The name of the module whose calls hold the values.
MODULE = "flor.Context"

#: Statements that have a column.
COLUMNS = ("param", "metric", "log", "arg")

_NAME = "logged.jsonl"


@dataclass(frozen=True)
class Line:
    """A line: what its number means."""

    id: int
    #: param, metric, read, write, log, arg; call (of a tracked function); context, entered, or left; source
    typ: str
    file: str  # the source's path; of a context, that of its log
    #: the fields of LOG_RECORD, `column` and `span`; of a call the `function`, its `line` and the `context`; of a
    #: context the `name`; of one that was left its number, as `context`; of a source its `sha256` and `module`
    about: dict[str, Any]

    @property
    def column(self) -> str | None:
        """The name of its column, if it has one."""
        name = self.about.get("column")
        return name if self.typ in COLUMNS and isinstance(name, str) and name else None

    @property
    def span(self) -> tuple[int, int, int, int] | None:
        """Where in the source the statement's call stands, as `ast` counts; None: that is not known."""
        span = self.about.get("span")
        if not isinstance(span, list) or len(span) != 4 or not all(isinstance(own, int) for own in span):
            return None
        return span[0], span[1], span[2], span[3]


def path(run: Path) -> Path:
    """The file."""
    return run / _NAME


def lines(run: Path) -> dict[int, Line]:
    """The lines of a run, by their numbers, in the order in which they were first met. One that cannot be read is left
    out: its values are then nothing's."""
    found: dict[int, Line] = {}
    try:
        text = path(run).read_text("utf-8", "surrogatepass")
    except (OSError, ValueError):
        return {}
    for line in text.split("\n")[:-1]:  # behind the last newline one may just be written
        with contextlib.suppress(ValueError, KeyError, TypeError):
            data = json.loads(line)
            made = Line(data["id"], data["typ"], data["file"], data["about"])
            if isinstance(made.id, int) and isinstance(made.file, str) and _is_whole(made):
                found.setdefault(made.id, made)
    return found


def sources(run: Path) -> list[dict[str, str]]:
    """The sources with log statements that a run has kept without capturing them: `path`, `sha256` and `module`."""
    return [
        {"path": own.file, "sha256": own.about["sha256"], "module": own.about["module"]}
        for own in lines(run).values()
        if own.typ == "source"
    ]


def _is_whole(line: Line) -> bool:
    """Whether a line says what those of its kind say."""
    about = line.about
    if not isinstance(about, dict):
        return False
    match line.typ:
        case "context":
            return isinstance(about.get("name"), str)
        case "left":
            return isinstance(about.get("context"), int)
        case "source":
            return isinstance(about.get("sha256"), str) and isinstance(about.get("module"), str)
        case "call" | "tracked":
            return isinstance(about.get("function"), str) and isinstance(about.get("line"), int)
    return all(key in about for key in _FIELDS)


_FIELDS = ("assignee", "caller", "from_arg", "in_execution", "instruction_no", "keyword_name", "pos", "value")
