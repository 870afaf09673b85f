"""Where `flor etl` writes to, and the head that it prints."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from flor.errors import FlorError
from flor.output.export import head, outputs

pytestmark = pytest.mark.once

TABLE = pa.table({"run": pa.array(["a"], pa.large_string()), "x": [float("nan")]})


def test_without_an_option_it_is_the_experiments_csv(folder: Path) -> None:
    found = outputs("demo", [], [], append=False, safe_csv=False)
    assert (found.titles, found.write(TABLE)) == (["demo.csv"], [])
    assert (folder / "demo.csv").read_text() == "run,x\na,nan\n"


def test_all_that_is_asked_for_is_written_and_no_more(folder: Path) -> None:
    files = [Path("a.csv"), Path("a.parquet"), Path("b.csv")]
    found = outputs("demo", files, [["sqlite"], ["duckdb", "d"], ["duckdb"]], append=False, safe_csv=True)
    assert [str(remark) for remark in found.write(TABLE)] == [
        "x: 1 value is NaN, which SQLite cannot hold: written as NULL there"
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.csv", "a.parquet", "b.csv", "d", "demo.duckdb", "demo.sqlite",
    ]  # fmt: skip
    assert found.titles == [
        "a.csv",
        "a.parquet",
        "b.csv",
        "table demo of demo.sqlite",
        "table demo of d",
        "table demo of demo.duckdb",
    ]


@pytest.mark.parametrize("failing", ["folder.csv", "full.csv", "nowhere/b.csv"])
def test_several_files_are_all_written_or_none(failing: str, folder: Path) -> None:
    Path("folder.csv").mkdir()
    Path("full.csv").symlink_to("/dev/full")
    Path("a.parquet").write_text("before")
    found = outputs("demo", [Path("a.parquet"), Path(failing), Path("c.json")], [], append=False, safe_csv=False)
    with pytest.raises(FlorError, match=f"cannot write {failing}"):
        found.write(TABLE)
    assert Path("a.parquet").read_text() == "before"
    assert sorted(path.name for path in folder.iterdir()) == ["a.parquet", "folder.csv", "full.csv"]


def test_no_file_is_written_where_a_database_fails(folder: Path) -> None:
    Path("d").write_text("no database")
    found = outputs("demo", [Path("a.csv")], [["sqlite", "d"]], append=False, safe_csv=False)
    with pytest.raises(FlorError):
        found.write(TABLE)
    assert [path.name for path in folder.iterdir()] == ["d"]


def test_files_of_one_name_are_one(folder: Path) -> None:
    Path("link.csv").symlink_to("a.csv")
    files = [Path("a.csv"), Path("./a.csv"), Path("link.csv")]
    outputs("demo", files, [], append=False, safe_csv=False).write(TABLE)
    assert Path("a.csv").read_text() == "run,x\na,nan\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "link.csv"]


def test_a_full_disk_leaves_every_file_as_it_was(small_disk: Path) -> None:
    small, large = small_disk / "a.csv", small_disk / "b.csv"
    small.write_text("before")
    table = pa.table({"x": [str(n) * 20 for n in range(30_000)]})
    with pytest.raises(FlorError, match="No space left"):
        outputs("demo", [small, large], [], append=False, safe_csv=False).write(table)
    assert (small.read_text(), sorted(small_disk.iterdir())) == ("before", [small])


def test_a_database_takes_the_place_of_the_csv(folder: Path) -> None:
    outputs("demo", [], [["duckdb"]], append=False, safe_csv=False).write(TABLE)
    assert [path.name for path in folder.iterdir()] == ["demo.duckdb"]


@pytest.mark.parametrize(
    ("files", "databases", "append", "safe_csv", "message"),
    [
        ([Path("a.csv"), Path("a.txt")], [], False, False, r"a\.txt is none of a format that Flor writes: \.txt; use"),
        ([], [["mysql"]], False, False, "mysql: no such database"),
        ([], [], True, False, "--append adds rows to a database: say which with -d"),
        ([Path("a.json")], [], False, True, "--safe-csv is about CSV"),
        ([], [["duckdb"]], False, True, "--safe-csv is about CSV"),
    ],
)
def test_options_that_cannot_be_followed(
    files: list[Path], databases: list[list[str]], append: bool, safe_csv: bool, message: str, folder: Path
) -> None:
    with pytest.raises(FlorError, match=message):
        outputs("demo", files, databases, append, safe_csv)
    assert list(folder.iterdir()) == []


def test_head() -> None:
    assert head(pa.table({"g_iter": [0, 1, 2], "score": [0.5, None, 0.25]}), 2) == (
        "g_iter  score\n     0    0.5\n     1   NULL\n…\n3 rows, 2 columns\n"
    )
