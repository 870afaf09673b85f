"""The plugin for PyCharm, compiled once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import installed, jars

PLUGIN = Path(__file__).parents[2] / "editors" / "pycharm"
JARS = {
    "junit5": "junit-platform-console.jar",
    "libopentest4j-reporting-java": "opentest4j-reporting-events.jar",
    "libgoogle-gson-java": "gson.jar",
    "libintellij-core-java": "intellij-core.jar",
    "libintellij-platform-api-java": "intellij-platform-api.jar",
    "libintellij-utils-java": "intellij-util-all.jar",
    "libjetbrains-annotations-java": "org.jetbrains.annotations-java8.jar",
}


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plugin is compiled, and the tests of what needs no IDE have passed."""
    assert installed("javac", "openjdk-17-jdk-headless"), "there is no Java compiler here"
    jars(JARS)
    folder = tmp_path_factory.mktemp("pycharm")
    done = subprocess.run(
        [PLUGIN / "check.sh", folder], env={**os.environ, "PYTHON": sys.executable},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return folder
