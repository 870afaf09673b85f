"""`make oracle SCRIPT=...` for a user's own script: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]

# What the script is, the arguments, what is printed of it first, how the command ends.
CASES = {
    "one that takes arguments": (
        "import sys\nx = [int(a) for a in sys.argv[1:]]\ny = sum(x)\n",
        ["1", "2"],
        "script.py: 15 names, 19 values: 16 exact, 0 summarised, 3 gaps, 0 wrong",
        0,
    ),
    "one that raises": (
        "x = 1\ny = x / 0\n",
        [],
        "script.py: 4 names, 4 values: 4 exact, 0 summarised, 0 gaps, 0 wrong",
        0,
    ),
    "one that is different in every run": (
        "import random\nx = random.random()\n",
        [],
        "script.py: 5 names, 5 values: 2 exact, 0 summarised, 1 gaps, 0 wrong, 2 that are others in every run",
        0,
    ),
    "one that does something else in every run": (
        "import random\nfor i in range(random.SystemRandom().randrange(10 ** 4)): pass\n",
        [],
        "script.py: cannot be checked: it does something else in every run: give it a seed",
        1,
    ),
    "one that does not parse": (
        "def f(:\n",
        [],
        "script.py: cannot be checked: flor python made no run of it: SyntaxError: invalid syntax",
        1,
    ),
    "one that ends without Python's own end": (
        "import os\nos._exit(3)\n",
        [],
        "script.py: cannot be checked: the truth program did not come to its end: it ended with 3",
        1,
    ),
    "one with processes": (
        "import os\nif not os.fork(): os._exit(0)\nos.wait()\n",
        [],
        "script.py: cannot be checked: it ran in 2 processes, and the truth program keeps the values of one",
        1,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_users_script(case: str, write: Callable[[str, str], Path]) -> None:
    text, arguments, expected, code = CASES[case]
    write("script.py", text)
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle", "script.py", "--", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout.splitlines()[0], done.stderr, done.returncode) == (expected, "", code)
