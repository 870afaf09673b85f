"""`.replay.json`: the first Flor's keys, written as they happen."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.logging.running import flor, python

Write = Callable[[str, str], Path]

TRAIN = """
    import flor, sys
    flor.log("lr", 0.1)
    for epoch in range(2):
        for batch in range(2):
            flor.log("loss", epoch + batch / 10)
        flor.log("stats", {"acc": (epoch, 0.5)})
    flor.log("final", float("nan"))
"""

KEYS = {
    "0.a.lr": [0.1],
    "1.a.loss": [0.0, 0.1],
    "1.a.stats": ["{'acc': (0, 0.5)}"],
    "2.a.loss": [1.0, 1.1],
    "2.a.stats": ["{'acc': (1, 0.5)}"],
    "2.a.final": ["nan"],
}


def kvs() -> Any:
    return json.loads(Path(".replay.json").read_text())["KVS"]


def test_a_run_records_keys_and_a_replay_adds_others(write: Write, recorder: str, flor_home: Path) -> None:
    script = write("train.py", TRAIN)
    flor("python", str(script), "train")
    recorded = json.loads(Path(".replay.json").read_text())
    (run,) = (flor_home / "train" / "runs").iterdir()
    assert recorded == {"NAME": "train", "MEMO": str(run), "KVS": KEYS}
    flor("python", "--replay", str(script), "train")
    replayed = {key.replace(".a.", ".b."): own for key, own in KEYS.items()}
    assert json.loads(Path(".replay.json").read_text()) == recorded | {"KVS": KEYS | replayed}
    flor("python", str(script), "train", "--replay_flor")
    twice = {key: own * 2 for key, own in replayed.items()}
    assert kvs() == KEYS | twice
    flor("python", str(script), "train")
    assert kvs() == KEYS


@pytest.mark.parametrize("how", ["python", "flor"])
def test_the_main_loop_is_counted_in_tracked_functions(write: Write, how: str) -> None:
    script = write(
        "tracked.py",
        """
        import flor

        def step(value):
            for i in range(2):
                flor.log("inner", value)

        @flor.track
        def train():
            for warm_up in range(5):
                pass
            n = 0
            while n < 2:
                n += 1
                step(n)
            return n

        with flor.Context("tracked"):
            train()
        """,
    )
    python(script) if how == "python" else flor("python", str(script), "outer")
    assert kvs() == {"1.a.inner": [1, 1], "2.a.inner": [2, 2]}


def test_keys_are_written_as_they_happen(write: Write) -> None:
    script = write(
        "killed.py",
        """
        import flor, os, signal
        for epoch in range(3):
            flor.log("loss", epoch)
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            import time; time.sleep(0.5)
        """,
    )
    flor("python", str(script), "killed", code=-signal.SIGKILL)
    assert kvs() == {"1.a.loss": [0], "2.a.loss": [1]}


def test_a_file_that_is_none_is_said(write: Write) -> None:
    script = write("train.py", TRAIN)
    Path(".replay.json").write_text("[]")
    said = flor("python", "--replay", str(script), "train").stderr
    assert said == f"flor: {Path.cwd() / '.replay.json'} is no file of flor.log's: it begins anew\n"
    assert set(kvs()) == {key.replace(".a.", ".b.") for key in KEYS}
    Path(".replay.json").unlink()
    Path(".replay.json").mkdir()
    said = flor("python", str(script), "train").stderr
    assert said.startswith("flor: ") and ".replay.json is not written" in said and said.count("\n") == 1


def test_outside_a_run_nothing_is_written(write: Write) -> None:
    script = write("train.py", TRAIN)
    assert python(script, "--replay_flor").stderr == ""
    assert not Path(".replay.json").exists()
