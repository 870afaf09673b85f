"""The table of an experiment: names x runs, typed, with key columns and diagnostics. Puts the other modules of this
folder together."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor import home
from flor.annotate import shadow
from flor.annotate.places import Name
from flor.errors import FlorError
from flor.etl import arrow, typed
from flor.etl.diagnostics import Diagnostic, fold
from flor.etl.extract import Annotated, Extracted, Piece, extract
from flor.etl.join import Rows, join
from flor.etl.keys import Blocks, keys, run_key
from flor.trace.read import open_trace

if TYPE_CHECKING:
    import pandas
    import polars

Ints = npt.NDArray[np.int64]

#: Version of table.json.
FORMAT = 1

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

    def __repr__(self) -> str:
        return f"<flor.Table: {self.arrow.num_rows} rows; {', '.join(self.arrow.column_names)}>"

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a DataFrame of pandas. Raises FlorError if pandas is not installed."""
        _demand("pandas")
        return self.arrow.to_pandas()

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


def make_table(experiment: str, shadows: Sequence[Path], run_ids: Sequence[str] | None = None) -> Table:
    """The table of all runs of an experiment, or of those in `run_ids`.

    Raises FlorError for what the user has to mend: an unknown experiment or run, no run, a shadow copy that cannot be
    read, a name that is used twice. A run that cannot be read is skipped, with a diagnostic.
    """
    home.experiment_path(experiment)
    annotated = [read_shadow(path) for path in shadows]
    names = _names(annotated)
    warnings: list[str] = []
    runs = _choose(experiment, list(home.runs(experiment, warnings)), run_ids)
    diagnostics = [Diagnostic(w) for w in warnings]
    without: list[Diagnostic] = []
    builder = _Builder([name.name for _, name in names])
    for run in runs:
        try:
            extracted = extract(open_trace(run), annotated, builder.blocks)
        except FlorError as error:
            diagnostics.append(Diagnostic(str(error)))
            continue
        diagnostics += extracted.diagnostics
        rows = builder.add(run.id, extracted)
        diagnostics += _thinned(run.id, extracted, rows)
        if not len(rows.place) and not extracted.diagnostics:
            without.append(Diagnostic("has no value of any name, so it has no row", runs=(run.id,)))
    if not builder.runs:
        reason = str(diagnostics[0]) if diagnostics else f"flor python SCRIPT {experiment} makes one"
        raise FlorError(f"experiment {experiment!r} has no run that can be read: {reason}")
    diagnostics += _gone_sources(annotated, experiment)
    data, key_names, remarks = builder.finish({d.name for d in diagnostics if d.name is not None})
    if data.num_rows:
        diagnostics += without
    return Table(data, key_names, names, builder.runs, fold([*diagnostics, *remarks]))


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


def read_shadow(path: Path) -> Annotated:
    """A shadow copy from its file. Raises FlorError with one line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlorError(f"cannot read the shadow copy {path}: {error.strerror}") from None
    return Annotated(shadow.parse(data, str(path)), path)


def _names(annotated: Sequence[Annotated]) -> list[tuple[Path, Name]]:
    """All names in order. Raises FlorError if one is there twice, or none at all."""
    seen: dict[str, tuple[Path, Name]] = {}
    for copy in annotated:
        for name in copy.shadow.names:
            if name.name.casefold() in seen:  # to SQL upper and lower case are one
                path, other = seen[name.name.casefold()]
                places = f"{path}:{other.line} and {copy.path}:{name.line}"
                twice = "is used twice" if other.name == name.name else f'and "{other.name}" are one name to SQL'
                raise FlorError(f'the name "{name.name}" {twice}: {places}; rename one of them')
            seen[name.name.casefold()] = copy.path, name
    if not seen:
        files = ", ".join(str(c.path) for c in annotated) or "the shadow copies"
        raise FlorError(f'there is no name in {files}: put GET("name", ...) around an expression')
    return list(seen.values())


def _gone_sources(annotated: Sequence[Annotated], experiment: str) -> list[Diagnostic]:
    """What is to be said of sources that are not there any more. Raises FlorError where no run has one either."""
    diagnostics = []
    for copy in annotated:
        path = copy.shadow.source_path
        if source_exists(path) or not copy.shadow.names:
            continue
        if not copy.was_found:
            raise FlorError(
                f"the source of {copy.path} is gone and no run of {experiment!r} has it: {path}; correct its header"
            )
        diagnostics.append(Diagnostic(f"the source of {copy.path} is gone, the runs' own copies are read: {path}"))
    return diagnostics


def source_exists(path: Path) -> bool:
    """Whether there is a file of this name. Where that cannot be told there is none."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists can raise


def _choose(experiment: str, runs: list[home.Run], run_ids: Sequence[str] | None) -> list[home.Run]:
    if run_ids is None:
        return runs
    present = [p.name for p in home.run_paths(experiment)]
    for run_id in run_ids:
        if run_id not in present:
            last = f"the last one is {present[-1]}" if present else "it has none yet"
            raise FlorError(f"experiment {experiment!r} has no run {run_id!r}; {last}: see flor show {experiment}")
    return [r for r in runs if r.id in run_ids]


@dataclass
class _Builder:
    """Collects the runs' rows, then makes the columns of them."""

    names: list[str]
    blocks: Blocks = field(default_factory=Blocks)
    runs: list[str] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)  # rows of each run
    _rows: list[Rows] = field(default_factory=list)
    _ordinals: list[dict[int, Ints]] = field(
        default_factory=list
    )  # of each run: block -> ordinal on each row, -1: NULL
    _values: dict[str, list[typed.Recorded]] = field(default_factory=dict)
    _value_counts: dict[str, int] = field(default_factory=dict)
    _found: dict[str, list[Ints]] = field(default_factory=dict)  # for each run: on each row, number of the value, or -1
    _leading: dict[int, int] = field(default_factory=dict)
    _nesting: set[tuple[int, int]] = field(default_factory=set)
    _thinned: bool = False  # whether a run has blocks that were

    def add(self, run: str, extracted: Extracted) -> Rows:
        """Add a run's rows."""
        held = [p.instance for pieces in extracted.pieces.values() for p in pieces]
        rows = join(extracted.tree, held)
        self.runs.append(run)
        self._counts.append(len(rows.place))
        for block, instances in rows.leading.items():
            self._leading[block] = max(self._leading.get(block, 0), int(extracted.ordinal[instances].max()))
        self._nesting |= rows.nesting
        ordinal = np.append(extracted.ordinal, -1)
        self._ordinals.append({block: ordinal[shown] for block, shown in rows.instances.items()})
        for name in self.names:
            found = np.full(len(rows.place), -1)
            for piece in extracted.pieces.get(name, []):
                first = self._value_counts.get(name, 0)
                self._value_counts[name] = first + len(piece.instance)
                self._values.setdefault(name, []).append(piece.values)
                found = np.where(found >= 0, found, _find(piece, rows, len(extracted.ordinal), first))
            self._found.setdefault(name, []).append(found)
        self._thinned |= bool(extracted.thinned)
        return rows

    def finish(self, explained: Set[str]) -> tuple[pa.Table, list[str], list[Diagnostic]]:
        """The table, the names of its key columns, and what is to be said about the values.

        `explained`: the names of which something was said already.
        """
        diagnostics: list[Diagnostic] = []
        columns: dict[str, pa.Array] = {}
        run = run_key(self.names)
        ids = [arrow.repeated(r.encode(), n) for r, n in zip(self.runs, self._counts, strict=True)]
        columns[run] = pa.concat_arrays(ids)
        for block, key in keys(self.blocks, self._leading, self._nesting, self.names):
            ordinals = np.concatenate(
                [o.get(block, np.full(n, -1)) for o, n in zip(self._ordinals, self._counts, strict=True)]
            )
            columns[key] = arrow.numbers(ordinals, ordinals < 0)
        key_names = list(columns)
        for name in self.names:
            values = typed.together(self._values.get(name, []))
            columns[name], remarks = typed.column(name, values, np.concatenate(self._found[name]))
            diagnostics += remarks
            if not len(values.kind):
                never = "in what was recorded it was not evaluated" if self._thinned else "it was never evaluated"
                why = "" if name in explained else f": {never}"
                diagnostics.append(Diagnostic(f"no run has a value for it{why}", name))
        return pa.Table.from_arrays(list(columns.values()), list(columns)), key_names, diagnostics


def _find(piece: Piece, rows: Rows, instances: int, first: int) -> Ints:
    """For each row the number of the piece's value that it shows, counted from `first`; -1: none."""
    if not len(piece.instance):
        return np.full(len(rows.place), -1)
    number = np.full(instances + 1, -1)  # the last one is for instance -1
    number[piece.instance] = np.arange(first, first + len(piece.instance))
    return number[rows.instances[piece.block]]


def remake_table(experiment: str, run_ids: Sequence[str] | None = None) -> tuple[Table, Sequence[str] | None]:
    """The table of the names that the last `flor etl` had, with the runs that there are now; and to which runs it is
    restricted, if it is: by `run_ids`, or as that `flor etl` was. Raises FlorError as `make_table` does, and if there
    was no `flor etl`."""
    path = home.experiment_path(experiment) / "table.json"
    try:
        about = json.loads(path.read_bytes())
        shadows = [Path(str(shadow)) for shadow in about["shadows"]]
        if run_ids is None and about.get("only") is not None:
            run_ids = list(map(str, about["only"]))
    except FileNotFoundError:
        raise FlorError(f"experiment {experiment!r} has no table yet: flor etl {experiment} SHADOW makes it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlorError(f"{path} cannot be read ({error}): flor etl {experiment} SHADOW makes it anew") from None
    return make_table(experiment, shadows, run_ids), run_ids


def save(table: Table, experiment: str, run_ids: Sequence[str] | None = None) -> None:
    """Write the experiment's table.parquet and table.json, for `flor sql`; `run_ids` as `make_table` had them. Raises
    FlorError if they cannot be written."""
    import pyarrow.parquet as pq

    folder = home.experiment_path(experiment)
    about = {
        "format": FORMAT,
        "experiment": experiment,
        "time": time.time(),
        "runs": table.runs,
        "only": run_ids,
        "shadows": list(dict.fromkeys(str(path.absolute()) for path, _ in table.names)),
        "keys": table.keys,
        "names": [
            {"name": name.name, "shadow": str(path.absolute()), "line": name.line, "text": name.text}
            for path, name in table.names
        ],
        "rows": table.arrow.num_rows,
    }
    sink = pa.BufferOutputStream()
    pq.write_table(table.arrow, sink)
    try:
        home.write_file(folder / "table.parquet", sink.getvalue().to_pybytes())
        home.write_json(folder / "table.json", about)
    except OSError as error:
        raise FlorError(f"cannot write {folder}/table.parquet: {error.strerror}") from None
