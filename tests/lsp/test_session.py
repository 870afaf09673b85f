"""The base protocol: order, errors, exit codes; whatever comes, the server answers and goes on."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import FULL, Client, ReplyError, apply_to_disk, session
from tests.lsp.test_naming import actions

pytestmark = pytest.mark.once

_COUNT = int(os.environ.get("FLOR_FUZZ", "3000"))  # random messages


def test_a_session(client: Client) -> None:
    result = client.initialize()
    assert result["serverInfo"]["name"] == "flor-lsp"
    own = result["capabilities"]
    assert own["codeActionProvider"]["resolveProvider"] is True
    assert own["renameProvider"]["prepareProvider"] is True
    assert not any(command.startswith("flor.client.") for command in own["executeCommandProvider"]["commands"])
    assert client.end() == 0


def test_exit_without_shutdown(client: Client) -> None:
    client.initialize()
    client.notify("exit")
    assert client.process.wait(20) == 1


def test_the_client_is_gone(client: Client) -> None:
    client.initialize()
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.wait(20) == 1


def test_before_initialize(client: Client) -> None:
    with pytest.raises(ReplyError, match="-32002 the first request is initialize"):
        client.request("textDocument/hover", {"textDocument": {"uri": "file:///x"}, "position": {"line": 0}})
    with pytest.raises(ReplyError, match="-32002"):
        client.request("flor/experiments", {})
    client.initialize()
    with pytest.raises(ReplyError, match="-32600 the server was initialized before"):
        client.initialize()


def test_after_shutdown(client: Client) -> None:
    client.initialize()
    assert client.request("shutdown") is None
    with pytest.raises(ReplyError, match="-32600 the server was shut down"):
        client.request("flor/experiments", {})
    client.notify("exit")
    assert client.process.wait(20) == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"3", -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": 5}', -32600),
    ],
)
def test_what_is_no_message(client: Client, body: bytes, code: int) -> None:
    client.initialize()
    client.send_bytes(body)
    with pytest.raises(ReplyError) as caught:
        client.reply(None)
    assert caught.value.code == code
    assert client.end() == 0


def test_wrong_parameters_are_said_without_a_traceback(client: Client, tmp_path: Path) -> None:
    client.initialize()
    with pytest.raises(ReplyError, match="-32602 the parameters of textDocument/hover are not as they should be"):
        client.request("textDocument/hover", {"textDocument": 3})
    with pytest.raises(ReplyError, match="-32601"):
        client.request("flor/nothing", {})
    with pytest.raises(ReplyError, match=f"-32803 cannot read {tmp_path}/none.py: No such file or directory"):
        client.request("textDocument/codeLens", {"textDocument": {"uri": (tmp_path / "none.py").as_uri()}})


def test_wrong_settings_are_as_by_default(client: Client, tmp_path: Path) -> None:
    client.initialize(options={"flor": {"hover": "no", "python": 3, "inlayHints": False}})
    client.end()
    assert b"the setting flor.hover is true or false, not 'no'" in client.errors
    assert b"the setting flor.python is the path of an interpreter, not 3" in client.errors


def test_settings_may_change(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("print(1)\n")
    asked: list[Any] = []
    client.answers["workspace/configuration"] = lambda params: asked.append(params) or [{"codeLens": False}]
    client.initialize(options={"flor": {"hover": False}})
    uri = client.open(script)
    registered = client.notification("client/registerCapability")["registrations"]
    assert [own["method"] for own in registered] == ["workspace/didChangeConfiguration"]
    client.notification("workspace/configuration")
    assert asked == [{"items": [{"section": "flor"}]}]
    params = {"textDocument": {"uri": uri}}
    assert client.request("textDocument/codeLens", params) == []
    client.notify("workspace/didChangeConfiguration", {"settings": {"flor": {"codeLens": True}}})
    assert [lens["command"]["title"] for lens in client.request("textDocument/codeLens", params)] == ["Run with Flor"]


def test_the_log_goes_to_a_file(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with session(tmp_path / "home", "--log", str(log), "--verbose") as client:
        client.initialize(options={"flor": {"hover": 1}})
        client.end()
        assert client.errors == b""
    assert "flor.hover" in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tcp", "0.0.0.0:5000"], "0.0.0.0 can be reached from other machines: use 127.0.0.1"),
        (["--tcp", "5000"], "5000 is no address: write 127.0.0.1:PORT"),
        (["--tcp", "127.0.0.1:x"], "127.0.0.1:x is no address"),
        (["--stdio", "--tcp", "127.0.0.1:5000"], "not allowed with argument --stdio"),
        (["--log", "/no/such/folder/x"], "cannot write to /no/such/folder/x: No such file or directory"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str) -> None:
    done = subprocess.run([sys.executable, "-m", "flor_lsp", *arguments], capture_output=True, text=True, input="")
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_tcp(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "flor_lsp", "--tcp", f"127.0.0.1:{port}"])
    try:
        for _ in range(200):
            try:
                connection = socket.create_connection(("127.0.0.1", port), 1)
                break
            except OSError:
                time.sleep(0.1)
        body = json.dumps({
            "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": FULL},
        }).encode()  # fmt: skip
        connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        assert b"flor-lsp" in connection.recv(1 << 16)
        connection.close()
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_is_killed_is_replaced(client: Client, tmp_path: Path) -> None:
    client.initialize()
    asked = client.begin("flor/sql", {"query": "select count(*) from range(20_000_000_000) t(a) where a % 3 = 1"})
    worker = _worker(client.process.pid)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(ReplyError, match="the process for tables ended: try it again"):
        client.reply(asked)
    answer = client.request("flor/sql", {"query": "select 42 as n"})
    assert client.request("flor/rows", {"handle": answer["handle"]})["rows"] == [[42]]
    assert client.end() == 0


def test_ints_beyond_64_bits_are_text(client: Client) -> None:
    client.initialize()
    numbers = "340282366920938463463374607431768211455::uhugeint as large, 5 as small"
    answer = client.request("flor/sql", {"query": f"select {numbers}"})
    assert [(own["name"], own["type"]) for own in answer["columns"]] == [("large", "text"), ("small", "int")]
    rows = client.request("flor/rows", {"handle": answer["handle"]})["rows"]
    assert rows == [[str(2**128 - 1), 5]]


def test_an_infinite_date_among_others(client: Client) -> None:
    """It is text, as no date of Python is infinite; here it is in the second batch."""
    client.initialize()
    date = "case when i = 70000 then 'infinity' else '2020-01-02' end::date"
    sql = f"select i, {date} as d, case when i = 70000 then date '2020-01-03' end as e from range(70001) t(i)"
    answer = client.request("flor/sql", {"query": f"{sql} order by i"})
    rows = client.request("flor/rows", {"handle": answer["handle"], "offset": 69999})["rows"]
    assert [[row[0], row[1]] for row in rows] == [[69999, "2020-01-02"], [70000, "infinity"]]
    assert [str(row[2]) for row in rows] == ["None", "2020-01-03"]
    assert client.end() == 0


def _worker(pid: int) -> int:
    """The first child of a process that is a worker at work."""
    for _ in range(300):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            try:
                if b"flor_lsp.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    time.sleep(0.2)
                    return int(child)
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError("there is no worker")


def test_what_is_cancelled_ends_soon(client: Client) -> None:
    client.initialize(options={"flor": {"panel": True}})
    asked = client.begin("flor/sql", {"query": "select count(*) from range(20_000_000_000) t(a) where a % 3 = 1"})
    worker = _worker(client.process.pid)
    job = client.notification("flor/jobsChanged")["job"]
    assert client.request("flor/cancel", {"id": job["id"]}) == {"cancelled": True}
    with pytest.raises(ReplyError, match=r"-32800 .*: it was cancelled"):
        client.reply(asked)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    assert client.request("flor/cancel", {"id": job["id"]}) == {"cancelled": False}
    asked = client.begin("flor/sql", {"query": "select count(*) from range(20_000_000_000) t(a) where a % 3 = 1"})
    client.notification("flor/jobsChanged", lambda p: p["job"]["state"] == "running")
    client.notify("$/cancelRequest", {"id": asked})
    with pytest.raises(ReplyError, match="-32800 the request was cancelled"):
        client.reply(asked)
    assert client.end() == 0


def test_workers_end_with_the_server(client: Client) -> None:
    client.initialize()
    client.request("flor/sql", {"query": "select 1"})
    worker = _worker(client.process.pid)
    client.process.kill()
    client.process.wait()
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists():
            return
        time.sleep(0.05)
    raise AssertionError("the worker goes on")


# ---- random messages

_METHODS = [
    "textDocument/codeAction", "codeAction/resolve", "textDocument/hover", "textDocument/inlayHint", "textDocument/rename",
    "textDocument/prepareRename", "textDocument/definition", "textDocument/completion", "textDocument/codeLens",
    "workspace/executeCommand", "flor/experiments", "flor/names", "flor/rows", "flor/plot", "flor/cell", "flor/cancel",
    "flor/jobs", "flor/closeTable", "flor/none", "textDocument/didChange", "textDocument/didOpen", "textDocument/didClose",
    "$/cancelRequest", "$/setTrace", "window/workDoneProgress/cancel", "workspace/didChangeConfiguration", "initialized",
]  # fmt: skip
_COMMANDS = ["flor.nameExpression", "flor.removeName", "flor.renameName", "flor.afterNaming", "flor.openTable", "x"]


def _value(random: random.Random, uris: list[str], depth: int = 0) -> Any:
    match random.randrange(9 if depth < 3 else 6):
        case 0:
            return random.choice([0, 1, -1, 3, 2**31 - 1, 2**31, -(2**63), 2**70, 1e300, 0.5])
        case 1:
            return random.choice([None, True, False])
        case 2 | 3:
            return random.choice(
                [*uris, "", "x", "file:///", "file://%zz", "untitled:1", "\ud800", "é" * 50, "http://a/b"]
            )
        case 4:
            return {"line": random.randrange(-1, 12), "character": random.randrange(-1, 40)}
        case 5:
            return random.choice(["loss", "name", "remove", "refactor", "expression"])
        case 6:
            return [_value(random, uris, depth + 1) for _ in range(random.randrange(3))]
        case _:
            return _params(random, uris, depth + 1)


def _params(random: random.Random, uris: list[str], depth: int = 0) -> Any:
    found: dict[str, Any] = {}
    place = {"line": random.randrange(12), "character": random.randrange(40)}
    usual = {
        "textDocument": {"uri": random.choice(uris), "version": random.randrange(3), "languageId": "python", "text": "x = 1\n"},
        "position": place, "range": {"start": place, "end": place}, "context": {"diagnostics": []},
        "contentChanges": [{"range": {"start": place, "end": place}, "text": random.choice(["", "x", "\n", "(", '"""', "é😋"])}],
        "newName": "n", "command": random.choice(_COMMANDS), "uri": random.choice(uris), "name": "loss",
        "title": "t", "data": {"action": random.choice(["name", "remove"]), "uri": uris[0], "version": 1, "start": 0, "end": 3, "name": "n"},
        "handle": 1, "y": ["a"], "id": random.randrange(100), "token": "t", "arguments": [{"uri": uris[0], "name": "loss"}], "column": "a", "row": 0,
    }  # fmt: skip
    for key, value in usual.items():
        chance = random.random()
        if chance < 0.9:
            found[key] = value if chance < 0.75 else _value(random, uris, depth + 1)
    return found


def test_random_messages(client: Client, tmp_path: Path) -> None:
    """Valid ones and others, in any order: each request is answered, no traceback is shown, and the server goes on."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    script = tmp_path / "a.py"
    script.write_text("for i in range(3):\n    loss = i * 2\n")
    client.initialize()
    uris = [script.as_uri(), (tmp_path / "a_h.py").as_uri(), (tmp_path / "gone.py").as_uri()]
    client.open(script)
    (tmp_path / "a_h.py").write_text(f'#{script}\nfor i in range(3):\n    loss = GET("loss", i * 2)\n')
    client.open(tmp_path / "a_h.py")
    asked: set[Any] = set()
    sent: dict[int, Any] = {}
    for number in range(_COUNT):
        method = chance.choice(_METHODS)
        params = _params(chance, uris) if chance.random() < 0.9 else _value(chance, uris)
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        is_notification = method.startswith(("$/", "textDocument/did", "window/", "workspace/did", "initialized"))
        if not is_notification or chance.random() < 0.02:
            message["id"] = number + 1000
            asked.add(number + 1000)
            sent[number + 1000] = message
        client.send(message)
        while len(asked) > 200:
            answer = client.wait(lambda m: "method" not in m)
            asked.discard(answer.get("id"))
            assert "Traceback" not in json.dumps(answer), (seed, answer)
    while asked:
        try:
            answer = client.wait(lambda m: "method" not in m, 20)
        except queue.Empty:
            raise AssertionError(f"seed {seed}: no answer to {[sent[id_] for id_ in asked]}") from None
        asked.discard(answer.get("id"))
    client.notify("textDocument/didClose", {"textDocument": {"uri": uris[0]}})
    client.notify("textDocument/didClose", {"textDocument": {"uri": uris[1]}})
    script.write_text("x = f(1)\n")
    (tmp_path / "a_h.py").unlink()
    uri = client.open(script)
    action = client.request("codeAction/resolve", actions(client, uri, "f(1)")[0])
    assert apply_to_disk(action["edit"]) == [tmp_path / "a_h.py"], seed
    assert client.end() == 0, seed
    assert b"Traceback" not in client.errors, (seed, client.errors[-3000:])
