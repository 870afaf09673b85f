"""A decoded part as its two Parquet files (see `packed.py`): first one, then the other, whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flor.home import create_private, make_private
from flor.trace.checkpoint import part_path
from flor.trace.columns import Rows, arrow, decoded_about, decoded_instances, decoded_rows
from flor.trace.decode import Decoded
from flor.trace.packed import BLOCKS, VALUES
from flor.trace.stream import ROW

#: Most rows of a row group, and how many values a site must have to begin one of its own.
_GROUP = 1 << 18
_OWN_GROUP = 1 << 16

#: Heap bytes that are held in memory at once; how many rows' bytes are looked for first.
_HELD_BYTES = 1 << 25
_FIRST_ROWS = 1 << 12

_ROW_BYTES = 8 * ROW


def write_part(run: Path, part: int, decoded: Decoded, state: bytes | None, meanwhile: Callable[[], None]) -> None:
    """Write a part, and the state at its end. It is there when its blocks file is. Consumes the rows of `decoded`.

    `meanwhile` is called now and then. Raises OSError or pa.ArrowException; then nothing is left behind.
    """
    folder = run / "trace"
    make_private(folder)
    beside = {kind: folder / f".{kind}.packing" for kind in ("values", "state", "blocks")}
    about = decoded_about(decoded)
    key = uuid.uuid4().hex
    header = {
        "pack": key,
        "sources": [asdict(k) for k in about.keys],
        "streams": about.streams,
        "forks": about.forks,
        "activations": about.activations,
        "warnings": about.warnings,
        "duplicates": about.duplicates,
        "unresolved": about.unresolved,
        "damaged": about.damaged,
        "main": about.main,
        "skipped": [[*block, count] for block, count in about.skipped.items()],
        "base": decoded.base,
        "late": np.frombuffer(decoded.late, np.int64).reshape(-1, 3).tolist(),
        "copies": np.frombuffer(decoded.copies, np.int64).tolist(),
    }
    try:
        _parquet(beside["values"], VALUES, {"pack": key}, _value_tables(decoded), _VALUE_ENCODINGS, meanwhile)
        _parquet(beside["blocks"], BLOCKS, header, _block_tables(decoded), _BLOCK_ENCODINGS, meanwhile)
        if state is not None:
            with open_private(beside["state"]) as file:
                file.write(state)
                _flush(file)
        for kind, path in beside.items():
            if kind != "state" or state is not None:
                sync(folder)
                path.replace(part_path(run, kind, part))
        sync(folder)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)


def open_private(path: Path) -> Any:
    """A new file that is only its owner's, to be written."""
    return os.fdopen(create_private(path, os.O_RDWR | os.O_TRUNC), "wb")


def sync(path: Path) -> None:
    """Make a file durable, or what was renamed in a folder."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def make_durable(run: Path) -> None:
    """What a packed trace needs besides itself, before what it was made of is removed. Raises OSError."""
    for folder in (run, run / "sites", run / "sources"):
        if folder.is_dir():
            for path in folder.iterdir():
                if path.is_file():
                    sync(path)
            sync(folder)


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


# Most columns hold one number in most row groups: compressed pages of it are as small as a dictionary's, and its bytes
# need no looking at one by one. Of numbers zstd makes hardly less than LZ4 does, and takes longer than all the rest.
_BLOCK_ENCODINGS = {
    "use_dictionary": False,
    "column_encoding": dict.fromkeys(("parent", "ordinal", "seq", "begin"), "DELTA_BINARY_PACKED"),
}
_VALUE_ENCODINGS = {
    "use_dictionary": ["data"],
    "column_encoding": {
        "instance": "DELTA_BINARY_PACKED",
        "seq": "DELTA_BINARY_PACKED",
        "payload": "BYTE_STREAM_SPLIT",
    },
}
_PAGE_SIZE = 1 << 22


def _parquet(
    path: Path,
    schema: pa.Schema,
    about: object,
    tables: Iterable[pa.Table],
    encodings: Any,
    meanwhile: Callable[[], None],
) -> None:
    schema = schema.with_metadata({"flor": json.dumps(about)})
    with open_private(path) as file:
        with pq.ParquetWriter(
            file,
            schema,
            compression={name: "zstd" if name == "data" else "lz4" for name in schema.names},
            data_page_size=_PAGE_SIZE,
            write_statistics=["source", "site", "data"] if schema.get_field_index("site") >= 0 else False,
            **encodings,
        ) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=_GROUP)
                meanwhile()
        _flush(file)


def _block_tables(decoded: Decoded) -> Iterator[pa.Table]:
    instances = decoded_instances(decoded)
    yield pa.table([arrow(getattr(instances, name)) for name in BLOCKS.names], schema=BLOCKS)


def _value_tables(decoded: Decoded) -> Iterator[pa.Table]:
    """One table for each row group: sites with few values share one, others have some of their own."""
    small: list[pa.Table] = []
    held = 0
    for number, source in enumerate(decoded.sources):
        for site in range(len(source.sites)):
            rows = decoded.rows[source.first_site + site]
            if rows is None:
                continue
            decoded.rows[source.first_site + site] = None
            large = len(rows) >= _OWN_GROUP * _ROW_BYTES
            if large and small:
                yield pa.concat_tables(small)
                small, held = [], 0
            for table in _site_tables(number, site, rows, decoded):
                if large:
                    yield table
                else:
                    small.append(table)
                    held += table.num_rows
            if held >= _OWN_GROUP:
                yield pa.concat_tables(small)
                small, held = [], 0
    if small:
        yield pa.concat_tables(small)


def _site_tables(number: int, site: int, rows: memoryview, decoded: Decoded) -> Iterator[pa.Table]:
    """A site's rows in tables that hold at most so many rows, and about so many heap bytes."""
    pieces: list[pa.Table] = []
    in_pieces = held = at = 0
    count, total = _FIRST_ROWS, len(rows) // _ROW_BYTES
    place = [arrow(np.full(min(total, _GROUP), n, np.int32)) for n in (number, site)]
    first = decoded.sources[number].first_site
    while at < total:
        count = min(count, total - at, _GROUP - in_pieces)
        table = _table(place, decoded_rows(first + site, rows[at * _ROW_BYTES : (at + count) * _ROW_BYTES], decoded))
        size = table.column("data").nbytes
        pieces.append(table)
        at, in_pieces, held = at + count, in_pieces + count, held + size
        if held >= _HELD_BYTES or in_pieces == _GROUP:
            yield pa.concat_tables(pieces)
            pieces, in_pieces, held = [], 0, 0
        count = max(1, min(_GROUP, count * _HELD_BYTES // (4 * max(size, 1))))
    if pieces:
        yield pa.concat_tables(pieces)


def _table(place: list[pa.Array], rows: Rows) -> pa.Table:
    """Rows of the source and site that are repeated in `place`."""
    v = rows.values
    columns: list[npt.NDArray[Any]] = [rows.stream, v.seq, v.instance, v.kind, v.payload]
    here = [p.slice(0, len(rows.stream)) for p in place]
    return pa.table([*here, *map(arrow, columns), v.data], schema=VALUES)
