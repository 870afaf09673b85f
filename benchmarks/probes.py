"""What one probe costs, by the kind of value and of place: nanoseconds, and instructions as callgrind counts them.

    python -m benchmarks.probes [--rounds N] [--functions KIND...]

One generated script runs each kind in a loop, plain and under `flor python`; the difference is the probes' cost. Times
are the least CPU time of all rounds, so they bear a busy machine; instruction counts need valgrind, and repeat to
within one in a hundred. What a kind costs beyond its base, an empty loop, is given per copy of its statement.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

COPIES = 10  # of a statement in its loop
TIMED, COUNTED = 20_000, 500  # iterations
SLOW = 10  # as many times fewer for values that are slow to look at


@dataclass(frozen=True)
class Kind:
    """One row: a statement that is repeated in a loop, or the header of a loop that does nothing."""

    title: str
    statement: str = ""  # `COPIES` times in `for i in range(n)`
    loop: str = ""  # instead: a statement that goes round n times
    slow: bool = False


KINDS = (
    Kind("for i in range(n)", loop="for i in range(n): pass"),
    Kind("for x in floats, each another", loop="for x in FLOATS[:n]: pass"),
    Kind("for s in strings of 5, each another", loop="for s in SHORT[:n]: pass"),
    Kind("for s in strings of 20, each another", loop="for s in LONG[:n]: pass"),
    Kind("while k < n: k += 1", loop="k = 0\n    while k < n: k += 1"),
    Kind("[k for k in range(n)]", loop="[k for k in range(n)]"),
    Kind("generator, consumed in C", loop="sum(k for k in range(n))"),
    Kind("generator function, in a for", loop="for k in counted(n): pass"),
    Kind("local float", "x"),
    Kind("local list", "xs"),
    Kind("global None", "NONE"),
    Kind("global bool", "TRUE"),
    Kind("global int", "INT"),
    Kind("global float", "FLOAT"),
    Kind("global str of 5", "TEXT"),
    Kind("global str of 20", "LONG_TEXT"),
    Kind("global function", "nothing"),
    Kind("global module", "os"),
    Kind("y = x, a float", "y = x"),
    Kind("x + y, floats", "x + y"),
    Kind("x < y, floats", "x < y"),
    Kind("x += 1.0", "x += 1.0"),
    Kind("xs[0], a float", "xs[0]"),
    Kind("xs[0] = x", "xs[0] = x"),
    Kind("o.a, a float", "o.a"),
    Kind("a, b = x, y", "a, b = x, y"),
    Kind("abs(x)", "abs(x)"),
    Kind("nothing(), of no statement", "nothing()"),
    Kind("same(x), returns it", "same(x)"),
    Kind("(lambda: x)()", "(lambda: x)()"),
    Kind("o.method()", "o.method()"),
    Kind("try: x except", "try: x\n        except ValueError: pass"),
    Kind("global tuple of 2 numbers", "PAIR", slow=True),
    Kind("global list of 2 numbers", "LIST", slow=True),
    Kind("global list of 1,000 floats", "LONG_LIST", slow=True),
    Kind("global dict of 2", "DICT", slow=True),
    Kind("global object", "OBJECT", slow=True),
    Kind("global ndarray of 10", "ARRAY", slow=True),
    Kind("global ndarray of 100,000", "LARGE_ARRAY", slow=True),
    Kind("global numpy float64", "SCALAR", slow=True),
)
EMPTY = 0  # of KINDS: the loop around a statement

PREAMBLE = f"""\
import gc
import os
import sys
import time

import numpy as np

gc.disable()  # a collection falls into whatever runs just then


class Thing:
    def __init__(self):
        self.a = 1.5

    def method(self):
        pass


def nothing():
    pass


def same(value):
    return value


def counted(n):
    k = 0
    while k < n:
        yield k
        k += 1


NONE, TRUE, INT, FLOAT, TEXT, LONG_TEXT = None, True, 12345, 1.5, "short", "a text of twenty let"
FLOATS = np.random.default_rng(0).normal(size={TIMED}).tolist()
SHORT = list(map("{{:05}}".format, range({TIMED})))
LONG = list(map("a text of {{:010}}".format, range({TIMED})))
PAIR, LIST, LONG_LIST, DICT, OBJECT = (1, 2.5), [1, 2.5], [1.5] * 1000, {{"a": 1, "b": 2.5}}, Thing()
ARRAY, LARGE_ARRAY, SCALAR = np.zeros(10), np.zeros(100_000), np.float64(1.5)

"""

MAIN = """\

iterations, rounds = int(sys.argv[1]), int(sys.argv[2])
best = [9e9] * len(KINDS)
for _ in range(rounds):
    for number, (kind, share) in enumerate(KINDS):
        begin = time.process_time()
        kind(iterations // share)
        best[number] = min(best[number], time.process_time() - begin)
for kind, share in KINDS if rounds == 1 else ():
    os.getppid()
    kind(iterations // share)
    os.getppid()
    kind(2 * iterations // share)
    os.getppid()
print(*best)
"""


def script() -> str:
    """A program that times every kind; in a single round it then runs each twice, the second time for twice as long,
    with a call of getppid before, between and after."""
    parts = [PREAMBLE]
    for number, kind in enumerate(KINDS):
        body = kind.loop or "for i in range(n):\n" + f"        {kind.statement}\n" * COPIES
        parts.append(f"\ndef kind_{number}(n):\n    x, y, xs, o = 1.5, 2.5, [1.5, 2.5], OBJECT\n    {body}\n\n")
    parts.append(f"\nKINDS = ({', '.join(f'(kind_{i}, {SLOW if k.slow else 1})' for i, k in enumerate(KINDS))})\n")
    return "".join(parts) + MAIN


def per_copy(costs: list[float], iterations: int) -> list[float]:
    """A kind's cost per iteration, or without that of its loop per copy of its statement."""
    empty = costs[EMPTY] / iterations
    found = []
    for kind, cost in zip(KINDS, costs, strict=True):
        each = cost / (iterations // (SLOW if kind.slow else 1))
        found.append(each if kind.loop else (each - empty) / COPIES)
    return found


def commands(path: Path, *arguments: object) -> list[list[str]]:
    """The script plain, and captured."""
    tail = [str(path), *map(str, arguments)]
    return [[sys.executable, *tail], [sys.executable, "-m", "flor", "python", tail[0], "probes", *tail[1:]]]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "FLOR_HOME": str(folder / "home"), "FLOR_TIME_SHARE": "1", "OMP_NUM_THREADS": "1"}


def nanoseconds(folder: Path, path: Path, rounds: int) -> list[list[float]]:
    """For the plain and the captured script, nanoseconds of each kind."""
    found = []
    for command in commands(path, TIMED, rounds):
        done = subprocess.run(command, env=environment(folder), check=True, capture_output=True, text=True)
        found.append(per_copy([1e9 * float(word) for word in done.stdout.split()], TIMED))
    return found


def functions(dump: Path) -> Counter[str]:
    """Instructions of each function, without what it calls, from one part of callgrind's output."""
    spent: Counter[str] = Counter()
    name = ""
    in_call = False
    for line in dump.read_text().splitlines():
        if line.startswith("fn="):
            name = line[3:]
        elif line.startswith("calls="):
            in_call = True  # the next line's cost is the callee's
        elif re.match(r"[+\-*\d]", line):
            if not in_call:
                spent[name] += int(line.split()[-1])
            in_call = False
    return spent


def instructions(folder: Path, path: Path) -> list[list[Counter[str]]]:
    """For the plain and the captured script, instructions of each kind by function."""
    found = []
    for mode, command in enumerate(commands(path, COUNTED, 1)):
        out = folder / f"callgrind.{mode}"
        valgrind = ["valgrind", "--tool=callgrind", "--dump-before=getppid", "--compress-strings=no"]
        done = subprocess.run(
            [*valgrind, f"--callgrind-out-file={out}", *command],
            env=environment(folder),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"callgrind failed:\n{done.stderr}")
        # A call of getppid ends a part; parts count from 1. What does not depend on the length is in both runs.
        parts = [functions(Path(f"{out}.{i + 2}")) for i in range(3 * len(KINDS) - 1)]
        for shorter, longer in zip(parts[0::3], parts[1::3], strict=True):
            longer.subtract(shorter)
        found.append(parts[1::3])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.probes", description="What one probe costs.")
    parser.add_argument("--rounds", type=int, default=10, help="of timing; the least counts")
    parser.add_argument("--functions", nargs="*", default=[], metavar="KIND", help="where its instructions are spent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "probes.py"
        path.write_text(script())
        plain_ns, captured_ns = nanoseconds(folder, path, options.rounds)
        counted = instructions(folder, path) if shutil.which("valgrind") else None
    totals = [per_copy([float(c.total()) for c in mode], COUNTED) for mode in counted] if counted else None
    print(f"Python {sys.version.split()[0]}; per statement, or per iteration of a loop\n")
    print(f"{'':<40}{'plain':>9}{'captured':>10}{'probes':>9}" + f"{'plain':>12}{'probes':>9}" * bool(totals))
    print(f"{'':<40}{'ns':>9}{'ns':>10}{'ns':>9}" + f"{'instructions':>21}" * bool(totals))
    for i, kind in enumerate(KINDS):
        row = f"{kind.title:<40}{plain_ns[i]:>9.1f}{captured_ns[i]:>10.1f}{captured_ns[i] - plain_ns[i]:>9.1f}"
        if totals:
            row += f"{totals[0][i]:>12.0f}{totals[1][i] - totals[0][i]:>9.0f}"
        print(row)
    for i, kind in enumerate(KINDS):
        if counted and any(wanted in kind.title for wanted in options.functions):
            copies = COUNTED // (SLOW if kind.slow else 1) * (1 if kind.loop else COPIES)
            print(f"\n{kind.title}: instructions beyond plain's, the loop's included")
            more = counted[1][i].copy()
            more.subtract(counted[0][i])
            for name, count in more.most_common(12):
                print(f"{count / copies:>9.1f}  {name}")


if __name__ == "__main__":
    main()
