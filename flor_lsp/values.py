"""In a worker: what the values of expressions were in one run, in a few words."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flor import home
from flor.annotate.places import Place
from flor.etl.extract import Piece, values_at
from flor.trace import format as f
from flor.trace.read import Trace, open_trace
from flor.trace.recorded import Recorded, texts, together, type_names

_LAST = 5  # values that are shown
_LONGEST = 80  # characters of a value
_BARS = 24
Numbers = npt.NDArray[np.float64]

_SPARKS = "▁▂▃▄▅▆▇█"


@lru_cache(maxsize=4)
def _open(path: str, state: tuple[int, ...]) -> Trace:
    """`state`: what changes when there is more in the trace."""
    return open_trace(home.open_run(Path(path)))


def _trace(path: str) -> Trace:
    run = Path(path)
    state = []
    for part in (run / "run.json", run / "trace", run / "segments"):
        try:
            about = part.stat()
            state += [about.st_mtime_ns, about.st_size]
        except OSError:
            state += [0, 0]
    if home.open_run(run).status == "running":
        return open_trace(home.open_run(run))
    return _open(path, tuple(state))


def values(say: Callable[..., None], run: str, path: str, sha256: str, spans: list[list[Any]]) -> list[Any]:
    """For each span, `[kind, line, column, end line, end column]` in a source of a run, a summary of its values, or
    null if it has none."""
    trace = _trace(run)
    found = [i for i, s in enumerate(trace.sources) if (s.path, s.sha256) == (path, sha256)]
    result = []
    for kind, *span in spans:
        pieces: list[Piece] = []
        for index in found:
            answer = values_at(trace, index, Place(kind, tuple(span)))
            pieces += [] if isinstance(answer, str) else answer
        result.append(_summary(pieces))
    return result


def _summary(pieces: list[Piece]) -> dict[str, Any] | None:
    recorded = together([piece.values for piece in pieces])
    count = len(recorded.kind)
    if not count:
        return None
    last = _some(recorded, slice(max(count - _LAST, 0), count))
    shown = [_short(t) if t is not None else _no_value(int(k)) for t, k in zip(texts(last), last.kind, strict=True)]
    kinds = np.flatnonzero(np.bincount(recorded.kind)).tolist()
    summary: dict[str, Any] = {
        "count": count,
        "last": shown,
        "types": [str(t) for t in type_names(_some(recorded, _first_of_each(recorded))).to_pylist()],
    }
    if set(kinds) <= {f.INT, f.FLOAT, f.BOOL}:
        numbers = _numbers(recorded)
        least, most = _extremes(recorded, numbers, is_whole=f.FLOAT not in kinds)
        if least is not None:
            summary |= {"min": least, "max": most, "spark": spark(numbers)}
    return summary


def _extremes(recorded: Recorded, numbers: Numbers, is_whole: bool) -> tuple[str | None, str | None]:
    """The smallest and the largest of some numbers, exactly."""
    if is_whole:  # as a float, a large one would be another number
        ints = recorded.payload.view(np.int64)
        return str(int(ints.min())), str(int(ints.max()))
    finite = numbers[np.isfinite(numbers)]
    return (repr(float(finite.min())), repr(float(finite.max()))) if len(finite) else (None, None)


def _first_of_each(recorded: Recorded) -> npt.NDArray[np.int64]:
    return np.unique(recorded.kind, return_index=True)[1]


def _some(recorded: Recorded, at: Any) -> Recorded:
    import pyarrow as pa

    data = pa.chunked_array(recorded.data, pa.large_binary())
    chosen = data.take(pa.array(np.arange(len(recorded.kind))[at]))
    return Recorded(recorded.kind[at], recorded.payload[at], chosen.chunks)


def _numbers(recorded: Recorded) -> Numbers:
    ints = recorded.payload.view(np.int64).astype(np.float64)
    return np.where(recorded.kind == f.FLOAT, recorded.payload.view(np.float64), ints)


def _no_value(kind: int) -> str:
    return {f.NONE: "None", f.GAP: "not recorded", f.REDACTED: "redacted"}.get(kind, "?")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def spark(numbers: Numbers) -> str:
    """Numbers as a line of bars, each the mean of as many of them; a space where none is finite."""
    parts = np.array_split(numbers, min(_BARS, len(numbers)))
    with np.errstate(all="ignore"):
        means = [float(np.mean(own[np.isfinite(own)])) if np.isfinite(own).any() else math.nan for own in parts]
    finite = [m for m in means if math.isfinite(m)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    step = (high - low) or 1.0
    return "".join(
        " " if not math.isfinite(m) else _SPARKS[min(int((m - low) / step * len(_SPARKS)), len(_SPARKS) - 1)]
        for m in means
    )


METHODS: dict[str, Callable[..., Any]] = {"values": values}
