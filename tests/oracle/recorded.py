"""What the ETL gives for every name of a run: the values of each, and the block instance of each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flor.errors import FlorError
from flor.etl import typed
from flor.etl.extract import Annotated, extract
from flor.etl.keys import Blocks
from flor.trace.read import Trace
from flor.trace.recorded import together
from tests.oracle.tree import Instance


@dataclass(frozen=True)
class Value:
    """A value as it is in a trace, and as a table shows it."""

    instance: int
    kind: int
    payload: int
    data: bytes | None
    cell: object


@dataclass(frozen=True)
class Recorded:
    values: dict[str, list[Value]]  # of each name that has some
    reasons: dict[str, list[str]]  # what the ETL says of a name
    wrong: list[str]


def read(trace: Trace, copies: Sequence[Annotated]) -> Recorded:
    """All names' values, by the real extraction."""
    blocks = Blocks()
    found = extract(trace, copies, blocks, whole=True)
    reasons: dict[str, list[str]] = {}
    for diagnostic in found.diagnostics:
        if diagnostic.name is not None:
            reasons.setdefault(diagnostic.name, []).append(diagnostic.sentence)
    values: dict[str, list[Value]] = {}
    wrong: list[str] = []
    for name, pieces in found.pieces.items():
        joined = together([p.values for p in pieces])
        instances = np.concatenate([p.instance for p in pieces])
        number = np.concatenate([np.full(len(p.instance), p.block) for p in pieces])
        if len(instances) and not (found.tree.block[instances] == number).all():
            wrong.append(f"{name}: values of another block's instances")
        try:
            column, _ = typed.column(name, joined, np.arange(len(instances)))
        except FlorError as error:
            wrong.append(f"{name}: {error}")
            continue
        data = [d for chunk in joined.data for d in chunk.to_pylist()]
        rows = zip(
            instances.tolist(), joined.kind.tolist(), joined.payload.tolist(), data, column.to_pylist(), strict=True
        )
        values[name] = [Value(*row) for row in rows]
        repeated = [i for i, n in Counter(instances.tolist()).items() if n > 1]
        if repeated:
            wrong.append(f"{name}: several values in one block instance")
    return Recorded(values, reasons, wrong)


def instances(trace: Trace) -> list[Instance]:
    """The run's block instances, each with the number of its source and block in the trace."""
    i = trace.instances()
    columns = (i.source, i.block, i.parent, i.stream, i.ordinal)
    return [Instance(*map(int, row)) for row in zip(*columns, strict=True)]


def order(trace: Trace, main: int) -> list[tuple[int, int, int]]:
    """(source, site, instance) of all expressions' own records in a stream, in the order of events."""
    rows: list[tuple[int, int, int, int]] = []
    stream = trace.instances().stream
    for number, source in enumerate(trace.sources):
        for index, site in enumerate(source.map.sites):
            if site.kind == "expression" and site.source == "recorded":
                found = trace.values(number, index)
                pairs = zip(found.seq.tolist(), found.instance.tolist(), strict=True)
                rows += [(seq, number, index, i) for seq, i in pairs if stream[i] == main]
    return [row[1:] for row in sorted(rows)]
