"""Where `flor etl` writes to, and the head that it prints."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from flor.errors import FlorError
from flor.etl.export import head, outputs

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
