"""`flor-lsp`: the language server's command. Speaks LSP over standard input and output."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one client until it ends the session. Returns the exit code."""
    version = importlib.metadata.version("flor-lsp")
    parser = argparse.ArgumentParser(prog="flor-lsp", description="Flor's language server.")
    parser.add_argument("--stdio", action="store_true", help="speak over standard input and output (the default)")
    parser.add_argument("--version", action="version", version=f"flor-lsp {version}")
    parser.parse_args(arguments)

    from flor_lsp.server import create_server

    create_server(version).start_io()
    return 0


if __name__ == "__main__":
    sys.exit(main())
