"""The code of a run in git: the working tree as it was when the run began, as a commit under a ref of the run's own.

`python -m flor.versions RUN_DIR` makes it, as a process at low priority beside the program, and says nothing. Whoever
packs the run calls `finish`. Branches, index, stash, hooks and reflogs of the user's are left alone; the working tree
is only read. Nothing here knows what a trace holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flor.capture.beside import stand_back
from flor.errors import FlorError
from flor.home import CODE, Run, open_run, write_json, write_json_over

#: Of untracked files: what a single one may have, and all of them, in bytes; and how many there may be.
MAX_FILE = 50_000_000
MAX_TOTAL = 500_000_000
MAX_FILES = 20_000
_MAX_NAMED = 100  # that are left out one by one
_TRIES, _PAUSE = 5, 0.1  # of a working tree that changes meanwhile; seconds

#: In the folder CODE of a run: the index of its own, and what became of the commit.
_INDEX, _KEPT = "index", "kept.json"

_CONFIGURED = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",  # it would start a process that stays
    "core.logAllRefUpdates": "false",
    "core.preloadIndex": "false",  # one core is enough
    "core.safecrlf": "false",
    "core.sparseCheckout": "false",
    "core.splitIndex": "false",
    "diff.ignoreSubmodules": "dirty",
    "gc.auto": "0",
    "index.threads": "1",
    "maintenance.auto": "false",
}
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    **{f"GIT_{who}_NAME": "Flor" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "flor@localhost" for who in ("AUTHOR", "COMMITTER")},
}
_INHERITED = ("GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")


class GitError(Exception):
    """git could not do something. Its text says why, as git does. `code`: its exit code, if it was started."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class Git:
    """Runs git in a folder, with the index file `index` if not its own. `environment`: what it is told besides."""

    def __init__(
        self, folder: Path, index: Path | None = None, environment: Mapping[str, str] = _ENVIRONMENT, umask: int = -1
    ) -> None:
        self._folder, self._umask = folder, umask
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _INHERITED}
        self._environment |= environment
        if index is not None:
            self._environment["GIT_INDEX_FILE"] = str(index)

    def __call__(self, *arguments: str, stdin: bytes = b"", codes: Collection[int] = (0,)) -> bytes:
        """What a git command prints. Raises GitError if it does not end with one of `codes`."""
        options = [option for key, value in _CONFIGURED.items() for option in ("-c", f"{key}={value}")]
        try:
            done = subprocess.run(
                ["git", *options, *arguments],
                input=stdin,
                capture_output=True,
                cwd=self._folder,
                env=self._environment,
                umask=self._umask,
            )
        except FileNotFoundError:
            raise GitError("git is not installed" if self._folder.is_dir() else f"{self._folder} is gone") from None
        except OSError as error:
            raise GitError(f"git cannot be started: {error.strerror}") from None
        if done.returncode not in codes:
            text = _complaint(done.stderr) or f"git {arguments[0]} ended with {done.returncode}"
            raise GitError(text, done.returncode)
        return done.stdout

    def line(self, *arguments: str, codes: Collection[int] = (0,)) -> str:
        return os.fsdecode(self(*arguments, codes=codes)).removesuffix("\n")


def _complaint(errors: bytes) -> str:
    """The first line in which git says what is wrong."""
    lines = [line.partition(": ") for line in errors.decode(errors="replace").splitlines()]
    return next((text for kind, _, text in lines if kind in ("error", "fatal")), "")


# ---- beside the program


def keep(run: Path) -> None:
    """Keep the working tree of a run that has begun; its folder CODE, whose lock is held, says what came of it."""
    try:
        opened = open_run(run)
    except FlorError:
        return
    try:
        kept = _snapshot(opened)
    except (GitError, OSError) as error:
        kept = {"why": _reason(error)}
    with contextlib.suppress(OSError):
        write_json(run / CODE / _KEPT, kept)
    _forget_removed(opened)


def _forget_removed(run: Run) -> None:
    """Leave no ref of a run that was removed meanwhile."""
    if not run.path.is_dir():
        with contextlib.suppress(GitError):
            forget(run)


def _snapshot(run: Run) -> dict[str, Any]:
    code = run.info["code"]
    worktree, own = Path(code["worktree"]), run.path / CODE / _INDEX
    here = {**_ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(worktree.resolve().parent)}
    found = Git(worktree, None, here).line("rev-parse", "--show-toplevel", "--git-common-dir", "--git-dir").split("\n")
    if [(worktree / path).resolve() for path in found[:2]] != [worktree.resolve(), Path(code["repository"]).resolve()]:
        raise GitError(f"git takes it for a part of {found[0]}")
    index = worktree / found[2] / "index"
    if index.exists():
        shutil.copy2(index, own)  # with its time, by which git knows what may have changed since
    git = Git(worktree, own, here, _umask(code))
    home = relative(str(run.path.parents[2]), worktree)
    left_out = _add(git, worktree, home)
    parent = git.line("rev-parse", "--quiet", "--verify", "HEAD^{commit}", codes=(0, 1))
    commit = _commit(git, run, parent)
    git("update-ref", code["ref"], commit)
    return {"commit": commit, "left_out": left_out}


def _umask(code: dict[str, Any]) -> int:
    """New folders of a repository are for those that its other ones are for. Raises OSError."""
    return ~Path(code["repository"], "objects").stat().st_mode & 0o777


def _add(git: Git, worktree: Path, home: str | None) -> list[dict[str, str]]:
    """Put the working tree into the index, without FLOR_HOME, if that lies in it. Returns what is left out besides."""
    untracked, left_out = _untracked(git, worktree, home)
    if untracked:
        but = [b":(exclude,top,literal)" + os.fsencode(path) for path in [*_paths(left_out), *([home] if home else [])]]
        files, paths = ["--all", "--pathspec-from-file=-", "--pathspec-file-nul"], b"\0".join([b":/", *but])
    else:
        files, paths = ["--update"], b""
    try:
        for again in reversed(range(_TRIES)):
            try:
                git("add", "--ignore-errors", *files, stdin=paths)
                break
            except GitError as error:
                if error.code == 1 or not again:  # else it gives up, as where a file is gone since it was listed
                    raise
                time.sleep(_PAUSE)
    except GitError as error:
        if error.code != 1:
            raise
        names = _names(git("ls-files", "-z", "--modified", *(("--others", "--exclude-standard") if untracked else ())))
        missed = [path for path in names if not any(_lies_in(path, place) for place in (home, *_paths(left_out)))]
        if len(missed) > _MAX_NAMED:
            raise
        left_out += [{"path": path, "why": f"git could not add it ({error})"} for path in missed]
    return left_out


def _untracked(git: Git, worktree: Path, home: str | None) -> tuple[bool, list[dict[str, str]]]:
    """Whether untracked files are kept, and what is left out of them, with the reason."""
    left_out: list[dict[str, str]] = []
    count = total = 0
    for path in _names(git("ls-files", "-z", "--others", "--exclude-standard")):
        if _lies_in(path, home):  # traces are no code
            continue
        if path.endswith("/"):
            left_out.append({"path": path.rstrip("/"), "why": "it is a repository of its own"})
            continue
        try:
            size = (worktree / path).lstat().st_size
        except OSError:  # it is gone
            continue
        if size > MAX_FILE:
            left_out.append({"path": path, "why": f"it is untracked, and larger than {MAX_FILE // 10**6} MB"})
        elif not (worktree / path).is_symlink() and not os.access(worktree / path, os.R_OK):
            left_out.append({"path": path, "why": "it cannot be read"})
        else:
            count, total = count + 1, total + size
    if count > MAX_FILES or total > MAX_TOTAL or len(left_out) > _MAX_NAMED:
        many = f"{count} untracked files with {total / 1e6:.0f} MB are too much to be kept"
        return False, [{"path": ".", "why": f"{many}: name in .gitignore what is no code"}]
    return True, left_out


def _lies_in(path: str, place: str | None) -> bool:
    return place is not None and f"{path}/".startswith(f"{place}/")


def _paths(items: list[dict[str, str]]) -> list[str]:
    return [item["path"] for item in items]


def _names(listed: bytes) -> list[str]:
    """The names that git lists, each with a zero byte behind it."""
    return list(map(os.fsdecode, listed.split(b"\0")[:-1]))


def _commit(git: Git, run: Run, parent: str) -> str:
    """Commit the index."""
    tree = git.line("write-tree", "--missing-ok")
    message = f"Run {run.id} of {run.experiment}"
    return git.line("commit-tree", tree, *(("-p", parent) if parent else ()), "-m", message)


# ---- when the run has ended


def finish(run: Path, sources: Sequence[dict[str, str]]) -> None:
    """Put what was executed into the commit where it differs, and say in run.json what is kept. `sources`: path and
    sha256 of each. Waits for the process beside. To be called by whoever packs the run, which has ended.
    """
    try:
        opened = open_run(run)
    except FlorError:
        return
    try:
        with _locked(run / CODE):
            try:
                kept = json.loads((run / CODE / _KEPT).read_bytes())
            except (OSError, ValueError):
                kept = {"why": "what was to keep it could not begin, or was ended"}
            if "commit" in kept:
                try:
                    kept |= _put_sources(opened, kept["commit"], sources)
                except (GitError, OSError) as error:
                    kept["why"] = f"the sources that were executed are not in it ({_reason(error)})"
            info = json.loads((run / "run.json").read_bytes())
            write_json_over(run / "run.json", {**info, "code": {**info["code"], **kept}})
            shutil.rmtree(run / CODE, ignore_errors=True)
    except OSError:  # the run is gone, or there is no room: then it is tried again
        _forget_removed(opened)


def _put_sources(run: Run, commit: str, sources: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Put sources into a commit where they differ from what is there. Of a file that was captured in several versions
    it is the first one."""
    code = run.info["code"]
    worktree = Path(code["worktree"])
    folder = worktree if worktree.is_dir() else Path(code["repository"])
    git = Git(folder, run.path / CODE / _INDEX, umask=_umask(code))
    tree = _tree(git, commit)
    differing: dict[str, bytes] = {}
    executed: dict[str, str] = {}
    for source in sources:
        if (path := relative(source["path"], worktree)) is not None:
            executed.setdefault(path, source["sha256"])
    for path, sha256 in executed.items():
        mode, blob = tree.get(path, ("100644", ""))
        if not mode.startswith("100") or any(str(above) in tree for above in Path(path).parents):
            continue  # of a submodule, or in an archive
        data = (run.path / "sources" / f"{sha256}.py").read_bytes()
        if blob != _blob(data, len(blob)):
            differing[path] = data
    for path in _ignored(git, [path for path in differing if path not in tree]):
        del differing[path]
    entries = {}
    for path, data in differing.items():
        mode, before = tree.get(path, ("100644", ""))
        blob = git("hash-object", "-w", f"--path={path}", "--stdin", stdin=data).decode().strip()
        if blob != before:  # it is not only that git converts line ends
            entries[path] = f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0"
    if not entries:
        return {}
    git("read-tree", commit)
    git("update-index", "-z", "--index-info", stdin=b"".join(entries.values()))
    new = _commit(git, run, git.line("rev-parse", "--quiet", "--verify", f"{commit}^", codes=(0, 1)))
    git("update-ref", code["ref"], new, commit)
    return {"commit": new, "changed": list(entries)}


def _tree(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """The mode and the blob of each file of a commit."""
    found = {}
    for entry in git("ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
        about, _, path = entry.partition(b"\t")
        mode, _, blob = about.decode().split()
        found[os.fsdecode(path)] = mode, blob
    return found


def _blob(data: bytes, digits: int) -> str:
    """The name that git gives to a file's contents, of so many digits."""
    kind = hashlib.sha256 if digits == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(data) + data).hexdigest()


def _ignored(git: Git, paths: list[str]) -> list[str]:
    """Which of these files git ignores; all of them if that cannot be known any more."""
    if not paths:
        return []
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    try:
        return _names(git("check-ignore", "-z", "--stdin", stdin=names, codes=(0, 1)))
    except GitError:
        return paths


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Waits for whoever holds a folder's lock. Raises OSError."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def relative(path: str, folder: Path) -> str | None:
    """A path relative to a folder; None if it lies elsewhere, or in what is git's own."""
    found = os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    parts = Path(found).parts
    return None if parts[:1] in ((), (os.pardir,)) or ".git" in map(str.lower, parts) else found


def _reason(error: GitError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error)


# ---- later


def forget(run: Run) -> None:
    """Remove the ref of a run that was removed. Raises GitError if it is there and stays."""
    code = run.info["code"]
    if code is not None and Path(code["repository"]).is_dir():
        Git(Path(code["repository"]))("update-ref", "-d", code["ref"])


def write_tree(run: Run, folder: Path, index: Path) -> int:
    """Write what git keeps of a run's code into an empty folder; returns how many files these are. `index`: a file that
    can be written, and is none yet. Raises GitError if nothing is kept, FlorError if it cannot be written.
    """
    code = run.info["code"]
    if code is None:
        raise GitError("it was not kept in git")
    with contextlib.suppress(OSError), _locked(run.path / CODE):
        pass  # it is being kept
    git = Git(
        Path(code["repository"]),
        index,
        {**_ENVIRONMENT, "GIT_NO_LAZY_FETCH": "0", "GIT_WORK_TREE": str(folder.resolve())},
    )
    commit = git.line("rev-parse", "--quiet", "--verify", f"{code['ref']}^{{commit}}", codes=(0, 1))
    if not commit:
        raise GitError(code.get("why") or f"{code['repository']} has no {code['ref']}")
    try:
        git("read-tree", "-m", "-u", commit)
    except GitError as error:
        raise FlorError(f"cannot write {code['ref']} to {folder}: {error}") from None
    return sum(not entry.startswith(b"160000") for entry in git("ls-files", "-z", "--stage").split(b"\0")[:-1])


def main() -> int:
    """Keep the code of the run whose directory the command line names."""
    stand_back()
    keep(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
