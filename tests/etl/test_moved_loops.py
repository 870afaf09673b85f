"""A loop is one key, whatever it has moved into from version to version."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import flor
from tests.conftest import flor as command

pytestmark = pytest.mark.once

PLAIN = """\
import math
rate = 0.5
w = 1.0
for epoch in range(2):
    loss = 0.0
    for i in range(2):
        w -= rate * math.sin(w + i)
        loss += (w - 3 * i) ** 2
    print(epoch, loss)
"""


def wrapped(source: str, head: str, first: int, end: str = "") -> str:
    """The lines from `first` on as the body of a statement."""
    lines = source.splitlines(keepends=True)
    return "".join(lines[:first]) + head + textwrap.indent("".join(lines[first:]), "    ") + end


VERSIONS = {
    "as it was": PLAIN,
    "in a loop": wrapped(PLAIN, "for seed in range(2):\n", 2),
    "in a function": wrapped(PLAIN, "def main():\n", 1, "main()\n"),
}


@pytest.mark.parametrize("named", VERSIONS)
def test_keys(named: str, write: Callable[[str, str], Path]) -> None:
    """The names are given in one of the versions; the keys are the same, whichever."""
    for source in (*VERSIONS.values(), VERSIONS[named]):
        write("train.py", source)
        assert command("python", "train.py", "demo").returncode == 0
    lines = VERSIONS[named].splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "loss +=" in text)
    place = f"train.py:{line}:{lines[line - 1].index('loss') + 1}"
    assert command("name", place, "d").returncode == 0
    table = flor.table("demo", "train_h.py")
    assert table.keys == ["run", "seed_iter", "epoch_iter", "i_iter"]
    keys = [tuple(row[k] for k in table.keys[1:]) for row in table.arrow.to_pylist()]
    inner = [(epoch, i) for epoch in range(2) for i in range(2)]
    once, twice = [(None, *k) for k in inner], [(seed, *k) for seed in range(2) for k in inner]
    last = twice if named == "in a loop" else once
    assert keys == [*once, *twice, *once, *last]
    values = table.arrow["d"].to_pylist()
    assert values[:4] == values[4:8] == values[12:16] == values[16:20]


@pytest.mark.parametrize("order", [(0, 1, 0), (1, 0, 1), (0, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("word", ["k", "kk", "while_L3_iter", "while_L5_iter", "while_L3"])
def test_a_block_goes_by_its_name_in_any_version(
    order: tuple[int, ...], word: str, write: Callable[[str, str], Path]
) -> None:
    """And the keys by its name in the version that was annotated."""
    loops = "n = 0\nwhile n < 2:\n    for k in range(3):\n        x = n * k\n    n += 1\n"
    versions = ["import math\n" + loops, "import math\n\nimport random\n" + loops.replace("k", "kk")]
    for number in order:
        write("train.py", versions[number])
        assert command("python", "train.py", "demo").returncode == 0
    write("train.py", versions[0])
    assert command("name", "train.py:5:13-5:18", "x").returncode == 0
    table = flor.table("demo", "train_h.py", rows=word)
    expected = 3 if word.startswith("while") else 6  # the condition is asked for once more than it is true
    assert table.arrow.num_rows == expected * len(order)
    assert table.keys == ["run", "while_L3_iter", "k_iter"]
