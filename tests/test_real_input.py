"""The walk-through on what people really run: scikit-learn, numpy, pandas, torch, several files, processes, threads, tasks, crashes."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.home import runs
from flor.trace.cet_json import check_log
from tests.conftest import flor
from tests.walkthrough import annotate, columns, etl, run

Write = Callable[[str, str], Path]
ROOT = Path(__file__).resolve().parent.parent
IRIS = (ROOT / "examples" / "iris" / "iris.py").read_text()
IRIS_NAMES = (
    ("test_size=0.15", 'test_size=GET("test_size", 0.15)'),
    ("random.randint(1,100)", 'GET("random_state", random.randint(1,100))'),
    ("gamma=g, C=100.0", 'gamma=GET("gamma", g), C=GET("C", 100.0)'),
    ("clf.score(X_te, y_te)", 'GET("score", clf.score(X_te, y_te))'),
)
NAMES = ["test_size", "random_state", "gamma", "C", "score"]


def test_the_iris_sweep_gives_the_seeds_table(folder: Path, write: Write) -> None:
    write("iris.py", IRIS)
    assert run("iris.py", "iris_demo") == "--- Job Finished ---\n"
    rows, said = etl("iris_demo", annotate("iris.py", *IRIS_NAMES))
    assert said == ""
    assert list(rows[0]) == ["run", "g_iter", *NAMES]
    assert columns(rows, "run", "g_iter", "test_size", "gamma", "C") == [
        ("0", str(i), "0.15", gamma, "100.0") for i, gamma in enumerate(("0.1", "0.01", "0.001"))
    ]
    assert len({r["random_state"] for r in rows}) == 1
    assert all(0.5 < float(r["score"]) <= 1 and round(float(r["score"]) * 23, 6).is_integer() for r in rows)


def test_the_values_are_those_that_the_program_saw(folder: Path, write: Write) -> None:
    script = IRIS.replace("    score =", "    print(g, end=' ')\n    score =") + "print(random.getrandbits(1) * 0)\n"
    script = script.replace("print('--- Job", "print(); print('--- Job").replace(
        "score(X_te, y_te)", "score(X_te, y_te); print(score)"
    )
    write("iris.py", script)
    printed = [line.split() for line in run("iris.py", "iris_demo").splitlines()[:3]]
    rows, _ = etl("iris_demo", annotate("iris.py", *IRIS_NAMES))
    assert columns(rows, "gamma", "score") == [tuple(line) for line in printed]


def test_several_runs_of_iris_have_rows_of_their_own(folder: Path, write: Write) -> None:
    write("iris.py", IRIS)
    for _ in range(3):
        run("iris.py", "iris_demo")
    rows, said = etl("iris_demo", annotate("iris.py", *IRIS_NAMES))
    assert said == ""
    assert columns(rows, "run", "g_iter") == [(str(r), str(g)) for r in range(3) for g in range(3)]
    with Path("iris_demo.csv").open() as file:
        named = {line.partition(",")[0] for line in file.readlines()[1:]}
    assert named == {r.id for r in runs("iris_demo", [])}


def test_one_shadow_copy_reads_the_runs_of_three_versions(folder: Path, write: Write) -> None:
    """The second version has the sweep in a function, with another C and its variable renamed; the third one scores in
    another way, in a loop over seeds, and gives no test_size."""
    head, sweep = IRIS.split("for g in")
    sweep, end = sweep.split("print(")
    indented = "".join(f"    {line}\n".replace("    \n", "\n") for line in f"for g in{sweep}".splitlines())
    second = f"{head}def sweep():\n{indented}sweep()\nprint({end}".replace("100.0", "10.0").replace("clf", "model")
    third = f"{head}for seed in range(2):\n{indented}print({end}"
    third = third.replace("score = clf.score(", "score = 100 * clf.score(").replace("test_size=0.15", "train_size=0.8")
    for version in (IRIS, second, third):
        write("iris.py", version)
        run("iris.py", "iris_demo")
    write("iris.py", IRIS)
    shadow = annotate("iris.py", *IRIS_NAMES)
    rows, said = etl("iris_demo", shadow)
    gammas = ["0.1", "0.01", "0.001"]
    assert columns(rows, "run", "test_size", "gamma", "C") == [
        *(("0", "0.15", gamma, "100.0") for gamma in gammas),
        *(("1", "0.15", gamma, "10.0") for gamma in gammas),
        *(("2", "", gamma, "100.0") for gamma in gammas * 2),
    ]
    assert columns(rows, "seed_iter")[-6:] == [("0",)] * 3 + [("1",)] * 3
    assert all(0.5 < float(r["score"]) <= 1 for r in rows)
    one, two, three = (r.id for r in runs("iris_demo", []))
    version = "another version of the source has"
    (lost,) = (line for line in said.splitlines() if "no counterpart" in line)
    assert set(said.splitlines()) - {lost} == {
        f"flor: random_state: found in another version of the source (2 runs, the last one {three})",
        f"flor: test_size: found in another version of the source (run {two})",
        f"flor: gamma: found in another version of the source (2 runs, the last one {three})",
        f"flor: C: {version} `10.0` in its place, not `100.0` (run {two})",
        f"flor: C: found in another version of the source (run {three})",
        f"flor: score: {version} it with other names: `model.score(X_te, y_te)`, not `clf.score(X_te, y_te)` (run {two})",
        f"flor: score: found in another version of the source (run {three})",
    }
    assert lost.startswith("flor: test_size: this version of the source has no counterpart of `X_tr, X_te, y_tr, y_te")
    assert lost.endswith(f"(run {three})")
    assert flor("etl", "iris_demo", shadow, "--exact").returncode == 0
    with Path("iris_demo.csv").open() as file:
        assert {line.partition(",")[0] for line in file.readlines()[1:]} == {one}


def test_log_json_is_one_document_by_the_grammar(folder: Path, write: Write, flor_home: Path) -> None:
    path = write("iris.py", IRIS)
    run("iris.py", "iris_demo")
    log = json.loads((flor_home / "iris_demo" / "log.json").read_bytes())
    assert check_log(log) == []
    loop = [node for node in log["log_sequence"] if node.get("block_type") == "loop_body"]
    assert len(loop) == 3
    (score,) = [n for n in loop[0]["log_sequence"] if n.get("assignee") == "score"]
    assert isinstance(score["runtime_value"], float)
    assert {k: v for k, v in score.items() if k != "runtime_value"} == {
        "assignee": "score",
        "caller": None,
        "from_arg": False,
        "in_execution": "__main__",
        "in_file": str(path),
        "instruction_no": 14,
        "keyword_name": None,
        "pos": None,
        "typ": "expression",
        "value": "clf.score(X_te, y_te)",
    }
    (gamma,) = [n for n in loop[0]["log_sequence"] if n.get("keyword_name") == "gamma"]
    assert (gamma["caller"], gamma["pos"], gamma["value"], gamma["runtime_value"]) == ("svm.SVC", None, "g", 0.1)
    again = flor("log", "iris_demo")
    assert json.loads(again.stdout) == log


TUTORIAL = """
    import numpy as np
    from sklearn.metrics import mean_squared_error

    # mock: get the test data
    y_actual = np.array([
        0.37454012, 0.95071431,
        0.73199394, 0.59865848,
        0.15601864])

    for seed in range(50):
        # mock: fit the model
        np.random.seed(seed)

        # mock: make a prediction
        y_pred = np.random.rand(len(y_actual))

        # mock: measure the loss
        mse = mean_squared_error(y_actual, y_pred)

        print("seed: {}, mse: {}".format(seed, mse))
    """


def test_the_tutorial_script(folder: Path, write: Write) -> None:
    write("randy.py", TUTORIAL)
    printed = run("randy.py", "introduction")
    shadow = annotate(
        "randy.py",
        ("np.random.seed(seed)", 'np.random.seed(GET("seed", seed))'),
        ("= mean_squared_error(y_actual, y_pred)", '= GET("mse", mean_squared_error(y_actual, y_pred))'),
    )
    rows, _ = etl("introduction", shadow)
    assert "".join(f"seed: {r['seed']}, mse: {r['mse']}\n" for r in rows) == printed
    assert rows[0]["mse"] == "0.03541292928458963"


def test_a_numpy_training_loop(folder: Path, write: Write) -> None:
    write(
        "train.py",
        """
        import numpy as np

        def step(w, x, y, lr):
            error = x @ w - y
            return w - lr * x * error, float(error ** 2)

        rng = np.random.default_rng(0)
        data = [(rng.normal(size=3), float(rng.normal())) for _ in range(4)]
        w = np.zeros(3)
        lr = 0.1
        for epoch in range(3):
            total = 0.0
            for x, y in data:
                w, loss = step(w, x, y, lr)
                total += loss
            mean = total / len(data)
            print(epoch, mean)
            if epoch % 2 == 1:
                lr = lr / 2
        norm = np.linalg.norm(w)
        print(norm)
        """,
    )
    *epochs, norm = run("train.py", "train").splitlines()
    shadow = annotate(
        "train.py",
        ("error = x @ w - y", 'error = GET("error", x @ w - y)'),
        ("mean = total / len(data)", 'mean = GET("mean", total / len(data))'),
        ("lr = lr / 2", 'lr = GET("halved", lr / 2)'),
        ("norm = np.linalg.norm(w)", 'norm = GET("norm", np.linalg.norm(w))'),
        ("total += loss", 'total += GET("loss", loss)'),
    )
    rows, said = etl("train", shadow)
    assert said == ""
    assert [c for c in rows[0] if c not in ("run",)] == [
        "epoch_iter", "x_y_iter", "error", "loss", "mean", "halved", "norm"]  # fmt: skip
    assert columns(rows, "epoch_iter", "x_y_iter") == [(str(e), str(b)) for e in range(3) for b in range(4)]
    assert [f"{r['epoch_iter']} {r['mean']}" for r in rows[::4]] == epochs
    assert {r["norm"] for r in rows} == {norm}
    assert [r["halved"] for r in rows[::4]] == ["", "0.05", ""]
    assert all(float(r["loss"]) == float(r["error"]) ** 2 for r in rows)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_a_torch_training_loop(folder: Path, write: Write) -> None:
    write(
        "train.py",
        """
        import torch
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        xs, ys = torch.randn(8, 4), torch.randn(8, 1)
        for epoch in range(3):
            for i in range(0, 8, 4):
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(xs[i:i + 4]), ys[i:i + 4])
                loss.backward()
                optimizer.step()
                print(epoch, i, loss.item())
        """,
    )
    printed = run("train.py", "torch").splitlines()
    call = "torch.nn.functional.mse_loss(model(xs[i:i + 4]), ys[i:i + 4])"
    shadow = annotate(
        "train.py", (call, f'GET("loss", {call})'), ("range(0, 8, 4):\n", 'range(0, 8, 4):\n        GET("i", i)\n')
    )
    rows, said = etl("torch", shadow)
    assert said == ""
    assert [f"{r['epoch_iter']} {r['i']} {r['loss']}" for r in rows] == printed


def test_a_project_of_several_files(folder: Path, write: Write) -> None:
    write("model.py", "def predict(w, x):\n    raw = w * x\n    return raw + 1\n")
    write("lib/data.py", "def load(n):\n    return [k * 10 for k in range(n)]\n")
    write("lib/__init__.py", "")
    write(
        "main.py",
        "import model\nfrom lib import data\nfor w in (1, 2):\n    for x in data.load(2):\n        y = model.predict(w, x)\n",
    )
    run("main.py", "project")
    shadows = [
        annotate("main.py", ("model.predict(w, x)", 'GET("y", model.predict(w, x))')),
        annotate("model.py", ("w * x", 'GET("raw", w * x)')),
    ]
    rows, said = etl("project", *shadows)
    assert said == ""
    assert list(rows[0]) == ["run", "w_iter", "x_iter", "y", "raw"]
    assert columns(rows, "w_iter", "x_iter", "y", "raw") == [
        ("0", "0", "1", "0"), ("0", "1", "11", "10"), ("1", "0", "1", "0"), ("1", "1", "21", "20")]  # fmt: skip


def test_pandas_groups(folder: Path, write: Write) -> None:
    write(
        "groups.py",
        """
        import pandas as pd
        frame = pd.DataFrame({"kind": ["a", "b", "a"], "size": [1.5, 2.5, 3.5]})
        for kind, group in frame.groupby("kind"):
            mean = group["size"].mean()
        """,
    )
    run("groups.py", "groups")
    shadow = annotate(
        "groups.py",
        ('frame.groupby("kind"):\n', 'frame.groupby("kind"):\n    GET("kind", kind)\n'),
        ('group["size"].mean()', 'GET("mean", group["size"].mean())'),
        ('pd.DataFrame({"kind": ["a", "b", "a"], "size": [1.5, 2.5, 3.5]})', 'GET("frame", pd.DataFrame({"kind": ["a", "b", "a"], "size": [1.5, 2.5, 3.5]}))'),
    )  # fmt: skip
    rows, said = etl("groups", shadow)
    assert said == ""
    assert columns(rows, "kind", "mean") == [("a", "2.5"), ("b", "2.5")]
    assert "(3, 2)" in rows[0]["frame"]


def test_a_script_that_raises_keeps_what_came_before(folder: Path, write: Write) -> None:
    write("fails.py", "for i in range(10):\n    x = i * 2\n    y = 1 / (7 - i)\n")
    done = flor("python", "fails.py", "fails")
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (1, True)
    rows, _ = etl("fails", annotate("fails.py", ("i * 2", 'GET("x", i * 2)'), ("1 / (7 - i)", 'GET("y", 1 / (7 - i))')))
    assert [r["x"] for r in rows] == [str(2 * i) for i in range(8)]
    assert [bool(r["y"]) for r in rows] == [True] * 7 + [False]
    assert "failed" in flor("ls").stdout


def test_a_killed_script_loses_nothing_that_it_said(folder: Path, write: Write) -> None:
    write(
        "killed.py",
        "import time\nfor i in range(10**9):\n    x = i * 2\n    print(i, flush=True)\n    time.sleep(0.001)\n",
    )
    command = [Path(sys.executable).with_name("flor"), "python", "killed.py", "killed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(200)]
        process.kill()
        lines += process.stdout.readlines()
        assert process.wait() == -signal.SIGKILL
    shadow = annotate("killed.py", ("i * 2", 'GET("x", i * 2)'))
    rows, _ = etl("killed", shadow)
    last = int(lines[-1])
    assert [r["x"] for r in rows[: last + 1]] == [str(2 * i) for i in range(last + 1)]
    assert len(rows) <= last + 2
    assert "killed" in flor("ls").stdout


def test_a_run_can_be_read_while_it_goes_on(folder: Path, write: Write) -> None:
    write(
        "slow.py",
        "import sys\nfor i in range(3):\n    x = i * 2\n    print(i, flush=True)\n    if i == 1: sys.stdin.readline()\n",
    )
    shadow = annotate("slow.py", ("i * 2", 'GET("x", i * 2)'))
    command = [Path(sys.executable).with_name("flor"), "python", "slow.py", "slow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(2):
            process.stdout.readline()
        rows, _ = etl("slow", shadow)
        assert [r["x"] for r in rows] == ["0", "2"]
        assert "running" in flor("ls").stdout
        process.communicate("\n")
    rows, _ = etl("slow", shadow)
    assert [r["x"] for r in rows] == ["0", "2", "4"]


def test_script_arguments_and_argparse(folder: Path, write: Write) -> None:
    write(
        "args.py",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float)
        parser.add_argument("--epochs", type=int, default=2)
        parser.add_argument("files", nargs="*")
        args = parser.parse_args()
        for epoch in range(args.epochs):
            rate = args.lr / (epoch + 1)
        """,
    )
    run("args.py", "args", "--lr", "0.5", "a.txt", "--epochs", "3")
    rows, _ = etl(
        "args",
        annotate(
            "args.py",
            ("args.lr / (epoch + 1)", 'GET("rate", args.lr / (epoch + 1))'),
            ("range(args.epochs)", 'range(GET("epochs", args.epochs))'),
        ),
    )
    assert columns(rows, "epochs", "rate") == [("3", "0.5"), ("3", "0.25"), ("3", repr(0.5 / 3))]
    failed = flor("python", "args.py", "args", "--wrong")
    assert (failed.returncode, failed.stderr.splitlines()[-1]) == (2, "args.py: error: unrecognized arguments: --wrong")


def test_multiprocessing(folder: Path, write: Write) -> None:
    write(
        "pool.py",
        """
        import multiprocessing
        def work(n):
            square = n * n
            return square
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(sum(pool.map(work, range(6))))
        """,
    )
    assert run("pool.py", "pool") == "55\n"
    rows, said = etl("pool", annotate("pool.py", ("n * n", 'GET("square", n * n)')))
    assert said == ""
    assert sorted(int(r["square"]) for r in rows) == [0, 1, 4, 9, 16, 25]


def test_threads(folder: Path, write: Write) -> None:
    write(
        "threads.py",
        """
        from concurrent.futures import ThreadPoolExecutor
        def work(n):
            for i in range(3):
                x = n * 100 + i
            return x
        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(work, range(20)))
        """,
    )
    run("threads.py", "threads")
    rows, said = etl(
        "threads",
        annotate(
            "threads.py",
            ("n * 100 + i", 'GET("x", n * 100 + i)'),
            ("def work(n):\n", 'def work(n):\n    GET("n", n)\n'),
        ),
    )
    assert said == ""
    assert sorted((int(r["n"]), int(r["i_iter"]), int(r["x"])) for r in rows) == [
        (n, i, n * 100 + i) for n in range(20) for i in range(3)
    ]


def test_async_tasks(folder: Path, write: Write) -> None:
    write(
        "tasks.py",
        """
        import asyncio
        async def fetch(n):
            await asyncio.sleep(0.001 * (3 - n))
            size = n * 10
            return size
        async def main():
            for epoch in range(2):
                total = sum(await asyncio.gather(*[fetch(n) for n in range(3)]))
        asyncio.run(main())
        """,
    )
    run("tasks.py", "tasks")
    shadow = annotate(
        "tasks.py", ("n * 10", 'GET("size", n * 10)'), ("range(2):\n", 'range(2):\n        GET("epoch", epoch)\n')
    )
    rows, said = etl("tasks", shadow)
    assert said == ""
    assert sorted(columns(rows, "epoch", "n_iter", "size")) == [
        (str(e), str(n), str(n * 10)) for e in range(2) for n in range(3)
    ]


def test_a_generator_pipeline(folder: Path, write: Write) -> None:
    write(
        "pipeline.py",
        """
        def numbers(n):
            for k in range(n):
                yield k
        def evens(source):
            for e in source:
                if e % 2 == 0:
                    yield e
        squares = (s * s for s in evens(numbers(6)))
        for q in squares:
            final = q + 1
        """,
    )
    run("pipeline.py", "pipeline")
    rows, said = etl("pipeline", annotate("pipeline.py", ("q + 1", 'GET("final", q + 1)')))
    assert (said, columns(rows, "q_iter", "final")) == ("", [("0", "1"), ("1", "5"), ("2", "17")])
    flor("rm", "--yes", "nothing")
    Path("pipeline_h.py").unlink()
    rows, said = etl("pipeline", annotate("pipeline.py", ("s * s", 'GET("square", s * s)')))
    assert (said, columns(rows, "s_iter", "square")) == ("", [("0", "0"), ("1", "4"), ("2", "16")])


def test_a_shadow_copy_can_be_run_itself(folder: Path, write: Write) -> None:
    write("iris.py", IRIS)
    shadow = annotate("iris.py", *IRIS_NAMES)
    assert run(shadow, "shadow") == "--- Job Finished ---\n"
    rows, said = etl("shadow", shadow)
    assert said == ""
    assert columns(rows, "g_iter", "gamma", "C") == [
        ("0", "0.1", "100.0"),
        ("1", "0.01", "100.0"),
        ("2", "0.001", "100.0"),
    ]
    plain = subprocess.run([sys.executable, shadow], capture_output=True, text=True)
    assert "NameError: name 'GET' is not defined" in plain.stderr
    Path(shadow).write_text(
        Path(shadow).read_text().replace("import random\n", "import random\nfrom flor import GET\n")
    )
    plain = subprocess.run([sys.executable, shadow], capture_output=True, text=True)
    assert (plain.returncode, plain.stdout) == (0, "--- Job Finished ---\n")


def test_two_runs_at_the_same_time_are_two_runs(folder: Path, write: Write) -> None:
    write("both.py", "import sys\nfor i in range(200):\n    x = i * int(sys.argv[1])\n")
    flor_command = Path(sys.executable).with_name("flor")
    processes = [subprocess.Popen([flor_command, "python", "both.py", "both", str(k)]) for k in (1, 2)]
    assert [p.wait() for p in processes] == [0, 0]
    rows, _ = etl("both", annotate("both.py", ("i * int(sys.argv[1])", 'GET("x", i * int(sys.argv[1]))')))
    assert sorted(int(r["x"]) for r in rows) == sorted(i * k for i in range(200) for k in (1, 2))
    assert sorted({r["run"] for r in rows}) == ["0", "1"]


def test_the_table_is_the_same_packed_and_not(folder: Path, write: Write, flor_home: Path) -> None:
    write("iris.py", IRIS)
    run("iris.py", "iris_demo")
    shadow = annotate("iris.py", *IRIS_NAMES)
    (path,) = (r.path for r in runs("iris_demo", []))
    deadline = time.monotonic() + 60
    while (path / "segments").exists() and time.monotonic() < deadline:  # the run's own helper packs it
        time.sleep(0.05)
    assert not (path / "segments").exists()
    assert (path / "trace" / "values.parquet").exists()
    packed = etl("iris_demo", shadow)
    assert packed[1] == ""
    assert columns(packed[0], "gamma", "C") == [("0.1", "100.0"), ("0.01", "100.0"), ("0.001", "100.0")]


def test_a_forked_child_has_rows_of_its_own(folder: Path, write: Write) -> None:
    script = write(
        "forks.py",
        """
        import os, threading
        def load():
            size = 10 + len(os.environ) * 0
            return size
        def work(rate):
            for step in range(2):
                loss = rate * step + base
        def trained():
            done = os.path.exists(os.curdir) and who
        base = load()
        read, write = os.pipe()
        who = "child" if os.fork() == 0 else "parent"
        for epoch in range(2):
            if epoch == 1 and who == "child" and os.fork() == 0:
                who = "grandchild"
            work(epoch + 1)
        thread = threading.Thread(target=trained)
        thread.start()
        thread.join()
        last = who + "!"
        os.write(write, b".")
        if who != "parent":
            os._exit(0)
        while len(os.read(read, 1)) and epoch < 4:
            epoch += 1
            if epoch == 3:
                break
        """,
    )
    run("forks.py", "forks")
    copy = annotate(
        "forks.py",
        ("size = 10 + len(os.environ) * 0", 'size = GET("size", 10 + len(os.environ) * 0)'),
        ("rate * step + base", 'GET("loss", rate * step + base)'),
        ('"child" if os.fork() == 0 else "parent"', 'GET("who", "child" if os.fork() == 0 else "parent")'),
        ("work(epoch + 1)", 'work(GET("rate", epoch + 1))'),
        ('who + "!"', 'GET("last", who + "!")'),
        ("os.path.exists(os.curdir) and who", 'GET("done", os.path.exists(os.curdir) and who)'),
    )
    assert script.exists()
    rows, said = etl("forks", copy)
    assert said == ""
    found = columns(rows, "size", "who", "epoch_iter", "rate", "step_iter", "loss", "last", "done")

    def of(who: str, last: str, epochs: tuple[int, ...]) -> list[tuple[str, ...]]:
        return [
            ("10", who, str(e), str(e + 1), str(s), str((e + 1) * s + 10), last, last[:-1])
            for e in epochs
            for s in (0, 1)
        ]

    assert found == [
        *of("parent", "parent!", (0, 1)),
        *of("child", "child!", (0, 1)),
        *of("child", "grandchild!", (1,)),
    ]
