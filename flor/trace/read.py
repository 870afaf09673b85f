"""Open a trace: its sources, its block instances, the values of a site. The same answers for a packed trace, for raw
segments, and for a long run of which some parts are packed and the rest is not.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from flor.capture.sites import SourceMap
from flor.errors import FlorError
from flor.home import Run
from flor.trace import format as f
from flor.trace.assemble import Assembled, assemble, concatenate, one_after_the_other, stream_ranks
from flor.trace.cet_json import LogColumns, LogSource, root_of
from flor.trace.checkpoint import Checkpoint, part_path, parts
from flor.trace.columns import (
    About,
    Instances,
    Rows,
    Values,
    decoded_about,
    decoded_instances,
    decoded_rows,
    in_words,
    instances_of,
    no_rows,
)
from flor.trace.decode import Decoded, decode
from flor.trace.forked import CircleError, Forks
from flor.trace.layout import VanishedError, mains_again, reason
from flor.trace.narrow import Blocks, closed
from flor.trace.thinned import Thinned

__all__ = ["Instances", "Source", "Thinned", "Trace", "Values", "open_trace"]


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
        try:
            table: dict[str, Any] = json.loads(self._stored_map)
            return table
        except (ValueError, RecursionError) as error:
            raise FlorError(f"sites/{self.sha256}.json cannot be read ({reason(error)})") from None

    @property
    def _stored_map(self) -> bytes:
        path = self.run / "sites" / f"{self.sha256}.json"
        try:
            return path.read_bytes()
        except OSError as error:
            raise FlorError(f"{path} cannot be read ({reason(error)})") from None

    @property
    def block_count(self) -> int:
        """How many blocks its map has; 0 if that cannot be read."""
        try:
            return len(self._map.blocks)
        except FlorError:
            return 0

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
            return _parsed_map(self._stored_map)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise FlorError(f"sites/{self.sha256}.json cannot be read ({reason(error)})") from None


@lru_cache(maxsize=16)
def _parsed_map(stored: bytes) -> SourceMap:
    """Runs of one version of a source share its map."""
    return SourceMap.from_json(json.loads(stored))


class Piece(Blocks, Protocol):
    """A part of a trace: packed, or decoded from segments."""

    @property
    def about(self) -> About: ...
    @property
    def copies(self) -> Ints: ...
    def instances(self, at: Ints | None = None) -> Instances: ...
    def rows(self, source: int, site: int) -> Rows: ...
    def sites(self) -> Iterator[tuple[int, int]]: ...


Ints = npt.NDArray[np.int64]


class _Count:
    """A warning that counts what is found on the way."""

    def __init__(self, warnings: list[str], text: str) -> None:
        self._warnings, self._text = warnings, text
        self._counts: dict[object, int] = {}

    def add(self, what: object, count: int) -> None:
        """So many of these; what was counted before is not counted again."""
        before = self._text.format(sum(self._counts.values()))
        self._counts[what] = count
        total = sum(self._counts.values())
        if before in self._warnings:
            self._warnings[self._warnings.index(before)] = self._text.format(total)
        elif total:
            self._warnings.append(self._text.format(total))


_UNKNOWN = 1 << 31  # blocks of a source whose map cannot be read: more than any has


class Trace:
    """The trace of one run, as it was when it was opened. Open one with `open_trace`."""

    def __init__(self, run: Run, pieces: Sequence[Piece]) -> None:
        """The pieces come one after the other, the last one knows most about the run."""
        self.run = run
        self._pieces = pieces
        #: which instances of each piece are there to readers, counted from its first; None: all
        self._kept: Sequence[Ints] | None = None
        self._about = about = pieces[-1].about
        self.warnings: list[str] = list(about.warnings)
        self._duplicates = _Count(self.warnings, "{} values dropped: their block instance has another of the same site")
        self._duplicates.add(None, about.duplicates)
        self._unresolved = _Count(self.warnings, "{} block instances have no known parent")
        self._unresolved.add(None, about.unresolved)
        self.sources = [Source(k.path, k.sha256, k.module, run.path, self.warnings) for k in self._about.keys]

    @cached_property
    def _assembled(self) -> Assembled:
        for piece, before in zip(self._pieces, np.cumsum([0, *(p.count for p in self._pieces)]), strict=False):
            if piece.base != before:
                raise self._damaged("its parts do not follow each other")
        at: Sequence[Ints | None] = self._kept or [None] * len(self._pieces)
        found = concatenate([piece.instances(own) for piece, own in zip(self._pieces, at, strict=True)])
        late = np.concatenate([piece.late for piece in self._pieces])
        if len(late) and not ((late[:, :2] >= (0, -1)) & (late[:, :2] < self.count)).all():
            raise self._damaged("numbers are out of range")
        copies = np.concatenate([piece.copies for piece in self._pieces])
        if not ((copies >= 0) & (copies < self.count)).all() or not (np.diff(copies) > 0).all():
            raise self._damaged("numbers are out of range")
        about, main = self._about, self._about.main
        if self._kept is not None:
            main = int(self._here(np.array([main]))[0]) if main in self._ids else -1
            found = replace(found, parent=self._here(found.parent))
            late = late[np.isin(late[:, 0], self._ids)]
            late[:, :2] = self._here(late[:, :2])
            copies = self._here(copies[np.isin(copies, self._ids)])
        blocks = [source.block_count or _UNKNOWN for source in self.sources]
        self._check(found.source, found.block, blocks)
        try:
            assembled = assemble(found, late, copies, about.streams, self.forks, about.activations, main, self.mains)
        except CircleError:
            raise self._damaged("instances are their own parents") from None
        self._unresolved.add("cut", assembled.cut)
        return assembled

    @property
    def count(self) -> int:
        """How many block instances were recorded."""
        return sum(piece.count for piece in self._pieces)

    @property
    def kept(self) -> int:
        """How many of them are here: fewer in what `only` gives."""
        return self.count if self._kept is None else sum(map(len, self._kept))

    def only(self, blocks: Iterable[tuple[int, int]]) -> Trace:
        """This trace with fewer instances: those of these blocks (source index, block) and of those that they lie in,
        at any depth, all instances of each. Values can be asked for of sites in these only. Raises FlorError as
        `instances` does."""
        narrowed = copy(self)
        narrowed.__dict__.pop("_assembled", None)
        try:
            narrowed._kept = closed(self._pieces, blocks)
        except ValueError as error:
            raise self._damaged(str(error)) from None
        return narrowed

    @cached_property
    def _ids(self) -> Ints:
        """The kept instances as the pieces number them, ascending."""
        assert self._kept is not None
        return np.concatenate([piece.base + at for piece, at in zip(self._pieces, self._kept, strict=True)])

    def _here(self, instances: Ints) -> Ints:
        """What the pieces call instances that are kept: their places among the kept ones. -1 stays."""
        if len(self._ids) == self.count:
            return instances
        found = np.searchsorted(self._ids, instances)
        assert (self._ids[np.minimum(found, len(self._ids) - 1)] == instances)[instances >= 0].all()
        return np.where(instances < 0, -1, found)

    def instances(self) -> Instances:
        """The run's block instances. Raises FlorError if the trace is damaged."""
        return self._assembled.instances

    @property
    def copies(self) -> Ints:
        """Rows (copy, original): the instances that children of `os.fork` went on in, and what they went on from; and
        the main module's in processes that were started afresh, with the first process's. A copy comes after one that
        it is a copy of. Raises FlorError as `instances` does."""
        return self._assembled.copies

    @cached_property
    def forks(self) -> Forks:
        """Which process was forked from which, and when. Raises FlorError if the trace is damaged."""
        try:
            return Forks(self._about.streams, self._about.forks)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    @property
    def mains(self) -> list[int]:
        """Which of the sources are the main module again, run in processes that were started afresh."""
        return mains_again(self._about.keys)

    @cached_property
    def counts(self) -> dict[tuple[int, int], int]:
        """How many instances of each block (source index, block) there are. Raises FlorError as `instances` does."""
        found: Counter[tuple[int, int]] = Counter()
        for piece in self._pieces:
            sources, blocks = piece.blocks()
            try:
                for source in np.flatnonzero(np.bincount(sources)).tolist():
                    counts = np.bincount(blocks[sources == source])
                    found.update({(source, block): int(counts[block]) for block in np.flatnonzero(counts).tolist()})
            except ValueError:
                raise self._damaged("numbers are out of range") from None
        return found

    def values(self, source_index: int, site_index: int) -> Values:
        """The values recorded at a site of a source; empty if there are none. Raises FlorError as `instances` does."""
        return self._rows(source_index, site_index).values

    def in_parts(self, source: int, site: int) -> Iterator[Values]:
        """The values of a site, part by part as they were recorded, for who needs no `instances`: of a long trace there
        is no more in memory than a part. Where a block instance has two values from different parts both are there."""
        for piece in self._pieces:
            yield in_words(piece.rows(source, site).values)

    def skipped(self) -> dict[tuple[int, int], int]:
        """How many instances of a block (source index, block) were not recorded; blocks without any are left out."""
        return self._about.skipped

    def thinned(self) -> dict[tuple[int, int], Thinned]:
        """What is to be said of each block (source index, block) of which some instances were not recorded, in the
        order of the sources. Raises FlorError if the trace is damaged."""
        found = {}
        for (index, number), count in sorted(self.skipped().items()):
            source = self.sources[index]
            if source.available and number < len(source.map.blocks):
                block = source.map.blocks[number]
                about = (source.path, source.module, block.line, block.kind, block.name)
                found[index, number] = Thinned(*about, self.counts.get((index, number), 0), count)
        return found

    def _rows(self, source: int, site: int) -> Rows:
        """A site's rows from all pieces, numbered as `instances` are."""
        found = [(piece.base, piece.rows(source, site)) for piece in self._pieces]
        found = [(base, rows) for base, rows in found if len(rows.stream)] or found[:1]
        if (rank := stream_ranks(self._about.streams)) is not None:
            found = [(base, replace(rows, stream=rank[rows.stream])) for base, rows in found]
        rows = found[0][1]
        if len(found) > 1:
            rows = one_after_the_other(found)
            self._duplicates.add((source, site), sum(len(own.stream) for _, own in found) - len(rows.stream))
        if self._kept is not None:
            rows = replace(rows, values=replace(rows.values, instance=self._here(rows.values.instance)))
        if (number := self._assembled.number) is not None:
            rows = replace(rows, values=replace(rows.values, instance=number[rows.values.instance]))
        return replace(rows, values=in_words(rows.values))

    def log_columns(self) -> LogColumns:
        """Everything, arranged for `cet_json.write_log`. Raises FlorError as `instances` does."""
        instances = self.instances()
        sites = sorted({site for piece in self._pieces for site in piece.sites()})
        rows = [self._rows(source, site) for source, site in sites]
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
        parentless = np.flatnonzero(instances.parent < 0)
        roots = _view(parentless[np.lexsort((instances.seq[parentless], instances.stream[parentless]))])
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
            roots,
            root_of(_view(instances.parent), roots, self._main),
        )

    @property
    def _main(self) -> int:
        main, number = self._about.main, self._assembled.number
        return int(number[main]) if number is not None and 0 <= main < len(number) else main

    def _damaged(self, why: str) -> FlorError:
        return FlorError(f"run {self.run.id} skipped: {self.run.path / 'trace'} cannot be read: {why}")

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


#: How often a trace is opened anew because files went away meanwhile: each time a part was packed.
_ATTEMPTS = 50


def open_trace(run: Run) -> Trace:
    """Open a run's trace: packed if it is packed, else from its segments, also while the run is going on.

    What is damaged is skipped and said in `Trace.warnings`. Raises FlorError, with one line that names the run and the
    file, if the trace cannot be read at all.
    """
    for _ in range(_ATTEMPTS):
        try:
            return Trace(run, list(_pieces(run)))
        except VanishedError:  # packed meanwhile
            continue
        except OSError as error:
            raise FlorError(f"run {run.id} skipped: {error.filename}: {error.strerror}") from None
    return Trace(run, [Empty(run)])


def _pieces(run: Run) -> Iterator[Piece]:
    packed = parts(run.path)
    if packed:
        from flor.trace.packed import Packed

        if packed != [0] and packed != list(range(1, len(packed) + 1)):
            raise FlorError(f"run {run.id} skipped: {run.path / 'trace'} lacks some of its parts")
        yield from (Packed(run.path, part) for part in packed)
        if packed != [0] and not (run.path / "segments").is_dir() and parts(run.path) != packed:
            raise VanishedError(run.path / "segments")
    if packed != [0] and (not packed or (run.path / "segments").is_dir()):
        since = None
        if packed:
            path = part_path(run.path, "state", packed[-1])
            try:
                since = Checkpoint.from_bytes(path.read_bytes())
            except FileNotFoundError:
                if parts(run.path) == packed and (run.path / "segments").is_dir():
                    raise FlorError(f"run {run.id} skipped: {path} is not there") from None
                raise VanishedError(path) from None
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise FlorError(f"run {run.id} skipped: {path} cannot be read ({reason(error)})") from None
        try:
            yield Raw(decode(run.path, growing=run.status == "running", since=since))
        except ValueError as error:
            raise FlorError(f"run {run.id} skipped: its state cannot be read ({reason(error)})") from None


def _view(array: npt.NDArray[Any]) -> memoryview:
    """The array as a sequence of Python numbers."""
    return memoryview(np.ascontiguousarray(array))  # type: ignore[arg-type]


class Empty:
    """A run of which no events are there."""

    def __init__(self, run: Run) -> None:
        self.about = About([], [], [], [], [f"run {run.id} holds no events"], -1, {}, 0, 0, False)
        self.base = self.count = 0
        self.late = np.zeros((0, 3), np.int64)
        self.copies = np.zeros(0, np.int64)

    def instances(self, at: Ints | None = None) -> Instances:
        return instances_of(*(np.zeros(0, np.int64) for _ in range(7)))

    def parents(self, at: Ints) -> Ints:
        return at

    def blocks(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)

    def rows(self, source: int, site: int) -> Rows:
        return no_rows()

    def sites(self) -> Iterator[tuple[int, int]]:
        return iter(())


class Raw:
    """Decoded segments."""

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded
        self.about = decoded_about(decoded)
        self.base, self.count = decoded.base, len(decoded.block)
        self.late = np.frombuffer(decoded.late, np.int64).reshape(-1, 3)
        self.copies = np.frombuffer(decoded.copies, np.int64)

    def instances(self, at: Ints | None = None) -> Instances:
        found = decoded_instances(self.decoded)
        return found if at is None else Instances(**{f.name: getattr(found, f.name)[at] for f in fields(Instances)})

    def parents(self, at: Ints) -> Ints:
        return np.frombuffer(self.decoded.parent, np.int64)[at]

    def blocks(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        found = self.instances()
        return found.source, found.block

    def rows(self, source: int, site: int) -> Rows:
        if source >= len(self.decoded.sources):
            return no_rows()
        table = self.decoded.sources[source]
        number = table.first_site + site
        rows = self.decoded.rows[number] if site < len(table.sites) else None
        return no_rows() if rows is None else decoded_rows(number, rows, self.decoded)

    def sites(self) -> Iterator[tuple[int, int]]:
        for number, source in enumerate(self.decoded.sources):
            for site in range(len(source.sites)):
                if self.decoded.rows[source.first_site + site] is not None:
                    yield number, site
