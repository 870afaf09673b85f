"""From a text as it is now back to a version of it: the same expression there. Costs what has changed."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from functools import cached_property

from flor.annotate.chunks import Chunks
from flor.annotate.match import corresponding
from flor.annotate.source import Parsed
from flor.annotate.strip import looked_through
from flor.annotate.tree import span_of
from flor.capture.sites import Span


class Carry:
    """What the chunks of a text, `new`, are in a version of it, `old`."""

    def __init__(self, old: Chunks, new: Chunks) -> None:
        self._old, self._new = old, new
        a, b = [chunk.key for chunk in old.chunks], [chunk.key for chunk in new.chunks]
        self._same: dict[int, int] = {}
        self._regions: dict[int, _Region] = {}
        first = 0
        while first < min(len(a), len(b)) and a[first] == b[first]:
            self._same[first] = first
            first += 1
        last = 0
        while last < min(len(a), len(b)) - first and a[-1 - last] == b[-1 - last]:
            last += 1
            self._same[len(b) - last] = len(a) - last
        matcher = SequenceMatcher(None, a[first : len(a) - last], b[first : len(b) - last], autojunk=False)
        left_a: list[int] = []
        left_b: list[int] = []
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            olds, news = range(first + i1, first + i2), range(first + j1, first + j2)
            if tag == "equal":
                self._same |= dict(zip(news, olds, strict=True))
                continue
            left_a += olds
            left_b += news
            if tag == "replace":
                region = _Region(old, new, olds, news)
                self._regions |= dict.fromkeys(news, region)
        self._same |= _moved(a, b, left_a, left_b)
        counts_a, counts_b = Counter(a), Counter(b)  # of equal ones of which some are gone, none is sure
        self._same = {new: old for new, old in self._same.items() if counts_a[b[new]] == counts_b[b[new]]}

    def back(self, number: int, span: Span) -> Span | None:
        """The span in `old` of a node of a chunk of `new`, whose span is the chunk's own; None where there is none, or
        it is another expression."""
        if (there := self._same.get(number)) is not None:
            lines = self._old.above[there]
            return (span[0] + lines, span[1], span[2] + lines, span[3])
        region = self._regions.get(number)
        return None if region is None else region.back(number, span)


class _Region:
    """Chunks that have changed, between others that have not."""

    def __init__(self, old: Chunks, new: Chunks, olds: range, news: range) -> None:
        self._old, self._new, self._olds, self._news = old, new, olds, news

    @cached_property
    def _spans(self) -> dict[Span, Span]:
        """Span in the new chunks -> span in the old ones, of what is the same; both count from the region's begin."""
        olds = [self._old.chunks[i] for i in self._olds]
        news = [self._new.chunks[i] for i in self._news]
        if any(chunk.broken for chunk in (*olds, *news)):
            return {}
        parsed = [Parsed("".join(chunk.text for chunk in chunks)) for chunks in (olds, news)]
        try:
            matching = corresponding(*(looked_through(own) for own in parsed))
        except SyntaxError:
            return {}
        return {
            span_of(there): span_of(node)
            for node, there in matching.nodes.items()
            if node not in matching.changed and isinstance(node, ast.expr | ast.arg | ast.alias | ast.ExceptHandler)
        }

    def back(self, number: int, span: Span) -> Span | None:
        above = self._old.above[self._olds.start]
        down = self._new.above[number] - self._new.above[self._news.start]
        found = self._spans.get((span[0] + down, span[1], span[2] + down, span[3]))
        return None if found is None else (found[0] + above, found[1], found[2] + above, found[3])


def _moved(a: list[str], b: list[str], left_a: list[int], left_b: list[int]) -> dict[int, int]:
    """Chunks that stand elsewhere: those whose text is there once in both."""
    olds: dict[str, list[int]] = defaultdict(list)
    news: dict[str, list[int]] = defaultdict(list)
    for number in left_a:
        olds[a[number]].append(number)
    for number in left_b:
        news[b[number]].append(number)
    return {
        numbers[0]: olds[text][0]
        for text, numbers in news.items()
        if len(numbers) == 1 and len(olds.get(text, [])) == 1 and text.strip()
    }
