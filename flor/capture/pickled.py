"""Probes in code that is pickled by value, as cloudpickle does with the functions of `__main__`.

In another process of the run they become its probes of the same expressions. Anywhere else, also where Flor is not
installed, they become something that records nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flor.capture.modules import Capture

#: Where this process captures.
capture: Capture | None = None


class _Reviver:
    """What pickled probes are called with: one for all, so that a pickle holds its text once."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return eval, (_REVIVER,)

    def __call__(self, *place: object) -> object:
        raise AssertionError("only what it is unpickled to is called")


_reviver = _Reviver()
_REVIVER = """getattr(
    __import__("sys").modules.get("flor.capture.pickled"),
    "revived",
    lambda op, *_: type("Unrecorded", (), {
        "__call__": lambda self, *v: v[-1] if op in (0, 7, 9, 11, 12) else True if op in (2, 3) else None,
        "__getitem__": lambda self, v: self(v),
        "__invert__": lambda self: self(),
    })(),
)"""


def reduce(probe: Any) -> tuple[_Reviver, tuple[object, ...]]:
    """What pickle makes of a probe."""
    _, (op,) = probe.__reduce__()
    if capture is not None:
        for line, probes in capture.probes:
            for number, one in enumerate(probes):
                if one is probe:
                    return _reviver, (op, str(capture.run), line["sha256"], line["path"], line["module"], number)
    return _reviver, (op,)


def revived(op: int, *place: Any) -> object:
    """What a pickled probe becomes where Flor runs."""
    if capture is not None and place:
        run, *source, number = place
        with contextlib.suppress(Exception):
            if run == str(capture.run):
                return _probes(capture, *source)[number]
    from flor.capture.probe import unrecorded  # rare, and not for every start

    return unrecorded(op)


def _probes(capture: Capture, sha256: str, path: str, module: str) -> list[Any]:
    for line, probes in capture.probes:
        if (line["sha256"], line["path"], line["module"]) == (sha256, path, module):
            return probes
    capture.code(path, (Path(capture.run) / "sources" / f"{sha256}.py").read_bytes(), module)
    return capture.probes[-1][1]
