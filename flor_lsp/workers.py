"""The server's end of a worker: requests to a process that is started when it is needed, and replaced when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from flor.errors import FlorError

log = logging.getLogger("flor_lsp")

_LINE = 1 << 28  # bytes that an answer may have
_CANCEL = 0.1  # seconds that a request which is not wanted any more may take, until its process is ended

Progress = Callable[[dict[str, Any]], None]


class _GivenUpError(Exception):
    """The process was ended for the sake of another request, which nobody wants any more."""


class Worker:
    """One process. Its requests are done one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._waiting: dict[int, tuple[asyncio.Future[Any], Progress | None]] = {}
        self._id = 0

    async def call(self, method: str, progress: Progress | None = None, **params: Any) -> Any:
        """Have something done. Raises FlorError with what went wrong, and if the process ended.

        Cancelling ends the process, unless it has answered a moment later: it would go on with what nobody wants.
        Requests that came after it are asked of the next process.
        """
        while True:
            with contextlib.suppress(_GivenUpError):
                return await self._ask(method, progress, params)

    async def _ask(self, method: str, progress: Progress | None, params: dict[str, Any]) -> Any:
        process = await self._started()
        self._id += 1
        id_ = self._id
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = future, progress
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"id": id_, "method": method, "params": params}).encode() + b"\n")
            await process.stdin.drain()
        except (OSError, RuntimeError):
            self._lost(process)
        try:
            return await future
        except asyncio.CancelledError:
            if id_ in self._waiting:
                asyncio.get_running_loop().call_later(_CANCEL, self._give_up, id_)
            raise

    async def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._lost(self._process)
        if self._reader is not None:
            await self._reader

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None:
                environment = {**os.environ, "PYTHONSAFEPATH": "1"}
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "flor_lsp.worker",
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None,
                    env=environment, limit=_LINE, start_new_session=True,
                )  # fmt: skip
                self._reader = asyncio.get_running_loop().create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            while line := await process.stdout.readline():
                self._came(json.loads(line))
        code = await process.wait()
        if self._process is process:
            log.warning("the process for %s ended (%s): another one is started when it is needed", self._name, code)
            self._lost(process)

    def _came(self, answer: dict[str, Any]) -> None:
        future, progress = self._waiting.get(answer["id"], (None, None))
        if "progress" in answer:
            if progress is not None and future is not None and not future.done():
                progress(answer["progress"])
            return
        self._waiting.pop(answer["id"], None)
        if future is None or future.done():
            return
        if "error" in answer:
            future.set_exception(FlorError(answer["error"]))
        else:
            future.set_result(answer["result"])

    def _give_up(self, id_: int) -> None:
        if id_ in self._waiting and self._process is not None:
            others = [own for own in self._waiting if own != id_ and not self._waiting[own][0].done()]
            if min(self._waiting) == id_ or not others:
                self._lost(self._process, _GivenUpError())
            else:
                self._waiting.pop(id_)

    def _lost(self, process: asyncio.subprocess.Process, reason: Exception | None = None) -> None:
        """The process is of no use any more. `reason`: what those who wait are told."""
        told = reason or FlorError(f"the process for {self._name} ended: try it again")
        if self._process is process:
            self._process = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        waiting, self._waiting = self._waiting, {}
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(told)
