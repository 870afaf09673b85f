"""Which file of a run is the source of a shadow copy, by real runs: never another file that is called alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import flor

METRICS = "def summary(values):\n    total = sum(values)\n    mean = total / len(values)\n    return mean\n"
DATA = "def load(values):\n    total = sum(values)\n    scale = max(values)\n    return total / scale\n"


def capture(script: Path, experiment: str) -> None:
    subprocess.run([sys.executable, "-m", "flor", "python", str(script), experiment], check=True, cwd=script.parent)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOR_HOME", str(tmp_path / "home"))


def project(folder: Path, script: str) -> Path:
    for name, text in {"metrics/utils.py": METRICS, "data/utils.py": DATA, "train.py": script}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "train.py"


BOTH = (
    "from data.utils import load\nfrom metrics.utils import summary\nprint(load([100.0, 200.0]), summary([1.0, 2.0]))\n"
)
ONE = "from data.utils import load\nprint(load([100.0, 200.0]))\n"


def shadow_of(source: Path, expression: str) -> Path:
    copied = source.with_name(f"{source.stem}_h.py")
    text = source.read_text()
    assert expression in text
    copied.write_text(f"#{source}\n" + text.replace(expression, f'GET("x", {expression})', 1))
    return copied


def test_another_file_of_the_same_name_is_not_it(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    capture(project(folder, BOTH), "e")
    capture(project(folder, ONE), "e")
    table = flor.table("e", shadow_of(folder / "metrics" / "utils.py", "sum(values)"))
    assert table.arrow.column("x").to_pylist() == [3.0]
    second = table.runs[1]
    (said,) = [str(d) for d in table.diagnostics if "did not capture" in str(d)]
    assert second in said
    (folder / "data" / "utils.py").rename(folder / "data" / "gone.py")
    table = flor.table("e", folder / "metrics" / "utils_h.py")
    assert table.arrow.column("x").to_pylist() == [3.0]


def test_the_same_file_in_another_folder_is(tmp_path: Path) -> None:
    capture(project(tmp_path / "p", BOTH), "e")
    other = project(tmp_path / "q" / "checkout", BOTH)
    (other.parent / "metrics" / "utils.py").write_text(METRICS.replace("sum(values)", "sum(values)\n    total = total"))
    copied = shadow_of(other.parent / "metrics" / "utils.py", "total / len(values)")
    assert flor.table("e", copied).arrow.column("x").to_pylist() == [1.5]


def test_a_file_of_its_name_and_place_with_other_text_is_not_it(tmp_path: Path) -> None:
    capture(project(tmp_path / "p", BOTH), "e")
    other = tmp_path / "q" / "train.py"
    other.parent.mkdir()
    other.write_text("import math\nfor i in range(3):\n    loss = math.sin(i)\n    print(loss)\n")
    with pytest.raises(flor.FlorError, match="none of the runs of 'e' captured"):
        flor.table("e", shadow_of(other, "math.sin(i)"))
