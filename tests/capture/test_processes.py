"""Every process of a program is captured into its run: nothing lost, nothing mixed, nothing noticed."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.home import home, runs
from tests.capture.reading import newest_trace, values
from tests.conftest import flor
from tests.walkthrough import annotate

Write = Callable[[str, str], Path]


def both(*arguments: str) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    """(exit code, stdout, stderr) of a script under plain Python, and under capture as the experiment `case`."""
    target = 2 if arguments[0] == "-m" else 1
    plain = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )
    captured = flor("python", *arguments[:target], "case", *arguments[target:])
    # Where a loader's workers end late, plain Python's resource tracker may warn of a semaphore, or may not.
    varies = re.compile(r"0x[0-9a-f]+|.*resource_tracker.*\n")
    results = [(p.returncode, *(varies.sub("", t) for t in (p.stdout, p.stderr))) for p in (plain, captured)]
    return results[0], results[1]


def unnoticed(*arguments: str) -> str:
    """Run a script both ways; what it printed, the same in both."""
    plain, captured = both(*arguments)
    assert captured == plain
    assert plain[0] == 0, plain[2]
    return plain[1]


def recorded(wanted: str) -> list[str]:
    """The values that an expression had, in all processes, sorted."""
    trace = newest_trace("case")
    assert trace.warnings == []
    return sorted(line.rpartition(": ")[2] for line in values(trace, wanted))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool(method: str, recorder: str, write: Write) -> None:
    write("tools.py", "def double(x):\n    return x * 2\n")
    write(
        "script.py",
        """
        import multiprocessing, sys
        base = 100 + 1
        def work(n):
            from tools import double
            for i in range(2):
                y = double(n) + base * i
            return y
        if __name__ == "__main__":
            print(multiprocessing.current_process().name, __name__)
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                print(pool.map(work, range(6), 1))
                pool.close()
                pool.join()
        """,
    )
    assert unnoticed("script.py", method).splitlines()[1] == "[101, 103, 105, 107, 109, 111]"
    ran = range(6)
    assert recorded("base * i") == sorted([str(101 * i) for i in (0, 1)] * 6)
    assert recorded("double(n) + base * i") == sorted(str(2 * n + 101 * i) for n in ran for i in (0, 1))
    assert recorded("x * 2") == sorted(str(2 * n) for n in ran for _ in (0, 1))
    modules = {s.module for s in newest_trace("case").sources}
    assert modules == {"__main__", "tools"} | (set() if method == "fork" else {"__mp_main__"})
    assert {s["module"] for s in next(runs("case", [])).info["sources"]} == modules


def test_forked_workers_go_on_with_nothing_of_their_parents(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing

        def count(n):
            for i in range(n):
                yield i * 10

        def work(n):
            one, two = count(n), count(n)
            print([(x + next(two)) for x in one] + [next(begun) + n], flush=True)

        begun = count(9)
        next(begun)
        for _ in range(2):
            sum(x + 1 for x in count(2))
        for n in (2, 3):
            child = multiprocessing.get_context("fork").Process(target=work, args=(n,))
            child.start()
            child.join()
        """,
    )
    assert unnoticed("script.py") == "[0, 20, 12]\n[0, 20, 40, 13]\n"
    trace = newest_trace("case")
    # In which iteration the generator is that their parent began they do not know.
    assert trace.warnings == ["2 values could not be placed"]
    for wanted, found in {"x + next(two)": ["0", "0", "20", "20", "40"], "next(begun) + n": ["12", "13"]}.items():
        assert sorted(line.rpartition(": ")[2] for line in values(trace, wanted)) == found


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_an_executor_in_a_module(method: str, write: Write) -> None:
    write("package/__init__.py", "")
    write("package/work.py", "def work(n):\n    return n + 1000\n")
    write(
        "package/main.py",
        """
        import concurrent.futures, multiprocessing, sys
        from .work import work
        def here(n):
            return n + 2000
        if __name__ == "__main__":
            context = multiprocessing.get_context(sys.argv[1])
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                print(list(pool.map(work, range(3))), list(pool.map(here, range(3))))
        """,
    )
    unnoticed("-m", "package.main", method)
    assert recorded("n + 1000") == ["1000", "1001", "1002"]
    assert recorded("n + 2000") == ["2000", "2001", "2002"]


def test_a_folder_that_is_run_starts_children_as_ever(write: Write) -> None:
    write("folder/beside.py", "def work(n):\n    return n * 3\n")
    write(
        "folder/__main__.py",
        """
        import multiprocessing, beside
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(beside.work, [1, 2]))
            pool.close()
            pool.join()
        """,
    )
    unnoticed("folder")
    assert recorded("n * 3") == ["3", "6"]


def test_children_of_children(write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing, os
        def run(methods, queue):
            depth = len(methods) * 10
            if methods:
                child = multiprocessing.get_context(methods[0]).Process(target=run, args=(methods[1:], queue))
                child.start()
                child.join()
            queue.put(depth)
        if __name__ == "__main__":
            methods = ["spawn", "fork", "spawn", "forkserver", "fork"]
            queue = multiprocessing.get_context("spawn").SimpleQueue()
            run(methods, queue)
            print([queue.get() for _ in range(6)])
        """,
    )
    unnoticed("script.py")
    assert recorded("len(methods) * 10") == ["0", "10", "20", "30", "40", "50"]


def test_a_module_that_the_fork_server_preloads(write: Write) -> None:
    write("heavy.py", "table = [i * 7 for i in range(3)]\ndef work(n):\n    return table[n] + 1\n")
    write(
        "script.py",
        """
        import multiprocessing, heavy
        if __name__ == "__main__":
            multiprocessing.set_forkserver_preload(["heavy"])
            with multiprocessing.get_context("forkserver").Pool(2) as pool:
                print(pool.map(heavy.work, range(3)))
                pool.close()
                pool.join()
        """,
    )
    unnoticed("script.py")
    assert recorded("table[n] + 1") == ["1", "15", "8"]
    assert recorded("i * 7") == ["0", "0", "14", "14", "7", "7"]  # in the first process and in the server


def test_a_module_that_is_named_as_one_that_capture_uses(write: Write) -> None:
    write("platform.py", "mine = 1 + 1\n")
    write(
        "script.py",
        """
        import multiprocessing
        def work(n):
            import platform
            return platform.mine * n
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
        """,
    )
    assert unnoticed("script.py") == "[2, 4]\n"


def test_what_the_program_can_see_of_multiprocessing(write: Write) -> None:
    write(
        "script.py",
        """
        import inspect, multiprocessing, pickle, sys
        from multiprocessing import forkserver, spawn
        def child(queue):
            queue.put((sorted(vars(sys.modules["__main__"])), __name__, sys.argv, len(sys.path)))
        if __name__ == "__main__":
            f = spawn.get_preparation_data
            print(f, inspect.signature(f), f.__code__.co_varnames, f.__code__.co_filename, f.__globals__ is vars(spawn))
            print(pickle.loads(pickle.dumps(f)) is f, inspect.getsource(f)[:40], forkserver.ensure_running)
            print(sorted(n for n in vars(spawn) if not n.startswith("__")), spawn.__file__, spawn.__cached__)
            queue = multiprocessing.get_context("spawn").SimpleQueue()
            multiprocessing.get_context("spawn").Process(target=child, args=(queue,)).start()
            print(queue.get())
        """,
    )
    unnoticed("script.py")


def test_an_exception_in_a_spawned_child(write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing
        def work(n):
            half = n / 2
            return 1 / (half - 1)
        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work, args=(2,))
            child.start()
            child.join()
            print(child.exitcode)
        """,
    )
    assert unnoticed("script.py") == "1\n"
    assert recorded("n / 2") == ["1.0"]


def test_a_script_that_guards_nothing_fails_as_ever(write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing
        child = multiprocessing.get_context("spawn").Process(target=print)
        child.start()
        child.join()
        print(child.exitcode)
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain
    assert "bootstrapping phase" in plain[2]


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.abort()", "sys.exit(3)"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_ends_abruptly_loses_nothing(method: str, end: str, write: Write) -> None:
    write(
        "script.py",
        f"""
        import multiprocessing, os, sys
        def work(n):
            for i in range(n):
                x = i * 5
            {end}
        if __name__ == "__main__":
            child = multiprocessing.get_context({method!r}).Process(target=work, args=(1000,))
            child.start()
            child.join()
            print(child.exitcode)
        """,
    )
    unnoticed("script.py")
    assert recorded("i * 5") == sorted(str(i * 5) for i in range(1000))
    assert flor("ls", "case").stdout.splitlines()[1].split()[2] == "finished"


def test_a_pool_that_is_terminated(write: Write) -> None:
    write(
        "script.py",
        """
        import multiprocessing, time
        def work(n):
            x = n + 50
            if n > 1:
                time.sleep(60)
            return x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                results = [pool.apply_async(work, (n,)) for n in range(4)]
                print([r.get() for r in results[:2]])
        """,
    )
    unnoticed("script.py")
    assert {"50", "51"} <= set(recorded("n + 50")) <= {"50", "51", "52", "53"}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_outlives_its_parent(method: str, write: Write, folder: Path) -> None:
    write(
        "script.py",
        f"""
        import multiprocessing, os, sys, time
        def work():
            before = 1 + 1
            open("begun", "w").close()
            while not os.path.exists("go on"):
                time.sleep(0.01)
            after = 2 + 2
            open("done", "w").close()
            os._exit(0)
        if __name__ == "__main__":
            sys.stdout.close(), sys.stderr.close()
            multiprocessing.get_context({method!r}).Process(target=work).start()
            while not os.path.exists("begun"):
                time.sleep(0.01)
            multiprocessing.process._children.clear()  # nobody waits for it
        """,
    )
    process = subprocess.run(
        [Path(sys.executable).with_name("flor"), "python", "script.py", "case"], stdin=subprocess.DEVNULL, timeout=60
    )
    assert process.returncode == 0
    assert flor("ls", "case").stdout.splitlines()[1].split()[2] == "finished"
    assert (recorded("1 + 1"), recorded("2 + 2")) == (["2"], [])
    (folder / "go on").touch()
    deadline = time.monotonic() + 60
    while not (folder / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (recorded("1 + 1"), recorded("2 + 2")) == (["2"], ["4"])


def test_another_program_is_left_alone(write: Write, flor_home: Path) -> None:
    write("other.py", "x = 3 + 4\nprint(x)\n")
    write(
        "script.py",
        """
        import subprocess, sys
        print(subprocess.run([sys.executable, "other.py"], capture_output=True, text=True).stdout)
        """,
    )
    assert unnoticed("script.py") == "7\n\n"
    assert [s.module for s in newest_trace("case").sources] == ["__main__"]


def test_functions_that_are_pickled_by_value(write: Write, folder: Path) -> None:
    """joblib sends the functions of `__main__` to its workers as code, and does not run the script there."""
    write(
        "script.py",
        """
        from joblib import Parallel, delayed
        offset = 7
        def work(n):
            for i in range(2):
                y = n * 10 + i + offset
            return y, [v * 1000 for v in (n,)]
        class Model:
            def fit(self, n):
                return n * 20 + 1
        if __name__ == "__main__":
            print(Parallel(n_jobs=2)(delayed(work)(n) for n in range(4)))
            print(Parallel(n_jobs=2)(delayed(Model().fit)(n) for n in range(4)))
            print(Parallel(n_jobs=2)(delayed(lambda n: n * 30 + 2)(n) for n in range(4)))
        """,
    )
    unnoticed("script.py")
    assert recorded("n * 10 + i + offset") == sorted(str(n * 10 + i + 7) for n in range(4) for i in (0, 1))
    assert recorded("v * 1000") == ["0", "1000", "2000", "3000"]
    assert recorded("n * 20 + 1") == ["1", "21", "41", "61"]
    assert recorded("n * 30 + 2") == ["2", "32", "62", "92"]


def test_a_pickle_by_value_works_where_flor_is_not_installed(recorder: str, write: Write, folder: Path) -> None:
    write(
        "script.py",
        """
        import cloudpickle
        def work(n):
            total = 0
            for i in range(n):
                total += (lambda q: q * 2)(i)
            def g():
                yield total
            return [v + 1 for v in g()], sum(v for v in range(n)), f"{n!r:>3}"
        print(work(4), cloudpickle.loads(cloudpickle.dumps(work))(4))
        open("work.pickle", "wb").write(cloudpickle.dumps(work))
        """,
    )
    assert flor("python", "script.py", "case").stdout == "([13], 6, '  4') ([13], 6, '  4')\n"
    load = (
        "import sys; sys.modules['flor'] = None; import cloudpickle; "
        "print(cloudpickle.load(open('work.pickle', 'rb'))(4))"
    )
    done = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("([13], 6, '  4')\n", "")
    assert recorded("total") == sorted(["0", "2", "6", "12", "0", "2", "6", "12"] + ["12"] * 2)


def test_a_search_with_jobs(write: Write) -> None:
    write(
        "script.py",
        """
        from sklearn.datasets import load_iris
        from sklearn.metrics import accuracy_score
        from sklearn.model_selection import GridSearchCV
        from sklearn.svm import SVC
        def scorer(model, x, y):
            score = accuracy_score(y, model.predict(x))
            return score
        if __name__ == "__main__":
            x, y = load_iris(return_X_y=True)
            search = GridSearchCV(SVC(), {"C": [0.1, 1.0], "gamma": [0.1, 1.0]}, scoring=scorer, cv=3, n_jobs=2)
            search.fit(x, y)
            print(search.best_params_, round(search.best_score_, 6))
        """,
    )
    unnoticed("script.py")
    assert len(recorded("accuracy_score(y, model.predict(x))")) == 12


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_workers_of_a_pytorch_loader(method: str, write: Write) -> None:
    pytest.importorskip("torch")
    write(
        "script.py",
        """
        import sys, torch
        from torch.utils.data import DataLoader, Dataset
        class Squares(Dataset):
            def __len__(self):
                return 8
            def __getitem__(self, i):
                square = i * i
                return torch.tensor([square])
        if __name__ == "__main__":
            loader = DataLoader(Squares(), batch_size=2, num_workers=2, multiprocessing_context=sys.argv[1])
            for epoch in range(2):
                for batch in loader:
                    total = int(batch.sum()) + 1
                    print(total)
        """,
    )
    unnoticed("script.py", method)
    assert recorded("i * i") == sorted([str(i * i) for i in range(8)] * 2)
    assert recorded("int(batch.sum()) + 1") == sorted(["2", "14", "42", "86"] * 2)


def test_a_child_whose_run_is_gone_goes_on_uncaptured(write: Write, flor_home: Path) -> None:
    write(
        "script.py",
        f"""
        import multiprocessing, shutil
        def work(n):
            return n + 1
        if __name__ == "__main__":
            shutil.rmtree({os.fspath(flor_home)!r}, ignore_errors=True)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
        """,
    )
    done = flor("python", "script.py", "case")
    assert (done.returncode, done.stdout) == (0, "[2, 3]\n")
    assert [line[:5] for line in done.stderr.splitlines()] == ["flor:"]
    assert not flor_home.exists()


#: Code that is not captured, as exec is not: begins six threads at once.
STARTER = """
import threading
def start(work):
    barrier = threading.Barrier(6)
    def begin():
        barrier.wait()
        work()
    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_a_forked_child_whose_threads_begin_at_once_is_one_process(recorder: str, write: Write) -> None:
    write(
        "script.py",
        f"""
        import os
        def work():
            for i in range(3_000):
                x = i * 3
        starter = {{}}
        exec({STARTER!r}, starter)
        start = starter["start"]
        for _ in range(3):
            child = os.fork()
            if not child:
                start(work)
                os._exit(0)
            os.waitpid(child, 0)
        """,
    )
    assert flor("python", "script.py", "case").returncode == 0
    trace = newest_trace("case")
    # Parent and child both have a value of what the fork returned.
    assert trace.warnings == []
    assert [value for value in values(trace, "os.fork()") if value.endswith(": 0")] == [f"_[{i}]: 0" for i in range(3)]
    assert len({process for process, _ in trace._about.streams}) == 4
    assert len(values(trace, "i * 3")) == 3 * 6 * 3_000


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_rows_of_a_module_that_is_run_show_what_their_own_process_evaluated(method: str, write: Write) -> None:
    write("package/__init__.py", "")
    write(
        "package/main.py",
        """
        import multiprocessing, sys
        rate = 0.5 if __name__ == "__main__" else 0.1
        def work(i):
            r = i + rate
            return r
        if __name__ == "__main__":
            work(0)
            with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
                print(pool.map(work, [1, 2]))
        """,
    )
    unnoticed("-m", "package.main", method)
    named = annotate(
        "package/main.py",
        ("0.5 if", 'GET("rate", 0.5) if'),
        ("0.1\n", 'GET("other", 0.1)\n'),
        ("i + rate", 'GET("r", i + rate)'),
    )
    assert flor("etl", "case", named).returncode == 0
    with open("case.csv") as file:
        rows = sorted((row["r"], row["rate"], row["other"]) for row in csv.DictReader(file))
    assert rows == [("0.5", "0.5", ""), ("1.1", "0.5", "0.1"), ("2.1", "0.5", "0.1")]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_row_shows_nothing_of_a_call_in_another_process(method: str, write: Write) -> None:
    """The main process calls `work` once, and so does each of the others: it is not the only call."""
    script = write(
        "script.py",
        """
        import multiprocessing, sys
        def inner(i):
            z = i * 100
            return z
        def work(i):
            r = i + 0
            if i == 0:
                inner(i + 5)
            return r
        if __name__ == "__main__":
            work(0)
            with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
                pool.map(work, [1, 2])
        """,
    )
    assert flor("python", str(script), "case", method).returncode == 0
    named = annotate("script.py", ("i * 100", 'GET("z", i * 100)'), ("i + 0", 'GET("r", i + 0)'))
    assert flor("etl", "case", named).returncode == 0
    with open("case.csv") as file:
        assert sorted((row["r"], row["z"]) for row in csv.DictReader(file)) == [("0", "500"), ("1", ""), ("2", "")]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_rows_show_what_their_own_process_evaluated(method: str, recorder: str, write: Write) -> None:
    write("tools.py", "import os\nwhose = os.getpid()\n")
    script = write(
        "script.py",
        """
        import multiprocessing, os, sys
        import tools
        own = os.getpid()
        def work(n):
            for i in range(n):
                both = own, tools.whose, i
        if __name__ == "__main__":
            rate = 0.5
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                pool.map(work, [2, 1, 2], chunksize=1)
            last = rate * 2
        """,
    )
    assert flor("python", str(script), "case", method).returncode == 0
    assert flor("log", "case").stdout == (home() / "case" / "log.json").read_text()
    changes = [
        ("own = os.getpid()", 'own = GET("own", os.getpid())'),
        ("both = own, tools.whose, i", 'both = GET("both", (own, tools.whose, i))'),
        ("rate = 0.5", 'rate = GET("rate", 0.5)'),
        ("rate * 2", 'GET("last", rate * 2)'),
    ]
    tools = annotate("tools.py", ("os.getpid()", 'GET("whose", os.getpid())'))
    assert flor("etl", "case", annotate("script.py", *changes), tools).returncode == 0
    with open("case.csv") as file:
        rows = list(csv.DictReader(file))
    of_work = [row for row in rows if row["both"]]
    assert len(of_work) == 5
    assert sorted({(row["work_call"], row["i_iter"]) for row in of_work}) == sorted(
        (row["work_call"], row["i_iter"]) for row in of_work
    )
    for row in of_work:
        assert json.loads(row["both"])[:2] == [int(row["own"]), int(row["whose"])]
        assert (row["rate"], row["last"]) == ("0.5", "1.0")
    alone = [row for row in rows if not row["both"]]
    assert len({row["own"] for row in rows}) == len({row["own"] for row in of_work}) + len(alone)

    assert flor("name", "--remove", "script_h.py", "own").returncode == 0
    assert flor("etl", "case", "script_h.py").returncode == 0
    with open("case.csv") as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["both"]) for row in rows] == [True] * 5  # the main module's values are on these


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver", "loky"])
def test_rows_of_what_a_forked_child_started_show_what_that_evaluated(method: str, recorder: str, write: Write) -> None:
    script = write(
        "script.py",
        """
        import os, sys
        def work(i):
            r = i, os.getpid()
            return r
        def go(who, method):
            mark = who * 2
            if method == "loky":
                from joblib import Parallel, delayed
                return Parallel(2)(delayed(work)(i) for i in range(2))
            import multiprocessing
            with multiprocessing.get_context(method).Pool(2) as pool:
                return pool.map(work, range(2))
        if __name__ == "__main__":
            before = os.getpid()
            child = os.fork() == 0
            if not child:
                os.wait()
                alone = before + 1
            who = "child" if child else "first"
            done = go(who, sys.argv[1])
            print(sorted(pid for _, pid in done), who)
        """,
    )
    result = flor("python", str(script), "case", method)
    assert result.returncode == 0, result.stderr
    started = {pid: line.split()[-1] for line in result.stdout.splitlines() for pid in re.findall(r"\d+", line)}
    assert sorted(started.values()).count("child") >= 1 <= sorted(started.values()).count("first")
    assert flor("log", "case").stdout == (home() / "case" / "log.json").read_text()
    changes = [
        ("i, os.getpid()", 'GET("r", (i, os.getpid()))'),
        ("who * 2", 'GET("mark", who * 2)'),
        ("before = os.getpid()", 'before = GET("before", os.getpid())'),
        ("before + 1", 'GET("alone", before + 1)'),
        ('"child" if child else "first"', 'GET("who", "child" if child else "first")'),
        ("go(who, sys.argv[1])", 'GET("done", go(who, sys.argv[1]))'),
    ]
    assert flor("etl", "case", annotate("script.py", *changes)).returncode == 0
    with open("case.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    first = int(rows[0]["before"])
    for row in rows:
        number, pid = json.loads(row["r"])
        who = started[str(pid)]
        assert (row["who"], row["mark"], row["before"]) == (who, who * 2, str(first))
        assert row["alone"] == ("" if who == "child" else str(first + 1))
        assert json.loads(row["done"])[number] == [number, pid]


def rows_of(name: str, *columns: str) -> list[tuple[str, ...]]:
    """The table that was written last: what stands in these columns, sorted."""
    with open(f"{name}.csv") as file:
        return sorted(tuple(row[column] for column in columns) for row in csv.DictReader(file))


def test_a_forked_child_of_a_spawned_process(recorder: str, write: Write) -> None:
    script = write(
        "script.py",
        """
        import multiprocessing, os
        def work():
            base = "spawned"
            if os.fork() == 0:
                inner = "forked"
                os._exit(0)
            os.wait()
            late = "after that"
        if __name__ == "__main__":
            before = "first"
            process = multiprocessing.get_context("spawn").Process(target=work)
            process.start()
            process.join()
            for k in range(2):
                square = k * k
        """,
    )
    assert flor("python", str(script), "case").returncode == 0
    assert flor("log", "case").stdout == (home() / "case" / "log.json").read_text()
    changes = [(f'"{value}"', f'GET("{value.split()[0]}", "{value}")') for value in ("spawned", "forked", "after that")]
    named = annotate("script.py", *changes, ('"first"', 'GET("before", "first")'), ("k * k", 'GET("square", k * k)'))
    assert flor("etl", "case", named).returncode == 0
    assert rows_of("case", "before", "square", "spawned", "forked", "after") == [
        ("first", "", "spawned", "", "after that"),
        ("first", "", "spawned", "forked", ""),
        ("first", "0", "", "", ""),
        ("first", "1", "", "", ""),
    ]


@pytest.mark.parametrize("steps", [5, 300_000])
def test_processes_that_started_processes(steps: int, write: Write) -> None:
    """A long run's table is made of those instances alone that it needs."""
    write(
        "library.py",
        """
        import multiprocessing
        def inner(i):
            number = i * 10
        def outer(tag):
            mark = tag * 2
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.map(inner, range(2))
        """,
    )
    script = write(
        "script.py",
        f"""
        from concurrent.futures import ProcessPoolExecutor
        import multiprocessing
        if __name__ == "__main__":
            import library
            for tag in "ab":
                with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                    pool.submit(library.outer, tag).result()
            for i in range({steps}):
                pass
        """,
    )
    assert flor("python", str(script), "case").returncode == 0
    named = annotate("library.py", ("i * 10", 'GET("number", i * 10)'), ("tag * 2", 'GET("mark", tag * 2)'))
    assert flor("etl", "case", named).returncode == 0
    assert rows_of("case", "mark", "number") == [("aa", "0"), ("aa", "10"), ("bb", "0"), ("bb", "10")]


def test_what_a_forked_child_started_before_it_recorded_anything(write: Write) -> None:
    script = write(
        "script.py",
        """
        import multiprocessing, os
        exec('''if 1:
            def go(work):  # not captured
                if os.fork() == 0:
                    import time
                    while not os.path.exists("parent"):
                        time.sleep(0.01)
                    with multiprocessing.get_context("spawn").Pool(1) as pool:
                        pool.map(work, [1])
                    os._exit(0)
        ''')
        def work(i):
            number = i * 10
        if __name__ == "__main__":
            before = 1 + 1
            go(work)
            after = 2 + 2
            open("parent", "w").close()
            os.wait()
        """,
    )
    assert flor("python", str(script), "case").returncode == 0
    changes = [("i * 10", 'GET("number", i * 10)'), ("1 + 1", 'GET("before", 1 + 1)'), ("2 + 2", 'GET("after", 2 + 2)')]
    assert flor("etl", "case", annotate("script.py", *changes)).returncode == 0
    assert rows_of("case", "before", "number", "after") == [("2", "", "4"), ("2", "10", "")]


def test_calls_are_counted_over_a_forked_child_and_what_it_started(write: Write) -> None:
    script = write(
        "script.py",
        """
        import os
        from joblib import Parallel, delayed
        def work(i):
            number = i * 10
        if __name__ == "__main__":
            child = os.fork() == 0
            if child:
                work(7)
                work(8)
                Parallel(2)(delayed(work)(i) for i in range(3))
            else:
                os.wait()
        """,
    )
    assert flor("python", str(script), "case").returncode == 0
    assert flor("etl", "case", annotate("script.py", ("i * 10", 'GET("number", i * 10)'))).returncode == 0
    found = dict(rows_of("case", "work_call", "number"))
    assert (found["0"], found["1"], sorted(found), sorted(found.values())) == (
        "70",
        "80",
        ["0", "1", "2", "3", "4"],
        ["0", "10", "20", "70", "80"],
    )
