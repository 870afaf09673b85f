"""A run that is being captured, from its directory to its last word. Knows nothing of how its program is run."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flor.capture import beside, secrets
from flor.capture.process import Process, captured_sources, process_gaps
from flor.capture.repository import commit, repository
from flor.capture.settings import Settings
from flor.errors import FlorError
from flor.home import (
    CODE,
    FORMAT,
    Run,
    home,
    make_private,
    private_directory,
    process_started,
    ref_name,
    write_json,
    write_json_over,
)


def new_run(experiment: str) -> Path:
    """Make a run's directory. Its name sorts by time. Raises FlorError if FLOR_HOME cannot be written."""
    runs = home() / experiment / "runs"
    private_directory(runs)
    while True:
        now = datetime.datetime.now(datetime.UTC)
        path = runs / now.strftime("%Y%m%d-%H%M%S-%f")
        try:
            make_private(path, exist_ok=False)
            return path
        except FileExistsError:
            time.sleep(0.001)
        except OSError as error:
            raise FlorError(
                f"cannot write to {runs}: {error.strerror}; set FLOR_HOME to a folder that can be written"
            ) from None


#: Bytes of a run.json: so that its end can be noted where the disk is full by then.
_ROOM = 8192


class Session:
    """One run being captured, from its directory to its last word."""

    def __init__(
        self,
        experiment: str,
        set_: Settings,
        script: str | None,
        argv: Sequence[str],
        module: str | None = None,
        *,
        arguments: Mapping[str, str] | None = None,
        replays: bool = False,
        imports: bool = True,
        first_id: int = 1,
    ) -> None:
        """Begin to record. `script`: path of the program, None if it has no file; `argv`: what it is called with;
        `module`: its name, of a module; the others are as Process has them. Raises FlorError if FLOR_HOME cannot be
        written."""
        self.path = new_run(experiment)
        try:
            self.pid = os.getpid()
            limits = set_.limits._replace(budget=set_.limits.budget_in(str(self.path)))
            self.process = Process(
                self.path,
                time.monotonic_ns(),
                set_.chosen,
                limits,
                arguments=arguments,
                replays=replays,
                imports=imports,
                first_id=first_id,
            )
            kept_in = repository(Path(set_.chosen.roots[0]))
            self.info: dict[str, Any] = {
                "format": FORMAT,
                "run": self.path.name,
                "experiment": experiment,
                "script": script,
                "module": module,
                "argv": [*argv[:1], *secrets.without(argv[1:])],
                "cwd": os.getcwd(),
                "root": os.path.dirname(set_.chosen.roots[0]),
                "capture": set_.chosen.capture,
                "exclude": set_.chosen.exclude,
                "budget": limits.budget,
                "python": sys.version.split()[0],
                "executable": sys.executable,
                "host": os.uname().nodename,
                "pid": self.pid,
                "pid_started": process_started(self.pid),
                "start": time.time(),
                "end": None,
                "status": "running",
                "exit_code": None,
                "exception": None,
                "commit": kept_in and commit(kept_in),
                "code": None,
                "sources": [],
                "uncaptured": [],
            }
            if kept_in is not None and set_.keep_code:
                self.info["code"] = {
                    "ref": ref_name(experiment, self.path.name),
                    "repository": str(kept_in.common),
                    "worktree": str(kept_in.worktree),
                }
            try:
                write_json(self.path / "run.json", self.info, room=_ROOM)
                if self.info["code"] is not None:
                    make_private(self.path / CODE)
                    beside.keep_code(self.path)
                self.process.start()
            except OSError as error:
                raise FlorError(
                    f"cannot write to {self.path}: {error.strerror}; set FLOR_HOME to a folder that can be written"
                ) from None
        except BaseException:  # an interrupt, too
            import shutil

            shutil.rmtree(self.path, ignore_errors=True)
            raise

    def end(self, exit_code: int | None, exception: str | None) -> None:
        """Note how the program ended. The run ends in `finish`, after the program's own exit handlers."""
        self.info["exit_code"], self.info["exception"] = exit_code, exception

    def finish(self, then: Callable[[Run], None]) -> None:
        """Stop recording and say how it went. Nothing that goes wrong here reaches the program's exit."""
        try:
            if os.getpid() != self.pid:
                self.process.end()
                return
            stats = self.process.stop()
            if not self.path.is_dir():
                say(f"{self.path} was removed while the program ran: nothing is kept of this run")
                return
            code = self.info["exit_code"]
            self.info |= {
                "end": time.time(),
                "status": "finished" if code == 0 else "failed",
                "records": stats["records"],
            }
            capture = self.process.capture
            sources = captured_sources(self.path)
            uncaptured, remarks = capture.report(sources)
            self.info |= {"sources": sources, "uncaptured": uncaptured}
            if gaps := process_gaps(self.path, stats["error"]):
                self.info["gap"] = f"recording stopped early: {gaps}"
                say(f"{self.info['gap']}; {self.info['experiment']} holds what came before")
            for remark in remarks:
                say(remark)
            for name in self.process.arguments.keys() - self.process.asked:
                say(f"--arg {name}: the program did not ask for it with flor.arg({name!r}, ...)")
            try:
                then(Run(self.path, self.info))
            finally:  # then the run has ended: from now on run.json is changed by whoever packs it
                write_json_over(self.path / "run.json", self.info, room=_ROOM)
        except Exception as error:
            why = str(error) or type(error).__name__
            say(f"the run's end could not be written ({why}); what was recorded is kept in {self.path}")


def say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"flor: {text}\n".encode())
