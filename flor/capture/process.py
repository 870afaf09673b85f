"""One process of a run: its folder of segments, the recorder that writes there, what it captures."""

from __future__ import annotations

import contextlib
import copyreg
import errno
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flor import LOADED_BEFORE
from flor.capture import beside, devices, pickled, snapshots, values
from flor.capture.chosen import Chosen
from flor.capture.limits import Limits
from flor.capture.modules import Capture
from flor.home import make_private, process_started, write_json, write_json_over


def recorder() -> Any:
    """The recorder in C, or the one in Python where it was not built (or FLOR_RECORDER=python asks for it)."""
    if os.environ.get("FLOR_RECORDER") != "python":
        try:
            return importlib.import_module("flor.capture._probe")
        except ImportError:
            pass
    from flor.capture import probe

    return probe


#: The recorders that are told when this process forks.
_seen_forking: list[Any] = []


class Process:
    """This process, as part of the run in the directory `run`.

    `origin`: time.monotonic_ns() at the run's start. `chosen`: what is captured. `limits`: what the run may take, its
    budget in bytes. `starter`: the folder of the process that started this one afresh, None for the run's first.
    `arguments`: the values that `flor.arg` gives, by name. `replays`: whether the run replays one before. `imports`:
    whether modules are captured as they are imported. `first_id`: the first id of a block or site that no run of this
    process had before.
    """

    def __init__(
        self,
        run: Path,
        origin: int,
        chosen: Chosen,
        limits: Limits,
        starter: str | None = None,
        *,
        arguments: Mapping[str, str] | None = None,
        replays: bool = False,
        imports: bool = True,
        first_id: int = 1,
    ) -> None:
        self.run, self.origin, self.limits, self.starter = run, origin, limits, starter
        self.arguments, self.replays, self.imports = dict(arguments or {}), replays, imports
        self.pid = os.getpid()  # a forked child's is another one
        self.asked: set[str] = set()  # names of arguments that the program has asked for
        self.context: int | None = None  # the number of the Context that is open (`flor.logging`)
        #: name of its folder, or of its nearest ancestor's by forking; None where there is none yet
        self.folder: str | None = None
        self.opening: dict[int, object] = {}  # by process, which may be forked: who makes its folder,
        self.opened: dict[int, str | OSError] = {}  # and what came of it
        self.recorder = recorder()
        self.capture = Capture(run, chosen, run.parents[2] / ".cache", self, first_id)

    def start(self) -> None:
        """Record and capture from now on. The run's first process makes its folder at once; may raise OSError."""
        first = self.starter is None
        snapshots.begin(self.run, snapshots.MAX_TOTAL if first else snapshots.MAX_CHILD)
        directory = self.open(-1, 0, False) if first else ""
        devices.awaited.clear()  # a run's that has ended
        devices.recorder.amend = self.recorder.amend
        pack = beside.packing(self.run)
        self.recorder.start(directory, self.origin, values.keep, values.secrets, self.open, pack, *self.limits)
        if not first:
            self.recorder.forked()  # as there, the folder is made when it is needed
        monitoring = getattr(sys, "monitoring", None)  # debuggers use it from Python 3.12 on; the recorder sees tracers
        if monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None:
            self.recorder.traced()
        if self.recorder not in _seen_forking:
            _seen_forking.append(self.recorder)
            os.register_at_fork(before=self.recorder.forks, after_in_child=self.recorder.forked)
        if self.imports:
            self.capture.install()
        pickled.capture = self.capture

    def directory(self) -> str:
        """The path of its folder, which is made if it is not there. May raise OSError."""
        return str(self.recorder.directory())

    def probes(self, specs: list[tuple[int, ...]], base: int, ends: tuple[int, ...], sites: int) -> list[Any]:
        """The recorder's probes of one source."""
        probes: list[Any] = self.recorder.probes(specs, base, ends, sites)
        for kind in set(map(type, probes)):
            copyreg.pickle(kind, pickled.reduce)
        return probes

    def follow(self, method: Callable[[Any, str], Any], then: Callable[[Any, str, Any], Any]) -> Any:
        """A method that calls `method`, and `then` with its result added, which no tracer of the program's sees."""
        return self.recorder.follow(method, then)

    def open(self, stream: int, record: int, apart: bool) -> str:
        """Make this process's folder and return its path. Of a forked child: `stream`, `record` of its parent, and
        `apart`: whether it does not go on from there.

        Threads may ask for it at once: the first one makes it, the others wait for that. Raises OSError.
        """
        pid, mine = os.getpid(), object()
        if self.opening.setdefault(pid, mine) is mine:
            try:
                self.opened[pid] = self.make(stream, record, apart)
            except BaseException as error:
                self.opened[pid] = OSError(getattr(error, "errno", None) or errno.EIO, "its folder was not made")
                raise
        while pid not in self.opened:
            time.sleep(0.001)
        opened = self.opened[pid]
        if isinstance(opened, OSError):
            raise opened
        return opened

    def make(self, stream: int, record: int, apart: bool) -> str:
        number = 0
        if self.starter is None and self.folder is None:
            make_private(self.run / "segments")
        elif not (self.run / "segments").is_dir():  # the run has ended and is packed: this process was not seen
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.run / "segments"))
        while True:
            first = self.starter is None and self.folder is None
            path = self.run / "segments" / ("0" if first else f"{os.getpid()}-{number}")
            try:
                make_private(path, exist_ok=False)
                break
            except FileExistsError:
                number += 1
        started = time.monotonic_ns() - self.origin
        info: dict[str, Any] = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "started": started}
        info |= {"parent": self.folder, "stream": stream if stream >= 0 else None, "record": record}
        if apart:
            info["apart"] = True
        if self.folder is None and self.starter is not None:
            info["starter"] = self.starter
        write_json(path / "process.json", info, room=512)
        self.folder = path.name
        return str(path)

    def stop(self) -> dict[str, int]:
        """Record nothing more. Returns what the recorder says of it."""
        with contextlib.suppress(Exception):
            devices.resolve()
        stats: dict[str, int] = self.recorder.stop()
        if pickled.capture is self.capture and not self.imports:  # the program goes on without a run
            pickled.capture = None
        return stats

    def end(self) -> None:
        """The end of a process that is not the run's first: process.json says why it stopped early, if it did."""
        error = self.stop()["error"]
        if error and self.folder is not None:
            with contextlib.suppress(OSError, ValueError, KeyError):
                path = self.run / "segments" / self.folder / "process.json"
                info = json.loads(path.read_bytes())
                if info["pid"] == os.getpid():
                    write_json_over(path, {**info, "gap": why(error)})


def forget_shadowed(folder: str) -> None:
    """A module beside the script may be named as one of the standard library's that Flor has imported, and the script
    has not: plain Python would give it its own."""
    for name in [n for n in sys.modules if "." not in n and n not in LOADED_BEFORE and n != "flor"]:
        beside = os.path.join(folder, name)
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(os.path.join(folder, "")):
            continue  # the script's own already: a package that `-m` had to import
        if os.path.isfile(f"{beside}.py") or os.path.isfile(os.path.join(beside, "__init__.py")):
            for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
                del sys.modules[module]


def captured_sources(run: Path) -> list[dict[str, str]]:
    """What all processes of a run have captured so far: `path`, `sha256` and `module`, each once."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for path in sorted((run / "segments").glob("*/modules.jsonl")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            for line in path.read_text().split("\n")[:-1]:  # behind the last newline one may just be written
                source = {key: json.loads(line)[key] for key in ("path", "sha256", "module")}
                found.setdefault(tuple(source.values()), source)
    return list(found.values())


def why(error: int) -> str:
    """What has stopped the recorder, from its errno."""
    return "its budget, or a disk quota, is used up" if error == errno.EDQUOT else os.strerror(error)


def process_gaps(run: Path, error: int) -> str:
    """Why processes of a run stopped recording early, `error` being the first one's; empty if none did."""
    gaps = [why(error)] if error else []
    for path in sorted((run / "segments").glob("*/process.json")):
        with contextlib.suppress(OSError, ValueError):
            gaps.append(json.loads(path.read_bytes()).get("gap"))
    return "; ".join(dict.fromkeys(filter(None, gaps)))
