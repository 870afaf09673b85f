"""NAME_log.json: the seed's fields and values, and a tree that is balanced however the program goes on."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flor.home import open_run, run_paths
from tests.logging.running import flor, log, outline, python, records

Write = Callable[[str, str], Path]

TUTORIAL = """
    import numpy as np
    from sklearn.metrics import mean_squared_error

    import flor
    log = flor.log

    y_actual = np.array([
        0.37454012, 0.95071431,
        0.73199394, 0.59865848,
        0.15601864])

    @flor.track
    def fit_and_score_model():
        for seed in range(50):
            # We log the seed parameter
            np.random.seed(log.param(seed))
            y_pred = np.random.rand(len(y_actual))
            # We log the mse metric
            mse = log.metric(mean_squared_error(y_actual, y_pred))

    with flor.Context('introduction'):
        fit_and_score_model()
"""


@pytest.mark.parametrize("how", ["python", "flor"])
def test_the_tutorial_writes_what_the_seed_shows(write: Write, recorder: str, how: str) -> None:
    script = write("randy.py", TUTORIAL)
    python(script) if how == "python" else flor("python", str(script), "outer")
    document = log("introduction")
    assert document["block_type"] == "function_body :: fit_and_score_model"
    assert len(document["log_sequence"]) == 50
    assert document["log_sequence"][0] == {
        "block_type": "loop_body",
        "log_sequence": [
            {
                "assignee": None,
                "caller": "np.random.seed",
                "from_arg": False,
                "in_execution": "fit_and_score_model",
                "in_file": str(script),
                "instruction_no": 16,
                "keyword_name": None,
                "pos": 0,
                "runtime_value": 0,
                "typ": "param",
                "value": "seed",
            },
            {
                "assignee": "mse",
                "caller": None,
                "from_arg": False,
                "in_execution": "fit_and_score_model",
                "in_file": str(script),
                "instruction_no": 19,
                "keyword_name": None,
                "pos": None,
                "runtime_value": 0.03541292928458963,
                "typ": "metric",
                "value": "mean_squared_error(y_actual, y_pred)",
            },
        ],
    }
    assert "as it should be, 1 root, 51 blocks, 100 records" in flor("check-log", "introduction_log.json").stdout


FORMS = """
    import contextlib
    import flor
    from flor import log as L, track
    p = flor.log.param

    def f(*a, **k): pass

    @contextlib.contextmanager
    def opened(path): yield path

    @track
    def one(x, *, y=2):
        a = L.param(x)
        b, c = L.metric(1), L.metric(y)
        d = e = flor.log.metric(a + b)
        o = [0, 0]
        o[L.param(0)] = L.metric(7)
        f(L.param(1) + 2, k=L.param("kw"))
        f(*[L.param(9)])
        f(**{"k": L.param(10)})
        L.metric(L.param(11))
        z = x
        L.param(z)
        x = 5
        L.param(x)
        v: int = L.param(3)
        v += L.param(4)
        with opened(L.read('data.json')) as h: pass
        q = [p(i) for i in range(2)]
        (lambda: L.metric(13))()
        '{}'.format(L.metric({'a': (1, 2)}))
        return L.write({1})

    with flor.Context("forms"):
        one(3)
"""

#: typ, runtime_value, value, assignee, caller, pos, keyword_name, from_arg
RECORDS: list[tuple[Any, ...]] = [
    ("param", 3, "x", "a", None, None, None, True),
    ("metric", 1, "1", ["b", "c"], None, None, None, False),
    ("metric", 2, "y", ["b", "c"], None, None, None, True),
    ("metric", 4, "a + b", ["d", "e"], None, None, None, False),
    ("metric", 7, "7", "o[L.param(0)]", None, None, None, False),
    ("param", 0, "0", None, None, None, None, False),
    ("param", 1, "1", None, "f", 0, None, False),
    ("param", "kw", '"kw"', None, "f", None, "k", False),
    ("param", 9, "9", None, "f", 0, None, False),
    ("param", 10, "10", None, "f", None, None, False),
    ("param", 11, "11", None, "L.metric", 0, None, False),
    ("metric", 11, "L.param(11)", None, None, None, None, False),
    ("param", 3, "z", None, None, None, None, True),
    ("param", 5, "x", None, None, None, None, False),
    ("param", 3, "3", "v", None, None, None, False),
    ("param", 4, "4", None, None, None, None, False),
    ("read", "data.json", "'data.json'", "h", "opened", 0, None, False),
    ("param", 0, "i", "q", None, None, None, False),
    ("param", 1, "i", "q", None, None, None, False),
    ("metric", 13, "13", None, None, None, None, False),
    ("metric", "{'a': (1, 2)}", "{'a': (1, 2)}", None, "'{}'.format", 0, None, False),
    ("write", "{1}", "{1}", None, None, None, None, False),
]
FIELDS = ("typ", "runtime_value", "value", "assignee", "caller", "pos", "keyword_name", "from_arg")


def test_every_form_of_statement_has_its_fields(write: Write, recorder: str) -> None:
    script = write("forms.py", FORMS)
    python(script)
    found = log("forms")
    assert [tuple(record[field] for field in FIELDS) for record in records(found)] == RECORDS
    flor("python", str(script), "outer")
    assert log("forms") == found
    flor("check-log", "forms_log.json")


SHAPES = """
    import threading, flor
    log = flor.log

    class Model:
        @flor.track
        def fit(self, n):
            i = 0
            while i < n:
                i += 1
                if i == 2: continue
                if i == 3: break
                log.metric(i)
            for j in range(2):
                for k in range(2):
                    log.param((j, k))
                    if k == 0: break
            return [self, None]

        @staticmethod
        @flor.track
        def score(model): log.metric(model is not None)

        @flor.track
        @classmethod
        def make(cls, *models): log.param(len(models))

    @flor.track
    def fails(n):
        for i in range(n):
            if i == 1: raise ValueError(i)
            log.metric(i)

    @flor.track()
    def numbers(n):
        for i in range(n):
            yield log.metric(i * 10)

    @flor.track
    def counts(n):
        i = 0
        while i < n:
            i += 1
        while True:
            i -= 1
            if i == 0: return i

    @flor.track
    def main(models):
        Model.score(models[0])
        Model.make(*models)
        @flor.track
        def inner(q): log.param(q)
        inner(3)
        total = sum(numbers(2))
        try: fails(3)
        except ValueError: pass
        counts(2)

    @flor.track
    def threads():
        started = [threading.Thread(target=counts, args=(1,)) for _ in range(2)]
        for thread in started: thread.start()
        for thread in started: thread.join()

    with flor.Context("shapes"):
        main(Model().fit(6))
        threads()
"""

LOOP: dict[str, list[Any]] = {"loop": []}


@pytest.mark.parametrize("how", ["python", "flor"])
def test_blocks_are_calls_and_iterations_however_they_end(write: Write, recorder: str, how: str) -> None:
    script = write("shapes.py", SHAPES)
    python(script) if how == "python" else flor("python", str(script), "outer")
    nested = [{"loop": [{"loop": [f"param ({j}, 0)"]}]} for j in range(2)]
    counts = {"counts": [LOOP, LOOP]}
    assert outline(log("shapes")) == [
        {"Model.fit": [{"loop": ["metric 1"]}, LOOP, LOOP, *nested]},
        {
            "main < Model.fit": [
                {"Model.score < Model.fit": ["metric True"]},
                {"Model.make < Model.fit": ["param 2"]},
                {"main.<locals>.inner": ["param 3"]},
                {"numbers": [{"loop": ["metric 0"]}, {"loop": ["metric 10"]}]},
                {"fails": [{"loop": ["metric 0"]}, LOOP]},
                {"counts": [LOOP, LOOP, LOOP, LOOP]},
            ]
        },
        {"threads": [LOOP, LOOP, LOOP, LOOP]},
        counts,
        counts,
    ]


def test_a_context_that_is_left_by_an_exception_writes_its_log(write: Write) -> None:
    script = write(
        "fails.py",
        """
        import flor
        @flor.track
        def f():
            flor.log.metric(1)
            raise ValueError("as it happens")
        with flor.Context("failed"):
            f()
        """,
    )
    assert "ValueError: as it happens" in python(script, code=1).stderr
    assert outline(log("failed")) == {"f": ["metric 1"]}
    assert "failed" in flor("ls", "failed").stdout.splitlines()[1]


def test_a_killed_program_leaves_its_log_in_the_trace(write: Write) -> None:
    script = write(
        "killed.py",
        """
        import flor, os, signal
        @flor.track
        def f():
            for i in range(3):
                flor.log.metric(i)
            os.kill(os.getpid(), signal.SIGKILL)
        with flor.Context("killed"):
            f()
        """,
    )
    python(script, code=-signal.SIGKILL)
    assert not Path("killed_log.json").exists()
    found = json.loads(flor("log", "--context", "killed").stdout)
    assert outline(found) == {"f": [{"loop": [f"metric {i}"]} for i in range(3)]}


def test_the_trace_has_the_log_when_it_is_packed(write: Write, flor_home: Path) -> None:
    python(write("forms.py", FORMS))
    flor("python", str(write("shapes.py", SHAPES)), "outer")
    for name in ("forms", "shapes"):
        (run,) = (flor_home / name / "runs").iterdir()
        deadline = time.monotonic() + 60
        while (run / "segments").exists():  # it is packed beside
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert json.loads(flor("log", "--context", name).stdout) == log(name)


def test_contexts_one_after_the_other_are_runs(write: Write, recorder: str) -> None:
    script = write(
        "many.py",
        """
        import threading, flor
        kept = []
        @flor.track
        def f(n):
            for i in range(n):
                flor.log.metric(i)
            def later(): return flor.log.param(n)
            kept.append(later)
            return later
        for n in range(3):
            with flor.Context(f"run{n}"):
                worker = threading.Thread(target=f, args=(10 + n,)); worker.start(); worker.join()
                f(n)
                for later in kept: later()
        f(3)
        """,
    )
    done = python(script)
    assert done.stderr == ""
    for n in range(3):
        found = sorted(outline(log(f"run{n}")), key=lambda root: len(root["f"]))
        own, threads = ({"f": [{"loop": [f"metric {i}"]} for i in range(count)]} for count in (n, 10 + n))
        assert found == [own, threads]


def test_a_tracked_function_is_itself(write: Write) -> None:
    script = write(
        "itself.py",
        """
        import flor, inspect, pickle, sys
        def plain(n): return n and plain(n - 1)
        code = plain.__code__
        assert flor.track(plain) is plain
        assert flor.log.param(plain) is plain and flor.log("x", 1) == 1 and flor.arg("lr", 0.1) == 0.1
        with flor.Context("itself"):
            assert plain(sys.getrecursionlimit() - 50) == 0
            assert pickle.loads(pickle.dumps(plain)) is plain
            assert str(inspect.signature(plain)) == "(n)"
            assert flor.track(len) is len
        assert plain.__code__ is code
        """,
    )
    assert (
        python(script).stderr == "flor: <built-in function len> is not tracked: it is no function written in Python\n"
    )


def test_a_secret_is_not_logged(write: Write) -> None:
    script = write(
        "secret.py",
        """
        import flor
        @flor.track
        def f():
            api_key = flor.log.param("abcdefgh-1234")
            flor.log.param(api_key)
            flor.log("password", "xyzzyxyz")
        with flor.Context("secret"):
            f()
        """,
    )
    python(script)
    assert [record["runtime_value"] for record in records(log("secret"))] == ["<redacted>", "<redacted>"]
    assert "xyzzy" not in Path(".replay.json").read_text()


def test_two_files_with_the_same_code(write: Write) -> None:
    for name in ("one", "two"):
        write(f"{name}.py", "import flor\n\n\n@flor.track\ndef f(n):\n    return flor.log.metric(n)\n")
    script = write(
        "both.py",
        """
        import flor, one, two
        with flor.Context("both"):
            one.f(1)
            two.f(2)
        """,
    )
    python(script)
    assert [Path(record["in_file"]).name for record in records(log("both"))] == ["one.py", "two.py"]


@pytest.mark.parametrize("how", ["python", "flor"])
def test_coroutines_generators_and_lambdas_are_calls(write: Write, how: str) -> None:
    script = write(
        "calls.py",
        """
        import asyncio, flor

        @flor.track
        async def work(n):
            for i in range(n):
                await asyncio.sleep(0)
                flor.log.metric(i)

        @flor.track
        def count(n):
            for i in range(n):
                yield flor.log.metric(i)

        asyncio.run(work(1))
        with flor.Context("calls"):
            asyncio.run(work(2))
            sum(count(2))
            flor.track(lambda x: flor.log.param(x))(3)
        list(count(3))
        """,
    )
    python(script) if how == "python" else flor("python", str(script), "e")
    loops = [{"loop": ["metric 0"]}, {"loop": ["metric 1"]}]
    assert outline(log("calls")) == [{"work": loops}, {"count": loops}, {"<lambda>": ["param 3"]}]


def test_tasks_and_forked_children_are_in_the_log(write: Write, recorder: str) -> None:
    script = write(
        "tasks.py",
        """
        import asyncio, flor, os

        @flor.track
        async def work(n):
            for i in range(n):
                await asyncio.sleep(0)
                flor.log.metric(i)

        @flor.track
        def main():
            async def both():
                await asyncio.gather(work(2), work(1))
            asyncio.run(both())
            pid = os.fork()
            if not pid:
                flor.log.param("of the child")
                os._exit(0)
            os.waitpid(pid, 0)

        with flor.Context("tasks"):
            main()
        """,
    )
    python(script)
    work = [{"work": [{"loop": [f"metric {i}"]} for i in range(n)]} for n in (2, 1)]
    assert outline(log("tasks")) == [{"main": work}, {"main": ["param of the child"]}]


@pytest.mark.parametrize("how", ["python", "flor"])
def test_a_tracked_function_of_a_library(write: Write, tmp_path: Path, how: str) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "lib.py").write_text(
        "import flor\n\n\n@flor.track\ndef f(n):\n    for i in range(n):\n        flor.log.metric(i)\n"
    )
    script = write(
        "uses.py",
        """
        import flor, lib
        lib.f(1)
        for n in (1, 2):
            with flor.Context(f"uses{n}"):
                lib.f(n)
            lib.f(1)
        """,
    )
    path = {"PYTHONPATH": str(library)}
    done = python(script, **path) if how == "python" else flor("python", str(script), "outer", **path)
    assert done.stderr == ""
    for n in (1, 2):
        assert outline(log(f"uses{n}")) == {"f": [{"loop": [f"metric {i}"]} for i in range(n)]}


def test_a_run_says_which_sources_logged_though_they_were_not_captured(write: Write, tmp_path: Path) -> None:
    library = tmp_path / "elsewhere" / "lib.py"
    library.parent.mkdir()
    library.write_text("import flor\n\ndef f():\n    flor.log('n', 1)\n")
    script = write("uses.py", f"import sys\nsys.path.append({str(library.parent)!r})\nimport lib\nlib.f()\n")
    assert flor("python", str(script), "outer").stderr == ""
    (run,) = run_paths("outer")
    sha256 = hashlib.sha256(library.read_bytes()).hexdigest()
    assert open_run(run).info["logged"] == [{"path": str(library), "sha256": sha256, "module": "lib"}]


def test_git_keeps_the_code_of_a_context(write: Write) -> None:
    script = write("fib.py", 'import flor\nwith flor.Context("kept"):\n    flor.log("n", 1)\n')
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@here"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "mine"]):
        subprocess.run([*git, *command], check=True)
    script.write_text(script.read_text() + "# not committed\n")
    python(script)
    assert "from refs/flor/kept/" in flor("checkout", "kept", "copy").stdout
    assert Path("copy/fib.py").read_text() == script.read_text()
    commits = subprocess.run(["git", "log", "--format=%s"], capture_output=True, text=True, check=True)
    assert commits.stdout == "mine\n"
