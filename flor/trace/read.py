"""Open a trace: its sources, its block instances, the values of a site. The same answers for a packed trace and for raw segments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.capture.sites import SourceMap
from flor.errors import FlorError
from flor.home import Run
from flor.trace import format as f
from flor.trace.cet_json import LogColumns, LogSource
from flor.trace.decode import Decoded, decode, gather
from flor.trace.layout import Layout, SourceKey, VanishedError, read_layout
from flor.trace.stream import ROW


@dataclass(frozen=True)
class Instances:
    """A run's block instances; row i is instance i. All arrays have one length. Parents come before their children."""

    source: npt.NDArray[np.int32]  # index into Trace.sources
    block: npt.NDArray[np.int32]  # index into that source's SourceMap.blocks
    parent: npt.NDArray[np.int64]  # instance, -1: none
    #: 0, 1, ... among the instances of this block under this parent. A loop that goes on in a forked child goes on
    #: counting there, so parent and child can have iterations of one number, in two streams.
    ordinal: npt.NDArray[np.int64]
    stream: npt.NDArray[np.int32]  # thread of the run, numbered over all its processes
    seq: npt.NDArray[np.int64]  # place in the stream's order of events
    begin: npt.NDArray[np.int64]  # nanoseconds on the run's clock, a few milliseconds coarse


@dataclass(frozen=True)
class Values:
    """The recorded values of one site, in the order of (stream, seq). At most one for each instance."""

    instance: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]  # a value kind of flor.trace.format
    payload: npt.NDArray[np.uint64]  # INT: two's complement, FLOAT: bits of the double, BOOL: 0 or 1; else 0
    data: pa.LargeBinaryArray  # heap bytes of the kinds that have them (SHORT_STR arrives as STR), else null


@dataclass
class Source:
    """One captured source. Its text and map are read when they are asked for."""

    path: str  # where it was captured
    sha256: str
    module: str  # its dotted name
    run: Path = field(repr=False)
    warnings: list[str] = field(repr=False)  # the trace's

    @cached_property
    def available(self) -> bool:
        """Whether text and map can be read and the text is the captured one. If not, a warning says so."""
        try:
            if not self._content[0]:
                raise FlorError(f"sources/{self.sha256}.py is not the text that was captured")
            return True
        except FlorError as error:
            self.warnings.append(f"source {self.path} is not available: {error}")
            return False

    @property
    def data(self) -> bytes:
        """The source's bytes. Raises FlorError if it is not available."""
        self._demand()
        return self._content[1]

    @property
    def map(self) -> SourceMap:
        """Its blocks and sites. Raises FlorError if it is not available."""
        self._demand()
        return self._content[2]

    def _demand(self) -> None:
        if not self.available:
            raise FlorError(f"source {self.path} of run {self.run.name} is not available")

    @cached_property
    def _content(self) -> tuple[bool, bytes, SourceMap]:
        try:
            data = (self.run / "sources" / f"{self.sha256}.py").read_bytes()
            table = SourceMap.from_json(json.loads((self.run / "sites" / f"{self.sha256}.json").read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FlorError(f"{type(error).__name__}: {error}") from None
        return hashlib.sha256(data).hexdigest() == self.sha256, data, table


@dataclass(frozen=True)
class Rows:
    """The values of a site, and the stream that each was recorded in."""

    values: Values
    stream: npt.NDArray[np.int32]


class Backend(Protocol):
    """What a trace is read from."""

    @property
    def keys(self) -> list[SourceKey]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def main(self) -> int: ...
    def instances(self) -> Instances: ...
    def rows(self, source: int, site: int) -> Rows: ...
    def all_rows(self) -> Iterator[tuple[int, int, Rows]]: ...


class Trace:
    """The trace of one run, as it was when it was opened. Open one with `open_trace`."""

    def __init__(self, run: Run, backend: Backend) -> None:
        self.run = run
        self.warnings: list[str] = list(backend.warnings)
        self.sources = [Source(k.path, k.sha256, k.module, run.path, self.warnings) for k in backend.keys]
        self._backend = backend

    @cached_property
    def _instances(self) -> Instances:
        found = self._backend.instances()
        if not (found.parent < np.arange(len(found.parent))).all():
            raise FlorError(f"run {self.run.id} skipped: {self.run.path / 'trace'} holds instances before their parents")
        return found

    def instances(self) -> Instances:
        """The run's block instances. Raises FlorError if the trace is damaged."""
        return self._instances

    def values(self, source_index: int, site_index: int) -> Values:
        """The values recorded at a site of a source; empty if there are none. Raises FlorError as `instances` does."""
        return self._backend.rows(source_index, site_index).values

    def log_columns(self) -> LogColumns:
        """Everything, arranged for `cet_json.write_log`. Raises FlorError as `instances` does, or for a missing site table."""
        instances = self.instances()
        sites: list[tuple[int, int]] = []
        rows: list[Rows] = []
        for source, site, found in self._backend.all_rows():
            sites.append((source, site))
            rows.append(found)
        lengths = [len(r.stream) for r in rows]
        inside = _joined([r.values.instance for r in rows], np.int64)
        stream = _joined([r.stream for r in rows], np.int32)
        seq = _joined([r.values.seq for r in rows], np.int64)
        child = np.flatnonzero(instances.parent >= 0)
        owner = np.concatenate([inside, instances.parent[child]])
        code = np.concatenate([np.arange(len(inside)), ~child])
        stream = np.concatenate([stream, instances.stream[child]])
        seq = np.concatenate([seq, instances.seq[child]])
        order = np.lexsort((seq, stream, stream != instances.stream[owner], owner))
        start = np.zeros(len(instances.parent) + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=len(instances.parent)), out=start[1:])
        first = np.cumsum([0, *lengths])

        site_of = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)

        def value(number: int) -> tuple[int, int, bytes | None]:
            site = int(site_of[number])
            values, at = rows[site].values, number - int(first[site])
            return int(values.kind[at]), int(values.payload[at]), values.data[at].as_py()

        return LogColumns(
            [_log_source(s) for s in self.sources],
            memoryview(instances.source),
            memoryview(instances.block),
            memoryview(instances.parent),
            memoryview(start),
            memoryview(code[order]),
            sites,
            memoryview(site_of),
            value,
            self._backend.main,
        )


def open_trace(run: Run) -> Trace:
    """Open a run's trace: packed if it is packed, else from its segments, also while the run is going on.

    What is damaged is skipped and said in `Trace.warnings`. Raises FlorError, with one line that names the run and the
    file, if the trace cannot be read at all.
    """
    for _ in range(2):
        if (backend := open_packed(run)) is not None:
            return Trace(run, backend)
        try:
            return Trace(run, Raw(decode(run.path, growing=run.status == "running")))
        except VanishedError:  # packed meanwhile
            continue
        except OSError as error:
            raise FlorError(f"run {run.id} skipped: {error.filename}: {error.strerror}") from None
    return Trace(run, Empty(run))


def open_packed(run: Run) -> Packed | None:
    """The run's packed trace; None if there is no whole one. Raises FlorError if its files are foreign or cut."""
    blocks, values = run.path / "trace" / "blocks.parquet", run.path / "trace" / "values.parquet"
    if not (blocks.is_file() and values.is_file()):
        return None
    import pyarrow.parquet as pq

    files = []
    for path in (blocks, values):
        try:
            files.append(pq.ParquetFile(path))
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            raise FlorError(f"run {run.id} skipped: {path} cannot be read ({_one_line(error)})") from None
    return Packed(run, *files)


class Empty:
    """A run of which no events are there."""

    def __init__(self, run: Run) -> None:
        self.keys: list[SourceKey] = []
        self.warnings = [f"run {run.id} holds no events"]
        self.main = -1

    def instances(self) -> Instances:
        return _instances(*(np.zeros(0, np.int64) for _ in range(7)))

    def rows(self, source: int, site: int) -> Rows:
        return _no_rows()

    def all_rows(self) -> Iterator[tuple[int, int, Rows]]:
        return iter(())


class Raw:
    """Decoded segments."""

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded
        self.keys = [s.key for s in decoded.sources]
        self.warnings = decoded.warnings
        self.main = decoded.main

    def instances(self) -> Instances:
        decoded = self.decoded
        block = np.frombuffer(decoded.block, np.int64)
        first = np.array([s.first_block for s in decoded.sources], np.int64)
        # Sources whose site table is missing have no blocks, and share their first with the next one: the last counts.
        source = np.searchsorted(first, block, side="right") - 1
        columns = (decoded.parent, decoded.ordinal, decoded.stream, decoded.seq, decoded.begin)
        here = first[source] if len(block) else block
        return _instances(source, block - here, *(np.frombuffer(c, np.int64) for c in columns))

    def rows(self, source: int, site: int) -> Rows:
        table = self.decoded.sources[source]
        rows = self.decoded.rows[table.first_site + site] if site < len(table.sites) else None
        return _no_rows() if rows is None else rows_of(rows, self.decoded)

    def all_rows(self) -> Iterator[tuple[int, int, Rows]]:
        for number, source in enumerate(self.decoded.sources):
            for site in range(len(source.sites)):
                if self.decoded.rows[source.first_site + site] is not None:
                    yield number, site, self.rows(number, site)


_ROW = np.dtype([("instance", "<i8"), ("seq", "<i8"), ("payload", "<u8"), ("kind", "<u4"), ("stream", "<i4")])
assert _ROW.itemsize == ROW * 8

#: For each kind whether its payload is the value, and whether it has heap bytes.
_HAS_PAYLOAD = np.isin(np.arange(256), (f.BOOL, f.INT, f.FLOAT))
_HAS_DATA = np.isin(np.arange(256), [*f.HEAP_KINDS])


def rows_of(rows: bytes, decoded: Decoded) -> Rows:
    """A site's rows as the decoder gives them, as columns."""
    table = np.frombuffer(rows, _ROW)
    kind = table["kind"].astype(np.uint8)
    payload = np.where(_HAS_PAYLOAD[kind], table["payload"], np.uint64(0))
    has_data = _HAS_DATA[kind] | (kind == f.SHORT_STR)
    if has_data.any():
        kinds, offsets, data = gather(rows, decoded.heap)
        kind = np.frombuffer(kinds, np.uint8)
        valid = pa.py_buffer(np.packbits(has_data, bitorder="little"))
        buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(data)]
        column = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(kind), buffers)
    else:
        column = pa.nulls(len(kind), pa.large_binary())
    return Rows(Values(table["instance"], table["seq"], kind, payload, column), table["stream"])


class Packed:
    """blocks.parquet and values.parquet, the latter sorted by (source, site, stream, seq)."""

    def __init__(self, run: Run, blocks: Any, values: Any) -> None:
        self._run, self._blocks, self._values = run, blocks, values
        about = self._about(blocks)
        if about["pack"] != self._about(values)["pack"]:
            raise self._error("trace", "its two files are not of one packing")
        try:
            self.keys = [SourceKey(s["sha256"], s["path"], s["module"]) for s in about["sources"]]
            self.warnings: list[str] = [str(w) for w in about["warnings"]]
            self.main = int(about["main"])
            self._groups = _ranges(values.metadata)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._error("trace", _one_line(error)) from None
        self._cached: tuple[int, pa.Table] | None = None

    def instances(self) -> Instances:
        table = self._read(self._blocks, None)
        columns = ("source", "block", "parent", "ordinal", "stream", "seq", "begin")
        return _instances(*(self._column(table, c) for c in columns))

    def rows(self, source: int, site: int) -> Rows:
        wanted = (source, site)
        parts = [self._site(g, wanted) for g, low, high in self._groups if low <= wanted <= high]
        parts = [p for p in parts if p.num_rows]
        return self._rows(pa.concat_tables(parts)) if parts else _no_rows()

    def all_rows(self) -> Iterator[tuple[int, int, Rows]]:
        seen: dict[tuple[int, int], None] = {}
        for group, _, _ in self._groups:
            table = self._group(group)
            pairs = np.stack([self._column(table, "source"), self._column(table, "site")])
            seen.update(dict.fromkeys((int(a), int(b)) for a, b in np.unique(pairs, axis=1).T))
        for source, site in seen:
            yield source, site, self.rows(source, site)

    def _site(self, group: int, wanted: tuple[int, int]) -> pa.Table:
        table = self._group(group)
        key = self._column(table, "source").astype(np.int64) << 32 | self._column(table, "site")
        target = wanted[0] << 32 | wanted[1]
        first, end = np.searchsorted(key, [target, target + 1])
        return table.slice(first, end - first)

    def _group(self, group: int) -> pa.Table:
        if self._cached is None or self._cached[0] != group:
            self._cached = (group, self._read(self._values, group))
        return self._cached[1]

    def _rows(self, table: pa.Table) -> Rows:
        data = table.column("data").combine_chunks()
        if isinstance(data, pa.ChunkedArray):
            data = pa.concat_arrays(data.chunks) if data.num_chunks else pa.array([], pa.large_binary())
        columns = (self._column(table, c) for c in ("instance", "seq", "kind", "payload"))
        return Rows(Values(*columns, data.cast(pa.large_binary())), self._column(table, "stream"))

    def _column(self, table: pa.Table, name: str) -> npt.NDArray[Any]:
        column: npt.NDArray[Any] = table.column(name).to_numpy()
        return column

    def _read(self, file: Any, group: int | None) -> pa.Table:
        try:
            return file.read() if group is None else file.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            raise self._error("trace", _one_line(error)) from None

    def _about(self, file: Any) -> dict[str, Any]:
        try:
            about: dict[str, Any] = json.loads(file.schema_arrow.metadata[b"flor"])
            about["pack"]
        except (KeyError, TypeError, ValueError):
            raise self._error("trace", "it was not written by Flor") from None
        return about

    def _error(self, name: str, why: str) -> FlorError:
        return FlorError(f"run {self._run.id} skipped: {self._run.path / name} cannot be read ({why})")
