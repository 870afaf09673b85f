"""What a process has of another one's records: streams are numbered as their processes here, one each."""

from __future__ import annotations

from flor.trace.decode import Fork
from flor.trace.forked import Forks

FIRST: Fork = (-1, 0, -1, -1, -1)
ALL = 1 << 62


def limits(*processes: Fork) -> list[list[int]]:
    """For each process, the last record that it has of each stream; "all" is 99."""
    forks = Forks([(number, 0) for number in range(len(processes))], processes)
    numbers = range(len(processes))
    return [[99 if (last := forks.limit(own, stream)) == ALL else last for stream in numbers] for own in numbers]


def forked(parent: int, last: int) -> Fork:
    return parent, 0, parent, last, -1


def started(by: int) -> Fork:
    return -1, 0, -1, -1, by


def test_a_process_that_is_started_has_what_its_starter_has() -> None:
    assert limits(FIRST, started(0), started(1)) == [[99] * 3] * 3
    assert limits(FIRST, forked(0, 7), started(1)) == [[99, 99, 99], [7, 99, -1], [7, 99, 99]]


def test_a_fork_hides_what_those_did_later_that_it_comes_from_by_forks() -> None:
    # a process, one that it started, a fork of that, and what that started
    assert limits(FIRST, started(0), forked(1, 5), started(2)) == [
        [99, 99, 99, 99],
        [99, 99, 99, 99],
        [99, 5, 99, -1],
        [99, 5, 99, 99],
    ]
    # what the process that forked has started may have been started after that
    assert limits(FIRST, started(0), forked(1, 5), started(1))[2] == [99, 5, 99, -1]


def test_a_long_line_of_starters() -> None:
    forks = Forks([(number, 0) for number in range(3000)], [FIRST, *(started(number) for number in range(2999))])
    assert forks.limit(2999, 0) == ALL
