"""Programs and libraries that Debian has a package of."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

_ATTEMPTS = 6


def installed(program: str, package: str) -> str | None:
    """The path of a program; installed, if it is not there and we may."""
    if shutil.which(program) is None:
        _install(package)
    return shutil.which(program)


def jars(packages: dict[str, str]) -> None:
    """Have Java libraries, each a package with one of its jars; installed, if they are not there and we may. Raises
    AssertionError if one is missing."""
    folder = Path("/usr/share/java")
    missing = [package for package, jar in packages.items() if not (folder / jar).exists()]
    if missing:
        _install(*missing)
    missing = [package for package, jar in packages.items() if not (folder / jar).exists()]
    assert not missing, f"Debian's packages {' '.join(missing)} are not here"


def _install(*packages: str) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for _ in range(_ATTEMPTS):  # another test's update of the lists may stand in the way
        codes = [
            subprocess.run(
                ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600", *command],
                env=environment,
                capture_output=True,
                timeout=600,
            ).returncode
            for command in (["update"], ["install", "-y", "--no-install-recommends", *packages])
        ]
        if not any(codes):
            return
        time.sleep(10)
