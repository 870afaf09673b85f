"""How a table was asked for, so that it can be made anew when there are more runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flor import home
from flor.errors import FlorError
from flor.etl import logged
from flor.etl.extract import Annotated
from flor.etl.long import make_long_table
from flor.etl.reading import Progress
from flor.etl.selection import ALL, Selection
from flor.etl.table import Table, make_table, save


@dataclass(frozen=True)
class Asked:
    """The options of `make_table`, and whether the long form is meant."""

    selection: Selection = ALL
    rows: str | None = None
    times: bool = False
    exact: bool = False
    long: bool = False

    def make(self, experiment: str, shadows: Sequence[Path | Annotated], progress: Progress | None = None) -> Table:
        """The table, of shadow copies on disk or as they were read. Raises FlorError as `make_table` does."""
        if self.long:
            if self.rows is not None:
                raise FlorError("rows are chosen, or there is one for each value: not both")
            return make_long_table(experiment, shadows, self.selection, times=self.times, exact=self.exact)
        return make_table(
            experiment, shadows, self.selection, rows=self.rows, times=self.times, exact=self.exact, progress=progress
        )

    def save(self, table: Table, experiment: str) -> None:
        """Keep the table for `flor sql`. Raises FlorError if it cannot be written."""
        save(table, experiment, asdict(self))


def remake(experiment: str, selection: Selection | None = None) -> tuple[Table, Asked]:
    """The table of the names that the last `flor etl` had, with the runs that there are now: those that are selected,
    by default as then; and how it was asked for. Raises FlorError as `make_table` does, and if there was no `flor etl`.
    """
    path = home.experiment_path(experiment) / "table.json"
    try:
        about = json.loads(path.read_bytes())
        shadows = [Path(shadow) for shadow in _texts(about["shadows"])]
        asked = _asked(about.get("asked") or {})
    except FileNotFoundError:
        if logged.names(home.runs(experiment, [])):  # there is something without any shadow copy
            asked = Asked(selection or ALL)
            return asked.make(experiment, []), asked
        raise FlorError(f"experiment {experiment!r} has no table yet: flor etl {experiment} SHADOW makes it") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FlorError(f"{path} cannot be read ({error}): flor etl {experiment} SHADOW makes it anew") from None
    if selection is not None:
        asked = replace(asked, selection=selection)
    return asked.make(experiment, shadows), asked


#: Of each option in table.json what it is, unless it is null.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "since": (int, float), "where": str, "last": int, "rows": str, "times": bool, "exact": bool, "long": bool,
}  # fmt: skip


def _asked(then: Mapping[str, Any]) -> Asked:
    """How a table was asked for, of what JSON has of it. Raises TypeError or AttributeError if it is something else."""
    selection = then.get("selection", {})
    for name, value in {**selection, **then}.items():
        if name in _TYPES and value is not None and not isinstance(value, _TYPES[name]):
            raise TypeError(f"{name} is {value!r}")
    chosen = Selection(**{**selection, "ids": tuple(_texts(selection.get("ids", [])))})
    return Asked(**{**then, "selection": chosen})


def _texts(value: object) -> list[str]:
    """A list of texts. Raises TypeError if it is none."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError(f"no list of texts: {value!r}")
    return value
