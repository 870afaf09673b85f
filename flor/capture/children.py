"""Processes that the program starts afresh (`spawn`, `forkserver`, loky) become part of its run, or of the Context that
is open.

multiprocessing sends each such child what it has to prepare before its work comes. A ticket goes along: unpickling it
lets the child join the run. It names built-in functions only, so a child without Flor unpickles it too, and runs
without being captured, as it does when anything goes wrong here. Forked children need no ticket: they are part of the
run already.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import importlib.machinery
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flor.capture import values
from flor.capture.chosen import Chosen
from flor.capture.limits import Limits
from flor.capture.process import Process, forget_shadowed

_SPAWN = "get_preparation_data"
#: Functions that are amended when their module is imported.
_AMENDED = {
    "multiprocessing.spawn": _SPAWN,
    "multiprocess.spawn": _SPAWN,
    "loky.backend.spawn": _SPAWN,
    "joblib.externals.loky.backend.spawn": _SPAWN,
    "multiprocessing.forkserver": "ForkServer.ensure_running",
    "multiprocess.forkserver": "ForkServer.ensure_running",
}
_HOOK = "\0flor.children"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: What a ticket does in the child. The current folder, which may hold another `flor`, is not searched.
_JOIN = """
import sys
path = sys.path
sys.path = [p for p in path if p] + [{package!r}]
try:
    from flor.capture.children import join
except Exception:
    pass
else:
    join(**{about!r})
sys.path = path
"""


class _Parts:
    """The program's part of the run, for what is called from its code."""

    process: Process | None = None
    path0 = ""  # the script's folder
    module = ""  # its name, if it is run as one
    script = ""
    get_code: Any = None  # of SourceFileLoader, as it was,
    amended: Any = None  # and as it is now


_here = _Parts()


def install(process: Process, script: str, path0: str, main: str = "") -> None:
    """From now on children of this process, which runs `script`, join its run. `main`: its name, if it is run as a
    module."""
    _here.process, _here.script, _here.path0, _here.module = process, script, path0, main
    for name, function in _AMENDED.items():
        if module := sys.modules.get(name):
            _amend_loaded(module, function)
    loader = importlib.machinery.SourceFileLoader

    def amended(self: Any, fullname: str, code: types.CodeType | None) -> types.CodeType | None:
        return _amended(code, self, fullname) if fullname in _AMENDED else code

    _here.get_code = loader.get_code
    loader.get_code = _here.amended = process.follow(loader.get_code, amended)  # type: ignore[method-assign]


def uninstall() -> None:
    """From now on children are on their own: what stays amended does nothing."""
    loader = importlib.machinery.SourceFileLoader
    if loader.get_code is _here.amended:
        loader.get_code = _here.get_code  # type: ignore[method-assign]
    _here.process = None


# ---- the ticket


class _Ticket:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str, dict[str, object]]]:
        process = _here.process  # it may have become None since: a thread starts a child while a Context is left
        return exec, ("" if process is None else _invitation(process, values.secrets), {})


def _invitation(process: Process, secrets: list[str]) -> str:
    """The code by which a child joins."""
    about = {
        "run": str(process.run),
        "origin": process.origin,
        "chosen": tuple(process.capture.chosen),
        "limits": tuple(process.limits),
        "starter": _folder(process) or process.starter,
        "script": _here.script,
        "path0": _here.path0,
        "module": _here.module,
        "secrets": secrets,
        "arguments": process.arguments,
        "imports": process.imports,
        "context": process.context,
    }
    return _JOIN.format(package=_PACKAGE, about=about)


def _folder(process: Process) -> str | None:
    """The name of this process's folder. A forked child that has recorded nothing yet has none, only its parent's."""
    if os.getpid() != process.pid:
        with contextlib.suppress(OSError):
            process.directory()
    return process.folder


def _accompany(sent: Any) -> Any:
    """`sent` with a ticket: preparation data, or the command line of a fork server."""
    process = _here.process
    if process is not None:
        if isinstance(sent, dict):
            sent["flor"] = _Ticket()
        elif isinstance(sent, list) and sent[-2:-1] == ["-c"] and process.imports:  # else it may outlive the run
            sent[-1] = f"exec({_invitation(process, secrets=[])!r}, {{}}); {sent[-1]}"
    return sent


# ---- getting in


class _Accompany(ast.NodeTransformer):
    """Puts the hook around what a function returns, or what it passes to spawnv_passfds as arguments."""

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            node.value = self._hooked(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "spawnv_passfds":
            node.args[1] = self._hooked(node.args[1])
        return node

    def _hooked(self, value: ast.expr) -> ast.expr:
        return ast.copy_location(ast.Call(ast.copy_location(ast.Constant(_HOOK), value), [value], []), value)


def _amended(code: types.CodeType | None, loader: Any, fullname: str) -> types.CodeType | None:
    """A module's code with its function amended; as it is if that is not possible."""
    try:
        data = loader.get_data(loader.path)
        tree = ast.parse(data)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == _AMENDED[fullname].rpartition(".")[2]:
                _Accompany().generic_visit(node)
        with warnings.catch_warnings():  # that a constant is called
            warnings.simplefilter("ignore")
            return _with_hook(compile(ast.fix_missing_locations(tree), loader.path, "exec", dont_inherit=True))
    except Exception:
        return code


def _with_hook(code: types.CodeType) -> types.CodeType:
    def constant(value: object) -> object:
        if isinstance(value, types.CodeType):
            return _with_hook(value)
        return _accompany if isinstance(value, str) and value == _HOOK else value

    return code.replace(co_consts=tuple(map(constant, code.co_consts)))


def _amend_loaded(module: types.ModuleType, qualified: str) -> None:
    """Amend the function of a module that has been imported before."""
    name, loader = module.__name__, getattr(module, "__loader__", None)
    function: Any = module
    for part in qualified.split("."):
        function = getattr(function, part, None)
    code = _amended(None, loader, name)
    for inner in _codes(code) if code and isinstance(function, types.FunctionType) else ():
        if inner.co_qualname == qualified:
            function.__code__ = inner


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


# ---- in the child


def join(
    run: str,
    origin: int,
    chosen: tuple[tuple[str, ...], ...],
    limits: tuple[int, int, float],
    starter: str | None,
    script: str,
    path0: str,
    module: str,
    secrets: list[str],
    arguments: dict[str, str],
    imports: bool,
    context: int | None,
) -> None:
    """Make this process part of a run, if it is not yet. Where that fails it runs uncaptured."""
    values.secrets.extend(s for s in secrets if s not in values.secrets)
    if _here.process is not None and _here.process.run == Path(run):  # a fork server's child
        _here.process.context = context
    if _here.process is not None or not os.path.exists(os.path.join(run, "run.json")):
        return
    try:
        process = Process(
            Path(run), origin, Chosen(*chosen), Limits(*limits), starter or "", arguments=arguments, imports=imports
        )
        process.context = context
        process.start()
        atexit.register(process.end)
        install(process, script, path0, module)
        if imports:
            _capture_main(process, script, module)
    except Exception:
        pass
    finally:
        if path0:
            forget_shadowed(path0)


def _capture_main(process: Process, script: str, module: str) -> None:
    """multiprocessing runs the main module again in the child as `__mp_main__`: a script by `runpy.run_path`, a module
    by its loader, but for a package's `__main__`."""
    if module and not module.endswith("__main__"):
        process.capture.main, process.capture.main_as = module, "__mp_main__"
    import runpy

    original: Any = runpy._get_code_from_file  # type: ignore[attr-defined]

    def _get_code_from_file(*arguments: str) -> Any:
        code = original(*arguments)  # from 3.12 on; before, a pair of it and the path
        path = arguments[-1]
        if path != os.path.normpath(script):
            return code
        try:
            captured = process.capture.code(path, Path(path).read_bytes(), "__mp_main__")
        except Exception as error:
            process.capture.skip(path, error)
            return code
        return (captured, path) if isinstance(code, tuple) else captured

    runpy._get_code_from_file = _get_code_from_file  # type: ignore[attr-defined]
