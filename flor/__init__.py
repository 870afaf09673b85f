"""Flor: run your ML code once; afterwards name any expression and get its values as a table.

`GET` is what a shadow copy is annotated with. It returns its value, so that a shadow copy can be run like its source.
`table` and `runs` give an experiment's table and runs. What they need is imported when they are called.
"""

import sys

#: What plain Python had imported before the first line of a script. (A script must not get more than that from Flor.)
LOADED_BEFORE = frozenset(sys.modules)

from typing import TYPE_CHECKING, TypeVar  # noqa: E402

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from flor.api import Run as Run
    from flor.errors import FlorError as FlorError
    from flor.etl.table import Table as Table

_T = TypeVar("_T")


def GET(name: str, value: _T) -> _T:  # noqa: N802
    """Give `value` a name. Returns `value`."""
    return value


def table(experiment: str, *shadows: "str | os.PathLike[str]", runs: "Sequence[str | Run] | None" = None) -> "Table":
    """The table of the names in shadow copies (by default those of the last `flor etl`), over all runs of an experiment
    or those in `runs`, or with these ids. Raises FlorError."""
    from flor import api

    return api.table(experiment, *shadows, runs=runs)


def runs(experiment: str) -> "list[Run]":
    """The runs of an experiment, oldest first. Raises FlorError."""
    from flor import api

    return api.runs(experiment)


def __getattr__(name: str) -> type:
    """The classes, for whoever names them."""
    if name == "FlorError":
        from flor.errors import FlorError

        return FlorError
    if name == "Run":
        from flor.api import Run

        return Run
    if name == "Table":
        from flor.etl.table import Table

        return Table
    raise AttributeError(f"module 'flor' has no attribute {name!r}")


__all__ = ["GET", "LOADED_BEFORE", "runs", "table"]  # without the classes: `import *` would import what they need
