"""Which experiments there are of a file, by the index that the server keeps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import Client

pytestmark = pytest.mark.once


def capture(script: Path, home: Path, experiment: str) -> None:
    environment = {**os.environ, "FLOR_HOME": str(home)}
    command = [sys.executable, "-m", "flor", "python", str(script), experiment]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def of(client: Client, uri: str) -> dict[str, list[str]]:
    """The experiments of a file, each with the statuses of its runs."""
    found = client.request("flor/experiments", {"uri": uri})["experiments"]
    return {own["name"]: [run["status"] for run in own["runs"]] for own in found}


def soon(client: Client, uri: str, wanted: Any) -> None:
    """What there is of a file becomes this within seconds."""
    end = time.monotonic() + 20
    while (found := of(client, uri)) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert found == wanted


def project(folder: Path, text: str) -> Path:
    (folder / ".git").mkdir(parents=True)
    script = folder / "src" / "train.py"
    script.parent.mkdir()
    script.write_text(text)
    return script


def test_runs_come_and_go(client: Client, tmp_path: Path) -> None:
    script = project(tmp_path / "p", "import time, sys\nfor i in range(int(sys.argv[1])):\n    time.sleep(0.1)\n")
    client.initialize()
    uri = client.open(script)
    assert of(client, uri) == {}
    environment = {**os.environ, "FLOR_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "flor", "python", str(script), "slow", "600"]
    process = subprocess.Popen(command, env=environment)
    try:
        soon(client, uri, {"slow": ["running"]})
        assert client.notification("flor/experimentsChanged") == {"experiments": ["slow"]}
    finally:
        process.kill()
    soon(client, uri, {"slow": ["killed"]})  # also before anybody has asked how it ended
    process.wait()
    process = subprocess.Popen([*command[:-1], "1"], env=environment)
    assert process.wait() == 0
    soon(client, uri, {"slow": ["finished", "killed"]})
    shutil.rmtree(tmp_path / "home" / "slow")
    soon(client, uri, {})


def test_a_file_that_was_moved_and_one_of_another_checkout(client: Client, tmp_path: Path) -> None:
    script = project(tmp_path / "p", "x = 1 + 1\n")
    capture(script, tmp_path / "home", "e")
    client.initialize()
    moved = tmp_path / "p" / "other.py"
    script.rename(moved)
    assert of(client, client.open(moved)) == {"e": ["finished"]}
    assert of(client, client.open(project(tmp_path / "q", "y = 2\n"))) == {"e": ["finished"]}
    unlike = tmp_path / "r" / "train.py"
    unlike.parent.mkdir()
    unlike.write_text("y = 2\n")
    assert of(client, client.open(unlike)) == {}


def test_a_home_that_cannot_be_read(client: Client, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    client.initialize()
    script = project(tmp_path / "p", "x = 1 + 1\n")
    assert of(client, client.open(script)) == {}
    assert client.end() == 0


@pytest.mark.parametrize("noted", [True, False])
def test_a_run_that_never_said_its_last_word_and_is_packed(client: Client, tmp_path: Path, noted: bool) -> None:
    """Also where what was captured is said nowhere, as an earlier version left it: the others are there."""
    script = project(tmp_path / "p", "import os\nx = 1 + 1\nos._exit(0)\n")
    home = tmp_path / "home"
    capture(script, home, "e")
    copy = script.with_name("train_h.py")
    copy.write_text(f'#{script}\nimport os\nx = GET("x", 1 + 1)\nos._exit(0)\n')
    command = [sys.executable, "-m", "flor", "etl", "e", str(copy)]
    subprocess.run(command, env={**os.environ, "FLOR_HOME": str(home)}, check=True, capture_output=True, cwd=tmp_path)
    (run,) = (home / "e" / "runs").iterdir()
    end = time.monotonic() + 60
    while (run / "segments").exists() and time.monotonic() < end:  # it is packed beside
        time.sleep(0.05)
    assert not (run / "segments").exists()
    if not noted:
        info = json.loads((run / "run.json").read_text())
        assert [source["path"] for source in info["sources"]] == [str(script)]
        (run / "run.json").write_text(json.dumps({**info, "sources": []}))
    other = script.with_name("other.py")
    other.write_text("y = 2 + 2\n")
    capture(other, home, "other")
    client.initialize()
    soon(client, client.open(other), {"other": ["finished"]})
    assert of(client, client.open(script)) == ({"e": ["killed"]} if noted else {})
