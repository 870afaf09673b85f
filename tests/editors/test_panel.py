"""The side panel's own tests: pure parts in Node, the page in Chromium on a real `flor ui`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import installed

pytestmark = pytest.mark.once

PANEL = Path(__file__).parents[2] / "editors" / "panel"


def test_the_panel() -> None:
    chromium = installed("chromium", "chromium")
    assert chromium, "Chromium is not here"
    environment = {**os.environ, "CHROMIUM": chromium, "PYTHON": sys.executable}
    done = subprocess.run(
        ["npm", "test"], cwd=PANEL, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
