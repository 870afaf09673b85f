"""The logging API of the first Flor: `flor.track`, `flor.Context`, `flor.log`, `flor.arg`.

There is one engine. A Context under plain Python begins a run as `flor python` does (`flor.capture.session`), but what
gets probes is only the tracked functions, whose code objects are exchanged while it is open; under `flor python`
everything has probes, and a Context is a part of that run, which it gives its name to as well. A log statement calls a
function of Flor's own that is captured as the program's are (`recorded.py`): so the value lies in the trace, in the
block instance that logged it, and is as crash-safe, bounded and readable as any other. What the source says about the
statement is written once, when it is first met, into `logged.jsonl` beside the trace. NAME_log.json is made of these
two when the Context is left, and a table takes its columns from them (`flor.etl.logged`).

`import flor` imports none of this before it is used.
"""

from flor.logging.calls import arg, log
from flor.logging.context import Context
from flor.logging.tracked import track

__all__ = ["Context", "arg", "log", "track"]
