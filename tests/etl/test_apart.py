"""Arrays that are not in a table: which rows have one, and the file that says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flor.etl import apart
from flor.etl.typed import constant
from flor.trace import format as f
from flor.trace.recorded import Recorded, together

pytestmark = pytest.mark.once

BLOB = "0" * 64 + ".npy"


def array(elements: bytes = b"", **about: object) -> Recorded:
    head = json.dumps({"type": "numpy.ndarray", "dtype": "<f8", **about}).encode()
    data = pa.array([len(head).to_bytes(4, "little") + head + elements], pa.large_binary())
    return Recorded(np.array([f.ARRAY], np.uint8), np.array([0], np.uint64), [data])


def test_rows_with_an_array_whose_contents_are_elsewhere() -> None:
    values = together(
        [
            array(shape=[600, 2], blob=BLOB),
            constant("1", 1),
            array(shape=[600, 2]),
            array(shape=[2], elements=b"\0" * 16),
            array(shape=[1, 2], text="[['a', 'b']]"),
            array(shape=[0, 5]),
            array(shape="?"),
        ]
    )
    found = apart.column(values, np.array([2, 1, 0, -1, 0, 3, 4, 5, 6]))
    assert found is not None
    kept = {"type": "numpy.ndarray", "dtype": "<f8", "shape": [600, 2]}
    blob = kept | {"blob": BLOB}
    heads = [None if head is None else json.loads(head) for head in found.to_pylist()]
    assert heads == [kept, None, blob, None, blob, None, None, None, None]
    assert apart.column(constant("1", 2), np.array([0, 1])) is None


def test_a_file_belongs_to_one_table(tmp_path: Path) -> None:
    large = apart.column(array(shape=[600]), np.array([0]))
    assert large is not None
    file = apart.write({"x": large})
    table = pa.table({"x": ["float64 array (600,)"]})
    pq.write_table(apart.mark(table, file), tmp_path / "table.parquet")
    marked = pq.read_table(tmp_path / "table.parquet")
    assert apart.read(tmp_path, marked) == {}
    apart.path(tmp_path).write_bytes(file)
    assert apart.read(tmp_path, marked)["x"].to_pylist() == large.to_pylist()
    assert apart.read(tmp_path, table) == {}
    apart.path(tmp_path).write_bytes(file + b" ")
    assert apart.read(tmp_path, marked) == {}
