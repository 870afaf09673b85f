"""One part of a packed trace: two Parquet files, and how a site is found in them.

`trace/blocks.parquet` and `trace/values.parquet` hold a whole trace; `trace/blocks-<part>.parquet` and
`trace/values-<part>.parquet` hold a part of a long one, which was packed while the run was going on. Row i of a blocks
file is instance `base` + i, an activation's ordinal counts within its stream. A values file is sorted by (source, site,
stream, seq), so a site is one range of rows; the statistics of the row groups say where. Both files hold the key of
their packing, and the blocks file what is known so far of the whole run, as JSON in the schema's metadata under "flor":
"sources", "streams" (process and number there, by their numbers here), "activations" (the blocks of each source that
have some), "warnings", "damaged", "main" (an instance), "skipped" (source, block, count), "duplicates" (values),
"unresolved" (instances), "forks" (by process, see decode.Fork). Of the part itself it holds "base", "late" (instance,
parent, ordinal: instances of earlier parts whose parent was found in this one) and "copies" (instances of the part that
a forked child goes on in; what each is a copy of is its parent here).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flor.errors import FlorError
from flor.trace.checkpoint import part_path
from flor.trace.columns import About, Instances, Rows, Values, instances_of, no_rows
from flor.trace.decode import Fork
from flor.trace.layout import SourceKey, VanishedError, reason

BLOCKS = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in (
            ("source", pa.int32()),
            ("block", pa.int32()),
            ("parent", pa.int64()),
            ("ordinal", pa.int64()),
            ("stream", pa.int32()),
            ("seq", pa.int64()),
            ("begin", pa.int64()),
        )
    ]
)

VALUES = pa.schema(
    [
        pa.field("source", pa.int32(), nullable=False),
        pa.field("site", pa.int32(), nullable=False),
        pa.field("stream", pa.int32(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("instance", pa.int64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("payload", pa.uint64(), nullable=False),
        pa.field("data", pa.large_binary()),
    ]
)

_Site = tuple[int, int]  # source, site
_LAST_SITE = 1 << 31

Ints = npt.NDArray[np.int64]

#: Rows that are read by several threads: of fewer, starting them takes longer.
_FOR_THREADS = 1 << 16


class Packed:
    """A part, open. Raises FlorError that names the run and the file wherever one is foreign or cut."""

    def __init__(self, run: Path, part: int) -> None:
        self._run, self._part = run, part
        self._blocks = self._open("blocks", BLOCKS)
        self._values = self._open("values", VALUES)
        try:
            about = json.loads(self._blocks.metadata.metadata[b"flor"])
            if about["pack"] != json.loads(self._values.metadata.metadata[b"flor"])["pack"]:
                raise ValueError("it does not belong to its values")
            self.about = About(
                [SourceKey(str(s["sha256"]), str(s["path"]), str(s["module"])) for s in about["sources"]],
                [(int(process), int(stream)) for process, stream in about["streams"]],
                [_fork(*fork) for fork in about.get("forks", [])],
                [[int(block) for block in own] for own in about["activations"]],
                [str(w) for w in about["warnings"]],
                int(about["main"]),
                {(int(s), int(b)): int(n) for s, b, n in about["skipped"]},
                int(about["duplicates"]),
                int(about["unresolved"]),
                bool(about["damaged"]),
            )
            self.base = int(about["base"])
            self.late = np.array(about["late"], np.int64).reshape(-1, 3)
            self.copies = np.array(about.get("copies", []), np.int64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._error("blocks", error) from None
        try:
            self._ranges = [_range(self._values.metadata.row_group(g)) for g in range(self._values.num_row_groups)]
        except (TypeError, AttributeError) as error:
            raise self._error("values", error) from None
        self._cached: tuple[int, tuple[pa.Table, Ints]] | None = None

    @property
    def count(self) -> int:
        """How many block instances it has."""
        return int(self._blocks.metadata.num_rows)

    def instances(self, at: Ints | None = None) -> Instances:
        """Its block instances, or some of them, counted from its first and ascending. Their parents and ordinals are
        as they were known when it was written."""
        columns = self._block_columns(BLOCKS.names) if at is None else self._some(BLOCKS.names, at)
        found = instances_of(*columns)
        end = self.base + self.count
        if not (
            _within(found.source, 0, len(self.about.keys))
            and _within(found.parent, -1, end)
            and _within(found.stream, 0, len(self.about.streams))
        ):
            raise self._error("blocks", ValueError("numbers out of range"))
        return found

    def blocks(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Source and block of each of its block instances."""
        source, block = self._block_columns(["source", "block"])
        return source, block

    def parents(self, at: Ints) -> Ints:
        """The parents of some of its block instances, as in `instances`."""
        return self._some(["parent"], at)[0]

    def _some(self, names: list[str], at: Ints) -> list[npt.NDArray[Any]]:
        """Some rows of columns of the block instances, row group by row group."""
        taken: list[list[npt.NDArray[Any]]] = [[] for _ in names]
        first = 0
        for group in range(self._blocks.num_row_groups):
            end = first + self._blocks.metadata.row_group(group).num_rows
            own = at[slice(*np.searchsorted(at, [first, end]))] - first
            if len(own):
                for column, into in zip(self._block_columns(names, group), taken, strict=True):
                    into.append(column[own])
            first = end
        return [np.concatenate([np.zeros(0, np.int64), *parts]) for parts in taken]

    def _block_columns(self, names: list[str], group: int | None = None) -> list[npt.NDArray[Any]]:
        """Columns of the block instances, or of those in one row group."""
        several = self.count >= _FOR_THREADS
        try:
            if group is None:
                table = self._blocks.read(names, use_threads=several)
            else:
                table = self._blocks.read_row_group(group, names, use_threads=several)
        except (OSError, pa.ArrowException) as error:
            raise self._error("blocks", error) from None
        return [_numbers(table, name) for name in names]

    def rows(self, source: int, site: int) -> Rows:
        """A site's values: the row groups that hold nothing else are read as they are, others are searched."""
        wanted = (source, site)
        tables = []
        whole: list[int] = []
        for group, (low, high) in enumerate(self._ranges):
            if low == high == wanted:
                whole.append(group)
            elif low <= wanted <= high:
                table, key = self._group(group)
                first, end = np.searchsorted(key, [source << 32 | site, (source << 32 | site) + 1]).tolist()
                tables.append(table.slice(first, end - first))
        if whole:
            tables.append(self._read(whole, [n for n in VALUES.names if n not in ("source", "site")]))
        tables = [t.select(VALUES.names[2:]) for t in tables if t.num_rows]
        return self._rows(pa.concat_tables(tables) if len(tables) > 1 else tables[0]) if tables else no_rows()

    def sites(self) -> Iterator[_Site]:
        """The sites (source, site) that have values."""
        sites: dict[_Site, None] = {}
        for group, (low, high) in enumerate(self._ranges):
            if low == high:
                sites[low] = None
            else:
                _, key = self._group(group)
                sites.update(dict.fromkeys(zip((key >> 32).tolist(), (key & _LAST_SITE - 1).tolist(), strict=True)))
        return iter(sites)

    def _rows(self, table: pa.Table) -> Rows:
        data = table.column("data")
        data = data.chunk(0) if data.num_chunks == 1 else pa.concat_arrays(data.chunks)
        instance = _numbers(table, "instance")
        seq, kind, payload, stream = (_numbers(table, name) for name in ("seq", "kind", "payload", "stream"))
        if not _within(instance, 0, self.base + self.count) or not _within(stream, 0, len(self.about.streams)):
            raise self._error("values", ValueError("numbers out of range"))
        return Rows(Values(instance, seq, kind, payload, data), stream)

    def _group(self, group: int) -> tuple[pa.Table, Ints]:
        """A row group, and of each row source and site in one number."""
        if self._cached is None or self._cached[0] != group:
            table = self._read([group], VALUES.names)
            key = _numbers(table, "source").astype(np.int64) << 32 | _numbers(table, "site")
            self._cached = (group, (table, key))
        return self._cached[1]

    def _read(self, groups: list[int], names: list[str]) -> pa.Table:
        """Rows of some row groups. The heap bytes are not read where there are none."""
        metadata = [self._values.metadata.row_group(g).column(VALUES.names.index("data")) for g in groups]
        has_data = any(m.statistics is None or m.statistics.null_count != m.num_values for m in metadata)
        try:
            wanted = [n for n in names if n != "data" or has_data]
            rows = sum(m.num_values for m in metadata)
            table = self._values.read_row_groups(groups, wanted, use_threads=rows >= _FOR_THREADS)
        except (OSError, pa.ArrowException) as error:
            raise self._error("values", error) from None
        if not has_data:
            table = table.append_column(VALUES.field("data"), pa.nulls(table.num_rows, pa.large_binary()))
        return table

    def _open(self, name: str, schema: pa.Schema) -> Any:
        try:
            file = pq.ParquetFile(pa.OSFile(str(self._path(name))))
            if not file.schema_arrow.equals(schema):
                raise ValueError("it was not written by Flor")
            return file
        except FileNotFoundError:
            raise VanishedError(self._path(name)) from None
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._error(name, error) from None

    def _path(self, name: str) -> Path:
        return part_path(self._run, name, self._part)

    def _error(self, name: str, error: Exception) -> FlorError:
        return FlorError(f"run {self._run.name} skipped: {self._path(name)} cannot be read ({reason(error)})")


def _numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column without nulls. (Its own to_numpy would import pandas.)"""
    column = table.column(name)
    dtype = column.type.to_pandas_dtype()
    chunks = [np.frombuffer(c.buffers()[1], dtype, c.offset + len(c))[c.offset :] for c in column.chunks if len(c)]
    return chunks[0] if len(chunks) == 1 else np.concatenate([np.zeros(0, dtype), *chunks])


def _within(numbers: npt.NDArray[Any], low: int, end: int) -> bool:
    return not len(numbers) or bool(low <= numbers.min() <= numbers.max() < end)


def _fork(parent: object, apart: object, stream: object, last: object, starter: object = -1) -> Fork:
    """A process's row; older parts do not say what started it."""
    return int(parent), int(apart), int(stream), int(last), int(starter)  # type: ignore[call-overload]


def _range(group: Any) -> tuple[_Site, _Site]:
    """The first and the last site that a row group can hold values of."""
    source, site = (group.column(VALUES.names.index(n)).statistics for n in ("source", "site"))
    if source.min == source.max:
        return (source.min, site.min), (source.max, site.max)
    return (source.min, 0), (source.max, _LAST_SITE)
