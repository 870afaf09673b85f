"""Which repository a program lies in, and what is checked out there, without git: it is what git says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flor.capture.repository import Repository, commit, repository
from tests.test_versions import git

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]


@pytest.fixture
def project(folder: Path, write: Write) -> Path:
    write("sub/train.py", "")
    git("init", "--quiet", "--initial-branch=work/long")
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    return folder


def found(path: Path) -> Repository:
    is_in = repository(path)
    assert is_in is not None
    return is_in


def head(folder: Path) -> str:
    return git("-C", str(folder), "rev-parse", "HEAD").strip()


def test_a_branch(project: Path) -> None:
    assert found(project / "sub" / "train.py") == (project, project / ".git", project / ".git")
    assert commit(found(project / "sub")) == head(project)


def test_a_branch_among_packed_refs(project: Path) -> None:
    git("pack-refs", "--all")
    assert commit(found(project)) == head(project)


def test_no_branch(project: Path) -> None:
    git("checkout", "--quiet", "--detach")
    assert commit(found(project)) == head(project)


def test_no_commit_yet(folder: Path) -> None:
    git("init", "--quiet")
    assert commit(found(folder)) is None


def test_another_worktree(project: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "other", "../other")
    other = project.parent / "other"
    git("-C", str(other), "commit", "--quiet", "--allow-empty", "--message=second")
    assert found(other) == (other, project / ".git" / "worktrees" / "other", project / ".git")
    assert commit(found(other)) == head(other) != head(project)


def test_what_is_called_git_and_is_none(project: Path) -> None:
    (project / "sub" / ".git").mkdir()
    assert found(project / "sub" / "train.py").worktree == project
    (project / "sub" / ".git").rmdir()
    (project / "sub" / ".git").write_bytes(b"\xff\0")
    assert found(project / "sub" / "train.py").worktree == project


def test_none(folder: Path) -> None:
    assert repository(folder) is None
