"""Pack a run: its segments become Parquet files (see `packed.py`), and go.

A run that has ended and is short becomes one part. A long one is packed in parts, while it goes on: of each stream the
segments that are complete, then their files are removed. Whatever happens between, each record is in a part, or in a
segment that the part's state says is still to be read.

`python -m flor.trace.pack RUN_DIR...` does it as a helper process at low priority, and says nothing; with
`--beside RUN_DIR` it packs a run that goes on, until it has ended (see `beside.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from flor import versions
from flor.capture import beside
from flor.errors import FlorError
from flor.home import CODE, NOT_PACKED, Run, is_elsewhere, open_run, process_started, write_json_over
from flor.trace.checkpoint import Checkpoint, part_path, parts
from flor.trace.columns import remembered
from flor.trace.decode import Decoded, decode
from flor.trace.format import GAP, RECORD
from flor.trace.layout import Layout, VanishedError, read_layout, reason
from flor.trace.packed import Packed
from flor.trace.read import open_trace
from flor.trace.write import make_durable, write_part

#: Bytes of event segments in a part: 4 million records, which take 200 to 400 MB of memory while they are packed.
_PART = RECORD << 22

#: Gaps' heap bytes that are remembered from part to part.
_GAPS = 1 << 10

_REMOVED = ".segments"


def pack(run_path: Path) -> None:
    """Pack the run in the directory `run_path` and remove its segments. Does nothing if it is packed.

    Raises FlorError if the run is going on, if another process is packing it, or if there is no room: then what was not
    packed is as it was, and nothing else is left behind. Segments that could not be read in full are kept.
    """
    with _lock(run_path):
        if goes_on(run_path):
            raise FlorError(
                f"{run_path} is still running, as far as can be seen from here: it can be packed when it has ended"
            )
        pack_rest(run_path)


def pack_rest(run: Path) -> None:
    """Pack what there is of a run that has ended. Then run.json says what was thinned, and what became of the code."""
    try:
        _pack_segments(run)
    finally:
        if (run / CODE).is_dir():
            versions.finish(run, _sources(run))


def _sources(run: Path) -> list[dict[str, str]]:
    """What run.json says that was captured; where the run never said its last word, what its trace says."""
    with contextlib.suppress(FlorError):
        opened = open_run(run)
        found: list[dict[str, str]] = opened.info["sources"]
        return found or [{"path": s.path, "sha256": s.sha256} for s in open_trace(opened).sources]
    return []


def _pack_segments(run: Path) -> None:
    shutil.rmtree(run / _REMOVED, ignore_errors=True)
    done = parts(run)
    if done == [0]:
        packed = Packed(run, 0).about
        if not packed.damaged and (run / "segments").is_dir():  # a packer that was killed left them
            if _has_begun_since(run, part_path(run, "blocks", 0)):
                return  # what that process recorded is in no part
            _note(run)
            _remove_segments(run)
        _tidy(run)
        return
    try:
        packer = Packer(run)
        if not (run / "segments").is_dir():
            if not done:
                raise VanishedError(run / "segments")
            return
        while packer.part(ended=True):
            pass
        _note(run)
        if not packer.damaged:
            packer.remove_segments()
        _tidy(run)
    except VanishedError as error:
        raise FlorError(f"{error} is gone: there is nothing to pack") from None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise FlorError(f"{run} was not packed ({reason(error)}): its segments are kept") from None


def _has_begun_since(run: Path, file: Path) -> bool:
    """Whether a process of the run has made its folder after a file was written."""
    written = file.stat().st_mtime_ns
    return any(path.stat().st_mtime_ns > written for path in (run / "segments").glob("*/process.json"))


def _tidy(run: Path) -> None:
    """Remove what is of use only as long as the run is not packed."""
    for name in ("log.json", ".log.json", NOT_PACKED):
        (run / name).unlink(missing_ok=True)


def _note(run: Path) -> None:
    """run.json says what was thinned and, if the run never said its last word, what was captured."""
    opened = open_run(run)
    trace = open_trace(opened)
    noted: dict[str, object] = {}
    if thinned := trace.thinned():
        noted["thinned"] = [asdict(about) for about in thinned.values()]
    if not opened.info["sources"]:
        noted["sources"] = [{"path": s.path, "sha256": s.sha256, "module": s.module} for s in trace.sources]
    if any(noted.values()):
        info = json.loads((run / "run.json").read_bytes())
        write_json_over(run / "run.json", {**info, **noted})


@contextlib.contextmanager
def _lock(run: Path) -> Iterator[None]:
    """Held on the run's directory itself: it ends with the process, whatever that dies of."""
    try:
        directory = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FlorError(f"{run} was not packed: {reason(error)}") from None
    try:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FlorError(f"{run} is being packed by another process") from None
        yield
    finally:
        os.close(directory)


def _remove_segments(run: Path) -> None:
    """At once for readers: to them the folder is there whole, or not at all."""
    with contextlib.suppress(FileNotFoundError):
        (run / "segments").replace(run / _REMOVED)
    shutil.rmtree(run / _REMOVED, ignore_errors=True)


class Packer:
    """Packs one run, part after part. The run's lock is held."""

    def __init__(self, run: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Goes on where an earlier packer ended, wherever that was. Raises FlorError if that cannot be read."""
        self._run, self._meanwhile = run, meanwhile
        done = parts(run)
        self._checkpoint = _read_state(run, done[-1]) if done else Checkpoint()
        for path in (run / "trace").glob("*"):
            if path.name.startswith(".") or path not in self._files(done):
                path.unlink()
        self.damaged = self._checkpoint.damaged
        if done and not self.damaged and (run / "segments").is_dir():
            for _, path in _removable(self._layout(), self._checkpoint):  # a packer that was killed left them
                path.unlink(missing_ok=True)

    @property
    def consumed(self) -> dict[str, int]:
        """Bytes of each process's segments that were packed and removed."""
        return self._checkpoint.consumed

    def _files(self, done: list[int]) -> list[Path]:
        files = [part_path(self._run, kind, part) for part in done for kind in ("blocks", "values")]
        return files + [part_path(self._run, "state", part) for part in done[-1:]]

    def ready(self) -> int:
        """About how many bytes of complete segments wait to be packed."""
        total = 0
        for process in entries(self._run / "segments"):
            last: dict[tuple[str, str], tuple[int, int]] = {}
            for file in entries(Path(process.path)):
                stream, _, rest = file.name.partition(".")
                number, _, kind = rest.partition(".")
                if not stream.isdecimal() or not number.isdecimal():
                    continue
                state = self._checkpoint.streams.get((process.name, int(stream)))
                if state is None or int(number) >= (state.segment if kind == "events" else state.heap):
                    with contextlib.suppress(OSError):
                        size = file.stat().st_size
                        total += size
                        last[stream, kind] = max(last.get((stream, kind), (-1, 0)), (int(number), size))
            total -= sum(size for _, size in last.values())
        return total

    def _layout(self) -> Layout:
        return read_layout(self._run, self._checkpoint.sources, self._checkpoint.processes, long=True)

    def part(self, *, ended: bool) -> bool:
        """Pack a further part, of all segments if the run has `ended`, else of complete ones. Returns whether there was
        anything. Raises OSError, pa.ArrowException or VanishedError; then everything is as it was."""
        before = self._checkpoint
        layout = self._layout()
        found = _complete(layout, before, ended)
        if ended and not before.part and sum(size for *_, size in found) <= _PART:
            decoded = decode(self._run, layout=layout)
            self.damaged = decoded.damaged
            write_part(self._run, 0, decoded, None, self._meanwhile)
            return False
        # Of forked children whose parents' events are not there yet nothing can be taken; at the end it has to be.
        turns = len({place for place, *_ in found})
        for turn in range(turns + (ended and turns > 0)):
            taken, whole = _share(found, before.part + turn)
            last = ended and (whole or turn == turns)
            decoded = decode(self._run, layout=layout, since=before, upto=taken, last=last)
            after = decoded.checkpoint
            assert after is not None
            if after.read() != before.read():
                break
        else:
            return False
        self._carry_heap(decoded, after)
        removable = [] if after.damaged else list(_removable(layout, after))
        for name, path in removable:
            after.consumed[name] = after.consumed.get(name, 0) + _file_size(path)
        write_part(self._run, after.part, decoded, after.to_bytes(), self._meanwhile)
        part_path(self._run, "state", before.part).unlink(missing_ok=True)
        self._checkpoint, self.damaged = after, after.damaged
        if removable:
            make_durable(self._run)
        for _, path in removable:
            path.unlink(missing_ok=True)
        self._meanwhile()
        return True

    def remove_segments(self) -> None:
        """To be called when the run has ended, and everything is packed."""
        assert not self._checkpoint.part or not _complete(self._layout(), self._checkpoint, True)
        make_durable(self._run)
        _remove_segments(self._run)
        if self._checkpoint.part:
            part_path(self._run, "state", self._checkpoint.part).unlink(missing_ok=True)

    def _carry_heap(self, decoded: Decoded, after: Checkpoint) -> None:
        """Remember the heap bytes that later records may refer to, and from which segment on all others lie."""
        highest: dict[int, int] = {}
        for site, rows in enumerate(decoded.rows):
            if rows is not None:
                after.heap.update(remembered(site, rows, decoded, highest))
        gaps = [place for place in after.heap if place[1] == GAP]
        for place in gaps[: -_GAPS or None]:
            del after.heap[place]
        for state in after.streams.values():
            state.heap = max(state.heap, highest.get(state.number, 0))


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is not there."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _file_size(path: Path) -> int:
    """0 if it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read_state(run: Path, part: int) -> Checkpoint:
    path = part_path(run, "state", part)
    try:
        return Checkpoint.from_bytes(path.read_bytes())
    except FileNotFoundError:
        if (run / "segments").is_dir():
            raise FlorError(f"{run} was not packed: {path} is not there") from None
        return Checkpoint(part)  # everything was packed, and the segments removed
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise FlorError(f"{run} was not packed: {path} cannot be read ({reason(error)})") from None


_Place = tuple[str, int]  # process, stream


def _complete(layout: Layout, since: Checkpoint, ended: bool) -> list[tuple[_Place, int, int]]:
    """The complete event segments that are not packed, by stream, with their sizes: those that have a next one; where
    the process has ended (or the run), all."""
    found = []
    for process in layout.processes:
        whole = ended or process.ended
        for stream, files in process.streams.items():
            state = since.streams.get((process.name, stream))
            first = state.segment if state else 0
            for segment in sorted(s for s in files if s >= first and (whole or s < max(files))):
                tail = process.tail(stream, "events", segment)
                size = len(tail.data) if tail is not None else 0
                try:
                    size += files[segment].stat().st_size
                except OSError:
                    if tail is None:
                        continue
                found.append(((process.name, stream), segment, size))
    return found


def _share(found: list[tuple[_Place, int, int]], turn: int) -> tuple[dict[_Place, int], bool]:
    """Of each stream its share of a part, in whole segments: before which segment it ends. And whether that is all."""
    total = sum(size for *_, size in found)
    sizes: dict[_Place, list[tuple[int, int]]] = {}
    for place, segment, size in found:
        sizes.setdefault(place, []).append((segment, size))
    ends: dict[_Place, int] = {}
    taken = 0
    places = list(sizes)
    for place in places[turn % max(len(places), 1) :] + places[: turn % max(len(places), 1)]:
        own = sum(size for _, size in sizes[place])
        of_own = 0
        for segment, size in sizes[place]:
            if taken >= _PART or (of_own and of_own * total >= own * _PART):
                break
            ends[place] = segment + 1
            of_own += size
            taken += size
    return ends, taken == total and len(ends) == len(sizes)


def _removable(layout: Layout, state: Checkpoint) -> Iterator[tuple[str, Path]]:
    """The files of segments that no reader needs any more, with their processes. (Of some there is only a tail.) Of a
    process that has ended, and of which everything is packed, none is needed."""
    for process in layout.processes:
        done = process.ended and all(
            (own := state.streams.get((process.name, stream))) is not None and own.segment > max(files)
            for stream, files in process.streams.items()
        )
        for stream, files in process.streams.items():
            own = state.streams.get((process.name, stream))
            if own is not None:
                yield from ((process.name, path) for segment, path in files.items() if segment < own.segment)
        for stream, files in process.heaps.items():
            own = state.streams.get((process.name, stream))
            if own is not None:
                yield from ((process.name, path) for segment, path in files.items() if done or segment < own.heap)
        if done and process.path is not None:
            yield from ((process.name, process.path / f"{s}.tail.{kind}") for s, kind in process.tails)


def goes_on(run: Path) -> bool:
    """Whether the run, or one of the processes that it has started, has not ended, as far as that can be known. (Its
    first one may be about to exit: it records no more.)"""
    info = _read_info(run)
    if info is None:
        return False
    first = info.info["pid"]
    if info.status == "running" or (info.info["status"] == "running" and is_elsewhere(info.info["pid_started"])):
        return True
    for path in (run / "segments").glob("*/process.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            process = json.loads(path.read_bytes())
            pid, started = process["pid"], process["pid_started"]
            if pid != first and started is not None and (is_elsewhere(started) or process_started(pid) == started):
                return True
    return False


def _read_info(run: Path) -> Run | None:
    """None if it is gone or damaged; not while it is just being written over."""
    for _ in range(3):
        try:
            return open_run(run)
        except FlorError:
            if not (run / "run.json").exists():
                break
            time.sleep(0.1)
    return None


def main() -> int:
    """Pack the runs that the command line names, quietly. Returns the exit code: 1 if one was not packed."""
    _stand_back()
    sys.unraisablehook = lambda _: None  # a Parquet writer that cannot write says so again when it is collected
    failed = 0
    arguments = sys.argv[1:]
    work: Callable[[Path], None] = pack
    if arguments[:1] == ["--beside"]:  # the run's lock is held by a descriptor that was left open
        from flor.trace.beside import pack_beside

        work, arguments = pack_beside, arguments[1:]
    for path in arguments:
        try:
            work(Path(path))
        except FlorError:
            failed = 1
    return failed


def _stand_back() -> None:
    """Everything else goes first: the processor, a core at most, and memory when there is too little."""
    beside.stand_back()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


if __name__ == "__main__":
    sys.exit(main())
