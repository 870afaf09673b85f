"""What SQL sees of the traces: `runs`, `sites`, `blocks` and `values` over all experiments.

A view is scanned anew by each query. It reads what the query's filter leaves of the experiments, runs, files and sites,
and holds one batch at a time. A run that cannot be read is left out, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from flor import arrow, home
from flor.capture.sites import Block, SourceMap
from flor.errors import FlorError
from flor.query.pruning import passing
from flor.trace import format as f
from flor.trace.read import Source, Trace, open_trace
from flor.trace.recorded import Recorded, texts, type_names

_BATCH = 65_536
#: Text that repeats.
_SAME = pa.dictionary(pa.int64(), arrow.TEXT)

SCHEMAS = {
    "runs": pa.schema(
        [
            ("experiment", arrow.TEXT),
            ("run", arrow.TEXT),
            ("script", arrow.TEXT),
            ("arguments", arrow.TEXT),
            ("status", arrow.TEXT),
            ("exit_code", pa.int64()),
            ("start", pa.timestamp("us")),  # local time
            ("end", pa.timestamp("us")),
            ("seconds", pa.float64()),
            ("exception", arrow.TEXT),
            ("python", arrow.TEXT),
            ("host", arrow.TEXT),
            ("commit", arrow.TEXT),  # that was checked out
            ("code", arrow.TEXT),  # the ref under which git keeps the run's code
        ]
    ),
    "blocks": pa.schema(
        [
            ("experiment", arrow.TEXT),
            ("run", arrow.TEXT),
            ("file", arrow.TEXT),
            ("module", arrow.TEXT),
            ("line", pa.int64()),
            ("kind", arrow.TEXT),
            ("name", arrow.TEXT),
            ("block", arrow.TEXT),  # the chain of blocks: "module > for epoch > train() > for batch"
            ("instances", pa.int64()),  # how many times it was executed, as far as that was recorded
            ("skipped", pa.int64()),  # how many more times: it was thinned
        ]
    ),
    "sites": pa.schema(
        [
            ("experiment", arrow.TEXT),
            ("run", arrow.TEXT),
            ("file", arrow.TEXT),
            ("module", arrow.TEXT),
            ("line", pa.int64()),
            ("column", pa.int64()),  # from 1
            ("kind", arrow.TEXT),
            ("text", arrow.TEXT),
            ("block", arrow.TEXT),
            ("source", arrow.TEXT),
            ("why", arrow.TEXT),
        ]
    ),
    "values": pa.schema(
        [
            ("experiment", _SAME),
            ("run", _SAME),
            ("file", _SAME),
            ("line", pa.int64()),
            ("text", _SAME),
            ("block", _SAME),
            ("instance", pa.int64()),
            ("seq", pa.int64()),
            ("kind", _SAME),  # int, float, str, ..., gap
            ("value", arrow.TEXT),  # NULL for None and for a gap
            ("int_value", pa.int64()),
            ("float_value", pa.float64()),  # of ints too
        ]
    ),
}


#: Where pruning looks up the types of columns: a dictionary's values have their own.
_PLAIN = {
    name: pa.schema([(field.name, arrow.TEXT if field.type == _SAME else field.type) for field in schema])
    for name, schema in SCHEMAS.items()
}


@dataclass(frozen=True)
class _Wanted:
    """What a scan asks for."""

    view: str
    columns: Sequence[str] | None  # None: all
    predicate: Any  # an Arrow expression that the rows must pass; None: all do
    warnings: list[str]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that are asked for, or may be part of the filter."""
        schema = SCHEMAS[self.view]
        if not self.columns:
            return schema
        named = {*self.columns, *re.findall(r"\w+", str(self.predicate))}
        return pa.schema([field for field in schema if field.name in named])

    def passing(self, known: Sequence[dict[str, str | int]]) -> list[int]:
        return passing(self.predicate, known, _PLAIN[self.view])


class View(ds.Dataset):  # type: ignore[misc]
    """A view, for DuckDB, which asks an Arrow dataset for its schema, then for scanners: nothing else is there."""

    def __init__(self, name: str, warnings: list[str]) -> None:
        self._name, self._warnings = name, warnings

    @property
    def schema(self) -> pa.Schema:
        return SCHEMAS[self._name]

    def scanner(self, columns: Sequence[str] | None = None, filter: Any = None, **_: object) -> ds.Scanner:  # noqa: A002
        """Some columns of the rows that pass a filter."""
        wanted = _Wanted(self._name, columns, filter, self._warnings)
        batches = _ROWS[self._name](wanted)
        # Without threads: one that still makes rows when the answer is there, and Python ends, ends it with an abort.
        return ds.Scanner.from_batches(
            batches, schema=wanted.schema, columns=columns, filter=filter, batch_readahead=1, use_threads=False
        )


def view(name: str, warnings: list[str]) -> View:
    """The view of this name; what cannot be read is added to `warnings`, once."""
    return View(name, warnings)


def _each_run(wanted: _Wanted) -> Iterator[home.Run]:
    paths = [(experiment, path) for experiment in home.experiments() for path in home.run_paths(experiment)]
    for number in wanted.passing([{"experiment": experiment, "run": path.name} for experiment, path in paths]):
        path = paths[number][1]
        try:
            yield home.open_run(path)
        except FlorError as error:
            _warn(wanted.warnings, f"run {path.name} skipped: {error}")


def _each_trace(wanted: _Wanted) -> Iterator[Trace]:
    for run in _each_run(wanted):
        try:
            yield open_trace(run)
        except FlorError as error:
            _warn(wanted.warnings, str(error))


def _each_source(wanted: _Wanted, trace: Trace) -> Iterator[tuple[int, Source]]:
    """A trace's sources that can be read, with their numbers."""
    for number in wanted.passing([_file_columns(wanted, source) for source in trace.sources]):
        if trace.sources[number].available:
            yield number, trace.sources[number]


def _file_columns(wanted: _Wanted, source: Source) -> dict[str, str | int]:
    module: dict[str, str | int] = {"module": source.module} if "module" in SCHEMAS[wanted.view].names else {}
    return {"file": source.path, **module}


def _warn(warnings: list[str], *new: str) -> None:
    warnings += [w for w in dict.fromkeys(new) if w not in warnings]


def _batch(wanted: _Wanted, rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    schema = SCHEMAS[wanted.view]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [
        arrow.texts(c) if t == arrow.TEXT else arrow.optional(c, t) for c, t in zip(columns, schema.types, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema).select(wanted.schema.names)


def _runs(wanted: _Wanted) -> Iterator[pa.RecordBatch]:
    rows = []
    for run in _each_run(wanted):
        info = run.info
        rows.append(
            (
                run.experiment,
                run.id,
                _str(info.get("script")),
                " ".join(map(str, list(info.get("argv") or [])[1:])),
                run.status,
                info.get("exit_code"),
                _time(info["start"]),
                _time(info.get("end")),
                run.seconds,
                _str(info.get("exception")),
                _str(info.get("python")),
                _str(info.get("host")),
                _str(info.get("commit")),
                run.code_ref,
            )
        )
    yield _batch(wanted, rows)


def _str(value: object) -> str | None:
    return None if value is None else str(value)


def _time(seconds: float | None) -> int | None:
    """Local time, as microseconds: what a timestamp without a zone holds."""
    if seconds is None:
        return None
    return round(datetime.fromtimestamp(seconds).replace(tzinfo=UTC).timestamp() * 1e6)


def _blocks(wanted: _Wanted) -> Iterator[pa.RecordBatch]:
    for trace in _each_trace(wanted):
        try:
            instances = trace.instances() if {"instances", "skipped"}.intersection(wanted.schema.names) else None
        except FlorError as error:
            _warn(wanted.warnings, str(error))
            continue
        rows = []
        for index, source in _each_source(wanted, trace):
            blocks = source.map.blocks
            counts = [0] * len(blocks)
            skipped = [0] * len(blocks)
            if instances is not None:
                counts = np.bincount(instances.block[instances.source == index], minlength=len(blocks)).tolist()
                skipped = [trace.skipped().get((index, number), 0) for number in range(len(blocks))]
            for block, chain, *both in zip(blocks, chains(blocks), counts, skipped, strict=True):
                where = (trace.run.experiment, trace.run.id, source.path, source.module)
                rows.append((*where, block.line, block.kind, block.name, chain, *both))
        _warn(wanted.warnings, *trace.warnings)
        yield _batch(wanted, rows)


def chains(blocks: list[Block]) -> list[str]:
    """Each block with those around it, as text: `module > for epoch > train()`."""
    result: list[str] = []
    for block in blocks:
        own = {"module": "module", "function": f"{block.name}()", "while": block.name}.get(
            block.kind, f"{block.kind} {block.name}"
        )
        result.append(own if block.parent is None else f"{result[block.parent]} > {own}")
    return result


def _sites(wanted: _Wanted) -> Iterator[pa.RecordBatch]:
    for trace in _each_trace(wanted):
        rows = []
        for _, source in _each_source(wanted, trace):
            chain = chains(source.map.blocks)
            for site in source.map.sites:
                where = (trace.run.experiment, trace.run.id, source.path, source.module, site.span[0], site.span[1] + 1)
                rows.append((*where, site.kind, site.text, chain[site.block], site.source, site.why))
        _warn(wanted.warnings, *trace.warnings)
        yield _batch(wanted, rows)


def _values(wanted: _Wanted) -> Iterator[pa.RecordBatch]:
    sites: dict[str, tuple[SourceMap, list[int]]] = {}  # of a file, those asked for: most runs have the same
    for trace in _each_trace(wanted):
        for index, source in _each_source(wanted, trace):
            if source.path not in sites or sites[source.path][0] != source.map:
                sites[source.path] = source.map, _sites_with_values(wanted, source)
            try:
                for number in sites[source.path][1]:
                    yield from _values_of(wanted, trace, index, number)
            except FlorError as error:
                _warn(wanted.warnings, str(error))
                break
        _warn(wanted.warnings, *trace.warnings)


def _sites_with_values(wanted: _Wanted, source: Source) -> list[int]:
    chain = chains(source.map.blocks)
    recorded = [number for number, site in enumerate(source.map.sites) if site.source == "recorded"]
    known: list[dict[str, str | int]] = [
        {"file": source.path, "line": site.span[0], "text": site.text, "block": chain[site.block]}
        for site in map(source.map.sites.__getitem__, recorded)
    ]
    return [recorded[number] for number in wanted.passing(known)]


def _values_of(wanted: _Wanted, trace: Trace, index: int, number: int) -> Iterator[pa.RecordBatch]:
    """A site's values, some at a time."""
    values = trace.values(index, number)
    source = trace.sources[index]
    site = source.map.sites[number]
    same = {
        "experiment": trace.run.experiment,
        "run": trace.run.id,
        "file": source.path,
        "text": site.text,
        "block": chains(source.map.blocks)[site.block],
    }
    for first in range(0, len(values.instance), _BATCH):
        part = slice(first, first + _BATCH)
        recorded = Recorded(values.kind[part], values.payload[part], [values.data[part]])
        count = len(recorded.kind)
        columns: dict[str, Callable[[], pa.Array]] = {
            **{name: partial(_repeated, text, count) for name, text in same.items()},
            "line": partial(arrow.numbers, np.full(count, site.span[0], np.int64)),
            "instance": partial(arrow.numbers, values.instance[part]),
            "seq": partial(arrow.numbers, values.seq[part]),
            "kind": partial(type_names, recorded),
            "value": partial(_texts, recorded),
            "int_value": partial(_ints, recorded),
            "float_value": partial(_floats, recorded),
        }
        yield pa.record_batch([columns[name]() for name in wanted.schema.names], schema=wanted.schema)


def _repeated(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(arrow.numbers(np.zeros(count, np.int64)), arrow.texts([text]))


def _texts(recorded: Recorded) -> pa.Array:
    return arrow.texts(texts(recorded))


def _ints(recorded: Recorded) -> pa.Array:
    return arrow.numbers(recorded.payload.view(np.int64), recorded.kind != f.INT)


def _floats(recorded: Recorded) -> pa.Array:
    is_int, is_float = recorded.kind == f.INT, recorded.kind == f.FLOAT
    ints = recorded.payload.view(np.int64).astype(np.float64)
    return arrow.numbers(np.where(is_float, recorded.payload.view(np.float64), ints), ~(is_int | is_float))


_ROWS: dict[str, Callable[[_Wanted], Iterator[pa.RecordBatch]]] = {
    "runs": _runs,
    "blocks": _blocks,
    "sites": _sites,
    "values": _values,
}
