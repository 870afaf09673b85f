"""What the programs of runs logged (`flor.log` and its relatives), as columns: no shadow copy has to name it.

A logged value belongs to the block instance that logged it. Where one logged a name more than once (in a loop that is
not captured, say), or several blocks did, the name's values in that run belong to instances of their own, one for each:
a row shows one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.capture.sites import Block, SourceMap
from flor.etl import changed
from flor.etl.changed import Statement
from flor.home import Run
from flor.trace import logged
from flor.trace.columns import Values
from flor.trace.read import Trace

Ints = npt.NDArray[np.int64]

#: The functions that hold logged values (`flor/logging/recorded.py`), each with the parameter that does.
_HOLDERS = (("logged", "value"), ("logged_secret", "password"))


@dataclass(frozen=True)
class LoggedName:
    """A name that some run logged. All but the name is of the statement that the newest such run met first."""

    name: str
    typ: str  # param, metric, log or arg
    file: str  # path of the source
    line: int  # of the statement
    text: str  # what is logged, as written there
    others: tuple[tuple[str, str], ...] = ()  # runs in which statements logged it that are gone: the id, and a remark


@dataclass(frozen=True)
class LoggedValues:
    """What a run logged under one name, in the order of (stream, seq)."""

    name: str
    values: Values  # `instance`: the calls that logged them
    around: Ints  # the block instances that made these calls, -1: none


def names(runs: Iterable[Run]) -> list[LoggedName]:
    """The names that runs, the oldest first, logged, in the order in which they were met. Upper and lower case are one,
    as in SQL."""
    found: dict[str, LoggedName] = {}
    met: dict[str, dict[str, frozenset[Statement]]] = {}  # name -> run -> what logged it there
    newest: dict[str, Run] = {}
    for run in runs:
        own: dict[str, LoggedName] = {}
        statements: dict[str, set[Statement]] = {}
        for line in logged.lines(run.path).values():
            if (name := line.column) is not None:
                number, text = line.about.get("instruction_no"), str(line.about.get("value", ""))
                line_number = number if isinstance(number, int) else 0
                known = found.get(name.casefold())
                spelled = name if known is None else known.name
                own.setdefault(name.casefold(), LoggedName(spelled, line.typ, line.file, line_number, text))
                statements.setdefault(name.casefold(), set()).update(filter(None, [changed.statement(line)]))
        found |= own
        for key, several in statements.items():
            met.setdefault(key, {})[run.id] = frozenset(several)
            newest[key] = run
    return [replace(own, others=tuple(changed.remarks(met[key], newest[key]))) for key, own in found.items()]


def values(trace: Trace) -> list[LoggedValues]:
    """What a run logged, name by name. Raises FlorError as `Trace.instances` does."""
    columns = {own.id: own.column for own in logged.lines(trace.run.path).values() if own.column is not None}
    parts: dict[str, list[Values]] = {}
    for index, source in enumerate(trace.sources):
        if source.module != logged.MODULE or not source.available:
            continue
        for function, parameter in _HOLDERS:
            places, holds = (_parameter(source.map, function, name) for name in ("place", parameter))
            if places is None or holds is None:
                continue
            place, held = trace.values(index, places), trace.values(index, holds)
            number = dict(zip(place.instance.tolist(), place.payload.tolist(), strict=True))
            rows: dict[str, list[int]] = {}
            for row, instance in enumerate(held.instance.tolist()):
                name = columns.get(number.get(instance, -1))
                if name is not None:
                    rows.setdefault(name.casefold(), []).append(row)
            for name, own in rows.items():
                parts.setdefault(name, []).append(take(held, own))
    instances = trace.instances()
    found = []
    for name, several in parts.items():
        together = _in_order(several, instances.stream)
        found.append(LoggedValues(name, together, instances.parent[together.instance]))
    return found


def block(name: str) -> Block:
    """The block of the calls that logged a name, where they are instances of their own."""
    return Block("function", name, None, 0)


def ordinals(parent: Ints) -> Ints:
    """Of each call, how many before it have the same parent. `parent` is in the order of the calls."""
    order = np.argsort(parent, kind="stable")
    first = np.flatnonzero(np.diff(parent[order], prepend=-2))
    found = np.empty(len(parent), np.int64)
    found[order] = np.arange(len(parent)) - np.repeat(first, np.diff(first, append=len(parent)))
    return found


def hold_one_each(own: LoggedValues) -> bool:
    """Whether each block instance logged the name once, so that its values are theirs."""
    return bool(len(own.around)) and bool((own.around >= 0).all()) and len(np.unique(own.around)) == len(own.around)


def of_callers(own: LoggedValues) -> Values:
    """The values as those of the block instances that logged them."""
    return replace(own.values, instance=own.around)


def _parameter(sites: SourceMap, function: str, name: str) -> int | None:
    for number, site in enumerate(sites.sites):
        if site.kind == "parameter" and site.text == name and sites.blocks[site.block].name == function:
            return number
    return None


def take(held: Values, rows: Sequence[int] | Ints) -> Values:
    """Some of the values."""
    at = np.array(rows, np.int64)
    return Values(held.instance[at], held.seq[at], held.kind[at], held.payload[at], held.data.take(pa.array(at)))


def _in_order(parts: Sequence[Values], stream: npt.NDArray[np.int32]) -> Values:
    if len(parts) == 1:
        return parts[0]
    instance = np.concatenate([own.instance for own in parts])
    seq = np.concatenate([own.seq for own in parts])
    order = np.lexsort((seq, stream[instance]))
    kind, payload = (np.concatenate([getattr(own, key) for own in parts]) for key in ("kind", "payload"))
    data = pa.concat_arrays([own.data for own in parts]).take(pa.array(order))
    return Values(instance[order], seq[order], kind[order], payload[order], data)
