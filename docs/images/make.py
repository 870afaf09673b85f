"""Draw walkthrough.svg: the Iris script with its named expressions, and beside it the table and the answer in SQL, all
from real runs.

    .venv/bin/python docs/images/make.py

Widths do not depend on the font that a reader has: each piece of text says how long it is.
"""

from __future__ import annotations

import csv
import io
import keyword
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from flor.annotate import shadow

HERE = Path(__file__).resolve().parent
IRIS = HERE.parent.parent / "examples" / "iris" / "iris.py"
RUNS = 2
NAMES = (  # place in iris.py, name
    ("9:53", "test_size"),
    ("10:56-10:77", "random_state"),
    ("12:25", "gamma"),
    ("12:30-12:35", "C"),
    ("14:13-14:34", "score"),
)
QUERY = (
    "select gamma, avg(score) as mean",
    "from iris_demo",
    "group by gamma",
    "order by mean desc",
)

# Pixels.
CHAR = 7.2  # of a monospaced character at 12 px
LINE = 19
TAB = 13  # the label above a named expression
PAD = 18
GAP = 22
TITLE = 40
ROW = 23

BACKGROUND, CARD, EDGE = "#0f1720", "#17212d", "#2b3a4b"
TEXT, MUTED, KEYWORD, STRING, NUMBER = "#dbe4ee", "#8796a8", "#8fa9cc", "#a9b8a2", "#dbe4ee"
COLOURS = ("#ffc857", "#5cc8ff", "#ff8fab", "#8ce99a", "#c9a7ff")
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
SANS = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"


@dataclass(frozen=True)
class Named:
    """A named expression: on one line of the source, from `start` to `end`, columns from 0."""

    name: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Shown:
    """What the picture shows."""

    source: str
    named: list[Named]
    table: list[dict[str, str]]
    answer: list[dict[str, str]]


def walk_through() -> Shown:
    """Run the walk-through in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(IRIS, folder)
        environment = {**os.environ, "FLOR_HOME": str(Path(folder, "flor-home"))}

        def flor(*arguments: str) -> str:
            command = [str(Path(sys.executable).with_name("flor")), *arguments]
            done = subprocess.run(command, cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE)
            return done.stdout

        for _ in range(RUNS):
            flor("python", "iris.py", "iris_demo")
        for place, name in NAMES:
            flor("name", f"iris.py:{place}", name)
        flor("etl", "iris_demo", "iris_h.py")
        answer = list(csv.DictReader(io.StringIO(flor("sql", "--csv", " ".join(QUERY)))))
        table = list(csv.DictReader(io.StringIO(Path(folder, "iris_demo.csv").read_text())))
        copy = shadow.parse(Path(folder, "iris_h.py").read_bytes(), "iris_h.py")
    spans = ((n.name, n.place.span) for n in copy.names)
    return Shown(copy.source, [Named(n, line, start, end) for n, (line, start, _, end) in spans], table, answer)


def draw(shown: Shown) -> str:
    """The picture as SVG."""
    script, script_height = _script(shown, GAP + PAD, GAP + TITLE + 20)
    script_width = max(map(len, shown.source.splitlines())) * CHAR + 2 * PAD
    right = GAP + script_width + GAP
    table, table_width, table_height = _table(shown, right + PAD, GAP + TITLE + 8)
    right_width = table_width + 2 * PAD
    table_height += TITLE + 8 + PAD - 6
    below = GAP + table_height + GAP
    answer, answer_height = _answer(shown, right + PAD, right + right_width - PAD, below + TITLE + 14)
    bottom = max(GAP + TITLE + 20 + script_height, below + TITLE + 14 + answer_height)
    width, height = right + right_width + GAP, bottom + GAP
    pieces = [
        f'<rect width="{width:g}" height="{height:g}" rx="14" fill="{BACKGROUND}"/>',
        _card(
            GAP,
            GAP,
            script_width,
            bottom - GAP,
            "Run the script once, name expressions later",
            "flor python, flor name",
        ),
        *script,
        _card(right, GAP, right_width, table_height, "A row for each iteration of each run", "flor etl"),
        *table,
        _card(right, below, right_width, bottom - below, "For what gamma is the score best?", "flor sql"),
        *answer,
    ]
    named = ", ".join(n.name for n in shown.named)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" font-family="{MONO}" font-size="12">\n'
        f"<title>The Iris script with five named expressions ({named}), the table of their values with a row for each "
        "iteration of each run, and a question about it in SQL</title>\n" + "\n".join(pieces) + "\n</svg>\n"
    )


def _card(x: float, y: float, width: float, height: float, title: str, command: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9" fill="{CARD}" stroke="{EDGE}"/>\n'
        f'<text x="{x + PAD:g}" y="{y + 26:g}" font-family="{SANS}" font-size="13.5" font-weight="600" fill="{TEXT}">'
        f"{title}</text>\n" + _right(x + width - PAD, y + 26, command, MUTED)
    )


def _text(x: float, y: float, text: str, fill: str, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:g}" textLength="{len(text) * CHAR:.1f}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{fill}"{weight} xml:space="preserve">{escape(text)}</text>'
    )


def _right(x: float, y: float, text: str, fill: str, bold: bool = False) -> str:
    return _text(x - len(text) * CHAR, y, text, fill, bold)


def _colour(shown: Shown) -> dict[str, str]:
    return {n.name: c for n, c in zip(shown.named, COLOURS, strict=True)}


def _script(shown: Shown, x: float, y: float) -> tuple[list[str], float]:
    colours = _colour(shown)
    tokens = _tokens(shown.source)
    pieces: list[str] = []
    top = y
    for number, line in enumerate(shown.source.splitlines(), 1):
        named = [n for n in shown.named if n.line == number]
        y += TAB if named else 0
        for n in named:
            room = min((other.start - n.start for other in named if other.start > n.start), default=99) * CHAR
            pieces += _highlight(n, x + n.start * CHAR, y, colours[n.name], room)
        pieces += [_text(x + at * CHAR, y, text, fill) for at, text, fill in _coloured(line, tokens.get(number, []))]
        y += LINE
    return pieces, y - top


def _highlight(named: Named, x: float, y: float, colour: str, room: float) -> list[str]:
    """The box around an expression, and its label above: to the left of `room` pixels, else it ends with the box."""
    width, label = (named.end - named.start) * CHAR + 3, len(named.name) * 6 + 8
    x -= 1.5
    at = x if label <= room else x + width - label
    return [
        f'<rect x="{x:.1f}" y="{y - 13:g}" width="{width:.1f}" height="17.5" rx="3" fill="{colour}" '
        'fill-opacity="0.28"/>',
        f'<rect x="{at:.1f}" y="{y - 27:g}" width="{label:g}" height="13" rx="3" fill="{colour}"/>',
        f'<text x="{at + 4:.1f}" y="{y - 17:g}" font-size="10" font-weight="600" textLength="{len(named.name) * 6}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{BACKGROUND}">{named.name}</text>',
    ]


def _tokens(source: str) -> dict[int, list[tuple[int, int, str]]]:
    """For each line the tokens that have a colour: start, end, colour."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        fill = {tokenize.STRING: STRING, tokenize.NUMBER: NUMBER, tokenize.COMMENT: MUTED}.get(token.type)
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            fill = KEYWORD
        if fill is not None:
            found.setdefault(token.start[0], []).append((token.start[1], token.end[1], fill))
    return found


def _coloured(line: str, tokens: Iterable[tuple[int, int, str]]) -> Iterable[tuple[int, str, str]]:
    """Pieces of a line: column, text, colour."""
    at = len(line) - len(line.lstrip())
    for start, end, fill in [*tokens, (len(line), len(line), TEXT)]:
        if line[at:start].strip():
            yield at, line[at:start].rstrip(), TEXT
        if start < end:
            yield start, line[start:end], fill
        at = end + (len(line[end:]) - len(line[end:].lstrip()))


def _table(shown: Shown, x: float, y: float) -> tuple[list[str], float, float]:
    """Pieces, width, height of the table; the runs as headings above their rows."""
    colours = _colour(shown)
    names = [n for n in shown.table[0] if n != "run"]
    columns = {n: _rounded([r[n] for r in shown.table]) for n in names}
    widths = [max(map(len, [n, *columns[n]])) * CHAR + 20 for n in names]
    width = sum(widths)
    pieces: list[str] = []
    top, left = y, x
    for name, size in zip(names, widths, strict=True):
        colour = colours.get(name)
        if colour:
            pieces.append(
                f'<rect x="{left + 4:.1f}" y="{y:g}" width="{size - 8:.1f}" height="19" rx="4" fill="{colour}"/>'
            )
        pieces.append(_right(left + size - 10, y + 13.5, name, BACKGROUND if colour else MUTED, bold=bool(colour)))
        left += size
    y += ROW + 4
    run = ""
    for number, row in enumerate(shown.table):
        if row["run"] != run:
            run = row["run"]
            pieces += [_text(x + 4, y + 14, f"run {run}", MUTED), _line(x + 4, x + width - 4, y + 21)]
            y += ROW + 2
        left = x
        for name, size in zip(names, widths, strict=True):
            fill = colours.get(name, MUTED)
            pieces.append(_right(left + size - 10, y + 14, columns[name][number], fill))
            left += size
        y += ROW
    return pieces, width, y - top


def _line(x: float, to: float, y: float) -> str:
    return f'<path d="M{x:.1f} {y:g}H{to:.1f}" stroke="{EDGE}"/>'


def _rounded(column: list[str]) -> list[str]:
    """A column of floats of many digits, to three; another one as it is."""
    return [f"{float(v):.3f}" for v in column] if any("." in v and len(v) > 6 for v in column) else column


def _answer(shown: Shown, x: float, right: float, y: float) -> tuple[list[str], float]:
    """Pieces and height: the query, and at the right its answer."""
    colours = {**_colour(shown), "mean": _colour(shown)["score"]}
    pieces: list[str] = []
    for row, line in enumerate(QUERY):
        column = 0
        for word in line.split(" "):
            fill = KEYWORD if word in ("select", "from", "group", "by", "order", "desc", "as") else TEXT
            pieces.append(_text(x + column * CHAR, y + row * LINE, word, colours.get(word.rstrip(","), fill)))
            column += len(word) + 1
    ends = [right - 10 - 9 * CHAR, right - 10]
    for end, name in zip(ends, shown.answer[0], strict=True):
        pieces.append(_right(end, y, name, colours[name], bold=True))
        for row, value in enumerate(_rounded([r[name] for r in shown.answer]), 1):
            pieces.append(_right(end, y + 4 + row * LINE, value, colours[name]))
    pieces.append(_line(ends[0] - 6 * CHAR, right - 10, y + 7))
    return pieces, len(QUERY) * LINE


if __name__ == "__main__":
    (HERE / "walkthrough.svg").write_text(draw(walk_through()), encoding="utf-8")
