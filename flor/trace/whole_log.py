"""`flor log`: the whole of a run's trace as JSON, however long."""

from __future__ import annotations

from typing import BinaryIO

from flor.home import named_run, open_run
from flor.trace.cet_json import write_log
from flor.trace.read import open_trace


def print_log(what: str, stream: BinaryIO) -> list[str]:
    """Write the log of EXPERIMENT's newest run, or of EXPERIMENT/RUN. Returns what was wrong with the trace.

    Raises FlorError if there is no such run, or its trace cannot be read.
    """
    trace = open_trace(open_run(named_run(what)))
    write_log(trace.log_columns(), stream, None)
    return trace.warnings
