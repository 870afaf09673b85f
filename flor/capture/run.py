"""Run a script or module as `__main__`, as plain Python would, and capture it into a run.

What happens before the program's first line and after its last is kept small: only the standard library is imported
here.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import datetime
import importlib
import importlib.machinery
import importlib.util
import os
import platform
import signal
import sys
import time
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from flor import LOADED_BEFORE
from flor.capture import values
from flor.capture.modules import Capture, project_root
from flor.capture.secrets import is_secret
from flor.errors import FlorError
from flor.home import (
    FORMAT,
    Run,
    check_experiment_name,
    home,
    private_directory,
    process_started,
    write_json,
    write_json_over,
)


def recorder() -> Any:
    """The recorder in C, or the one in Python where it was not built (or FLOR_RECORDER=python asks for it)."""
    if os.environ.get("FLOR_RECORDER") != "python":
        try:
            return importlib.import_module("flor.capture._probe")
        except ImportError:
            pass
    from flor.capture import probe

    return probe


class _Program:
    """What is to be run: its code's file and what plain Python would set up for it."""

    def __init__(self, path: str, data: bytes, argv0: str, path0: str, spec: Any = None) -> None:
        self.path = path  # absolute
        self.data = data
        self.argv0 = argv0
        self.path0 = path0
        self.spec = spec  # with -m
        self.is_folder = False


def _script(name: str) -> _Program:
    path = os.path.join(os.getcwd(), name.removeprefix("./"))  # as Python does it: "a/../b" stays
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        folder, path = os.path.realpath(path), os.path.join(path, "__main__.py")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FlorError(f"can't open file {path!r}: {error.strerror}; give the path of a Python script") from None
    if data.startswith(b"PK\x03\x04") or b"\0" in data[:4096]:
        raise FlorError(f"{path} is no Python source; give the path of a Python script")
    program = _Program(path, data, name, folder)
    program.is_folder = os.path.isdir(name)
    return program


def _module(name: str) -> _Program:
    sys.path[:1] = [os.getcwd()]
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise FlorError(f"no module named {name!r} ({error}); it is looked for from the current folder") from None
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader) or spec.origin is None:
        raise FlorError(
            f"no module named {name!r} that could be run from its source; it is looked for from the current folder"
        )
    return _Program(spec.origin, spec.loader.get_data(spec.origin), spec.origin, os.getcwd(), spec)


def new_run(experiment: str) -> Path:
    """Make a run's directory. Its name sorts by time. Raises FlorError if FLOR_HOME cannot be written."""
    runs = home() / experiment / "runs"
    private_directory(runs)
    while True:
        now = datetime.datetime.now(datetime.UTC)
        path = runs / now.strftime("%Y%m%d-%H%M%S-%f")
        try:
            path.mkdir(mode=0o700)
            return path
        except FileExistsError:
            time.sleep(0.001)
        except OSError as error:
            raise FlorError(
                f"cannot write to {runs}: {error.strerror}; set FLOR_HOME to a folder that can be written"
            ) from None


def _open_process(run: Path, parent: str | None, stream: int, record: int) -> Path:
    """Make this process's folder of segments."""
    number = 0
    (run / "segments").mkdir(mode=0o700, exist_ok=True)
    while True:
        path = run / "segments" / (f"{os.getpid()}-{number}" if parent is not None else "0")
        try:
            path.mkdir(mode=0o700)
            break
        except FileExistsError:
            number += 1
    info: dict[str, Any] = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "started": _clock(run)}
    info |= {"parent": parent, "stream": stream if stream >= 0 else None, "record": record}
    write_json(path / "process.json", info)
    return path


_origins: dict[Path, int] = {}


def _clock(run: Path) -> int:
    return time.monotonic_ns() - _origins[run]


class _Session:
    """One run being captured, from its directory to its last word."""

    def __init__(self, program: _Program, experiment: str, arguments: list[str], module: str | None) -> None:
        self.path = new_run(experiment)
        _origins[self.path] = time.monotonic_ns()
        self.pid = os.getpid()
        self.info: dict[str, Any] = {
            "format": FORMAT,
            "run": self.path.name,
            "experiment": experiment,
            "script": os.path.abspath(program.path),
            "module": module,
            "argv": [program.argv0, *_without_secrets(arguments)],
            "cwd": os.getcwd(),
            "root": project_root(program.path),
            "python": platform.python_version(),
            "executable": sys.executable,
            "host": platform.node(),
            "pid": self.pid,
            "pid_started": process_started(self.pid),
            "start": time.time(),
            "end": None,
            "status": "running",
            "exit_code": None,
            "exception": None,
            "commit": _commit(program.path),
            "sources": [],
            "uncaptured": [],
        }
        try:
            process = _open_process(self.path, None, -1, 0)
            write_json(self.path / "run.json", self.info)
        except OSError as error:
            import shutil

            shutil.rmtree(self.path, ignore_errors=True)
            raise FlorError(
                f"cannot write to {self.path}: {error.strerror}; set FLOR_HOME to a folder that can be written"
            ) from None
        self.recorder = recorder()
        self.process = process.name
        self.capture = Capture(self.path, self.info["root"], home() / ".cache", self.recorder)
        self.recorder.start(
            str(process), _origins[self.path], values.keep, values.secrets, self.fork_process, 4 << 30, 1 << 30, 0.05
        )
        os.register_at_fork(after_in_child=self.recorder.forked)

    def fork_process(self, stream: int, record: int) -> str:
        """A forked child's folder, made when it first records something or captures a module."""
        process = _open_process(self.path, self.process, stream, record)
        self.process = process.name
        return str(process)

    def end(self, exit_code: int | None, exception: str | None) -> None:
        """Note how the program ended. The run ends in `finish`, after the program's own exit handlers."""
        self.info["exit_code"], self.info["exception"] = exit_code, exception

    def finish(self, then: Callable[[Run], None]) -> None:
        """Stop recording and say how it went. Nothing that goes wrong here reaches the program's exit."""
        try:
            stats = self.recorder.stop()
            if os.getpid() != self.pid:
                return
            code = self.info["exit_code"]
            self.info |= {
                "end": time.time(),
                "status": "finished" if code == 0 else "failed",
                "records": stats["records"],
            }
            self.info |= {"sources": self.capture.sources, "uncaptured": self.capture.uncaptured}
            if stats["error"]:
                self.info["gap"] = f"recording stopped early: {os.strerror(stats['error'])}"
                _say(f"{self.info['gap']}; {self.info['experiment']} holds what came before")
            for skipped in self.capture.uncaptured:
                _say(f"{skipped['path']} was not captured ({skipped['why']})")
            write_json_over(self.path / "run.json", self.info)
            then(Run(self.path, self.info))
        except Exception as error:
            _say(f"the run's end could not be written ({error}); what was recorded is kept in {self.path}")


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"flor: {text}\n".encode())


def _without_secrets(arguments: list[str]) -> list[str]:
    """Script arguments as run.json keeps them: `--api-key VALUE` and `--api-key=VALUE` without the value, which is
    then not recorded anywhere else either."""
    shown: list[str] = []
    hide = False
    for argument in arguments:
        option, equals, given = argument.partition("=")
        secret = argument.startswith("-") and is_secret(option.lstrip("-"))
        if hide or (secret and equals):
            text = argument if hide else given
            if len(text) >= 4:
                values.secrets.append(text)
            shown.append("<redacted>" if hide else f"{option}=<redacted>")
            hide = False
        else:
            shown.append(argument)
            hide = secret
    return shown


def _forget_shadowed(folder: str) -> None:
    """A module beside the script may be named as one of the standard library's that Flor has imported, and the script
    has not: plain Python would give it its own."""
    for name in [n for n in sys.modules if "." not in n and n not in LOADED_BEFORE and n != "flor"]:
        beside = os.path.join(folder, name)
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(os.path.join(folder, "")):
            continue  # the script's own already: a package that `-m` had to import
        if os.path.isfile(f"{beside}.py") or os.path.isfile(os.path.join(beside, "__init__.py")):
            for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
                del sys.modules[module]


def _commit(path: str) -> str | None:
    """The commit that is checked out where the script lies, read from .git itself; None outside a repository."""
    for folder in Path(path).parents:
        git = folder / ".git"
        try:
            if git.is_file():
                git = folder / git.read_text().partition("gitdir:")[2].strip()
            elif not git.is_dir():
                continue
            head = (git / "HEAD").read_text().strip()
            if not head.startswith("ref: "):
                return head
            common = git / "commondir"
            shared = git / common.read_text().strip() if common.is_file() else git
            ref = shared / head[5:]
            if ref.is_file():
                return ref.read_text().strip()
            for line in (shared / "packed-refs").read_text().splitlines():
                if line.endswith(" " + head[5:]):
                    return line.split()[0]
        except (OSError, UnicodeDecodeError):
            pass
        return None
    return None


def run(target: str, experiment: str, arguments: list[str], as_module: bool, then: Callable[[Run], None]) -> NoReturn:
    """Run a script (or, with `as_module`, a module) under capture, then exit as it would have.

    `then` is called with the run after the program's own exit handlers. Raises FlorError if there is nothing to run or
    nowhere to write.
    """
    check_experiment_name(experiment)
    try:
        os.getcwd()
    except OSError:
        raise FlorError("the current folder is gone: change to one that is there") from None
    program = _module(target) if as_module else _script(target)
    try:
        compile(program.data, program.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        _report(error.with_traceback(None))
        sys.exit(1)
    session = _Session(program, experiment, arguments, target if as_module else None)
    atexit.register(session.finish, then)
    session.capture.install()
    try:
        code = session.capture.code(program.path, program.data, "__main__")
    except Exception as error:
        session.capture.skip(program.path, error)
        code = compile(program.data, program.path, "exec", dont_inherit=True)
    _execute(code, _main_module(program, arguments), session)


def _main_module(program: _Program, arguments: list[str]) -> types.ModuleType:
    """A fresh `__main__`, with argv and path as plain Python sets them."""
    main = types.ModuleType("__main__")
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__.update(
        __file__=program.path,
        __builtins__=builtins,
        __spec__=program.spec,
        __loader__=importlib.machinery.SourceFileLoader("__main__", program.path),
        __cached__=None,
    )
    if program.spec is not None:
        main.__dict__.update(
            __package__=program.spec.parent, __loader__=program.spec.loader, __cached__=program.spec.cached
        )
    else:
        main.__package__ = "" if program.is_folder else None
    sys.modules["__main__"] = main
    sys.argv[:] = [program.argv0, *arguments]
    if not sys.flags.safe_path:
        sys.path[:1] = [program.path0]
        _forget_shadowed(program.path0)
    return main


def _execute(code: types.CodeType, main: types.ModuleType, session: _Session) -> NoReturn:
    try:
        exec(code, main.__dict__)
    except SystemExit as exit_:
        status = exit_.code
        session.end(status & 0xFF if isinstance(status, int) else int(status is not None), None)
        raise
    except BaseException as error:
        shown = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        session.end(1, "".join(traceback.format_exception_only(shown)).strip()[:2000])
        _report(shown)
        if isinstance(error, KeyboardInterrupt):
            session.end(128 + signal.SIGINT, "KeyboardInterrupt")
            _die_by_interrupt()
        sys.exit(1)
    session.end(0, None)
    sys.exit(0)


def _report(error: BaseException) -> None:
    """What plain Python does with an exception that nobody caught."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as in_hook:
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exception(in_hook.with_traceback(in_hook.__traceback__ and in_hook.__traceback__.tb_next))
        print("\nOriginal exception was:", file=sys.stderr)
        traceback.print_exception(error)


def _die_by_interrupt() -> NoReturn:
    """End as an interrupted Python does: exit handlers, then death by SIGINT. It has been reported already."""
    sys.excepthook = lambda *_: None
    raise KeyboardInterrupt
