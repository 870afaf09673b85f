"""Which modules are captured: those of the project, and those that were asked for by name."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

from flor.errors import FlorError

_ROOT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")
_FLOR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")
_STANDARD_LIBRARY = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Chosen(NamedTuple):
    """The modules to capture. Plain data, so that it can be sent to another process."""

    roots: tuple[str, ...]  # the project's folder, as it is reached and as it really is; each ends with a separator
    capture: tuple[str, ...] = ()  # patterns of module names
    exclude: tuple[str, ...] = ()

    def wants(self, module: str, path: str) -> bool:
        """Whether to capture the module of this name, whose source or program is the file `path`."""
        path = os.path.abspath(path)
        if path.startswith(_FLOR) or matches(self.exclude, module):
            return False
        return matches(self.capture, module) or self._of_project(path)

    def _of_project(self, path: str) -> bool:
        for root in self.roots:
            if path.startswith(root):
                return not _in_library(path, root)
        if _in_library(path, ""):  # most modules: spares them the look at the disk
            return False
        real = os.path.realpath(path)
        return real != path and any(real.startswith(root) and not _in_library(real, root) for root in self.roots)


def chosen(
    script: str, depth: int, root: str | None, capture: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> Chosen:
    """The choice for `script` (see `project_root`); `root` is the project's folder if the user has said it."""
    folders = [project_root(path, depth) for path in (script, os.path.realpath(script))] if root is None else [root]
    roots = dict.fromkeys(os.path.join(r, "") for f in folders for r in (f, os.path.realpath(f)))
    return Chosen(tuple(roots), capture, exclude)


def project_root(script: str, depth: int = 0) -> str:
    """The folder whose modules are captured along with the script: the nearest one above it that looks like a project,
    else its own; for a module in `depth` packages, the folder of the outermost one. If it is installed (`-m pytest`) it
    is run for the project in the current folder.
    """
    path = os.path.abspath(script)
    nearest, folder = os.path.dirname(path), path.rsplit(os.sep, depth + 1)[0] or os.sep
    if _in_library(path, ""):
        nearest = folder = os.getcwd()
    while True:
        if any(os.path.exists(os.path.join(nearest, marker)) for marker in _ROOT_MARKERS):
            return nearest
        if nearest == os.path.dirname(nearest):
            return folder
        nearest = os.path.dirname(nearest)


def _in_library(path: str, root: str) -> bool:
    """Whether the file belongs to something that is installed, or to the standard library, inside of `root`."""
    inside = max(len(root) - 1, 0)
    if any(path.find(folder, inside) >= 0 for folder in _INSTALLED) or path.startswith((_FLOR, _STANDARD_LIBRARY)):
        return True
    prefix = os.path.join(sys.prefix, "")
    return bool(root) and prefix.startswith(root) and path.startswith(prefix)


def check_pattern(pattern: object, what: str) -> str:
    """A pattern of module names as it was given. Raises FlorError that begins with `what`."""
    if not isinstance(pattern, str) or not re.fullmatch(r"[\w.*?\[\]!-]+", pattern) or pattern.endswith(".py"):
        raise FlorError(
            f"{what}: {pattern!r} is no module's name: write it with dots, as in sklearn.svm or 'sklearn.*'"
        )
    return pattern


def matches(patterns: tuple[str, ...], module: str) -> bool:
    """Whether a module is meant by one of the patterns, or lies in a package that is. `*` stands for any text."""
    return bool(patterns) and _matcher(patterns)(module) is not None


@functools.cache
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    from fnmatch import translate

    return re.compile(
        "|".join(translate(f"{p.removesuffix('.*')}{rest}") for p in patterns for rest in ("", ".*"))
    ).match
