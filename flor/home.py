"""Where things live: FLOR_HOME, its experiments, their runs. Imports the standard library only.

FLOR_HOME/<experiment>/runs/<run>/run.json     what the run was and how it ended
                              sources/<sha256>.py, sites/<sha256>.json
                              segments/, then trace/     the events
FLOR_HOME/<experiment>/log.json, table.parquet, arrays.parquet, table.json
FLOR_HOME/.cache/                              rewritten code
"""

from __future__ import annotations

import _thread
import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flor.errors import FlorError

#: Version of everything in a run directory: run.json's "format".
FORMAT = 1

#: A file beside run.json: why the run could not be packed so far.
NOT_PACKED = ".not-packed"

#: A file in FLOR_HOME: what was typed into `flor sql`.
SQL_HISTORY = ".sql_history"

#: A folder beside run.json: there until it is settled what git keeps of the run's code.
CODE = "code"


def home() -> Path:
    """FLOR_HOME, by default ~/.flor, absolute. It need not exist."""
    return Path(os.environ.get("FLOR_HOME") or "~/.flor").expanduser().absolute()


def _is_experiment_name(name: str) -> bool:
    return (
        bool(name)
        and not name.startswith((".", "-"))
        and len(name.encode("utf-8", "surrogatepass")) <= 200
        and not any(c in '/\\:*?"<>|' or ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in name)
    )


def check_experiment_name(name: str) -> None:
    """Raise FlorError unless `name` can be a folder of FLOR_HOME."""
    if not _is_experiment_name(name):
        raise FlorError(f"{name!r} cannot name an experiment: use letters, digits, '_', '-' and '.', as in iris_demo")


def private_directory(path: Path) -> None:
    """Create `path` and its missing parents, readable by their owner only. Raises FlorError with the reason."""
    try:
        for parent in [*reversed(path.parents), path]:
            if not parent.exists():
                make_private(parent)
    except OSError as error:
        raise FlorError(
            f"cannot write to {path}: {error.strerror}; set FLOR_HOME to a folder that can be written"
        ) from None


def make_private(path: Path, *, exist_ok: bool = True) -> None:
    """Create a folder that its owner alone can read, whatever the umask. Raises OSError."""
    try:
        path.mkdir(mode=0o700)
        path.chmod(0o700)
    except FileExistsError:
        if not exist_ok:
            raise


def create_private(path: str | Path, flags: int = os.O_WRONLY | os.O_TRUNC) -> int:
    """Open a file, which is made if it is not there: its owner alone can read it, whatever the umask. Returns its
    descriptor. Raises OSError.
    """
    file = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(file, 0o600)
    return file


def write_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write `path` whole or not at all: beside its place, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{_thread.get_ident()}")
    try:
        with os.fdopen(create_private(beside), "wb") as file:
            file.write(data)
            if mode != 0o600:
                os.fchmod(file.fileno(), mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_own(path: Path) -> bytes:
    """A file that nobody but this user can have written, nor put there. Raises PermissionError if others could have."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as opened:
        for about in (os.fstat(file), os.stat(path.parent)):  # noqa: PTH116 - Path.stat would cost as much again
            if about.st_uid != os.geteuid() or about.st_mode & 0o022:
                raise PermissionError(f"{path} may be another user's")
        return opened.read()


def write_json(path: Path, data: object, room: int = 0) -> None:
    """`write_file` with `data` as JSON, in a file of at least `room` bytes."""
    write_file(path, _json(data, room))


def write_json_over(path: Path, data: object, room: int = 0) -> None:
    """`write_json` where a file is already: in place if there is no room beside it, and it fits there. Raises OSError;
    then the file is as it was.
    """
    try:
        write_json(path, data, room)
    except OSError:
        size = path.stat().st_size
        written = _json(data, size)
        if len(written) > size:
            raise
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, written)
        finally:
            os.close(file)


def _json(data: object, room: int = 0) -> bytes:
    text = json.dumps(data, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text.ljust(room - 1) + b"\n"


def process_started(pid: int) -> str | None:
    """What tells this process from any other with the same pid, be it a later one, one of another container or of
    another machine; None if there is no such process.
    """
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):  # it has ended, and nobody has asked how
            return None
        return f"{fields[19].decode()} {_place()}"
    except (OSError, IndexError):
        pass
    if sys.platform == "linux":
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "running"


@functools.cache
def _place() -> str:
    """Where pids mean what they mean here: the machine since it was started, the container, and the machine's name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        container = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "? ? ?"
    return f"{boot} {container} {os.uname().nodename}"


def is_of_another_boot(started: str | None) -> bool:
    """Whether a process that told (by `process_started`) when it began did so on another machine, or on this one before
    it was started again.
    """
    place = _place_of(started)
    return place is not None and place[0] != _place().split()[0]


def is_elsewhere(started: str | None) -> bool:
    """Whether a process that told when it began runs on another machine or in another container, or did: whether it
    still does cannot be known here.
    """
    place = _place_of(started)
    if place is None:
        return False
    boot, container, name = _place().split(" ", 2)
    return place[2] != name if place[0] != boot else place[1] != container


def _place_of(started: str | None) -> list[str] | None:
    parts = started.split(" ", 3)[1:] if started is not None else []
    return parts if len(parts) == 3 and parts[0] != "?" else None


def ref_name(experiment: str, run: str) -> str:
    """The git ref of a run's code. What a ref's name cannot have stands in it as in a URL, `%20` for a space."""
    return f"refs/flor/{_REFUSED.sub(_escaped, experiment)}/{run}"


def _escaped(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


#: What git refuses of what an experiment's name can have (`git check-ref-format`), and the sign that stands for it.
_REFUSED = re.compile(r"[%\x7f ~^\[]|(?<=\.)\.|\.$|\.(?=lock$)|(?<=@)\{")


@dataclass(frozen=True)
class Run:
    """One run's directory and what its run.json says."""

    path: Path
    info: dict[str, Any]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def experiment(self) -> str:
        return self.path.parent.parent.name

    @property
    def status(self) -> str:
        """running, finished, failed (an exception or an exit code that is not 0), or killed (it never said how it
        ended).
        """
        status = str(self.info["status"])
        if status == "running" and process_started(self.info["pid"]) != self.info["pid_started"]:
            return "killed"
        return status

    @property
    def seconds(self) -> float | None:
        """How long it ran; None if it was killed."""
        if self.info.get("end") is not None:
            return float(self.info["end"]) - float(self.info["start"])
        return time.time() - float(self.info["start"]) if self.status == "running" else None

    @property
    def code_ref(self) -> str | None:
        """The ref under which git keeps the code; None if it does not, or not yet."""
        code = self.info["code"] or {}
        return str(code["ref"]) if "commit" in code else None


def open_run(path: Path) -> Run:
    """Read a run's run.json. Raises FlorError with one line if it is none, or of a newer format."""
    try:
        info = {**_ABSENT, **json.loads((path / "run.json").read_bytes())}
        version = info["format"]
    except FileNotFoundError:
        raise FlorError(f"{path} is no run: it has no run.json") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FlorError(f"{path / 'run.json'} cannot be read ({type(error).__name__}: {error})") from None
    if isinstance(version, int) and version > FORMAT:
        raise FlorError(
            f"{path} was written by a newer Flor (format {version}, this one reads {FORMAT}): "
            "upgrade with pip install -U flor-lsp"
        )
    foreign = next((key for key, holds in _RUN_JSON.items() if not holds(info.get(key))), None)
    if foreign is not None:
        raise FlorError(f"{path / 'run.json'} cannot be read (its {foreign!r} is none that Flor wrote)")
    return Run(path, info)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < _LAST_TIME


def _are_texts(value: object, *keys: str) -> bool:
    """Is this a list of objects that have text under these keys?"""
    return isinstance(value, list) and all(
        isinstance(item, dict) and all(isinstance(item.get(key), str) for key in keys) for item in value
    )


def _are_counts(items: Any, *keys: str) -> bool:
    return all(isinstance(item.get(key), int) and item[key] >= 0 for item in items for key in keys)


_LAST_TIME = 2e11  # in the year 8307: what datetime can hold

#: What is relied on in a run.json, and what stands for what one may lack.
_ABSENT: dict[str, Any] = {
    "pid_started": None,
    "end": None,
    "exit_code": None,
    "argv": [],
    "logged": [],
    "uncaptured": [],
    "thinned": [],
    "code": None,
}
_RUN_JSON: dict[str, Callable[[object], bool]] = {
    "format": lambda v: isinstance(v, int),
    "pid": lambda v: isinstance(v, int),
    "pid_started": lambda v: isinstance(v, str | None),
    "status": lambda v: isinstance(v, str),
    "start": _is_time,
    "end": lambda v: v is None or _is_time(v),
    "exit_code": lambda v: v is None or (isinstance(v, int) and abs(v) < 2**63),
    "argv": lambda v: isinstance(v, list),
    "sources": lambda v: _are_texts(v, "path", "sha256", "module"),
    "logged": lambda v: _are_texts(v, "path", "sha256", "module"),
    "uncaptured": lambda v: _are_texts(v, "path", "why"),
    "code": lambda v: (
        v is None
        or (
            _are_texts([v], "ref", "repository", "worktree")
            and v["ref"].startswith("refs/flor/")  # type: ignore[index]
            and _are_texts(v.get("left_out", []), "path", "why")  # type: ignore[attr-defined]
        )
    ),
    "thinned": lambda v: (
        _are_texts(v, "path", "module", "kind", "name") and _are_counts(v, "line", "recorded", "skipped")
    ),
}


def experiment_path(name: str) -> Path:
    """The folder of an experiment that exists. Raises FlorError that names those that do."""
    check_experiment_name(name)
    path = home() / name
    if not path.is_dir():
        known = experiments()
        raise FlorError(
            f"no experiment {name!r} in {home()}; "
            + (
                f"there are: {', '.join(known)}"
                if known
                else "there is none yet: flor python SCRIPT EXPERIMENT makes one"
            )
        )
    return path


def experiments() -> list[str]:
    """Names of all experiments, sorted. Raises FlorError if FLOR_HOME is there and cannot be read."""
    try:
        return sorted(p.name for p in home().iterdir() if p.is_dir() and _is_experiment_name(p.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FlorError(f"cannot read {home()}: {error.strerror}; set FLOR_HOME to a folder of yours") from None


def run_paths(experiment: str) -> list[Path]:
    """The directories of an experiment's runs, oldest first."""
    runs = experiment_path(experiment) / "runs"
    return sorted(p for p in runs.iterdir() if p.is_dir() and not p.name.startswith(".")) if runs.is_dir() else []


def named_run(what: str) -> Path:
    """The directory of EXPERIMENT's newest run, or of EXPERIMENT/RUN. Raises FlorError if there is none."""
    experiment, slash, run_id = what.partition("/")
    paths = [p for p in run_paths(experiment) if not slash or p.name == run_id]
    if not paths:
        wanted = f"run {run_id!r}" if slash else "run"
        raise FlorError(f"experiment {experiment!r} has no {wanted}: flor ls {experiment} lists what there is")
    return paths[-1]


def runs(experiment: str, warnings: list[str]) -> Iterator[Run]:
    """An experiment's runs, oldest first. One that cannot be read is skipped, and said in `warnings`."""
    for path in run_paths(experiment):
        try:
            yield open_run(path)
        except FlorError as error:
            warnings.append(f"run {path.name} skipped: {error}")
