"""Arrays of a table that are not in it: of a large one the column's text says type and shape, and its contents are a
file of the run's `blobs/`, or were not kept. Here is which of the rows have one, and what the trace says of it.

It is kept in `arrays.parquet` beside `table.parquet`, which has the hash of the file that belongs to it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flor import arrow
from flor.trace import format as f
from flor.trace.recorded import Recorded, heap_bytes
from flor.trace.values import array_parts

#: Of the schema of table.parquet: the SHA-256 of arrays.parquet.
_METADATA = b"flor.arrays"
_FILE = "arrays.parquet"


def column(values: Recorded, rows: npt.NDArray[np.int64]) -> pa.Array | None:
    """What is known of the array whose contents are not in the text of row i, value number `rows[i]`: `type`, `dtype`,
    `shape` and `blob` of its head, as JSON, in a dictionary array; NULL for other values. None if there is none."""
    at = np.flatnonzero(values.kind == f.ARRAY)
    if not len(at):
        return None
    heads = {i: head for i, data in zip(at.tolist(), heap_bytes(values, f.ARRAY), strict=True) if (head := _head(data))}
    if not heads:
        return None
    numbers = {head: number for number, head in enumerate(dict.fromkeys(heads.values()))}
    of_value = np.full(len(values.kind) + 1, -1, np.int32)  # the last one is for row -1
    for i, head in heads.items():
        of_value[i] = numbers[head]
    found = of_value[rows]
    return pa.DictionaryArray.from_arrays(arrow.numbers(found, found < 0), arrow.texts(list(numbers)))


def _head(data: bytes | None) -> str | None:
    """None for an array whose contents are in its text, or that has none."""
    about, elements = array_parts(data or b"")
    if not about or elements or "text" in about or not math.prod(about["shape"]):
        return None
    return json.dumps({key: about[key] for key in ("type", "dtype", "shape", "blob") if key in about})


def write(columns: Mapping[str, pa.Array]) -> bytes:
    """The file for these columns."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink, compression="lz4")
    return bytes(sink.getvalue())


def mark(table: pa.Table, file: bytes) -> pa.Table:
    """The table, saying which file belongs to it."""
    return table.replace_schema_metadata({_METADATA: hashlib.sha256(file).hexdigest()})


def path(folder: Path) -> Path:
    """Where the file is, of an experiment's folder."""
    return folder / _FILE


def read(folder: Path, table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The columns that belong to a table as it was read from table.parquet: none where the file is gone, or another
    table's. Raises OSError and pa.ArrowException."""
    wanted = (table.schema.metadata or {}).get(_METADATA)
    if wanted is None:
        return {}
    try:
        data = path(folder).read_bytes()
    except FileNotFoundError:
        return {}
    if hashlib.sha256(data).hexdigest().encode() != wanted:
        return {}
    found = pq.read_table(pa.BufferReader(data))
    return dict(zip(found.column_names, found.columns, strict=True))
