"""What other processes log while a Context is open is in its run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.logging.running import flor, log, outline, python

Write = Callable[[str, str], Path]

POOL = """
    import sys
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    import flor

    log = flor.log

    @flor.track
    def work(n):
        for i in range(n):
            last = log.metric(i * 10)
        return flor.log("size", n)

    def plain(n):
        return flor.log("plain", work(n))

    def run(*numbers):
        with get_context(sys.argv[-1]).Pool(2) as pool:
            found = pool.map(plain, numbers, chunksize=1)
            pool.close()
            pool.join()
        return found

    if __name__ == "__main__":
        with flor.Context("pool"):
            work(1)
            first = run(2, 3)
        second = run(2, 3)
        with flor.Context("later"):
            with ProcessPoolExecutor(1, mp_context=get_context(sys.argv[-1])) as pool:
                third = list(pool.map(plain, [4]))
        print(first, second, third)
"""


def work(n: int) -> dict[str, Any]:
    return {"work": [{"loop": [f"metric {10 * i}"]} for i in range(n)]}


def column(experiment: str, name: str) -> list[str]:
    flor("etl", experiment, "-f", "table.csv")
    with Path("table.csv").open() as file:
        return [row[name] for row in csv.DictReader(file)]


@pytest.mark.parametrize("how", ["python", "flor"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(write: Write, recorder: str, method: str, how: str) -> None:
    script = write("pool.py", POOL)
    done = python(script, method) if how == "python" else flor("python", str(script), "outer", method)
    assert (done.stdout, done.stderr) == ("[2, 3] [2, 3] [4]\n", "")
    pool = log("pool")
    assert outline(pool)[0] == work(1)
    assert sorted(map(str, outline(pool)[1:])) == sorted(map(str, [work(2), work(3)]))
    assert outline(log("later")) == work(4)
    assert json.loads(Path(".replay.json").read_bytes())["KVS"] == {"0.a.size": [1]}
    if how == "python":
        assert sorted(filter(None, column("pool", "plain"))) == ["2", "3"]
        assert sorted(filter(None, column("pool", "last"))) == ["0", "0", "0", "10", "10", "20"]
    else:
        assert sorted(set(filter(None, column("outer", "plain")))) == ["2", "3", "4"]


def test_a_child_with_a_context_of_its_own(write: Write) -> None:
    script = write(
        "own.py",
        """
        from multiprocessing import get_context
        import flor

        @flor.track
        def f(n): flor.log.metric(n)

        def child():
            f(1)
            with flor.Context("inner"):
                f(2)
            f(3)

        if __name__ == "__main__":
            with flor.Context("outer"):
                process = get_context("spawn").Process(target=child)
                process.start()
                process.join()
        """,
    )
    assert python(script).stderr == ""
    assert outline(log("inner")) == {"f": ["metric 2"]}
    assert outline(log("outer")) == [{"f": ["metric 1"]}, {"f": ["metric 3"]}]
    assert [row.split()[0] for row in flor("ls").stdout.splitlines()[1:]] == ["inner", "outer"]


@pytest.mark.parametrize("how", ["python", "flor"])
def test_what_joblib_sends_by_value(write: Write, how: str) -> None:
    script = write(
        "sent.py",
        """
        import flor
        from joblib import Parallel, delayed

        @flor.track
        def work(n):
            for i in range(n):
                last = flor.log.metric(i * 10)
            return n

        if __name__ == "__main__":
            with flor.Context("sent"):
                print(Parallel(n_jobs=2)(delayed(work)(n) for n in (2, 3)))
        """,
    )
    done = python(script) if how == "python" else flor("python", str(script), "outer")
    assert (done.stdout, done.stderr) == ("[2, 3]\n", "")
    assert sorted(column("sent", "last")) == ["0", "0", "10", "10", "20"]
    if how == "python":
        assert sorted(map(str, outline(log("sent")))) == sorted(map(str, [work(2), work(3)]))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_outlive_their_context_record_nothing_more(write: Write, method: str) -> None:
    script = write(
        "outlive.py",
        """
        import sys
        from multiprocessing import get_context
        import flor

        @flor.track
        def work(n):
            flor.log("size", n)
            return flor.log.metric(n)

        if __name__ == "__main__":
            with flor.Context("first"):
                pool = get_context(sys.argv[1]).Pool(1)
                print(pool.map(work, [1, 2]))
            print(pool.map(work, [3]))
            with flor.Context("second"):
                work(4)
                print(pool.map(work, [5]))
            pool.close()
            pool.join()
        """,
    )
    done = python(script, method)
    assert (done.stdout, done.stderr) == ("[1, 2]\n[3]\n[5]\n", "")
    assert outline(log("first")) == [{"work": [f"metric {n}"]} for n in (1, 2)]
    assert outline(log("second")) == {"work": ["metric 4"]}
    for name in ("size", "n"):
        assert (column("first", name), column("second", name)) == (["1", "2"], ["4"])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_that_outlives_its_context_opens_another(write: Write, recorder: str, method: str) -> None:
    script = write(
        "reopen.py",
        """
        import sys
        from multiprocessing import get_context
        import flor

        @flor.track
        def work(n):
            for i in range(n):
                last = i * 10
            return flor.log.metric(n)

        def again(n):
            with flor.Context("inside"):
                return work(n)

        if __name__ == "__main__":
            with flor.Context("first"):
                pool = get_context(sys.argv[1]).Pool(1)
                print(pool.map(work, [2]))
            print(pool.map(again, [1]), pool.map(again, [3]))
            pool.close()
            pool.join()
        """,
    )
    done = python(script, method)
    told = "Context 'inside' was there before: inside_log.json will be that of the last one"
    assert (done.stdout, done.stderr) == ("[2]\n[1] [3]\n", f"flor: {told}\n")
    loops = [{"loop": []}] * 3
    assert outline(log("inside")) == {"work": [*loops, "metric 3"]}
    assert column("inside", "n") == ["1", "3"]
    assert column("first", "n") == ["2"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_outlive_a_context_under_flor_python(write: Write, method: str) -> None:
    script = write(
        "late.py",
        """
        import sys
        from multiprocessing import get_context
        import flor

        @flor.track
        def work(n):
            return flor.log.metric(n)

        if __name__ == "__main__":
            with flor.Context("late"):
                pool = get_context(sys.argv[1]).Pool(1)
                print(pool.map(work, [1]))
            print(pool.map(work, [2]))
            with flor.Context("later"):
                print(pool.map(work, [3]), work(4))
            pool.close()
            pool.join()
        """,
    )
    done = flor("python", str(script), "outer", method)
    assert (done.stdout, done.stderr) == ("[1]\n[2]\n[3] 4\n", "")
    assert outline(log("late")) == {"work": ["metric 1"]}
    assert outline(log("later")) == {"work": ["metric 4"]}
    assert sorted(column("outer", "n")) == ["1", "2", "3", "4"]


def test_a_child_that_is_started_while_its_context_is_left(write: Write) -> None:
    script = write(
        "left.py",
        """
        import threading
        from multiprocessing import get_context, reduction
        import flor

        preparing, left, dump = threading.Event(), threading.Event(), reduction.dump

        def waiting(sent, *rest):
            if isinstance(sent, dict):
                preparing.set()
                left.wait()
            return dump(sent, *rest)

        def work():
            print("worked", flush=True)

        def start():
            process = get_context("spawn").Process(target=work)
            process.start()
            process.join()
            print(process.exitcode)

        if __name__ == "__main__":
            reduction.dump = waiting
            with flor.Context("left"):
                thread = threading.Thread(target=start)
                thread.start()
                preparing.wait()
            left.set()
            thread.join()
        """,
    )
    done = python(script)
    assert (done.stdout, done.stderr) == ("worked\n0\n", "")
