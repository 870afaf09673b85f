"""`flor log`: the whole of a run's trace as JSON, however long."""

from __future__ import annotations

from typing import BinaryIO

from flor.errors import FlorError
from flor.home import experiment_path, open_run, run_paths
from flor.trace.cet_json import write_log
from flor.trace.read import open_trace


def print_log(what: str, stream: BinaryIO) -> list[str]:
    """Write the log of EXPERIMENT's newest run, or of EXPERIMENT/RUN. Returns what was wrong with the trace.

    Raises FlorError if there is no such run, or its trace cannot be read.
    """
    experiment, slash, run_id = what.partition("/")
    experiment_path(experiment)
    paths = [p for p in run_paths(experiment) if not slash or p.name == run_id]
    if not paths:
        wanted = f"run {run_id!r}" if slash else "run"
        raise FlorError(f"experiment {experiment!r} has no {wanted}: flor ls {experiment} lists what there is")
    trace = open_trace(open_run(paths[-1]))
    write_log(trace.log_columns(), stream, None)
    return trace.warnings
