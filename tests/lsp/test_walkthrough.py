"""The whole of it over real stdio, with real runs: name, table, rename, remove, edit, update."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import Client, ReplyError, apply_edits, apply_to_disk, offset, position, range_of
from tests.lsp.test_naming import actions

pytestmark = pytest.mark.once

SCRIPT = """\
import math

def fit(speed):
    return speed * 2

for rate in (1, 2, 3):
    for step in range(2):
        loss = fit(rate) + step
        wave = math.sin(loss)
print("done")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def capture(script: Path, home: Path, *arguments: str) -> None:
    environment = {**os.environ, "FLOR_HOME": str(home)}
    command = [sys.executable, "-m", "flor", "python", str(script), "sweep", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def name(client: Client, uri: str, piece: str, new: str | None = None, nth: int = 0) -> tuple[Path, str]:
    """Name a piece of a document by its code action, as an editor does it with files on disk. Returns the copy and the
    name."""
    found = actions(client, uri, piece, nth)
    action = client.request("codeAction/resolve", found[0])
    (copied,) = apply_to_disk(action["edit"])
    command = action["command"]
    client.request("workspace/executeCommand", {"command": command["command"], "arguments": command["arguments"]})
    return copied, command["arguments"][0]["name"]


def table(client: Client, experiment: str = "sweep") -> list[dict[str, Any]]:
    """The rows of an experiment's table."""
    opened = client.request("flor/table", {"experiment": experiment})
    names = [column["name"] for column in opened["columns"]]
    rows = client.request("flor/rows", {"handle": opened["handle"], "limit": 5000})
    assert rows["total"] == opened["rows"]
    client.request("flor/closeTable", {"handle": opened["handle"]})
    return [dict(zip(names, row, strict=True)) for row in rows["rows"]]


def test_the_walk_through(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize(options={"flor": {"panel": True}})
    uri = client.open(script)
    experiments = client.request("flor/experiments", {"uri": uri})["experiments"]
    assert [(own["name"], [run["status"] for run in own["runs"]]) for own in experiments] == [("sweep", ["finished"])]

    copied, first = name(client, uri, "fit(rate) + step")
    assert (copied, first) == (tmp_path / "train_h.py", "loss")
    made = client.notification("flor/tableChanged")
    assert [column["name"] for column in made["columns"]] == ["run", "rate_iter", "step_iter", "loss"]
    rows = table(client)
    assert [row["loss"] for row in rows] == [2, 3, 4, 5, 6, 7]
    name(client, uri, "speed * 2")
    client.notification("flor/tableChanged")
    assert [(row["speed"] if "speed" in row else row["fit"], row["loss"]) for row in table(client)] == [
        (2, 2), (2, 3), (4, 4), (4, 5), (6, 6), (6, 7),
    ]  # fmt: skip

    shadow = client.open(copied)
    params = {"textDocument": {"uri": shadow}, "position": range_of(client.texts[shadow], '"lo|ss"')["start"]}
    assert client.request("textDocument/prepareRename", params)["placeholder"] == "loss"
    edit = client.request("textDocument/rename", {**params, "newName": "my loss"})
    text = apply_edits(client.texts[shadow], edit["documentChanges"][0]["edits"])
    assert 'GET("my loss", fit(rate) + step)' in text
    client.replace(shadow, text, 2)
    client.request("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"uri": shadow}]})
    assert "my loss" in table(client)[0]  # of the open document, which is not saved

    found = actions(client, shadow, "math.s|in(loss)")
    assert all("Name" in action["title"] for action in found)
    found = [action for action in actions(client, shadow, 'GET("my lo|ss"') if action["title"].startswith("Remove")]
    action = client.request("codeAction/resolve", found[0])
    text = apply_edits(text, action["edit"]["documentChanges"][0]["edits"])
    assert "my loss" not in text
    assert text.count("GET") == 1
    at = range_of(client.texts[shadow], '"my lo|ss"')["start"]
    place = client.request("textDocument/definition", {"textDocument": {"uri": shadow}, "position": at})
    assert place == {"uri": uri, "range": range_of(SCRIPT, "fit(rate) + step")}


def hints(client: Client, uri: str) -> list[tuple[str, Any]]:
    text = client.texts[uri]
    end = position(text, len(text))
    params = {"textDocument": {"uri": uri}, "range": {"start": {"line": 0, "character": 0}, "end": end}}
    found = client.request("textDocument/inlayHint", params)
    return [(hint["label"][0]["value"], hint["position"]) for hint in found]


LOGS = """\
import flor

@flor.track
def f(n):
    for i in range(n):
        ä = flor.log.metric(i * 2)
        flor.log("loss", ä)

with flor.Context("sweep"):
    f(3)
"""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A script that logs, and has run."""
    script = tmp_path / "logs.py"
    script.write_text(LOGS)
    environment = {**os.environ, "FLOR_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, str(script)], env=environment, cwd=tmp_path, check=True, capture_output=True)
    return script


def test_values_where_a_program_logs(client: Client, logs: Path) -> None:
    client.initialize()
    uri = client.open(logs)
    client.request("flor/experiments", {"uri": uri})
    metric, loss = (range_of(LOGS, place)["start"] for place in ("flor.log.metric(i * 2)|", 'flor.log("loss", ä)|'))
    assert hints(client, uri) == [("ä: 0 2 4", metric), ("loss: 0 2 4", loss)]
    client.replace(uri, "# new\n" + LOGS.replace("i * 2", "i * 3"), 2)
    assert hints(client, uri) == [("loss: 0 2 4", {**loss, "line": loss["line"] + 1})]


def test_names_that_a_program_logs(client: Client, logs: Path) -> None:
    client.initialize()
    uri = client.open(logs)
    places = [range_of(LOGS, "flor.log.metric(i * 2)"), range_of(LOGS, 'flor.log("loss", ä)')]
    told = [
        {"name": "ä", "typ": "metric", "text": "i * 2", "source": places[0]},
        {"name": "loss", "typ": "log", "text": "ä", "source": places[1]},
    ]
    assert client.request("flor/names", {"uri": uri}) == {"shadow": None, "source": uri, "names": [], "logged": told}
    copied, _ = name(client, uri, "range(n)", "times")
    shadow = client.open(copied)
    found = client.request("flor/names", {"uri": shadow})
    assert (found["source"], found["logged"], len(found["names"])) == (uri, told, 1)
    client.replace(uri, LOGS.replace("i * 2", "i * 3"), 2)
    assert [own["source"] for own in client.request("flor/names", {"uri": uri})["logged"]] == [None, places[1]]


def test_names_that_a_program_logs_are_completed(client: Client, logs: Path) -> None:
    client.initialize()
    uri = client.open(logs)
    copied, _ = name(client, uri, "range(n)")
    client.notification("flor/tableChanged")
    text = copied.read_text().replace("i * 2", 'GET("", i * 2)')
    shadow = client.open(copied, text)

    def completed(uri: str, text: str, place: str) -> list[str]:
        at = {"textDocument": {"uri": uri}, "position": range_of(text, place)["start"]}
        return [item["label"] for item in client.request("textDocument/completion", at)]

    assert completed(shadow, text, 'GET("|", i')[-2:] == ["ä", "loss"]
    assert completed(shadow, text, 'flor.log("|loss') == []
    assert completed(uri, LOGS, 'flor.log("|loss') == ["ä", "loss"]


def test_a_logged_column_leads_to_its_statement(client: Client, logs: Path) -> None:
    client.answers["window/showDocument"] = lambda params: {"success": True}
    client.initialize()
    uri = client.open(logs)
    client.request("flor/experiments", {"uri": uri})
    columns = client.request("flor/table", {"experiment": "sweep"})["columns"]
    about = {"type": "int", "role": "name", "source": str(logs)}
    assert columns[-2:] == [
        {"name": "ä", "logged": "metric", "line": 6, "text": "i * 2", **about},
        {"name": "loss", "logged": "log", "line": 7, "text": "ä", **about},
    ]
    asked = {key: columns[-2][key] for key in ("name", "source", "line", "text")}
    text = "# new\n" + LOGS
    client.replace(uri, text, 2)
    assert client.request("flor/reveal", asked) == {"shown": True}
    shown = client.notification("window/showDocument")
    assert (shown["uri"], shown["selection"]) == (uri, range_of(text, "flor.log.metric(i * 2)"))
    client.replace(uri, LOGS.replace("i * 2", "i * 3"), 3)
    for wrong, message in (
        (asked, f'what logs "ä" is not in {logs} any more'),
        ({**asked, "source": "<stdin>"}, '"ä" was logged by code that is in no file'),
        ({"name": "ä"}, "say in which shadow copy the name is, or in which source"),
    ):
        with pytest.raises(ReplyError, match=message):
            client.request("flor/reveal", wrong)


def test_values_where_the_code_is(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize()
    uri = client.open(script)
    client.request("flor/experiments", {"uri": uri})
    copied, _ = name(client, uri, "fit(rate) + step")
    assert hints(client, uri) == [("loss: 5 6 7", range_of(SCRIPT, "fit(rate) + step|")["start"])]
    shadow = client.open(copied)
    text = client.texts[shadow]
    assert hints(client, shadow) == [("loss: 5 6 7", range_of(text, 'GET("loss", fit(rate) + step)|')["start"])]

    at = range_of(SCRIPT, "math.s|in")["start"]
    hover = client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": at})
    assert "6 values" not in hover["contents"]["value"].splitlines()[0]
    at = range_of(SCRIPT, "spe|ed * 2")["start"]
    hover = client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": at})
    shown = hover["contents"]["value"]
    assert "6 values, int" in shown
    assert "min 1  max 3" in shown
    assert "▁▁▅▅██" in shown
    assert "of sweep, finished, began" in shown

    edited = SCRIPT.replace("    return speed * 2", "    # twice\n    return speed * 2").replace('"done"', '"over"')
    client.replace(uri, "x = 1\n" + edited, 2)
    assert hints(client, uri) == [("loss: 5 6 7", range_of(client.texts[uri], "fit(rate) + step|")["start"])]
    at = range_of(client.texts[uri], "spe|ed * 2")["start"]
    hover = client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": at})
    assert "6 values, int" in hover["contents"]["value"]
    at = range_of(client.texts[uri], '"ov|er"')["start"]
    assert client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": at}) is None
    client.replace(uri, edited.replace("fit(rate) + step", "fit(rate) - step"), 3)
    assert hints(client, uri) == []


def test_nothing_to_say(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    at = range_of(SCRIPT, "spe|ed * 2")["start"]
    assert client.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": at}) is None
    assert hints(client, uri) == []
    for method in ("prepareRename", "definition"):
        assert client.request(f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": at}) is None


def test_run_and_its_lenses(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    lenses = client.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert [lens["command"]["title"] for lens in lenses] == ["Run with Flor"]
    command = lenses[0]["command"]
    done = client.request("workspace/executeCommand", {"command": "flor.run", "arguments": command["arguments"]})
    assert done == {"experiment": "train", "exitCode": 0}
    assert client.notification("window/logMessage")["message"] == "done"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lenses = client.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
        if len(lenses) == 3:
            break
        time.sleep(0.1)
    assert [lens["command"]["title"] for lens in lenses] == ["Run with Flor", "1 run, last just now", "Open table"]


@pytest.mark.parametrize("etl_on_name", [True, False])
def test_what_was_named_before_the_first_run_has_a_table_after_it(
    client: Client, script: Path, etl_on_name: bool
) -> None:
    client.initialize(options={"flor": {"panel": True, "etlOnName": etl_on_name}})
    uri = client.open(script)
    named = SCRIPT.replace("math.sin(loss)", 'GET("own", math.sin(loss))')
    script.with_name("train_h.py").write_text(f"#{script}\n{named}")
    client.request("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})
    if etl_on_name:
        assert "own" in [c["name"] for c in client.notification("flor/tableChanged")["columns"]]
    else:
        with pytest.raises(ReplyError, match="has no table yet"):
            client.request("flor/table", {"experiment": "train"})


def test_a_run_that_fails(client: Client, script: Path) -> None:
    script.write_text("raise ValueError('no')\n")
    client.initialize()
    uri = client.open(script)
    with pytest.raises(ReplyError, match=r"train\.py ended with exit code 1; its output is in the log"):
        client.request("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})
    client.notification("window/logMessage", lambda p: p["message"] == "ValueError: no")


def test_a_run_with_changes_that_are_not_saved(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script, SCRIPT + "x = 1\n")
    with pytest.raises(ReplyError, match="has changes that are not saved"):
        client.request("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})


def test_cancelling_a_run_keeps_its_trace(client: Client, script: Path) -> None:
    script.write_text("import time\nfor i in range(1000):\n    print(i, flush=True)\n    time.sleep(0.05)\n")
    client.initialize(options={"flor": {"panel": True}})
    uri = client.open(script)
    asked = client.begin("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})
    client.notification("window/logMessage", lambda p: p["message"] == "3")
    begun = client.notification("$/progress", lambda p: p["value"]["kind"] == "begin")
    assert begun["value"]["title"] == "Run train.py"
    client.notify("window/workDoneProgress/cancel", {"token": begun["token"]})
    with pytest.raises(ReplyError, match=r"-32800 .*: it was cancelled"):
        client.reply(asked)
    name(client, uri, "range(1000)")
    made = client.notification("flor/tableChanged")
    assert made["rows"] >= 1
    runs = client.request("flor/experiments", {"uri": uri})["experiments"][0]["runs"]
    assert runs[0]["status"] in ("failed", "killed")


def test_windows_of_a_table(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize(options={"flor": {"etlOnName": False}})
    uri = client.open(script)
    client.request("flor/experiments", {"uri": uri})
    for piece in ("fit(rate) + step", "math.sin(loss)"):
        action = client.request("codeAction/resolve", actions(client, uri, piece)[0])
        assert "command" not in action
        apply_to_disk(action["edit"])
    made = client.request("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"uri": uri}]})
    assert made["rows"] == 6
    opened = client.request("flor/table", {"uri": uri})
    handle = opened["handle"]
    kinds = [(c["name"], c["type"], c.get("role")) for c in opened["columns"]]
    assert kinds[0] == ("run", "text", "key")
    assert kinds[3:] == [("loss", "int", "name"), ("wave", "float", "name")]
    assert opened["columns"][3]["line"] == 9

    def window(**params: Any) -> Any:
        return client.request("flor/rows", {"handle": handle, "columns": ["loss"], **params})

    assert window(offset=1, limit=2) == {"rows": [[3], [4]], "total": 6}
    assert window(sort=[{"column": "wave"}], limit=2)["rows"] == [[5], [4]]
    assert window(filter=[{"column": "loss", "operator": ">=", "value": 5}]) == {"rows": [[5], [6], [7]], "total": 3}
    assert window(filter=[{"column": "run", "operator": "null"}]) == {"rows": [], "total": 0}
    with pytest.raises(ReplyError, match="there is no column 'los'"):
        window(sort=[{"column": "los"}])
    with pytest.raises(ReplyError, match="there is no filter 'like'"):
        window(filter=[{"column": "loss", "operator": "like", "value": 5}])
    with pytest.raises(ReplyError, match="arguments are not as they should be"):
        window(offset="x")
    plot = client.request("flor/plot", {"handle": handle, "y": ["wave"], "x": "loss", "by": "run"})
    (series,) = plot["series"]
    assert series["x"] == [2, 3, 4, 5, 6, 7]
    with pytest.raises(ReplyError, match="run holds no numbers"):
        client.request("flor/plot", {"handle": handle, "y": ["run"]})
    asked = client.request("flor/sql", {"query": "select loss, count(*) from sweep group by 1 order by 1"})
    answer = client.request("flor/rows", {"handle": asked["handle"]})
    assert answer["rows"] == [[n, 1] for n in range(2, 8)]
    with pytest.raises(ReplyError, match="SQL: Parser Error"):
        client.request("flor/sql", {"query": "selec 1"})
    client.request("flor/closeTable", {"handle": handle})
    with pytest.raises(ReplyError, match="this table is not open any more"):
        window()


def diagnostics(client: Client, uri: str, fits: Any = lambda found: True) -> list[tuple[str, str]]:
    """The next diagnostics of a document that fit: the text that each stands at, and its message."""
    found = client.notification("textDocument/publishDiagnostics", lambda p: p["uri"] == uri and fits(p["diagnostics"]))
    text = client.texts[uri]
    return [
        (text[offset(text, d["range"]["start"]) : offset(text, d["range"]["end"])], d["message"])
        for d in found["diagnostics"]
    ]


def test_a_shadow_copy_is_kept_up_to_date(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize()
    uri = client.open(script)
    client.request("flor/experiments", {"uri": uri})
    copied, _ = name(client, uri, "fit(rate) + step")
    name(client, uri, "speed * 2")
    edited = (
        SCRIPT.replace("    return speed * 2", "    # faster\n    return speed * 3")
        .replace("rate in", "pace in")
        .replace("fit(rate)", "fit(pace)")
    )
    client.replace(uri, edited, 2)
    shadow = client.open(copied)
    ((at, message),) = diagnostics(client, shadow, bool)
    assert at == str(script)
    assert message.startswith("the source has changed since this copy was made")
    start = {"line": 0, "character": 2}
    about = {"range": {"start": start, "end": start}, "code": "source-changed", "message": message}
    found = client.request("textDocument/codeAction", {
        "textDocument": {"uri": shadow}, "range": about["range"], "context": {"diagnostics": [about], "only": ["quickfix"]},
    })  # fmt: skip
    assert [action["title"] for action in found] == ["Update shadow copy"]
    edits: list[Any] = []
    client.answers["workspace/applyEdit"] = lambda params: {"applied": not edits.append(params["edit"])}  # type: ignore[func-returns-value]
    command = found[0]["command"]
    done = client.request(
        "workspace/executeCommand", {"command": command["command"], "arguments": command["arguments"]}
    )
    text = apply_edits(client.texts[shadow], edits[0]["documentChanges"][0]["edits"])
    assert 'GET("loss", fit(pace) + step)' in text
    assert "speed * 3" in text
    assert done["lost"] or "speed * 3)" in text
    client.replace(shadow, text, 2)
    assert diagnostics(client, shadow, lambda found: not any("has changed" in d["message"] for d in found)) is not None


def test_a_tuple_that_was_named_by_hand_is_no_other_code(client: Client, tmp_path: Path) -> None:
    client.initialize()
    script = tmp_path / "pair.py"
    script.write_text("pair = (1, 2)\n")
    client.open(script)
    copied = tmp_path / "pair_h.py"
    copied.write_text(f'#{script}\npair = GET("pair", (1, 2))\n')
    ((at, message),) = diagnostics(client, client.open(copied), bool)
    assert (at, message) == (
        str(script),
        "the source has the same code as this copy, in another layout: update the shadow copy",
    )


def test_what_is_wrong_with_a_shadow_copy(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize()
    shadow = tmp_path / "train_h.py"
    text = f"#{script}\n" + SCRIPT.replace("fit(rate) + step", 'GET("a", fit(rate) + step)').replace(
        "speed * 2", 'GET("a", speed * 2)'
    )
    uri = client.open(shadow, text)
    assert diagnostics(client, uri) == [('"a"', 'the name "a" is used twice: rename one of them')]
    client.replace(uri, text.replace('GET("a", speed * 2)', "speed * 2"), 2)
    assert diagnostics(client, uri) == []
    client.replace(uri, text.replace('GET("a", speed * 2)', "GET(speed * 2)"), 3)
    ((at, message),) = diagnostics(client, uri)
    assert at == "return GET(speed * 2)"
    assert "GET" in message
    client.replace(uri, f"#{tmp_path}/gone.py\nx = 1\n", 4)
    assert [message for _, message in diagnostics(client, uri)] == [
        f"the source is gone: {tmp_path}/gone.py; runs have copies of their own"
    ]
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert diagnostics(client, uri) == []


def test_names_are_completed(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize()
    uri = client.open(script)
    client.request("flor/experiments", {"uri": uri})
    copied, _ = name(client, uri, "fit(rate) + step")
    client.notification("flor/tableChanged")
    text = copied.read_text().replace('GET("loss", fit(rate) + step)', 'GET("')
    shadow = client.open(copied, text)
    at = range_of(text, 'GET("|')["start"]
    found = client.request("textDocument/completion", {"textDocument": {"uri": shadow}, "position": at})
    assert [item["label"] for item in found] == ["loss"]
    at = range_of(text, "for ra|te")["start"]
    assert client.request("textDocument/completion", {"textDocument": {"uri": shadow}, "position": at}) == []


def test_a_run_that_the_client_prepares(client: Client, script: Path) -> None:
    client.initialize(options={"flor": {"prepareRun": True}})
    text = "import sys\nprint('told', sys.argv[1:])\n"
    uri = client.open(script, text)

    def prepare(params: Any) -> Any:
        assert params == {"uri": uri}
        script.write_text(text)
        return {"experiment": "mine", "arguments": ["--epochs", "3"]}

    client.answers["flor/prepareRun"] = prepare
    done = client.request("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})
    assert done == {"experiment": "mine", "exitCode": 0}
    assert client.notification("window/logMessage")["message"] == "told ['--epochs', '3']"
    asked = [{"uri": uri, "experiment": "other", "arguments": []}]
    done = client.request("workspace/executeCommand", {"command": "flor.run", "arguments": asked})
    assert done == {"experiment": "other", "exitCode": 0}
    assert client.notification("window/logMessage")["message"] == "told []"
    client.answers["flor/prepareRun"] = lambda params: {"arguments": 3}
    with pytest.raises(ReplyError, match="the arguments are not as they should be"):
        client.request("workspace/executeCommand", {"command": "flor.run", "arguments": [{"uri": uri}]})


def test_what_is_logged_outside_of_tracked_functions(client: Client, tmp_path: Path) -> None:
    source = """\
import flor
with flor.Context("plain"):
    for i in range(3):
        flor.log("a", i); flor.log("b", i)
"""
    script = tmp_path / "plain.py"
    script.write_text(source)
    environment = {**os.environ, "FLOR_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, str(script)], env=environment, cwd=tmp_path, check=True, capture_output=True)
    client.answers["window/showDocument"] = lambda params: {"success": True}
    client.initialize()
    uri = client.open(script)
    assert [own["name"] for own in client.request("flor/experiments", {"uri": uri})["experiments"]] == ["plain"]
    assert [own["name"] for own in client.request("flor/names", {"uri": uri})["logged"]] == ["a", "b"]
    columns = client.request("flor/table", {"experiment": "plain"})["columns"]
    for column in columns[-2:]:
        asked = {key: column[key] for key in ("name", "source", "line", "text")}
        assert client.request("flor/reveal", asked) == {"shown": True}
        place = range_of(source, f'flor.log("{column["name"]}", i)')
        assert client.notification("window/showDocument")["selection"] == place
    (tmp_path / "plain_h.py").write_text("print('mine')\n")
    found = client.request("flor/names", {"uri": uri})
    assert (found["shadow"], len(found["logged"])) == (None, 2)
    kept = next((tmp_path / "home").glob("plain/runs/*/logged.jsonl"))
    text = kept.read_text()
    kept.write_text(text.replace('"a"', '"c"'))
    with pytest.raises(ReplyError, match="no run has kept the version of "):
        client.request("flor/reveal", {"name": "a", "source": str(script), "line": 4, "text": "i"})


def test_a_table_that_lacks_a_run_says_so(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize()
    uri = client.open(script)
    name(client, uri, "fit(rate) + step")
    client.notification("flor/tableChanged")
    assert client.request("flor/table", {"experiment": "sweep"})["diagnostics"] == []
    capture(script, tmp_path / "home")
    said = client.request("flor/table", {"experiment": "sweep"})["diagnostics"]
    assert said == [{"name": None, "text": "the table is older than its last run: refresh it"}]
    client.request("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"uri": uri}]})
    assert client.request("flor/table", {"experiment": "sweep"})["diagnostics"] == []
