"""What SQL sees of the traces: `runs`, `sites`, `blocks` and `values` over all experiments, as streams of Arrow
batches.

A stream is made anew each time that a query scans it, and holds one batch at a time. A run that cannot be read is
left out, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from flor import home
from flor.capture.sites import Block
from flor.errors import FlorError
from flor.etl import arrow
from flor.etl.typed import Recorded, texts, type_names
from flor.trace import format as f
from flor.trace.read import Source, Trace, open_trace

arrow.TEXT = pa.large_string()
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
            ("commit", arrow.TEXT),
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


class Stream:
    """Arrow batches for whoever asks for them, as often as they ask (the Arrow PyCapsule interface)."""

    def __init__(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        self.schema = schema
        self._batches = batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)


def view(name: str, warnings: list[str]) -> Stream:
    """The view of this name; what cannot be read is added to `warnings`, once."""
    rows = {"runs": _runs, "blocks": _blocks, "sites": _sites, "values": _values}[name]
    return Stream(SCHEMAS[name], partial(rows, warnings))


def _each_run(warnings: list[str]) -> Iterator[home.Run]:
    for experiment in home.experiments():
        found: list[str] = []
        yield from home.runs(experiment, found)
        _warn(warnings, *found)


def _each_trace(warnings: list[str]) -> Iterator[Trace]:
    for run in _each_run(warnings):
        try:
            yield open_trace(run)
        except FlorError as error:
            _warn(warnings, str(error))


def _warn(warnings: list[str], *new: str) -> None:
    warnings += [w for w in dict.fromkeys(new) if w not in warnings]


def _batch(name: str, rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [()] * len(SCHEMAS[name])
    types = SCHEMAS[name].types
    arrays = [arrow.texts(c) if t == arrow.TEXT else arrow.optional(c, t) for c, t in zip(columns, types, strict=True)]
    return pa.record_batch(arrays, schema=SCHEMAS[name])


def _runs(warnings: list[str]) -> Iterator[pa.RecordBatch]:
    rows = []
    for run in _each_run(warnings):
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
            )
        )
    yield _batch("runs", rows)


def _str(value: object) -> str | None:
    return None if value is None else str(value)


def _time(seconds: float | None) -> int | None:
    """Local time, as microseconds: what a timestamp without a zone holds."""
    if seconds is None:
        return None
    return round(datetime.fromtimestamp(seconds).replace(tzinfo=UTC).timestamp() * 1e6)


def _blocks(warnings: list[str]) -> Iterator[pa.RecordBatch]:
    for trace in _each_trace(warnings):
        try:
            instances = trace.instances()
        except FlorError as error:
            _warn(warnings, str(error))
            continue
        rows = []
        for index, source in enumerate(trace.sources):
            if not source.available:
                continue
            blocks = source.map.blocks
            counts = np.bincount(instances.block[instances.source == index], minlength=len(blocks)).tolist()
            skipped = [trace.skipped().get((index, number), 0) for number in range(len(blocks))]
            for block, chain, *both in zip(blocks, chains(blocks), counts, skipped, strict=True):
                where = (trace.run.experiment, trace.run.id, source.path, source.module)
                rows.append((*where, block.line, block.kind, block.name, chain, *both))
        _warn(warnings, *trace.warnings)
        yield _batch("blocks", rows)


def chains(blocks: list[Block]) -> list[str]:
    """Each block with those around it, as text: `module > for epoch > train()`."""
    result: list[str] = []
    for block in blocks:
        own = {"module": "module", "function": f"{block.name}()", "while": block.name}.get(
            block.kind, f"{block.kind} {block.name}"
        )
        result.append(own if block.parent is None else f"{result[block.parent]} > {own}")
    return result


def _sites(warnings: list[str]) -> Iterator[pa.RecordBatch]:
    for trace in _each_trace(warnings):
        rows = []
        for source in trace.sources:
            if not source.available:
                continue
            chain = chains(source.map.blocks)
            for site in source.map.sites:
                where = (trace.run.experiment, trace.run.id, source.path, source.module, site.span[0], site.span[1] + 1)
                rows.append((*where, site.kind, site.text, chain[site.block], site.source, site.why))
        _warn(warnings, *trace.warnings)
        yield _batch("sites", rows)


def _values(warnings: list[str]) -> Iterator[pa.RecordBatch]:
    for trace in _each_trace(warnings):
        for index, source in enumerate(trace.sources):
            if not source.available:
                continue
            try:
                yield from _values_of(trace, index, source)
            except FlorError as error:
                _warn(warnings, str(error))
                break
        _warn(warnings, *trace.warnings)


def _values_of(trace: Trace, index: int, source: Source) -> Iterator[pa.RecordBatch]:
    chain = chains(source.map.blocks)
    for number, site in enumerate(source.map.sites):
        if site.source != "recorded":
            continue
        values = trace.values(index, number)
        count = len(values.instance)
        if not count:
            continue
        recorded = Recorded(values.kind, values.payload, [values.data])
        is_int, is_float = values.kind == f.INT, values.kind == f.FLOAT
        ints = values.payload.view(np.int64)
        floats = np.where(is_float, values.payload.view(np.float64), ints.astype(np.float64))
        zeros = arrow.numbers(np.zeros(count, np.int64))
        same = (trace.run.experiment, trace.run.id, source.path, site.text, chain[site.block])
        experiment, run, file, text, block = (pa.DictionaryArray.from_arrays(zeros, arrow.texts([s])) for s in same)
        line = np.full(count, site.span[0], np.int64)
        columns = [experiment, run, file, arrow.numbers(line), text, block]
        columns += [arrow.numbers(values.instance), arrow.numbers(values.seq)]
        columns += [type_names(recorded), arrow.texts(texts(recorded))]
        columns += [arrow.numbers(ints, ~is_int), arrow.numbers(floats, ~(is_int | is_float))]
        yield pa.record_batch(columns, schema=SCHEMAS["values"])
