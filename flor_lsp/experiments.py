"""Which runs there are of each file: an index over FLOR_HOME, filled in the background and kept by watching folders.

Watched are FLOR_HOME, each experiment and its folder of runs, none deeper: what changes in a run is its run.json, and
of those only the few that have not ended are looked at again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from flor import home
from flor.errors import FlorError
from flor.trace import logged
from flor.trace.layout import captured

log = logging.getLogger("flor_lsp")

_LOOK = 1.0  # seconds between two looks at the runs that go on
_ENDED = ("finished", "failed", "killed")


@dataclass(frozen=True, slots=True)
class Version:
    """A source as a run captured it."""

    path: str
    sha256: str
    module: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the index knows of a run."""

    experiment: str
    id: str
    status: str  # running, finished, failed, killed
    start: float  # seconds since the epoch
    end: float | None
    exit_code: int | None
    exception: str | None
    root: str | None  # of the project that it ran in
    sources: tuple[Version, ...]

    @property
    def path(self) -> Path:
        """Its folder."""
        return home.home() / self.experiment / "runs" / self.id


_version = lru_cache(maxsize=10_000)(Version)  # most runs have the same ones


def read_run(path: Path) -> RunInfo:
    """Raises FlorError if it is none that can be read."""
    run = home.open_run(path)
    info = run.info
    sources = [_version(s["path"], s["sha256"], s["module"]) for s in (*info["sources"], *info["logged"])]
    if not sources:  # it goes on, or was killed
        sources = [_version(key.path, key.sha256, key.module) for key in captured(path)]
        sources += [_version(s["path"], s["sha256"], s["module"]) for s in logged.sources(path)]
    return RunInfo(
        run.experiment,
        run.id,
        run.status,
        float(info["start"]),
        None if info["end"] is None else float(info["end"]),
        info["exit_code"],
        None if info.get("exception") is None else str(info["exception"]),
        None if info.get("root") is None else str(info["root"]),
        tuple(sources),
    )


class Experiments:
    """The index. Its methods are for the event loop's thread."""

    def __init__(self, changed: Callable[[set[str]], None]) -> None:
        """`changed` is told which experiments have other runs, or runs that ended, or another table."""
        self._changed = changed
        self._runs: dict[str, dict[str, RunInfo]] = {}  # experiment -> id -> run
        self._by_path: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._by_content: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._by_relative: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.filled = asyncio.Event()

    # ---- what is asked

    def names(self) -> list[str]:
        """All experiments."""
        return sorted(self._runs)

    def runs(self, experiment: str) -> list[RunInfo]:
        """An experiment's runs, the newest first."""
        return sorted(self._runs.get(experiment, {}).values(), key=lambda run: run.id, reverse=True)

    def of_file(self, path: Path, sha256: str | None = None) -> list[RunInfo]:
        """The runs that captured a file, the newest first: by its path; where there is none by its content, or by its
        place in another checkout of its project."""
        keys = self._by_path.get(str(path), set())
        if not keys and sha256 is not None:
            keys = self._by_content.get(sha256, set())
        if not keys and (relative := _relative(path)) is not None:
            keys = self._by_relative.get(relative, set())
        found = [self._runs[experiment][id_] for experiment, id_ in keys]
        return sorted(found, key=lambda run: (run.start, run.id), reverse=True)

    @staticmethod
    def version(run: RunInfo, path: Path, sha256: str | None = None) -> Version | None:
        """The version of a file that a run captured, found as in `of_file`."""
        relative = _relative(path)
        ways: tuple[Callable[[Version], bool], ...] = (
            lambda v: v.path == str(path),
            lambda v: v.sha256 == sha256,
            lambda v: relative is not None and _relative_to(v.path, run.root) == relative,
        )
        return next((v for way in ways for v in run.sources if way(v)), None)

    # ---- what fills it

    async def look_at(self, experiment: str) -> None:
        """Look at an experiment now, not when it is noticed."""
        await self._scan([experiment])

    async def keep(self) -> None:
        """Fill the index, then keep it until this is cancelled."""
        await self._scan(await asyncio.to_thread(_experiments))
        self.filled.set()
        await asyncio.gather(self._watch(), self._look())

    async def _scan(self, experiments: Iterable[str]) -> None:
        for experiment in experiments:
            self._take(experiment, await asyncio.to_thread(_read, experiment, self._runs.get(experiment, {})))

    def _take(self, experiment: str, found: dict[str, RunInfo] | None) -> None:
        """An experiment's runs as they are now; None: it is gone."""
        was_known = experiment in self._runs
        before = self._runs.get(experiment, {})
        now = found or {}
        if found is None:
            self._runs.pop(experiment, None)
        else:
            self._runs[experiment] = now
        for run in before.values():
            if now.get(run.id) != run:
                self._index(run, set.discard)
        for run in now.values():
            if before.get(run.id) != run:
                self._index(run, set.add)
        if before != now or was_known != (found is not None):
            self._changed({experiment})

    def _index(self, run: RunInfo, do: Callable[[set[tuple[str, str]], tuple[str, str]], None]) -> None:
        key = (run.experiment, run.id)
        for version in run.sources:
            do(self._by_path[version.path], key)
            do(self._by_content[version.sha256], key)
            if (relative := _relative_to(version.path, run.root)) is not None:
                do(self._by_relative[relative], key)

    async def _watch(self) -> None:
        """Follow what changes in the folders; new experiments are watched, too."""
        from watchfiles import awatch

        while True:
            root = home.home()
            if not await asyncio.to_thread(root.is_dir):
                await asyncio.sleep(_LOOK)
                continue
            names = await asyncio.to_thread(_experiments)
            folders = [root, *(root / name for name in names), *(root / name / "runs" for name in names)]
            there = [folder for folder in folders if folder.is_dir()]
            stop = threading.Event()
            await self._scan(sorted({*names, *self._runs}))
            watched = awatch(
                *there, recursive=False, stop_event=stop, debounce=200, rust_timeout=2000, yield_on_timeout=True
            )
            async for changes in watched:
                touched = {name for _, path in changes if (name := _experiment_of(Path(path), root)) is not None}
                await self._scan(sorted(touched))
                tables = {Path(path).parent.name for _, path in changes if Path(path).name == "table.json"}
                if tables:
                    self._changed(tables)
                if any(len(Path(path).relative_to(root).parts) <= 2 for _, path in changes) or not root.is_dir():
                    now = await asyncio.to_thread(_experiments)
                    if now != names or any(
                        (root / n / "runs").is_dir() and root / n / "runs" not in there for n in now
                    ):
                        stop.set()

    async def _look(self) -> None:
        """Look again at the runs that have not ended: how a run ends is in its run.json."""
        while True:
            await asyncio.sleep(_LOOK)
            going = {run.experiment for runs in self._runs.values() for run in runs.values() if run.status == "running"}
            await self._scan(sorted(going))


def _read(experiment: str, known: dict[str, RunInfo]) -> dict[str, RunInfo] | None:
    """An experiment's runs; those that had ended are not read again."""
    found = {}
    try:
        paths = home.run_paths(experiment)
    except (FlorError, OSError):
        return None
    for path in paths:
        run = known.get(path.name)
        if run is None or run.status not in _ENDED:
            try:
                run = read_run(path)
            except (FlorError, OSError, KeyError, TypeError, ValueError) as error:
                log.info("%s: %s", path, error)
                continue
        found[path.name] = run
    return found


def _experiments() -> list[str]:
    try:
        return home.experiments()
    except FlorError as error:
        log.warning("%s", error)
        return []


def _experiment_of(path: Path, root: Path) -> str | None:
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return None
    return parts[0] if parts and not parts[0].startswith(".") else None


def _relative_to(path: str, root: str | None) -> str | None:
    """A path within a project; None where that says too little."""
    if root is None:
        return None
    try:
        return str(PurePath(path).relative_to(root))
    except ValueError:
        return None


def _relative(path: Path) -> str | None:
    """The path of a file within its repository; None if it is in none."""
    for folder in path.parents:
        if (folder / ".git").exists():
            return str(path.relative_to(folder))
    return None
