"""What a user chooses of a table: its runs, its rows, its form."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from flor.errors import FlorError
from flor.etl.join import Tree
from flor.etl.long import make_long_table
from flor.etl.selection import Selection, moment
from flor.etl.table import Table, make_table
from flor.etl.times import ends
from tests.etl.fakes import FakeSource, FakeTrace, install

pytestmark = pytest.mark.once

SOURCE = """\
lr = f(0)
for epoch in xs:
    acc = f(1)
    for batch in ys:
        loss = f(2)
"""
NAMED = "#/p/a.py\n" + SOURCE.replace("f(0)", 'GET("lr", f(0))').replace("f(1)", 'GET("acc", f(1))').replace(
    "f(2)", 'GET("loss", f(2))'
)
TREE = """
module f(0)=0.1
  for:epoch f(1)=10
    for:batch f(2)=1
    for:batch f(2)=2
  for:epoch f(1)=20
    for:batch f(2)=3
  for:epoch f(1)=30
"""


def trace(number: int = 1, tree: str = TREE, source: str = SOURCE, **info: object) -> FakeTrace:
    return FakeTrace([FakeSource("/p/a.py", source)], tree, f"r{number}", info=info)


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    path = tmp_path / "a_h.py"
    path.write_text(NAMED)
    return path


def shown(table: Table, *columns: str) -> list[tuple[object, ...]]:
    return list(zip(*(table.arrow.column(c).to_pylist() for c in columns or table.arrow.column_names), strict=True))


def remarks(table: Table) -> list[str]:
    return [str(d) for d in table.diagnostics]


def test_a_row_for_each_instance_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    for word in ("epoch", "epoch_iter", "epoch_L2", "epoch_iter_L2"):
        table = make_table("demo", [shadow], rows=word)
        assert table.arrow.column_names == ["run", "epoch_iter", "batch_iter", "lr", "acc", "loss"]
        assert shown(table, "epoch_iter", "lr", "acc", "loss") == [
            (0, 0.1, 10, None),
            (1, 0.1, 20, 3),
            (2, 0.1, 30, None),
        ]
        assert remarks(table) == [
            f"loss: 2 of 3 values are on no row, as one for each {word} has no room",
        ]


def test_rows_that_hold_no_name_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    shadow.write_text("#/p/a.py\n" + SOURCE.replace("f(0)", 'GET("lr", f(0))'))
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    table = make_table("demo", [shadow], rows="batch")
    assert shown(table, "epoch_iter", "batch_iter", "lr") == [(0, 0, 0.1), (0, 1, 0.1), (1, 0, 0.1)]


def test_a_row_for_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    once = TREE.replace("  for:epoch f(1)=20\n    for:batch f(2)=3\n  for:epoch f(1)=30\n", "")
    install(tmp_path / "home", monkeypatch, demo=[trace(1), trace(2, once)])
    table = make_table("demo", [shadow], rows="run")
    assert shown(table, "run", "lr", "acc", "loss") == [("r1", 0.1, None, None), ("r2", 0.1, 10, None)]


def test_a_block_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    with pytest.raises(
        FlorError, match="no run has a block that is called 'step'; there are run, epoch_iter, batch_iter"
    ):
        make_table("demo", [shadow], rows="step")


def test_two_blocks_of_one_name_are_told_apart_by_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path
) -> None:
    source = "for i in xs:\n    f(1)\nfor i in ys:\n    f(2)\n"
    tree = "module\n  for:i f(1)=1\n  for:i f(1)=2\n"
    fake = trace(1, tree, source)
    instances = fake.rows
    fake.rows = [*instances, (0, 2, 0, 0)]  # an iteration of the second loop
    shadow.write_text('#/p/a.py\nfor i in xs:\n    GET("x", f(1))\nfor i in ys:\n    f(2)\n')
    install(tmp_path / "home", monkeypatch, demo=[fake])
    with pytest.raises(FlorError, match="--rows i may be several blocks: say which of i_iter_L1, i_iter_L3"):
        make_table("demo", [shadow], rows="i")
    assert shown(make_table("demo", [shadow], rows="i_L1"), "x") == [(1,), (2,)]


def test_when_rows_began_and_how_long_they_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    table = make_table("demo", [shadow], times=True)
    assert table.arrow.column_names[:5] == ["run", "epoch_iter", "batch_iter", "began", "seconds"]
    # The n-th instance of a fake trace begins after n nanoseconds; its run begins 1,000 s after the epoch, takes 0.5 s.
    began = [datetime.datetime.fromtimestamp(1000, datetime.UTC)] * 4
    assert [m.replace(microsecond=0) for (m,) in shown(table, "began")] == began
    assert [round(s * 1e9) for (s,) in shown(table, "seconds")] == [1, 1, 2, 500_000_000 - 6]


def test_a_name_that_a_column_of_times_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    shadow.write_text(shadow.read_text().replace('"loss"', '"Began"'))
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    table = make_table("demo", [shadow], times=True)
    assert table.arrow.column_names[3:5] == ["began_2", "seconds"]
    assert list(map(str, table.diagnostics)) == ["Began: is a name of yours, so the column began is called began_2"]
    assert make_table("demo", [shadow]).diagnostics == []


def test_an_instance_ends_where_the_next_one_begins_that_is_not_beneath_it() -> None:
    parent = np.array([-1, 0, 1, 0, 3, 0])
    stream = np.array([0, 0, 0, 0, 1, 0])
    numbers = np.zeros(6, np.int32)
    flags = np.zeros(1, np.bool_)
    tree = Tree(parent, numbers, stream.astype(np.int32), np.arange(6), numbers[:1], flags, flags)
    begin = np.array([0, 10, 20, 30, 40, 50])
    assert ends(tree, begin, 90).tolist() == [90, 30, 30, 50, -1, 90]


def test_a_row_for_each_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[trace(), trace(2, "module f(0)='a'")])
    table = make_long_table("demo", [shadow])
    assert shown(table) == [
        ("r1", "lr", "", "0.1", "float"),
        ("r1", "acc", "epoch[0]", "10", "int"),
        ("r1", "acc", "epoch[1]", "20", "int"),
        ("r1", "acc", "epoch[2]", "30", "int"),
        ("r1", "loss", "epoch[0] > batch[0]", "1", "int"),
        ("r1", "loss", "epoch[0] > batch[1]", "2", "int"),
        ("r1", "loss", "epoch[1] > batch[0]", "3", "int"),
        ("r2", "lr", "", "a", "str"),
    ]
    assert table.arrow.column_names == ["run", "name", "block", "value", "type"]
    assert table.keys == ["run", "name", "block"]


def test_when_the_block_of_each_value_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[trace()])
    table = make_long_table("demo", [shadow], times=True)
    assert table.arrow.column_names == ["run", "name", "block", "began", "seconds", "value", "type"]
    assert [value for (value,) in shown(table, "value")] == ["0.1", "10", "20", "30", "1", "2", "3"]
    # Each instance of the fake trace begins a nanosecond after the one before, and so ends what is beside it.
    assert [round(s * 1e9) for (s,) in shown(table, "seconds")] == [500_000_000, 3, 2, 500_000_000 - 6, 1, 1, 1]
    began = {m.replace(microsecond=0) for (m,) in shown(table, "began")}
    assert began == {datetime.datetime.fromtimestamp(1000, datetime.UTC)}


def test_runs_are_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    runs = [trace(1), trace(2, status="failed", exit_code=1), trace(3), trace(4)]  # they begin at 1000 s, 1001 s ...
    install(tmp_path / "home", monkeypatch, demo=runs)

    def chosen(**selection: object) -> list[str]:
        return make_table("demo", [shadow], Selection(**selection)).runs  # type: ignore[arg-type]

    assert chosen() == ["r1", "r2", "r3", "r4"]
    assert chosen(last=2) == ["r3", "r4"]
    assert chosen(last=9) == ["r1", "r2", "r3", "r4"]
    assert chosen(since=1001.0) == ["r2", "r3", "r4"]
    assert chosen(where="exit_code = 0 -- and that is all") == ["r1", "r3", "r4"]
    assert chosen(where="status = 'finished'", last=1) == ["r4"]
    assert chosen(ids=("r1", "r3"), since=1001.0) == ["r3"]
    with pytest.raises(FlorError, match="none of the 4 runs of 'demo' is selected: see flor show demo"):
        chosen(since=2000.0)
    with pytest.raises(FlorError, match="SQL: "):
        chosen(where="exit_code = = 0")
    with pytest.raises(FlorError, match=r"a condition reaches no files, only the columns of the view runs$"):
        chosen(where="exists (select * from read_text('s.py'))")


def test_runs_that_did_not_end_well_are_there_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path
) -> None:
    pid = {"pid": 1, "pid_started": "never"}
    runs = [trace(1), trace(2, status="failed", exit_code=1), trace(3, status="running", **pid)]
    install(tmp_path / "home", monkeypatch, demo=runs)
    table = make_table("demo", [shadow], rows="run")
    assert shown(table, "run") == [("r1",), ("r2",), ("r3",)]
    said = [r for r in remarks(table) if "values" not in r]
    assert said == ["failed (run r2)", "killed (run r3)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", 1_000_000 - 5400),
        ("1.5h", 1_000_000 - 5400),
        ("2d", 1_000_000 - 172_800),
        ("1970-01-02T00:00:00+00:00", 86_400),
        ("1970-01-02T00:00Z", 86_400),
    ],
)
def test_points_in_time(text: str, expected: float) -> None:
    assert moment(text, 1_000_000) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "3 days", "-2h", "2026-13-01", "9999999999999999"])
def test_what_is_no_point_in_time(text: str) -> None:
    with pytest.raises(FlorError, match="give a date such as"):
        moment(text, 0)
