"""The same expression in a version of the text, by chunks."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from flor.annotate.carry import Carry
from flor.annotate.chunks import Chunks
from flor.annotate.source import Lines

OLD = """\
import os


def fit(rate):
    loss = rate * 2
    return loss


for rate in (1, 2):
    score = fit(rate)
    print(score)
print("end")
"""


def back(old: str, new: str, piece: str, nth: int = 0) -> str | None:
    """The text in the old version of what a piece of the new one was."""
    chunks = Chunks.of(new)
    at = -1
    for _ in range(nth + 1):
        at = new.index(piece, at + 1)
    number = chunks.at(at)
    assert number is not None
    start = at - chunks.starts[number]
    span = Lines(chunks.chunks[number].text).span(start, start + len(piece))
    found = Carry(Chunks.of(old), chunks).back(number, span)
    lines = Lines(old)
    return None if found is None else old[lines.offset(*found[:2]) : lines.offset(*found[2:])]


def test_what_did_not_change() -> None:
    assert back(OLD, OLD, "rate * 2") == "rate * 2"
    assert back(OLD, "x = 1\n" + OLD, "fit(rate)", 1) == "fit(rate)"
    assert back(OLD, OLD.replace("import os\n", "import os\nimport sys\n# c\n"), '"end"') == '"end"'


def test_a_changed_chunk() -> None:
    new = OLD.replace("    loss = rate * 2\n", "    # twice\n    loss = rate * 2\n    more = loss + 1\n")
    assert back(OLD, new, "rate * 2") == "rate * 2"
    assert back(OLD, new, "loss + 1") is None
    assert back(OLD, new.replace("rate * 2", "rate * 3"), "rate * 3") is None


def test_a_moved_chunk() -> None:
    function = OLD[OLD.index("def") : OLD.index("for")]
    assert back(OLD, OLD.replace(function, "") + function, "rate * 2") == "rate * 2"


def test_of_two_that_are_equal_one_is_gone() -> None:
    step = "x = step(x)\n"
    assert back(step + step, step, "step(x)") is None
    assert back(step + "y = 1\n" + step, step + "y = 2\n" + step, "step(x)", 1) == "step(x)"


def test_what_does_not_parse() -> None:
    new = OLD.replace("rate * 2", "rate * (")
    chunks = Chunks.of(OLD).changed(new)
    carry = Carry(Chunks.of(OLD), chunks)
    broken = next(i for i, chunk in enumerate(chunks.chunks) if chunk.broken)
    assert carry.back(broken, (2, 11, 2, 15)) is None
    last = len(chunks.chunks) - 1
    lines = Lines(chunks.chunks[last].text)
    start = chunks.chunks[last].text.index('"end"')
    assert carry.back(last, lines.span(start, start + 5)) == (12, 6, 12, 11)


STATEMENTS = [f"a{i} = f{i}(b{i} + {i})\n" for i in range(8)] + [
    "# c\n",
    "\n",
    "print(1)\n",
    "def g():\n    return h(1)\n",
]


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_nothing_is_taken_for_another_expression(random: random.Random) -> None:
    old = [random.choice(STATEMENTS) for _ in range(random.randrange(12))]
    new = list(old)
    for _ in range(random.randrange(4)):
        at = random.randrange(len(new) + 1)
        match random.randrange(3):
            case 0:
                new.insert(at, random.choice(STATEMENTS))
            case 1:
                del new[at : at + 1]
            case _:
                random.shuffle(new)
    text = "".join(new)
    for i in range(8):
        if f"b{i} + {i}" in text:
            assert back("".join(old), text, f"b{i} + {i}") in (None, f"b{i} + {i}")
