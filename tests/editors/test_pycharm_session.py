"""The plugin's part over real stdio, by a client that behaves as an IDE with LSP4IJ does: run, name, table, rename, remove,
update. How the server is started, and what is made of its messages, is the plugin's own code. And the same without the
plugin, by the template."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.conftest import PLUGIN, AsThePlugin
from tests.editors.iris import FIVE, IRIS, columns, edited, name, rows
from tests.editors.lsp4ij import Ide
from tests.lsp.client import Json, range_of

pytestmark = pytest.mark.once


def test_the_walk_through(ide: Ide, project: Path, as_the_plugin: AsThePlugin) -> None:
    script, shadow = project / "iris.py", project / "iris_h.py"
    heard: list[Json] = []

    # Run with Flor, by the code lens, which LSP4IJ brings to the server itself: what is not saved is saved before
    ide.edit(script, IRIS + "# of today\n")
    lens = ide.lenses(script)["Run with Flor"]
    assert ide.command(lens["command"], lens["arguments"]) == {"experiment": "iris", "exitCode": 0}
    assert script.read_text() == IRIS + "# of today\n"
    assert ide.notification("window/logMessage")["message"] == "--- Job Finished ---"
    for state in ("running", "done"):
        job = ide.notification("flor/jobsChanged", lambda own, state=state: own["job"]["state"] == state)
        heard.append({"method": "flor/jobsChanged", "value": job})

    # Five names, one after the other: four by Alt+Enter, one by the shortcut
    for piece, suits in FIVE.items():
        if suits == "score":
            asked = {"uri": script.as_uri(), "range": range_of(ide.text(script), piece)}
            found = ide.request("flor/nameable", asked)
            heard.append({"method": "flor/nameable", "value": found})
            assert name(ide, found["expressions"][0])["name"] == suits
        else:
            action = ide.code_actions(script, piece)[0]
            assert action["title"].startswith(f'Name this expression: "{suits}"')
            assert ide.perform(action) == {"name": suits, "shadow": str(shadow)}
    columns(ide, *FIVE.values())
    assert shadow not in ide.documents and shadow.read_text().count("GET(") == 5
    assert script.read_text() == IRIS + "# of today\n"
    table = rows(ide)
    assert [row["gamma"] for row in table] == [0.1, 0.01, 0.001]
    assert [row["test_size"] for row in table] == [0.15] * 3
    assert all(0 <= row["score"] <= 1 for row in table)
    assert "gamma: 0.1 0.01 0.001" in ide.hints(script)
    heard.append({"method": "flor/names", "value": ide.request("flor/names", {"uri": script.as_uri()})})
    heard.append({"method": "flor/experiments", "value": ide.request("flor/experiments", {"uri": script.as_uri()})})

    # What the plugin's own classes make of all that
    told = as_the_plugin("read", lines="".join(f"{json.dumps(own)}\n" for own in heard)).splitlines()
    assert [json.loads(line) for line in told] == [
        "", "Run iris.py: done.", "score", " ".join(FIVE.values()), "iris",
    ]  # fmt: skip

    # The table, refreshed and shown
    lens = ide.lenses(script)["Open table"]
    ide.command(lens["command"], lens["arguments"])
    assert ide.notification("flor/showTable") == {"experiment": "iris"}

    # Rename, by the plugin's command, and by the IDE's rename in the open shadow copy, which is left unsaved
    edited(ide, "flor.renameName", {"uri": shadow.as_uri(), "name": "C", "newName": "penalty"})
    columns(ide, "test_size", "random_state", "gamma", "penalty", "score")
    uri = ide.show(shadow)
    at = range_of(ide.text(shadow), '"gam|ma"')["start"]
    edit = ide.request("textDocument/rename", {"textDocument": {"uri": uri}, "position": at, "newName": "width"})
    ide.apply(edit)
    assert 'GET("width", g)' not in shadow.read_text()

    # Remove, by Alt+Enter
    (action,) = [own for own in ide.code_actions(shadow, '"penalt|y"') if own["title"].startswith("Remove")]
    ide.perform(action)
    ide.command("flor.etl", [{"uri": script.as_uri()}])
    columns(ide, "test_size", "random_state", "width", "score")
    assert [row["width"] for row in rows(ide)] == [0.1, 0.01, 0.001]

    # Update, once the source has changed
    ide.edit(script, ide.text(script).replace("clf", "model"))
    became = "score: `model.score(X_te, y_te)` now, `clf.score(X_te, y_te)` before"
    assert edited(ide, "flor.updateShadow", {"uri": uri}) == {"lost": [], "inexact": [became]}
    assert 'GET("score", model.score(X_te, y_te))' in ide.text(shadow)
    assert shadow in ide.documents  # it had changes of the user's own
    assert ide.end() == 0


def test_an_expression_of_a_library_is_named_in_its_source(
    ide: Ide, project: Path, environment: dict[str, str]
) -> None:
    """The user went to the source of what the script calls, and names something there."""
    library = project.parent / "site" / "wheels.py"
    library.parent.mkdir()
    library.write_text("def turn(speed):\n    return speed * 3\n")
    script = project / "drive.py"
    script.write_text("import wheels\nfor speed in (1, 2):\n    way = wheels.turn(speed)\n")
    command = [sys.executable, "-m", "flor", "python", "--capture", "wheels", str(script), "drive"]
    subprocess.run(command, env={**environment, "PYTHONPATH": str(library.parent)}, check=True, capture_output=True)
    uri = ide.show(library)
    while not ide.request("flor/experiments", {"uri": uri})["experiments"]:  # the run is of another process
        ide.notification("flor/experimentsChanged")
    asked = {"uri": uri, "range": range_of(ide.text(library), "speed * 3")}
    done = name(ide, ide.request("flor/nameable", asked)["expressions"][0], "angle")
    assert done == {"name": "angle", "shadow": str(library.with_name("wheels_h.py"))}
    columns(ide, "angle")
    assert [row["angle"] for row in rows(ide, "drive")] == [3, 6]
    assert library.read_text() == "def turn(speed):\n    return speed * 3\n"


def test_a_run_is_cancelled_by_its_progress_bar(ide: Ide, project: Path) -> None:
    script = project / "iris.py"
    ide.edit(script, "import time\nprint('begun')\ntime.sleep(1000)\n")
    asked = ide.begin("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": script.as_uri()}]})
    ide.notification("window/logMessage", lambda own: own["message"] == "begun")
    begun = ide.notification("$/progress", lambda own: own["value"]["kind"] == "begin")
    assert begun["value"]["cancellable"]
    ide.notify("window/workDoneProgress/cancel", {"token": str(begun["token"])})
    with pytest.raises(Exception, match="it was cancelled"):
        ide.reply(asked)
    job = ide.notification("flor/jobsChanged", lambda own: own["job"]["state"] != "running")["job"]
    assert job["state"] == "cancelled"


def test_a_place_is_shown(ide: Ide, project: Path) -> None:
    """LSP4IJ never answers if there is no selection: there always is one."""
    script, shadow = project / "iris.py", project / "iris_h.py"
    ide.perform(ide.code_actions(script, "0.15")[0])
    asked = {"shadow": str(shadow), "name": "test_size"}
    assert ide.request("flor/reveal", asked) == {"shown": True}
    ide.command("flor.openPanel", [{}])
    assert ide.browsed[0].startswith("http://127.0.0.1:")


@pytest.fixture
def bare(project: Path, environment: dict[str, str]) -> Iterator[Ide]:
    """The IDE without the plugin: LSP4IJ as the template sets it up."""
    template = PLUGIN / "lsp4ij-template"
    about = json.loads((template / "template.json").read_text())
    line = about["programArgs"]["default"].replace("$PyInterpreterDirectory$", str(Path(sys.executable).parent))
    program, _, rest = line.removeprefix('"').partition('" ')
    own = Ide([program, *rest.split(" ")], {**environment, **about["env"]["variables"]}, project)
    try:
        own.settings = json.loads((template / "settings.json").read_text())
        own.start(json.loads((template / "initializationOptions.json").read_text()), project)
        own.show(project / "iris.py")
        yield own
    finally:
        own.process.kill()
        own.process.wait()


def test_without_the_plugin(bare: Ide, project: Path) -> None:
    """Edits stay unsaved in a file that no editor has open, and are known all the same."""
    ide, script, shadow = bare, project / "iris.py", project / "iris_h.py"
    lens = ide.lenses(script)["Run with Flor"]
    ide.command(lens["command"], lens["arguments"])
    for piece, suits in FIVE.items():
        action = ide.code_actions(script, piece)[0]
        assert action["title"].startswith(f'Name this expression: "{suits}"')
        ide.perform(action)
        assert ide.text(shadow).count("GET(") == list(FIVE.values()).index(suits) + 1
    assert shadow.read_text() == ""
    columns(ide, *FIVE.values())
    assert [row["gamma"] for row in rows(ide)] == [0.1, 0.01, 0.001]
    assert "gamma: 0.1 0.01 0.001" in ide.hints(script)
    ide.command("flor.etl", [{"uri": script.as_uri()}])
    columns(ide, *FIVE.values())

    # The table opens as a file, for there is no side panel
    lens = ide.lenses(script)["Open table"]
    path = Path(ide.command(lens["command"], lens["arguments"])["file"])
    assert path in ide.editors and path.read_text().startswith("run,g_iter,")

    # Once it is saved, what is on disk counts; and once an editor has it open, what the editor has
    ide.save()
    shadow.write_text(shadow.read_text().replace('GET("C", 100.0)', "100.0"))
    names = ide.request("flor/names", {"uri": script.as_uri()})["names"]
    assert [own["name"] for own in names] == ["test_size", "random_state", "gamma", "score"]
    ide.show(shadow)
    ide.edit(shadow, ide.text(shadow).replace('GET("gamma", g)', "g"))
    names = ide.request("flor/names", {"uri": script.as_uri()})["names"]
    assert [own["name"] for own in names] == ["test_size", "random_state", "score"]
