"""The table of an experiment: names x runs, typed, with key columns and diagnostics. Puts the other modules of this
folder together."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import arrow, home
from flor.annotate.places import Name
from flor.diagnostics import Diagnostic, fold
from flor.errors import FlorError
from flor.etl import apart, typed
from flor.etl.extract import Annotated, Extracted, Piece
from flor.etl.forks import has, passed_on
from flor.etl.join import Rows, Tree, join
from flor.etl.keys import LOOPS, Blocks, base_name, called, free_name, keys, run_key
from flor.etl.logged import LoggedName
from flor.etl.reading import Progress, read_runs
from flor.etl.selection import ALL, Selection
from flor.etl.times import spans, time_columns
from flor.trace.recorded import Recorded, together

if TYPE_CHECKING:
    import pandas
    import polars

Ints = npt.NDArray[np.int64]

#: Version of table.json.
FORMAT = 1

#: Of which no run has instances.
_NO_BLOCK = -2

#: Thinned blocks that are named for each run.
_MOST_THINNED = 8


@dataclass(frozen=True, repr=False)
class Table:
    """What the ETL gives. `arrow` has the key columns first, then one column for each of `names`."""

    arrow: pa.Table
    keys: list[str]
    names: list[tuple[Path, Name]]  # each with its shadow copy
    runs: list[str]  # ids of the runs that were read, oldest first
    diagnostics: list[Diagnostic]
    going: list[str] = field(default_factory=list)  # ids of those of them that had not ended
    logged: list[LoggedName] = field(default_factory=list)  # names that the programs logged; columns behind `names`
    apart: dict[str, pa.Array] = field(default_factory=dict)  # by column: the arrays that are not in it

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Whatever takes a table of Arrow takes this one: polars, DuckDB, `pyarrow.table`."""
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<flor.Table: {self.arrow.num_rows} rows; {', '.join(self.arrow.column_names)}>"

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a DataFrame of pandas. Ints and bools of a column that has NULL are pandas' nullable ones: as
        floats they would lose digits. NULL among floats is NaN. Raises FlorError if pandas is not installed."""
        _demand("pandas")
        import pandas

        frame = self.arrow.to_pandas()
        nullable = {pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}
        for name, column in zip(self.arrow.column_names, self.arrow.columns, strict=True):
            if column.null_count and column.type in nullable:
                frame[name] = nullable[column.type].__from_arrow__(column)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The table as a DataFrame of polars. Raises FlorError if polars is not installed."""
        _demand("polars")
        import polars

        frame = polars.from_arrow(self.arrow)
        assert isinstance(frame, polars.DataFrame)
        return frame


def _demand(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise FlorError(f"{package} is not installed here: pip install {package}")


def make_table(
    experiment: str,
    shadows: Sequence[Path | Annotated],
    selection: Selection = ALL,
    *,
    rows: str | None = None,
    times: bool = False,
    exact: bool = False,
    progress: Progress | None = None,
) -> Table:
    """The table of the runs of an experiment that are selected.

    `rows`: the block whose instances are the rows, by the name of its key column, or `run`; `times`: with the columns
    `began` (in UTC) and `seconds` of each row; `exact`: without values of sources that are not the annotated ones, but
    for comments and layout; `progress` is told how far it is. Raises FlorError for what the user has to mend: an
    unknown experiment, run or block, no run, a shadow copy that cannot be read, a name that is used twice. A run that
    cannot be read is skipped, with a diagnostic.
    """
    without: list[Diagnostic] = []
    builder = _Builder(rows, times)

    def take(run: home.Run, extracted: Extracted) -> list[Diagnostic]:
        made = builder.add(run, extracted)
        if not len(made.place) and not extracted.diagnostics:
            without.append(Diagnostic("has no value of any name, so it has no row", runs=(run.id,)))
        return _thinned(run.id, extracted, made)

    by_block = rows not in (None, "run")
    read = read_runs(experiment, shadows, selection, builder.blocks, take, exact, times or by_block, by_block, progress)
    builder.check_rows()
    names = [*(name.name for _, name in read.names), *(own.name for own in read.logged)]
    data, key_names, remarks = builder.finish(names, {d.name for d in read.diagnostics if d.name is not None})
    about = [*read.diagnostics, *(without if data.num_rows else []), *remarks]
    return Table(data, key_names, read.names, builder.runs, fold(about), read.going, read.logged, builder.apart)


def _thinned(run: str, extracted: Extracted, rows: Rows) -> list[Diagnostic]:
    """Which of the blocks that a run's values lie in were thinned.

    Where a name has no value, or lies in a function, which may be called from anywhere, it may be any.
    """
    pieces = list(extracted.pieces.values())
    holding = {piece.block for own in pieces for piece in own} | set(rows.leading)
    anywhere = any(not any(len(piece.instance) for piece in own) for own in pieces)
    anywhere |= any(extracted.tree.called[piece.block] for own in pieces for piece in own)
    found = [about for block, about in extracted.thinned if anywhere or block in holding]
    found.sort(key=lambda about: -about.skipped)
    remarks = [f"{about}; the others were left out to keep within the budget" for about in found[:_MOST_THINNED]]
    if len(found) > _MOST_THINNED:
        remarks.append(f"{len(found) - _MOST_THINNED} more blocks were thinned: flor show lists them")
    return [Diagnostic(remark, runs=(run,)) for remark in remarks]


@dataclass
class _Builder:
    """Collects the runs' rows, then makes the columns of them."""

    row_block: str | None  # whose instances are the rows, in the user's words
    times: bool
    blocks: Blocks = field(default_factory=Blocks)
    runs: list[str] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)  # rows of each run
    _rows: list[Rows] = field(default_factory=list)
    _ordinals: list[dict[int, Ints]] = field(
        default_factory=list
    )  # of each run: block -> ordinal on each row, -1: NULL
    _values: dict[str, list[Recorded]] = field(default_factory=dict)
    _value_counts: dict[str, int] = field(default_factory=dict)
    _found: dict[str, dict[int, Ints]] = field(
        default_factory=dict
    )  # name -> of each run that has it: on each row, number of the value, or -1
    _leading: dict[int, int] = field(default_factory=dict)
    _nesting: set[tuple[int, int]] = field(default_factory=set)
    _thinned: bool = False  # whether a run has blocks that were
    _chosen: set[int] = field(default_factory=set)  # the blocks that `row_block` was found to be
    _times: list[tuple[Ints, Ints]] = field(default_factory=list)  # of each run: as `spans` gives them
    apart: dict[str, pa.Array] = field(default_factory=dict)  # once it is finished, as the table has it

    def add(self, run: home.Run, extracted: Extracted) -> Rows:
        """Add a run's rows."""
        held = [np.concatenate([p.instance for p in pieces]) for pieces in extracted.pieces.values() if pieces]
        rows = join(extracted.tree, held, self._choose(extracted.tree))
        if self.times:
            self._times.append(spans(run, extracted, rows.place))
        self.runs.append(run.id)
        self._counts.append(len(rows.place))
        for block, instances in rows.leading.items():
            self._leading[block] = max(self._leading.get(block, 0), int(extracted.ordinal[instances].max()))
        self._nesting |= rows.nesting
        ordinal = np.append(extracted.ordinal, -1)
        self._ordinals.append({block: ordinal[shown] for block, shown in rows.instances.items()})
        for name, pieces in extracted.pieces.items():
            first = self._value_counts.get(name, 0)
            self._value_counts[name] = first + sum(len(piece.instance) for piece in pieces)
            self._values.setdefault(name, []).extend(piece.values for piece in pieces)
            found = _find(pieces, rows, extracted.tree, first)
            self._found.setdefault(name, {})[len(self._counts) - 1] = found
        self._thinned |= bool(extracted.thinned)
        return rows

    def _choose(self, tree: Tree) -> list[int] | None:
        """The blocks of a run whose instances are the rows, as `join` takes them."""
        if self.row_block is None:
            return None
        if self.row_block == "run":
            return []
        present = set(np.flatnonzero(np.bincount(tree.block)).tolist())
        found = [b for b in self._called(self.row_block) if b in present]
        self._chosen.update(found)
        return found or [_NO_BLOCK]

    def _called(self, word: str) -> list[int]:
        """The blocks of this name: as the keys have it, else as any version of a source has."""
        every = range(len(self.blocks))
        found = [b for b in every if called(self.blocks.blocks[b], word)]
        return found or [b for b in every if any(called(version, word) for version in self.blocks.versions[b])]

    def check_rows(self) -> None:
        """Raises FlorError unless `row_block` was one block."""
        if self.row_block in (None, "run") or len(self._chosen) == 1:
            return
        known = [b for b in self.blocks.blocks if b.kind in LOOPS or b.kind == "function"]
        if self._chosen:
            known = [self.blocks.blocks[b] for b in sorted(self._chosen)]
            several = ", ".join(f"{base_name(b)}_L{b.line}" for b in known)
            raise FlorError(f"--rows {self.row_block} may be several blocks: say which of {several}")
        names = ", ".join(dict.fromkeys(["run", *map(base_name, known)]))
        raise FlorError(f"no run has a block that is called {self.row_block!r}; there are {names}")

    def finish(self, names: Sequence[str], explained: Set[str]) -> tuple[pa.Table, list[str], list[Diagnostic]]:
        """The table, the names of its key columns, and what is to be said about the values.

        `explained`: the names of which something was said already.
        """
        diagnostics: list[Diagnostic] = []
        columns: dict[str, pa.Array] = {}
        run = run_key(names)
        diagnostics += _renamed(names, "run", run)
        ids = [arrow.repeated(r.encode(), n) for r, n in zip(self.runs, self._counts, strict=True)]
        columns[run] = pa.concat_arrays(ids)
        for block, key in keys(self.blocks, self._leading, self._nesting, names):
            ordinals = np.concatenate(
                [o.get(block, np.full(n, -1)) for o, n in zip(self._ordinals, self._counts, strict=True)]
            )
            columns[key] = arrow.numbers(ordinals, ordinals < 0)
            diagnostics += _renamed(names, base_name(self.blocks.blocks[block]), key)
        key_names = list(columns)
        if self.times:
            began, took = (np.concatenate(c) for c in zip(*self._times, strict=True))
            for column, times in zip(("began", "seconds"), time_columns(began, took), strict=True):
                free = free_name(column, [*columns, *names])
                columns[free] = times
                diagnostics += _renamed(names, column, free, "column")
        for name in names:
            values = together(self._values.get(name, []))
            found = self._found.get(name, {})
            shown = np.concatenate([found.get(i, np.full(n, -1)) for i, n in enumerate(self._counts)])
            columns[name], remarks = typed.column(name, values, shown)
            diagnostics += remarks
            if (large := apart.column(values, shown)) is not None:
                self.apart[name] = large
            if self.row_block is not None and (hidden := _missing(len(values.kind), shown)):
                on_no_row = f"{hidden:,} of {len(values.kind):,} values are on no row"
                diagnostics.append(Diagnostic(f"{on_no_row}, as one for each {self.row_block} has no room", name))
            if not len(values.kind):
                never = "in what was recorded it was not evaluated" if self._thinned else "it was never evaluated"
                why = "" if name in explained else f": {never}"
                diagnostics.append(Diagnostic(f"no run has a value for it{why}", name))
        return pa.Table.from_arrays(list(columns.values()), list(columns)), key_names, diagnostics


def _renamed(names: Sequence[str], usual: str, other: str, kind: str = "key column") -> list[Diagnostic]:
    """What is to be said of a column whose usual name a name of the user's has."""
    same = [name for name in names if name.casefold() == usual.casefold()]
    return [Diagnostic(f"is a name of yours, so the {kind} {usual} is called {other}", name) for name in same]


def _missing(count: int, shown: Ints) -> int:
    """How many of the values 0 to `count` are on no row."""
    there = np.zeros(count + 1, np.bool_)  # the last one is for -1
    there[shown] = True
    return count - int(there[:count].sum())


def _find(pieces: Sequence[Piece], rows: Rows, tree: Tree, first: int) -> Ints:
    """For each row the number of the value that it shows of a name's pieces, counted from `first`; -1: none. What the
    instance that it shows holds itself comes before what is passed on to a copy."""
    own = np.full(len(rows.place), -1)
    inherited = own
    for piece in pieces if len(rows.place) else ():
        if len(piece.instance):
            number = np.full(len(tree.parent) + 1, -1)  # the last one is for instance -1
            number[piece.instance] = np.arange(len(piece.instance))
            shown = rows.instances[piece.block]
            own = np.where(own >= 0, own, _had(piece, number[shown], rows, tree, first))
            if len(tree.copies):
                passed = passed_on(tree.copies, number)[shown]
                inherited = np.where(inherited >= 0, inherited, _had(piece, passed, rows, tree, first))
        first += len(piece.instance)
    return np.where(own >= 0, own, inherited)


def _had(piece: Piece, found: Ints, rows: Rows, tree: Tree, first: int) -> Ints:
    """Of what rows would show of a piece, what their processes have, counted from `first`; -1: nothing."""
    if len(tree.copies):
        at = np.flatnonzero((found >= 0) & (rows.place >= 0))
        own, stream = tree.stream[rows.place[at]], tree.stream[piece.instance[found[at]]]
        found[at[~has(tree.forks, own, stream, piece.seq[found[at]])]] = -1
    return np.where(found >= 0, first + found, -1)


def save(table: Table, experiment: str, asked: Mapping[str, Any] | None = None) -> None:
    """Write the experiment's table.parquet and table.json, for `flor sql`, and arrays.parquet if there are any apart;
    `asked`: how it was asked for, as JSON has it. Raises FlorError if they cannot be written."""
    import pyarrow.parquet as pq

    folder = home.experiment_path(experiment)
    about = {
        "format": FORMAT,
        "experiment": experiment,
        "time": time.time(),
        "runs": table.runs,
        "going": table.going,
        "asked": asked or {},
        "shadows": list(dict.fromkeys(str(path.absolute()) for path, _ in table.names)),
        "keys": table.keys,
        "names": [
            *(
                {"name": name.name, "shadow": str(path.absolute()), "line": name.line, "text": name.text}
                for path, name in table.names
            ),
            *(
                {"name": own.name, "shadow": own.file, "line": own.line, "text": own.text, "logged": own.typ}
                for own in table.logged
            ),
        ],
        "rows": table.arrow.num_rows,
        "diagnostics": [{"name": own.name, "text": str(own)} for own in table.diagnostics],
    }
    sink = pa.BufferOutputStream()
    repeated = [field.name for field in table.arrow.schema if pa.types.is_large_string(field.type)]
    arrays = apart.write(table.apart) if table.apart else None
    written = table.arrow if arrays is None else apart.mark(table.arrow, arrays)
    pq.write_table(written, sink, compression="lz4", use_dictionary=repeated)
    try:
        if arrays is not None:
            home.write_file(apart.path(folder), arrays)
        home.write_file(folder / "table.parquet", sink.getvalue().to_pybytes())
        home.write_json(folder / "table.json", about)
        if arrays is None:
            apart.path(folder).unlink(missing_ok=True)
    except OSError as error:
        raise FlorError(f"cannot write {folder}/table.parquet: {error.strerror}") from None
