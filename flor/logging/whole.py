"""The log of a Context of any run, however long: by a process of its own, which has numpy and Arrow.

`python -m flor.logging.whole RUN_DIR CONTEXT FILE`; an empty CONTEXT is the run's last one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from flor.errors import FlorError
from flor.home import Run, named_run, open_run
from flor.logging.events import LOOPS, VALUES, Events, Source, in_bodies_of_while
from flor.logging.log_file import write_events, write_log
from flor.logging.tree import tracked_blocks
from flor.trace import logged
from flor.trace.cet_json import json_value
from flor.trace.read import Trace, open_trace

#: Block instances of a run that NAME_log.json is made of: more would be beyond its limit.
_MOST = 1_000_000


def of_trace(run: Run, most: int | None = None) -> Events:
    """The events of any run, the first `most` of them. Raises FlorError if its trace cannot be read."""
    trace = open_trace(run)
    sources = [
        Source(s.path, s.module, s.site_table["blocks"], s.site_table["sites"])
        if s.available
        else Source(s.path, s.module, [], [])
        for s in trace.sources
    ]
    lines = logged.lines(run.path)
    tracked = tracked_blocks(sources, lines)
    wanted = set(tracked)
    for index, source in enumerate(sources):
        for number, block in enumerate(source.blocks):
            around = number
            while source.blocks[around]["kind"] in (*LOOPS, "comprehension"):
                around = source.blocks[around]["parent"]
            if (index, around) in tracked or (source.module == logged.MODULE and block["name"] in VALUES):
                wanted.add((index, number))
    trace = trace.only(wanted)
    instances = trace.instances()
    kept = np.arange(len(instances.parent))
    if most is not None and len(kept) > most:
        kept = np.sort(np.lexsort((instances.seq, instances.stream))[:most])
    place = np.full(len(instances.parent) + 1, -1)  # of each instance among the kept ones; the last one is for none
    place[kept] = np.arange(len(kept))
    events = Events(
        sources,
        instances.source[kept].tolist(),
        instances.block[kept].tolist(),
        place[instances.parent[kept]].tolist(),
        instances.stream[kept].tolist(),
        instances.seq[kept].tolist(),
        cut=len(kept) < len(instances.parent),
    )
    for index, source in enumerate(sources):
        if source.module == logged.MODULE:
            for function, parameter in VALUES.items():
                events.calls[function] = _calls(trace, index, source, function, parameter, place)
        for number in in_bodies_of_while(source):
            if (index, source.sites[number]["block"]) in wanted:
                events.busy.update(place[trace.values(index, number).instance].tolist())
    return events


def _calls(
    trace: Trace, index: int, source: Source, function: str, parameter: str, place: npt.NDArray[np.int64]
) -> dict[int, tuple[int, str]]:
    """The calls of a function that holds logged values, by their places."""
    places, holds = source.parameter(function, "place"), source.parameter(function, parameter)
    if places is None or holds is None:
        return {}
    numbers, own = trace.values(index, places), trace.values(index, holds)
    number = dict(zip(place[numbers.instance].tolist(), numbers.payload.tolist(), strict=True))
    rows = zip(place[own.instance].tolist(), own.kind.tolist(), own.payload.tolist(), own.data.to_pylist(), strict=True)
    return {
        at: (number[at], json_value(kind, payload, data))
        for at, kind, payload, data in rows
        if at in number and at >= 0
    }


def print_context(what: str, stream: TextIO) -> None:
    """Write the log of a Context of EXPERIMENT's newest run, or of EXPERIMENT/RUN: the last one of the experiment's
    name, else the last one. Raises FlorError if there is none, or the trace cannot be read."""
    run = open_run(named_run(what))
    lines = logged.lines(run.path)
    contexts = [line for line in lines.values() if line.typ == "context"]
    named = [line for line in contexts if line.about.get("name") == run.experiment] or contexts
    if not named:
        raise FlorError(f"run {run.id} of {run.experiment!r} has no Context: flor log {what} prints its trace")
    write_log(of_trace(run), lines, named[-1].id, stream, None)


def main(arguments: Sequence[str]) -> int:
    run, context, target = arguments
    opened = open_run(Path(run))
    try:
        write_events(opened, of_trace(opened, _MOST), int(context) if context else None, Path(target))
    except (FlorError, OSError) as error:
        print(getattr(error, "strerror", None) or error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
