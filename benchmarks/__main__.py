"""Measure what Flor costs. `make bench` does all of it, in about an hour.

    python -m benchmarks [SECTION...] [--pairs N] [--scale X] [--values N] [--into FILE]

Each section goes into the file when it is done, so what was interrupted goes on with the sections that are left: name
them. `--scale 0.1 --pairs 1` is a trial. `python -m benchmarks.report` draws and writes what the documentation shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import capture, commands, peers, processes, results, server, servers, storage, tables
from benchmarks.results import Row

ROOT = Path(__file__).parent.parent


def sections(scale: float, pairs: int, values: int) -> dict[str, Callable[[], list[Row]]]:
    """What measures each section, in the order in which it is done."""
    return {
        "startup": lambda: commands.startup(4 * pairs),
        "imports": lambda: commands.imports(2 * pairs),
        "etl": lambda: commands.etl(2 * pairs),
        "capture": lambda: capture.ratios(scale, pairs),
        "thinning": lambda: capture.thinned(scale, pairs),
        "sizes": lambda: storage.sizes(scale),
        "table": lambda: commands.table(int(1_000_000 * scale), pairs),
        "memory": lambda: storage.memory(int(values * scale)),
        "server": lambda: server.measure(int(1_000_000 * scale)),
        "servers": servers.compare,
        "peers": lambda: peers.compare(scale),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what Flor costs.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(sections(1, 1, 1)))
    parser.add_argument("--pairs", type=int, default=5, help="how often each workload runs plain and captured")
    parser.add_argument("--scale", type=float, default=1.0, help="of the lengths of all loops")
    parser.add_argument("--values", type=int, default=100_000_000, help="of the run whose memory is measured")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "benchmarks.json", help="the file of the results")
    options = parser.parse_args()
    every = sections(options.scale, options.pairs, options.values)
    if unknown := [name for name in options.sections if name not in every]:
        parser.error(f"there is no section {unknown[0]}; there are {', '.join(every)}")
    processes.adopt_orphans()
    for name in options.sections or every:
        try:
            rows = results.measure(options.into, name, every[name])
        except processes.FailedError as error:
            print(f"{name}: not measured, {error}")
            continue
        print(tables.text(tables.TABLES[name](rows)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
