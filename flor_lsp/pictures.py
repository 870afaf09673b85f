"""In a worker: arrays of numbers as small pictures, which the side panel draws. Of a large array a picture is a part,
and says which; of one that was not kept there is none, and it is said why."""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flor.errors import FlorError
from flor.trace import format as f
from flor.trace.contents import contents

_LARGEST = 1 << 16  # characters of an array that is looked at
_SIZE = 16  # numbers of a picture, in each direction
_NOT_FINITE = re.compile(r"\b(?:nan|inf)\b")


def of_text(text: str) -> dict[str, Any] | None:
    """Of a text that holds an array of numbers: its `shape`, and what `_picture` has. None if it is something else."""
    if len(text) > _LARGEST or any(word in text for word in ('"', "true", "false")):  # neither is a number
        return None
    text = _NOT_FINITE.sub(lambda word: {"nan": "NaN", "inf": "Infinity"}[word[0]], text)
    try:
        array = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if not 1 <= array.ndim <= 8 or not array.size:
        return None
    return {"shape": list(array.shape), **_picture(array)}


def of_kept(head: str, run: Path) -> dict[str, Any]:
    """Of an array that is not in its table: its `shape`, and what `_picture` has, or `why` there is no picture. `head`:
    what `flor.etl.apart` has of it; `run`: the run's folder."""
    about = json.loads(head)
    try:
        return {"shape": about["shape"], **_of_blob(head, run)}
    except FlorError as error:
        return {"shape": about["shape"], "why": str(error)}
    except Exception as error:  # what it was kept with is damaged
        return {"shape": about["shape"], "why": f"the contents cannot be read ({error})"}


@functools.lru_cache(1024)
def _of_blob(head: str, run: Path) -> dict[str, Any]:
    """Raises FlorError if there is no picture."""
    data = head.encode()
    found = contents(f.ARRAY, len(data).to_bytes(4, "little") + data, run)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
        raise FlorError("the contents are kept with the run, but are no array of numbers that a picture can show")
    return _picture(np.atleast_1d(found))


def _picture(array: npt.NDArray[Any]) -> dict[str, Any]:
    """As `picture` some of the numbers, in rows, what is no number being null: of more than two dimensions the first
    plane, of each `steps` (rows, columns) one."""
    plane = np.atleast_2d(array[(0,) * (array.ndim - 2)] if array.ndim > 2 else array)
    steps = [max(-(-size // _SIZE), 1) for size in plane.shape]
    shown = plane[:: steps[0], :: steps[1]].astype(np.float64)
    return {"picture": [[v if math.isfinite(v) else None for v in row] for row in shown.tolist()], "steps": steps}
