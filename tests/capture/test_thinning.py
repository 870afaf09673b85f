"""A run that would take more than its budget is thinned: what is recorded is as it is without, and whole; what is not
is counted.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from flor.etl.derived import derived
from flor.trace.read import Trace
from flor.trace.values import text
from tests.capture.reading import newest_trace
from tests.capture.test_recorders import UNPACKED, events

Write = Callable[[str, str], Path]

BUDGET = 1 << 20


@dataclass(frozen=True)
class Program:
    text: str
    thinned: str  # the blocks that are, by name
    whole: str = ""  # blocks that are not
    budget: int = BUDGET  # more for many hot blocks: each is recorded whole until it has filled a tail


PROGRAMS = {
    "a loop": Program(
        """
        for i in range(60_000):
            x = i * 3
            y = x + 1
        """,
        "i",
    ),
    "an innermost loop": Program(
        """
        for i in range(30):
            a = i * 3
            for j in range(2_000):
                b = i * 10_000 + j
                c = b * 0.5
            d = b + a
        """,
        "j",
        "i",
    ),
    "loops of a few iterations each": Program(
        """
        for i in range(12_000):
            a = i * 3
            for j in range(3):
                b = i * 10 + j
                c = b + a
            d = b + c
        """,
        "i",
        "j",
    ),
    "loops beside each other": Program(
        """
        for epoch in range(4):
            for i in range(8_000):
                x = i * 3 + epoch
            for j in range(8_000):
                y = j * 5 + epoch
            z = x + y
        """,
        "i j",
        "epoch",
    ),
    "loops one after the other, each of its own": Program(
        "".join(f"for i{n} in range(25_000):\n    x = i{n} * 3\n    y = x + {n}\n" for n in range(4)) + "z = x + y\n",
        "i1 i3",
        budget=3 * BUDGET,
    ),
    "a while loop": Program(
        """
        i = 0
        while i < 50_000:
            x = i * 3
            i += 1
        else:
            z = i + 1
        """,
        "while_L2",
    ),
    "functions": Program(
        """
        def f(x):
            y = x * 2
            return g(y + 1)
        def g(x):
            return x - 1
        total = 0
        for i in range(15_000):
            total += f(i)
        """,
        "i",
        "f g",
    ),
    "a function that is called from everywhere": Program(
        """
        def f(x):
            y = x * 2
            z = y + x
            w = z - y
            return w * w + y - z
        total = sum(map(f, range(20_000)))
        for i in range(20):
            for x in map(f, range(i)):
                total += x
        """,
        "f",
        "i",
    ),
    "lambdas": Program(
        """
        found = sorted(range(20_000), key=lambda x: (x * 7) % 1000)
        doubled = list(map(lambda x: x * 2, found))
        last = doubled[-1] + 1
        """,
        "<lambda>",
    ),
    "generators": Program(
        """
        def numbers(n):
            for k in range(n):
                got = yield k * 2
        def both(n):
            yield from numbers(n)
            yield -1
        for i in range(10):
            for x in both(2_000):
                y = x + i
            z = y + 1
        """,
        "x",
        "i",
    ),
    "generators that are made in iterations and go on in others": Program(
        """
        def numbers(n):
            k = n
            while True:
                yield k
                k += 1
        running = [numbers(0)]
        for i in range(12_000):
            if i % 5 == 0:
                running = [*running[-3:], numbers(i)]
            x = next(running[i % len(running)])
            y = x * 2
        """,
        "i",
    ),
    "comprehensions": Program(
        """
        for i in range(20):
            squares = [x * x + i for x in range(700)]
            odd = {y: y + 1 for y in range(500) if y % 2}
            total = sum(z * 2 for z in range(400))
            pairs = len([a * b for a in range(20) for b in range(20)])
        """,
        "x",
        "i",
    ),
    "break, continue and exceptions": Program(
        """
        found = 0
        for i in range(4_000):
            try:
                for j in range(10):
                    x = i * 10 + j
                    if x % 3 == 0:
                        continue
                    if j == i % 7:
                        break
                    if x % 11 == 0:
                        raise ValueError(x)
                    y = x * 2
                else:
                    z = x + 1
            except ValueError as error:
                found += error.args[0] % 5
            finally:
                w = found + i
        """,
        "i",
    ),
    "a function that returns or raises inside its loops": Program(
        """
        def search(i):
            for j in range(100):
                x = i + j
                if x % 17 == 0:
                    return x
                if x % 23 == 0:
                    raise KeyError(x)
            return None
        for i in range(4_000):
            try:
                y = search(i)
            except KeyError:
                y = -1
            z = y + 1
        """,
        "j",
    ),
    "recursion": Program(
        """
        def walk(depth, at):
            here = at * 2 + depth
            if depth == 0:
                return here
            left = walk(depth - 1, here)
            return left + walk(depth - 1, here + 1)
        for i in range(8):
            total = walk(10, i)
            after = total + i
        """,
        "walk",
        "i",
    ),
    "loads of what is bound": Program(
        """
        def work(n):
            scale, items = 3, []
            for i in range(n):
                a = i * scale
                b = a + i + scale
                c = a + b + i
                if i % 1000 == 0:
                    items.append(c)
                    scale = scale + 1
                d = c - a - b
                e = len(items) + a
            return d + e
        for k in range(3):
            last = work(8_000) + k
        """,
        "i",
        "k work",
    ),
    "loads of what may change": Program(
        """
        def work(n):
            row = [0, 1, 2]
            for i in range(n):
                other = row
                a, b, c = i, i + 1, i + 2
                x = a + b + c
                if i % 100 == 0:
                    row = [i, x, a]
                row[0] = x
                y = a + len(other) + len(row) + b
            return y
        last = work(12_000) + 1
        """,
        "i",
        "work",
    ),
    "texts": Program(
        """
        for i in range(20):
            line = f"the line with the number {i}" * 20
            for j in range(500):
                word = f"the word with the number {i * 1000 + j}"
                size = len(word)
        """,
        "j",
        "i",
    ),
    "large texts around small numbers": Program(
        """
        for i in range(400):
            page = f"{i:05}" * 2_000
            for j in range(5):
                x = i * 10 + j
        """,
        "i",
    ),
    "methods and context managers": Program(
        """
        class Counter:
            def __init__(self):
                self.n = 0
            def __enter__(self):
                self.n += 1
                return self.n
            def __exit__(self, *_):
                return None
        counter = Counter()
        for i in range(8_000):
            with counter as n:
                x = n * 2
            y = x + i
        """,
        "i",
    ),
    "tasks": Program(
        """
        import asyncio
        async def work(k):
            total = 0
            for i in range(5_000):
                x = i * 3 + k
                if i % 500 == 0:
                    await asyncio.sleep(0)
                total += x
            return total
        async def main():
            return await asyncio.gather(*(work(k) for k in range(4)))
        found = asyncio.run(main())
        """,
        "i",
        "work k",
    ),
}

#: Several streams: which of them is the first at a time is not known.
TOGETHER = {
    "threads": Program(
        """
        import threading
        def work():
            for i in range(75_000):
                x = i * 3
        def other_work():
            for j in range(75_000):
                x = j * 5
        threads = [threading.Thread(target=target) for target in (work, other_work)]
        for thread in threads:
            thread.start()
        for k in range(75_000):
            x = k * 7
        for thread in threads:
            thread.join()
        y = 1 + 1
        """,
        "",
        "work other_work thread target",
        budget=4 * BUDGET,
    ),
    "forked children": Program(
        """
        import os
        def work(k):
            for i in range(40_000):
                x = i * 3 + k
        work(0)
        for k in range(1, 3):
            child = os.fork()
            if child == 0:
                work(k)
                break
            os.waitpid(child, 0)
        y = k + 1
        """,
        "i",
        "work k",
    ),
}

Place = tuple[int, ...]  # of an instance: its process, then block and ordinal of those around it and its own


@dataclass(frozen=True)
class Contents:
    """A trace, each instance known by its place."""

    values: dict[Place, dict[int, str]]  # of each instance, by site
    block: dict[Place, int]
    parent: dict[Place, Place | None]
    skipped: dict[int, int]  # by block
    warnings: list[str]

    def under(self, block: int, parents: Contents) -> int:
        """How many instances of a block have a parent that the other one has, too, or none."""
        there = {None, *parents.block}
        return sum(b == block and self.parent[place] in there for place, b in self.block.items())


def contents(trace: Trace) -> Contents:
    (source,) = trace.sources
    instances = trace.instances()
    processes = [process for process, _ in sorted(trace._about.streams)]
    columns = (instances.stream, instances.parent, instances.block, instances.ordinal)
    places: list[Place] = []
    for stream, above, *own in zip(*(column.tolist() for column in columns), strict=True):
        places.append((processes[stream], *(places[above][1:] if above >= 0 else ()), *own))
    assert len(set(places)) == len(places)
    values: dict[Place, dict[int, str]] = {place: {} for place in places}
    for number, site in enumerate(source.map.sites):
        if site.source in ("recorded", "derived") and "child" not in site.text and "fork" not in site.text:
            found = trace.values(0, number) if site.source == "recorded" else derived(trace, 0, number)
            data = found.data.to_pylist()
            rows = zip(found.instance.tolist(), found.kind.tolist(), found.payload.tolist(), data, strict=True)
            for instance, *value in rows:
                values[places[instance]][number] = str(text(*value))
    parent = [places[p] if p >= 0 else None for p in instances.parent.tolist()]
    skipped = {block: count for (_, block), count in trace.skipped().items()}
    block = dict(zip(places, instances.block.tolist(), strict=True))
    return Contents(values, block, dict(zip(places, parent, strict=True)), skipped, trace.warnings)


def run(experiment: str, recorder: str, budget: int, **settings: str) -> None:
    """Capture script.py of the current folder, and leave its segments as they are."""
    settings |= {"FLOR_RECORDER": recorder, "FLOR_BUDGET": str(budget), "FLOR_TIME_SHARE": "1"}
    command = [sys.executable, "-c", UNPACKED, "script.py", experiment]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@functools.lru_cache(2)
def everything(name: str) -> Contents:
    """What the program's trace holds where nothing is thinned."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.chdir(folder)
        patch.setenv("FLOR_HOME", f"{folder}/home")
        Path("script.py").write_text(script(name))
        run("whole", "c", 1 << 40)
        found = contents(newest_trace("whole"))
    assert not found.skipped
    return found


def script(name: str) -> str:
    lines = {**PROGRAMS, **TOGETHER}[name].text.strip("\n").split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines) + "\n"


@pytest.mark.parametrize("name", [*PROGRAMS, *TOGETHER])
def test_what_is_recorded_is_whole_and_the_rest_is_counted(name: str, recorder: str, write: Write) -> None:
    program = {**PROGRAMS, **TOGETHER}[name]
    write("script.py", script(name))
    run("case", recorder, program.budget)
    trace = newest_trace("case")
    blocks = trace.sources[0].map.blocks
    whole, thin = everything(name), contents(trace)
    assert thin.warnings == whole.warnings
    assert {p: whole.values.get(p) for p in thin.values} == thin.values
    assert {p: whole.parent.get(p, p) for p in thin.parent} == thin.parent
    recorded = Counter(thin.block.values())
    for number, block in enumerate(blocks):
        there = whole.under(number, thin)
        assert recorded[number] + thin.skipped.get(number, 0) == there, f"{block.kind} {block.name}"
    thinned = {blocks[number].name for number in thin.skipped}
    assert thinned >= set(program.thinned.split())
    assert not thinned & set(program.whole.split())


@pytest.mark.parametrize("name", [*PROGRAMS, *TOGETHER])
def test_the_budget_is_kept(name: str, write: Write, flor_home: Path) -> None:
    budget = {**PROGRAMS, **TOGETHER}[name].budget
    write("script.py", script(name))
    run("case", "c", budget)
    processes = list(flor_home.glob("case/runs/*/segments/*"))
    assert sum(p.stat().st_size for folder in processes for p in folder.iterdir()) <= budget * len(processes)


#: A clock that stands still: how many records say what time it is must not differ.
STOPPED = """
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) { (void)id; t->tv_sec = 1000; t->tv_nsec = 0; return 0; }
"""


@pytest.fixture(scope="session")
def stopped_clock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library to be loaded first."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(STOPPED)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "clock.so", folder / "clock.c"], check=True)
    return str(folder / "clock.so")


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_recorders_thin_alike(name: str, write: Write, stopped_clock: str) -> None:
    write("script.py", script(name))
    for recorder in ("c", "python"):
        run(recorder, recorder, PROGRAMS[name].budget, LD_PRELOAD=stopped_clock)
    assert events("c") == events("python")


def test_generators_that_threads_leave_to_each_other_are_counted_right(recorder: str, write: Write) -> None:
    """What one activation owes is told in its own stream, whoever finds that it is gone."""
    write(
        "script.py",
        """
        import threading
        def numbers(n):
            for k in range(n):
                yield k
        def work(rounds):
            for r in range(rounds):
                found = numbers(40)
                for k in found:
                    if k == 30:
                        break
                    q = k * 2
                del found
        threads = [threading.Thread(target=work, args=(700,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
    )
    run("case", recorder, 2 * BUDGET)
    trace = newest_trace("case")
    assert trace.warnings == []
    (source,) = trace.sources
    instances = trace.instances()
    checked = 0
    for site, about in enumerate(source.map.sites):
        if about.kind == "target" and about.text in ("k", "r"):
            found = trace.values(0, site)
            assert instances.ordinal[found.instance].tolist() == found.payload.tolist()
            checked += len(found.instance)
    assert checked > 2_000
    assert sum(trace.skipped().values()) > 1_000
