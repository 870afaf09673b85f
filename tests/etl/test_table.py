"""The whole table, of several runs and several sources."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flor.errors import FlorError
from flor.etl import extract
from flor.etl.selection import ALL, Selection
from flor.etl.table import Table, make_table, save
from tests.etl.fakes import FakeSource, FakeTrace, install

pytestmark = pytest.mark.once

SOURCE = "for g in xs:\n    y=f(7,g)\n"
SHADOW = '#/p/a.py\nfor g in xs:\n    y=GET("y",f(GET("c",7),g))\n'


def run(number: int, *values: float | str, source: str = SOURCE, **more: object) -> FakeTrace:
    tree = "module\n" + "\n".join(f"  for:g f(7,g)={v}" for v in values)
    return FakeTrace([FakeSource("/p/a.py", source)], tree, f"r{number}", **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, params=[extract.LONG, 1], ids=["short", "long"])
def length(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long run there are fewer block instances: the table is the same."""
    monkeypatch.setattr(extract, "LONG", request.param)
    monkeypatch.setattr(extract, "_MOST", 1)


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    return write(tmp_path / "a_h.py", SHADOW)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows(table: Table) -> list[tuple[object, ...]]:
    return list(zip(*(c.to_pylist() for c in table.arrow.columns), strict=True))


def remarks(table: Table) -> list[str]:
    return [str(d) for d in table.diagnostics]


def test_runs_are_stacked_under_their_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5, 0.7), run(2, 0.9)])
    table = make_table("demo", [shadow])
    assert table.arrow.column_names == ["run", "g_iter", "y", "c"]
    assert rows(table) == [("r1", 0, 0.5, 7), ("r1", 1, 0.7, 7), ("r2", 0, 0.9, 7)]
    assert (table.keys, table.runs, remarks(table)) == (["run", "g_iter"], ["r1", "r2"], [])


def test_a_chosen_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5), run(2, 0.9)])
    assert rows(make_table("demo", [shadow], Selection(("r2",)))) == [("r2", 0, 0.9, 7)]


def test_an_older_version_gives_the_same_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    older = run(1, 0.5, source="import os\n\n" + SOURCE)
    install(tmp_path / "home", monkeypatch, demo=[older, run(2, 0.9)])
    table = make_table("demo", [shadow])
    assert rows(table) == [("r1", 0, 0.5, 7), ("r2", 0, 0.9, 7)]
    assert remarks(table) == [
        "y: found in another version of the source (run r1)",
        "c: found in another version of the source (run r1)",
    ]


def test_what_differs_is_said_once_for_all_runs_that_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path
) -> None:
    def other(number: int, value: float) -> FakeTrace:
        source, tree = SOURCE.replace("f(7,g)", "f(8,g)"), f"module\n  for:g f(8,g)={value}"
        return FakeTrace([FakeSource("/p/a.py", source)], tree, f"r{number}")

    install(tmp_path / "home", monkeypatch, demo=[other(1, 0.5), run(2, 0.7), other(3, 0.9)])
    table = make_table("demo", [shadow])
    assert [row[2] for row in rows(table)] == [0.5, 0.7, 0.9]
    assert remarks(table) == [
        "y: another version of the source has `f(8,g)` in its place, not `f(7,g)` (2 runs, the last one r3)",
        "c: another version of the source has `8` in its place, not `7` (2 runs, the last one r3)",
    ]
    exact = make_table("demo", [shadow], exact=True)
    assert rows(exact) == [("r2", 0, 0.7, 7)]


def test_a_run_without_a_name_has_null(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    changed = FakeTrace([FakeSource("/p/a.py", "for g in xs:\n    z=h(g,c=7)\n")], "module\n  for:g h(g,c=7)=1", "r1")
    install(tmp_path / "home", monkeypatch, demo=[changed, run(2, 0.9)])
    table = make_table("demo", [shadow])
    assert rows(table) == [("r2", 0, 0.9, 7)]
    assert [r[:2] for r in remarks(table)] == ["y:", "c:"]


def test_types_are_those_of_all_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5), run(2, "'a'")])
    table = make_table("demo", [shadow])
    assert [r[2] for r in rows(table)] == ["0.5", "a"]
    assert remarks(table) == ["y: has values of several types (float, str), so the column is text"]


def test_one_remark_for_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    traces = [run(n, 0.5, warnings=["a segment is cut"]) for n in range(5)]
    install(tmp_path / "home", monkeypatch, demo=traces)
    assert remarks(make_table("demo", [shadow])) == ["a segment is cut (5 runs, the last one r4)"]


def test_a_run_that_cannot_be_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, error="run r1 skipped: foreign"), run(2, 0.9), run(3, 1.0)])
    write(tmp_path / "home/demo/runs/r3/run.json", "{")
    table = make_table("demo", [shadow])
    assert table.runs == ["r2"]
    assert [r[:14] for r in remarks(table)] == ["run r3 skipped", "run r1 skipped"]


def test_values_that_no_run_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1)])
    table = make_table("demo", [shadow])
    assert (rows(table), table.arrow.column_names) == ([], ["run", "y", "c"])
    assert remarks(table) == [f"{name}: no run has a value for it: it was never evaluated" for name in "yc"]


def test_a_key_makes_way_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    text = SHADOW.replace('"y"', '"g_iter"').replace('"c"', '"run"')
    table = make_table("demo", [write(tmp_path / "a_h.py", text)])
    assert table.arrow.column_names == ["run_id", "g_iter_L1", "g_iter", "run"]
    assert remarks(table) == [
        "run: is a name of yours, so the key column run is called run_id",
        "g_iter: is a name of yours, so the key column g_iter is called g_iter_L1",
    ]


@pytest.mark.parametrize(
    ("name", "columns", "renamed"),
    [
        ("RUN", ["run_id", "g_iter", "RUN"], "RUN: is a name of yours, so the key column run is called run_id"),
        ("run_id", ["run", "g_iter", "run_id"], None),
        ("G_iter", ["run", "g_iter_L1", "G_iter"], "G_iter: is a name of yours, so the key column g_iter is called"),
        ("g_iter_L1", ["run", "g_iter", "g_iter_L1"], None),
    ],
)
def test_a_name_like_a_key(
    name: str, columns: list[str], renamed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5, 0.75)])
    text = SHADOW.replace('"y"', f'"{name}"').replace('GET("c",7)', "7")
    table = make_table("demo", [write(tmp_path / "a_h.py", text)])
    assert (table.arrow.column_names, rows(table)) == (columns, [("r1", 0, 0.5), ("r1", 1, 0.75)])
    assert [remark.startswith(str(renamed)) for remark in remarks(table)] == ([True] if renamed else [])


SCRIPT, MODULE = (
    "for e in es:\n    l=train(e)\n",
    "def train(e):\n    for b in bs:\n        z=step(b)\n    return q(e)\n",
)
TWO_FILES = """
module
  for:e train(e)=1
    train() q(e)=10
      for:b step(b)=0.1
      for:b step(b)=0.2
  for:e train(e)=2
    train() q(e)=20
      for:b step(b)=0.3
"""


def test_names_of_two_files_meet_in_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [FakeSource("/p/a.py", SCRIPT), FakeSource("/p/b.py", MODULE, "b")]
    install(tmp_path / "home", monkeypatch, demo=[FakeTrace(sources, TWO_FILES)])
    inner = write(tmp_path / "b_h.py", "#/p/b.py\n" + MODULE.replace("step(b)", 'GET("loss",step(b))'))
    outer = write(tmp_path / "a_h.py", "#/p/a.py\n" + SCRIPT.replace("train(e)", 'GET("l",train(e))'))
    table = make_table("demo", [inner, outer])
    assert table.arrow.column_names == ["run", "e_iter", "b_iter", "loss", "l"]
    assert [r[1:] for r in rows(table)] == [(0, 0, 0.1, 1), (0, 1, 0.2, 1), (1, 0, 0.3, 2)]


def test_a_function_called_twice_has_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f():\n    return g(1)\nfor i in x:\n    f()+f()\n"
    tree = "module\n  for:i\n    f() g(1)=1\n    f() g(1)=2\n  for:i\n    f() g(1)=3\n    f() g(1)=4"
    install(tmp_path / "home", monkeypatch, demo=[FakeTrace([FakeSource("/p/a.py", source)], tree)])
    shadow = write(tmp_path / "a_h.py", "#/p/a.py\n" + source.replace("g(1)", 'GET("v",g(1))'))
    table = make_table("demo", [shadow])
    assert table.arrow.column_names == ["run", "i_iter", "f_call", "v"]
    assert [r[1:] for r in rows(table)] == [(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)]


def test_saved_for_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    table = make_table("demo", [shadow])
    save(table, "demo")
    assert pq.read_table(tmp_path / "home/demo/table.parquet").to_pylist() == table.arrow.to_pylist()
    about = json.loads((tmp_path / "home/demo/table.json").read_text())
    assert (about["runs"], about["keys"], about["rows"], about["shadows"]) == (["r1"], table.keys, 1, [str(shadow)])
    assert about["names"][1] == {"name": "c", "shadow": str(shadow), "line": 3, "text": "7"}


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    (tmp_path / "home/demo/table.parquet").mkdir()
    with pytest.raises(FlorError, match="cannot write"):
        save(make_table("demo", [shadow]), "demo")


@pytest.mark.parametrize(
    ("experiment", "run_id", "message"),
    [
        ("nope", None, "no experiment 'nope'"),
        ("empty", None, "experiment 'empty' has no run .* flor python SCRIPT empty"),
        ("demo", "r9", "experiment 'demo' has no run 'r9'; the last one is r2"),
        ("demo", "r2", "no run that can be read: run r2 skipped: foreign"),
        ("../x", None, "cannot name an experiment"),
    ],
)
def test_what_the_user_must_mend(
    experiment: str, run_id: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path
) -> None:
    traces = [run(1, 0.5), run(2, error="run r2 skipped: foreign")]
    install(tmp_path / "home", monkeypatch, empty=[], demo=traces)
    with pytest.raises(FlorError, match=message) as raised:
        make_table(experiment, [shadow], Selection((run_id,)) if run_id else ALL)
    assert "\n" not in str(raised.value)


def test_a_name_in_two_shadow_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    other = write(tmp_path / "b_h.py", '#/p/b.py\n\nGET("y", 1)\n')
    with pytest.raises(FlorError, match=r'"y" is used twice: .*a_h\.py:3 and .*b_h\.py:3; rename'):
        make_table("demo", [shadow, other])


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot read the shadow copy"), ("#/p/a.py\nx=1\n", "no name in")]
)
def test_a_shadow_copy_without_names(
    text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    path = tmp_path / "a_h.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FlorError, match=message):
        make_table("demo", [path])


def test_names_that_differ_in_case_only_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5)])
    with pytest.raises(FlorError, match=r'the name "Y" and "y" are one name to SQL: .*a_h.py:. and .*a_h.py:'):
        make_table("demo", [write(tmp_path / "a_h.py", SHADOW.replace('"c"', '"Y"'))])


def test_a_run_without_any_value_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    install(tmp_path / "home", monkeypatch, demo=[run(1, 0.5), run(2)])
    table = make_table("demo", [shadow])
    assert remarks(table) == ["has no value of any name, so it has no row (run r2)"]


def test_a_shadow_copy_whose_source_no_run_captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped: dict[str, object] = {"uncaptured": [{"path": "/p/big.py", "why": "it is larger than 5 MB"}]}
    sources = [FakeSource(f"/p/m{n}.py", "pass\n", f"m{n}") for n in range(7)]
    traces = [FakeTrace(sources, "m0", "r1"), FakeTrace(sources[:1], "m0", "r2", info=skipped)]
    install(tmp_path / "home", monkeypatch, demo=traces)
    shadow = write(tmp_path / "b_h.py", '#/p/big.py\nx=GET("x",f(1))\n')
    with pytest.raises(FlorError) as raised:
        make_table("demo", [shadow])
    assert str(raised.value) == (
        f"none of the runs of 'demo' captured /p/big.py (it is larger than 5 MB), the source of {shadow}; "
        "they captured /p/m0.py, /p/m1.py, /p/m2.py, /p/m3.py, /p/m4.py and 2 more"
    )
    with pytest.raises(FlorError, match=r"none of the chosen runs captured /p/big\.py, .* they captured /p/m0"):
        make_table("demo", [shadow], Selection(("r1",)))


def test_a_source_that_only_a_later_run_captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path) -> None:
    other = FakeTrace([FakeSource("/p/b.py", "pass\n")], "module", "r1")
    install(tmp_path / "home", monkeypatch, demo=[other, run(2, 0.5)])
    table = make_table("demo", [shadow])
    assert rows(table) == [("r2", 0, 0.5, 7)]
    assert remarks(table) == [f"{name}: the run did not capture /p/a.py (run r1)" for name in "yc"]


def test_a_source_that_is_damaged_in_every_run_was_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shadow: Path
) -> None:
    damaged = run(1, 0.5)
    damaged.sources[0].available = False
    install(tmp_path / "home", monkeypatch, demo=[damaged])
    assert "y: the run's copy of /p/a.py cannot be read (run r1)" in remarks(make_table("demo", [shadow]))
