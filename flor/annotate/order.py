"""Which of some pairs keep the order, where another choice would be much worse."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranked:
    """A pair of places in two sequences, and how much speaks for it."""

    first: int
    second: int
    weight: int


def in_order(pairs: Sequence[Ranked]) -> list[bool]:
    """For each pair whether it belongs to those that keep the order, beyond doubt.

    Of all choices of pairs that have the same order in both sequences the heaviest is taken. A pair in it is in doubt
    if a choice with another pair that crosses it is almost as heavy: lighter by no more than half of the pair's weight.
    """
    order = sorted(range(len(pairs)), key=lambda i: pairs[i].first)
    seconds = [pairs[i].second for i in order]
    if all(a < b for a, b in itertools.pairwise(seconds)):
        return [True] * len(pairs)
    weights = [pairs[i].weight for i in order]
    before = _heaviest(seconds, weights)
    after = _heaviest([-s for s in reversed(seconds)], weights[::-1])[::-1]
    chosen = _choice(seconds, weights, before)
    through = [b + a - w for b, a, w in zip(before, after, weights, strict=True)]
    least = max(before) - max(weights) / 2
    rivals = [at for at in range(len(order)) if at not in chosen and through[at] >= least]
    keep = [False] * len(pairs)
    for at in chosen:
        margin = max(before) - weights[at] / 2
        keep[order[at]] = not any(
            through[rival] >= margin and (rival < at) != (seconds[rival] < seconds[at]) for rival in rivals
        )
    return keep


def _choice(seconds: Sequence[int], weights: Sequence[int], before: Sequence[int]) -> set[int]:
    """One of the heaviest choices."""
    left, limit = max(before), max(seconds) + 1
    found: set[int] = set()
    for at in reversed(range(len(seconds))):
        if left > 0 and before[at] == left and seconds[at] < limit:
            found.add(at)
            left, limit = left - weights[at], seconds[at]
    return found


def _heaviest(seconds: Sequence[int], weights: Sequence[int]) -> list[int]:
    """For each place the weight of the heaviest increasing choice that ends with it."""
    ranks = sorted(set(seconds))
    tree = [0] * (len(ranks) + 1)  # of the heaviest choice that ends at or below a rank (a Fenwick tree)
    found: list[int] = []
    for second, weight in zip(seconds, weights, strict=True):
        at = bisect_left(ranks, second)
        best, i = 0, at
        while i > 0:
            best = max(best, tree[i])
            i -= i & -i
        found.append(best + weight)
        i = at + 1
        while i < len(tree):
            tree[i] = max(tree[i], best + weight)
            i += i & -i
    return found
