"""The array or table that was recorded, as numpy or Arrow has it: from the trace, or from the run's `blobs/`."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.errors import FlorError
from flor.trace import format as f
from flor.trace.values import array_parts

_BLOB = re.compile(r"([0-9a-f]{64})\.(npy|arrow)")


def contents(kind: int, data: bytes | None, run: Path) -> npt.NDArray[Any] | pa.Table:
    """What a value of kind ARRAY held: a numpy array, or for a Series or DataFrame an Arrow table.

    `run` is the run's directory. A torch tensor comes as an array (bfloat16 as float32, which holds it exactly), a
    sparse matrix as records (row, column, value). Raises FlorError that says why there is nothing: the value is no
    array, its contents were not kept, or what was kept is missing or damaged.
    """
    about, elements = array_parts(data or b"") if kind == f.ARRAY else ({}, b"")
    if not about:
        raise FlorError("the value is no array: there are no contents of it")
    if "blob" in about:
        return _blob(about, run)
    dtype, shape = str(about.get("dtype")).removeprefix("torch."), tuple(about["shape"])
    try:
        if dtype == "bfloat16":
            words = np.frombuffer(elements, "<u2").astype("<u4") << 16
            return words.view("<f4").reshape(shape)
        found = np.frombuffer(elements, np.dtype(dtype))
        if found.size == np.prod(shape, dtype=np.int64):
            return found.reshape(shape)
    except (TypeError, ValueError):
        pass
    raise FlorError("the contents of this array were not kept, only its type and shape")


def _blob(about: dict[str, Any], run: Path) -> npt.NDArray[Any] | pa.Table:
    name = str(about["blob"])
    match = _BLOB.fullmatch(name)
    if match is None:
        raise FlorError("the contents of this array are nowhere: the trace is damaged")
    path = run / "blobs" / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlorError(f"{path} cannot be read ({error.strerror}): the array's contents are gone") from None
    if hashlib.sha256(data).hexdigest() != match[1]:
        raise FlorError(f"{path} is damaged: it is not what was kept of the array")
    try:
        if match[2] == "arrow":
            return pa.ipc.open_file(pa.py_buffer(data)).read_all()
        found: npt.NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        return found
    except (ValueError, OSError, pa.ArrowException) as error:
        raise FlorError(f"{path} cannot be read ({error})") from None
