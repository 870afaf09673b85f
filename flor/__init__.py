"""Flor: run your ML code once; afterwards name any expression and get its values as a table.

`GET` is what a shadow copy is annotated with. It returns its value, so that a shadow copy can be run like its source.
`table` and `runs` give an experiment's table and runs (see `flor.api`); `track`, `Context`, `log` and `arg` are for
programs that log what they do (see `flor.logging`). They are imported when they are first used.
"""

import sys

#: What plain Python had imported before the first line of a script. (A script must not get more than that from Flor.)
LOADED_BEFORE = frozenset(sys.modules)

from typing import TYPE_CHECKING, Any, TypeVar  # noqa: E402

if TYPE_CHECKING:
    from flor.api import Run as Run
    from flor.api import runs as runs
    from flor.api import table as table
    from flor.errors import FlorError as FlorError
    from flor.etl.table import Table as Table
    from flor.logging import Context as Context
    from flor.logging import arg as arg
    from flor.logging import log as log
    from flor.logging import track as track

_T = TypeVar("_T")


def GET(name: str, value: _T) -> _T:  # noqa: N802
    """Give `value` a name. Returns `value`."""
    return value


def __getattr__(name: str) -> Any:
    """What is imported when it is first used."""
    if name in ("FlorError", "Run", "runs", "table"):
        from flor import api

        return getattr(api, name)
    if name in ("Context", "arg", "log", "track"):
        from flor import logging

        return getattr(logging, name)
    if name == "Table":
        from flor.etl.table import Table

        return Table
    raise AttributeError(f"module 'flor' has no attribute {name!r}")


__all__ = ["GET", "LOADED_BEFORE"]  # without the others: `import *` would import what they need
