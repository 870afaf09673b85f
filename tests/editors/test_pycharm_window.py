"""The tool window's page as PyCharm shows it: from the loopback host of the server that the IDE started, in Chromium, in
the IDE's theme. The picture is in editors/panel/screenshots/pycharm-dark.png."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.debian import installed
from tests.editors.iris import FIVE, columns
from tests.editors.lsp4ij import Ide
from tests.lsp.client import Json, range_of

pytestmark = pytest.mark.once

PANEL = Path(__file__).parents[2] / "editors" / "panel"


def test_the_tool_window(ide: Ide, started: Json, project: Path) -> None:
    chromium = installed("chromium", "chromium")
    assert chromium, "Chromium is not here"
    script, other = project / "iris.py", project / "pygls.py"
    ide.command("flor.run", [{"uri": script.as_uri()}])
    for piece in FIVE:
        ide.perform(ide.code_actions(script, piece)[0])
    columns(ide, *FIVE.values())
    address = ide.request("flor/panel", {"uri": script.as_uri(), "theme": started["theme"]})["url"]
    picture = PANEL / "screenshots" / "pycharm-dark.png"
    picture.parent.mkdir(exist_ok=True)
    asked = {
        "url": address, "light": started["light"], "picture": str(picture),
        "file": started["file"].replace("file:///other.py", other.as_uri()),
    }  # fmt: skip
    with subprocess.Popen(
        ["node", "test/window.mjs", json.dumps(asked)], cwd=PANEL, env={**os.environ, "CHROMIUM": chromium},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as page:  # fmt: skip
        place = ide.notification("window/showDocument")  # a click on a cell goes to the code
        output, errors = page.communicate()
    assert page.returncode == 0, errors
    assert place["uri"] == script.as_uri()
    assert place["selection"]["start"] == range_of(ide.text(script), "gamma=|g")["start"]
    found = json.loads(output)
    assert found["errors"] == []
    assert "token" not in found["address"]
    assert found["dark"]["theme"] == "dark" == found["other"]["theme"]
    assert (_brightness(found["dark"]), _brightness(found["bright"])) == (0, 2)
    assert "No run of pygls.py yet." in found["shown"]


def _brightness(look: Json) -> int:
    """0: dark, 2: bright."""
    parts = [int(part) for part in look["background"].removeprefix("rgb(").removesuffix(")").split(", ")]
    return round(2 * sum(parts) / (3 * 255))
