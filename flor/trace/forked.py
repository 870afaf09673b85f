"""Where processes come from: what children of `os.fork` have of the time before they were forked, and the block
instances that they go on in, copies of those that were going on then, each beside its original; and whose main module
those go on from that were started afresh. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flor.trace.decode import Fork

_ALL = 1 << 62  # more than any record's number


class CircleError(ValueError):
    """Instances are their own ancestors: not what was written."""


class Forks:
    """Which process was forked from which, and when, or started by which. Streams are numbered as readers see them."""

    def __init__(self, streams: Sequence[tuple[int, int]], forks: Sequence[Fork]) -> None:
        """`streams`: the process and the number there of each, as they came. Raises ValueError for what cannot be."""
        order = sorted(range(len(streams)), key=streams.__getitem__)
        self.rank = {stream: number for number, stream in enumerate(order)}  # as they came -> as readers see them
        self.process = [streams[stream][0] for stream in order]  # of each stream
        self._forks = [(parent, apart, self.rank.get(stream, -1), last) for parent, apart, stream, last, _ in forks]
        self._starters = [starter for *_, starter in forks]
        if not all(max(parent, starter) < process for process, (parent, *_, starter) in enumerate(forks)):
            raise ValueError("a process does not come from a later one")
        self._limits: dict[tuple[int, int], int] = {}

    def above(self, process: int) -> Iterator[int]:
        """A process, the one that it was forked from, and so on."""
        while process >= 0:
            yield process
            process = self._forks[process][0] if process < len(self._forks) else -1

    def starter(self, process: int) -> int:
        """The process that started this one afresh, or the one that it was forked from; -1: none, or not known."""
        return next((s for own in self.above(process) if (s := self._starter(own)) >= 0), -1)

    def _starter(self, process: int) -> int:
        return self._starters[process] if process < len(self._starters) else -1

    def are_one(self, process: int, stream: int) -> bool:
        """Whether a process has all of a stream, because no `os.fork` lies between them."""
        return self.limit(process, stream) == _ALL

    def limit(self, process: int, stream: int) -> int:
        """The last record of a stream that a process has: of its own all, of the thread that forked it those before;
        -1: none. What was started afresh has what its starter has, the run's first process has all."""
        if (process, stream) not in self._limits:
            self._limits[process, stream] = self._limit(process, stream)
        return self._limits[process, stream]

    def _limit(self, process: int, stream: int) -> int:
        other = self.process[stream]
        while True:
            limit, forking_ones = _ALL, set()
            for own in self.above(process):
                if own == other:
                    return limit
                if (starter := self._starter(own)) >= 0:
                    break
                parent, apart, forking, last = self._forks[own] if own < len(self._forks) else (-1, 0, -1, -1)
                if parent >= 0 and not apart:
                    forking_ones.add(parent)
                    if stream == forking:
                        limit = min(limit, last)
                    elif parent == other:
                        return -1
            else:
                return -1 if forking_ones else _ALL
            if not forking_ones.isdisjoint(self._line(other)):
                return -1  # of what they started it is not known when it did that
            process = starter

    def _line(self, process: int) -> Iterator[int]:
        """A process, and all that it comes from."""
        while process >= 0:
            yield from self.above(process)
            process = self.starter(process)


class Mains:
    """The main module's instances: the run's first process has one, children of `os.fork` go on in copies of it, and
    processes that are started afresh may run the module again."""

    def __init__(
        self, forks: Forks, process: Sequence[int], main: int, again: Iterable[int], copies: Iterable[tuple[int, int]]
    ) -> None:
        """`process`: of each instance. `main`: the instance of the first process; `again`: those of other processes, in
        the order in which they began. `copies`: (copy, original), an original that is one before its copy."""
        self._forks = forks
        self.again: dict[int, int] = {}  # by process that was started afresh, its own one
        for instance in again:
            if process[instance] != process[main]:
                self.again.setdefault(int(process[instance]), instance)
        self._own = {int(process[main]): main, **self.again}
        mains = set(self._own.values())
        for copy, original in copies:
            if original in mains:
                mains.add(copy)
                self._own[int(process[copy])] = copy
        self._main = main

    def of(self, process: int) -> int:
        """In which one lies what a process does outside of functions and modules."""
        while process >= 0:
            for above in self._forks.above(process):
                if above in self._own:
                    return self._own[above]
            process = self._forks.starter(process)
        return self._main

    def pairs(self) -> list[tuple[int, int]]:
        """Of each process that was started afresh and has its own one: that, and the one of what started it."""
        return [(own, self.of(self._forks.starter(process))) for process, own in self.again.items()]


class Places:
    """Where copies lie, and what began in them."""

    def __init__(self, forks: Forks, stream: Sequence[int], parent: Sequence[int], copies: Sequence[int]) -> None:
        """`stream` and `parent`: of each instance, a copy's parent what it is a copy of; `parent` may change as
        `of_child` says. `copies`: ascending. Raises CircleError."""
        self._forks, self._stream, self._parent = forks, stream, parent
        self._root: dict[int, int] = {}  # of each copy the original that is none
        self._own: dict[tuple[int, int], int] = {}  # the copy that a process has of an original
        for copy in copies:
            original = int(parent[copy])
            if not 0 <= original < copy:
                raise CircleError
            self._root[copy] = self._root.get(original, original)
            self._own[self._process(copy), self._root[copy]] = copy

    def _process(self, instance: int) -> int:
        return self._forks.process[int(self._stream[instance])]

    def of_copies(self) -> Iterator[int]:
        """The instances that the copies lie in."""
        for copy, root in self._root.items():
            yield self._nearest([self._process(copy)], int(self._parent[root]))

    def of_child(self, process: int, parent: int) -> int:
        """What an instance of a process lies in whose parent is another process's."""
        return self._nearest(list(self._forks.above(process)), parent)

    def _nearest(self, processes: Sequence[int], instance: int) -> int:
        """The copy that one of the processes has of the instance, or of the nearest one around it; if there is none,
        the instance."""
        seen = set()
        at = instance
        while at >= 0 and at not in seen:
            seen.add(at)
            root = self._root.get(at, at)
            for process in processes:
                if (process, root) in self._own:
                    return self._own[process, root]
            at = int(self._parent[root])
        return instance
