"""The side panel over HTTP, for clients that have no web views: it is served once somebody asks for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor_lsp.messages import Panel, structured
from flor_lsp.protocol import error_of

if TYPE_CHECKING:
    from flor_lsp.panel_host import PanelHost
    from flor_lsp.server import FlorServer


async def address(server: FlorServer, params: Any) -> dict[str, Any]:
    """The panel's address, with what it is to show."""
    asked = structured(Panel, params)
    return {"url": host(server).url(asked.experiment, asked.uri, asked.theme)}


async def open_panel(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """Open the panel in the user's browser, by the client, or say its address."""
    found = await address(server, arguments)
    if server.client.shows_documents:
        shown = types.ShowDocumentParams(found["url"], external=True)
        with contextlib.suppress(asyncio.TimeoutError):  # a client that never answers
            await asyncio.wait_for(server.window_show_document_async(shown), 5)
    else:
        server.say(types.MessageType.Info, f"the side panel is at {found['url']}")
    return found


def host(server: FlorServer, port: int = 0) -> PanelHost:
    """What serves the panel. Raises FlorError if it cannot."""
    if server.panel_host is None:
        from flor_lsp.panel_host import PanelHost  # with a server for HTTP, which most sessions do not need

        async def ask(method: str, params: Any) -> dict[str, Any]:
            return await _answer(server, method, params)

        server.panel_host = PanelHost(ask, port)
    return server.panel_host


async def _answer(server: FlorServer, method: str, params: Any) -> dict[str, Any]:
    """What a request of the page is answered with: `{"result"}` or `{"error"}`."""
    try:
        return {"result": await server.answer(method, params)}
    except Exception as error:
        code, message = error_of(error)
        return {"error": {"code": code, "message": message}}
