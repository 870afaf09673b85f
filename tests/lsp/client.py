"""A client that speaks JSON-RPC to a real flor-lsp over stdio, and nothing else: what it gets is what was sent."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = Any

#: What a client as VS Code says of itself.
FULL: Json = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "rename", "delete"]},
        "configuration": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
        "inlayHint": {"refreshSupport": True},
        "codeLens": {"refreshSupport": True},
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "refactor"]}},
            "resolveSupport": {"properties": ["edit", "command"]},
            "dataSupport": True,
            "disabledSupport": True,
        },
        "rename": {"prepareSupport": True},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "general": {"positionEncodings": ["utf-16"]},
}

_SECONDS = 60.0


class ReplyError(Exception):
    """An error that a request was answered with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message


class Client:
    """One session. Replies, notifications and the server's requests are kept in the order in which they come."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=folder
        )
        self.received: list[Json] = []
        self.answers: dict[str, Callable[[Json], Json]] = {}  # of the client, to the server's requests
        self.texts: dict[str, str] = {}
        self._id = 0
        self._came: queue.Queue[Json] = queue.Queue()
        self._errors: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = stream.readline()
            self._came.put(json.loads(stream.read(length)))
        self._came.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.append(line)

    @property
    def errors(self) -> bytes:
        """What it wrote to standard error."""
        return b"".join(self._errors)

    # ---- messages

    def send_bytes(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def send(self, message: Json) -> None:
        self.send_bytes(json.dumps(message).encode())

    def notify(self, method: str, params: Json = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, params: Json = None) -> int:
        """Send a request; `reply` waits for what it is answered with."""
        self._id += 1
        self.send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    def request(self, method: str, params: Json = None) -> Json:
        return self.reply(self.begin(method, params))

    def reply(self, id_: int | None) -> Json:
        """The result of a request. Raises ReplyError."""
        message = self.wait(lambda m: "method" not in m and m.get("id") == id_)
        if "error" in message:
            raise ReplyError(message["error"]["code"], message["error"]["message"])
        return message["result"]

    def notification(self, method: str, fits: Callable[[Json], bool] = lambda _: True) -> Json:
        """The parameters of the next notification or request of the server, or of one that has come."""
        return self.wait(lambda m: m.get("method") == method and fits(m.get("params")))["params"]

    def wait(self, fits: Callable[[Json], bool], seconds: float = _SECONDS) -> Json:
        """Take the first message that fits, of those that have come or will come."""
        for number, message in enumerate(self.received):
            if fits(message):
                return self.received.pop(number)
        while True:
            message = self._came.get(timeout=seconds)
            assert message is not None, f"the server ended: {self.errors.decode()}"
            if "method" in message and "id" in message:
                self._answer(message)
            if fits(message):
                return message
            self.received.append(message)

    def _answer(self, message: Json) -> None:
        answer = self.answers.get(message["method"], lambda params: None)
        self.send({"jsonrpc": "2.0", "id": message["id"], "result": answer(message.get("params"))})

    # ---- sessions and documents

    def initialize(self, capabilities: Json = FULL, options: Json = None, root: Path | None = None) -> Json:
        params = {
            "processId": os.getpid(),
            "rootUri": root.as_uri() if root else None,
            "capabilities": capabilities,
            "initializationOptions": options,
        }
        result = self.request("initialize", params)
        self.notify("initialized", {})
        return result

    def open(self, path: Path, text: str | None = None, version: int = 1) -> str:
        """Open a document; with its text on disk, unless another one is given. Returns its URI."""
        uri = path.as_uri()
        self.texts[uri] = path.read_bytes().decode() if text is None else text
        item = {"uri": uri, "languageId": "python", "version": version, "text": self.texts[uri]}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def replace(self, uri: str, text: str, version: int) -> None:
        """Change all of a document."""
        self.texts[uri] = text
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]}
        self.notify("textDocument/didChange", params)

    def end(self) -> int:
        """End the session as it should be. Returns the exit code."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(_SECONDS)


def range_of(text: str, piece: str, nth: int = 0) -> Json:
    """The range of the nth occurrence of a piece of a text, in UTF-16. `|` in the piece: the caret there."""
    caret = piece.find("|")
    piece = piece.replace("|", "")
    at = -1
    for _ in range(nth + 1):
        at = text.index(piece, at + 1)
    places = [at, at + len(piece)] if caret < 0 else [at + caret] * 2
    return {name: position(text, place) for name, place in zip(("start", "end"), places, strict=True)}


def position(text: str, offset: int) -> Json:
    """The position of an offset, in UTF-16."""
    before = (
        text[:offset].replace("\r\n", "\n").replace("\r", "\n") if not text[:offset].endswith("\r") else text[:offset]
    )
    line = before.rpartition("\n")[2]
    return {"line": before.count("\n"), "character": len(line.encode("utf-16-le")) // 2}


def offset(text: str, at: Json) -> int:
    """The offset of a position in UTF-16."""
    start = 0
    for _ in range(at["line"]):
        start = text.index("\n", start) + 1
    line = text[start:].partition("\n")[0]
    return start + len(line.encode("utf-16-le")[: 2 * at["character"]].decode("utf-16-le"))


def apply_edits(text: str, edits: Json) -> str:
    """A text with some TextEdits made."""
    places = [(offset(text, e["range"]["start"]), offset(text, e["range"]["end"]), e["newText"]) for e in edits]
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def apply_to_disk(edit: Json) -> list[Path]:
    """Make a WorkspaceEdit in the files themselves; returns those that changed."""
    from urllib.parse import unquote, urlparse

    def path(uri: str) -> Path:
        return Path(unquote(urlparse(uri).path))

    changed = []
    for uri, edits in (edit.get("changes") or {}).items():
        own = path(uri)
        own.write_text(apply_edits(own.read_text() if own.exists() else "", edits))
        changed.append(own)
    for change in edit.get("documentChanges") or []:
        if change.get("kind") == "create":
            path(change["uri"]).touch()
            continue
        own = path(change["textDocument"]["uri"])
        own.write_bytes(apply_edits(own.read_bytes().decode(), change["edits"]).encode())
        changed.append(own)
    return changed


@contextlib.contextmanager
def session(home: Path, *arguments: str) -> Iterator[Client]:
    """A server that was started, not initialized yet; it is gone when the context is left."""
    environment = {**os.environ, "FLOR_HOME": str(home)}
    client = Client([sys.executable, "-m", "flor_lsp", "--stdio", *arguments], environment)
    try:
        yield client
    finally:
        client.process.kill()
        client.process.wait()
