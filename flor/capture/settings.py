"""What the user has set: the options of `flor python`, the environment, and `[tool.flor]` in the project's
pyproject.toml. Of these the first that says something counts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from flor.capture.chosen import Chosen, check_pattern, chosen, project_root
from flor.capture.limits import Limits, share, size
from flor.errors import FlorError

_KEYS = ("root", "capture", "exclude", "budget", "backlog", "time_share", "keep_code")


class Settings(NamedTuple):
    """What holds for one run."""

    chosen: Chosen
    limits: Limits
    keep_code: bool = True


def settings(script: str, depth: int, capture: Sequence[str] = (), budget: int | None = None) -> Settings:
    """The settings for `script`, a module in `depth` packages, given the options. Raises FlorError, one line, if what
    is set means nothing.
    """
    folder = project_root(script, depth)
    path = os.path.join(folder, "pyproject.toml")
    table = _table(path)
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise FlorError(f"{path}: [tool.flor] has no setting {unknown[0]!r}; it has {', '.join(_KEYS)}")
    root = table.get("root")
    if root is not None and not (isinstance(root, str) and os.path.isdir(os.path.join(folder, root))):
        raise FlorError(f"{path}: [tool.flor] root: {root!r} is no folder beside it")
    keep_code = table.get("keep_code", True)
    if not isinstance(keep_code, bool):
        raise FlorError(f"{path}: [tool.flor] keep_code: {keep_code!r} is neither true nor false")
    return Settings(
        chosen(
            script,
            depth,
            root and os.path.abspath(os.path.join(folder, root)),
            (*capture, *_patterns(table, "capture", path)),
            _patterns(table, "exclude", path),
        ),
        _limits(table, budget, path),
        keep_code,
    )


def _table(path: str) -> dict[str, Any]:
    """`[tool.flor]` of a pyproject.toml; empty if there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    if b"flor" not in data:  # whatever else is in it is not read: it would cost every start
        return {}
    import tomllib

    try:
        table = tomllib.loads(data.decode()).get("tool", {}).get("flor", {})
    except (ValueError, AttributeError) as error:
        raise FlorError(f"{path} cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise FlorError(f"{path}: tool.flor is {table!r}: write a table [tool.flor]")
    return table


def _patterns(table: dict[str, Any], key: str, path: str) -> tuple[str, ...]:
    what = f"{path}: [tool.flor] {key}"
    given = table.get(key, [])
    if not isinstance(given, list):
        raise FlorError(f"{what}: {given!r} is no list: write {key} = [{given!r}]")
    return tuple(check_pattern(pattern, what) for pattern in given)


def _limits(table: dict[str, Any], budget: int | None, path: str) -> Limits:
    set_: dict[str, Any] = {} if budget is None else {"budget": budget}
    for field, key, variable in (
        ("budget", "budget", "FLOR_BUDGET"),
        ("backlog", "backlog", "FLOR_BACKLOG"),
        ("share", "time_share", "FLOR_TIME_SHARE"),
    ):
        value = os.environ.get(variable) or table.get(key)
        if field in set_ or value is None:
            continue
        what = variable if os.environ.get(variable) else f"{path}: [tool.flor] {key}"
        set_[field] = share(value, what) if field == "share" else size(str(value), what)
    return Limits(**set_)
