"""What `flor ls`, `flor show` and `flor rm` say about experiments and runs."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path

from flor import versions
from flor.errors import FlorError
from flor.home import NOT_PACKED, Run, experiment_path, experiments, home, open_run, run_paths, runs
from flor.trace import logged
from flor.trace.format import THINNED
from flor.trace.thinned import Thinned

_RUN_COLUMNS = ("RUN", "STATUS", "BEGAN", "LASTED", "SIZE", "ARGUMENTS")
_MOST_ARGUMENTS = 60  # characters
_TRIES, _PAUSE = 20, 0.05  # of removing what somebody else is at work in; seconds


def experiments_and_runs(only: str | None) -> tuple[list[str], list[str]]:
    """A line for each run of each experiment (or of one), and warnings: what could not be read."""
    names = [only] if only is not None else experiments()
    rows: list[Sequence[str]] = []
    warnings: list[str] = []
    for name in names:
        found = list(runs(name, warnings))
        rows += [(name, *_run_columns(run)) for run in found]
        if not found:
            rows.append((name, "no run", "", "", "", "", ""))
    if not rows:
        return [f"no experiment in {home()} yet: flor python SCRIPT EXPERIMENT makes one"], warnings
    return _runs_aligned(("EXPERIMENT", *_RUN_COLUMNS), rows), warnings


def experiment(name: str) -> tuple[list[str], list[str]]:
    """An experiment's runs, names and sources, and warnings: what could not be read."""
    warnings: list[str] = []
    found = list(runs(name, warnings))
    lines = [f"experiment {name}, {_count(len(found), 'run')}, in {experiment_path(name)}", ""]
    lines += _runs_aligned(_RUN_COLUMNS, [_run_columns(r) for r in found])
    for run in found:
        for key, text in (("exception", "raised"), ("gap", "has a gap")):
            if run.info.get(key):
                lines.append(f"run {run.id} {text}: {_first_line(str(run.info[key]))}")
    lines += _uncaptured(found) + _thinned(found) + _not_packed(found) + _code(found)
    names = _table_names(name)
    logs = any(logged.path(run.path).exists() for run in found)
    lines += ["", "names" if names else f"no table yet: flor etl {name} {'' if logs else 'SHADOW '}makes one"]
    lines += _aligned((), names)
    sources = {(s["path"], s["sha256"]): s["module"] for run in found for s in _sources(run)}
    if sources:
        versions = [(path, f"{sha[:12]}", module) for (path, sha), module in sorted(sources.items())]
        lines += ["", "sources", *_aligned((), versions)]
    return lines, warnings


def _first_line(text: str) -> str:
    """Of an exception what it is and says. (Of a syntax error that is the last line: the place comes before it.)"""
    lines = text.splitlines()
    if lines[0].startswith('File "'):
        return lines[-1]
    return lines[0] + (" ..." if len(lines) > 1 else "")


def _uncaptured(runs: Sequence[Run]) -> list[str]:
    """A line for each reason why something was not captured; runs of which the same is to be said share it."""
    said: dict[str, list[str]] = {}
    for run in runs:
        by_reason: dict[str, list[str]] = {}
        for item in run.info["uncaptured"]:
            lines = item.get("lines")
            by_reason.setdefault(item["why"], []).append(f"{item['path']}:{lines[0]}" if lines else item["path"])
        for why, paths in by_reason.items():
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            said.setdefault(f"did not capture {', '.join(paths[:3])}{more}: {why}", []).append(run.id)
    return [f"{f'run {ids[0]}' if len(ids) == 1 else f'{len(ids)} runs'} {text}" for text, ids in said.items()]


def _thinned(runs: Sequence[Run]) -> list[str]:
    """A line for each block that was thinned, of each run."""
    return [f"run {run.id} was thinned, {thinned}" for run in runs for thinned in _thinned_blocks(run)]


def _not_packed(runs: Sequence[Run]) -> list[str]:
    """Why runs could not be packed so far."""
    lines = []
    for run in runs:
        with contextlib.suppress(OSError):
            why = (run.path / NOT_PACKED).read_text() or "there is no room"  # not even for the reason
            lines.append(f"run {run.id} is not packed yet: {why}")
    return lines


def _code(runs: Sequence[Run]) -> list[str]:
    """What git does not keep of runs' code, or not as it was found; runs of which the same is to be said share it."""
    said: dict[str, list[str]] = {}
    for run in runs:
        code = run.info["code"] or {}
        if why := code.get("why"):
            text = f"kept the code in git, but {why}" if "commit" in code else f"kept no code in git: {why}"
            said.setdefault(text, []).append(run.id)
        for item in code.get("left_out", []):
            said.setdefault(f"kept the code in git without {item['path']}: {item['why']}", []).append(run.id)
        if changed := code.get("changed"):
            text = f"kept in git what was executed of {', '.join(changed)}, which changed meanwhile"
            said.setdefault(text, []).append(run.id)
    return [f"{f'run {ids[0]}' if len(ids) == 1 else f'{len(ids)} runs'} {text}" for text, ids in said.items()]


def _thinned_blocks(run: Run) -> list[Thinned]:
    """From run.json, or from the trace of a run that is not packed yet."""
    if run.info["thinned"] or not any(map(_says_thinned, (run.path / "segments").glob("*/control"))):
        names = [field.name for field in fields(Thinned)]
        return [Thinned(*(about[name] for name in names)) for about in run.info["thinned"]]
    from flor.trace.read import open_trace

    try:
        return list(open_trace(run).thinned().values())
    except FlorError:
        return []


def _says_thinned(control: Path) -> bool:
    try:
        return control.read_bytes()[8 * THINNED : 8 * THINNED + 1] not in (b"", b"\0")
    except OSError:
        return False


def _sources(run: Run) -> list[dict[str, str]]:
    """The captured sources; those of a run that never said its last word from its trace."""
    if run.info["sources"] or run.status not in ("running", "killed"):
        return list(run.info["sources"])
    from flor.trace.read import open_trace

    try:
        return [{"path": s.path, "sha256": s.sha256, "module": s.module} for s in open_trace(run).sources]
    except FlorError:
        return []


def _table_names(experiment: str) -> list[Sequence[str]]:
    """Name, shadow copy and expression of the experiment's table, as `flor etl` left it."""
    try:
        data = json.loads((experiment_path(experiment) / "table.json").read_bytes())
        return [(str(n["name"]), " ".join(str(n["text"]).split()), str(n["shadow"])) for n in data["names"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def runs_of_table(experiment: str) -> list[str]:
    """The ids of the runs that the experiment's table was made of."""
    try:
        return list(map(str, json.loads((experiment_path(experiment) / "table.json").read_bytes())["runs"]))
    except (OSError, ValueError, KeyError, TypeError):
        return []


@dataclass(frozen=True)
class Removable:
    """Something that `flor rm` can remove."""

    description: str
    remove: Callable[[], None]


def removable(what: str) -> Removable:
    """EXPERIMENT or EXPERIMENT/RUN. Raises FlorError if it is not there, or runs."""
    name, slash, run_id = what.partition("/")
    folder = experiment_path(name)
    path = folder / "runs" / run_id if slash else folder
    paths = run_paths(name)
    if slash and path not in paths:
        known = ", ".join(p.name for p in paths[-5:])
        raise FlorError(f"no run {run_id!r} in experiment {name!r}; its newest runs are: {known or 'none'}")
    targets = [path] if slash else paths
    refuse_running(targets)
    others = sum(target.is_symlink() for target in targets)
    stay = f" and {others} that stay with other experiments" if others else ""
    count = "" if slash else f"{_count(len(targets) - others, 'run')}{stay}, "
    kind = "run" if slash else "experiment"

    return Removable(f"{kind} {what} ({count}{size(path)})", partial(remove, path, targets))


def remove(folder: Path, paths: Sequence[Path]) -> None:
    """Remove a folder with these runs in it, and what git keeps of their code. Raises FlorError if something stays."""
    own = [path for path in paths if not path.is_symlink()]  # the others are parts of another experiment's runs
    found = [run for run in map(_readable, own) if run is not None]
    try:
        if found and folder in paths and _is_last(found[0]):
            (folder.parents[1] / "log.json").unlink(missing_ok=True)
        if folder.is_symlink():
            folder.unlink()
        else:
            _remove_tree(folder)
    except OSError as error:
        raise FlorError(f"cannot remove {error.filename}: {error.strerror}") from None
    for run in found:
        try:
            versions.forget(run)
        except versions.GitError as error:
            ref, repository = run.info["code"]["ref"], run.info["code"]["repository"]
            raise FlorError(f"run {run.id} was removed; its code stays under {ref} in {repository}: {error}") from None


def _is_last(run: Run) -> bool:
    """Whether it has ended, and no other run of its experiment later: then log.json is of this one. (The log of a run
    that was killed was never written, and that of a linked one lies with its own experiment.)"""
    if run.info["end"] is None:
        return False
    others = [_readable(path) for path in run_paths(run.experiment) if not path.is_symlink()]
    ends = [other.info["end"] for other in others if other is not None]
    return all(end is None or end <= run.info["end"] for end in ends)


def _remove_tree(folder: Path) -> None:
    """Remove a folder in which somebody else may be at work: who packs a run removes files, too, and makes others."""
    for again in reversed(range(_TRIES)):
        try:
            shutil.rmtree(folder)
            return
        except OSError as error:
            if not folder.exists():
                return
            if not again or error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise
            time.sleep(_PAUSE)


def refuse_running(paths: Sequence[Path]) -> None:
    """Raise FlorError if one of these runs is going on."""
    for run in map(_readable, paths):
        if run is not None and run.status == "running":  # one that cannot be read does not run
            raise FlorError(f"run {run.id} of {run.experiment!r} is still running: end it first")


def _readable(path: Path) -> Run | None:
    try:
        return open_run(path)
    except FlorError:
        return None


def _run_columns(run: Run) -> tuple[str, ...]:
    code = run.info.get("exit_code")
    status = f"failed ({code})" if run.status == "failed" and code not in (None, 1) else run.status
    arguments = " ".join(shlex.join(map(str, run.info["argv"][1:])).split())
    arguments = "".join(own if own.isprintable() else ascii(own)[1:-1] for own in arguments)
    if len(arguments) > _MOST_ARGUMENTS:
        arguments = arguments[: _MOST_ARGUMENTS - 3] + "..."
    return run.id, status, _when(float(run.info["start"])), _duration(run.seconds), size(run.path), arguments


def _runs_aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """With the runs' arguments, where one has some."""
    end = None if any(row[-1] for row in rows) else -1
    return _aligned(header[:end], [row[:end] for row in rows])


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _when(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp).strftime("%Y-%m-%d %H:%M:%S")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def size(path: Path) -> str:
    """What a folder takes on disk, in kB, MB or GB. It may be packed or removed meanwhile."""
    total = 0
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                total += Path(folder, name).lstat().st_blocks * 512
            except OSError:
                continue
    for unit in ("B", "kB", "MB"):
        if total < 1000:
            return f"{total:.3g} {unit}"
        total = total / 1000  # type: ignore[assignment]
    return f"{total:.3g} GB"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    table = [list(header), *map(list, rows)] if header else list(map(list, rows))
    if not table:
        return []
    widths = [max(len(r[i]) for r in table) for i in range(len(table[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in table]
