"""Naming from Neovim, as Debian has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import installed

pytestmark = pytest.mark.once

SCRIPT = "def fit(rate):\n    return rate * 2\n\nscore = fit(3) + 1\n"


def test_naming(tmp_path: Path) -> None:
    neovim = installed("nvim", "neovim")
    if neovim is None:
        pytest.skip("there is no Neovim here, and only root can install it")
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    start = SCRIPT.splitlines()[3].index("fit(3)")
    environment = {
        **os.environ, "FLOR_HOME": str(tmp_path / "home"), "FLOR_PYTHON": sys.executable, "FLOR_SOURCE": str(script),
        "FLOR_LINE": "3", "FLOR_START": str(start), "FLOR_END": str(start + len("fit(3)")), "HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [neovim, "--headless", "-n", "-u", "NONE", "-S", str(Path(__file__).parent / "neovim" / "name.lua")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert 'Name this expression: "fit"' in done.stderr, done.stderr
    copied = (tmp_path / "train_h.py").read_text()
    assert copied.removesuffix("\n\n") == (
        f"#{script}\n" + SCRIPT.replace("fit(3)", 'GET("fit", fit(3))')
    ).removesuffix("\n")
    assert script.read_text() == SCRIPT
