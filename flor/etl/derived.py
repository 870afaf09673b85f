"""The values of a load that is derived: recorded where they may have changed since the name was bound, else those of
the binding."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flor.capture.sites import Site, SourceMap
from flor.etl.forks import has, passed_on
from flor.trace import format as f
from flor.trace.columns import Instances, Values
from flor.trace.read import Trace

Ints = npt.NDArray[np.int64]

UNFINISHED = "the expression around it did not come to its end"

#: Kinds of values that cannot change, and what stands for one.
_STEADY = np.isin(np.arange(256), (f.NONE, f.BOOL, f.INT, f.FLOAT, f.SHORT_STR, f.STR, f.BIG_INT, f.GAP, f.REDACTED))


def derived(trace: Trace, source: int, index: int) -> Values:
    """The values of a source's derived site, in the order of (stream, seq).

    Where the load was not recorded it had the value that its binding has in the same block instance, or in the one
    around it. If that value is one that can change, then no time was left to look at it: a gap.
    """
    sites = trace.sources[source].map
    site = sites.sites[index]
    own = trace.values(source, index)
    binding = recorded_site(sites, site.of)
    witness = recorded_site(sites, site.witness)
    if binding is None or witness is None:
        return own
    evaluated = trace.values(source, witness)
    instances = trace.instances()
    rest = ~np.isin(evaluated.instance, own.instance)
    instance, seq = evaluated.instance[rest], evaluated.seq[rest]
    around = _around(instances, instance, source, sites.sites[binding].block)
    bound = trace.values(source, binding)
    number = np.full(len(instances.parent) + 1, -1)  # the last one is for instance -1
    number[bound.instance] = np.arange(len(bound.instance))
    number = passed_on(trace.copies, number)[around]
    there = number >= 0
    if len(trace.copies):
        loads, bindings = instance[there], number[there]
        stream = instances.stream[bound.instance[bindings]]
        there[there] = has(trace.forks, instances.stream[loads], stream, bound.seq[bindings])
    taken = number[there]
    kind, payload, data = _frozen(bound, taken, site)
    instance = np.concatenate([own.instance, instance[there]])
    seq = np.concatenate([own.seq, seq[there]])
    in_order = np.lexsort((seq, instances.stream[instance]))
    both = pa.concat_arrays([own.data, data]).take(pa.array(in_order))
    kinds, payloads = np.concatenate([own.kind, kind]), np.concatenate([own.payload, payload])
    return Values(instance[in_order], seq[in_order], kinds[in_order], payloads[in_order], both)


def unfinished(reached: Ints, known: Ints) -> npt.NDArray[np.bool_]:
    """In which of the block instances in which a site was reached, but for what may have raised before it, it was not
    evaluated. `known`: those in which it was."""
    if np.array_equal(reached, known):
        return np.zeros(len(reached), np.bool_)
    return ~np.isin(reached, known)


def recorded_site(sites: SourceMap, index: int | None) -> int | None:
    """The site that has the values of site `index`; None if none has."""
    for _ in sites.sites:  # no chain of references is longer, but one in a circle
        if index is None:
            return None
        site = sites.sites[index]
        if site.source == "recorded":
            return index
        index = site.of if site.source == "same" else None
    return None


def _around(instances: Instances, instance: Ints, source: int, block: int) -> Ints:
    """For each instance the one of `block` that it is, or lies in; -1: none."""
    found = instance.copy()
    while True:
        outside = np.flatnonzero(found >= 0)
        outside = outside[(instances.block[found[outside]] != block) | (instances.source[found[outside]] != source)]
        if not len(outside):
            return found
        found[outside] = instances.parent[found[outside]]


def _frozen(
    bound: Values, taken: npt.NDArray[np.int64], site: Site
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64], pa.LargeBinaryArray]:
    """The bindings' values, with gaps for those that may have changed until the load."""
    kind, payload, data = bound.kind[taken].copy(), bound.payload[taken], bound.data.take(pa.array(taken))
    doubtful = np.flatnonzero(~_STEADY[kind])
    changed = [i for i in doubtful.tolist() if not (kind[i] == f.SUMMARY and _is_text(data[i].as_py()))]
    if changed:
        import pyarrow.compute as pc  # takes as long as reading a million values

        kind[changed] = f.GAP
        why = json.dumps({"why": f"time budget: {site.text} may have changed since it was bound"}).encode()
        mask = np.zeros(len(kind), bool)
        mask[changed] = True
        data = pc.if_else(pa.array(mask), pa.scalar(why, pa.large_binary()), data)
    return kind, payload, data


def _is_text(summary: bytes | None) -> bool:
    """Whether it is a long string's summary."""
    try:
        return summary is not None and json.loads(summary).get("type") == "str"
    except (ValueError, AttributeError):
        return False
