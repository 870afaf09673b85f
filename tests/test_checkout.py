"""`flor checkout` writes the code of a run into a folder of its own, and nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.cli import main
from tests.conftest import flor
from tests.test_bad_input import refused
from tests.test_versions import capture, git, no_configuration, repository, slow_git

__all__ = ["no_configuration", "repository"]  # fixtures

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts and path.suffix != ".pyc"
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "some" / "where"


def test_the_working_tree_of_a_run_is_written_as_it_was(repository: Path, write: Write, out: Path) -> None:
    write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (repository / "link").symlink_to("data.txt")
    write("train.log", "ignored\n")
    first = capture("train.py", "case")
    before = files(repository)
    write("data.txt", "3\n")
    capture("train.py", "case")
    write("data.txt", "4\n")
    status = git("status", "--short"), git("branch"), git("stash", "list")
    done = flor("checkout", f"case/{first.name}", out)
    written = f"flor/case/{first.name}"
    assert done.stdout == f"wrote 6 files of run {first.name} of case to {out}, from refs/{written}\n"
    expected = {name: text for name, text in before.items() if name != "train.log"}
    assert files(out) == expected
    assert (
        (out / "link").is_symlink() and os.access(out / "run.sh", os.X_OK) and not os.access(out / "data.txt", os.X_OK)
    )
    assert (git("status", "--short"), git("branch"), git("stash", "list")) == status
    assert (repository / "data.txt").read_text() == "4\n"


def test_without_a_run_it_is_the_newest_one(repository: Path, write: Write, out: Path) -> None:
    capture("train.py", "case")
    write("data.txt", "3\n")
    capture("train.py", "case")
    assert main(["checkout", "case", str(out)]) == 0
    assert (out / "data.txt").read_text() == "3\n"


def test_a_run_that_is_just_being_kept_is_waited_for(repository: Path, out: Path) -> None:
    assert flor("python", "train.py", "case", PATH=slow_git(repository.parent)).returncode == 0
    assert flor("checkout", "case", out).stdout.startswith("wrote 4 files of run ")


def test_executed_sources_that_git_ignores_are_written_too(repository: Path, write: Write, out: Path) -> None:
    write(".gitignore", "secret.py\nother.py\n__pycache__/\n")
    write("secret.py", "y = 1 + 1\n")
    write("other.py", "")
    write("train.py", "import secret\n")
    capture("train.py", "case")
    assert "wrote 5 files" in flor("checkout", "case", out).stdout
    assert (out / "secret.py").read_text() == "y = 1 + 1\n" and not (out / "other.py").exists()


def test_a_killed_run_is_written_as_it_was_executed(repository: Path, write: Write, out: Path) -> None:
    """Nobody has put its sources into what git keeps yet."""
    text = "import os\nopen('train.py', 'w').write('edited')\nos.kill(os.getpid(), 9)\n"
    write("train.py", text)
    flor("python", "train.py", "case", PATH=slow_git(repository.parent))
    assert flor("checkout", "case", out).returncode == 0
    assert (out / "train.py").read_text() == text


def test_line_ends_are_as_in_the_working_tree(repository: Path, out: Path) -> None:
    git("config", "core.autocrlf", "true")
    for name in ("train.py", "data.txt"):
        (repository / name).write_bytes(b"x = 1 + 1\r\n")
    capture("train.py", "case")
    flor("checkout", "case", out)
    assert [(out / name).read_bytes() for name in ("train.py", "data.txt")] == [b"x = 1 + 1\r\n"] * 2


def test_hooks_do_not_run(repository: Path, write: Write, out: Path) -> None:
    capture("train.py", "case")
    for name in ("post-checkout", "post-index-change"):
        write(f".git/hooks/{name}", f"#!/bin/sh\ntouch {repository}/hooked\n").chmod(0o755)
    assert flor("checkout", "case", out).returncode == 0
    assert not (repository / "hooked").exists()


def test_outside_of_a_repository_the_captured_sources_are_written(folder: Path, write: Write, out: Path) -> None:
    write("train.py", "import parts.model, colorsys\n")
    write("parts/model.py", "x = 1 + 1\n")
    write("other.txt", "")
    run = capture("--capture", "colorsys", "train.py", "case")
    write("train.py", "edited\n")
    done = flor("checkout", "case", out)
    assert done.stdout == (
        f"wrote 2 files of run {run.name} of case to {out}, the sources that were captured, and no more: "
        "it was not kept in git\n"
    )
    assert files(out) == {"parts/model.py": "x = 1 + 1\n", "train.py": "import parts.model, colorsys\n"}


def test_where_the_repository_is_gone_the_captured_sources_are_written(repository: Path, out: Path) -> None:
    capture("train.py", "case")
    shutil.rmtree(".git")
    done = flor("checkout", "case", out)
    assert done.stdout.endswith(f", the sources that were captured, and no more: {repository}/.git is gone\n")
    assert set(files(out)) == {"model.py", "train.py"}


def test_where_the_ref_is_gone_the_captured_sources_are_written(repository: Path, out: Path) -> None:
    run = capture("train.py", "case")
    git("update-ref", "-d", f"refs/flor/case/{run.name}")
    assert f"has no refs/flor/case/{run.name}\n" in flor("checkout", "case", out).stdout
    assert set(files(out)) == {"model.py", "train.py"}


def test_an_empty_folder_is_written_into(repository: Path, out: Path) -> None:
    capture("train.py", "case")
    out.mkdir(parents=True)
    assert flor("checkout", "case", out).returncode == 0
    assert len(files(out)) == 4


def test_what_is_no_place_for_it_is_refused(repository: Path, out: Path) -> None:
    capture("train.py", "case")
    before = files(repository)
    refused("checkout", "case", ".", saying="flor: . is not empty: give a new or empty folder")
    refused("checkout", "case", "data.txt", saying="data.txt is no place for it (Not a directory): give a new or empty")
    refused("checkout", "case", "data.txt/new", saying="cannot write to data.txt/new: Not a directory")
    refused("checkout", "case/none", out, saying="'case' has no run 'none'")
    refused("checkout", "none", out, saying="no experiment 'none'")
    assert files(repository) == before and not out.exists()


def test_what_cannot_be_written_in_full_is_not_written(repository: Path, write: Write, out: Path) -> None:
    write("data.txt", "1\n" * 1000)
    capture("train.py", "case")
    command = f"ulimit -f 1; exec {Path(sys.executable).with_name('flor')} checkout case {out}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("flor: cannot write refs/flor/case/")
    assert not out.exists()


def test_sources_that_cannot_be_written_in_full_are_not_written(folder: Path, write: Write, out: Path) -> None:
    write("train.py", "x = 1 + 1\n" + "# 1\n" * 1000)
    capture("train.py", "case")
    out.mkdir(parents=True)
    command = f"ulimit -f 1; exec {Path(sys.executable).with_name('flor')} checkout case {out}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"flor: cannot write to {out}: File too large\n")
    assert not list(out.iterdir())


@pytest.mark.parametrize("path", ["../outside.py", ".git/hooks/post-checkout", "link/x.py"])
def test_a_foreign_trace_writes_nothing_outside_of_the_folder(repository: Path, out: Path, path: str) -> None:
    """A run.json may come from anywhere, and so may what a tree has for links."""
    outside = repository.parent / "target"
    outside.mkdir()
    (repository / "link").symlink_to(outside)
    run = capture("train.py", "case")
    (repository / "link").unlink()
    rename(run, str(repository / "model.py"), str(repository / path))
    assert flor("checkout", "case", out).returncode == 0
    assert not list(outside.iterdir()) and not (out.parent / "outside.py").exists() and not (out / ".git").exists()


def rename(run: Path, old: str, new: str) -> None:
    """Give a source of a packed run another path."""
    import pyarrow.parquet as pq

    (path,) = (run / "trace").glob("blocks.parquet")
    table = pq.read_table(path)
    metadata = {key: value.replace(old.encode(), new.encode()) for key, value in (table.schema.metadata or {}).items()}
    assert metadata != table.schema.metadata
    pq.write_table(table.replace_schema_metadata(metadata), path)
