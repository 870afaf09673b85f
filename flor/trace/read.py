"""Open a trace: its sources, its block instances, the values of a site. The same answers for a packed trace and for raw
segments.
"""

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

from flor.capture.sites import SourceMap
from flor.errors import FlorError
from flor.home import Run
from flor.trace import format as f
from flor.trace.cet_json import LogColumns, LogSource, root_of
from flor.trace.columns import (
    Instances,
    Rows,
    Values,
    decoded_instances,
    decoded_rows,
    decoded_skipped,
    instances_of,
    no_rows,
)
from flor.trace.decode import Decoded, decode
from flor.trace.layout import SourceKey, VanishedError, packed, reason

__all__ = ["Instances", "Source", "Trace", "Values", "open_trace"]


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
        """Whether its text and map can be read and the text is the captured one. If not, a warning says so."""
        try:
            _ = self._data, self._map
            return True
        except FlorError as error:
            self.warnings.append(f"source {self.path} is not available: {error}")
            return False

    @property
    def data(self) -> bytes:
        """The source's bytes. Raises FlorError if it is not available."""
        self._demand()
        return self._data

    @property
    def map(self) -> SourceMap:
        """Its blocks and sites. Raises FlorError if it is not available."""
        self._demand()
        return self._map

    @cached_property
    def site_table(self) -> dict[str, Any]:
        """Its map as the JSON data that is stored. Raises FlorError if it cannot be read."""
        path = self.run / "sites" / f"{self.sha256}.json"
        try:
            table: dict[str, Any] = json.loads(path.read_bytes())
            return table
        except (OSError, ValueError, RecursionError) as error:
            raise FlorError(f"{path} cannot be read ({reason(error)})") from None

    def _demand(self) -> None:
        if not self.available:
            raise FlorError(f"run {self.run.name}: source {self.path} is not available")

    @cached_property
    def _data(self) -> bytes:
        path = self.run / "sources" / f"{self.sha256}.py"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FlorError(f"{path} cannot be read ({reason(error)})") from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise FlorError(f"{path} is not the text that was captured")
        return data

    @cached_property
    def _map(self) -> SourceMap:
        try:
            return SourceMap.from_json(self.site_table)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FlorError(f"sites/{self.sha256}.json cannot be read ({reason(error)})") from None


class Backend(Protocol):
    """What a trace is read from."""

    @property
    def keys(self) -> list[SourceKey]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def main(self) -> int: ...
    def instances(self) -> Instances: ...
    def skipped(self) -> dict[tuple[int, int], int]: ...
    def rows(self, source: int, site: int) -> Rows: ...
    def all_rows(self) -> Iterator[tuple[int, int, Rows]]: ...


_UNKNOWN = 1 << 31  # blocks of a source whose map cannot be read: more than any has


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
            raise FlorError(
                f"run {self.run.id} skipped: {self.run.path / 'trace'} holds instances before their parents"
            )
        blocks = [len(self._log_source(source).blocks) or _UNKNOWN for source in self.sources]
        self._check(found.source, found.block, blocks)
        return found

    def instances(self) -> Instances:
        """The run's block instances. Raises FlorError if the trace is damaged."""
        return self._instances

    def values(self, source_index: int, site_index: int) -> Values:
        """The values recorded at a site of a source; empty if there are none. Raises FlorError as `instances` does."""
        return self._backend.rows(source_index, site_index).values

    def skipped(self) -> dict[tuple[int, int], int]:
        """How many instances of a block (source index, block) were not recorded; blocks without any are left out."""
        return self._backend.skipped()

    def log_columns(self) -> LogColumns:
        """Everything, arranged for `cet_json.write_log`. Raises FlorError as `instances` does."""
        instances = self.instances()
        found = list(self._backend.all_rows())
        sites = [(source, site) for source, site, _ in found]
        rows = [r for _, _, r in found]
        sources = [self._log_source(source) for source in self.sources]
        self._check(instances.source, instances.block, [len(s.blocks) for s in sources])
        source_of, site = np.array(sites, np.int64).reshape(-1, 2).T
        self._check(source_of, site, [len(s.sites) for s in sources])
        child = np.flatnonzero(instances.parent >= 0)
        owner = np.concatenate([*(r.values.instance for r in rows), instances.parent[child]])
        stream = np.concatenate([*(r.stream for r in rows), instances.stream[child]])
        seq = np.concatenate([*(r.values.seq for r in rows), instances.seq[child]])
        lengths = [len(r.stream) for r in rows]
        first = np.cumsum([0, *lengths])
        code = np.concatenate([np.arange(first[-1]), ~child])
        order = np.lexsort((seq, stream, stream != instances.stream[owner], owner))
        start = np.zeros(len(instances.parent) + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=len(instances.parent)), out=start[1:])
        site_of = _view(np.repeat(np.arange(len(rows)), lengths))
        begin = _view(first)
        columns = [(_view(r.values.kind), _view(r.values.payload), r.values.data) for r in rows]

        def value(number: int) -> tuple[int, int, bytes | None]:
            kinds, payloads, data = columns[site_of[number]]
            at = number - begin[site_of[number]]
            return kinds[at], payloads[at], data[at].as_py() if kinds[at] in f.HEAP_KINDS else None

        return LogColumns(
            sources,
            _view(instances.source),
            _view(instances.block),
            _view(instances.parent),
            _view(start),
            _view(code[order]),
            sites,
            site_of,
            value,
            root_of(_view(instances.parent), self._backend.main),
        )

    def _log_source(self, source: Source) -> LogSource:
        try:
            table = source.site_table
            return LogSource(source.path, source.module, table["blocks"], table["sites"])
        except (FlorError, KeyError, TypeError):
            return LogSource(source.path, source.module, [], [])

    def _check(self, source: npt.NDArray[Any], number: npt.NDArray[Any], lengths: list[int]) -> None:
        known = (source >= 0) & (source < len(lengths))
        if not known.all() or not ((number >= 0) & (number < np.array(lengths, np.int64)[source])).all():
            raise FlorError(f"run {self.run.id} skipped: its trace and its folder sites/ do not fit each other")


def open_trace(run: Run) -> Trace:
    """Open a run's trace: packed if it is packed, else from its segments, also while the run is going on.

    What is damaged is skipped and said in `Trace.warnings`. Raises FlorError, with one line that names the run and the
    file, if the trace cannot be read at all.
    """
    for _ in range(2):
        try:
            if packed(run.path):
                from flor.trace.packed import Packed

                return Trace(run, Packed(run.path))
            return Trace(run, Raw(decode(run.path, growing=run.status == "running")))
        except VanishedError:  # packed meanwhile
            continue
        except OSError as error:
            raise FlorError(f"run {run.id} skipped: {error.filename}: {error.strerror}") from None
    return Trace(run, Empty(run))


def _view(array: npt.NDArray[Any]) -> memoryview:
    """The array as a sequence of Python numbers."""
    return memoryview(np.ascontiguousarray(array))  # type: ignore[arg-type]


class Empty:
    """A run of which no events are there."""

    def __init__(self, run: Run) -> None:
        self.keys: list[SourceKey] = []
        self.warnings = [f"run {run.id} holds no events"]
        self.main = -1

    def instances(self) -> Instances:
        return instances_of(*(np.zeros(0, np.int64) for _ in range(7)))

    def skipped(self) -> dict[tuple[int, int], int]:
        return {}

    def rows(self, source: int, site: int) -> Rows:
        return no_rows()

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
        return decoded_instances(self.decoded)

    def skipped(self) -> dict[tuple[int, int], int]:
        return decoded_skipped(self.decoded)

    def rows(self, source: int, site: int) -> Rows:
        table = self.decoded.sources[source]
        rows = self.decoded.rows[table.first_site + site] if site < len(table.sites) else None
        return no_rows() if rows is None else decoded_rows(rows, self.decoded)

    def all_rows(self) -> Iterator[tuple[int, int, Rows]]:
        for number, source in enumerate(self.decoded.sources):
            for site in range(len(source.sites)):
                if self.decoded.rows[source.first_site + site] is not None:
                    yield number, site, self.rows(number, site)
