"""`flor-lsp`: the language server's command. Speaks LSP over standard input and output."""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import ipaddress
import logging
import sys
from collections.abc import Sequence

_TEXT = "%(asctime)s %(levelname)s %(message)s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one client until it ends the session. Returns the exit code."""
    version = importlib.metadata.version("flor-lsp")
    parser = argparse.ArgumentParser(prog="flor-lsp", description="Flor's language server.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stdio", action="store_true", help="speak over standard input and output (the default)")
    how.add_argument("--tcp", metavar="HOST:PORT", type=_address, help="serve one client there, of this machine only")
    parser.add_argument("--log", metavar="FILE", help="append what happens to a file, not to standard error")
    parser.add_argument("--verbose", action="store_true", help="say more of what happens")
    parser.add_argument("--version", action="version", version=f"flor-lsp {version}")
    parsed = parser.parse_args(arguments)
    try:
        logging.basicConfig(format=_TEXT, level=logging.WARNING, filename=parsed.log)
    except OSError as error:
        print(f"flor-lsp: cannot write to {parsed.log}: {error.strerror}", file=sys.stderr)
        return 1
    logging.getLogger("flor_lsp").setLevel(logging.DEBUG if parsed.verbose else logging.INFO)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole messages, with tracebacks

    gc.disable()  # what is imported is much, and stays
    from flor_lsp.server import create_server

    gc.enable()
    server = create_server(version)
    if parsed.tcp is None:
        server.start_io()
        return server.exit_code
    try:
        server.start_tcp(*parsed.tcp)
    except (OSError, OverflowError) as error:
        print(f"flor-lsp: cannot listen at {parsed.tcp[0]}:{parsed.tcp[1]}: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        pass
    return server.exit_code


def _address(text: str) -> tuple[str, int]:
    """HOST and PORT. What can be reached from other machines is refused: whoever connects can have files read."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no address: write 127.0.0.1:PORT") from None
    if not local:
        raise argparse.ArgumentTypeError(f"{host} can be reached from other machines: use 127.0.0.1")
    return host, number


if __name__ == "__main__":
    sys.exit(main())
