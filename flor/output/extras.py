"""Packages that only some outputs need."""

from __future__ import annotations

import importlib.util

from flor.errors import FlorError


def require(package: str, what: str, extra: str) -> None:
    """Raise FlorError unless `package`, which `what` needs, is there. `extra` is the option that installs it."""
    if importlib.util.find_spec(package) is None:
        raise FlorError(f"{what} needs the package {package}: pip install 'flor-lsp[{extra}]'")
