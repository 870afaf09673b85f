"""Name this expression, over real stdio."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import FULL, Client, ReplyError, apply_edits, apply_to_disk, range_of

SCRIPT = """\
import sys

def fit(speed):
    return speed * 2

for rate in (1, 2):
    score = fit(rate) + len(sys.argv)
    print(f"{score}")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def without(*path: str) -> Any:
    """The capabilities of a client that lacks one thing."""
    found = copy.deepcopy(FULL)
    at = found
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return found


def actions(client: Client, uri: str, piece: str, nth: int = 0, only: list[str] | None = None, trigger: int = 2) -> Any:
    context: Any = {"diagnostics": [], "triggerKind": trigger}
    if only is not None:
        context["only"] = only
    range_ = range_of(client.texts[uri], piece, nth)
    params = {"textDocument": {"uri": uri}, "range": range_, "context": context}
    return client.request("textDocument/codeAction", params)


def titles(found: Any) -> list[str]:
    return [action["title"] for action in found]


def test_a_selection(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    (action,) = actions(client, uri, "fit(rate)")
    assert (action["title"], action["kind"]) == ('Name this expression: "fit"', "refactor.extract.name")
    assert "edit" not in action
    edit = client.request("codeAction/resolve", action)["edit"]
    create, fill = edit["documentChanges"]
    assert create == {
        "kind": "create",
        "uri": (script.parent / "train_h.py").as_uri(),
        "options": {"overwrite": False, "ignoreIfExists": True},
    }
    assert fill["textDocument"] == {"uri": create["uri"], "version": None}
    (copied,) = apply_to_disk(edit)
    assert copied.read_text() == f"#{script}\n" + SCRIPT.replace("= fit(rate)", '= GET("fit", fit(rate))')
    assert script.read_text() == SCRIPT


def test_a_caret_offers_what_is_around_it(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    assert titles(actions(client, uri, "len(sys.a|rgv)")) == [
        'Name this expression: "argv" (sys.argv)',
        'Name this expression: "len" (len(sys.argv))',
        'Name this expression: "score" (fit(rate) + len(sys.argv))',
    ]


def test_one_name_after_the_other_into_an_open_copy(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    (first,) = actions(client, uri, "fit(rate)")
    (copied,) = apply_to_disk(client.request("codeAction/resolve", first)["edit"])
    shadow = client.open(copied, version=7)
    (second,) = actions(client, uri, "speed * 2")
    edit = client.request("codeAction/resolve", second)["edit"]
    (change,) = edit["documentChanges"]
    assert change["textDocument"] == {"uri": shadow, "version": 7}
    text = apply_edits(client.texts[shadow], change["edits"])
    assert text.count("GET") == 2
    client.replace(shadow, text, 8)
    (third,) = actions(client, shadow, "sys.argv")
    assert third["title"] == 'Name this expression: "argv"'
    edit = client.request("codeAction/resolve", third)["edit"]
    assert edit["documentChanges"][0]["textDocument"]["version"] == 8
    assert copied.read_text().count("GET") == 1  # an open document is the client's


def test_a_stale_action_is_refused(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    (action,) = actions(client, uri, "fit(rate)")
    client.replace(uri, "x = 1\n" + SCRIPT, 2)
    with pytest.raises(ReplyError, match="-32801 the file has changed since"):
        client.request("codeAction/resolve", action)


def test_what_is_no_expression(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    assert actions(client, uri, "def fit") == []
    (disabled,) = actions(client, uri, "def fit", only=["refactor"], trigger=1)
    assert disabled["disabled"]["reason"]
    assert actions(client, uri, "fit(rate)", only=["quickfix"]) == []
    assert titles(actions(client, uri, "fit(rate)", only=["refactor.extract"])) == ['Name this expression: "fit"']


def test_a_client_that_cannot_disable(client: Client, script: Path) -> None:
    client.initialize(without("textDocument", "codeAction", "disabledSupport"))
    uri = client.open(script)
    assert actions(client, uri, "def fit", only=["refactor"], trigger=1) == []


def test_a_client_that_cannot_resolve(client: Client, script: Path) -> None:
    client.initialize(without("textDocument", "codeAction", "resolveSupport"))
    uri = client.open(script)
    (action,) = actions(client, uri, "fit(rate)")
    (copied,) = apply_to_disk(action["edit"])
    assert 'GET("fit", fit(rate))' in copied.read_text()


@pytest.mark.parametrize("lacks", ["documentChanges", "resourceOperations"])
def test_a_client_that_creates_no_files(client: Client, script: Path, lacks: str) -> None:
    client.initialize(without("workspace", "workspaceEdit", lacks))
    uri = client.open(script)
    (action,) = actions(client, uri, "fit(rate)")
    edit = client.request("codeAction/resolve", action)["edit"]
    assert list(edit["changes"]) == [(script.parent / "train_h.py").as_uri()]


def test_a_client_that_prompts(client: Client, script: Path) -> None:
    client.initialize(options={"flor": {"prompt": True}})
    uri = client.open(script)
    (action,) = actions(client, uri, "fit(rate)")
    assert action["command"]["command"] == "flor.client.nameExpression"
    (asked,) = action["command"]["arguments"]
    assert (asked["name"], asked["text"], asked["version"]) == ("fit", "fit(rate)", 1)
    client.answers["workspace/applyEdit"] = lambda params: {"applied": bool(apply_to_disk(params["edit"]))}
    arguments = [{"uri": uri, "range": asked["range"], "version": 1, "name": "my fit"}]
    done = client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": arguments})
    assert done == {"name": "my fit", "shadow": str(script.parent / "train_h.py")}
    assert 'GET("my fit", fit(rate))' in (script.parent / "train_h.py").read_text()
    with pytest.raises(ReplyError, match='the name "my fit" is taken in line'):
        client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one object with uri, range, name, version"),
        ([{"uri": "file:///x"}], "the arguments are not as they should be"),
        ([{"uri": 3, "range": 4}], "the arguments are not as they should be"),
        ([1, 2], "give one object with"),
    ],
)
def test_arguments_of_a_command(client: Client, arguments: Any, message: str) -> None:
    client.initialize()
    with pytest.raises(ReplyError, match=message):
        client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": arguments})


def test_a_copy_of_another_source_is_left_alone(client: Client, script: Path) -> None:
    other = script.parent / "train_h.py"
    other.write_text("#/elsewhere/train.py\nx = 1\n")
    client.initialize()
    uri = client.open(script)
    assert actions(client, uri, "fit(rate)") == []
    (action,) = actions(client, uri, "fit(rate)", only=["refactor"], trigger=1)
    assert action["disabled"]["reason"] == f"{other} is a shadow copy of /elsewhere/train.py, not of {script}"


def test_an_untitled_document(client: Client) -> None:
    client.initialize()
    item = {"uri": "untitled:Untitled-1", "languageId": "python", "version": 1, "text": "x = f(1)\n"}
    client.notify("textDocument/didOpen", {"textDocument": item})
    client.texts["untitled:Untitled-1"] = item["text"]
    (action,) = actions(client, "untitled:Untitled-1", "f(1)", only=["refactor"], trigger=1)
    assert "save it" in action["disabled"]["reason"]


def test_a_syntax_error_elsewhere(client: Client, script: Path) -> None:
    client.initialize()
    uri = client.open(script)
    broken = SCRIPT.replace("    return speed * 2", "    return speed * (")
    client.replace(uri, broken, 2)
    assert titles(actions(client, uri, "fit(rate) + ")) == ['Name this expression: "score"']
    (action,) = actions(client, uri, "speed * (", only=["refactor"], trigger=1)
    assert "does not parse" in action["disabled"]["reason"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_encodings_and_line_ends(client: Client, script: Path, encoding: str) -> None:
    text = 's = "😋é"; x = f("é", s)\r\n\fy = 2\r\n'
    script.write_bytes(text.encode())
    capabilities = copy.deepcopy(FULL)
    capabilities["general"]["positionEncodings"] = [encoding]
    assert client.initialize(capabilities)["capabilities"]["positionEncoding"] == encoding
    uri = client.open(script)
    piece = 'f("é", s)'
    width = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    units = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    at = text.index(piece)
    columns = [len(text[:end].encode(width)) // units for end in (at, at + len(piece))]
    range_ = {name: {"line": 0, "character": c} for name, c in zip(("start", "end"), columns, strict=True)}
    params = {"textDocument": {"uri": uri}, "range": range_, "context": {"diagnostics": []}}
    (action,) = client.request("textDocument/codeAction", params)
    edit = client.request("codeAction/resolve", action)["edit"]
    assert edit["documentChanges"][1]["edits"][0]["newText"] == f"#{script}\r\n" + text.replace(
        piece, f'GET("x", {piece})'
    )


def test_an_edit_of_the_server_is_marked_as_a_refactoring(client: Client, script: Path) -> None:
    capabilities = copy.deepcopy(FULL)
    capabilities["workspace"]["workspaceEdit"]["metadataSupport"] = True
    client.initialize(capabilities)
    uri = client.open(script)
    sent: list[Any] = []
    client.answers["workspace/applyEdit"] = lambda params: (
        sent.append(params) or {"applied": False, "failureReason": "no"}
    )
    arguments = [{"uri": uri, "range": range_of(SCRIPT, "fit(rate)")}]
    with pytest.raises(ReplyError, match="the client did not apply the edit: no"):
        client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": arguments})
    (params,) = sent
    assert params["label"] == 'Name "fit"'
    assert params["metadata"] == {"isRefactoring": True}


def test_a_client_that_applies_no_edits(client: Client, script: Path) -> None:
    client.initialize(without("workspace", "applyEdit"))
    uri = client.open(script)
    arguments = [{"uri": uri, "range": range_of(SCRIPT, "fit(rate)")}]
    with pytest.raises(ReplyError, match="the client applies no edits of the server: use the code action"):
        client.request("workspace/executeCommand", {"command": "flor.nameExpression", "arguments": arguments})


def test_what_can_be_named(client: Client, script: Path) -> None:
    client.initialize(options={"flor": {"prompt": True}})
    uri = client.open(script)
    text = client.texts[uri]
    found = client.request("flor/nameable", {"uri": uri, "range": range_of(text, "fit(rate)")})
    (action,) = actions(client, uri, "fit(rate)")
    assert found == {"expressions": action["command"]["arguments"]}
    assert len(client.request("flor/nameable", {"uri": uri, "range": range_of(text, "fit(r|ate)")})["expressions"]) > 1
    with pytest.raises(ReplyError, match="several statements are selected"):
        client.request("flor/nameable", {"uri": uri, "range": range_of(text, text)})
