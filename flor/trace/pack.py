"""Pack a run that has ended: its segments become two Parquet files (see `packed.py`), and go.

`python -m flor.trace.pack RUN_DIR...` does it as a helper process at low priority, and says nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flor.errors import FlorError
from flor.home import Run, open_run, process_started
from flor.trace.columns import Rows, arrow, decoded_instances, decoded_rows, decoded_skipped
from flor.trace.decode import Decoded, decode
from flor.trace.format import RECORD
from flor.trace.layout import Layout, VanishedError, packed, read_layout, reason
from flor.trace.packed import BLOCKS, VALUES, Packed
from flor.trace.stream import ROW

#: Most rows of a row group, and how many values a site must have to begin one of its own.
_GROUP = 1 << 20
_OWN_GROUP = 1 << 16

#: Values that are held in memory at once (32 bytes each); beyond, the events are decoded several times.
_HELD = 1 << 25

_REMOVED = ".segments"


def pack(run_path: Path) -> None:
    """Pack the run in the directory `run_path` and remove its segments. Does nothing if it is packed.

    Raises FlorError if the run is going on, if another process is packing it, or if there is no room: then the segments
    are as they were, and nothing else is left behind. Segments that could not be read in full are kept.
    """
    run = open_run(run_path)
    if run.status == "running" or _has_children(run):
        raise FlorError(f"{run_path} is still running: it can be packed when it has ended")
    with _lock(run_path):
        shutil.rmtree(run_path / _REMOVED, ignore_errors=True)
        if packed(run_path):
            if not Packed(run_path).damaged:
                _remove_segments(run_path)
            return
        try:
            layout = read_layout(run_path)
            damaged = _write(run_path, layout)
        except VanishedError as error:
            raise FlorError(f"{error} is gone: there is nothing to pack") from None
        except (OSError, pa.ArrowException) as error:
            raise FlorError(f"{run_path} was not packed ({reason(error)}): its segments are kept") from None
        if not damaged:
            _remove_segments(run_path)


def _has_children(run: Run) -> bool:
    """Whether processes that the run has started go on. (Its first one may be about to exit: it records no more.)"""
    for path in (run.path / "segments").glob("*/process.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            process = json.loads(path.read_bytes())
            pid, started = process["pid"], process["pid_started"]
            if pid != run.info["pid"] and started is not None and process_started(pid) == started:
                return True
    return False


@contextlib.contextmanager
def _lock(run: Path) -> Iterator[None]:
    """Held on the run's directory itself: it ends with the process, whatever that dies of."""
    directory = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FlorError(f"{run} is being packed by another process") from None
        yield
    finally:
        os.close(directory)


def _remove_segments(run: Path) -> None:
    """At once for readers: to them the folder is there whole, or not at all."""
    with contextlib.suppress(FileNotFoundError):
        (run / "segments").replace(run / _REMOVED)
    shutil.rmtree(run / _REMOVED, ignore_errors=True)


def _write(run: Path, layout: Layout) -> bool:
    """Write both files; returns whether something could not be read."""
    folder = run / "trace"
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob(".*.packing"):
        left.unlink()
    key = uuid.uuid4().hex
    values, blocks = folder / ".values.packing", folder / ".blocks.packing"
    try:
        decoded, parts = _decode(run, layout)
        warnings = list(dict.fromkeys(decoded.warnings))
        _parquet(values, VALUES, {"pack": key}, _value_tables(parts), _VALUE_ENCODINGS)
        about = {
            "pack": key,
            "sources": [asdict(s.key) for s in decoded.sources],
            "warnings": warnings,
            "main": decoded.main,
            "damaged": decoded.damaged,
            "skipped": [[*block, count] for block, count in decoded_skipped(decoded).items()],
        }
        _parquet(blocks, BLOCKS, about, _block_tables(decoded), _BLOCK_ENCODINGS)
        # A trace counts as packed when blocks.parquet is there.
        values.replace(folder / "values.parquet")
        _sync(folder)
        blocks.replace(folder / "blocks.parquet")
        _sync(folder)
        return decoded.damaged
    finally:
        for path in (values, blocks):
            path.unlink(missing_ok=True)


def _decode(run: Path, layout: Layout) -> tuple[Decoded, Iterable[Decoded]]:
    """The instances, and the values in parts that fit into memory, each of a range of sites."""
    size = sum(p.stat().st_size for process in layout.processes for s in process.streams.values() for p in s.values())
    if size // RECORD <= _HELD:
        decoded = decode(run, layout=layout)
        return decoded, [decoded]
    decoded = decode(run, layout=layout, sites=(0, 0))
    bounds = [0]
    held = 0
    for site, count in enumerate(decoded.counts):
        if held + count > _HELD and held:
            bounds.append(site)
            held = 0
        held += count
    bounds.append(len(decoded.counts))
    return decoded, (decode(run, layout=layout, sites=(a, b)) for a, b in itertools.pairwise(bounds))


_BLOCK_ENCODINGS = {
    "use_dictionary": ["source", "block", "stream"],
    "column_encoding": dict.fromkeys(("parent", "ordinal", "seq", "begin"), "DELTA_BINARY_PACKED"),
}
_VALUE_ENCODINGS = {
    "use_dictionary": ["source", "site", "stream", "kind", "data"],
    "column_encoding": {
        "instance": "DELTA_BINARY_PACKED",
        "seq": "DELTA_BINARY_PACKED",
        "payload": "BYTE_STREAM_SPLIT",
    },
}


def _parquet(path: Path, schema: pa.Schema, about: object, tables: Iterable[pa.Table], encodings: Any) -> None:
    schema = schema.with_metadata({"flor": json.dumps(about)})
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            write_statistics=["source", "site", "data"] if schema.get_field_index("site") >= 0 else False,
            **encodings,
        ) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=_GROUP)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _block_tables(decoded: Decoded) -> Iterator[pa.Table]:
    instances = decoded_instances(decoded)
    yield pa.table([arrow(getattr(instances, name)) for name in BLOCKS.names], schema=BLOCKS)


def _value_tables(parts: Iterable[Decoded]) -> Iterator[pa.Table]:
    """One table for each row group: sites with few values share one, others have some of their own."""
    small: list[pa.Table] = []
    held = 0
    for decoded in parts:
        for number, source in enumerate(decoded.sources):
            for site in range(len(source.sites)):
                rows = decoded.rows[source.first_site + site]
                if rows is None:
                    continue
                decoded.rows[source.first_site + site] = None
                large = len(rows) >= _OWN_GROUP * ROW * 8
                if large and small:
                    yield pa.concat_tables(small)
                    small, held = [], 0
                for begin in range(0, len(rows), _GROUP * ROW * 8):
                    table = _table(number, site, decoded_rows(rows[begin : begin + _GROUP * ROW * 8], decoded))
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


def _table(source: int, site: int, rows: Rows) -> pa.Table:
    v = rows.values
    places = [np.full(len(rows.stream), number, np.int32) for number in (source, site)]
    columns: list[npt.NDArray[Any]] = [*places, rows.stream, v.seq, v.instance, v.kind, v.payload]
    return pa.table([*map(arrow, columns), v.data], schema=VALUES)


def main() -> int:
    """Pack the runs that the command line names, quietly. Returns the exit code: 1 if one was not packed."""
    os.nice(10)
    sys.unraisablehook = lambda _: None  # a Parquet writer that cannot write says so again when it is collected
    failed = 0
    for path in sys.argv[1:]:
        try:
            pack(Path(path))
        except FlorError:
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
