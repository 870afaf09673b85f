"""What tests in several rooms use: an own FLOR_HOME, and scripts run by the real `flor` command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts a time.
settings.register_profile("flor", deadline=None)
settings.load_profile("flor")

RECORDERS = ("c", "python")

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # whoever runs the tests in the background ignores some
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def flor_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FLOR_HOME for this test alone."""
    home = tmp_path / "flor-home"
    monkeypatch.setenv("FLOR_HOME", str(home))
    monkeypatch.delenv("FLOR_RECORDER", raising=False)
    monkeypatch.setenv("FLOR_TIME_SHARE", "1")  # a busy machine makes no gaps
    return home


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is also the current one."""
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def write(folder: Path) -> Callable[[str, str], Path]:
    """Write a file of the folder; the text may be indented."""

    def write(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    return write


def flor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `flor` command in a process of its own, in the current folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("flor"), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


@pytest.fixture(params=RECORDERS)
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each recorder in turn."""
    name: str = request.param
    if name == "python":
        monkeypatch.setenv("FLOR_RECORDER", "python")
    return name


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "flor-test", disk]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
