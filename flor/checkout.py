"""`flor checkout`: the code of a run, written into a folder of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from flor import versions
from flor.errors import FlorError
from flor.home import Run, named_run, open_run
from flor.trace import logged
from flor.trace.read import open_trace


def checkout(what: str, folder: Path) -> str:
    """Write the code of EXPERIMENT's newest run, or of EXPERIMENT/RUN, into a new or empty folder. Returns a line that
    says what was written.

    What git keeps of the run comes first, then the sources that the run has stored itself where they differ: they are
    what was executed. Raises FlorError, and writes nothing, if there is no such run, or the folder is no place for it.
    """
    run = open_run(named_run(what))
    sources = [(source.path, source.sha256) for source in open_trace(run).sources]
    sources += [(own["path"], own["sha256"]) for own in logged.sources(run.path)]
    _check_empty(folder)
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write(run, sources, folder)
    except BaseException as error:
        _empty(folder)
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise FlorError(f"cannot write to {error.filename or folder}: {error.strerror}") from None
        raise


def _check_empty(folder: Path) -> None:
    try:
        if not os.path.lexists(folder) or not any(folder.iterdir()):
            return
    except OSError as error:
        raise FlorError(f"{folder} is no place for it ({error.strerror}): give a new or empty folder") from None
    raise FlorError(f"{folder} is not empty: give a new or empty folder")


def _empty(folder: Path) -> None:
    """Remove what is in a folder."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _write(run: Run, sources: list[tuple[str, str]], folder: Path) -> str:
    name = f"run {run.id} of {run.experiment}"
    try:
        with tempfile.TemporaryDirectory() as place:
            count = versions.write_tree(run, folder, Path(place, "index"))
    except versions.GitError as error:
        _empty(folder)
        written = _write_sources(run, sources, Path(str(run.info.get("root", os.sep))), folder)
        if not written:
            raise FlorError(
                f"there is no code of {name} to write: {error}, and no source of its own is there"
            ) from None
        return f"wrote {_files(written)} of {name} to {folder}, the sources that were captured, and no more: {error}"
    count += _write_sources(run, sources, Path(run.info["code"]["worktree"]), folder)
    return f"wrote {_files(count)} of {name} to {folder}, from {run.info['code']['ref']}"


def _write_sources(run: Run, sources: list[tuple[str, str]], top: Path, folder: Path) -> int:
    """Write sources at their places relative to `top`; those that lie elsewhere are left out. Returns how many files
    there are more."""
    first: dict[str, str] = {}
    for path, sha256 in sources:
        if (relative := versions.relative(path, top)) is not None:
            first.setdefault(relative, sha256)
    more = 0
    for relative, sha256 in first.items():
        data = _stored(run, sha256)
        target = folder / relative
        above = [folder / path for path in list(Path(relative).parents)[:-1]]
        if data is None or any(path.is_symlink() or (path.exists() and not path.is_dir()) for path in above):
            continue  # it was in an archive, or behind a link, which may lead anywhere
        if target.is_symlink() or target.is_dir():
            continue
        more += not target.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return more


def _stored(run: Run, sha256: str) -> bytes | None:
    """A source's text; None if it is not there as it was captured."""
    try:
        data = (run.path / "sources" / f"{sha256}.py").read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
