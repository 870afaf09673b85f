"""Other language servers for Python beside Flor's, by the same client: how long they start, what a code action takes
right after an edit of a file of 10,000 lines, how much memory they have then. They do other things than Flor's does.
"""

from __future__ import annotations

import os
import queue
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes, server
from benchmarks.environment import about, install, tool
from benchmarks.processes import FailedError
from benchmarks.results import Row
from tests.lsp.client import Client, ReplyError

_SECONDS = 120.0  # that a server may take for all of its code actions
_STARTS = 3


@dataclass(frozen=True)
class Peer:
    """A server."""

    title: str
    package: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()


PEERS = (
    Peer("ruff server", "ruff", ("ruff", "server")),
    Peer("pylsp with rope", "python-lsp-server", ("pylsp",), ("rope", "pylsp-rope")),
    Peer("jedi-language-server", "jedi-language-server", ("jedi-language-server",)),
    Peer("basedpyright", "basedpyright", ("basedpyright-langserver", "--stdio")),
)


def compare() -> list[Row]:
    """A row for each: `title`, `version`, `licence`, `start`, `p50`, `p99` (seconds), `count`, `bytes`; or `why` it has
    no figures."""
    return list(_rows())


def _rows() -> Iterator[Row]:
    install([name for peer in PEERS for name in (peer.package, *peer.needs)])
    for peer in PEERS:
        processes.say(peer.title)
        try:
            yield {"title": peer.title, **about(peer.package), **_measured(peer)}
        except (FailedError, ReplyError, OSError, AssertionError, queue.Empty) as error:
            yield {"title": peer.title, "why": str(error).partition("\n")[0] or "it did not answer"}


def _measured(peer: Peer) -> Row:
    starts = []
    with tempfile.TemporaryDirectory() as name:
        script = Path(name, "large.py")
        script.write_text(server.large_file(server.LINES))
        for number in range(_STARTS):
            begin = time.perf_counter()
            client = Client([tool(peer.command[0]), *peer.command[1:]], {**os.environ, "HOME": name})
            try:
                client.initialize(root=Path(name))
                starts.append(time.perf_counter() - begin)
                if number + 1 == _STARTS:
                    taken, _ = server.after_edits(client, script, _SECONDS)
                    memory = processes.resident(client.process.pid)
            finally:
                client.process.kill()
                client.process.wait()
    return {"start": statistics.median(starts), **server.percentiles(taken), "count": len(taken), "bytes": memory}
