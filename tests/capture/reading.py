"""Read a captured run in words: which value an expression had in which block instance."""

from __future__ import annotations

from flor.capture.sites import Site
from flor.home import runs
from flor.trace.read import Trace, open_trace
from flor.trace.values import text


def newest_trace(experiment: str) -> Trace:
    *_, run = runs(experiment, [])
    return open_trace(run)


def paths(trace: Trace) -> list[str]:
    """For each instance its way down from the module, as in "train()[0] > epoch[1]"."""
    instances = trace.instances()
    found: list[str] = []
    for source, block, parent, ordinal in zip(
        instances.source, instances.block, instances.parent, instances.ordinal, strict=True
    ):
        about = trace.sources[source].map.blocks[block]
        call = "()" if about.kind in ("function", "lambda", "generator") else ""
        here = "" if about.kind == "module" else f"{about.name}{call}[{ordinal}]"
        above = found[parent] if parent >= 0 else ""
        found.append(" > ".join(p for p in (above, here) if p))
    return found


def sites(trace: Trace, wanted: str) -> list[tuple[int, int, Site]]:
    """(source, site, about it) of every site with this text."""
    return [
        (i, j, site)
        for i, source in enumerate(trace.sources)
        for j, site in enumerate(source.map.sites)
        if site.text == wanted and site.source == "recorded"
    ]


def values(trace: Trace, wanted: str) -> list[str]:
    """Lines "path: value" of the recorded sites whose text is `wanted`, in the order of events."""
    names = paths(trace)
    rows = []
    for source, site, _ in sites(trace, wanted):
        found = trace.values(source, site)
        stream = trace.instances().stream
        for i in range(len(found.instance)):
            shown = text(int(found.kind[i]), int(found.payload[i]), found.data[i].as_py())
            where = names[found.instance[i]]
            rows.append(
                (int(stream[found.instance[i]]), int(found.seq[i]), f"{where}: {shown}" if where else f"{shown}")
            )
    return [line for _, _, line in sorted(rows)]
