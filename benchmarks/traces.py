"""What a run has left on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from flor.home import open_run
from flor.trace.read import open_trace


@dataclass(frozen=True)
class Kept:
    """A packed trace."""

    values: int
    skipped: int  # block instances that were thinned
    size: int  # bytes, blocks and values


def run_of(home: Path) -> Path:
    """The directory of the one run in `home`."""
    (path,) = home.glob("*/runs/*")
    return path


def kept(home: Path) -> Kept:
    """What the one run in `home` keeps, which has been packed."""
    run = run_of(home)
    parts = list((run / "trace").rglob("*.parquet"))
    values = sum(pq.ParquetFile(p).metadata.num_rows for p in parts if "values" in p.name)
    return Kept(values, sum(open_trace(open_run(run)).skipped().values()), sum(p.stat().st_size for p in parts))


def segments_size(home: Path) -> int:
    """Bytes of the events and the heap of the one run in `home`, which has ended and has not been packed."""
    files = (run_of(home) / "segments").glob("*/*")
    return sum(p.stat().st_size for p in files if p.suffix in (".events", ".heap"))
