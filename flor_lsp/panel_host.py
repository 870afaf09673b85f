"""The side panel for what has no web views of its own: its page and its requests over HTTP, on 127.0.0.1 only.

Whoever has the token may ask: it is in the fragment of the page's address, which browsers send nowhere. A request whose
Host or Origin is another one is refused, so no page of the web gets here, by whatever name it calls this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
import queue
import secrets
import tempfile
import threading
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flor import home
from flor.errors import FlorError

log = logging.getLogger("flor_lsp")

Ask = Callable[[str, Any], Awaitable[dict[str, Any]]]

_PAGE = Path(__file__).parent / "panel"
_FILES = {"panel.js": "text/javascript; charset=utf-8", "panel.css": "text/css; charset=utf-8"}
_INDEX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="csp-nonce" content="{nonce}">
<title>Flor</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="panel.css">
</head>
<body><script src="panel.js"></script></body>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src data: blob:; connect-src 'self'; "
    "font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FIRST_PORT, _PORTS = 20_000, 10_000  # below those that systems give out by themselves
_ALIVE = 10.0  # seconds between two lines of a stream that has nothing to tell
_LONGEST = 1 << 20  # bytes of a request
_MEDIA = {
    "csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def is_built() -> bool:
    """Whether this installation has the page."""
    return all((_PAGE / name).exists() for name in _FILES)


def _listen(port: int) -> _Server:
    try:
        return _Server(("127.0.0.1", port), _Handler)
    except (OSError, OverflowError) as error:
        raise FlorError(f"cannot listen at 127.0.0.1:{port}: {error}") from None


def _listen_as_usual() -> _Server:
    """At a port that FLOR_HOME decides, if it is free: what a browser keeps of a page (which columns are shown, how a
    plot is set) it keeps for the address."""
    try:
        return _listen(_FIRST_PORT + zlib.crc32(os.fsencode(home.home())) % _PORTS)
    except FlorError:
        return _listen(0)


class PanelHost:
    """Serves the page, in threads of its own; what is asked is answered by the loop that made it."""

    def __init__(self, ask: Ask, port: int = 0) -> None:
        """`ask` answers a request, a method with its parameters, by `{"result"}` or `{"error"}`. Port 0: the usual one,
        else any that is free. Raises FlorError if there is no page, or the port cannot be had."""
        if not is_built():
            raise FlorError(
                "the side panel is not built: make panel in Flor's clone does it, with Node 20; then install it anew"
            )
        self.token = secrets.token_urlsafe(32)
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._listening: set[queue.SimpleQueue[bytes | None]] = set()
        self._server = _listen(port) if port else _listen_as_usual()
        self._server.panel = self
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="panel", daemon=True).start()

    def url(self, experiment: str | None = None, uri: str | None = None, theme: str | None = None) -> str:
        """The page's address, with the token and what it is to show at first."""
        given = {"token": self.token, "experiment": experiment, "uri": uri, "theme": theme}
        fragment = urlencode({key: value for key, value in given.items() if value is not None})
        return f"http://127.0.0.1:{self.port}/#{fragment}"

    @property
    def is_shown(self) -> bool:
        """Whether a page is open."""
        return bool(self._listening)

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell every page that is open."""
        line = json.dumps({"method": method, "params": params}).encode() + b"\n"
        for listener in list(self._listening):
            listener.put(line)

    def stop(self) -> None:
        """Serve no more."""
        for listener in list(self._listening):
            listener.put(None)
        threading.Thread(target=self._server.shutdown, daemon=True).start()
        self._server.server_close()

    # ---- in the threads of requests

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        """What a request is answered with."""

        async def asked() -> dict[str, Any]:
            return await self._ask(method, params)

        own = asked()
        try:
            return asyncio.run_coroutine_threadsafe(own, self._loop).result()
        except (CancelledError, RuntimeError):
            own.close()
            return {"error": {"code": HTTPStatus.SERVICE_UNAVAILABLE.value, "message": "the server has ended"}}

    @contextlib.contextmanager
    def listener(self) -> Any:
        """A queue of lines to be sent; None: no more."""
        own: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._listening.add(own)
        try:
            yield own
        finally:
            self._listening.discard(own)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    panel: PanelHost


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "flor"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        if not self._is_own():
            return
        path = self.path.partition("?")[0].removeprefix("/")
        if path == "":
            nonce = secrets.token_urlsafe(16)
            policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
            self._send(_INDEX.format(nonce=nonce).encode(), "text/html; charset=utf-8", policy)
        elif path in _FILES:
            self._send((_PAGE / path).read_bytes(), _FILES[path])
        elif path == "events":
            if self._may_ask():
                self._stream()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such file")

    def do_POST(self) -> None:
        if not (self._is_own() and self._may_ask()):
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 <= length <= _LONGEST:
                raise ValueError
            asked = json.loads(self.rfile.read(length))
            if not isinstance(asked, dict):
                raise ValueError
        except (ValueError, RecursionError):
            self.close_connection = True
            self._refuse(HTTPStatus.BAD_REQUEST, "a request is a JSON object")
            return
        if self.path == "/request":
            self._send_json(self.server.panel.answer(str(asked.get("method")), asked.get("params")))
        elif self.path == "/export":
            self._export(asked)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such request")

    # ---- who asks

    def _is_own(self) -> bool:
        """Whether the page asks that came from here."""
        own = {f"127.0.0.1:{self.server.panel.port}", f"localhost:{self.server.panel.port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") in own and (origin is None or origin.removeprefix("http://") in own):
            return True
        self.close_connection = True
        self._refuse(HTTPStatus.FORBIDDEN, "this address is asked by its own page only")
        return False

    def _may_ask(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self.server.panel.token.encode()):
            return True
        self.close_connection = True
        self._refuse(HTTPStatus.UNAUTHORIZED, "this address has expired: open the panel again")
        return False

    # ---- answers

    def _stream(self) -> None:
        """Notifications, a line each, as long as the page is open."""
        self.close_connection = True
        with contextlib.suppress(OSError), self.server.panel.listener() as lines:
            self._head(HTTPStatus.OK, "application/x-ndjson", {"Connection": "close"})
            self.wfile.write(b"\n")
            while True:
                try:
                    line = lines.get(timeout=_ALIVE)
                except queue.Empty:
                    line = b"\n"
                if line is None:
                    return
                self.wfile.write(line)

    def _export(self, asked: dict[str, Any]) -> None:
        form = asked.get("format")
        if not isinstance(form, str) or form not in _MEDIA:
            self._refuse(HTTPStatus.BAD_REQUEST, f"there is no format {form!r}")
            return
        with tempfile.TemporaryDirectory(prefix="flor-") as folder:
            path = Path(folder, f"table.{form}")
            answer = self.server.panel.answer("flor/export", {**asked, "path": str(path)})
            if "error" in answer:
                self._send_json(answer, HTTPStatus.CONFLICT)
                return
            with path.open("rb") as file:
                remarks = quote(" ".join(answer["result"]["remarks"]))
                headers = {"Content-Length": str(path.stat().st_size), "Flor-Remarks": remarks}
                self._head(HTTPStatus.OK, _MEDIA[form], headers)
                while piece := file.read(_LONGEST):
                    self.wfile.write(piece)

    def _send_json(self, value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value).encode(), "application/json", status=status)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._send_json({"error": {"code": status.value, "message": message}}, status)

    def _send(
        self, body: bytes, kind: str, headers: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(headers or {})})
        with contextlib.suppress(OSError):  # who asked has gone
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **_HEADERS, **headers}.items():
            self.send_header(name, value)
        with contextlib.suppress(OSError):
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
        """Nothing is said of requests: standard error is the log's."""
