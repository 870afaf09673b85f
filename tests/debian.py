"""Programs that Debian has a package of."""

from __future__ import annotations

import os
import shutil
import subprocess


def installed(program: str, package: str) -> str | None:
    """The path of a program; installed, if it is not there and we may."""
    if shutil.which(program) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(
                ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600", *command],
                env=environment,
                capture_output=True,
                timeout=600,
            )
    return shutil.which(program)
