"""Where decoding stands between two parts of a run's trace: what the next part, or a reader of the rest, goes on from.

A file `trace/state-<part>` holds it: 8 bytes with the length of a JSON text, the text, then the blobs that it counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flor.trace.layout import SourceKey

_FORMAT = 2
_BLOCKS = re.compile(r"blocks((?:-\d{6,9})?)\.parquet")


@dataclass
class StreamState:
    """How far one stream has been decoded."""

    number: int  # run-wide
    segment: int = 0  # the next one to be read, from this offset on
    offset: int = 0
    heap: int = 0  # heap segments before this one are referred to no more, but for what is carried
    seq: int = -1  # its last record
    now: int = 0
    first: bool = False
    state: bytes | None = None  # as Decoder.state gives it; None: nothing was read yet


@dataclass
class Checkpoint:
    """Everything that later parts need of the earlier ones."""

    part: int = 0  # how many there are
    sources: list[tuple[SourceKey, int, int]] = field(default_factory=list)  # in their order; blocks and sites of each
    processes: list[str] = field(default_factory=list)  # in their order
    streams: dict[tuple[str, int], StreamState] = field(default_factory=dict)  # by process and stream
    #: what forked children go on from that have not begun; None: from nothing
    forks: dict[str, bytes | None] = field(default_factory=dict)
    consumed: dict[str, int] = field(default_factory=dict)  # bytes of each process's segments that are in the parts
    carried: bytes | None = None  # as Decoder.carry gives it
    #: heap bytes that later records may refer to though their segments are gone: (stream, kind, site) -> payload and
    #: bytes, where for a GAP the payload stands for the site
    heap: dict[tuple[int, int, int], tuple[int, bytes]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    damaged: bool = False

    def read(self) -> dict[tuple[str, int], tuple[int, int]]:
        """How far each stream was read, where something was: segment and offset."""
        return {place: (s.segment, s.offset) for place, s in self.streams.items() if s.segment or s.offset}

    def to_bytes(self) -> bytes:
        """As the file holds it."""
        blobs: list[bytes] = []

        def put(blob: bytes | None) -> int | None:
            if blob is None:
                return None
            blobs.append(blob)
            return len(blob)

        about: dict[str, Any] = {
            "format": _FORMAT,
            "part": self.part,
            "sources": [[k.sha256, k.path, k.module, blocks, sites] for k, blocks, sites in self.sources],
            "processes": self.processes,
            "streams": [
                [name, stream, s.number, s.segment, s.offset, s.heap, s.seq, s.now, s.first, put(s.state)]
                for (name, stream), s in self.streams.items()
            ],
            "forks": [[name, put(state)] for name, state in self.forks.items()],
            "consumed": self.consumed,
            "carried": put(self.carried),
            "heap": [[*place, payload, put(data)] for place, (payload, data) in self.heap.items()],
            "warnings": self.warnings,
            "damaged": self.damaged,
        }
        text = json.dumps(about).encode()
        return len(text).to_bytes(8, "little") + text + b"".join(blobs)

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """The inverse of `to_bytes`. Raises ValueError, KeyError, TypeError or IndexError on foreign data."""
        begin = 8 + int.from_bytes(data[:8], "little")
        about = json.loads(data[8:begin])
        if about["format"] != _FORMAT:
            raise ValueError("its format is unknown")
        blobs = _Blobs(data, begin)
        return cls(
            int(about["part"]),
            [(SourceKey(str(a), str(b), str(c)), int(n), int(m)) for a, b, c, n, m in about["sources"]],
            [str(name) for name in about["processes"]],
            {
                (str(name), int(stream)): StreamState(
                    int(number),
                    int(segment),
                    int(offset),
                    int(heap),
                    int(seq),
                    int(now),
                    bool(first),
                    blobs.take(length),
                )
                for name, stream, number, segment, offset, heap, seq, now, first, length in about["streams"]
            },
            {str(name): blobs.take(length) for name, length in about["forks"]},
            {str(name): int(count) for name, count in about["consumed"].items()},
            blobs.take(about["carried"]),
            {
                (int(stream), int(kind), int(site)): (int(payload), blobs.take(length) or b"")
                for stream, kind, site, payload, length in about["heap"]
            },
            [str(w) for w in about["warnings"]],
            bool(about["damaged"]),
        )


class _Blobs:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, length: int | None) -> bytes | None:
        if length is None:
            return None
        end = self._at + length
        if length < 0 or end > len(self._data):
            raise ValueError("it is cut")
        blob, self._at = self._data[self._at : end], end
        return blob


def parts(run: Path) -> list[int]:
    """The numbers of the parts that the run's trace has, ascending; [0] if it is packed whole.

    A part counts when both its files are there; the blocks file comes last.
    """
    numbers = sorted(_numbers(run / "trace"))
    return numbers if numbers[:1] != [0] else [0]


def _numbers(folder: Path) -> Iterator[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return
    for name in names:
        match = _BLOCKS.fullmatch(name)
        if match and f"values{match[1]}.parquet" in names:
            yield int(match[1][1:] or 0)


def part_path(run: Path, kind: str, part: int) -> Path:
    """Where a part's "blocks", "values" or "state" lies; part 0 is a whole trace."""
    suffix = "" if kind == "state" else ".parquet"
    return run / "trace" / (f"{kind}-{part:06}{suffix}" if part else f"{kind}{suffix}")
