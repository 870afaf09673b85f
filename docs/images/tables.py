"""Draw the pictures of docs/tables.md: a small tree of block instances, and beside it the table that it makes. Both are
those of tests/etl/test_join.py, which checks them.

    .venv/bin/python -m docs.images.tables
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from tests.etl.test_join import CASES
from tests.etl.trees import expected

HERE = Path(__file__).resolve().parent / "tables"

#: The cases that the page shows, and what their pictures are called.
SHOWN = {
    "a script that loops over nothing is one row": "one-row",
    "a row for each iteration": "iterations",
    "an outer value repeats on every row beneath": "nested",
    (
        "a value after an inner loop belongs to the outer instance, even if only the inner names are asked for with it"
    ): "after",
    "an outer instance without inner rows is a row": "empty",
    "a call made once in an iteration shares the iteration's row": "call",
    "a function called twice in an iteration: a row for each call": "calls",
    "a function called from two loops: keys of both": "two-loops",
    "siblings that ran once share the row": "siblings-once",
    "one sibling that ran once repeats on the rows of the other": "sibling-repeats",
    "siblings that ran many times stack": "siblings-stack",
    "a guarded value is NULL where it was not evaluated": "guarded",
    "recursion: a row for each call": "recursion",
    "a generator's iterations and its consumer's stack": "generator",
    "threads stack, in the order of threads": "threads",
    "a module imported once repeats its values": "module",
    "an element of a comprehension is a row for each element": "comprehension",
    (
        "a name around a thinned loop repeats on the rows that were recorded, and is a row itself where none was"
    ): "thinned",
}

# Pixels.
CHAR, LINE, PAD, GAP, CELL = 7.2, 22, 18, 40, 14

BACKGROUND, EDGE, TEXT, MUTED = "#0f1720", "#2b3a4b", "#dbe4ee", "#8796a8"
COLOURS = ("#ffc857", "#5cc8ff", "#ff8fab", "#8ce99a", "#c9a7ff")
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def picture(case: str) -> str:
    """The picture of a case, as SVG."""
    tree, table = CASES[case]
    header, rows = expected(table)
    names = list(dict.fromkeys(name for line in _lines(tree) for name in line[2]))
    colours = dict(zip(names, COLOURS, strict=False))
    left, tree_width, tree_height = _tree(tree, colours)
    right, table_width, table_height = _table(header, rows, colours, PAD + tree_width + GAP)
    width, height = PAD + tree_width + GAP + table_width + PAD, PAD + max(tree_height, table_height) + PAD
    title = escape(f"{case}: block instances at the left, the table at the right")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" role="img">',
            f"<title>{title}</title>",
            f'<rect width="{width:g}" height="{height:g}" rx="10" fill="{BACKGROUND}"/>',
            f'<g font-family="{MONO}" font-size="12" xml:space="preserve">',
            *left,
            *right,
            "</g>",
            "</svg>\n",
        ]
    )


def _lines(tree: str) -> list[tuple[int, str, list[str]]]:
    """Each instance: its depth, its block with its ordinal, and the names that it holds."""
    found: list[tuple[int, str, list[str]]] = []
    indents: list[int] = []
    for line in filter(str.strip, tree.splitlines()):
        indent = len(line) - len(line.lstrip())
        while indents and indents[-1] >= indent:
            indents.pop()
        words = line.split()
        thread = f"thread {words.pop(0)[1:]}: " if words[0].startswith("|") else ""
        if words[0].startswith("-"):
            words = [f"{words[0][1:]} of {words[1]} left out"]
        found.append((len(indents), thread + words[0], words[1:]))
        indents.append(indent)
    return found


def _tree(tree: str, colours: dict[str, str]) -> tuple[list[str], float, float]:
    counts: dict[str, int] = {}
    pieces, width, y = [], 0.0, PAD + 14.0
    for depth, block, names in _lines(tree):
        x = PAD + 20.0 * depth
        pieces.append(_text(x, y, block, MUTED))
        x += (len(block) + 1) * CHAR
        for name in names:
            value = f"{name}{counts.setdefault(name, 0)}"
            counts[name] += 1
            pieces.append(_text(x, y, value, colours[name]))
            x += (len(value) + 1) * CHAR
        width, y = max(width, x - PAD), y + LINE
    return pieces, width, y - PAD - 14


def _table(
    header: list[str], rows: list[list[str]], colours: dict[str, str], left: float
) -> tuple[list[str], float, float]:
    lines = [[_shown(cell, number == 0) for cell in line] for number, line in enumerate([header, *rows])]
    widths = [max(map(len, column)) * CHAR + 2 * CELL for column in zip(*lines, strict=True)]
    total, height = sum(widths), LINE * (len(rows) + 1)
    pieces = [
        f'<rect x="{left:g}" y="{PAD}" width="{total:g}" height="{height:g}" rx="4" fill="none" stroke="{EDGE}"/>'
    ]
    for number, line in enumerate(lines):
        y = PAD + LINE * number
        if number:
            pieces.append(f'<path d="M{left:g} {y}h{total:g}" stroke="{EDGE}"/>')
        x = left
        for name, cell, width in zip(header, line, widths, strict=True):
            colour = MUTED if cell == "NULL" or name.endswith("#") else colours[name]
            pieces.append(_text(x + CELL, y + 15, cell, colour))
            x += width
    return pieces, total, height


def _shown(cell: str, is_head: bool) -> str:
    if is_head and cell.endswith("#"):
        return cell.replace("()", "")[:-1] + ("_call" if "()" in cell else "_iter")
    return "NULL" if cell == "-" else cell


def _text(x: float, y: float, text: str, colour: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{colour}" textLength="{len(text) * CHAR:g}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for case, name in SHOWN.items():
        (HERE / f"{name}.svg").write_text(picture(case))


if __name__ == "__main__":
    main()
