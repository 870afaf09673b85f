"""Run a command and account for it: CPU time, memory, and what goes on beside it and after it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_POLL = 0.02  # seconds
_LIMIT = 1200.0  # seconds for what goes on after a command

Settings = Mapping[str, str]  # of the environment
NONE: Settings = {}

FLOR = str(Path(sys.executable).with_name("flor"))


class FailedError(Exception):
    """A command that ended with another code than 0; the text is its last words."""


@dataclass(frozen=True)
class Done:
    """A command that has ended. Times are seconds; CPU is user and system time."""

    output: str
    wall: float  # until it ended
    cpu: float  # of its process and of those that it waited for
    beside: float  # CPU of the processes that it left behind: packing
    peak: int  # bytes of memory, the most that it had resident; 0 unless watched


def adopt_orphans() -> None:
    """From now on, a process that a command leaves behind becomes a child of this one, which can account for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def say(text: str) -> None:
    """Tell whoever waits what is being measured."""
    print(text, file=sys.stderr, flush=True)


def run(
    command: list[str], *, home: Path, cwd: Path | None = None, watch: bool = False, settings: Settings = NONE
) -> Done:
    """Run a command with FLOR_HOME and wait for it, then for what it has left behind. Raises FailedError."""
    with start(command, home=home, cwd=cwd, settings=settings) as running:
        return running.wait(watch)


@contextlib.contextmanager
def start(command: list[str], *, home: Path, cwd: Path | None = None, settings: Settings = NONE) -> Iterator[Running]:
    """Begin to run a command, on one thread as far as numerical libraries are concerned. Leaving the context ends it,
    and what it has left behind."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    environment = {**os.environ, **one, "FLOR_HOME": str(home), **settings}
    if "PYTHONDONTWRITEBYTECODE" not in settings:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it every start would compile Flor
    before = _children()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        try:
            yield Running(command, process, output, errors)
        finally:
            _end(process, before)


def _end(process: subprocess.Popen[bytes], before: set[int]) -> None:
    if process.returncode is None:
        process.kill()
        process.wait()
    for pid in _children() - before:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Running:
    """A command that has begun."""

    def __init__(self, command: list[str], process: subprocess.Popen[bytes], output: IO[str], errors: IO[str]) -> None:
        self._command, self._process, self._output, self._errors = " ".join(command), process, output, errors
        self._begin = time.perf_counter()

    def end(self, watch: bool = False) -> Done:
        """Wait for the command alone."""
        peak = 0
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG if watch else 0)
        while not pid:
            peak = max(peak, _peak(self._process.pid))
            time.sleep(_POLL)
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        wall = time.perf_counter() - self._begin
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._output.seek(0)
        self._errors.seek(0)
        if self._process.returncode:
            said = self._errors.read().strip().splitlines() or ["no word on stderr"]
            raise FailedError(f"exit code {self._process.returncode} of {self._command}: {said[-1]}")
        return Done(self._output.read(), wall, _cpu(usage), 0.0, peak)

    def wait(self, watch: bool = False) -> Done:
        """Wait for the command, and for the processes that it has left behind."""
        done = self.end(watch)
        beside = 0.0
        until = time.monotonic() + _LIMIT
        with contextlib.suppress(ChildProcessError):
            while time.monotonic() < until:
                pid, _, usage = os.wait4(-1, os.WNOHANG)
                if pid:
                    beside += _cpu(usage)
                else:
                    time.sleep(_POLL)
        return Done(done.output, done.wall, done.cpu, beside, done.peak)


def _cpu(usage: Any) -> float:
    return float(usage.ru_utime + usage.ru_stime)


def _peak(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def resident(pid: int) -> int:
    """Bytes of memory that a process and its children, and theirs, have resident."""
    children: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            about = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            own = int(path.parent.name)
            children.setdefault(int(about["PPid"]), []).append(own)
            sizes[own] = int(about.get("VmRSS", "0 kB").split()[0]) * 1024
    found, todo = 0, [pid]
    while todo:
        own = todo.pop()
        found += sizes.get(own, 0)
        todo += children.get(own, [])
    return found


def _children() -> set[int]:
    with contextlib.suppress(OSError):
        return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))
    return set()
