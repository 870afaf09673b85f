"""Run a script or module as `__main__`, as plain Python would, and capture it into a run.

What happens before the program's first line and after its last is kept small: only the standard library is imported
here.
"""

from __future__ import annotations

import atexit
import builtins
import importlib
import importlib.machinery
import importlib.util
import os
import signal
import sys
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from flor.capture import children, secrets
from flor.capture.process import forget_shadowed
from flor.capture.session import Session
from flor.capture.settings import settings
from flor.errors import FlorError
from flor.home import Run, check_experiment_name

try:
    outermost: Callable[..., Any] = importlib.import_module("flor.capture._outermost").call
except ImportError:  # it was not built: the program's first frame has callers

    def outermost(function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function as if nothing had called."""
        return function(*arguments)


class _Program:
    """What is to be run: its code's file and what plain Python would set up for it."""

    def __init__(self, path: str, data: bytes, argv0: str, path0: str, spec: Any = None) -> None:
        self.path = path  # absolute
        self.data = data
        self.argv0 = argv0
        self.path0 = path0
        self.spec = spec  # of a module (-m) or a folder


def _script(name: str) -> _Program:
    path = os.path.join(os.getcwd(), name)  # as Python does it: "./a" and "a/../b" stay
    folder, spec = os.path.dirname(os.path.realpath(path)), None
    if os.path.isdir(path):
        folder = os.path.join(os.getcwd(), name)
        spec = importlib.machinery.PathFinder.find_spec("__main__", [folder])
        path = os.path.join(path, "__main__.py") if spec is None or spec.origin is None else spec.origin
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FlorError(f"can't open file {path!r}: {error.strerror}; give the path of a Python script") from None
    if data.startswith(b"PK\x03\x04") or b"\0" in data[:4096]:
        raise FlorError(f"{path} is no Python source; give the path of a Python script")
    return _Program(path, data, name, folder, spec)


def _module(name: str) -> _Program:
    sys.path[:1] = [os.getcwd()]
    try:
        spec = _find_spec(name) or importlib.util.find_spec(name)  # what a package does to be found needs its import
        if spec is not None and spec.submodule_search_locations is not None:
            inside = _found_by(f"{name}.__main__", spec.submodule_search_locations)
            spec = inside or importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise FlorError(f"no module named {name!r} ({error}); it is looked for from the current folder") from None
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader) or spec.origin is None:
        raise FlorError(
            f"no module named {name!r} that could be run from its source; it is looked for from the current folder"
        )
    return _Program(spec.origin, spec.loader.get_data(spec.origin), spec.origin, os.getcwd(), spec)


def _find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module is, found without importing the packages around it: they are the program's, to be captured."""
    spec, path = None, None
    for end in [i for i, c in enumerate(name) if c == "."] + [len(name)]:
        spec = _found_by(name[:end], path)
        path = spec.submodule_search_locations if spec is not None else None
        if path is None and end < len(name):
            return None
    return spec


def _found_by(name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    try:
        return next(filter(None, (finder.find_spec(name, path) for finder in sys.meta_path)), None)
    except Exception:  # of a namespace package in one, or of a finder that wants its package imported
        return None


def run(
    target: str,
    experiment: str,
    arguments: list[str],
    as_module: bool,
    then: Callable[[Run], None],
    capture: Sequence[str] = (),
    budget: int | None = None,
    given: Mapping[str, str] | None = None,
    replays: bool = False,
) -> NoReturn:
    """Run a script (or, with `as_module`, a module) under capture, then exit as it would have.

    `then` is called with the run after the program's own exit handlers; it may add to what the run says of itself,
    which is written after that. `capture`: patterns of the names of modules that are captured besides the project's;
    `budget`: bytes that the trace may take; `given`: what `flor.arg` gives to the program, by name; `replays`: as
    Process has it. Raises FlorError if there is nothing to run, nowhere to write, or if the project's settings mean
    nothing.
    """
    check_experiment_name(experiment)
    try:
        os.getcwd()
    except OSError:
        raise FlorError("the current folder is gone: change to one that is there") from None
    program = _module(target) if as_module else _script(target)
    depth = program.spec.name.count(".") if as_module else 0
    set_ = settings(program.path, depth, capture, budget)
    try:
        compile(program.data, program.path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        _report(error.with_traceback(None))
        sys.exit(1)
    argv = [program.argv0, *arguments]
    script = os.path.abspath(program.path)
    name = target if as_module else None
    session = Session(experiment, set_, script, argv, name, arguments=given, replays=replays)
    atexit.register(session.finish, then)
    capturing = session.process.capture
    if as_module:
        capturing.main = program.spec.name
        code = None
    else:
        try:
            code = capturing.code(program.path, program.data, "__main__")
        except Exception as error:
            capturing.skip(program.path, error)
            code = compile(program.data, program.path, "exec", dont_inherit=True)
    main = _main_module(program, arguments)
    path0 = "" if sys.flags.safe_path else program.path0
    children.install(session.process, program.path, path0, program.spec.name if as_module else "")
    _execute(_entry(target, code, main, program), session)


def _main_module(program: _Program, arguments: list[str]) -> types.ModuleType:
    """A fresh `__main__`, with argv and path as plain Python sets them."""
    main = types.ModuleType("__main__")
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    main.__dict__.update(__builtins__=builtins, __loader__=importlib.machinery.BuiltinImporter)
    if program.spec is None:
        loader = importlib.machinery.SourceFileLoader("__main__", program.path)
        main.__dict__.update(__file__=program.path, __cached__=None, __loader__=loader)
    sys.modules["__main__"] = main
    is_module = program.spec is not None and program.spec.name != "__main__"
    sys.argv[:] = ["-m" if is_module else program.argv0, *arguments]
    if not sys.flags.safe_path:
        sys.path[:1] = [program.path0]
        forget_shadowed(program.path0)
    return main


def _execute(entry: tuple[Callable[..., Any], *tuple[Any, ...]], session: Session) -> NoReturn:
    error = _outcome(entry, session)
    if error is not None:  # reported here, where no exception is being handled any more
        _report(error)
        if isinstance(error, KeyboardInterrupt):
            session.end(128 + signal.SIGINT, "KeyboardInterrupt")
            _die_by_interrupt()
        sys.exit(1)
    tracer = sys.gettrace()
    sys.settrace(None)  # a debugger that steps out of the program does not step into this
    session.end(0, None)
    sys.settrace(tracer)
    sys.exit(0)


def _outcome(entry: tuple[Callable[..., Any], *tuple[Any, ...]], session: Session) -> BaseException | None:
    """Run the program. Returns what it did not catch; raises SystemExit if it exits."""
    try:
        outermost(*entry)
    except SystemExit as exit_:
        status, tracer = exit_.code, sys.gettrace()
        sys.settrace(None)
        session.end(status & 0xFF if isinstance(status, int) else int(status is not None), None)
        sys.settrace(tracer)
        raise
    except BaseException as error:
        shown = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        text = "".join(traceback.format_exception_only(shown)).strip()
        session.end(1, f"{type(shown).__name__}: <redacted>" if secrets.in_text(text) else text[:2000])
        return shown
    return None


def _entry(
    target: str, code: types.CodeType | None, main: types.ModuleType, program: _Program
) -> tuple[Callable[..., Any], *tuple[Any, ...]]:
    """What is to be called, and with what, so that the program runs: for a module (`-m`) or a folder it is the function
    of runpy that runs it under plain Python. Without `code` it is loaded, and captured, by it."""
    if program.spec is None:
        return exec, code, main.__dict__
    import runpy

    run_as_main: Callable[..., Any] = runpy._run_module_as_main  # type: ignore[attr-defined]
    if code is None:
        return run_as_main, target, True
    original = runpy._get_main_module_details  # type: ignore[attr-defined]

    def found(*_: object) -> tuple[str, Any, types.CodeType | None]:
        runpy._get_main_module_details = original  # type: ignore[attr-defined]
        return program.spec.name, program.spec, code

    runpy._get_main_module_details = found  # type: ignore[attr-defined]
    return run_as_main, program.spec.name, False


def _report(error: BaseException) -> None:
    """What plain Python does with an exception that nobody caught."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        outermost(sys.excepthook, type(error), error, error.__traceback__)
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
