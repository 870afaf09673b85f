"""The rows of each section as a table of text: a header, then the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.results import Row

Table = list[list[str]]

_MANY = 5_000_000  # values, beside which the start of the packer's process is little


def times(figure: dict[str, float]) -> str:
    """A ratio and its range."""
    return f"{three(figure['median'])} ({three(figure['least'])} to {three(figure['most'])})"


def three(number: float) -> str:
    """Three digits, of large numbers as many as there are."""
    if abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def seconds(figure: dict[str, float]) -> str:
    return f"{three(figure['median'])} s"


def milliseconds(figure: dict[str, float]) -> str:
    return f"{figure['median'] * 1000:.0f} ms"


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _skipped(row: Row) -> str:
    return f"{row['skipped']:,}" if row["skipped"] else "none"


def capture(rows: list[Row]) -> Table:
    head = ["captured / plain, CPU of the loop", "plain", "captured", "ratio (range)", "around it", "packing", "values"]
    table = [[*head, "thinned"]]
    for r in rows:
        figures = [seconds(r[k]) for k in ("plain", "captured")]
        around = [seconds(r[k]) for k in ("around", "packing")]
        table.append([r["title"], *figures, times(r["ratio"]), *around, f"{r['values']:,}", _skipped(r)])
    return table


def thinning(rows: list[Row]) -> Table:
    table = [["thinned / plain, CPU of the loop", "recorded (range)", "thinned (range)", "values", "thinned instances"]]
    for r in rows:
        table.append([r["title"], times(r["recorded"]), times(r["thinned"]), f"{r['values']:,}", _skipped(r)])
    return table


def sizes(rows: list[Row]) -> Table:
    table = [["bytes per value", "values", "in segments", "packed", "packed per CPU second"]]
    for r in rows:
        n = r["values"]
        speed = f"{n / r['packing'] / 1e6:.1f} M" if n >= _MANY else ""
        sizes = [f"{r['segments'] / n:.1f}", f"{r['packed'] / n:.2f}", speed]
        table.append([r["title"], f"{n:,}", *sizes])
    return table


def startup(rows: list[Row]) -> Table:
    table = [["added to plain python", "wall", "CPU", "CPU of other processes"]]
    return [*table, *([r["title"], *(milliseconds(r[k]) for k in ("wall", "cpu", "beside"))] for r in rows)]


def imports(rows: list[Row]) -> Table:
    lines = [[r["title"], f"{r['self'] * 1000:.1f} ms"] for r in rows]
    return [["import, by itself", "time"], *lines, ["all", f"{sum(r['self'] for r in rows) * 1000:.1f} ms"]]


def etl(rows: list[Row]) -> Table:
    return [["whole command", "wall", "CPU"], *([r["title"], seconds(r["wall"]), seconds(r["cpu"])] for r in rows)]


def table(rows: list[Row]) -> Table:
    head = ["whole command", "rows", "values in the trace", "wall", "CPU"]
    about = [[r["title"], f"{r['rows']:,}", f"{r['values']:,}"] for r in rows]
    return [head, *([*a, seconds(r["wall"]), seconds(r["cpu"])] for a, r in zip(about, rows, strict=True))]


def memory(rows: list[Row]) -> Table:
    lines = [["memory of the program, at most", "values kept", "thinned", "plain", "captured", "added"]]
    for r in rows:
        sizes = map(megabytes, (r["plain"], r["captured"], r["captured"] - r["plain"]))
        lines.append([r["title"], f"{r['values']:,}", _skipped(r), *sizes])
    return lines


def peers(rows: list[Row]) -> Table:
    """A line for each peer, a column for each workload: the ratio of the loop, and of all that the processes use."""
    workloads = list(dict.fromkeys(r["workload"] for r in rows if "workload" in r))
    lines = [["CPU / plain, the loop [all of it]", "version", *workloads]]
    for name in dict.fromkeys(r["peer"] for r in rows):
        own = [r for r in rows if r["peer"] == name]
        cells = {r["workload"]: _both(r) for r in own if "workload" in r}
        version = own[0].get("version", "")
        why = own[0].get("why", "") if not cells else ""
        lines.append([own[0]["title"], version or why, *(cells.get(w, "") for w in workloads)])
    return lines


def _both(row: Row) -> str:
    if "why" in row:
        return "failed"
    whole = row["whole"]
    clear = whole["least"] > 0  # else it is less than what two starts of the tool differ by
    return f"{three(row['loop']['median'])} [{three(whole['median']) if clear else '?'}]"


def server(rows: list[Row]) -> Table:
    table = [["the language server", "median", "99 of 100", "the first"]]
    for r in rows:
        if "bytes" in r:
            table.append([r["title"], megabytes(r["bytes"]), "", ""])
        else:
            first = f"{r['first'] * 1000:.1f} ms" if "first" in r else ""
            table.append([r["title"], f"{r['p50'] * 1000:.1f} ms", f"{r['p99'] * 1000:.1f} ms", first])
    return table


def servers(rows: list[Row]) -> Table:
    """A line for each server; of one that gave no figures, why."""
    table = [["another language server", "version", "start", "code action, median", "99 of 100", "memory"]]
    for r in rows:
        if "why" in r:
            table.append([r["title"], r["why"], "", "", "", ""])
        else:
            times = [f"{r[key] * 1000:.1f} ms" for key in ("start", "p50", "p99")]
            table.append([r["title"], r["version"], *times, megabytes(r["bytes"])])
    return table


TABLES: dict[str, Callable[[list[Row]], Table]] = {
    "startup": startup,
    "imports": imports,
    "etl": etl,
    "capture": capture,
    "thinning": thinning,
    "sizes": sizes,
    "table": table,
    "memory": memory,
    "server": server,
    "servers": servers,
    "peers": peers,
}


def text(table: Table) -> str:
    """For a terminal: columns aligned, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for line in table:
        first, *others = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(_wide(line, widths))]
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def _wide(line: list[str], widths: list[int]) -> Iterable[tuple[str, int]]:
    return zip(line, widths, strict=True)


def markdown(table: Table) -> str:
    """For a page of the documentation."""
    rule = ["---", *("---:" for _ in table[0][1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in [table[0], rule, *table[1:]])


def figures(results: dict[str, Any], section: str) -> list[Row]:
    """The rows of a section; none if it was not measured."""
    rows: list[Row] = results["sections"].get(section, {}).get("rows", [])
    return rows
