"""What a table says about itself: where a value is missing or not what one would think, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One remark. Its text, `str()`, is one line."""

    sentence: str
    name: str | None = None  # the name that it is about; None: all of them
    runs: tuple[str, ...] = ()  # the ids of the runs that it is about, oldest first; empty: the table as a whole

    def __str__(self) -> str:
        about = f"{self.name}: " if self.name is not None else ""
        if not self.runs:
            return f"{about}{self.sentence}"
        where = f"run {self.runs[0]}" if len(self.runs) == 1 else f"{len(self.runs)} runs, the last one {self.runs[-1]}"
        return f"{about}{self.sentence} ({where})"


def fold(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same remark on many runs made one, at the place of the first."""
    runs: dict[tuple[str, str | None], list[str]] = {}
    for diagnostic in diagnostics:
        seen = runs.setdefault((diagnostic.sentence, diagnostic.name), [])
        seen.extend(r for r in diagnostic.runs if r not in seen[-1:])
    return [Diagnostic(sentence, name, tuple(seen)) for (sentence, name), seen in runs.items()]


def counted(number: int) -> str:
    """`number` values as the subject of a sentence."""
    return f"{number} value{' is' if number == 1 else 's are'}"
