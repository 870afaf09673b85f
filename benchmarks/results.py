"""The figures of `make bench` in a file, section by section, so that a section can be measured again alone.

    {"format": 1,
     "machine": {"system", "cores", "python", "optimised"},
     "sections": {SECTION: {"time": when it was measured, "seconds": how long that took, "load": of the machine before,
                            "rows": [...]}}}

Times are seconds of CPU unless the name says `wall`, sizes are bytes. A figure that was measured several times is
{"median", "least", "most"}. The rows of each section are described where they are measured: `capture.py`,
`storage.py`, `commands.py`, `peers.py`.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FORMAT = 1

Row = dict[str, Any]


def spread(figures: Sequence[float]) -> dict[str, float]:
    """Median and range of what was measured several times."""
    return {"median": statistics.median(figures), "least": min(figures), "most": max(figures)}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "optimised": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
    }


def load(path: Path) -> dict[str, Any]:
    """The results in a file; without sections if there is none of this format."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        found = {}
    if found.get("format") != FORMAT:
        found = {"format": FORMAT, "sections": {}}
    return found


def measure(path: Path, section: str, rows: Callable[[], list[Row]]) -> list[Row]:
    """Measure a section and put it into the file."""
    about = {"time": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"), "load": round(os.getloadavg()[0], 1)}
    begin = time.monotonic()
    measured = rows()
    results = load(path)
    results["machine"] = machine()
    results["sections"][section] = {**about, "seconds": round(time.monotonic() - begin), "rows": measured}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(results, indent=1) + "\n")
    beside.replace(path)
    return measured
