"""A PostgreSQL server of the tests' own: in a temporary folder, on a unix socket, with nothing else on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_DEBIAN = Path("/usr/lib/postgresql")


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest if there are several."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    return found[-1].parent if found else None


def _install() -> None:
    """Install Debian's server."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
        subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, timeout=600)


def server() -> Iterator[Path]:
    """Start a server, whose user `postgres` needs no password; the folder of its socket. Stops it in the end."""
    if _programs() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
    programs = _programs()
    if programs is None or os.geteuid() != 0:
        pytest.skip("there is no PostgreSQL here, and only root can install and start one")
    folder = Path(tempfile.mkdtemp(prefix="flor-pg-"))
    shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        subprocess.run(
            ["runuser", "-u", "postgres", "--", *command], check=True, stdout=subprocess.DEVNULL, cwd=folder, timeout=60
        )

    try:
        data, log = str(folder / "data"), str(folder / "log")
        run(str(programs / "initdb"), "-D", data, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield folder
        finally:
            run(str(programs / "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
