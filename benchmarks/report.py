"""Put measured figures into the documentation: `python -m benchmarks.report [RESULTS]`.

Writes the tables between the markers of `docs/performance.md`, draws `docs/images/overhead.svg` and `.png`, and keeps
the results beside this file as `results.json`, so that the page can be compared with them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import results as stored
from benchmarks import tables
from benchmarks.results import Row, spread

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "performance.md"
KEPT = HERE / "results.json"
PICTURES = [ROOT / "docs" / "images" / f"overhead.{kind}" for kind in ("svg", "png")]

#: What each section of the page is made of: between `<!-- NAME -->` and `<!-- end -->`.
_MARKED = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def flor_as_peer(results: dict[str, Any]) -> list[Row]:
    """Flor's figures in the form of a peer's rows."""
    return [
        {
            "peer": "flor",
            "title": "Flor, every expression",
            "version": results["machine"]["python"],
            "workload": row["workload"],
            "loop": row["ratio"],
            "whole": spread([_whole(row)]),
        }
        for row in tables.figures(results, "capture")
    ]


def _whole(row: Row) -> float:
    added = sum(float(row[part]["median"]) for part in ("captured", "around", "packing"))
    return added / float(row["plain"]["median"])


def peers(results: dict[str, Any]) -> list[Row]:
    """Flor and its peers, on the workloads that the peers can run."""
    rows = tables.figures(results, "peers")
    shared = {row["workload"] for row in rows if "workload" in row}
    return [*(row for row in flor_as_peer(results) if row["workload"] in shared), *rows]


def machine(results: dict[str, Any]) -> str:
    """What the figures were measured on, in a sentence."""
    about = results["machine"]
    build = "an optimised build" if about["optimised"] else "a build without `--enable-optimizations`"
    last = max(section["time"] for section in results["sections"].values())
    return (
        f"Measured on {about['cores']} shared cores, {about['system']}, CPython {about['python']} ({build}), {last}.\n"
    )


@dataclass(frozen=True)
class Bar:
    """What a figure shall not exceed, or with `least` shall reach."""

    what: str
    unit: str
    limit: float
    section: str
    figure: Callable[[Row], float]
    row: str = ""  # begins the row's title
    least: bool = False

    def line(self, results: dict[str, Any]) -> list[str]:
        """The bar's line in a table."""
        rows = [r for r in tables.figures(results, self.section) if r["title"].startswith(self.row)]
        bar = f"{'>=' if self.least else '<='} {self.limit:g}{self.unit}"
        if not rows:
            return [self.what, bar, "not measured", ""]
        figure = float(f"{self.figure(rows[0]):.3g}")  # as it is shown
        reached = figure >= self.limit if self.least else figure <= self.limit
        return [self.what, bar, f"{tables.three(figure)}{self.unit}", "yes" if reached else "not yet"]


def _slow(row: Row) -> float:
    """Milliseconds that 99 of 100 requests take at most."""
    return float(row["p99"]) * 1000


def _ratio(row: Row) -> float:
    return float(row["ratio"]["median"])


def _wall(row: Row) -> float:
    return float(row["wall"]["median"])


def _segments(row: Row) -> float:
    return float(row["segments"] / row["values"])


def _packed(row: Row) -> float:
    return float(row["packed"] / row["values"])


BARS = (
    Bar("capture, pure Python hot loop (n-body)", " x", 3.0, "capture", _ratio, "n-body"),
    Bar("capture, pure Python with a call in the loop (SGD)", " x", 3.0, "capture", _ratio, "SGD"),
    Bar("capture, numpy minibatches", " x", 1.10, "capture", _ratio, "MLP, numpy"),
    Bar("capture, scikit-learn sweep", " x", 1.05, "capture", _ratio, "Iris"),
    Bar("start-up over plain `python script.py`", " ms", 120, "startup", lambda r: _wall(r) * 1000),
    Bar("bytes per value in segments, random doubles", "", 12, "sizes", _segments, "random doubles"),
    Bar("bytes per value packed, random doubles", "", 9, "sizes", _packed, "random"),
    Bar("bytes per value packed, a counter", "", 2, "sizes", _packed, "a counter"),
    Bar("bytes per value packed, one value repeated", "", 2, "sizes", _packed, "one value"),
    Bar(
        "memory added to the captured program, a long run",
        " MB",
        200,
        "memory",
        lambda r: float(r["captured"] - r["plain"]) / 1e6,
    ),
    Bar(
        "packing, one core, n-body",
        " M values/s",
        10,
        "sizes",
        lambda r: float(r["values"] / r["packing"]) / 1e6,
        "n-body",
        least=True,
    ),
    Bar("`flor etl` on Iris, the whole command", " s", 0.6, "etl", _wall),
    Bar("`flor etl` on 1,000 runs of Iris", " s", 3, "etl", _wall, row="flor etl, 1,000"),
    Bar("a table of 1 M rows out of 10 M values, the whole command", " s", 1, "table", _wall),
    Bar("server: code action, 10,000 lines, right after an edit, 99 of 100", " ms", 10, "server", _slow, "code action"),
    Bar(
        "server: naming, 10,000 lines, until the edit is sent, 99 of 100",
        " ms",
        50,
        "server",
        _slow,
        "naming, 10,000 lines, i",
    ),
    Bar("server: from start to the reply to initialize", " ms", 400, "server", lambda r: r["p50"] * 1000, "from start"),
    Bar("server: memory, 10,000 lines open", " MB", 100, "server", lambda r: r["bytes"] / 1e6, "memory"),
    Bar("server: a window of 1 M rows, sorted, 99 of 100", " ms", 50, "server", _slow, "a window of 100 rows, sorted"),
)


def bars(results: dict[str, Any]) -> tables.Table:
    """What is wanted, what was measured, and whether that is reached."""
    return [["what", "bar", "measured", "reached"], *(bar.line(results) for bar in BARS)]


def page(text: str, results: dict[str, Any]) -> str:
    """The page with the figures of these results."""

    def marked(found: re.Match[str]) -> str:
        name = found[2]
        if name == "machine":
            return f"{found[1]}{machine(results)}{found[3]}"
        if name == "bars":
            return f"{found[1]}\n{tables.markdown(bars(results))}\n\n{found[3]}"
        rows = peers(results) if name == "peers" else tables.figures(results, name)
        shown = tables.markdown(tables.TABLES[name](rows)) if rows else "Not measured."
        return f"{found[1]}\n{shown}\n\n{found[3]}"

    return _MARKED.sub(marked, text)


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "benchmarks.json"
    results = stored.load(source)
    if not results["sections"]:
        sys.exit(f"{source} holds no results: run make bench first")
    from benchmarks.plot import draw

    draw(peers(results), PICTURES)
    PAGE.write_text(page(PAGE.read_text(), results))
    if source.resolve() != KEPT:
        KEPT.write_text(source.read_text())
    print(f"written: {', '.join(str(p.relative_to(ROOT)) for p in (PAGE, KEPT, *PICTURES))}")


if __name__ == "__main__":
    main()
