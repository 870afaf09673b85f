"""Which modules are captured, and how their code gets its probes: the import hook and the cache of rewritten code.

A captured source is stored in the run before its code runs: `sources/<sha256>.py`, `sites/<sha256>.json`, and a line
in this process's
`modules.jsonl` that says which ids its sites have in the events.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib.machinery
import json
import marshal
import os
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flor.capture import compiled, ops, rewrite, secrets, sites, syntax
from flor.capture.ops import MARKER
from flor.home import private_directory, write_file
from flor.trace.format import ID_MASK

_ROOT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")
_FLOR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))

# What rewritten code depends on besides the source: this Python, and the rewriter itself.
_REWRITER = [os.stat(m.__file__ or "") for m in (compiled, ops, rewrite, secrets, sites, syntax)]
_CACHE_TAG = f"{sys.implementation.cache_tag}-" + "-".join(f"{s.st_mtime_ns:x}.{s.st_size:x}" for s in _REWRITER)


def project_root(script: str) -> str:
    """The folder whose modules are captured along with the script: the nearest one above it that looks like a project,
    else its own.
    """
    folder = Path(script).absolute().parent
    for candidate in (folder, *folder.parents):
        if any((candidate / marker).exists() for marker in _ROOT_MARKERS):
            return str(candidate)
    return str(folder)


class Capture:
    """Captures sources of one run into the run's directory, through a recorder (`_probe` or `probe`)."""

    def __init__(self, run: Path, root: str, cache: Path, recorder: Any) -> None:
        self.run = run
        self.root = os.path.join(root, "")
        self.cache = cache
        self.recorder = recorder
        self.next_id = 1
        self.sources: list[dict[str, str]] = []
        self.uncaptured: list[dict[str, str]] = []
        prefix = os.path.join(sys.prefix, "")
        self.excluded = tuple(
            os.path.join(p, "") for p in (_FLOR, _STANDARD_LIBRARY, *([prefix] if prefix.startswith(self.root) else []))
        )

    def wants(self, path: str) -> bool:
        """True for Python files of the project."""
        return (
            path.startswith(self.root)
            and path.endswith(".py")
            and "site-packages" not in path
            and "dist-packages" not in path
            and not path.startswith(self.excluded)
        )

    def install(self) -> None:
        """From now on modules of the project are captured as they are imported."""
        loader = importlib.machinery.SourceFileLoader
        original: Callable[[Any, str], types.CodeType | None] = loader.get_code

        def get_code(self: Any, fullname: str) -> types.CodeType | None:
            return captured(self, fullname, original(self, fullname))

        def captured(loader: Any, fullname: str, code: types.CodeType | None) -> types.CodeType | None:
            path = loader.path
            if code is None or not self.wants(path):
                return code
            try:
                return self.code(path, loader.get_data(path), fullname)
            except Exception as error:
                self.skip(path, error)
                return code

        # Python takes the import system's own frames out of a traceback by this name.
        get_code.__code__ = get_code.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
        loader.get_code = get_code  # type: ignore[method-assign]

    def skip(self, path: str, error: Exception) -> None:
        """Note that a source runs without being captured."""
        self.uncaptured.append({"path": path, "why": f"{type(error).__name__}: {error}"})

    def code(self, path: str, data: bytes, module: str) -> types.CodeType:
        """The code of a source, with its probes. Raises SyntaxError, RecursionError and what writing can raise."""
        sha256 = hashlib.sha256(data).hexdigest()
        code, specs, source_map, ends, site_count, calls_get = self.rewritten(path, data, sha256)
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
        with open(os.open(process / "modules.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(json.dumps(line).encode() + b"\n")
        self.sources.append({"path": os.path.abspath(path), "sha256": sha256, "module": module})
        if calls_get and not hasattr(builtins, "GET"):
            from flor import GET

            builtins.GET = GET  # type: ignore[attr-defined]
        return _with_probes(code, self.recorder.probes(specs, base, ends, site_count), path)

    def store(self, folder: str, name: str, data: bytes) -> None:
        path = self.run / folder / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_file(path, data)

    def rewritten(
        self, path: str, data: bytes, sha256: str
    ) -> tuple[types.CodeType, list[tuple[int, ...]], bytes, tuple[int, ...], int, bool]:
        """Rewrite a source, or take what was made of it before."""
        cached = self.cache / f"{sha256}-{_CACHE_TAG}"
        try:
            return marshal.loads(cached.read_bytes())  # type: ignore[no-any-return]
        except (OSError, ValueError, EOFError, TypeError):
            pass
        tree = ast.parse(data, path)
        calls_get = any(isinstance(n, ast.Name) and n.id == "GET" for n in ast.walk(tree))
        new_tree, source_map, specs = rewrite.rewrite(tree, _utf8(data))
        with warnings.catch_warnings():  # they have been given for the source itself
            warnings.simplefilter("ignore")
            code = compiled.put_right(compile(new_tree, path, "exec", dont_inherit=True))
        text = json.dumps(source_map.to_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")
        plain = [tuple(s) for s in specs]
        ends = (0, *source_map.ends()[1:])  # the module itself is never thinned
        result = (code, plain, text, ends, len(source_map.sites), calls_get)
        try:
            private_directory(self.cache)
            write_file(cached, marshal.dumps(result))
        except Exception:  # a cache that cannot be written is slower, no more
            pass
        return result


def _utf8(data: bytes) -> bytes:
    """The source as UTF-8 without a byte order mark, which is what ast's columns count in."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    if b"coding" not in b"\n".join(data.split(b"\n", 2)[:2]):
        return data
    from importlib.util import decode_source

    return decode_source(data).encode()


def _with_probes(code: types.CodeType, probes: list[Any], path: str) -> types.CodeType:
    """`code` with the probes in the place of their markers, said to be of the file `path`."""

    def constant(value: object) -> object:
        if isinstance(value, types.CodeType):
            return _with_probes(value, probes, path)
        if isinstance(value, str) and value.startswith(MARKER):
            return probes[int(value[len(MARKER) :])]
        return value

    return code.replace(co_consts=tuple(map(constant, code.co_consts)), co_filename=path)
