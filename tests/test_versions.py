"""The code of a run in git: what is kept under its ref, and that the user's repository is as it was."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flor import versions
from flor.home import open_run, ref_name
from flor.trace.pack import pack
from tests.conftest import flor
from tests.test_scarce import mount

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]


def git(*arguments: str, code: int = 0, **environment: str) -> str:
    """Run git in the current folder, as a user with a name; returns what it printed."""
    names = {f"GIT_{who}_{what}": "somebody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, env={**os.environ, **names, **environment}
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)


@pytest.fixture
def repository(folder: Path, write: Write) -> Path:
    """A repository with a commit: a script, a module, a file. The module and the file have changed since."""
    write("train.py", "import model\nx = model.double(2)\n")
    write("model.py", "def double(n):\n    return n + n\n")
    write("data.txt", "1\n")
    write(".gitignore", "*.log\n__pycache__/\n")
    git("init", "--quiet", "--initial-branch=work")
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    write("model.py", "def double(n):\n    return 2 * n\n")
    write("data.txt", "2\n")
    return folder


def capture(*arguments: object, code: int = 0, **environment: str) -> Path:
    """Run `flor python`; returns the run's directory when it is settled what git keeps of it."""
    done = flor("python", *arguments, **environment)
    assert done.returncode == code, done.stderr
    return settled()


def settled() -> Path:
    run = max(Path(os.environ["FLOR_HOME"]).glob("*/runs/*"))
    for _ in range(1200):
        if not (run / "code").exists() and not (run / "segments").exists():
            return run
        time.sleep(0.05)
    raise AssertionError("it is not settled what git keeps of the run")


def code(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_bytes())["code"]
    return found


def kept(run: Path) -> dict[str, str]:
    """The files that git keeps of a run, with their contents."""
    ref = code(run)["ref"]
    assert git("rev-parse", ref).strip() == code(run)["commit"]
    names = git("ls-tree", "-r", "-z", "--name-only", ref).split("\0")[:-1]
    return {name: git("show", f"{ref}:{name}") for name in names}


def working_tree(folder: Path) -> dict[str, str]:
    """What git does not ignore of a folder."""
    names = git("-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]
    return {name: (folder / name).read_text() for name in names if (folder / name).is_file()}


# ---- what is kept


def test_a_run_keeps_the_working_tree_under_a_ref_of_its_own(repository: Path, write: Write) -> None:
    write("new/notes with\ttabs.txt", "untracked\n")
    write("train.log", "ignored\n")
    run = capture("train.py", "case")
    assert code(run) == {
        "ref": f"refs/flor/case/{run.name}",
        "repository": str(repository / ".git"),
        "worktree": str(repository),
        "commit": git("rev-parse", f"refs/flor/case/{run.name}").strip(),
        "left_out": [],
    }
    assert kept(run) == working_tree(repository)
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "new/notes with\ttabs.txt", "train.py"}
    assert git("log", "--format=%an %s", code(run)["ref"]) == f"Flor Run {run.name} of case\nsomebody first\n"


def test_the_ref_is_a_column_of_the_runs(repository: Path, write: Write) -> None:
    first = capture("train.py", "case")
    write("pyproject.toml", "[tool.flor]\nkeep_code = false\n")
    capture("train.py", "case")
    asked = flor("sql", "--csv", "select code from runs order by run")
    assert asked.stdout == f"code\nrefs/flor/case/{first.name}\n\n"


def test_a_file_that_has_changed_in_the_moment_it_was_added_is_kept_as_it_is(repository: Path, write: Write) -> None:
    """Only by the time of its index git knows that it has to look into the file."""
    git("config", "core.trustctime", "false")
    os.utime("data.txt", (10**9, 10**9))
    git("add", "data.txt")
    write("data.txt", "3\n")
    for name in ("data.txt", ".git/index"):
        os.utime(name, (10**9, 10**9))
    assert kept(capture("train.py", "case"))["data.txt"] == "3\n"


def test_a_file_that_is_removed_is_not_kept(repository: Path) -> None:
    (repository / "data.txt").unlink()
    assert "data.txt" not in kept(capture("train.py", "case"))


def test_where_there_is_no_commit_yet_the_first_one_is_the_runs(folder: Path, write: Write) -> None:
    git("init", "--quiet")
    write("train.py", "x = 1 + 1\n")
    run = capture("train.py", "case")
    assert kept(run) == {"train.py": "x = 1 + 1\n"}
    assert git("rev-list", "--count", code(run)["ref"]) == "1\n"


def test_a_file_that_is_edited_while_the_run_goes_on_is_kept_as_it_was_executed(repository: Path, write: Write) -> None:
    executed = "import model, time\nx = model.double(2)\nopen('go', 'w').close()\nwhile open('go').read() == '':\n    time.sleep(0.05)\n"
    write("train.py", executed)
    with subprocess.Popen([Path(sys.executable).with_name("flor"), "python", "train.py", "case"]) as process:
        while not Path("go").exists():
            time.sleep(0.02)
        before = time.monotonic()
        while not git("for-each-ref", "refs/flor"):
            assert time.monotonic() < before + 60
            time.sleep(0.02)
        write("train.py", "edited = True\n")
        write("data.txt", "3\n")
        write("go", "on")
        assert process.wait(60) == 0
    run = settled()
    assert (kept(run)["train.py"], kept(run)["data.txt"]) == (executed, "2\n")
    assert "changed" not in code(run)


def test_a_file_that_was_edited_before_it_was_kept_is_put_back_as_it_was_executed(
    repository: Path, write: Write
) -> None:
    """Here the script does it itself, before its process beside can have looked."""
    executed = "import model\nfor name in ('train.py', 'model.py'):\n    open(name, 'w').write('edited')\nimport os\nos.remove('data.txt')\n"
    write("train.py", executed)
    fake = slow_git(repository.parent)
    run = capture("train.py", "case", PATH=fake)
    assert kept(run) == {
        ".gitignore": "*.log\n__pycache__/\n",
        "model.py": "def double(n):\n    return 2 * n\n",
        "train.py": executed,
    }
    assert code(run)["changed"] == ["train.py", "model.py"]
    assert "kept in git what was executed of train.py, model.py, which changed meanwhile" in flor("show", "case").stdout
    assert git("rev-list", "--count", code(run)["ref"]) == "2\n"
    assert (repository / "train.py").read_text() == "edited"


def slow_git(place: Path) -> str:
    """A PATH with a git that takes its time; it says where it is called in `called` beside."""
    folder = place / "slow"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >>{place}/called\nsleep 0.3\nexec {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_source_that_git_ignores_is_not_put_into_its_store(repository: Path, write: Write) -> None:
    write(".gitignore", "secret.py\n__pycache__/\n")
    write("secret.py", "y = 1 + 1\n")
    write("train.py", "import secret\n")
    run = capture("train.py", "case")
    assert "secret.py" not in kept(run)


def test_a_killed_run_is_kept(repository: Path, write: Write) -> None:
    write("train.py", "import os, signal\nx = 1 + 1\nos.kill(os.getpid(), signal.SIGKILL)\n")
    flor("python", "train.py", "case")
    (run,) = Path(os.environ["FLOR_HOME"]).glob("case/runs/*")
    pack(run)
    assert kept(run) == working_tree(repository)


def test_line_ends_that_git_converts_are_no_difference(repository: Path) -> None:
    git("config", "core.autocrlf", "true")
    (repository / "train.py").write_bytes(b"x = 1 + 1\r\n")
    run = capture("train.py", "case")
    assert kept(run)["train.py"] == "x = 1 + 1\n"
    assert "changed" not in code(run)


def test_a_worktree_keeps_its_own_files_in_the_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("worktree", "add", "--quiet", "-b", "other", "../other")
    other = repository.parent / "other"
    monkeypatch.chdir(other)
    (other / "data.txt").write_text("of the other\n")
    run = capture("train.py", "case")
    assert code(run)["repository"] == str(repository / ".git")
    assert kept(run) == working_tree(other)
    assert kept(run)["data.txt"] == "of the other\n"


def test_a_repository_may_lie_elsewhere(folder: Path, write: Write) -> None:
    git("init", "--quiet", "--separate-git-dir=../elsewhere")
    write("train.py", "x = 1 + 1\n")
    run = capture("train.py", "case")
    assert code(run)["repository"] == str(folder.parent / "elsewhere")
    assert set(kept(run)) == {"train.py"}


def test_a_script_in_a_subfolder_keeps_the_whole_tree(
    repository: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sub/pyproject.toml", "")
    write("sub/go.py", "x = 1 + 1\n")
    monkeypatch.chdir(repository / "sub")
    run = capture("go.py", "case")
    monkeypatch.chdir(repository)
    assert kept(run) == working_tree(repository)


def test_submodules_and_repositories_inside_are_as_git_has_them(repository: Path, write: Write) -> None:
    write("../library/lib.py", "y = 1 + 1\n")
    git("init", "--quiet", "../library")
    git("-C", "../library", "add", ".")
    git("-C", "../library", "commit", "--quiet", "--message=lib")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository.parent / "library"), "sub")
    git("commit", "--quiet", "--message=with library")
    git("init", "--quiet", "empty")
    write("empty/file", "")
    write("train.py", "import sys\nsys.path.append('sub')\nimport lib\n")
    write("sub/lib.py", "y = 2 + 1\n")
    run = capture("train.py", "case")
    assert git("ls-tree", code(run)["ref"], "sub") == git("ls-tree", "HEAD", "sub")
    assert code(run)["left_out"] == [{"path": "empty", "why": "it is a repository of its own"}]
    assert "changed" not in code(run)


def test_a_script_in_a_submodule_keeps_that(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "--quiet", "../outer")
    monkeypatch.chdir("../outer")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "sub")
    monkeypatch.chdir("sub")
    run = capture("train.py", "case")
    assert code(run)["repository"] == str(repository.parent / "outer" / ".git" / "modules" / "sub")
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "train.py"}


@pytest.mark.parametrize("options", [["--cone"], ["--cone", "--sparse-index"]])
def test_what_is_not_checked_out_is_kept_as_it_was_committed(
    repository: Path, write: Write, options: list[str]
) -> None:
    write("here/file.txt", "")
    write("elsewhere/file.txt", "committed\n")
    git("add", ".")
    git("commit", "--quiet", "--message=second")
    git("sparse-checkout", "set", *options, "here")
    assert not Path("elsewhere").exists()
    run = capture("train.py", "case")
    assert kept(run)["elsewhere/file.txt"] == "committed\n"
    assert flor("checkout", "case", "../out").returncode == 0
    assert Path("../out/elsewhere/file.txt").read_text() == "committed\n"


def test_a_repository_may_use_another_hash(folder: Path, write: Write) -> None:
    git("init", "--quiet", "--object-format=sha256")
    write("train.py", "x = 1 + 1\n")
    run = capture("train.py", "case")
    assert len(code(run)["commit"]) == 64 and set(kept(run)) == {"train.py"}
    assert "changed" not in code(run)


def test_a_folder_may_be_reached_by_a_link(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("../link").symlink_to(repository)
    monkeypatch.chdir("../link")
    run = capture(repository.parent / "link" / "train.py", "case")
    assert code(run)["worktree"] == str(repository.parent / "link")
    assert kept(run) == working_tree(repository)
    assert "changed" not in code(run)


@pytest.mark.parametrize("name", ["a..b.lock", "a....b", "a.", "50% of~1^[x]", "@{1}", "é ü", "x.lock.lock", "@"])
def test_every_name_of_an_experiment_makes_a_ref(name: str) -> None:
    git("check-ref-format", ref_name(name, "20260101-000000-000000"))


def test_names_that_git_refuses_are_escaped_and_no_two_are_the_same(repository: Path) -> None:
    run = capture("train.py", "a..b.lock")
    assert code(run)["ref"] == f"refs/flor/a.%2Eb%2Elock/{run.name}"
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "train.py"}
    assert ref_name("a b", "r") == "refs/flor/a%20b/r"
    assert ref_name("a%20b", "r") == "refs/flor/a%2520b/r"


# ---- what is left out


def test_large_untracked_files_are_left_out_and_named(repository: Path) -> None:
    with open("weights.bin", "wb") as file:
        file.truncate(versions.MAX_FILE + 1)
    run = capture("train.py", "case")
    assert "weights.bin" not in git("ls-tree", "-r", "--name-only", code(run)["ref"])
    assert code(run)["left_out"] == [{"path": "weights.bin", "why": "it is untracked, and larger than 50 MB"}]
    assert (
        "kept the code in git without weights.bin: it is untracked, and larger than 50 MB"
        in flor("show", "case").stdout
    )


def test_too_many_untracked_files_are_left_out_but_for_what_was_executed(
    repository: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(12):
        write(f"images/{i}.txt", "x")
    write("go.py", "x = 1 + 1\n")
    run = capture("go.py", "case")
    assert len(kept(run)) == 17
    monkeypatch.setattr(versions, "MAX_FILES", 10)
    opened = open_run(run)
    (run / "code").mkdir()
    versions.keep(run)
    versions.finish(run, opened.info["sources"])
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "train.py", "go.py"}
    (left_out,) = code(run)["left_out"]
    assert left_out["path"] == "." and "13 untracked files with 0 MB are too much" in left_out["why"]


def test_traces_that_lie_in_the_repository_are_not_kept(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOR_HOME", str(repository / "traces"))
    run = capture("train.py", "case")
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "train.py"}
    assert code(run)["left_out"] == []


def test_a_file_that_cannot_be_read_is_left_out(repository: Path, write: Write) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    write("closed.txt", "").chmod(0)
    assert code(capture("train.py", "case"))["left_out"] == [{"path": "closed.txt", "why": "it cannot be read"}]


def test_a_file_that_git_does_not_take_is_left_out_and_named(repository: Path, write: Write) -> None:
    write("git~1", "on other systems this is another name of .git")
    write("new.txt", "new\n")
    run = capture("train.py", "case")
    assert code(run)["left_out"] == [{"path": "git~1", "why": "git could not add it (invalid path 'git~1')"}]
    assert set(kept(run)) == {".gitignore", "data.txt", "model.py", "new.txt", "train.py"}


# ---- what is the user's


def test_the_repository_is_as_it_was(repository: Path, write: Write) -> None:
    for name in ("post-index-change", "reference-transaction", "pre-commit", "post-commit", "post-checkout"):
        write(f".git/hooks/{name}", f"#!/bin/sh\necho {name} >>{repository}/hooked\n").chmod(0o755)
    git("config", "core.logAllRefUpdates", "always")
    git("config", "commit.gpgSign", "true")
    write(".git/monitor", f"#!/bin/sh\ntouch {repository}/monitored\nexit 1\n").chmod(0o755)
    git("config", "core.fsmonitor", str(repository / ".git" / "monitor"))
    git("add", "data.txt")
    git("stash", "--quiet")
    git("stash", "apply", "--quiet", "--index")
    git("status")
    (repository / "hooked").unlink()
    (repository / "monitored").unlink()

    def state() -> dict[str, tuple[int, bytes]]:
        found = (path for path in (repository / ".git").rglob("*") if path.is_file())
        own = {path.relative_to(repository / ".git"): path for path in found}
        return {
            str(name): (path.stat().st_mtime_ns, path.read_bytes())
            for name, path in own.items()
            if name.parts[0] != "objects" and name.parts[:2] != ("refs", "flor")
        }

    before = state()
    run = capture("train.py", "case")
    assert code(run)["commit"]
    assert state() == before
    assert not (repository / "hooked").exists() and not (repository / "monitored").exists()
    assert git("status", "--short", "--untracked-files=no") == "M  data.txt\n M model.py\n"


def test_others_can_read_what_they_could_read(repository: Path) -> None:
    for folder in (repository / ".git" / "objects").rglob("*"):
        assert not folder.is_dir() or folder.stat().st_mode & 0o055 == 0o055
    (repository / "new.txt").write_text("new")
    capture("train.py", "case")
    folders = [path for path in (repository / ".git").rglob("*") if path.is_dir()]
    assert [path for path in folders if stat.S_IMODE(path.stat().st_mode) != 0o755] == []


def test_a_run_from_within_git_keeps_its_own_repository(repository: Path) -> None:
    """As where a hook runs it: there git tells where its own files are."""
    git("init", "--quiet", "../another")
    another = str(repository.parent / "another" / ".git")
    run = capture("train.py", "case", GIT_DIR=another, GIT_INDEX_FILE=f"{another}/index", GIT_WORK_TREE="/")
    assert kept(run) == working_tree(repository)


# ---- where nothing is kept


def not_kept(saying: str, **environment: str) -> None:
    run = capture("train.py", "case", **environment)
    assert saying in code(run)["why"]
    assert "commit" not in code(run)
    assert f"run {run.name} kept no code in git: {code(run)['why']}\n" in flor("show", "case").stdout


def test_a_missing_git_is_no_error(repository: Path, tmp_path: Path) -> None:
    not_kept("git is not installed", PATH=str(tmp_path))


def test_a_repository_that_takes_no_ref_is_no_error(repository: Path, write: Write) -> None:
    write(".git/refs/flor", "no folder")
    not_kept("cannot lock ref")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with a script, on a disk of a megabyte."""
    place = tmp_path / "small"
    if not mount("flor-test", place, "-t", "tmpfs", "-o", "size=1m"):
        pytest.skip("no tmpfs can be mounted here")
    monkeypatch.chdir(place)
    git("init", "--quiet", "--template=")
    (place / "train.py").write_text("x = 1 + 1\n")
    yield place
    monkeypatch.chdir(tmp_path)
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_is_no_error(small: Path) -> None:
    with contextlib.suppress(OSError), open("full", "wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    not_kept("No space left on device")


def test_a_repository_that_is_read_only_is_no_error(small: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    not_kept("Read-only file system")


def test_a_repository_of_another_owner_is_no_error(repository: Path) -> None:
    not_kept("dubious ownership", GIT_TEST_ASSUME_DIFFERENT_OWNER="1", PATH=different_owner(repository.parent))


def different_owner(place: Path) -> str:
    """A PATH with a git that takes every repository for another owner's. (What the environment says of it is not
    passed on.)"""
    folder = place / "different"
    folder.mkdir()
    real = shutil.which("git")
    (folder / "git").write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_damaged_repository_is_no_error(repository: Path) -> None:
    Path(".git/index").write_text("no index")
    not_kept("index file")


def test_a_process_beside_that_is_ended_is_said(repository: Path) -> None:
    folder = repository.parent / "ending"
    folder.mkdir()
    (folder / "git").write_text("#!/bin/sh\nkill -9 $PPID\n")
    (folder / "git").chmod(0o755)
    not_kept("could not begin, or was ended", PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_where_the_sources_cannot_be_put_into_it_the_rest_is_kept(repository: Path) -> None:
    run = capture("train.py", "case")
    sources = open_run(run).info["sources"]
    shutil.rmtree(run / "sources")
    (run / "code").mkdir()
    versions.keep(run)
    versions.finish(run, sources)
    assert kept(run) == working_tree(repository)
    assert "kept the code in git, but the sources that were executed are not in it (" in flor("show", "case").stdout


def test_outside_of_a_repository_no_git_is_started(folder: Path, write: Write) -> None:
    write("train.py", "x = 1 + 1\n")
    (folder / ".git").mkdir()  # which is none
    run = capture("train.py", "case", PATH=slow_git(folder.parent))
    flor("show", "case")
    flor("rm", "--yes", f"case/{run.name}")
    assert not (folder.parent / "called").exists()
    assert not list((folder / ".git").iterdir())


def test_a_setting_turns_it_off(repository: Path, write: Write) -> None:
    write("pyproject.toml", "[tool.flor]\nkeep_code = false\n")
    run = capture("train.py", "case", PATH=slow_git(repository.parent))
    assert code(run) is None
    assert not (repository.parent / "called").exists()
    assert git("for-each-ref", "refs/flor") == ""
    assert json.loads((run / "run.json").read_bytes())["commit"] == git("rev-parse", "HEAD").strip()


def test_a_setting_that_means_nothing_is_refused(repository: Path, write: Write) -> None:
    write("pyproject.toml", '[tool.flor]\nkeep_code = "no"\n')
    done = flor("python", "train.py", "case")
    assert (done.returncode, done.stderr) == (
        2, f"flor: {repository}/pyproject.toml: [tool.flor] keep_code: 'no' is neither true nor false\n")  # fmt: skip


# ---- the program


def test_the_program_does_not_wait_for_git(repository: Path, write: Write) -> None:
    write("train.py", "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('no child')\n")
    place = repository.parent
    done = flor("python", "train.py", "case", PATH=slow_git(place))
    assert (done.returncode, done.stdout, done.stderr) == (0, "no child\n", "")
    assert git("for-each-ref", "refs/flor") == ""  # the first of several calls takes its time
    assert code(settled())["commit"]


# ---- removing


def test_a_removed_run_leaves_no_ref(repository: Path) -> None:
    first, second = capture("train.py", "case"), capture("train.py", "case")
    assert flor("rm", "--yes", f"case/{first.name}").returncode == 0
    assert git("for-each-ref", "--format=%(refname)") == f"refs/flor/case/{second.name}\nrefs/heads/work\n"
    assert flor("rm", "--yes", "case").returncode == 0
    assert git("for-each-ref", "--format=%(refname)") == "refs/heads/work\n"


def test_uninstalling_with_the_traces_leaves_no_ref(repository: Path) -> None:
    capture("train.py", "case")
    assert flor("uninstall", "--yes", "--traces").returncode == 0
    assert git("for-each-ref", "--format=%(refname)") == "refs/heads/work\n"


def test_a_ref_that_cannot_be_removed_is_said(repository: Path, write: Write) -> None:
    run = capture("train.py", "case")
    write(f".git/refs/flor/case/{run.name}.lock", "")
    done = flor("rm", "--yes", "case")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"flor: run {run.name} was removed; its code stays under refs/flor/case/{run.name} in "
    )


def test_a_run_that_is_removed_while_it_is_kept_leaves_no_ref(repository: Path) -> None:
    place = repository.parent
    assert flor("python", "train.py", "case", PATH=slow_git(place)).returncode == 0
    assert flor("rm", "--yes", "case").returncode == 0
    for _ in range(1200):
        if "update-ref -d" in (place / "called").read_text():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    assert git("for-each-ref", "refs/flor") == ""


def test_a_run_whose_repository_is_gone_can_be_removed(repository: Path) -> None:
    capture("train.py", "case")
    shutil.rmtree(".git")
    assert flor("rm", "--yes", "case").returncode == 0


def test_a_ref_that_is_not_flors_is_not_believed(repository: Path) -> None:
    run = capture("train.py", "case")
    info = json.loads((run / "run.json").read_bytes())
    info["code"]["ref"] = "refs/heads/work"
    (run / "run.json").write_text(json.dumps(info))
    flor("rm", "--yes", "case")
    assert git("rev-parse", "work")


def test_a_file_that_is_gone_meanwhile_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`git add` gives up where a file that it has listed is not there any more."""
    asked: list[str] = []

    def git(command: str, *_: str, **__: object) -> bytes:
        asked.append(command)
        if asked.count("add") < 3:
            raise versions.GitError("fatal: unable to stat 't11.tmp': No such file or directory", 128)
        return b""

    monkeypatch.setattr(versions, "_untracked", lambda *_: (True, []))
    monkeypatch.setattr(versions, "_PAUSE", 0)
    assert versions._add(git, tmp_path, None) == []  # type: ignore[arg-type]
    assert asked == ["add"] * 3
    asked.clear()
    monkeypatch.setattr(versions, "_TRIES", 2)
    with pytest.raises(versions.GitError, match="unable to stat"):
        versions._add(git, tmp_path, None)  # type: ignore[arg-type]
