"""The plugin for PyCharm, compiled once, and an IDE that has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.debian import installed, jars
from tests.editors.iris import IRIS, name
from tests.editors.lsp4ij import Ide
from tests.lsp.client import Json

AsThePlugin: TypeAlias = Callable[..., str]

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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a module that would stand in the way of the server, if the server imported it."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "iris.py").write_text(IRIS)
    (folder / "pygls.py").write_text("raise SystemExit('this is not the library')\n")
    return folder


@pytest.fixture
def as_the_plugin(classes: Path) -> AsThePlugin:
    """What the plugin would do, by its own classes: see AsThePlugin.java."""

    def asked(*arguments: str, lines: str | None = None) -> str:
        path = f"{classes / 'core'}:{classes / 'tests'}:/usr/share/java/gson.jar"
        command = ["java", "-Djava.awt.headless=true", "-cp", path, "org.flor.pycharm.core.AsThePlugin", *arguments]
        done = subprocess.run(command, input=lines, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return asked


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "FLOR_HOME": str(tmp_path / "home")}


@pytest.fixture
def started(as_the_plugin: AsThePlugin) -> Json:
    """How the plugin starts the server."""
    return json.loads(as_the_plugin("start", sys.executable))


@pytest.fixture
def ide(project: Path, started: Json, environment: dict[str, str]) -> Iterator[Ide]:
    """The IDE with the plugin, and iris.py before the user."""
    own = Ide(started["command"], environment, project)
    try:
        own.settings = started["settings"]
        own.answers["flor/prepareRun"] = lambda params: own.save() or {}  # type: ignore[func-returns-value]
        own.actions["flor.client.nameExpression"] = lambda asked: name(own, asked)
        own.start(started["options"], project)
        own.show(project / "iris.py")
        yield own
    finally:
        own.process.kill()
        own.process.wait()
