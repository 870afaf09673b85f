"""The git repository that a program lies in, read from its files: no process of git is started for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Repository(NamedTuple):
    """A checkout and its repository, which several checkouts may share."""

    worktree: Path
    git: Path  # what is of this checkout alone
    common: Path  # the repository


def repository(path: Path) -> Repository | None:
    """The repository of the file or folder `path`, which is absolute; None if it is in none."""
    for folder in (path, *path.parents):
        git = folder / ".git"
        try:
            if git.is_file():
                git = folder / git.read_text().partition("gitdir:")[2].strip()
            if not os.path.lexists(git / "HEAD"):  # git would not take it for a repository either
                continue
            common = git / "commondir"
            shared = git / common.read_text().strip() if common.is_file() else git
        except (OSError, ValueError):
            continue
        return Repository(folder, *(Path(os.path.abspath(p)) for p in (git, shared)))
    return None


def commit(repository: Repository) -> str | None:
    """The commit that is checked out; None if there is none yet, or it cannot be read."""
    try:
        head = (repository.git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = repository.common / head[5:]
        if ref.is_file():
            return ref.read_text().strip()
        for line in (repository.common / "packed-refs").read_text().splitlines():
            if line.endswith(" " + head[5:]):
                return line.split()[0]
    except (OSError, UnicodeDecodeError):
        pass
    return None
