"""When a run ends: its log.json is written, and a process beside packs its segments.

This runs inside the captured program, after its own exit handlers: standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from flor.capture import beside
from flor.home import CODE, Run, create_private
from flor.trace import logged

# Before the program runs: an import after a KeyboardInterrupt (its dataclasses call `exec`) would make CPython forget
# that it is to die by it.
from flor.trace.cet_json import log_run
from flor.trace.layout import VanishedError

#: Where log.json ends early.
LOG_LIMIT = 50_000_000


def ended(run: Run) -> None:
    """Write the experiment's log.json, and let the run be packed as soon as its run.json says that it has ended.

    `run.info` learns which sources the run has kept without capturing them, and whether the log ends early. Raises
    OSError where the log cannot be written.
    """
    run.info["logged"] = logged.sources(run.path)
    target = run.path.parent.parent / "log.json"
    try:
        if _write_log(run.path, target):
            size = round(target.stat().st_size / 1e6)
            print(
                f"flor: {target} ends early, at {size} MB: flor log {run.experiment} prints all of it", file=sys.stderr
            )
            run.info["log_ends_early"] = True
    finally:
        beside.packing(run.path, ends=True)()


def _write_log(run: Path, target: Path) -> bool:
    """Write the log; returns whether it ends early. Raises OSError."""
    new = target.with_name(f".log.json.{os.getpid()}")
    try:
        if not (run / "log.json").exists():
            with contextlib.suppress(VanishedError):
                with os.fdopen(create_private(new), "wb") as file:
                    early = log_run(run, file, LOG_LIMIT)
                new.replace(target)
                return early
        try:  # who packs the run has written it: its segments are going
            (run / "log.json").replace(target)
        except FileNotFoundError:
            raise OSError(errno.ENOSPC, "there was no room for its log.json") from None
        return True
    finally:
        new.unlink(missing_ok=True)


def start_packing(runs: Iterable[Run]) -> None:
    """Pack runs that have ended in a process of its own, which nobody waits for."""
    beside.pack([r.path for r in runs if r.status != "running" and _waits(r.path)])


def _waits(run: Path) -> bool:
    """Whether a run has something that waits to be packed, and nobody is about to do it."""
    try:
        if not (run / "segments").is_dir() and not (run / CODE).is_dir():
            return False
        directory = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(directory)
    except OSError:
        return False
    return True
