"""In a worker: what the values of expressions were in one run, in a few words."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flor import home
from flor.annotate.places import Place
from flor.etl.extract import values_at
from flor.trace import format as f
from flor.trace.read import Trace, open_trace
from flor.trace.recorded import Recorded, texts, type_names

_LAST = 5  # values that are shown
_LONGEST = 80  # characters of a value
_BARS = 24
_STRETCHES = 240  # of a part, of which bars are made
_UNPACKED = 64 << 20  # bytes of segments: of more, nothing is shown until they are packed
Numbers = npt.NDArray[np.float64]

_SPARKS = "▁▂▃▄▅▆▇█"


@lru_cache(maxsize=4)
def _open(path: str, state: tuple[int, ...]) -> Trace:
    """`state`: what changes when there is more in the trace."""
    return open_trace(home.open_run(Path(path)))


def _trace(path: str) -> Trace | None:
    """A run's trace; None while much of it has to be packed first."""
    run = Path(path)
    unpacked = 0
    for file in (run / "segments").glob("*/*.events"):
        with contextlib.suppress(FileNotFoundError):  # packed meanwhile
            unpacked += file.stat().st_size
    if unpacked > _UNPACKED:
        return None
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


def values(say: Callable[..., None], run: str, path: str, sha256: str, spans: list[list[Any]]) -> list[Any] | None:
    """For each span, `[kind, line, column, end line, end column]` in a source of a run, a summary of its values, or
    null if it has none. Null for all while the trace is being packed."""
    trace = _trace(run)
    if trace is None:
        return None
    found = [i for i, s in enumerate(trace.sources) if (s.path, s.sha256) == (path, sha256)]
    return [_summary(_parts(trace, found, Place(kind, tuple(span)))) for kind, *span in spans]


def _parts(trace: Trace, sources: list[int], place: Place) -> Iterator[Recorded]:
    for index in sources:
        answer = values_at(trace, index, place)
        yield from () if isinstance(answer, str) else answer


def _summary(parts: Iterable[Recorded]) -> dict[str, Any] | None:
    """Values in a few words; of all parts there is only one in memory."""
    count = 0
    kinds: set[int] = set()
    types: dict[str, None] = {}
    last: list[str] = []
    extremes: list[float] = []  # ints where they are whole
    spark: list[tuple[int, float]] = []  # how many values, and their mean
    for recorded in parts:
        if not (size := len(recorded.kind)):
            continue
        count += size
        tail = _some(recorded, slice(max(size - _LAST, 0), size))
        shown = [_short(t) if t is not None else _no_value(int(k)) for t, k in zip(texts(tail), tail.kind, strict=True)]
        last = [*last, *shown][-_LAST:]
        types |= dict.fromkeys(map(str, type_names(_some(recorded, _first_of_each(recorded))).to_pylist()))
        kinds |= set(np.flatnonzero(np.bincount(recorded.kind)).tolist())
        if kinds <= {f.INT, f.FLOAT, f.BOOL}:
            numbers = _numbers(recorded)
            extremes += _extremes(recorded, numbers, is_whole=f.FLOAT not in kinds)
            spark += _means(numbers)
    if not count:
        return None
    summary: dict[str, Any] = {"count": count, "last": last, "types": list(types)}
    if kinds <= {f.INT, f.FLOAT, f.BOOL} and extremes:
        as_text = repr if f.FLOAT not in kinds else lambda number: repr(float(number))
        summary |= {"min": as_text(min(extremes)), "max": as_text(max(extremes)), "spark": _spark(spark)}
    return summary


def _extremes(recorded: Recorded, numbers: Numbers, is_whole: bool) -> list[float]:
    """The smallest and the largest of some numbers, exactly; none if none is finite."""
    if is_whole:  # as a float, a large one would be another number
        ints = recorded.payload.view(np.int64)
        return [int(ints.min()), int(ints.max())]
    finite = numbers[np.isfinite(numbers)]
    return [float(finite.min()), float(finite.max())] if len(finite) else []


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


def _means(numbers: Numbers) -> list[tuple[int, float]]:
    """Numbers in stretches of about one length: how many they are, and the mean of those that are finite."""
    parts = np.array_split(numbers, min(_STRETCHES, len(numbers)))
    return [
        (len(own), float(np.mean(own[finite])) if (finite := np.isfinite(own)).any() else math.nan) for own in parts
    ]


def _spark(stretches: list[tuple[int, float]]) -> str:
    """Means as a line of bars, each for as many numbers; a space where none is finite."""
    ends = np.cumsum([size for size, _ in stretches])
    bars = min(_BARS, int(ends[-1]))
    which = np.minimum((ends - 1) * bars // ends[-1], bars - 1)
    sizes, means = np.array(stretches, np.float64).T
    known = np.isfinite(means)
    weights = np.bincount(which[known], sizes[known], bars)
    shares = sizes[known] / weights[which[known]]
    sums = np.bincount(which[known], shares * means[known], bars)
    heights = [float(s) if w else math.nan for s, w in zip(sums, weights, strict=True)]
    finite = [h for h in heights if math.isfinite(h)]
    if not finite:
        return ""
    low, high = min(finite) / 2, max(finite) / 2  # halves: the difference of two floats may be none
    step = (high - low) or 1.0
    return "".join(
        " " if not math.isfinite(h) else _SPARKS[min(int((h / 2 - low) / step * len(_SPARKS)), len(_SPARKS) - 1)]
        for h in heights
    )


METHODS: dict[str, Callable[..., Any]] = {"values": values}
