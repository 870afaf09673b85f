"""Writes runs by `flor.trace.format`, event by event: what capture does, without capture. And shows what was read."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flor.home import FORMAT, open_run
from flor.trace import format as f
from flor.trace import pack as packing
from flor.trace import values
from flor.trace.checkpoint import parts
from flor.trace.decode import decode
from flor.trace.pack import pack
from flor.trace.read import Raw, Trace, open_trace

#: The ways to read a run that all have to agree.
MODES = ("python", "c", "tails", "packed", "parts", "parts and rest", "parts and tails")


@dataclass(frozen=True)
class WrittenSource:
    """A source: its blocks as (kind, name, parent), its sites as (block, text)."""

    path: str
    module: str
    blocks: list[tuple[str, str, int | None]]
    sites: list[tuple[int, str]]

    @property
    def text(self) -> bytes:
        return f"# {self.path}\n".encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()

    def site(self, text: str) -> int:
        return [t for _, t in self.sites].index(text)

    def block(self, name: str) -> int:
        return [n for _, n, _ in self.blocks].index(name)


MAIN = WrittenSource(
    "/p/main.py",
    "__main__",
    [
        ("module", "main", None),
        ("for", "g", 0),
        ("for", "h", 1),
        ("while", "w", 0),
        ("function", "f", 0),
        ("for", "i", 4),
        ("function", "gen", 0),
        ("for", "k", 6),
    ],
    [(0, "a"), (1, "g1"), (2, "h1"), (3, "w1"), (4, "x"), (5, "i1"), (6, "y"), (7, "k1"), (1, "g2"), (0, "b")],
)
OTHER = WrittenSource(
    "/p/other.py", "other", [("module", "other", None), ("function", "help", 0)], [(0, "o"), (1, "z")]
)


class WrittenRun:
    """A run's directory, being written."""

    def __init__(self, home: Path, *, status: str = "finished", experiment: str = "demo") -> None:
        self.path = home / experiment / "runs" / "20260101-000000-000000"
        for folder in ("sources", "sites", "segments"):
            (self.path / folder).mkdir(parents=True)
        info = {
            "format": FORMAT,
            "pid": 1,
            "pid_started": "never",
            "status": status,
            "start": 0,
            "end": 1,
            "sources": [],
        }
        (self.path / "run.json").write_text(json.dumps(info))

    def process(
        self, name: str = "0", *, parent: str | None = None, stream: int = 0, record: int = 0
    ) -> WrittenProcess:
        return WrittenProcess(self, name, parent, stream, record)

    def store(self, source: WrittenSource) -> None:
        (self.path / "sources" / f"{source.sha256}.py").write_bytes(source.text)
        span = [1, 0, 1, 1]
        table = {
            "blocks": [{"kind": k, "name": n, "parent": p, "line": 1} for k, n, p in source.blocks],
            "sites": [{"kind": "expression", "block": b, "span": span, "text": t, "line": 1} for b, t in source.sites],
        }
        (self.path / "sites" / f"{source.sha256}.json").write_text(json.dumps(table))

    def read(self, mode: str) -> Trace:
        """Its trace: decoded in Python or in C, with what was written last in tails, or packed first: whole, in as many
        parts as there can be, or half of them."""
        if mode == "packed":
            pack(self.path)
            return open_trace(open_run(self.path))
        has_tails = any(self.path.glob("segments/*/*.tail.*"))
        if mode.startswith("parts"):
            if not has_tails:
                self.split(lambda _: 2)
            if mode.endswith("tails") and not has_tails:
                self.into_tails(lambda _: 0)
            self.pack_parts(None if mode == "parts" else 0.5)
            return open_trace(open_run(self.path))
        if mode == "tails" and not has_tails:
            self.into_tails(lambda size: size // 2)
        return Trace(open_run(self.path), [Raw(decode(self.path, python=mode == "python"))])

    def split(self, length: Callable[[int], int]) -> None:
        """Cut all streams into shorter segments: length(i) is how many records the i-th of the run holds."""
        number = 0
        for first in sorted(self.path.glob("segments/*/*.0.events")):
            stream = first.name.partition(".")[0]
            files = sorted(first.parent.glob(f"{stream}.*.events"), key=lambda p: int(p.name.split(".")[1]))
            whole = [p.name for p in files] == [f"{stream}.{i}.events" for i in range(len(files))]
            if not whole or not all(p.is_file() for p in files):
                continue
            records = []
            for file in files:
                data = file.read_bytes()
                for at in range(0, len(data) - f.RECORD + 1, f.RECORD):
                    if file == files[-1] and not any(data[at : at + 4]):
                        break
                    records.append(data[at : at + f.RECORD])
                file.unlink()
            segment = 0
            while records or not segment:
                count = length(number)
                (first.parent / f"{stream}.{segment}.events").write_bytes(b"".join(records[:count]))
                records, segment, number = records[count:], segment + 1, number + 1

    def into_tails(self, begin: Callable[[int], int]) -> None:
        """Put the end of each stream into its tail: of a segment of so many bytes what lies from begin(size) on."""
        for path in self.last_segments():
            size = path.stat().st_size
            whole = size // f.RECORD * f.RECORD if path.suffix == ".events" else size
            at = begin(whole)
            into_tail(path, at - at % f.RECORD, at - at % f.RECORD, whole, padded=path.suffix == ".events")

    def last_segments(self) -> list[Path]:
        """The files of the last segments of all streams, of events and of the heap."""
        last: dict[tuple[Path, str, str], Path] = {}
        for path in self.path.glob("segments/*/*.[0-9]*.*"):
            stream, segment, kind = path.name.split(".")
            before = last.get((path.parent, stream, kind))
            if path.is_file() and (before is None or int(before.name.split(".")[1]) < int(segment)):
                last[path.parent, stream, kind] = path
        return sorted(last.values())

    def pack_parts(self, share: float | None = None, *, ended: bool = True) -> int:
        """Pack the run in parts of a segment each, all or a share of them; returns how many there are."""
        if parts(self.path) == [0]:
            return 0
        whole = packing._PART
        packing._PART = 1
        try:
            segments = len(list(self.path.glob("segments/*/*.events")))
            packer = packing.Packer(self.path)
            made = 0
            while made < (segments if share is None else share * segments) and packer.part(ended=ended):
                made += 1
            if share is None and ended:
                pack(self.path)
        finally:
            packing._PART = whole
        return made


def into_tail(
    path: Path, at: int, end: int, size: int, emptied: tuple[int, int] = (0, 0), *, padded: bool = True
) -> None:
    """Put a segment's bytes from `at` to `size` into its tail, of which from `emptied` to `emptied` are zero again; its
    file ends at `end`. The tail is `padded` to its length, unless it is to end as a damaged file does."""
    data = path.read_bytes()
    stream, segment, kind = path.name.split(".")
    held = bytearray(data[at:size].ljust(f.CHUNK if padded else 0, b"\0"))
    held[slice(*emptied)] = bytes(len(held[slice(*emptied)]))
    place = int(segment) << f.HEAP_SHIFT | at
    path.with_name(f"{stream}.tail.{kind}").write_bytes(place.to_bytes(8, "little").ljust(f.TAIL, b"\0") + held)
    path.write_bytes(data[:end])
    if not end:
        path.unlink()


class WrittenProcess:
    """One process's folder."""

    def __init__(self, run: WrittenRun, name: str, parent: str | None, stream: int, record: int) -> None:
        self.run, self.name = run, name
        self.path = run.path / "segments" / name
        self.path.mkdir()
        self.bases: dict[str, int] = {}
        self.sources: dict[str, WrittenSource] = {}
        self.free = 1
        info = {"pid": 1, "started": 1000, "parent": parent, "stream": stream if parent else None, "record": record}
        (self.path / "process.json").write_text(json.dumps(info))

    def module(self, source: WrittenSource) -> WrittenProcess:
        """Capture a source."""
        self.run.store(source)
        base, self.free = self.free, self.free + len(source.blocks) + len(source.sites)
        self.bases[source.path], self.sources[source.path] = base, source
        line = {"base": base, "sha256": source.sha256, "path": source.path, "module": source.module}
        line |= {"blocks": len(source.blocks), "sites": len(source.sites)}
        with (self.path / "modules.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        return self

    def inherit(self, parent: WrittenProcess) -> WrittenProcess:
        """Take over the sources that the parent has captured so far."""
        self.bases, self.sources, self.free = dict(parent.bases), dict(parent.sources), parent.free
        return self

    def stream(self, number: int = 0) -> WrittenStream:
        return WrittenStream(self, number)


class WrittenStream:
    """One thread's events. `leave` is how many activations are left before the record."""

    def __init__(self, process: WrittenProcess, number: int) -> None:
        self.process, self.number, self.segment = process, number, -1
        self.records = 0
        self.next_segment()

    def next_segment(self, number: int | None = None) -> WrittenStream:
        self.segment = self.segment + 1 if number is None else number
        self.events = self.process.path / f"{self.number}.{self.segment}.events"
        self.heap = self.process.path / f"{self.number}.{self.segment}.heap"
        self.events.touch()
        self.heap.touch()
        return self

    def raw(self, head: int, payload: int = 0) -> WrittenStream:
        with self.events.open("ab") as file:
            file.write(struct.pack("<IQ", head, payload & (1 << 64) - 1))
        self.records += 1
        return self

    def control(self, kind: int, payload: int = 0, leave: int = 0) -> WrittenStream:
        return self.raw(kind << f.KIND_SHIFT | leave << f.LEAVE_SHIFT, payload)

    def open(self, block: str, leave: int = 0) -> WrittenStream:
        """A new instance of a block begins."""
        return self.raw(self._block(block) | f.BLOCK << f.KIND_SHIFT | f.OPEN | leave << f.LEAVE_SHIFT)

    def at(self, block: str, leave: int = 0) -> WrittenStream:
        """The position moves."""
        return self.raw(self._block(block) | f.BLOCK << f.KIND_SHIFT | leave << f.LEAVE_SHIFT)

    def skip(self, block: str, count: int, leave: int = 0) -> WrittenStream:
        """So many instances of a block were not recorded here."""
        return self.raw(self._block(block) | f.SKIP << f.KIND_SHIFT | leave << f.LEAVE_SHIFT, count)

    def value(self, site: str, value: object, *, leave: int = 0, opens: bool = False) -> WrittenStream:
        """A value of a site; with `opens` the first in a new instance of its block."""
        kind, payload = self.encoded(value)
        return self.raw(self._site(site) | kind << f.KIND_SHIFT | f.OPEN * opens | leave << f.LEAVE_SHIFT, payload)

    def kept(self, site: str, kind: int, data: bytes) -> WrittenStream:
        """A value of a kind whose bytes lie in the heap."""
        return self.raw(self._site(site) | kind << f.KIND_SHIFT, self.put(data))

    def encoded(self, value: object) -> tuple[int, int]:
        match value:
            case None:
                return f.NONE, 0
            case bool():
                return f.BOOL, int(value)
            case int() if -(1 << 63) <= value < 1 << 63:
                return f.INT, value
            case int():
                return f.BIG_INT, self.put(hex(value).encode())
            case float():
                return f.FLOAT, struct.unpack("<Q", struct.pack("<d", value))[0]
            case complex():
                return f.COMPLEX, self.put(struct.pack("<dd", value.real, value.imag))
            case bytes():
                return f.BYTES, self.put(value)
            case str():
                data = value.encode("utf-8", "surrogatepass")
                if len(data) > 7:
                    return f.STR, self.put(data)
                return f.SHORT_STR, int.from_bytes(bytes([len(data)]) + data, "little")
        raise TypeError(value)

    def put(self, data: bytes) -> int:
        with self.heap.open("ab") as file:
            at = file.tell()
            file.write(struct.pack("<I", len(data) + 1) + data)
        return self.segment << f.HEAP_SHIFT | at

    def _block(self, name: str) -> int:
        for path, source in self.process.sources.items():
            if name in [n for _, n, _ in source.blocks]:
                return self.process.bases[path] + source.block(name)
        raise KeyError(name)

    def _site(self, text: str) -> int:
        for path, source in self.process.sources.items():
            if text in [t for _, t in source.sites]:
                return self.process.bases[path] + len(source.blocks) + source.site(text)
        raise KeyError(text)


def main_process(run: WrittenRun) -> WrittenProcess:
    """The run's first process, in which MAIN is captured."""
    return run.process().module(MAIN)


def shown(trace: Trace) -> dict[str, dict[str, str | None]]:
    """Every block instance by its path ("main > g[1] > f[0]"), with the text of its values. Of several with one path the
    first stream's has it, the others have a number behind it."""
    instances = trace.instances()
    paths: list[str] = []
    for source, block, parent, ordinal in zip(
        instances.source.tolist(),
        instances.block.tolist(),
        instances.parent.tolist(),
        instances.ordinal.tolist(),
        strict=True,
    ):
        path = f"{trace.sources[source].map.blocks[block].name}[{ordinal}]"
        paths.append(path if parent < 0 else f"{paths[parent]} > {path}")
    keys = list(paths)
    seen: dict[str, int] = {}
    stream = instances.stream.tolist()
    for number in sorted(range(len(paths)), key=stream.__getitem__):
        before = seen.get(paths[number], 0)
        keys[number] += f" #{before}" if before else ""
        seen[paths[number]] = before + 1
    result: dict[str, dict[str, str | None]] = {key: {} for key in keys}
    for i, source in enumerate(trace.sources):
        for number, site in enumerate(source.map.sites):
            found = trace.values(i, number)
            for instance, kind, payload, data in zip(
                found.instance.tolist(),
                found.kind.tolist(),
                found.payload.tolist(),
                found.data.to_pylist(),
                strict=True,
            ):
                result[keys[instance]][site.text] = values.text(kind, payload, data)
    return result
