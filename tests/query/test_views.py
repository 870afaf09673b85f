"""The views read what a query's filter leaves, and answer as if they had read everything."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import flor.query.views
from flor.home import Run
from flor.query.answers import Answer
from flor.query.sql import Database
from tests.etl.fakes import FakeSource, FakeTrace, install

pytestmark = pytest.mark.once

SOURCE = "for i in x:\n    y = f(i)\n    z = g(y)\n"
TREE = """
module
  for:i f(i)=1 g(y)='one'
  for:i f(i)=2 g(y)='two'
"""


class Reading:
    """What was read of which run: "run", or "run text of a site"."""

    def __init__(self) -> None:
        self.seen: set[str] = set()


class WatchedTrace(FakeTrace):
    reading: Reading

    def values(self, source: int, site: int):  # type: ignore[no-untyped-def]
        self.reading.seen.add(f"{self.id} {self.sources[source].map.sites[site].text}")
        return super().values(source, site)

    def instances(self):  # type: ignore[no-untyped-def]
        self.reading.seen.add(f"{self.id} instances")
        return super().instances()


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    read = Reading()
    monkeypatch.setattr(WatchedTrace, "reading", read, raising=False)
    other = FakeSource("/p/b.py", "k = h(1)\n", "b")
    traces = {
        name: [WatchedTrace([FakeSource("/p/a.py", SOURCE), other], TREE, f"{name}{n}") for n in (1, 2)]
        for name in ("one", "two")
    }
    install(tmp_path / "home", monkeypatch, **traces)  # type: ignore[arg-type]
    opened = flor.query.views.open_trace

    def open_trace(run: Run) -> object:
        read.seen.add(run.id)
        return opened(run)

    monkeypatch.setattr("flor.query.views.open_trace", open_trace)
    return read


def rows(sql: str) -> list[tuple[object, ...]]:
    answer: Answer = Database().query(sql)
    return list(answer.rows)


@pytest.mark.parametrize(
    ("where", "count", "read"),
    [
        ("experiment = 'one' and text = 'f(i)'", 4, {"one1", "one1 f(i)", "one2", "one2 f(i)"}),
        ("run = 'two2' and line = 3", 2, {"two2", "two2 g(y)", "two2 y"}),
        ("run in ('one1', 'two2', 'nope') and text in ('f(i)')", 4, {"one1", "one1 f(i)", "two2", "two2 f(i)"}),
        ("run > 'two1' and block = 'module > for i' and line < 3", 2, {"two2", "two2 f(i)"}),
        ("(run = 'one1' or run = 'one2') and text = 'g(y)'", 4, {"one1", "one1 g(y)", "one2", "one2 g(y)"}),
        (
            "run = 'one1' and (text = 'f(i)' or line = 3 and int_value = 2)",
            2,
            {"one1", "one1 f(i)", "one1 g(y)", "one1 y"},
        ),
        ("run = 'one1' and text <> 'f(i)' and text <> 'x' and line < 3", 0, {"one1", "one1 h(1)"}),
        ("run = 'one1' and int_value is not null and line = 2", 2, {"one1", "one1 f(i)"}),
        ("run = 'one1' and int_value is null and text = 'g(y)'", 2, {"one1", "one1 g(y)"}),
        ("run = 'one1' and value = 'two' and text = 'g(y)'", 1, {"one1", "one1 g(y)"}),
        ("run = 'one1' and file = '/p/b.py'", 0, {"one1", "one1 h(1)"}),
        ("run = 'nope'", 0, set()),
        ("experiment = 'nope' or run is null", 0, set()),
    ],
)
def test_values_that_are_read(where: str, count: int, read: set[str], reading: Reading) -> None:
    assert rows(f"select count(*) from values where {where}") == [(count,)]
    assert {s for s in reading.seen if not s.endswith(" i")} == read


@pytest.mark.parametrize(
    "where", ["upper(run) = 'ONE1'", "text like '%(i)'", "true", "run = (select max(run) from runs)"]
)
def test_a_filter_that_says_nothing_of_columns_alone_reads_everything(where: str, reading: Reading) -> None:
    assert rows(f"select count(*) > 0 from values where {where}") == [(True,)]
    assert {s.partition(" ")[0] for s in reading.seen} == {"one1", "one2", "two1", "two2"}


@pytest.mark.parametrize("view", ["sites", "blocks"])
def test_sites_and_blocks_open_the_runs_asked_for(view: str, reading: Reading) -> None:
    assert rows(f"select distinct run from {view} where run = 'one2' and file = '/p/a.py'") == [("one2",)]
    assert reading.seen == {"one2"}


def test_block_instances_are_counted_where_that_is_asked_for(reading: Reading) -> None:
    assert rows("select instances from blocks where run = 'one1' and kind = 'for'") == [(2,)]
    assert reading.seen == {"one1", "one1 instances"}


def test_runs_reads_the_run_json_asked_for(tmp_path: Path, reading: Reading) -> None:
    (tmp_path / "home/one/runs/one1/run.json").write_text("damaged")
    database = Database()
    other = database.query("select run from runs where run = 'one2'")
    assert (list(other.rows), other.warnings) == ([("one2",)], [])
    both = database.query("select run from runs where experiment = 'one'")
    assert list(both.rows) == [("one2",)]
    assert len(both.warnings) == 1


@pytest.mark.parametrize("column", ["experiment", "run", "file", "text", "block", "kind", "value"])
def test_every_column_can_be_filtered_and_shown_alone(column: str, reading: Reading) -> None:
    (first,) = rows(f"select {column} from values where text = 'g(y)' order by all limit 1")
    assert rows(f"select distinct {column} from values where {column} = '{first[0]}'") == [first]


VALUES_TREE = """
module
  for:i f(i)=1 g(y)='one'
  for:i f(i)=-0.0 g(y)=None
  for:i f(i)=None g(y)=2.5
  for:i f(i)='1' g(y)=1180591620717411303424
  for:i f(i)=1e999 g(y)=True
"""
PARTS = [
    "text = 'f(i)'", "text <> 'f(i)'", "text > 'f(i)'", "run = 'r1'", "run is null", "run is not distinct from null",
    "experiment = null", "experiment in ('demo', null)", "experiment not in ('other', null)", "line = 2", "line < 2.5",
    "line = '3'", "line between 2 and 3", "block like 'module%'", "kind = 'float'", "value = '1'", "value is null",
    "int_value = 1", "int_value is null", "float_value > 1", "float_value = 'nan'", "float_value <= 1", "float_value is null",
    "not (value = '1')", "upper(run) = 'R2'", "length(value) = 3", "file = '/p/a.py'", "file is distinct from '/p/a.py'",
]  # fmt: skip


def test_a_filter_answers_as_if_all_had_been_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the same rows in a table of DuckDB's own: whatever is unknown, in any combination."""
    sources = [FakeSource("/p/a.py", SOURCE), FakeSource("/p/b.py", "k = h(1)\n", "b")]
    runs = [FakeTrace(sources, VALUES_TREE, name) for name in ("r1", "r2")]
    install(tmp_path / "same", monkeypatch, demo=runs, other=[FakeTrace(sources, TREE, "r3")])
    database = Database(files_here=False)
    database.query("create table kept as select * from values")
    draw = random.Random(4)
    shapes = ["{}", "not ({})", "({}) or ({})", "not (({}) and ({}))", "({}) and (({}) or not ({}))", "(({}) or ({})) is null",
              "({}) is not true", "case when {} then {} else {} end", "({}) = ({})"]  # fmt: skip
    for _ in range(150):
        shape = draw.choice(shapes)
        condition = shape.format(*draw.sample(PARTS, shape.count("{}")))
        pruned, all_of_it = (
            sorted(map(str, database.query(f"select * from {name} where {condition}").rows))
            for name in ("values", "kept")
        )
        assert pruned == all_of_it, condition


def test_a_version_of_a_file_that_has_other_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sites of one run are not looked for in another one."""
    old = FakeTrace([FakeSource("/p/a.py", SOURCE)], TREE, "r1")
    new = FakeTrace([FakeSource("/p/a.py", "\n" + SOURCE.replace("y = f(i)", "q = 5; y = f(i)"))], TREE, "r2")
    install(tmp_path / "other", monkeypatch, demo=[old, new])
    sql = "select run, line, int_value from values where text = 'f(i)' order by all"
    assert rows(sql) == [("r1", 2, 1), ("r1", 2, 2), ("r2", 3, 1), ("r2", 3, 2)]
