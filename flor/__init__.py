"""Flor: run your ML code once; afterwards name any expression and get its values as a table.

`GET` is what a shadow copy is annotated with. It returns its value, so that a shadow copy can be run like its source.
"""

import sys

#: What plain Python had imported before the first line of a script. (A script must not get more than that from Flor.)
LOADED_BEFORE = frozenset(sys.modules)

from typing import TypeVar  # noqa: E402

_T = TypeVar("_T")


def GET(name: str, value: _T) -> _T:  # noqa: N802
    """Give `value` a name. Returns `value`."""
    return value


__all__ = ["GET", "LOADED_BEFORE"]
