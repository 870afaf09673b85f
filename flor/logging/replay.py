"""`.replay.json` in the current folder: what `flor.log(name, value)` was given, under keys that say when.

    {"NAME": experiment, "MEMO": the run's folder, "KVS": {"EPOCH.R.NAME": [value, ...], ...}}

EPOCH is how many iterations of the main loop have begun: of the outermost loop around the first call of `flor.log` that
is in one; 0 before it. R is `a`; in a run that replays (`flor python --replay`, or `--replay_flor` among the program's
arguments) it is `b`, and what the file held is kept. The file is written at once, or, where calls come faster than it
can be written, within a fraction of a second, and at the end.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import struct
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

from flor.capture import epochs, values
from flor.capture.session import say
from flor.home import write_file
from flor.logging.recording import Recording
from flor.trace.cet_json import json_value
from flor.trace.stream import text

_NAME = ".replay.json"
_MAX_BITS = 4096  # of an int that is written as a number: Python refuses to write very long ones
_PAUSE = 20  # times as long as it took to write the file last time


class _Keys:
    """The file of one run."""

    def __init__(self, told: Recording) -> None:
        self.told, self.path = told, Path.cwd() / _NAME
        self.replays = told.process.replays or "--replay_flor" in sys.argv
        self.main: epochs.Counted | None = None
        kept = _read(self.path) if self.replays else {}
        self.kvs: dict[str, list[Any]] = kept.get("KVS", {})
        self.name, self.memo = told.process.run.parents[1].name, str(told.process.run)
        if self.replays:
            self.name, self.memo = kept.get("NAME", self.name), kept.get("MEMO", self.memo)
        self.due = 0.0
        self.waits = self.failed = False
        self.lock = threading.RLock()  # of the run's first process alone
        atexit.register(self.save)

    def add(self, name: str, value: object, secret: bool, frame: types.FrameType) -> None:
        loop = epochs.outermost(frame)
        self.main = self.main or loop
        epoch = self.main.count if self.main is not None else 0
        key = f"{epoch}.{'b' if self.replays else 'a'}.{name}"
        plain = _plain(value, secret)
        with self.lock:
            self.kvs.setdefault(key, []).append(plain)
            self.waits = True
        if time.monotonic() >= self.due:
            self.save()

    def save(self) -> None:
        """Write what was not written yet; a forked child writes nothing."""
        if not self.waits or os.getpid() != self.told.process.pid:
            return
        with self.lock:
            self._save()

    def _save(self) -> None:
        began = time.monotonic()
        self.waits = False
        try:
            whole = {"NAME": self.name, "MEMO": self.memo, "KVS": self.kvs}
            write_file(self.path, json.dumps(whole, indent=1).encode() + b"\n", 0o644)
        except (OSError, ValueError, RecursionError) as error:
            if not self.failed:
                say(f"{self.path} is not written ({getattr(error, 'strerror', None) or error})")
            self.failed = True
        now = time.monotonic()
        self.due = now + _PAUSE * (now - began)


_keys: _Keys | None = None
_lock = threading.RLock()  # of the run's first process alone


def add(told: Recording, name: str, value: object, secret: bool, frame: types.FrameType) -> None:
    """`flor.log` was called in this frame."""
    global _keys
    if told.process.starter is not None or told.process.pid != os.getpid():  # the run's first process has the file
        return
    with _lock:
        if _keys is None or _keys.told is not told:
            _keys = _Keys(told)
        keys = _keys
    keys.add(name, value, secret, frame)


def _forked() -> None:
    """The threads that held the locks are not in the child."""
    global _lock
    _lock = threading.RLock()
    if _keys is not None:
        _keys.lock = threading.RLock()


os.register_at_fork(after_in_child=_forked)


def save() -> None:
    """Write what waits to be written."""
    if _keys is not None:
        _keys.save()


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing, if it is none that `flor.log` wrote."""
    try:
        whole = json.loads(path.read_bytes())
        kvs = whole["KVS"]
        if not all(isinstance(own, list) for own in kvs.values()):
            raise TypeError
        return {"NAME": str(whole["NAME"]), "MEMO": str(whole["MEMO"]), "KVS": kvs}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        say(f"{path} is no file of flor.log's: it begins anew")
        return {}


def _plain(value: object, secret: bool) -> Any:
    """A value as JSON has it: as such where it is exact, else as its text in the trace is."""
    kind = type(value)
    plain = value is None or kind is bool or (kind is float and math.isfinite(value))  # type: ignore[arg-type]
    if not secret and (plain or (kind is int and value.bit_length() <= _MAX_BITS)):  # type: ignore[attr-defined]
        return value
    kept = values.keep(value, secret)
    number, payload = kept[0], kept[1]
    data = payload if isinstance(payload, bytes) else None
    word = 0
    if isinstance(payload, float):
        (word,) = struct.unpack("<Q", struct.pack("<d", payload))
    elif isinstance(payload, int):
        word = payload & 0xFFFF_FFFF_FFFF_FFFF
    if data is not None:
        number, data = text(number, data, b"{}")
    return json.loads(json_value(number, word, data))
