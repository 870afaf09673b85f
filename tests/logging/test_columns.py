"""What a program logs is in the table of its experiment: without a shadow copy, and beside its names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flor
from tests.logging.running import flor as command
from tests.logging.running import python

Write = Callable[[str, str], Path]

SWEEP = """
    import flor
    log = flor.log

    @flor.track
    def train(rate, steps=2):
        weight = log.param(1.0)
        for step in range(steps):
            weight -= rate * weight
            loss = log.metric(weight * weight)
        return weight

    @flor.track
    def sweep():
        for rate in [0.5, 0.25]:
            final = log.metric(train(rate=log.param(rate)))

    with flor.Context("sweep"):
        sweep()
"""


def columns(experiment: str, *shadows: str | Path, **options: Any) -> dict[str, list[object]]:
    table = flor.table(experiment, *shadows, **options).arrow
    return {name: table.column(name).to_pylist() for name in table.column_names if name != "run"}


EXPECTED = {
    "rate_iter": [0, 0, 1, 1],
    "step_iter": [0, 1, 0, 1],
    "rate": [0.5, 0.5, 0.25, 0.25],
    "weight": [1.0, 1.0, 1.0, 1.0],
    "loss": [0.25, 0.0625, 0.5625, 0.31640625],
    "final": [0.25, 0.25, 0.5625, 0.5625],
}


@pytest.mark.parametrize("how", ["python", "flor"])
def test_params_and_metrics_are_columns(write: Write, recorder: str, how: str) -> None:
    script = write("sweep.py", SWEEP)
    python(script) if how == "python" else command("python", str(script), "outer")
    assert columns("sweep") == EXPECTED
    said = command("etl", "sweep")
    assert said.stderr == "" and "4 rows, 7 columns" in said.stdout
    assert Path("sweep.csv").exists()
    assert columns("sweep") == EXPECTED  # made anew as `flor etl` made it
    assert "0.0625" in command("sql", "select min(loss) from sweep").stdout


def test_a_run_has_the_names_of_both(write: Write, flor_home: Path) -> None:
    script = write("sweep.py", SWEEP)
    command("python", str(script), "outer")
    (run,) = flor.runs("outer")
    assert [own.id for own in flor.runs("sweep")] == [run.id]
    assert columns("outer") == columns("sweep") == EXPECTED
    command("rm", "-y", f"sweep/{run.id}")
    assert flor.runs("sweep") == [] and [own.id for own in flor.runs("outer")] == [run.id]
    command("python", str(script), "outer")
    command("rm", "-y", "sweep")
    assert len(flor.runs("outer")) == 2 and not (flor_home / "sweep").exists()


def test_names_of_a_shadow_copy_stand_beside(write: Write) -> None:
    script = write("sweep.py", SWEEP)
    python(script)
    shadow = write("sweep_h.py", SWEEP.replace("rate * weight", 'GET("step_size", rate * weight)'))
    shadow.write_text(f"#{script}\n{shadow.read_text()}")
    assert columns("sweep", shadow) == EXPECTED | {"step_size": [0.5, 0.25, 0.25, 0.1875]}
    same = write("same_h.py", SWEEP.replace("weight * weight", 'GET("loss", weight * weight)'))
    same.write_text(f"#{script}\n{same.read_text()}")
    table = flor.table("sweep", same)
    assert table.arrow.column("loss").to_pylist() == table.arrow.column("loss_2").to_pylist()
    assert any("loss_2" in str(own) for own in table.diagnostics)


def test_log_and_arg_are_columns(write: Write, recorder: str) -> None:
    script = write(
        "train.py",
        """
        import flor
        rate = flor.arg("rate", 0.1)
        for epoch in range(2):
            for batch in range(2):
                flor.log("batch loss", rate * batch)
            flor.log("acc", epoch + 0.5)
        """,
    )
    command("python", str(script), "train")
    command("python", "--arg", "rate=1", str(script), "train")
    assert columns("train") == {
        "epoch_iter": [0, 0, 1, 1] * 2,
        "batch_iter": [0, 1] * 4,
        "rate": [0.1] * 4 + [1.0] * 4,
        "batch loss": [0.0, 0.1, 0.0, 0.1, 0.0, 1.0, 0.0, 1.0],
        "acc": [0.5, 0.5, 1.5, 1.5] * 2,
    }


def test_what_code_without_probes_logs_has_rows_of_its_own(write: Write, recorder: str) -> None:
    script = write(
        "plain.py",
        """
        import flor
        with flor.Context("plain"):
            flor.log("once", "a")
            for i in range(3):
                flor.log("often", i)
        """,
    )
    python(script)
    assert columns("plain") == {"often_call": [0, 1, 2], "once": ["a"] * 3, "often": [0, 1, 2]}
    assert "context()[0] > often()[2]" in command("etl", "plain", "--long").stdout


def test_columns_are_the_same_in_runs_of_another_version(write: Write) -> None:
    script = write("sweep.py", SWEEP)
    python(script)
    script.write_text("# a line more\n" + script.read_text().replace("0.25]", "0.125]"))
    python(script)
    assert columns("sweep")["rate"] == [0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.125, 0.125]


def test_one_name_for_two_statements(write: Write) -> None:
    script = write(
        "two.py",
        """
        import flor
        @flor.track
        def f():
            x = flor.log.param(1)
            x = flor.log.param(2)
            flor.log("X", 3)
        with flor.Context("two"):
            f()
        """,
    )
    python(script)
    with_log = columns("two")
    assert with_log["x_2"] == [None, 2] or with_log["x_2"] == [2, 2]
    assert {1, 3} <= set(with_log["x"])


def test_the_types_of_arguments(write: Write) -> None:
    script = write(
        "args.py",
        """
        import flor
        print([flor.arg(name, default) for name, default in
               {"i": 1, "f": 0.5, "b": False, "s": "x", "n": None, "l": [1]}.items()])
        """,
    )
    given = ("i=7", "f=2", "b=true", "s=a b", "n=none of it", "l=[1, 2]")
    options = [part for own in given for part in ("--arg", own)]
    assert command("python", *options, str(script), "e").stdout == "[7, 2.0, True, 'a b', 'none of it', [1, 2]]\n"
    assert command("python", str(script), "e").stdout == "[1, 0.5, False, 'x', None, [1]]\n"
    assert python(script).stdout == "[1, 0.5, False, 'x', None, [1]]\n"
    wrong = command("python", "--arg", "i=seven", str(script), "e", code=1)
    assert wrong.stderr == "flor: --arg i=seven: 'seven' is no int, as the default 1 is\n"
    unused = command("python", "--arg", "j=1", str(script), "e")
    assert unused.stderr == "flor: --arg j: the program did not ask for it with flor.arg('j', ...)\n"
    assert command("python", "--arg", "j", str(script), "e", code=2).stderr.startswith("flor: --arg j: write it as")


def test_one_name_in_several_blocks_has_each_of_its_values(write: Write, recorder: str) -> None:
    script = write(
        "blocks.py",
        """
        import flor
        def train(n): flor.log("loss", n)
        def test(n):
            flor.log("loss", n)
            flor.log("acc", n / 2)
        for epoch in range(2):
            train(epoch)
            for i in range(2):
                test(10 * epoch + 10 + i)
        """,
    )
    command("python", str(script), "blocks")
    assert columns("blocks") == {
        "epoch_iter": [0, 0, 0, 1, 1, 1],
        "i_iter": [None, 0, 1, None, 0, 1],
        "loss": [0, 10, 11, 1, 20, 21],
        "acc": [None, 5.0, 5.5, None, 10.0, 10.5],
    }


def test_a_name_that_another_statement_had_in_an_older_run(write: Write) -> None:
    source = """
        import flor
        @flor.track
        def f():
            for e in range(2):
                acc = flor.log.metric(e + 0.5)
                rate = flor.log.param(0.1)
        with flor.Context("version"):
            f()
        """
    script = write("version.py", source)
    python(script)
    (first,) = (own.id for own in flor.runs("version"))
    write("version.py", source.replace("rate =", "acc = flor.log.metric(e * 100)\n                rate ="))
    python(script)
    assert "version: " not in command("etl", "version").stderr
    write("version.py", source.replace("e + 0.5", "e * 100"))
    python(script)
    said = command("etl", "version").stderr
    assert said.count(f"flor: acc: e + 0.5 was logged here, not e * 100 (2 runs, the last one {first[:8]}") == 1
    assert "rate" not in said


BRANCH = """
    import sys
    import flor
    loss = 1.0
    for epoch in range(2):
        flor.log("loss", loss / 2)
        if epoch == 1 and len(sys.argv) > 1:
            flor.log("loss", loss / 4)
    exec("flor.log('q', 1)")
    """


@pytest.mark.parametrize("arguments", [[[], ["x"]], [["x"], []]])
def test_a_branch_that_was_not_taken_is_no_other_statement(write: Write, arguments: list[list[str]]) -> None:
    script = write("branch.py", BRANCH)
    for given in arguments:
        command("python", str(script), "branch", *given)
    assert "logged here" not in command("etl", "branch").stderr


def test_statements_that_are_gone_are_said_with_all_that_stand_for_them(write: Write) -> None:
    script = write("branch.py", BRANCH)
    command("python", str(script), "branch", "x")
    write("branch.py", BRANCH.replace("loss / 2", "loss / 3").replace("exec(\"flor.log('q', 1)\")", "flor.log('q', 1)"))
    command("python", str(script), "branch", "x")
    said = command("etl", "branch").stderr
    assert "flor: loss: loss / 2 was logged here, not loss / 3 and loss / 4 (run " in said
    assert said.count("logged here") == 1
    write("branch.py", BRANCH.replace("loss / 2", "loss").replace("loss / 4", "-loss"))
    command("python", str(script), "branch", "x")
    said = command("etl", "branch").stderr
    assert "flor: loss: loss / 2 and loss / 4 were logged here, not -loss and loss (run " in said
    assert "flor: loss: loss / 3 and loss / 4 were logged here, not -loss and loss (run " in said


def test_what_an_argument_was_by_default_is_no_other_statement(write: Write) -> None:
    source = 'import flor\nrate = flor.arg("rate", 0.5)\n'
    script = write("train.py", source)
    command("python", "--arg", "rate=0.25", str(script), "train")
    write("train.py", source.replace("0.5", "0.75"))
    command("python", str(script), "train")
    assert "logged here" not in command("etl", "train").stderr


def test_a_name_that_the_program_gives_itself_is_no_statements_second_one(write: Write) -> None:
    script = write(
        "given.py",
        """
        import flor
        @flor.track
        def f():
            x = flor.log.metric(1)
            x = flor.log.metric(2)
            flor.log("x_2", 3)
            a = b = flor.log.metric(4)
        with flor.Context("given"):
            f()
        """,
    )
    python(script)
    assert columns("given") == {"x": [1], "x_3": [2], "x_2": [3], "a": [4]}


@pytest.mark.parametrize("how", ["python", "flor"])
def test_threads_lose_nothing(write: Write, recorder: str, how: str) -> None:
    """Also where they are the first to log anything, all at once."""
    script = write(
        "threads.py",
        """
        import threading
        import flor

        together = threading.Barrier(8)

        def step(k):
            together.wait()
            for i in range(5):
                flor.log("tick", k * 10 + i)

        def run():
            threads = [threading.Thread(target=step, args=(k,)) for k in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        with flor.Context("threads") if __import__("sys").argv[1:] else __import__("contextlib").nullcontext():
            run()
        """,
    )
    done = python(script, "context") if how == "python" else command("python", str(script), "threads")
    assert done.stderr == ""
    expected = sorted(k * 10 + i for k in range(8) for i in range(5))
    assert sorted(columns("threads")["tick"]) == expected
    kept = json.loads(Path(".replay.json").read_bytes())["KVS"]
    assert sorted(value for values in kept.values() for value in values) == expected
