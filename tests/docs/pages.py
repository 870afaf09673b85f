"""A page of the documentation as a session: its files and commands, in order, with what they print.

Conventions of the pages:

- A ```console block holds commands, each after "$ ", and below each what it prints (stdout and stderr). A line "..."
  stands for any lines. "# exit code 2" behind a command says that it ends so; else it ends with 0.
- A ```python block may say in its first line `write=FILE`: the file is written; or `is=FILE`: it is that file as it is
  now.
- A page's commands run in one folder, /home/you/project in the pages, with FLOR_HOME=/home/you/.flor.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Command:
    """A command, and what the page says that it prints."""

    line: int  # in the page, from 1
    text: str
    expected: tuple[str, ...]

    @property
    def code(self) -> int:
        found = re.search(r"# exit code (\d+)$", self.text)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class File:
    """A file that the page shows; `written` if it is the page that makes it."""

    line: int
    name: str
    text: str
    written: bool


@dataclass(frozen=True)
class Fence:
    """A fenced block: its first line without the backticks, and the lines inside."""

    line: int  # of its first line inside
    info: str
    lines: tuple[str, ...]


def fences(page: str) -> Iterator[Fence]:
    """The fenced blocks of a page."""
    begun: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("```"):
            inside.append(line)
        elif begun is None:
            begun, inside = (number + 1, line[3:].strip()), []
        else:
            yield Fence(*begun, tuple(inside))
            begun = None
    assert begun is None, f"the block at line {begun} has no end"


def steps(page: str) -> Iterator[Command | File]:
    """What is to be done with a page, in order."""
    for fence in fences(page):
        if fence.info == "console":
            yield from _commands(fence)
        elif found := re.fullmatch(r"python (write|is)=(\S+)", fence.info):
            yield File(fence.line, found[2], "".join(f"{line}\n" for line in fence.lines), found[1] == "write")


def _commands(fence: Fence) -> Iterator[Command]:
    starts = [i for i, line in enumerate(fence.lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"the console block at line {fence.line} does not begin with a command"
    for start, end in zip(starts, [*starts[1:], len(fence.lines)], strict=True):
        yield Command(fence.line + start, fence.lines[start][2:], fence.lines[start + 1 : end])


class Session:
    """The folder in which a page's commands run."""

    def __init__(self, place: Path) -> None:
        self.home = place.resolve() / "you"
        self.folder = self.home / "project"
        self.folder.mkdir(parents=True)
        (self.folder / "iris.py").write_bytes((ROOT / "examples" / "iris" / "iris.py").read_bytes())

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; its exit code and all it prints, with the paths of the pages."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "FLOR_HOME": str(self.home / ".flor"),
            "COLUMNS": "80",
            "PYTHONUNBUFFERED": "1",  # so that stdout and stderr keep their order
        }
        environment.pop("FLOR_RECORDER", None)
        done = subprocess.run(
            ["bash", "-c", self.real(command)],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, self.shown(done.stdout)

    def shown(self, text: str) -> str:
        """Text with the paths of the pages."""
        return text.replace(str(self.home), "/home/you")

    def real(self, text: str) -> str:
        """Text of a page with the paths that there really are."""
        return text.replace("/home/you", str(self.home))

    def write(self, file: File) -> None:
        """Write a file of the page."""
        path = self.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.real(file.text))


_MASKS = (
    (r"\d{8}-\d{6}-\d{6}", "<run>"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "<time>"),
    (r"\b\d+\.\d s\b", "<duration>"),
    (r"\b[\d.]+ (B|kB|MB|GB)\b", "<size>"),
    (r"\b\d+\.\d+(\.\d+)+\b", "<version>"),
    (r"\b[\d,]+ of ([\d,]+) iterations\b", r"<some> of \1 iterations"),  # how fast they came counts
)
#: Columns that chance decides, and columns that make chance decide on the order of the rows.
_BY_CHANCE = {"random_state", "score"}
_ORDERING = {"mean"}


def masked(text: str) -> list[str]:
    """The lines of an output, without what differs from one session to the next."""
    for pattern, word in _MASKS:
        text = re.sub(pattern, word, text)
    lines: list[str] = []
    chance: list[bool] = []
    for line in text.rstrip().splitlines():
        separator = "," if "," in line and "  " not in line else None
        cells = line.split(separator)
        if _BY_CHANCE.intersection(cells) or _ORDERING.intersection(cells):
            chance = [cell in _BY_CHANCE or not _ORDERING.isdisjoint(cells) for cell in cells]
        elif len(cells) == len(chance):
            cells = ["#" if by_chance else cell for cell, by_chance in zip(cells, chance, strict=True)]
        elif line != "...":
            chance = []
        lines.append(" ".join(cells))
    return lines


def matches(expected: list[str], actual: list[str]) -> bool:
    """Whether lines are as expected, where a line "..." stands for any lines."""
    if "..." not in expected:
        return expected == actual
    at = expected.index("...")
    if actual[:at] != expected[:at]:
        return False
    return any(matches(expected[at + 1 :], actual[i:]) for i in range(at, len(actual) + 1))
