"""The long form of a table: a row for each value of each name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import arrow, home
from flor.diagnostics import Diagnostic, fold
from flor.etl.extract import Annotated, Extracted, Piece
from flor.etl.keys import FRAMES, Blocks
from flor.etl.reading import read_runs
from flor.etl.selection import ALL, Selection
from flor.etl.table import Table
from flor.etl.times import spans, time_columns
from flor.trace.recorded import texts, type_names

Ints = npt.NDArray[np.int64]

_KEYS = ["run", "name", "block"]
_TIMES = [("began", pa.timestamp("us", "UTC")), ("seconds", pa.float64())]


def _schema(times: bool) -> pa.Schema:
    columns = [*((key, arrow.TEXT) for key in _KEYS), *(_TIMES if times else ())]
    return pa.schema([*columns, ("value", arrow.TEXT), ("type", arrow.TEXT)])


def make_long_table(
    experiment: str,
    shadows: Sequence[Path | Annotated],
    selection: Selection = ALL,
    *,
    times: bool = False,
    exact: bool = False,
) -> Table:
    """All values of the names in the runs that are selected: run by run, name by name, in the order of their events.

    Columns: the run's id, the name, the block instance that holds the value (`epoch[3] > train()[0] > batch[12]`, empty
    at the top of a module), with `times` when that began (`began`, in UTC) and the `seconds` that it took, the value as
    text, and what kind of value it is. Raises FlorError as `make_table` does.
    """
    blocks = Blocks()
    made: list[pa.Table] = [_schema(times).empty_table()]
    runs: list[str] = []

    def take(run: home.Run, extracted: Extracted) -> list[Diagnostic]:
        runs.append(run.id)
        span = spans(run, extracted, np.arange(len(extracted.begin))) if times else None
        for name, pieces in extracted.pieces.items():
            made.extend(_of_piece(run.id, name, piece, extracted, blocks, span) for piece in pieces)
        return []

    read = read_runs(experiment, shadows, selection, blocks, take, exact, whole=times)
    return Table(pa.concat_tables(made), list(_KEYS), read.names, runs, fold(read.diagnostics), read.going, read.logged)


def _of_piece(
    run: str, name: str, piece: Piece, extracted: Extracted, blocks: Blocks, span: tuple[Ints, Ints] | None
) -> pa.Table:
    """The rows of some values; `span`: of each block instance what `spans` gives, or None."""
    count = len(piece.instance)
    columns = [
        arrow.repeated(run.encode(), count),
        arrow.repeated(name.encode(), count),
        arrow.texts(_paths(piece.instance, extracted, blocks)),
        *(time_columns(*(times[piece.instance] for times in span)) if span is not None else ()),
        arrow.texts(texts(piece.values)),
        type_names(piece.values).cast(arrow.TEXT),
    ]
    return pa.table(columns, schema=_schema(span is not None))


def _paths(instances: Ints, extracted: Extracted, blocks: Blocks) -> list[str]:
    """Where each instance lies: the block instances around it and itself, from the outermost in."""
    parent, ordinal, block = extracted.tree.parent, extracted.ordinal, extracted.tree.block
    known: dict[int, str] = {-1: ""}

    def path(instance: int) -> str:
        around: list[int] = []
        while instance not in known:
            around.append(instance)
            instance = int(parent[instance])
        for inner in reversed(around):
            label = _label(blocks, int(block[inner]), int(ordinal[inner]))
            known[inner] = " > ".join(filter(None, (known[int(parent[inner])], label)))
        return known[around[0]] if around else known[instance]

    return [path(i) for i in instances.tolist()]


def _label(blocks: Blocks, number: int, ordinal: int) -> str:
    block = blocks.blocks[number]
    if block.kind == "module":
        return ""
    return f"{block.name}()[{ordinal}]" if block.kind in FRAMES else f"{block.name}[{ordinal}]"
