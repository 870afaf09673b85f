"""Every value belongs to the right block instance, whatever control flow does. One script and what is recorded in it, a case."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.reading import newest_trace, values
from tests.conftest import flor

Case = tuple[str, dict[str, list[str]]]

CASES: dict[str, Case] = {
    "nested loops": (
        """
        for i in range(2):
            for j in range(2):
                x = i * j
            y = i + 10
        """,
        {
            "i * j": ["i[0] > j[0]: 0", "i[0] > j[1]: 0", "i[1] > j[0]: 0", "i[1] > j[1]: 1"],
            "i + 10": ["i[0]: 10", "i[1]: 11"],
        },
    ),
    "a value after break and continue": (
        """
        for i in range(4):
            if i == 1:
                continue
            if i == 3:
                break
            a = i * 2
        b = i - 1
        """,
        {"i * 2": ["i[0]: 0", "i[2]: 4"], "i - 1": ["2"]},
    ),
    "an exception leaves two loops and a function": (
        """
        def f(n):
            for a in range(3):
                for b in range(3):
                    if a + b == n:
                        raise ValueError(a)
        for t in range(2):
            try:
                f(t)
            except ValueError as error:
                c = t + 100
        """,
        {
            "a + b": [
                "t[0] > f()[0] > a[0] > b[0]: 0",
                "t[1] > f()[0] > a[0] > b[0]: 0",
                "t[1] > f()[0] > a[0] > b[1]: 1",
            ],
            "t + 100": ["t[0]: 100", "t[1]: 101"],
        },
    ),
    "a call in a handler belongs to the handler's block, not to the loop that raised": (
        """
        def f(x):
            return x + 1
        def g():
            try:
                for i in range(3):
                    1 / (1 - i)
            except ZeroDivisionError:
                return f(5)
        g()
        """,
        {"x + 1": ["g()[0] > f()[0]: 6"]},
    ),
    "return, break and continue in try/finally": (
        """
        def note(x):
            return x
        def f(how):
            for i in range(2):
                try:
                    if how == 0:
                        return i
                    if how == 1:
                        break
                    continue
                finally:
                    note(how * 10 + i)
            note(99)
        for how in range(3):
            f(how)
        """,
        {
            "how * 10 + i": [
                "how[0] > f()[0] > i[0]: 0",
                "how[1] > f()[0] > i[0]: 10",
                "how[2] > f()[0] > i[0]: 20",
                "how[2] > f()[0] > i[1]: 21",
            ],
            "note(99)": ["how[1] > f()[0]: 99", "how[2] > f()[0]: 99"],
        },
    ),
    "a function called in several places": (
        """
        def f(x):
            y = x * 2
            return y
        f(1)
        for i in range(2):
            f(i)
            f(i + 5)
        """,
        {
            "x * 2": [
                "f()[0]: 2",
                "i[0] > f()[0]: 0",
                "i[0] > f()[1]: 10",
                "i[1] > f()[0]: 2",
                "i[1] > f()[1]: 12",
            ]
        },
    ),
    "recursion": (
        """
        def fact(n):
            if n < 2:
                return 1
            return n * fact(n - 1)
        fact(3)
        """,
        {
            "n * fact(n - 1)": ["fact()[0] > fact()[0]: 2", "fact()[0]: 6"],
            "n < 2": ["fact()[0]: False", "fact()[0] > fact()[0]: False", "fact()[0] > fact()[0] > fact()[0]: True"],
        },
    ),
    "a suspended generator": (
        """
        def numbers():
            for i in range(2):
                got = yield i * 3
        for v in numbers():
            w = v + 1
        """,
        {
            "i * 3": ["numbers()[0] > i[0]: 0", "numbers()[0] > i[1]: 3"],
            "v + 1": ["v[0]: 1", "v[1]: 4"],
        },
    ),
    "two generators that take turns": (
        """
        def count(k):
            for i in range(2):
                yield i + k
        a, b = count(10), count(20)
        got = [next(a), next(b), next(a), next(b)]
        """,
        {
            "i + k": [
                "count()[0] > i[0]: 10",
                "count()[1] > i[0]: 20",
                "count()[0] > i[1]: 11",
                "count()[1] > i[1]: 21",
            ]
        },
    ),
    "a generator that is resumed elsewhere, closed, and one never finished": (
        """
        def g(k):
            try:
                for i in range(5):
                    yield i + k
            finally:
                z = k * 100
        def use(it):
            return next(it) + 1000
        first, second = g(1), g(2)
        use(first)
        for t in range(2):
            use(second)
        first.close()
        """,
        {
            "i + k": ["g()[0] > i[0]: 1", "g()[1] > i[0]: 2", "g()[1] > i[1]: 3"],
            "next(it) + 1000": ["use()[0]: 1001", "t[0] > use()[0]: 1002", "t[1] > use()[0]: 1003"],
            "k * 100": ["g()[0]: 100"],
        },
    ),
    "an exception thrown into a generator": (
        """
        def note(x):
            return x
        def g():
            try:
                yield 1
            except KeyError:
                note(7)
                yield 2
        it = g()
        next(it)
        it.throw(KeyError())
        """,
        {"note(7)": ["g()[0]: 7"], "x": ["g()[0] > note()[0]: 7", "g()[0] > note()[0]: 7"]},
    ),
    "a pipeline of generators": (
        """
        def read():
            for n in range(3):
                yield n
        squares = (n * n for n in read() if n)
        for s in squares:
            t = s + 1
        """,
        {"n * n": ["<genexpr>()[0] > n[1]: 1", "<genexpr>()[0] > n[2]: 4"], "s + 1": ["s[0]: 2", "s[1]: 5"]},
    ),
    "a generator expression made again and again": (
        """
        for i in range(2):
            total = sum(i * x for x in (1, 2))
        """,
        {
            "i * x": [
                "i[0] > <genexpr>()[0] > x[0]: 0",
                "i[0] > <genexpr>()[0] > x[1]: 0",
                "i[1] > <genexpr>()[0] > x[0]: 1",
                "i[1] > <genexpr>()[0] > x[1]: 2",
            ]
        },
    ),
    "comprehensions and their conditions": (
        """
        m = [[r * c for c in range(2) if c > 0] for r in range(2)]
        d = {k: v + 1 for k, v in [("a", 1)]}
        """,
        {
            "r * c": ["r[0] > c[1]: 0", "r[1] > c[1]: 1"],
            "c > 0": ["r[0] > c[0]: False", "r[0] > c[1]: True", "r[1] > c[0]: False", "r[1] > c[1]: True"],
            "v + 1": ["k, v[0]: 2"],
        },
    ),
    "a comprehension in a class body and in a generator": (
        """
        class A:
            xs = [q + 1 for q in range(2)]
        def g():
            ys = [p + 2 for p in range(2)]
            yield ys
            zs = [p + 3 for p in range(1)]
            yield zs
        list(g())
        """,
        {
            "q + 1": ["q[0]: 1", "q[1]: 2"],
            "p + 2": ["g()[0] > p[0]: 2", "g()[0] > p[1]: 3"],
            "p + 3": ["g()[0] > p[0]: 3"],
        },
    ),
    "lambdas, and one that raises": (
        """
        def call(f, x):
            try:
                return f(x)
            except ZeroDivisionError:
                return -1
        inverse = lambda x: 6 // x
        for v in (0, 2):
            r = call(inverse, v) + 1
        """,
        {
            "6 // x": ["v[1] > call()[0] > <lambda>()[0]: 3"],
            "call(inverse, v) + 1": ["v[0]: 0", "v[1]: 4"],
        },
    ),
    "a lambda that a library calls again, after it raised": (
        """
        class Rarely:
            calls = 0
            x = property(lambda self: self.count() + 1)
            def count(self):
                Rarely.calls += 1
                if Rarely.calls % 2:
                    raise AttributeError
                return Rarely.calls * 10
        r = Rarely()
        for i in range(2):
            found = list(map(hasattr, [r] * 4, ["x"] * 4))
        """,
        {
            "self.count() + 1": [
                "i[0] > Rarely.<lambda>()[1]: 21",
                "i[0] > Rarely.<lambda>()[3]: 41",
                "i[1] > Rarely.<lambda>()[1]: 61",
                "i[1] > Rarely.<lambda>()[3]: 81",
            ]
        },
    ),
    "an interrupt while a parameter is recorded": (
        """
        shown = [0]
        def show(self):
            shown[0] += 1
            if shown[0] % 2 == 0:
                raise KeyboardInterrupt
            return ""
        Rude = type("Rude", (), {"__module__": "functools", "__repr__": show})
        import functools
        functools.Rude = Rude  # as if a library had defined it
        def f(rude):
            return 1
        def g():
            for i in range(2):
                try:
                    f(Rude())
                except KeyboardInterrupt:
                    x = i + 10
        g()
        """,
        {"i + 10": ["g()[0] > i[0]: 10", "g()[0] > i[1]: 11"]},
    ),
    "a generator that is passed on belongs where it was made": (
        """
        def same(it):
            return it
        def g(n):
            yield n * 2
        made = []
        for i in range(2):
            made.append(g(i))
        for j in range(2):
            list(same(made[j]))
        """,
        {"n * 2": ["i[0] > g()[0]: 0", "i[1] > g()[0]: 2"]},
    ),
    "asynchronous generators, one after the other": (
        """
        import asyncio
        async def ticks(n):
            for i in range(n):
                yield i * 2
        async def use(it):
            async for v in it:
                pass
        async def main():
            for epoch in range(2):
                for _ in range(2):
                    it = ticks(1)
                    await use(it)
                    del it
                    it = (y + 5 async for y in ticks(1))
                    await use(it)
                    del it
        asyncio.run(main())
        """,
        {
            "i * 2": [
                f"main()[0] > epoch[{e}] > _[{k}] > ticks()[{n}] > i[0]: 0"
                for e in range(2)
                for k in range(2)
                for n in range(2)
            ],
            "y + 5": [
                f"main()[0] > epoch[{e}] > _[{k}] > main.<locals>.<genexpr>()[0] > y[0]: 5"
                for e in range(2)
                for k in range(2)
            ],
        },
    ),
    "a loop whose target is an attribute or an item": (
        """
        class O: pass
        o, x = O(), [0]
        for o.i, x[len(x) - 1] in [(1, 2), (3, 4)]:
            y = o.i + x[0]
        z = [o.i * 2 for o.i in range(2)]
        """,
        {"o.i + x[0]": ["o.i, x[len(x) - 1][0]: 3", "o.i, x[len(x) - 1][1]: 7"], "o.i * 2": ["o.i[0]: 0", "o.i[1]: 2"]},
    ),
    "a callback that a library calls, after one that raised": (
        """
        from functools import reduce
        def bad(a):
            raise ValueError
        def add(a, b):
            return a + b
        for i in range(2):
            try:
                list(map(bad, [1]))
            except ValueError:
                pass
            total = reduce(lambda p, q: add(p, q), [1, 2, 3])
        """,
        {
            "a + b": [
                "i[0] > <lambda>()[0] > add()[0]: 3",
                "i[0] > <lambda>()[1] > add()[0]: 6",
                "i[1] > <lambda>()[0] > add()[0]: 3",
                "i[1] > <lambda>()[1] > add()[0]: 6",
            ]
        },
    ),
    "an iterator of the program's own": (
        """
        class Loader:
            def __init__(self):
                self.k = 0
            def __iter__(self):
                return self
            def __next__(self):
                if self.k == 2:
                    raise StopIteration
                self.k += 1
                return self.k * 10
        for batch in Loader():
            out = batch + 1
        """,
        {
            "self.k * 10": ["Loader.__next__()[0]: 10", "Loader.__next__()[1]: 20"],
            "batch + 1": ["batch[0]: 11", "batch[1]: 21"],
        },
    ),
    "async tasks that take turns": (
        """
        import asyncio
        async def work(n):
            for m in range(2):
                await asyncio.sleep(0)
                r = n * 10 + m
            return r
        async def main():
            for epoch in range(2):
                await asyncio.gather(work(1), work(2))
        asyncio.run(main())
        """,
        {
            "n * 10 + m": [
                f"main()[0] > epoch[{e}] > work()[{w}] > m[{m}]: {(w + 1) * 10 + m}"
                for e in range(2)
                for m in range(2)
                for w in range(2)
            ]
        },
    ),
    "async for, async with and async comprehensions": (
        """
        import asyncio
        class Lock:
            async def __aenter__(self):
                await asyncio.sleep(0)
                return 5
            async def __aexit__(self, *a):
                await asyncio.sleep(0)
        async def ticks(n):
            for i in range(n):
                await asyncio.sleep(0)
                yield i * 2
        async def main():
            async with Lock() as held:
                async for t in ticks(2):
                    u = t + held
                return [x + 1 async for x in ticks(2)]
        asyncio.run(main())
        """,
        {
            "t + held": ["main()[0] > t[0]: 5", "main()[0] > t[1]: 7"],
            "x + 1": ["main()[0] > x[0]: 1", "main()[0] > x[1]: 3"],
            "i * 2": [
                "main()[0] > ticks()[0] > i[0]: 0",
                "main()[0] > ticks()[0] > i[1]: 2",
                "main()[0] > ticks()[1] > i[0]: 0",
                "main()[0] > ticks()[1] > i[1]: 2",
            ],
        },
    ),
    "while, with its last test": (
        """
        n = 0
        while n < 2:
            n += 1
            m = n * 5
        k = n + 100
        """,
        {
            "n < 2": ["while_L2[0]: True", "while_L2[1]: True", "while_L2[2]: False"],
            "n * 5": ["while_L2[0]: 5", "while_L2[1]: 10"],
            "n + 100": ["102"],
        },
    ),
    "threads": (
        """
        import threading
        def work(n):
            for i in range(2):
                x = n * 10 + i
        for n in (1, 2):
            thread = threading.Thread(target=work, args=(n,))
            thread.start()
            thread.join()
        """,
        {
            "n * 10 + i": [
                "work()[0] > i[0]: 10",
                "work()[0] > i[1]: 11",
                "work()[1] > i[0]: 20",
                "work()[1] > i[1]: 21",
            ]
        },
    ),
    "a class body, its methods and properties": (
        """
        class A:
            size = 1 + 1
            @property
            def double(self):
                return self.size * 2
        for i in range(2):
            b = A().double + i
        """,
        {"1 + 1": ["2"], "self.size * 2": ["i[0] > A.double()[0]: 4", "i[1] > A.double()[0]: 4"]},
    ),
    "bindings of every kind": (
        """
        import os.path as p, sys
        from math import pi as tau
        (a, [b, *c]), d = (1, [2, 3, 4]), 5
        with open(sys.executable, "rb") as f, open(sys.executable, "rb") as (g):
            pass
        try:
            1 / 0
        except ZeroDivisionError as e:
            pass
        d += 1
        def fn(x, /, y, *args, z=3, **kw): pass
        fn(1, 2, 9, z=4, w=5)
        if (walrus := d + 1) > 2: pass
        """,
        {
            "a": ["1"],
            "c": ["[3, 4]"],
            "d": ["5", "6", "6"],
            "tau": [],
            "e": ["ZeroDivisionError('division by zero')"],
            "x": ["fn()[0]: 1"],
            "args": ["fn()[0]: (9,)"],
            "z": ["fn()[0]: 4"],
            "kw": ["fn()[0]: {'w': 5}"],
            "d + 1": ["7"],
        },
    ),
    "conditional operands": (
        """
        for i in range(3):
            ok = i > 0 and i * 2 > 2
            v = i + 1 if i else i - 1
        """,
        {
            "i * 2 > 2": ["i[1]: False", "i[2]: True"],
            "i + 1": ["i[1]: 2", "i[2]: 3"],
            "i - 1": ["i[0]: -1"],
        },
    ),
    "match": (
        """
        def kind(x):
            match x:
                case [a, b] if a > b:
                    return a - b
                case {"k": v}:
                    return v + 1
                case _:
                    return x
        kind([3, 1]); kind({"k": 4}); kind(9)
        """,
        {"a > b": ["kind()[0]: True"], "a - b": ["kind()[0]: 2"], "v + 1": ["kind()[1]: 5"]},
    ),
}
CASES["bindings of every kind"][1].pop("tau")


@pytest.mark.parametrize("case", CASES)
def test_values_belong_to_the_right_instances(
    case: str, recorder: str, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, expected = CASES[case]
    write("script.py", source)
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("case")
    assert {wanted: values(trace, wanted) for wanted in expected} == expected
    assert trace.warnings == []


def test_what_multiprocessing_forks_lies_in_no_loop_of_its_parent(
    recorder: str, write: Callable[[str, str], Path]
) -> None:
    write(
        "script.py",
        """
        import multiprocessing, os
        def work(n):
            for step in range(2):
                if os.fork() == 0:
                    deeper = n * 11
                    os._exit(0)
                os.wait()
            return n * 7
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            pool = None
            for epoch in range(2):
                if pool is None:  # its workers serve all epochs: they are not the first one's
                    pool = context.Pool(1)
                got = pool.map(work, [1, 2])
                child = context.Process(target=work, args=(3,))
                child.start()
                child.join()
                total = sum(got)
            pool.close()
            pool.join()
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("case")
    assert sorted(v.rpartition(": ")[2] for v in values(trace, "n * 7")) == ["14", "14", "21", "21", "7", "7"]
    assert {v.partition("[")[0] for v in values(trace, "n * 7")} == {"work()"}
    assert values(trace, "sum(got)") == ["epoch[0]: 21", "epoch[1]: 21"]
    deeper = sorted(v.partition("step")[2] for v in values(trace, "n * 11"))  # it goes on where it was forked
    assert deeper == sorted(f"[{step}]: {11 * n}" for n in (1, 2, 1, 2, 3, 3) for step in (0, 1))
    assert not any("missing" in warning or "parent" in warning for warning in trace.warnings)


def test_os_fork_divides_a_loop(recorder: str, write: Callable[[str, str], Path]) -> None:
    write(
        "script.py",
        """
        import os
        for i in range(2):
            x = i + 1
            pid = os.fork() if i == 0 else 1
            if pid == 0:
                y = x * 100
                os._exit(0)
            if i == 0:
                os.waitpid(pid, 0)
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("case")
    assert values(trace, "x * 100") == ["i[0]: 100"]
    assert values(trace, "i + 1") == ["i[0]: 1", "i[1]: 2"]


def test_modules_that_a_forked_child_imports_are_its_own(recorder: str, write: Callable[[str, str], Path]) -> None:
    """The child's first act is to import, the parent imports others meanwhile: their ids do not mix."""
    write("first.py", "def f(x):\n    return x + 1000\n")
    write("second.py", "z = 1 + 1\ndef f(x):\n    return x + 2000\n")
    write(
        "script.py",
        """
        import multiprocessing
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                import first, second
                here = first.f(1), second.f(2)
                there = pool.map(second.f, [3]), pool.map(first.f, [4])
                pool.close()
                pool.join()
        """,
    )
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    assert sorted(v.rpartition(": ")[2] for v in values(trace, "x + 1000")) == ["1001", "1004"]
    assert sorted(v.rpartition(": ")[2] for v in values(trace, "x + 2000")) == ["2002", "2003"]
    assert trace.warnings == []


def test_modules_that_threads_import_at_once(recorder: str, write: Callable[[str, str], Path]) -> None:
    for k in range(30):
        write(f"module{k}.py", "y = 0\n" * k + f"def f(x):\n    return x + {k}\n")
    write(
        "script.py",
        """
        import importlib, sys, threading
        sys.setswitchinterval(1e-5)
        modules = {}
        def load(k):
            modules[k] = importlib.import_module(f"module{k}")
        threads = [threading.Thread(target=load, args=(k,)) for k in range(30)]
        for t in threads: t.start()
        for t in threads: t.join()
        for k in range(30): modules[k].f(1000)
        """,
    )
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    assert [values(trace, f"x + {k}") for k in range(30)] == [[f"k[{k}] > f()[0]: {1000 + k}"] for k in range(30)]
    assert trace.warnings == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in 3.12")
def test_a_class_with_type_parameters_in_a_generator(recorder: str, write: Callable[[str, str], Path]) -> None:
    write(
        "script.py",
        """
        def g(n):
            class A[T](list[T] if n + 1 else object):
                x = n + 2
                y = [v + n for v in range(1)]
            yield A.x
        list(g(5))
        """,
    )
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    assert [values(trace, e) for e in ("n + 1", "n + 2", "v + n")] == [
        ["g()[0]: 6"],
        ["g()[0]: 7"],
        ["g()[0] > v[0]: 5"],
    ]
    assert trace.warnings == []
