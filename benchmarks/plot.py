"""Draw what Flor and its peers cost: bars on a logarithmic scale, a group for each workload."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchmarks.capture import WORKLOADS
from benchmarks.results import Row
from benchmarks.tables import three

# The colours stand on a card of their own, so that the picture is the same on a light and on a dark page.
_CARD, _EDGE, _TEXT, _MUTED = "#17212d", "#2b3a4b", "#dbe4ee", "#8796a8"
_FLOR, _OTHER, _NOTHING = "#ffc857", "#5cc8ff", "#5f7389"
_NOTHING_KEPT = ("settrace", "monitoring")  # peers that keep nothing
_LEFT = 0.9  # where the bars begin: a ratio of 1 is to be seen


def draw(rows: Sequence[Row], paths: Sequence[Path]) -> None:
    """Draw the ratios of the loops into each of the files, in the format of its suffix."""
    titles = {w.name: w.title for w in WORKLOADS}
    measured = [row for row in rows if "loop" in row]
    tools = list(dict.fromkeys(row["title"] for row in measured))
    names = [n for n in titles if any(row["workload"] == n for row in measured)]
    most = max(row["loop"]["median"] for row in measured)
    settings: Any = {"font.family": "sans-serif", "font.size": 9, "svg.hashsalt": "flor", "svg.fonttype": "path"}
    with plt.rc_context(settings):
        layout = ConstrainedLayoutEngine(w_pad=0.16, h_pad=0.14)
        figure, grid = plt.subplots(2, 2, figsize=(9.6, 5.8), sharey=True, facecolor=_CARD, layout=layout)

        figure.suptitle(
            "CPU time of a loop, in multiples of plain Python's (logarithmic)",
            color=_TEXT,
            fontsize=11.5,
            weight="bold",
        )
        for name, axes in zip(names, grid.flat, strict=False):
            _bars(axes, titles[name], tools, [row for row in measured if row["workload"] == name], most)
        grid[0][0].invert_yaxis()  # shared by all
        for axes in list(grid.flat)[len(names) :]:
            axes.set_visible(False)
        for path in paths:
            figure.savefig(path, dpi=150, facecolor=_CARD, metadata={"Date": None} if path.suffix == ".svg" else {})
        plt.close(figure)


def _bars(axes: Axes, title: str, tools: list[str], rows: Sequence[Row], most: float) -> None:
    axes.set_facecolor(_CARD)
    axes.set_title(title, color=_TEXT, fontsize=10, loc="left")
    places = [tools.index(row["title"]) for row in rows]
    ends = [max(row["loop"]["median"], 1.02) for row in rows]
    axes.barh(places, [e - _LEFT for e in ends], left=_LEFT, color=[_colour(row) for row in rows], height=0.68)
    axes.set_xscale("log")
    axes.set_xlim(_LEFT, most * 10)
    axes.set_yticks(range(len(tools)), tools)
    axes.axvline(1, color=_MUTED, linewidth=0.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(axis="x", colors=_MUTED, labelsize=8)
    axes.tick_params(axis="y", colors=_TEXT, length=0)
    axes.tick_params(axis="x", which="minor", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_EDGE)
    for place, row, end in zip(places, rows, ends, strict=True):
        flor = row["peer"] == "flor"
        axes.annotate(
            f"{three(row['loop']['median'])} x",
            (end, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=_FLOR if flor else _TEXT,
            weight="bold" if flor else "normal",
        )


def _colour(row: Row) -> str:
    return _FLOR if row["peer"] == "flor" else _NOTHING if row["peer"] in _NOTHING_KEPT else _OTHER
