"""The Iris script by code actions alone, from its run to its table, renamed, removed, updated; and by a client that can
do nothing but what LSP demands."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import Client, ReplyError, apply_edits, apply_to_disk, range_of
from tests.lsp.test_naming import actions, titles
from tests.lsp.test_walkthrough import capture, name, table

pytestmark = pytest.mark.once

IRIS = (Path(__file__).parents[2] / "examples" / "iris" / "iris.py").read_text()
#: Each expression with the caret or selection that names it, and which of its occurrences.
FIVE = {"0.15": 0, "random.randint(1,100)": 0, "gamma=|g": 0, "100.0": 0, "clf.score(X_te, y_te)": 0}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "iris.py"
    path.write_text(IRIS)
    return path


def test_five_names_a_table_and_what_becomes_of_them(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize(options={"flor": {"panel": True}})
    uri = client.open(script)
    named = []
    for piece in FIVE:
        copied, own = name(client, uri, piece)
        named.append(own)
        while own not in [c["name"] for c in client.notification("flor/tableChanged")["columns"]]:
            pass
    assert named == ["test_size", "random_state", "gamma", "C", "score"]
    assert script.read_text() == IRIS
    rows = table(client)
    assert [row["gamma"] for row in rows] == [0.1, 0.01, 0.001]
    assert [row["test_size"] for row in rows] == [0.15] * 3
    assert all(0 <= row["score"] <= 1 for row in rows)

    # one is renamed, one removed
    shadow = client.open(copied)
    at = {"textDocument": {"uri": shadow}, "position": range_of(client.texts[shadow], '"gam|ma"')["start"]}
    edit = client.request("textDocument/rename", {**at, "newName": "width"})
    text = apply_edits(client.texts[shadow], edit["documentChanges"][0]["edits"])
    client.replace(shadow, text, 2)
    (removal,) = [own for own in actions(client, shadow, '"C|"') if own["title"].startswith("Remove")]
    resolved = client.request("codeAction/resolve", removal)
    text = apply_edits(text, resolved["edit"]["documentChanges"][0]["edits"])
    client.replace(shadow, text, 3)
    client.request("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"uri": shadow}]})
    assert [own for own in table(client)[0] if own in (*named, "width")] == [
        "test_size", "random_state", "width", "score",
    ]  # fmt: skip

    # the source changes, and the shadow copy is updated
    copied.write_text(text)
    edited = IRIS.replace("clf", "model").replace("C=100.0", "C=10.0")
    script.write_text(edited)
    client.replace(uri, edited, 2)
    edits: list[Any] = []
    client.answers["workspace/applyEdit"] = lambda params: edits.append(params["edit"]) or {"applied": True}
    asked = {"command": "flor.updateShadow", "arguments": [{"uri": shadow}]}
    done = client.request("workspace/executeCommand", asked)
    assert done["lost"] == []
    text = apply_edits(text, edits[0]["documentChanges"][0]["edits"])
    assert 'GET("score", model.score(X_te, y_te))' in text
    assert 'model = svm.SVC(gamma=GET("width", g), C=10.0)' in text
    client.replace(shadow, text, 4)
    client.request("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"uri": shadow}]})
    assert [row["width"] for row in table(client)] == [0.1, 0.01, 0.001]  # of the run of the source as it was


def test_a_plain_client(client: Client, script: Path, tmp_path: Path) -> None:
    """It is asked nothing, for it said that it can do nothing."""
    capture(script, tmp_path / "home")
    client.initialize(capabilities={})
    uri = client.open(script)
    found = actions(client, uri, "clf.score(X_te, y_te)")
    assert titles(found) == ['Name this expression: "score"']
    (own,) = found[0]["edit"]["changes"].items()  # the edit is there at once, in the oldest form
    (tmp_path / "iris_h.py").write_text(apply_edits("", own[1]))
    assert own[0] == (tmp_path / "iris_h.py").as_uri()
    client.request("workspace/executeCommand", found[0]["command"])
    until = time.monotonic() + 60
    while True:
        try:
            opened = client.request("flor/table", {"uri": uri})
            break
        except ReplyError:
            assert time.monotonic() < until
    assert [c["name"] for c in opened["columns"]] == ["run", "g_iter", "score"]
    hover = client.request(
        "textDocument/hover", {"textDocument": {"uri": uri}, "position": range_of(IRIS, "clf.|score")["start"]}
    )
    assert hover["contents"]["kind"] == "plaintext"
    answer = client.request("workspace/executeCommand", {"command": "flor.openTable", "arguments": [{"uri": uri}]})
    assert Path(answer["file"]).read_text().startswith("run,g_iter,score\n")
    # What needs an edit of the server's own is refused with a sentence.
    with pytest.raises(ReplyError, match="applies no edits"):
        asked = {"uri": uri, "range": range_of(IRIS, "100.0")}
        client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": [asked]})
    assert [m["method"] for m in client.received if "method" in m and "id" in m] == []
    assert not any(m.get("method", "").startswith("flor/jobs") for m in client.received)
    assert client.end() == 0


def test_names_given_one_after_the_other_are_in_one_table(client: Client, script: Path, tmp_path: Path) -> None:
    capture(script, tmp_path / "home")
    client.initialize(options={"flor": {"panel": True}})
    uri = client.open(script)
    named = [name(client, uri, piece)[1] for piece in FIVE]
    client.notification("flor/tableChanged", lambda made: set(named) <= {own["name"] for own in made["columns"]})
    assert [row["gamma"] for row in table(client)] == [0.1, 0.01, 0.001]


def test_a_name_is_renamed_and_removed_by_commands(client: Client, script: Path, tmp_path: Path) -> None:
    client.initialize()
    client.answers["workspace/applyEdit"] = lambda params: {"applied": bool(apply_to_disk(params["edit"]))}
    copied, _ = name(client, client.open(script), "0.15")
    asked = {"uri": copied.as_uri(), "name": "test_size", "newName": "share"}
    done = client.request("workspace/executeCommand", {"command": "flor.renameName", "arguments": [asked]})
    assert done == {"name": "share"}
    assert 'GET("share", 0.15)' in copied.read_text()
    asked = {"uri": copied.as_uri(), "name": "share"}
    client.request("workspace/executeCommand", {"command": "flor.removeName", "arguments": [asked]})
    assert "GET" not in copied.read_text()
