"""`flor ui`: the side panel in a browser, without any editor."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import logging
import signal
import sys
import webbrowser
from collections.abc import Sequence

from flor import home
from flor.errors import FlorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the panel until it is interrupted. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="flor ui", description="Show runs and tables in a browser.")
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT", help="the one to show at first")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument(
        "--port", type=int, default=0, help="the port on 127.0.0.1; by default the same each time, if it is free"
    )
    asked = parser.parse_args(arguments)
    logging.basicConfig(format="flor ui: %(message)s", level=logging.WARNING)
    try:
        if asked.experiment is not None:
            home.experiment_path(asked.experiment)
        asyncio.run(_serve(asked.experiment, asked.port, browse=not asked.no_browser))
    except FlorError as error:
        print(f"flor: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


async def _serve(experiment: str | None, port: int, browse: bool) -> None:
    from flor_lsp.features import panel
    from flor_lsp.server import create_server

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = create_server(importlib.metadata.version("flor-lsp"))
    server.has_client = False
    url = panel.host(server, port).url(experiment)
    await server.begin()
    print(f"{url}\nCtrl-C ends it.", flush=True)
    if browse:
        await asyncio.to_thread(webbrowser.open, url)
    try:
        await ended.wait()
    finally:
        await server.finish()


if __name__ == "__main__":
    sys.exit(main())
