"""A machine that lost power leaves a run that can be read or is reported, and that never stops another."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from flor import listing
from flor.errors import FlorError
from flor.etl import table
from flor.home import process_started, runs
from flor.query import sql
from tests.conftest import flor

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]


# ---- files that are damaged in any way


def damage(path: Path, how: str, choose: random.Random) -> None:
    size = path.stat().st_size
    if how == "empty":
        os.truncate(path, 0)
    elif how == "zeros":
        path.write_bytes(bytes(size))
    elif how == "cut":
        os.truncate(path, choose.randrange(size + 1))
    elif how == "half zeros":
        kept = choose.randrange(size + 1)
        path.write_bytes(path.read_bytes()[:kept] + bytes(size - kept))
    elif how == "garbage":
        path.write_bytes(choose.randbytes(size))
    else:
        path.unlink()


def test_no_damage_stops_the_other_runs(write: Write, tmp_path: Path, flor_home: Path) -> None:
    write(
        "script.py", "import os, sys\nfor i in range(5):\n    x = str(i) * 9\nif len(sys.argv) > 1:\n    os._exit(0)\n"
    )
    assert flor("python", "script.py", "case").returncode == 0
    assert flor("python", "script.py", "case", "killed").returncode == 0
    deadline = time.monotonic() + 60
    first, second = (r.path for r in runs("case", []))
    while (first / "segments").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shadow = write("script_h.py", f"#{os.path.abspath('script.py')}\n" + Path("script.py").read_text())
    shadow.write_text(shadow.read_text().replace("str(i) * 9", 'GET("x", str(i) * 9)'))
    for seed in range(60):
        choose = random.Random(seed)
        broken = flor_home / "case" / "runs" / "20200101-000000-000000"
        shutil.rmtree(broken, ignore_errors=True)
        shutil.copytree(choose.choice([first, second]), broken)
        files = sorted(p for p in broken.rglob("*") if p.is_file())
        for path in choose.sample(files, choose.randint(1, len(files))):
            damage(path, choose.choice(["empty", "zeros", "cut", "half zeros", "garbage", "gone"]), choose)
        lines, _ = listing.experiments_and_runs(None)
        assert {line.split()[1] for line in lines[1:]} >= {first.name, second.name}, seed
        assert listing.experiment("case"), seed
        made = table.make_table("case", [shadow]).arrow.to_pylist()
        for run in (first, second):
            assert [r["x"] for r in made if r["run"] == run.name] == [str(i) * 9 for i in range(5)], seed
        out = tmp_path / "out.csv"
        with out.open("w") as file:
            sql.run("select count(*) from values where kind = 'str' and text = 'str(i) * 9'", "csv", file)
        assert int(out.read_text().split()[1]) >= 10, seed


# ---- what was not on the disk yet

_PAGE = 4096
COUNT = 9000
SCRIPT = f"""
import os
def step(i):
    x = i * 3
    text = str(i) * 3 + " in the heap"
child = os.fork()
for i in range({COUNT}):
    step(i)
if child:
    os.waitpid(child, 0)
os._exit(0)
"""


def lose_power(path: Path, choose: random.Random) -> None:
    """What is left of a file, or of one that was being written over and over: some pages are not there, or are as they
    were earlier."""
    data = path.read_bytes()
    pages = [data[at : at + _PAGE] for at in range(0, len(data), _PAGE)] or [b""]
    how = choose.choice(["kept", "kept", "gone", "empty", "shorter", "zeros", "hole", "earlier"])
    some = choose.randrange(len(pages))
    if how == "gone":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "shorter":
        path.write_bytes(b"".join(pages[:some]))
    elif how == "zeros":
        path.write_bytes(b"".join(pages[:some] + [bytes(len(page)) for page in pages[some:]]))
    elif how == "hole":
        path.write_bytes(b"".join([*pages[:some], bytes(len(pages[some])), *pages[some + 1 :]]))
    elif how == "earlier" and ".tail." in path.name:
        earlier = pages[1:some] + pages[1:]
        path.write_bytes(b"".join([pages[0], *earlier[: len(pages) - 1]]))


def before_the_restart(run: Path) -> None:
    """Its processes are of an earlier boot of this machine."""
    ticks, _, container, name = (process_started(os.getpid()) or "").split(" ", 3)
    for path in (run / "run.json", *run.glob("segments/*/process.json")):
        about = json.loads(path.read_bytes())
        path.write_text(json.dumps(about | {"pid_started": f"{ticks} an-earlier-boot {container} {name}"}))


@pytest.fixture
def killed(write: Write, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The shadow copy and the run of a process and its child, both of which ended before they could say so."""
    monkeypatch.setenv("FLOR_TIME_SHARE", "1")
    script = write("script.py", SCRIPT)
    assert flor("python", "script.py", "case").returncode == 0
    (run,) = runs("case", [])
    before_the_restart(run.path)
    shadow = f"#{script}\n{SCRIPT}".replace("i * 3\n", 'GET("x", i * 3)\n')
    shadow = shadow.replace('str(i) * 3 + " in the heap"', 'GET("text", str(i) * 3 + " in the heap")')
    return write("script_h.py", shadow.replace("child = os.fork()", 'child = GET("child", os.fork())')), run.path


def reported(diagnostics: Iterable[object]) -> bool:
    return any("may be missing" in str(line) or "skipped" in str(line) for line in diagnostics)


def test_after_a_power_loss_no_value_is_wrong_and_what_is_missing_is_reported(
    killed: tuple[Path, Path], flor_home: Path
) -> None:
    shadow, run = killed
    whole = flor_home.parent / "whole"
    shutil.copytree(run, whole)
    complete = 0
    for seed in range(60):
        choose = random.Random(seed)
        shutil.rmtree(run)
        shutil.copytree(whole, run)
        for path in sorted(p for p in run.rglob("*") if p.is_file()):
            if path.suffix in (".events", ".heap") or choose.random() < 0.05:
                lose_power(path, choose)
        _, warnings = listing.experiments_and_runs("case")
        try:
            made = table.make_table("case", [shadow])
        except FlorError as error:
            assert re.search(
                "no run that can be read.*:|none of the runs of 'case' captured.* nothing: ", str(error)
            ), seed
            assert warnings or "captured" in str(error), seed
            continue
        rows = [row for row in made.arrow.to_pylist() if row.get("x") is not None or row.get("text") is not None]
        for row in rows:
            i = row["x"] // 3 if row["x"] is not None else row["i_iter"]
            assert row["i_iter"] == i or row["x"] is None, (seed, row)
            assert row["x"] in (None, i * 3), (seed, row)
            assert row["text"] in (None, str(i) * 3 + " in the heap"), (seed, row)
        seen = len({(row["x"], row["child"]) for row in rows if row["x"] is not None})
        complete += seen == 2 * COUNT
        assert seen == 2 * COUNT or reported(made.diagnostics), seed
    assert complete < 60
