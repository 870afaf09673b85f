"""How the code of modules gets its probes: the import hook and the cache of rewritten code. `chosen` says of which.

A captured source is stored in the run before its code runs: `sources/<sha256>.py`, `sites/<sha256>.json`, and a line
in this process's `modules.jsonl` that says which ids its sites have in the events.
"""

from __future__ import annotations

import ast
import builtins
import errno
import hashlib
import importlib.machinery
import json
import marshal
import os
import sys
import types
import warnings
import zipimport
from collections.abc import Sequence, Set
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from flor.capture import compiled, ops, positions, rewrite, secrets, sites, syntax
from flor.capture.chosen import Chosen, matches
from flor.capture.ops import MARKER
from flor.home import create_private, make_private, private_directory, read_own, write_file
from flor.trace.format import ID_MASK

# What rewritten code depends on besides the source: this Python, and the rewriter itself.
_MODULES = (compiled, ops, positions, rewrite, secrets, sites, syntax)
_REWRITER = [os.stat(path or "") for path in (__file__, *(m.__file__ for m in _MODULES))]
_VERSION = hashlib.sha256(repr([(s.st_mtime_ns, s.st_size) for s in _REWRITER]).encode()).hexdigest()
_CACHE_TAG = f"{sys.implementation.cache_tag}-{_VERSION[:32]}"
_COMPILE = SourceFileLoader.source_to_code
_EXTENSIONS = tuple(importlib.machinery.EXTENSION_SUFFIXES)
_BYTECODE = tuple(importlib.machinery.BYTECODE_SUFFIXES)


class Capture:
    """Captures sources of one run into the run's directory, through a recorder (`_probe` or `probe`)."""

    def __init__(self, run: Path, chosen: Chosen, cache: Path, recorder: Any, first_id: int = 1) -> None:
        self.run = run
        self.chosen = chosen
        self.cache = cache
        self.recorder = recorder
        self.next_id = first_id
        self.failed: dict[str, str] = {}  # path -> why it runs without being captured
        self.unfollowed: dict[str, dict[str, Any]] = {}  # path -> what it runs that is not captured
        self.main = ""  # name of a module that is to be captured, once, as `main_as`
        self.main_as = "__main__"
        self.before: frozenset[str] = frozenset()  # names of modules that were imported before capture began
        self.probes: list[tuple[dict[str, Any], list[Any]]] = []  # a source's line in modules.jsonl, its probes

    def install(self) -> None:
        """From now on chosen modules are captured as they are imported."""
        self.before = frozenset(sys.modules)
        for loader in (SourceFileLoader, zipimport.zipimporter):
            self._amend(loader)

    def _amend(self, loader: Any) -> None:
        def captured(loader: Any, fullname: str, code: types.CodeType | None) -> types.CodeType | None:
            path = ""
            try:
                path = os.fspath(loader.get_filename(fullname))
                is_main = fullname == self.main
                if is_main:
                    self.main = ""
                wanted = is_main or self.chosen.wants(fullname, path)
                if code is None or not wanted or not _compiles_as_it_stands(loader, path):
                    return code
                return self.code(path, loader.get_data(path), self.main_as if is_main else fullname)
            except Exception as error:
                if path:
                    self.skip(path, error)
                return code

        loader.get_code = self.recorder.follow(loader.get_code, captured)

    def skip(self, path: str, error: Exception) -> None:
        """Note that a source runs without being captured."""
        self.failed[os.path.abspath(path)] = f"{type(error).__name__}: {error}"

    def report(self, sources: Sequence[dict[str, str]]) -> tuple[list[dict[str, Any]], list[str]]:
        """What was not captured though it was chosen, with the reason, and what of it the user is to be told at once.
        `sources` are those that were captured, in all processes.
        """
        captured = {source["path"] for source in sources}
        installed = bool(self.before)
        left_out = _left_out(self.chosen, self.before, captured | self.failed.keys()) if installed else {}
        names = [source["module"] for source in sources] + list(sys.modules)
        unknown = [p for p in self.chosen.capture if not any(matches((p,), n) for n in names if isinstance(n, str))]
        missing = dict.fromkeys(unknown, "it was to be captured, and no module of this name was imported")
        found = [*self.failed.items(), *missing.items(), *left_out.items()]
        remarks = [f"{path} was not captured ({why})" for path, why in [*self.failed.items(), *missing.items()]]
        return [*({"path": path, "why": why} for path, why in found), *self.unfollowed.values()], remarks

    def code(self, path: str, data: bytes, module: str) -> types.CodeType:
        """The code of a source, with its probes. Raises SyntaxError, RecursionError and what writing can raise."""
        sha256 = hashlib.sha256(data).hexdigest()
        code, specs, source_map, ends, site_count, calls = self.rewritten(path, data, sha256)
        blocks = len(ends)
        process = Path(self.recorder.directory())
        if self.next_id + blocks + site_count > ID_MASK:
            raise OverflowError("too many expressions in one run")
        # Another thread may import another module meanwhile: nothing is called between these two.
        base = self.next_id
        self.next_id = base + blocks + site_count
        self.store("sources", f"{sha256}.py", data)
        self.store("sites", f"{sha256}.json", source_map)
        line = {
            "base": base,
            "sha256": sha256,
            "path": os.path.abspath(path),
            "module": module,
            "blocks": blocks,
            "sites": site_count,
        }
        _append(process / "modules.jsonl", json.dumps(line).encode() + b"\n")
        if runs := [name for name in ("exec", "eval", "run_path") if name in calls]:
            why = f"what {' and '.join(f'{name}()' for name in runs)} runs is not captured, only what comes of it"
            self.unfollowed[path] = {
                "path": os.path.abspath(path),
                "why": why,
                "lines": sorted({i for name in runs for i in calls[name]}),
            }
        if "GET" in calls and not hasattr(builtins, "GET"):
            from flor import GET

            builtins.GET = GET  # type: ignore[attr-defined]
        probes = self.recorder.probes(specs, base, ends, site_count)
        self.probes.append((line, probes))
        if "flor" in calls:
            from flor.capture import epochs

            probes = epochs.counted(path, source_map, specs, probes)
        return _with_probes(code, probes, path)

    def store(self, folder: str, name: str, data: bytes) -> None:
        path = self.run / folder / name
        if not path.exists():
            make_private(path.parent)
            write_file(path, data)

    def rewritten(
        self, path: str, data: bytes, sha256: str
    ) -> tuple[types.CodeType, list[tuple[int, ...]], bytes, tuple[int, ...], int, dict[str, list[int]]]:
        """Rewrite a source, or take what was made of it before: its code, the probes, the site table, the ends of its
        blocks, the number of its sites, and the lines in which it calls a function of `_CALLS`.
        """
        cached = self.cache / f"{sha256}-{_CACHE_TAG}"
        try:
            return marshal.loads(read_own(cached))  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError, TypeError):
            pass
        tree = ast.parse(data, path)
        calls = _calls(tree)
        new_tree, source_map, specs, places = rewrite.rewrite(tree, syntax.utf8(data))
        with warnings.catch_warnings():  # they have been given for the source itself
            warnings.simplefilter("ignore")
            code = compiled.put_right(compile(new_tree, path, "exec", dont_inherit=True), specs, places)
        text = json.dumps(source_map.to_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")
        plain = [tuple(s) for s in specs]
        ends = (0, *source_map.ends()[1:])  # the module itself is never thinned
        result = (code, plain, text, ends, len(source_map.sites), calls)
        try:
            private_directory(self.cache)
            write_file(cached, marshal.dumps(result))
        except Exception:  # a cache that cannot be written is slower, no more
            pass
        return result


def _append(path: Path, line: bytes) -> None:
    """Append a line, whole or not at all. Raises OSError."""
    file = create_private(path, os.O_WRONLY | os.O_APPEND)
    try:
        end = os.fstat(file).st_size
        if os.write(file, line) < len(line):
            os.ftruncate(file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def _compiles_as_it_stands(loader: Any, path: str) -> bool:
    """Whether what runs is what stands in the source: import hooks such as pytest's or typeguard's compile another."""
    compiles = getattr(loader, "source_to_code", None)
    return not path.endswith(_BYTECODE) and getattr(compiles, "__func__", _COMPILE) is _COMPILE


def _left_out(chosen: Chosen, before: frozenset[str], captured: Set[str]) -> dict[str, str]:
    """Why modules that are chosen and imported are not among the captured ones, by path."""
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        if type(module) is not types.ModuleType or type(name) is not str:  # the module's own code might be asked
            continue
        about = module.__dict__
        spec, path = about.get("__spec__"), about.get("__file__")
        loader = getattr(spec, "loader", None) if type(spec) is importlib.machinery.ModuleSpec else None
        if type(path) is not str:
            if not isinstance(loader, type) or not matches(chosen.capture, name):  # a namespace package has no code
                continue
            path = name
        if os.path.abspath(path) in captured or not chosen.wants(name, path):
            continue
        if path == name:
            found[path] = "it is built into Python"
        elif name in before:
            found[path] = "it was imported before capture began"
        elif path.endswith(_EXTENSIONS):
            found[path] = "it is an extension module, which has no Python source"
        elif path.endswith(_BYTECODE):
            found[path] = "it is bytecode without its source"
        elif loader is not None and (type(loader) is not SourceFileLoader or not _compiles_as_it_stands(loader, path)):
            kind = type(loader)
            found[path] = f"{kind.__module__}.{kind.__qualname__} has compiled it, and not from its source as it stands"
    return found


#: Functions whose calls are to be known: what they run is another source, or they have to be there (GET).
#: `flor` stands for a source that imports Flor and speaks of its `log`.
_CALLS = ("exec", "eval", "run_path", "GET")


def _calls(tree: ast.AST) -> dict[str, list[int]]:
    """The lines in which functions of `_CALLS` are called."""
    found: dict[str, list[int]] = {}
    imports: list[int] = []
    logs = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
            if name in _CALLS and (isinstance(node.func, ast.Name) or name == "run_path"):
                found.setdefault(name, []).append(node.lineno)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(name.partition(".")[0] == "flor" for name in modules):
                imports.append(node.lineno)
                logs = logs or (isinstance(node, ast.ImportFrom) and any(a.name == "log" for a in node.names))
        elif isinstance(node, ast.Attribute):
            logs = logs or node.attr == "log"
    if imports and logs:
        found["flor"] = imports
    return found


def _with_probes(code: types.CodeType, probes: list[Any], path: str) -> types.CodeType:
    """`code` with the probes in the place of their markers, said to be of the file `path`."""

    def constant(value: object) -> object:
        if isinstance(value, types.CodeType):
            return _with_probes(value, probes, path)
        if isinstance(value, str) and value.startswith(MARKER):
            return probes[int(value[len(MARKER) :])]
        return value

    return code.replace(co_consts=tuple(map(constant, code.co_consts)), co_filename=path)
