"""Counts iterations of loops that lie in no other loop of their function, for `flor.log`'s keys: only in sources that
import flor, and not in generators and coroutines. Of a `while` with a condition it is how often that was evaluated.
"""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from typing import Any

from flor.capture.ops import GUARDED, ITERATE
from flor.capture.stand_in import StandIn

_LOOPS = ("for", "while")


class Counted(StandIn):
    """Stands for a probe that begins an iteration, and counts them."""

    def __init__(self, probe: Any, first: int, last: int) -> None:
        super().__init__(probe)
        self.first, self.last = first, last  # lines of the loop
        self.count = 0

    def before(self, *values: Any) -> None:
        self.count += 1


#: By the file's name as code has it, and the name of the function.
_loops: dict[tuple[str, str], list[Counted]] = {}


def counted(path: str, table: bytes, specs: Sequence[tuple[int, ...]], probes: Sequence[Any]) -> list[Any]:
    """The probes of a source with those replaced that begin iterations of outermost loops. `table`: its SourceMap."""
    data = json.loads(table)
    blocks, sites = data["blocks"], data["sites"]
    last = [block["line"] for block in blocks]
    for site in sites:
        around = site["block"]
        while around is not None:
            last[around] = max(last[around], site["span"][2])
            around = blocks[around]["parent"]
    result = list(probes)
    for number, spec in enumerate(specs):
        block = blocks[spec[2]]
        outer = block["parent"]
        guarded = spec[6] & GUARDED  # else the probe looks at the frame that asks it
        if (
            spec[0] == ITERATE
            and guarded
            and block["kind"] in _LOOPS
            and blocks[outer]["kind"] in ("module", "function")
        ):
            result[number] = made = Counted(probes[number], block["line"], last[spec[2]])
            _loops.setdefault((path, blocks[outer]["name"]), []).append(made)
    return result


def outermost(frame: types.FrameType | None) -> Counted | None:
    """The outermost loop that is counted and is being executed by a frame or by one of its callers."""
    found = None
    while frame is not None and _loops:
        for loop in _loops.get((frame.f_code.co_filename, frame.f_code.co_qualname), ()):
            if loop.first <= frame.f_lineno <= loop.last and loop.count:
                found = loop
        frame = frame.f_back
    return found


def forget() -> None:
    """The loops that are known so far are those of a run that has ended."""
    _loops.clear()
