"""The side panel over HTTP: `flor ui` as it runs, and the host of a server that an editor has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flor.errors import FlorError
from flor_lsp import panel_host
from tests.lsp.client import Client
from tests.lsp.test_walkthrough import capture, name

pytestmark = pytest.mark.once

SCRIPT = "for rate in (3, 1, 2):\n    loss = rate * 2\n"


class Page:
    """What asks as the page does."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
        assert parts.port is not None
        self.port = parts.port
        self.fragment = {key: values[0] for key, values in parse_qs(parts.fragment).items()}
        self.headers = {"Authorization": f"Bearer {self.fragment['token']}"}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, {**self.headers, **headers})
        return connection.getresponse()

    def request(self, method: str, params: Any = None) -> Any:
        response = self.send("POST", "/request", {"method": method, "params": params})
        assert response.status == 200
        return json.loads(response.read())

    def result(self, method: str, params: Any = None) -> Any:
        answer = self.request(method, params)
        assert "result" in answer, answer
        return answer["result"]


@contextmanager
def ui(home: Path, *arguments: str) -> Iterator[tuple[Page, subprocess.Popen[str]]]:
    """`flor ui`, and its page."""
    command = [sys.executable, "-m", "flor", "ui", "--no-browser", *arguments]
    environment = {**os.environ, "FLOR_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Page(process.stdout.readline().strip()), process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A FLOR_HOME with one experiment, and its table."""
    folder = tmp_path_factory.mktemp("panel")
    script = folder / "train.py"
    script.write_text(SCRIPT)
    capture(script, folder / "home")
    copy = folder / "train_h.py"
    copy.write_text(f"#{script}\n" + SCRIPT.replace("rate * 2", 'GET("loss", rate * 2)'))
    environment = {**os.environ, "FLOR_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "flor", "etl", "sweep", str(copy)]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    return folder / "home"


def test_the_page_and_its_tables(home: Path) -> None:
    with ui(home, "sweep") as (page, _):
        assert page.fragment["experiment"] == "sweep"
        index = page.send("GET", "/")
        assert "default-src 'none'" in index.headers["Content-Security-Policy"]
        assert b'src="panel.js"' in index.read()
        for file in ("/panel.js", "/panel.css"):
            assert page.send("GET", file).status == 200
        (experiment,) = page.result("flor/experiments", {})["experiments"]
        assert experiment["name"] == "sweep"
        opened = page.result("flor/table", {"experiment": "sweep"})
        order = {"sort": [{"column": "loss", "descending": True}], "filter": []}
        rows = page.result("flor/rows", {"handle": opened["handle"], "columns": ["loss"], **order})
        assert rows == {"rows": [[6], [4], [2]], "total": 3}
        file = page.send("POST", "/export", {"handle": opened["handle"], "format": "csv", "columns": ["loss"], **order})
        assert (file.status, file.read()) == (200, b"loss\n6\n4\n2\n")
        asked = {"command": "flor.sql", "arguments": [{"query": "select 2 as two"}]}
        assert page.result("workspace/executeCommand", asked)["rows"] == 1


def test_what_a_program_logs_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "logs.py"
    script.write_text('import flor\nfor i in range(2):\n    flor.log("loss", i / 2)\n')
    capture(script, tmp_path / "home")
    with ui(tmp_path / "home") as (page, _):
        for _ in range(2):  # it is made where it is not there
            opened = page.result("flor/table", {"experiment": "sweep"})
            assert [(own["name"], own["role"]) for own in opened["columns"]][-1] == ("loss", "name")
            rows = page.result("flor/rows", {"handle": opened["handle"], "columns": ["loss"], "sort": [], "filter": []})
            assert rows == {"rows": [[0.0], [0.5]], "total": 2}
        assert "shadow" not in opened["columns"][-1]


def test_what_is_wrong_is_said(home: Path) -> None:
    with ui(home) as (page, _):
        assert page.request("flor/table", {"experiment": "none"})["error"]["code"] == -32803
        assert "no experiment 'none'" in page.request("flor/table", {"experiment": "none"})["error"]["message"]
        assert page.request("flor/rows", {"handle": 99})["error"]["message"].startswith("this table is not open")
        assert page.request("flor/rows", {"handle": "x"})["error"]["code"] == -32602
        assert page.request("flor/nothing")["error"]["code"] == -32601
        assert page.request("workspace/executeCommand", 3)["error"]["code"] == -32601
        assert page.send("POST", "/request", b"no JSON").status == 400
        assert page.send("POST", "/request", b"[]").status == 400
        assert page.send("POST", "/request", b"[" * 100_000).status == 400
        assert page.send("POST", "/export", {"handle": 1, "format": []}).status == 400
        wrong = {"command": "flor.sql", "arguments": 5}
        assert page.request("workspace/executeCommand", wrong)["error"]["code"] == -32602
        assert page.send("GET", "/../server.py").status == 404
        assert page.send("POST", "/export", {"handle": 1, "format": "exe"}).status == 400
        assert page.send("POST", "/export", {"handle": 99, "format": "csv"}).status == 409


def test_who_may_ask(home: Path) -> None:
    asked = {"method": "flor/experiments", "params": {}}
    with ui(home) as (page, _):
        own = f"127.0.0.1:{page.port}"
        assert page.send("POST", "/request", asked, Origin=f"http://{own}").status == 200
        for wrong in ({"Authorization": "Bearer x"}, {"Authorization": ""}):
            assert page.send("POST", "/request", asked, **wrong).status == 401
            assert page.send("GET", "/events", **wrong).status == 401
        for wrong in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            assert page.send("POST", "/request", asked, **wrong).status == 403
            assert page.send("GET", "/", **wrong).status == 403


def test_what_happens_is_told(home: Path) -> None:
    with ui(home) as (page, process):
        events = page.send("GET", "/events")
        assert events.status == 200
        page.result("workspace/executeCommand", {"command": "flor.etl", "arguments": [{"experiment": "sweep"}]})
        told = []
        while "flor/tableChanged" not in told:
            if line := events.readline().strip():
                told.append(json.loads(line)["method"])
        assert "flor/jobsChanged" in told
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert events.read().strip() == b""  # and the stream ends


def test_a_taken_port_and_no_experiment_are_said(home: Path) -> None:
    with ui(home) as (page, _):
        for arguments, said in (
            (["--port", str(page.port)], f"cannot listen at 127.0.0.1:{page.port}"),
            (["none"], "no experiment 'none'"),
        ):
            command = [sys.executable, "-m", "flor", "ui", "--no-browser", *arguments]
            environment = {**os.environ, "FLOR_HOME": str(home)}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 2
            assert said in done.stderr
            assert done.stderr.count("\n") == 1


def test_without_the_page_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(panel_host, "_PAGE", tmp_path)
    with pytest.raises(FlorError, match="make panel"):
        panel_host.PanelHost(lambda method, params: None)  # type: ignore[arg-type, return-value]


def test_of_an_editors_server(client: Client, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    capture(script, tmp_path / "home")
    client.answers["window/showDocument"] = lambda params: {"success": True}
    client.initialize()
    uri = client.open(script)
    copied, first = name(client, uri, "rate * 2")
    page = Page(client.request("flor/panel", {"uri": uri, "theme": "dark"})["url"])
    assert (page.fragment["uri"], page.fragment["theme"]) == (uri, "dark")
    until = time.monotonic() + 60
    while "error" in (opened := page.request("flor/table", {"uri": uri})) and time.monotonic() < until:
        time.sleep(0.1)
    (column,) = [column for column in opened["result"]["columns"] if column["name"] == first]
    assert column["shadow"] == str(copied)
    # A click on it shows its place in the source.
    with ThreadPoolExecutor() as beside:
        revealed = beside.submit(page.result, "flor/reveal", {"shadow": column["shadow"], "name": first})
        shown = client.notification("window/showDocument")
        assert revealed.result() == {"shown": True}
    assert (shown["uri"], shown["selection"]["start"]) == (uri, {"line": 1, "character": 11})
    assert "not in" in page.request("flor/reveal", {"shadow": column["shadow"], "name": "gone"})["error"]["message"]
    client.request("workspace/executeCommand", {"command": "flor.openPanel", "arguments": [{}]})
    assert client.notification("window/showDocument")["external"] is True
    assert client.end() == 0


def test_the_address_is_the_same_each_time_if_it_is_free(tmp_path: Path) -> None:
    with ui(tmp_path) as (first, _), ui(tmp_path) as (beside, _):
        assert beside.port != first.port
    with ui(tmp_path) as (again, _):
        assert again.port == first.port
