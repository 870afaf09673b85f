"""Flor from Python: `flor.table`, `flor.runs`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pytest

import flor
from flor.home import process_started
from tests.conftest import flor as command


@pytest.fixture
def demo(write: Callable[[str, str], Path]) -> Path:
    """An experiment of two runs, and the shadow copy of its script."""
    write("script.py", "import sys\nfor i in range(2):\n    x = i + float(sys.argv[1])\nif x > 9:\n    sys.exit(3)\n")
    command("python", "script.py", "demo", "0.5")
    command("python", "script.py", "demo", "10")
    command("name", "script.py:3:9-3:31", "x")
    return Path("script_h.py")


def test_a_table(demo: Path) -> None:
    table = flor.table("demo", demo)
    assert table.arrow.column_names == ["run", "i_iter", "x"]
    assert table.arrow["x"].to_pylist() == [0.5, 1.5, 10.0, 11.0]
    assert [d.sentence for d in table.diagnostics] == ["failed"]
    assert (repr(table), table.keys, len(table.runs)) == ("<flor.Table: 4 rows; run, i_iter, x>", ["run", "i_iter"], 2)


@pytest.mark.once
def test_the_options_of_flor_etl(demo: Path) -> None:
    assert flor.table("demo", demo, rows="run").arrow.num_rows == 2
    assert flor.table("demo", demo, times=True).arrow.column_names[-3:] == ["began", "seconds", "x"]
    assert "value" in flor.table("demo", demo, long=True).arrow.column_names
    Path("script.py").write_text("")
    assert flor.table("demo", demo, exact=True).arrow.num_rows == 4
    for wrong in (lambda: flor.table("demo", demo, rows="run", long=True), lambda: flor.table("demo", exact=True)):
        with pytest.raises(flor.FlorError, match="rows"):
            wrong()


@pytest.mark.once
def test_a_table_for_pandas_and_polars(demo: Path) -> None:
    table = flor.table("demo", str(demo))
    assert table.to_pandas().groupby("run").x.max().tolist() == [1.5, 11.0]
    assert table.to_polars()["x"].to_list() == [0.5, 1.5, 10.0, 11.0]


@pytest.mark.once
def test_null_loses_no_digits_in_pandas(write: Callable[[str, str], Path]) -> None:
    write(
        "nulls.py",
        """
        for i in range(3):
            big = None if i == 1 else 2**62 + i
            yes = None if i == 1 else i > 1
            ratio = None if i == 1 else i / 4
        """,
    )
    command("python", "nulls.py", "nulls")
    for line, name in ((2, "big"), (3, "yes"), (4, "ratio")):
        command("name", f"nulls.py:{line}:5", name)
    frame = flor.table("nulls", "nulls_h.py").to_pandas()
    assert list(map(str, frame.dtypes))[-3:] == ["Int64", "boolean", "float64"]
    assert [frame.big[0], frame.big.isna()[1], frame.big[2]] == [2**62, True, 2**62 + 2]
    assert [frame.yes[0], frame.yes.isna()[1], frame.yes[2]] == [False, True, True]


@pytest.mark.once
def test_a_table_is_one_of_arrow_to_others(demo: Path) -> None:
    made = flor.table("demo", demo)
    assert pa.table(made).equals(made.arrow)
    assert duckdb.sql("select max(x) from made").fetchall() == [(11.0,)]
    assert polars.DataFrame(made)["x"].to_list() == [0.5, 1.5, 10.0, 11.0]


def test_a_package_that_is_not_there(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = flor.table("demo", demo)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(flor.FlorError, match="polars is not installed here: pip install polars"):
        table.to_polars()


def test_a_table_of_some_runs(demo: Path) -> None:
    last = flor.runs("demo")[-1]
    assert flor.table("demo", demo, runs=[last.id]).arrow["x"].to_pylist() == [10.0, 11.0]
    assert flor.table("demo", demo, runs=[last]).arrow["x"].to_pylist() == [10.0, 11.0]
    with pytest.raises(flor.FlorError, match="none of the runs of 'demo' is selected: `runs` is empty"):
        flor.table("demo", demo, runs=[])


def test_a_table_as_the_last_etl_had_it(demo: Path, flor_home: Path) -> None:
    with pytest.raises(flor.FlorError, match="experiment 'demo' has no table yet: flor etl demo SHADOW makes it"):
        flor.table("demo")
    command("etl", "demo", demo)
    command("python", "script.py", "demo", "2")
    kept = (flor_home / "demo" / "table.parquet").read_bytes()
    assert flor.table("demo").arrow["x"].to_pylist() == [0.5, 1.5, 10.0, 11.0, 2.0, 3.0]
    assert (flor_home / "demo" / "table.parquet").read_bytes() == kept


def test_a_table_json_that_is_foreign(demo: Path, flor_home: Path) -> None:
    (flor_home / "demo" / "table.json").write_text("[]")
    with pytest.raises(flor.FlorError, match=r"table\.json cannot be read .* flor etl demo SHADOW makes it anew"):
        flor.table("demo")


@pytest.mark.parametrize(
    "about",
    [
        {"shadows": "s_h.py"},
        {"shadows": [1]},
        {"asked": "last"},
        {"asked": {"selection": {"last": "x"}}},
        {"asked": {"selection": {"since": "x"}}},
        {"asked": {"selection": {"where": 1}}},
        {"asked": {"selection": {"ids": "x"}}},
        {"asked": {"selection": {"ids": [1]}}},
        {"asked": {"selection": []}},
        {"asked": {"rows": 1}},
        {"asked": {"long": "x"}},
        {"asked": {"unknown": 1}},
    ],
)
def test_a_table_json_with_other_types(about: dict[str, object], demo: Path, flor_home: Path) -> None:
    (flor_home / "demo" / "table.json").write_text(json.dumps({"shadows": [str(demo)], **about}))
    with pytest.raises(flor.FlorError, match=r"table\.json cannot be read .* flor etl demo SHADOW makes it anew"):
        flor.table("demo")


def test_runs(demo: Path, flor_home: Path) -> None:
    first, second = flor.runs("demo")
    assert isinstance(first, flor.Run)
    assert (first.experiment, first.status, first.exit_code, first.arguments) == ("demo", "finished", 0, ["0.5"])
    assert (second.status, second.exit_code, second.arguments) == ("failed", 3, ["10"])
    assert first.script == str(Path("script.py").absolute())
    assert isinstance(first.end, datetime) and first.start <= first.end <= second.start <= datetime.now()


def test_a_run_that_cannot_be_read_is_a_warning(demo: Path, flor_home: Path) -> None:
    first, second = flor.runs("demo")
    (flor_home / "demo/runs" / first.id / "run.json").write_text("no json")
    with pytest.warns(UserWarning, match=f"run {first.id} skipped"):
        assert flor.runs("demo") == [second]


def test_errors_are_flor_errors(demo: Path) -> None:
    for wrong in (
        lambda: flor.runs("nope"),
        lambda: flor.table("nope", demo),
        lambda: flor.table("demo", "nope.py"),
        lambda: flor.table("demo", demo, runs=["nope"]),
    ):
        with pytest.raises(flor.FlorError, match="nope"):
            wrong()


def test_import_flor_is_cheap_and_has_nothing_else() -> None:
    """What `from flor import GET` imports beside plain Python is what it always was: typing."""
    code = (
        "import sys, typing, collections.abc; before = set(sys.modules); import flor;"
        "from flor import *; print(sorted(set(sys.modules) - before), hasattr(flor, 'nope'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['flor'] False\n"


@pytest.mark.once
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select * from values limit 1", 0),
        ("select * from blocks limit 1", 0),
        ("select 1/0 from values where error('x') is null", 2),
    ],
)
def test_a_query_that_ends_early_ends_well(sql: str, code: int, demo: Path) -> None:
    """Not by an abort, as when a thread still makes rows while Python ends."""
    for _ in range(4):
        command("python", "script.py", "demo", "1")
    for _ in range(5):
        assert command("sql", sql).returncode == code


@pytest.mark.once
@pytest.mark.parametrize("what", ["ended later than the one after it", "was killed since", "goes on"])
def test_a_table_that_lacks_something_of_a_run(what: str, demo: Path, flor_home: Path) -> None:
    first, _ = sorted((flor_home / "demo/runs").iterdir())
    about = json.loads((first / "run.json").read_bytes())
    unended = {**about, "end": None, "status": "running", "exit_code": None}
    if what != "ended later than the one after it":
        (first / "run.json").write_text(
            json.dumps({**unended, "pid": os.getpid(), "pid_started": process_started(os.getpid())})
        )
    assert command("etl", "demo", str(demo)).returncode == 0
    assert "older" not in command("sql", "select 1 from demo").stderr
    if what == "ended later than the one after it":
        (first / "run.json").write_text(json.dumps({**about, "end": time.time() + 1}))
    elif what == "was killed since":
        (first / "run.json").write_text(json.dumps(unended))
    said = command("sql", "select 1 from demo").stderr
    assert ("the table of demo is older than its last run" in said) == (what != "goes on"), said
