"""A process beside the server that does what takes longer: it reads traces, makes tables, and answers for windows of
them. It gets a request on each line of standard input, and answers each on a line of standard output, in order.

A request is `{"id", "method", "params"}`, an answer `{"id", "result"}` or `{"id", "error"}`; while it works it may say
`{"id", "progress"}`. It is ended by whoever has no use for its answer any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from flor.errors import FlorError

Say = Callable[[dict[str, Any]], None]


def main() -> int:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    if hasattr(os, "nice"):
        os.nice(5)  # the editor goes first
    import gc

    from flor_lsp import tables, updates, values

    methods = {**values.METHODS, **tables.METHODS, **updates.METHODS}
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        id_ = request["id"]

        def say(progress: dict[str, Any], id_: object = id_) -> None:
            print(json.dumps({"id": id_, "progress": progress}), file=answers)

        try:
            answer = {"id": id_, "result": methods[request["method"]](say, **request["params"])}
        except FlorError as error:
            answer = {"id": id_, "error": str(error)}
        except Exception as error:
            traceback.print_exc()
            answer = {"id": id_, "error": f"flor-lsp failed: {type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
    return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the server is gone, and nobody waits for the answer
        sys.exit(main())
