"""Packs a run while it goes on: what `flor.capture.beside` starts."""

from __future__ import annotations

import contextlib
import mmap
import time
from pathlib import Path

import pyarrow as pa

from flor.home import NOT_PACKED, open_run
from flor.trace.cet_json import log_run
from flor.trace.ended import LOG_LIMIT
from flor.trace.format import CONSUMED, CONTROL_WORDS, OTHERS, PACKED, RECORD
from flor.trace.layout import VanishedError, reason
from flor.trace.pack import Packer, entries, goes_on, pack_rest
from flor.trace.write import open_private

#: Parts are not made of less than about so many bytes, or than this part of the budget.
_LEAST = RECORD << 21
_OF_BUDGET = 16

#: Seconds between two looks at the run: while it is written, and at most; until packing is tried again when there was
#: no room.
_PAUSE, _LONG_PAUSE, _NO_ROOM_PAUSE = 0.1, 0.5, 10.0

#: Bytes that may wait to be packed though the log has not reached its full length; in small budgets, a part of them.
_NO_LONGER = 1 << 29
_NO_LONGER_OF_BUDGET = 4


def pack_beside(run: Path) -> None:
    """Pack a run while it goes on, and what is left of it when it and its processes have ended. The run's lock is held.

    Returns when everything is packed, or the run is removed. Raises FlorError if something cannot be read, or if at the
    end there is no room.
    """
    control = _Control(run)
    control.packer = packer = Packer(run, control.update)
    budget = int(open_run(run).info["budget"])
    log = _Log(run, min(_NO_LONGER, budget // _NO_LONGER_OF_BUDGET))
    least = min(_LEAST, budget // _OF_BUDGET)
    pause = again = 0.0
    while goes_on(run):
        control.update()
        packed = False
        try:
            if time.monotonic() >= again:
                ready = packer.ready()
                packed = ready >= least and log.written(ready) and packer.part(ended=False)
                (run / NOT_PACKED).unlink(missing_ok=True)
        except (OSError, pa.ArrowException, ValueError) as error:
            again = time.monotonic() + _NO_ROOM_PAUSE
            with contextlib.suppress(OSError):
                (run / NOT_PACKED).write_text(reason(error))
        except VanishedError:  # a process has just ended and removed its tails, or the run is removed
            pass
        pause = 0.0 if packed else min(max(_PAUSE, 1.5 * pause), _LONG_PAUSE)
        time.sleep(pause)
    if (run / "run.json").is_file():
        pack_rest(run)


class _Control:
    """Tells the recorders of a run how much was packed: the words that `flor.trace.format` describes."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._maps: dict[str, mmap.mmap] = {}
        self._next = 0.0
        self.packer: Packer | None = None

    def update(self) -> None:
        """Several times a second at most."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE
        packed = _size(self._run / "trace")
        waiting = {entry.name: _size(Path(entry.path)) for entry in entries(self._run / "segments")}
        consumed = self.packer.consumed if self.packer else {}
        for name in waiting:
            if (words := self._words(name)) is not None:
                others = sum(waiting.values()) - waiting[name]
                for word, number in ((CONSUMED, consumed.get(name, 0)), (PACKED, packed), (OTHERS, others)):
                    words[8 * word : 8 * word + 8] = number.to_bytes(8, "little")

    def _words(self, process: str) -> mmap.mmap | None:
        if process not in self._maps:
            with (
                contextlib.suppress(OSError, ValueError),
                (self._run / "segments" / process / "control").open("r+b") as file,
            ):
                self._maps[process] = mmap.mmap(file.fileno(), 8 * CONTROL_WORDS)
        return self._maps.get(process)


def _size(folder: Path) -> int:
    """Bytes of a folder's files. They may go meanwhile."""
    total = 0
    for entry in entries(folder):
        with contextlib.suppress(OSError):
            total += entry.stat().st_size
    return total


class _Log:
    """The run's log.json, written beside the run while its first segments are there. (The end of the captured program
    only gives it its place.)"""

    def __init__(self, run: Path, no_longer: int) -> None:
        self.path, self._no_longer = run / "log.json", no_longer
        self._written = self.path.exists()
        self._next = 0

    def written(self, ready: int) -> bool:
        """Whether it is there, or there is no room for it, so that segments can go. `ready`: bytes that wait to be
        packed."""
        if self._written or ready < self._next:
            return self._written
        self._next = 2 * ready
        beside = self.path.with_name(".log.json")
        try:
            with open_private(beside) as file:
                early = log_run(self.path.parent, file, LOG_LIMIT)
            if early or ready >= self._no_longer:
                beside.replace(self.path)
                self._written = True
        except OSError:  # packing makes room
            self._written = True
        finally:
            beside.unlink(missing_ok=True)
        return self._written
