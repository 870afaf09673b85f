"""The log of a Context of any run, however long: by a process of its own, which has numpy and Arrow.

`python -m flor.logging.whole RUN_DIR CONTEXT FILE`; an empty CONTEXT is the run's last one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from flor.errors import FlorError
from flor.home import Run, named_run, open_run
from flor.logging.log_file import LOOPS, VALUES, Events, Source, Tree, in_bodies_of_while, write_events, write_log
from flor.trace import logged
from flor.trace.cet_json import json_value
from flor.trace.read import open_trace


def of_trace(run: Run) -> Events:
    """The events of any run. Raises FlorError if its trace cannot be read."""
    trace = open_trace(run)
    sources = [
        Source(s.path, s.module, s.site_table["blocks"], s.site_table["sites"])
        if s.available
        else Source(s.path, s.module, [], [])
        for s in trace.sources
    ]
    lines = logged.lines(run.path)
    empty = Events(sources, [], [], [], [], [])
    tracked = Tree(empty, lines, None).tracked
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
    events = Events(
        sources,
        instances.source.tolist(),
        instances.block.tolist(),
        instances.parent.tolist(),
        instances.stream.tolist(),
        instances.seq.tolist(),
    )
    for index, source in enumerate(sources):
        if source.module == logged.MODULE:
            for function, parameter in VALUES.items():
                places, held = source.parameter(function, "place"), source.parameter(function, parameter)
                if places is None or held is None:
                    continue
                numbers, own = trace.values(index, places), trace.values(index, held)
                by_instance = dict(zip(numbers.instance.tolist(), numbers.payload.tolist(), strict=True))
                calls = events.calls.setdefault(function, {})
                for i, kind, payload, data in zip(
                    own.instance.tolist(), own.kind.tolist(), own.payload.tolist(), own.data.to_pylist(), strict=True
                ):
                    if i in by_instance:
                        calls[i] = by_instance[i], json_value(kind, payload, data)
        for number in in_bodies_of_while(source):
            if (index, source.sites[number]["block"]) in wanted:
                events.busy.update(trace.values(index, number).instance.tolist())
    return events


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
        write_events(opened, of_trace(opened), int(context) if context else None, Path(target))
    except (FlorError, OSError) as error:
        print(getattr(error, "strerror", None) or error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
