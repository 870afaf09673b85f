"""Which blocks of a run were thinned to keep within its budget, and how much of them was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class Thinned:
    """One block. What lies in an instance that was not recorded was not recorded either, and is not counted."""

    path: str  # of its source
    module: str
    line: int
    kind: str  # as Block.kind
    name: str  # as Block.name
    recorded: int  # instances
    skipped: int

    def __str__(self) -> str:
        """What is to be said of it, without an end."""
        own = {"function": f"{self.name}()", "while": self.name}.get(self.kind, f"{self.kind} {self.name}")
        what = {"for": "iterations", "while": "iterations", "comprehension": "iterations", "function": "calls"}
        where = f"line {self.line} of {PurePath(self.path).name}"
        total = self.recorded + self.skipped
        return f"{own} ({where}): {self.recorded:,} of {total:,} {what.get(self.kind, 'runs')} were recorded"
