"""The plugin for PyCharm, as far as that goes without the IDE: what needs none is run, the rest is compiled, and what
plugin.xml names is there."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from flor_lsp.client import Settings, _camel
from flor_lsp.server import COMMANDS, REQUESTS
from tests.editors.conftest import PLUGIN
from tests.lsp.client import Json

pytestmark = pytest.mark.once

JAVA = PLUGIN / "src" / "main" / "java"
RESOURCES = PLUGIN / "src" / "main" / "resources"
SERVER = PLUGIN.parents[1] / "flor_lsp"
#: Groups of the IDE that actions are put into.
GROUPS = {"ToolsMenu", "EditorPopupMenu"}


@pytest.fixture(scope="module")
def plugin() -> ElementTree.Element:
    return ElementTree.parse(RESOURCES / "META-INF" / "plugin.xml").getroot()


@pytest.fixture(scope="module")
def sources() -> str:
    """All of the plugin's code."""
    return "\n".join(path.read_text() for path in sorted(JAVA.rglob("*.java")))


def named(plugin: ElementTree.Element, *attributes: str) -> Iterator[tuple[ElementTree.Element, str]]:
    """What elements of plugin.xml have in some attributes."""
    for element in plugin.iter():
        for attribute in attributes:
            if (value := element.get(attribute)) is not None:
                yield element, value


def test_it_compiles_and_what_needs_no_ide_works(classes: Path) -> None:
    assert list((classes / "plugin").rglob("*.class"))


def test_each_class_that_the_ide_makes_is_there(classes: Path, plugin: ElementTree.Element) -> None:
    found = list(named(plugin, "class", "factoryClass", "instance", "serviceImplementation"))
    assert len(found) > 20
    for element, name in found:
        shown = subprocess.run(
            ["javap", "-cp", f"{classes / 'plugin'}:{classes / 'core'}:{classes / 'api'}", name], capture_output=True,
            text=True,
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr
        by_project = element.tag in ("projectService", "projectConfigurable", "listener") and "FlorSettings" not in name
        argument = "com.intellij.openapi.project.Project" if by_project else ""
        assert f"public {name}({argument});" in shown.stdout, shown.stdout


def test_each_icon_is_there(plugin: ElementTree.Element) -> None:
    for _, path in named(plugin, "icon"):
        icon = RESOURCES / path.removeprefix("/")
        for own in (icon, icon.with_stem(f"{icon.stem}_dark")):
            assert ElementTree.parse(own).getroot().tag.endswith("svg")
    assert (RESOURCES / "META-INF" / "pluginIcon.svg").exists()


def test_each_action_is_named_once_and_found(plugin: ElementTree.Element) -> None:
    ids = [element.get("id") for element in plugin.iter() if element.tag in ("action", "group")]
    assert len(set(ids)) == len(ids)
    for _, name in named(plugin, "ref", "group-id"):
        assert name in ids or name in GROUPS


def test_what_the_code_calls_by_name_is_in_plugin_xml(plugin: ElementTree.Element, sources: str) -> None:
    def one(tag: str) -> str:
        (element,) = plugin.iter(tag)
        return str(element.get("id"))

    assert f'ID = "{one("server")}"' in sources
    assert f'WINDOW = "{one("toolWindow")}"' in sources
    assert f'GROUP = "{one("notificationGroup")}"' in sources
    (mapping,) = plugin.iter("languageMapping")
    assert mapping.get("serverId") == one("server")


def test_commands_and_messages_are_those_of_the_server(plugin: ElementTree.Element, sources: str) -> None:
    server = "\n".join(path.read_text() for path in SERVER.rglob("*.py"))
    assert set(re.findall(r'"(flor\.\w+)"', sources)) <= set(COMMANDS)
    asked = set(re.findall(r'@JsonRequest\("(flor/\w+)"\)', (JAVA / "org/flor/pycharm/ServerApi.java").read_text()))
    assert asked <= set(REQUESTS)
    heard = set(re.findall(r'@Json\w+\("(flor/\w+)"\)', (JAVA / "org/flor/pycharm/ServerClient.java").read_text()))
    told = set(re.findall(r'"(flor/\w+)"', server)) - set(REQUESTS)
    assert heard == told
    # What the client does for the server is no command of the server: LSP4IJ asks the server first.
    of_client = set(re.findall(r'"(flor\.client\.\w+)"', server))
    assert of_client == {name for _, name in named(plugin, "id") if name.startswith("flor.client.")}
    assert not of_client & set(COMMANDS)


def test_no_version_of_the_ide_is_ruled_out(plugin: ElementTree.Element) -> None:
    assert not list(named(plugin, "until-build"))
    assert "untilBuild = provider { null }" in (PLUGIN / "build.gradle.kts").read_text()


def test_the_page_names_each_action(plugin: ElementTree.Element) -> None:
    page = " ".join((PLUGIN.parents[1] / "docs" / "pycharm.md").read_text().split())
    (menu,) = (group for group in plugin.iter("group") if group.get("id") == "flor.menu")
    actions = [str(action.get("text")) for action in menu.iter("action")]
    assert len(actions) > 10
    assert [text for text in actions if f"*{text}*" not in page] == []


def test_settings_are_those_of_the_server(started: Json) -> None:
    known = {_camel(field.name) for field in dataclasses.fields(Settings)}
    assert set(started["settings"]["flor"]) == known
    assert Settings.read(started["settings"]["flor"])[1] == []

    template = PLUGIN / "lsp4ij-template"
    settings, options, schema = (
        json.loads((template / f"{name}.json").read_text())
        for name in ("settings", "initializationOptions", "settings.schema")
    )
    assert settings == options
    assert Settings.read(settings["flor"]) == (Settings(), [])
    assert set(schema["properties"]["flor"]["properties"]) == known


def test_the_template_has_what_lsp4ij_reads() -> None:
    about = json.loads((PLUGIN / "lsp4ij-template" / "template.json").read_text())
    assert set(about) == {"id", "name", "programArgs", "env", "languageMappings"}
    assert about["env"]["includeSystemEnvironmentVariables"] is True  # else the server has no PATH and no home
