"""What takes longer: runs of scripts, and tables. Each is a job with progress, which the client can cancel."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor.errors import FlorError
from flor_lsp.protocol import ReplyError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

log = logging.getLogger("flor_lsp")

_GRACE = 5.0  # seconds that a script has to end after SIGINT, and again after SIGTERM
_LINE = 1 << 16  # bytes of output that are told at once
_QUIET = 0.05  # seconds between two reports of progress

Report = Callable[[str, float | None], None]


class Job:
    """One piece of work. `flor/jobsChanged` tells the client of it, and so does a progress bar where it has one."""

    def __init__(self, id_: int, kind: str, title: str) -> None:
        self.id, self.kind, self.title = id_, kind, title
        self.message = ""
        self.fraction: float | None = None
        self.state = "running"  # then done, failed or cancelled
        self.task: asyncio.Task[Any] | None = None

    @property
    def about(self) -> dict[str, Any]:
        """It, as the client has it."""
        return {
            "id": self.id, "kind": self.kind, "title": self.title, "state": self.state, "message": self.message,
            "fraction": self.fraction,
        }  # fmt: skip


class Jobs:
    """Those that go on."""

    def __init__(self, server: FlorServer) -> None:
        self._server = server
        self._ids = itertools.count(1)
        self._going: dict[int, Job] = {}
        self._by_token: dict[str | int, Job] = {}

    def going(self) -> list[Job]:
        return list(self._going.values())

    async def run(self, kind: str, title: str, work: Callable[[Report], Awaitable[Any]]) -> Any:
        """Do something as a job. Returns what it returns; raises FlorError if it failed, ReplyError if it was
        cancelled."""
        job = Job(next(self._ids), kind, title)
        job.task = asyncio.current_task()
        self._going[job.id] = job
        token = await self._begin(job)
        last = 0.0

        def report(message: str, fraction: float | None = None) -> None:
            nonlocal last
            job.message, job.fraction = message, fraction
            now = asyncio.get_running_loop().time()
            if now - last >= _QUIET:
                last = now
                self._report(job, token)

        inner = asyncio.ensure_future(work(report))
        job.task = inner
        self._tell(job)
        try:
            result = await inner
            job.state = "done"
            return result
        except FlorError as error:
            job.state, job.message = "failed", str(error)
            raise
        except asyncio.CancelledError:
            job.state, job.message = "cancelled", "it was cancelled"
            inner.cancel()
            if inner.cancelled() and not _is_cancelled():
                raise ReplyError(f"{title}: it was cancelled", types.LSPErrorCodes.RequestCancelled) from None
            raise
        finally:
            del self._going[job.id]
            self._end(job, token)
            self._tell(job)

    def cancel(self, id_: int) -> bool:
        """Cancel a job. Whether it was going on."""
        job = self._going.get(id_)
        if job is None or job.task is None:
            return False
        job.task.cancel()
        return True

    def cancel_token(self, token: str | int) -> None:
        """The client's progress bar was cancelled."""
        if (job := self._by_token.get(token)) is not None:
            self.cancel(job.id)

    async def stop(self) -> None:
        """Cancel all and wait until they have ended."""
        tasks = [job.task for job in self.going() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- the client's progress bar

    async def _begin(self, job: Job) -> str | None:
        if not self._server.client.progress:
            return None
        token = str(uuid.uuid4())
        params = types.WorkDoneProgressCreateParams(token)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._server.window_work_done_progress_create_async(params), 2)
            self._by_token[token] = job
            self._send(token, types.WorkDoneProgressBegin(job.title, cancellable=True))
            return token
        return None

    def _report(self, job: Job, token: str | None) -> None:
        percentage = None if job.fraction is None else int(100 * job.fraction)
        if token is not None:
            report = types.WorkDoneProgressReport(cancellable=True, message=job.message, percentage=percentage)
            self._send(token, report)
        self._tell(job)

    def _end(self, job: Job, token: str | None) -> None:
        if token is not None:
            self._by_token.pop(token, None)
            self._send(token, types.WorkDoneProgressEnd(message=job.message or job.state))

    def _send(self, token: str, value: Any) -> None:
        self._server.progress(types.ProgressParams(token, self._server.protocol._converter.unstructure(value)))

    def _tell(self, job: Job) -> None:
        if self._server.shows_panel:
            self._server.tell("flor/jobsChanged", {"job": job.about})


def _is_cancelled() -> bool:
    """Whether whoever waits for the job is cancelled, too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def capture(python: str, script: Path, experiment: str, arguments: list[str], tell: Callable[[str], None]) -> int:
    """Run a script under capture in a process group of its own; `tell` gets its output line by line. Returns its exit
    code. Cancelling ends the group, as Ctrl-C does, then harder; the trace stays."""
    command = [
        python,
        "-m",
        "flor",
        "python",
        str(script),
        *([experiment] if experiment is not None else []),
        *arguments,
    ]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=script.parent, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, limit=_LINE, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise FlorError(f"cannot run {python}: {error.strerror}; set flor.python to an interpreter") from None
    assert process.stdout is not None
    try:
        while True:
            try:
                line = await process.stdout.readuntil(b"\n")
            except asyncio.IncompleteReadError as rest:
                line = rest.partial
            except asyncio.LimitOverrunError as much:
                line = await process.stdout.read(much.consumed)
            if not line:
                break
            tell(line.decode("utf-8", "replace").rstrip("\r\n"))
        return await process.wait()
    except asyncio.CancelledError:
        await asyncio.shield(_end_group(process))
        raise


async def _end_group(process: asyncio.subprocess.Process) -> None:
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE)
            return


def interpreter(setting: str | None) -> str:
    """The interpreter that runs scripts."""
    return setting or sys.executable
