"""The examples of docs/logging.md: each is run, and its log is the one beside it.

After a change of an example or of what a log holds: `python -m tests.logging.test_examples`, and read the difference.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "logging"

#: Script, the name of its Context, its expected log; and the packages that it needs besides those of the tests.
SCRIPTS = {
    "tutorial/first.py": ("introduction", "first_log.json"),
    "tutorial/second.py": ("introduction", "second_log.json"),
    "exercise/exercise.py": ("exercise", "exercise_log.json"),
    "fibonacci/clean_fib.py": ("clean_fib", "clean_fib_log.json"),
    "reviews/reviews.py": ("reviews", "reviews_log.json"),
    "basic/basic.py": ("basic", "basic_log.json"),
    "pytorch/line.py": ("line", "line_log.json"),
}

#: How far a metric may be from the expected one: other versions of a library draw other random numbers.
TOLERANCES = {"reviews/reviews.py": 0.2, "basic/basic.py": 0.3, "pytorch/line.py": 1e-4}


def run(script: str, folder: Path) -> Any:
    """The log of an example that is run in a folder, with paths relative to it."""
    own = folder / "example"
    shutil.copytree((EXAMPLES / script).parent, own)
    name, expected = SCRIPTS[script]
    (own / expected).unlink(missing_ok=True)
    subprocess.run([sys.executable, Path(script).name], cwd=own, check=True, capture_output=True)
    return json.loads((own / f"{name}_log.json").read_text().replace(f"{own}/", ""))


def leaves(node: Any, tolerance: float) -> Any:
    """A log with its metrics to be compared within a tolerance."""
    if isinstance(node, list):
        return [leaves(own, tolerance) for own in node]
    if isinstance(node, dict):
        found = {key: leaves(own, tolerance) for key, own in node.items()}
        if found.get("typ") == "metric" and isinstance(found["runtime_value"], float):
            found["runtime_value"] = pytest.approx(found["runtime_value"], abs=tolerance)
        return found
    return node


def _needs(script: str) -> list[pytest.MarkDecorator]:
    missing = script.startswith("pytorch") and importlib.util.find_spec("torch") is None
    return [pytest.mark.skipif(missing, reason="torch is not installed")]


@pytest.mark.parametrize("script", [pytest.param(script, marks=_needs(script), id=script) for script in SCRIPTS])
def test_an_examples_log_is_the_one_beside_it(script: str, tmp_path: Path) -> None:
    expected = json.loads((EXAMPLES / script).with_name(SCRIPTS[script][1]).read_text())
    assert run(script, tmp_path) == leaves(expected, TOLERANCES.get(script, 1e-9))


if __name__ == "__main__":
    for script, (_, log) in SCRIPTS.items():
        with tempfile.TemporaryDirectory() as place:
            (EXAMPLES / script).with_name(log).write_text(json.dumps(run(script, Path(place)), indent=4) + "\n")
