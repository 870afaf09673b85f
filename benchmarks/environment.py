"""The environment that others' tools are installed into, beside the project's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.processes import FailedError
from benchmarks.results import Row

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".bench-venv"

_ABOUT = """\
import importlib.metadata, sys
about = importlib.metadata.metadata(sys.argv[1])
print(about["Version"], about["License-Expression"] or about["License"] or "licence unknown", sep="\\t")
"""


def python() -> str:
    """The Python that they run on."""
    return tool("python")


def tool(name: str) -> str:
    """A command of theirs."""
    return str(ENVIRONMENT / "bin" / name)


def install(packages: Iterable[str]) -> None:
    """Make the environment, and install what is not in it. What cannot be installed is not there then."""
    if not Path(python()).exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    for package in packages:
        if subprocess.run([python(), "-c", _ABOUT, package], capture_output=True).returncode:
            subprocess.run([python(), "-m", "pip", "install", "--quiet", package], capture_output=True)


def about(package: str) -> Row:
    """A package's `version` and `licence`. Raises FailedError if it is not there."""
    done = subprocess.run([python(), "-c", _ABOUT, package], capture_output=True, text=True)
    if done.returncode:
        raise FailedError(f"{package} could not be installed")
    version, licence = done.stdout.strip().split("\t")
    return {"version": version, "licence": licence.partition("\n")[0]}
