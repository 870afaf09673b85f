"""When a run has ended: its log.json is written, and a helper process packs its segments.

This runs inside the captured program, after its own exit handlers: standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from flor.home import Run, create_private, write_json

# Before the program runs: an import after a KeyboardInterrupt (its dataclasses call `exec`) would make CPython forget
# that it is to die by it.
from flor.trace.cet_json import log_run
from flor.trace.layout import VanishedError

#: Where log.json ends early.
LOG_LIMIT = 50_000_000

_ENVIRONMENT = dict(os.environ)  # as it was before the program could change it


def ended(run: Run) -> None:
    """Write the experiment's log.json and let the run be packed. Raises OSError where that cannot be written."""
    target = run.path.parent.parent / "log.json"
    try:
        if _write_log(run.path, target):
            size = round(target.stat().st_size / 1e6)
            print(
                f"flor: {target} ends early, at {size} MB: flor log {run.experiment} prints all of it", file=sys.stderr
            )
            write_json(run.path / "run.json", {**run.info, "log_ends_early": True})
    finally:
        start_packing([run])


def _write_log(run: Path, target: Path) -> bool:
    """Write the log; returns whether it ends early."""
    beside = target.with_name(f".log.json.{os.getpid()}")
    try:
        if not (run / "log.json").exists():
            with contextlib.suppress(VanishedError):
                with os.fdopen(create_private(beside), "wb") as file:
                    early = log_run(run, file, LOG_LIMIT)
                beside.replace(target)
                return early
        (run / "log.json").replace(target)  # what packs the run has written it: its segments are going
        return True
    finally:
        beside.unlink(missing_ok=True)


def start_packing(runs: Iterable[Run]) -> None:
    """Pack runs in a process of its own, which nobody waits for. Without it the segments stay, and are read."""
    paths = [str(r.path) for r in runs if r.status != "running" and _waits(r.path)]
    if not sys.executable or not paths:
        return
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    command = [sys.executable, "-P", "-m", "flor.trace.pack", *paths]
    os.posix_spawn(sys.executable, command, _ENVIRONMENT, file_actions=null, setsid=True)


def _waits(run: Path) -> bool:
    """Whether a run has segments, and nobody is about to pack them."""
    try:
        if not (run / "segments").is_dir() or (run / "trace" / "blocks.parquet").exists():
            return False
        directory = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(directory)
    except OSError:
        return False
    return True
