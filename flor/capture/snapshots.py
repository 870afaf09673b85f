"""Contents of larger arrays and tables, each kept once in the run's `blobs/<sha256>.<npy | arrow>`. Never pickle.

Within bounds: a snapshot's size, the bytes of a run, and a share of the program's time, so that what is kept of every
value is not paid for with snapshots of a few. Beyond them `affordable` says no, and the value keeps its type and shape.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from flor.home import create_private, make_private

MAX_BYTES = 1 << 20  # of one snapshot
MAX_TOTAL = 64 << 20  # of a run
MAX_CHILD = 4 << 20  # of a process that was forked from the run's first
ALLOWANCE_NS = 30_000_000  # snapshots may take this long,
SHARE = 0.01  # and this share of the program's time


class _Store:
    """Where snapshots go, and what is left for them."""

    def __init__(self, folder: str | None, left: int, share: float) -> None:
        self.folder = folder  # None: nothing is kept
        self.left = left  # bytes
        self.share = share
        self.pid = os.getpid()
        self.begin = time.monotonic_ns()
        self.spent = 0  # nanoseconds
        self.known: set[str] = set()


_PID = os.getpid()
_store = _Store(None, 0, SHARE)


def begin(run: str | os.PathLike[str], limit: int = MAX_TOTAL, share: float = SHARE) -> None:
    """Keep snapshots in the run's directory from now on: at most `limit` bytes, in `share` of the time."""
    global _store
    _store = _Store(os.path.join(run, "blobs"), limit, share)


def affordable(size: int) -> bool:
    """Whether a snapshot of about `size` bytes can be taken now."""
    store = _store
    if store.folder is None or size > MAX_BYTES or size > store.left:
        return False
    if store.pid != os.getpid():
        store.pid, store.left = os.getpid(), min(store.left, MAX_CHILD)
    return store.spent <= ALLOWANCE_NS + store.share * (time.monotonic_ns() - store.begin)


def is_forked() -> bool:
    """Whether this process was forked: what threads of a library did, they do not do here."""
    return os.getpid() != _PID


def npy(descr: str, shape: tuple[int, ...], elements: bytes) -> str | None:
    """Keep an array: its dtype as .npy has it ("<f8", or a list of fields), its elements in C order.

    Returns the blob's name; None where it could not be kept.
    """
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode("latin-1")
    padding = -(len(head) + 11) % 64
    length = (len(head) + padding + 1).to_bytes(2, "little")
    return keep("npy", b"\x93NUMPY\x01\x00" + length + head + b" " * padding + b"\n", elements)


def keep(suffix: str, *parts: bytes) -> str | None:
    """Keep a file's bytes, if they are not there yet. Returns the blob's name; None where they could not be kept."""
    store = _store
    if store.folder is None:
        return None
    start = time.monotonic_ns()
    try:
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        name = f"{digest.hexdigest()}.{suffix}"
        size = sum(map(len, parts))
        if name not in store.known:
            if size > store.left:
                return None
            _write(store.folder, name, parts)
            store.known.add(name)
            store.left -= size
        return name
    except OSError:
        store.folder = None  # no room, or no run any more
        return None
    finally:
        store.spent += time.monotonic_ns() - start


def _write(folder: str, name: str, parts: tuple[bytes, ...]) -> None:
    path, beside = os.path.join(folder, name), os.path.join(folder, f".{name}.{os.getpid()}")
    if os.path.exists(path):
        return
    if not os.path.isdir(folder):
        make_private(Path(folder))
    try:
        with os.fdopen(create_private(beside), "wb") as file:
            file.writelines(parts)
        os.rename(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
