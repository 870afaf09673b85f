"""`flor.Context`: a run of the experiment that it names, or, in a program that is captured, a part of its run."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path

from flor.capture import children, epochs
from flor.capture.session import Session, say
from flor.capture.settings import settings
from flor.errors import FlorError
from flor.home import Run, check_experiment_name, home, open_run, private_directory
from flor.logging import log_file, recording, replay, tracked
from flor.logging.recording import Recording


class Context:
    """Tracked functions and log statements inside `with flor.Context(NAME):` are recorded, and NAME_log.json is written
    into the current folder when it is left. What stands against that is said in one line, and the program goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._run: _OwnRun | _PartOfRun | None = None
        self._entered_again = 0

    def __enter__(self) -> Context:
        global _open
        try:
            check_name(self.name)
            with _lock:
                told = recording.current()
                _forget_ended()
                if _open is not None:
                    self._entered_again += _open is self
                    raise FlorError(
                        f"Context {self.name!r} is inside Context {_open.name!r}: what it records belongs to that one"
                    )
                self._run = _OwnRun(self.name) if told is None else _PartOfRun(self.name, told)
                _open = self
            if self.name in _names:
                say(f"Context {self.name!r} was there before: {self.name}_log.json will be that of the last one")
            _names.add(self.name)
        except FlorError as error:
            say(str(error))
        except Exception as error:
            say(f"Context {self.name!r} is not recorded ({getattr(error, 'strerror', None) or error})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: types.TracebackType | None
    ) -> None:
        global _open
        if self._entered_again:
            self._entered_again -= 1
            return
        with _lock:  # who opens one meanwhile waits: until then they would be part of this one
            run, self._run = self._run, None
            if run is None:
                return
            try:
                run.end(error)
            except Exception as failed:  # the run's folder was removed, say
                say(f"Context {self.name!r} could not be ended ({getattr(failed, 'strerror', None) or failed})")
            finally:
                if _open is self:
                    _open = None


_open: Context | None = None
_names: set[str] = set()
_lock = threading.RLock()


def _forked() -> None:
    """The thread that held it is not in the child."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_forked)


def _forget_ended() -> None:
    """A worker outlives the Context in which it was started: what it has of its run is not in a later one's way."""
    global _open
    while recording.ended:
        _OwnRun.next_id = max(_OwnRun.next_id, recording.ended.pop().next_id)
        children.uninstall()
        tracked.restore()
        _open = None


def check_name(name: object) -> None:
    """Raise FlorError unless a Context can have this name."""
    if not isinstance(name, str):
        raise FlorError(f"a Context's name is a text, not {name!r}: nothing is recorded")
    try:
        check_experiment_name(name)
    except FlorError as error:
        raise FlorError(f"{error}: this Context is not recorded") from None


class _OwnRun:
    """A Context under plain Python: it begins a run of its experiment, and ends it."""

    #: Ids of blocks and sites from here on are no run's of this process.
    next_id = 1

    def __init__(self, name: str) -> None:
        """Raises FlorError or OSError."""
        self.name, self.log = name, Path.cwd() / f"{name}_log.json"
        script = getattr(sys.modules.get("__main__"), "__file__", None)
        script = os.path.abspath(script) if isinstance(script, str) else None
        set_ = settings(script or os.path.join(os.getcwd(), "-"), 0)
        argv = [*map(str, sys.argv)] or [""]
        self.session = Session(name, set_, script, argv, imports=False, first_id=_OwnRun.next_id)
        told = recording.current()
        try:
            if told is None:
                raise FlorError(f"Context {name!r} is not recorded")
            told.context = told.line("context", str(self.log), {"name": name, "run": True})
            self.told = told
            told.begin(name)
            tracked.instrument(told)
            beside = os.path.dirname(script) if script is not None and not sys.flags.safe_path else ""
            children.install(self.session.process, script or "", beside)
        except BaseException:
            self.finish(1, None, lambda _: None)
            raise

    def finish(self, code: int, exception: str | None, then: Callable[[Run], None]) -> None:
        """End the run."""
        _OwnRun.next_id = self.session.process.capture.next_id
        self.session.end(code, exception)
        self.session.finish(then)

    def end(self, error: BaseException | None) -> None:
        number = self.told.context

        def then(run: Run) -> None:
            from flor.trace.ended import ended

            _write(run, number, self.log)
            ended(run)

        try:
            children.uninstall()
            tracked.restore()
            replay.save()
            self.told.context = None
            self.told.end()
            epochs.forget()
        finally:
            self.finish(*outcome(error), then)


class _PartOfRun:
    """A Context in a program that is captured: its run is that of the program, under both names."""

    def __init__(self, name: str, told: Recording) -> None:
        """Raises FlorError or OSError."""
        self.told, self.log = told, Path.cwd() / f"{name}_log.json"
        self.run = told.process.run
        if name != self.run.parents[1].name:
            runs = home() / name / "runs"
            private_directory(runs)
            link = runs / self.run.name
            if not link.is_symlink():
                link.symlink_to(Path("..", "..", self.run.parents[1].name, "runs", self.run.name))
        about = {"name": name, "run": False, "number": [os.getpid(), time.monotonic_ns()]}  # no other has these
        told.look()
        self.around = told.context, told.opener  # that of the program which started this process
        told.context = told.line("context", str(self.log), about)
        told.call(told.context, "")  # from here
        tracked.instrument(told)

    def end(self, error: BaseException | None) -> None:
        number = self.told.context
        self.told.call(number, "")  # to here
        try:
            self.told.leave_context(self.around)
        finally:
            if self.around[0] is None:
                tracked.restore()
            replay.save()
            _write(open_run(self.run), number, self.log)


def _write(run: Run, context: int | None, target: Path) -> None:
    """Write the log of a Context, or say why not."""
    try:
        log_file.write(run, context, target)
    except Exception as error:
        say(f"{target} is not written ({getattr(error, 'strerror', None) or error}): flor log --context has it")


def outcome(error: BaseException | None) -> tuple[int, str | None]:
    """The exit code and the text that a run has whose program was left by this exception."""
    from flor.capture import secrets

    if error is None:
        return 0, None
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT, "KeyboardInterrupt"
    if isinstance(error, SystemExit):
        return (error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)), None
    import traceback

    text = "".join(traceback.format_exception_only(error)).strip()
    return 1, f"{type(error).__name__}: <redacted>" if secrets.in_text(text) else text[:2000]
