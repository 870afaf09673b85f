"""What goes on beside the program: a process that packs its run, and one that keeps its code. It notices neither.

Such a process has a session, standard streams and an environment of its own, and none of the program's descriptors. The
one that packs holds the lock of its run, so no run has two. It ends by itself when the run has ended and is packed.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from flor.home import CODE

Start = Callable[[tuple[bytes, ...], tuple[bytes, ...], bytes | None, bool], None]

_LOCK = 3  # the descriptor of the locked directory

#: Environment variables of who packs. One thread is enough. Memory that it has freed it needs again soon (and to get it
#: from the kernel takes as long as what is done with it), so one allocator has all of it, in huge pages if it can.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "ARROW_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}

# As they are before the program can change them.
_PYTHON = os.fsencode(sys.executable or "")
_ENVIRONMENT = tuple(os.fsencode(f"{name}={value}") for name, value in {**os.environ, **SETTINGS}.items())


def _by_shell(
    arguments: tuple[bytes, ...], environment: tuple[bytes, ...], directory: bytes | None, ends: bool
) -> None:
    """`_beside.start` where it was not built: a shell stands between the program and the process. A program that waits
    for any child of its may see it end."""
    if not ends and os.getpid() == 1:
        return
    variables = dict(line.split(b"=", 1) for line in environment)
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)
    ]
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        if directory is not None:
            opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, opened)
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _LOCK + 1)
            stack.callback(os.close, lock)
            actions.append((os.POSIX_SPAWN_DUP2, lock, _LOCK))
        kept = _LOCK if directory is not None else _LOCK - 1
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > kept]
        pid = os.posix_spawn(
            "/bin/sh",
            [b"sh", b"-c", b'cd / && umask 077 && "$@" &', b"sh", *arguments],
            variables,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
        os.waitpid(pid, 0)


def _inheritable() -> list[int]:
    found = []
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if os.get_inheritable(int(name)):
                found.append(int(name))
    return found


try:
    _start: Start = importlib.import_module("flor.capture._beside").start
except ImportError:
    _start = _by_shell


def packing(run: Path, *, ends: bool = False) -> Callable[[], None]:
    """What starts the process that packs a run while it goes on and when it has ended, unless there is one.

    `ends`: this process is about to end. (Before, one that gets the system's orphans would get it as a child, and might
    wait for it: then nothing is started.)

    Where `_beside` is built, calling it runs no code in Python: no thread, no signal handler of the program's comes in
    between.
    """
    return partial(_start, _command("flor.trace.pack", ["--beside", run]), _ENVIRONMENT, os.fsencode(run), ends)


def pack(runs: Sequence[Path]) -> None:
    """Start a process that packs runs which have ended."""
    if _PYTHON and runs:
        _start(_command("flor.trace.pack", runs), _ENVIRONMENT, None, True)


def keep_code(run: Path) -> None:
    """Start the process that keeps the code of a run in git. It holds the lock of the run's folder CODE."""
    if _PYTHON:
        _start(_command("flor.versions", [run]), _ENVIRONMENT, os.fsencode(run / CODE), False)


def stand_back() -> None:
    """In such a process: everything else goes first, the processor, and memory when there is too little."""
    os.nice(10)
    for name, value in (("autogroup", "10"), ("oom_score_adj", "1000")):  # a session of its own is a group of its own
        with contextlib.suppress(OSError):
            Path("/proc/self", name).write_text(value)


def _command(module: str, arguments: Sequence[str | Path]) -> tuple[bytes, ...]:
    return (_PYTHON, b"-P", b"-m", *map(os.fsencode, (module, *arguments)))
