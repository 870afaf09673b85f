"""The server's capabilities and wiring. It offers no feature yet: it starts, answers `initialize`, and ends."""

from __future__ import annotations

from pygls.lsp.server import LanguageServer


def create_server(version: str) -> LanguageServer:
    """A server that has not begun to serve."""
    return LanguageServer("flor-lsp", version)
