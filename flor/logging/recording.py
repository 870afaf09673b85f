"""The run that is being recorded in this process, for what log statements have to tell it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import os
import threading
import types
from pathlib import Path
from typing import Any

from flor.capture import pickled
from flor.capture.modules import Capture
from flor.capture.ops import ENTER, LEAVE
from flor.capture.process import Process
from flor.capture.secrets import is_secret
from flor.capture.session import say
from flor.capture.sites import Span
from flor.home import create_private
from flor.logging.statements import Facts, Source
from flor.trace import logged

_RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.py")

#: What a statement's place is known by while the program runs: the code's identity (to compare code would take longer,
#: and two files can have the same), where in it, and the name that it gave.
_Key = tuple[int, int, str | None]


class Recording:
    """A run that is going on."""

    def __init__(self, capture: Capture) -> None:
        """May raise OSError."""
        self.capture = capture
        self.enter, self.leave = self._functions()
        self.places: dict[_Key, tuple[int, bool, types.CodeType]] = {}  # with the code: its identity is taken
        self.called: dict[tuple[str, int, int | None], int] = {}
        self.file = logged.path(capture.run)
        self.written: set[int] = set()
        self.about = capture.run / "run.json"
        self.looked, self.over = 0, False  # when it was changed, as it was last read; whether the run had ended then
        self.opener = 0  # the process that has opened the Context
        self.read = 0  # how much of `file` was read for what that process says of it
        self.left: set[int] = set()  # Contexts that were left, as far as it was read
        self.failed = False

    def _functions(self) -> tuple[Any, Any]:
        """Capture what holds the values. Returns the probes with which a call of `context` begins and ends."""
        data = Path(_RECORDED).read_bytes()
        code = self.capture.code(_RECORDED, data, logged.MODULE)
        _, specs, table, *_ = self.capture.rewritten(_RECORDED, data, hashlib.sha256(data).hexdigest())
        blocks = [block["name"] for block in json.loads(table)["blocks"]]
        probes = dict(zip(((s[0], s[2]) for s in specs), self.capture.probes[-1][1], strict=True))
        namespace: dict[str, Any] = {"__name__": logged.MODULE}
        exec(code, namespace)
        self.logged, self.secret, self.call = (namespace[n] for n in ("logged", "logged_secret", "called"))
        context = blocks.index("context")
        return probes[ENTER, context], probes[LEAVE, context]

    def is_over(self) -> bool:
        """Whether the run has ended without this process: that of a Context may, while a pool's workers live on. Then
        nothing more is recorded here."""
        process = self.process
        if process.imports or (process.starter is None and process.pid == os.getpid()):
            return False
        try:
            changed = os.stat(self.about).st_mtime_ns
            if changed != self.looked:
                self.looked, self.over = changed, json.loads(self.about.read_bytes())["status"] != "running"
        except (OSError, ValueError, KeyError, TypeError):
            self.over = True
        if self.over and pickled.capture is self.capture:
            process.end()
            ended.append(self.capture)
        return self.over

    def begin(self, name: str) -> None:
        """What is recorded from now on lies in a call of `context`."""
        operator.getitem(self.enter, name)

    def end(self) -> None:
        """No more."""
        operator.invert(self.leave)

    @property
    def process(self) -> Process:
        process: Process = self.capture.recorder
        return process

    @property
    def context(self) -> int | None:
        """The number of the Context that is open. Processes that are started afresh meanwhile belong to it, too."""
        return self.process.context

    @context.setter
    def context(self, number: int | None) -> None:
        self.process.context = number
        self.opener = os.getpid()

    def leave_context(self, around: tuple[int | None, int]) -> None:
        """The Context is left; around it are another one, or none, and its opener. A forked child leaves it for itself
        alone. May raise OSError."""
        left, opener = self.context, self.opener
        self.process.context, self.opener = around
        if opener == os.getpid():
            self.line("left", "", {"context": left})

    def look(self) -> None:
        """The Context that this process was started or forked in may have been left meanwhile."""
        if self.context is not None and self.opener != os.getpid():
            if os.stat(self.file).st_size > self.read:
                self._read_on()
            if self.context in self.left:
                self.context = None

    def _read_on(self) -> None:
        """Note which Contexts were left since the file was last read."""
        with open(self.file, "rb") as file:
            file.seek(self.read)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self.read += len(data)
        for line in data.splitlines():
            if b'"left"' in line:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    own = json.loads(line)
                    self.left |= {own["about"]["context"]} if own["typ"] == "left" else set()

    def log(self, typ: str, name: str | None, value: object, frame: types.FrameType) -> bool:
        """Record what a statement in this frame logs. `name`: the one that it gives. Returns whether it looks like a
        secret's."""
        code = frame.f_code
        key = id(code), frame.f_lasti, name
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = (*self._place(typ, name, frame), code)
        number, secret, _ = place
        (self.secret if secret else self.logged)(number, value)
        return secret

    def calls(self, file: str, function: str, line: int, consumes: str) -> None:
        """Record that a tracked function is called now."""
        self.look()
        key = file, line, self.context
        number = self.called.get(key)
        if number is None:
            about = {"function": function, "line": line, "context": self.context}
            number = self.called[key] = self.line("call", file, about)
        self.call(number, consumes)

    def line(self, typ: str, file: str, about: dict[str, Any]) -> int:
        """Write a line, if it is not there yet; returns its number, which follows from what it says. May raise
        OSError."""
        what = {"typ": typ, "file": file, "about": about}
        number = int(hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:14], 16)
        if number not in self.written:
            text = json.dumps({"id": number, **what}).encode() + b"\n"
            opened = create_private(self.file, os.O_WRONLY | os.O_APPEND)
            try:
                end = os.fstat(opened).st_size
                if os.write(opened, text) < len(text):
                    os.ftruncate(opened, end)
                    raise OSError(f"{self.file} could not be written")
            finally:
                os.close(opened)
            self.written.add(number)
        return number

    def _place(self, typ: str, name: str | None, frame: types.FrameType) -> tuple[int, bool]:
        file = self._file(frame.f_code)
        span = _span(frame)
        facts = _facts(typ, file, span)
        about = (
            facts.fields() if facts else {"instruction_no": frame.f_lineno, "in_execution": frame.f_code.co_qualname}
        )
        about = {**Facts().fields(), **about, "span": span}
        secret = about.pop("secret") or (name is not None and is_secret(name))
        if name is not None:
            about["column"] = name
        try:
            self._keep_source(file, frame)
        except OSError as error:
            self.fail(error)
        return self.line(typ, file, about), secret

    def _keep_source(self, file: str, frame: types.FrameType) -> None:
        """A source that has log statements, and is not captured, is kept, too: it says what they mean."""
        if all(line["path"] != file for line, _ in self.capture.probes) and (data := read_source(file)) is not None:
            sha256 = hashlib.sha256(data).hexdigest()
            self.capture.store("sources", f"{sha256}.py", data)
            self.line("source", file, {"sha256": sha256, "module": str(frame.f_globals.get("__name__", ""))})

    def _file(self, code: types.CodeType) -> str:
        """The file that code comes from: of code that came here by value, as joblib sends it, that of its probes."""
        file = source_path(code)
        if file.startswith("<"):
            held = {id(constant) for constant in code.co_consts}
            for line, probes in self.capture.probes:
                if any(id(probe) in held for probe in probes):
                    return str(line["path"])
        return file

    def fail(self, error: Exception) -> None:
        """Say, once, that something could not be recorded: the program goes on."""
        if not self.failed:
            with contextlib.suppress(RecursionError):  # said at the next time
                say(f"a log statement was not recorded ({getattr(error, 'strerror', None) or error})")
                self.failed = True


def current() -> Recording | None:
    """The run that this process is recorded into; None: there is none."""
    global _known
    capture = pickled.capture
    if capture is None:
        return None
    known = _known
    if known is None or known[0] is not capture:
        with _making:  # whoever comes meanwhile waits: what they log is not lost
            known = _known
            if known is None or known[0] is not capture:
                known = _known = capture, _made(capture)
    told = known[1]
    return None if told is not None and told.is_over() else told


def _made(capture: Capture) -> Recording | None:
    try:
        return Recording(capture)
    except Exception as error:
        say(f"log statements are not recorded ({getattr(error, 'strerror', None) or error})")
        return None


def _forked() -> None:
    """The thread that made one is not in the child."""
    global _making
    _making = threading.RLock()


_making = threading.RLock()
os.register_at_fork(after_in_child=_forked)

#: The last one, and the capture that it belongs to.
_known: tuple[Capture, Recording | None] | None = None

#: Of runs that have ended without this process, what captured for them here; a Context that is opened forgets them.
ended: list[Capture] = []


# ---- sources

_sources: dict[str, Source | None] = {}
_read: dict[str, bytes] = {}  # sources as they were when functions in them were tracked


def source_path(code: types.CodeType) -> str:
    """The absolute path of the file that code comes from; its name as it is, if it comes from none."""
    name = code.co_filename
    return name if name.startswith("<") else os.path.abspath(name)


def read_source(path: str) -> bytes | None:
    """A source as it was when it was first asked for; None if there is none."""
    if path not in _read:
        try:
            with open(path, "rb") as file:
                _read[path] = file.read()
        except (OSError, ValueError):
            return None
    return _read[path]


def _source(path: str) -> Source | None:
    if path not in _sources:
        data = read_source(path)
        made = None
        if data is not None:
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                made = Source(data)
        _sources[path] = made  # only now: another thread may be asking
    return _sources[path]


def returned_spans(path: str) -> frozenset[Span]:
    """Where a source's functions return a value: the spans of the expressions."""
    source = _source(path)
    return source.returned if source is not None else frozenset()


def _facts(typ: str, path: str, span: Span | None) -> Facts | None:
    source = _source(path) if span is not None else None
    return source.facts(typ, span) if source is not None and span is not None else None


def _span(frame: types.FrameType) -> Span | None:
    """Where the call stands that a frame is at."""
    for number, place in enumerate(frame.f_code.co_positions()):
        if 2 * number == frame.f_lasti:
            line, end_line, column, end_column = place
            if line is None or end_line is None or column is None or end_column is None:
                return None
            return line, column, end_line, end_column
    return None
