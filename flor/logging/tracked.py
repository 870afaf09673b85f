"""Tracked functions: while a Context is open they run with probes, as all code does under `flor python`.

A tracked function stays what it is, with another code object while a Context is open: of the same source, with probes.
What stands there for the probe that says that a call begins tells first that it does, and whose results its arguments
are; what stands for the probes of what is returned remembers that.
"""

from __future__ import annotations

import functools
import json
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

from flor.capture.modules import Capture
from flor.capture.ops import ENTER, GUARDED, LOAD, VALUE
from flor.capture.session import say
from flor.capture.stand_in import StandIn
from flor.logging import recording
from flor.logging.recording import Recording

_F = TypeVar("_F")


@overload
def track(function: _F) -> _F: ...
@overload
def track() -> Callable[[_F], _F]: ...
def track(function: Any = None) -> Any:
    """Track a function or method: its body is recorded in a Context, statement by statement. Returns the function."""
    if function is None:
        return track
    inner = function.__func__ if isinstance(function, staticmethod | classmethod) else function
    if not isinstance(inner, types.FunctionType):
        say(f"{function!r} is not tracked: it is no function written in Python")
        return function
    tracked = Tracked(inner)
    _known[inner] = tracked
    told = recording.current()
    if told is not None:
        tracked.instrument(inner, told)
    return function


class Tracked:
    """What is known of a function that is tracked. Does not keep it."""

    def __init__(self, function: types.FunctionType) -> None:
        code = function.__code__
        self.name, self.line = code.co_qualname, code.co_firstlineno
        self.plain: types.CodeType | None = None  # its own code, while it has another
        self.path = recording.source_path(code)
        recording.read_source(self.path)  # as it is now: it may be written over while the program runs

    def instrument(self, function: types.FunctionType, told: Recording) -> None:
        """Give the function code with probes, unless it has some; and of these, those that tell of its calls."""
        if self.plain is not None:
            return
        source = _captured(told.capture, self.path) if told.process.imports else None
        if source is None and told.context is not None:
            source = _probed_here(told.capture, self.path, function)
        if source is None:
            return
        code = function.__code__
        key = self.name, self.line
        if source.plain is not None and source.plain.get(key) == code:
            self.plain, code = code, source.probed[key]
        elif not source.is_probed(code):
            say(f"{self.name} is not tracked: its code is not that of {self.path}, line {self.line}")
            return
        try:
            told.line("tracked", self.path, {"function": self.name, "line": self.line})
            function.__code__ = source.telling(code, self, told)
        except Exception as error:
            told.fail(error)

    def restore(self, function: types.FunctionType) -> None:
        """Give the function its own code back."""
        if self.plain is not None:
            function.__code__, self.plain = self.plain, None

    def announce(self, told: Recording, arguments: Sequence[Any]) -> None:
        """The function has been called."""
        try:
            if not told.is_over() and told.context is not None:
                told.calls(self.path, self.name, self.line, "\n".join(_returned.consumed(arguments)))
        except Exception as error:
            told.fail(error)


class _Called(StandIn):
    """Stands for the probe with which a call begins."""

    def __init__(self, probe: Any, tracked: Tracked, told: Recording) -> None:
        super().__init__(probe)
        self.tracked, self.told = tracked, told

    def before(self, *values: Any) -> None:
        self.tracked.announce(self.told, values)


class _Returns(StandIn):
    """Stands for the probe of what is returned."""

    def __init__(self, probe: Any, name: str, told: Recording) -> None:
        super().__init__(probe)
        self.name, self.told = name, told

    def before(self, *values: Any) -> None:
        if self.told.context is not None:
            _returned.add(self.name, values[-1])


class _Source:
    """A source with probes. `plain` and `probed` are its code objects by name and first line; of a source that was
    captured when it was imported they are not known."""

    def __init__(
        self, capture: Capture, path: str, plain: types.CodeType | None, probed: types.CodeType | None
    ) -> None:
        self.plain = None if plain is None else {(c.co_qualname, c.co_firstlineno): c for c in _inside(plain)}
        self.probed = {} if probed is None else {(c.co_qualname, c.co_firstlineno): c for c in _inside(probed)}
        line, self.probes = next(own for own in reversed(capture.probes) if own[0]["path"] == path)
        data = (capture.run / "sources" / f"{line['sha256']}.py").read_bytes()
        _, self.specs, table, *_ = capture.rewritten(path, data, line["sha256"])
        self.blocks = json.loads(table)["blocks"]
        self.sites = json.loads(table)["sites"]
        self.numbers = {id(probe): number for number, probe in enumerate(self.probes)}
        self.returned = recording.returned_spans(path)

    def is_probed(self, code: types.CodeType) -> bool:
        return any(self._number(constant) is not None for constant in code.co_consts)

    def _number(self, constant: object) -> int | None:
        probe = constant.probe if isinstance(constant, StandIn) else constant
        return self.numbers.get(id(probe))

    def telling(self, code: types.CodeType, tracked: Tracked, told: Recording) -> types.CodeType:
        """A function's code, with what tells of its calls and results in it."""

        def constant(value: Any) -> Any:
            number = self._number(value)
            if number is None or not self.specs[number][6] & GUARDED:
                return value
            if isinstance(value, _Called | _Returns):
                value = value.probe
            op, _, block, site, *_ = self.specs[number]
            if op == ENTER and self.blocks[block]["name"] == tracked.name:
                return _Called(value, tracked, told)
            if op in (VALUE, LOAD) and tuple(self.sites[site]["span"]) in self.returned:
                return _Returns(value, tracked.name, told)
            return value

        return code.replace(co_consts=tuple(map(constant, code.co_consts)))


_known: weakref.WeakKeyDictionary[types.FunctionType, Tracked] = weakref.WeakKeyDictionary()
#: By capture and path: sources that were captured when they were imported (None: they were not), and those that got
#: probes for the Context that is open.
_of_imports: dict[tuple[Capture, str], _Source | None] = {}
_of_context: dict[tuple[Capture, str], _Source | None] = {}


def instrument(told: Recording) -> None:
    """From now on tracked functions run with probes of this run."""
    for function, tracked in list(_known.items()):
        tracked.instrument(function, told)


def restore() -> None:
    """Tracked functions run as they are written."""
    _of_context.clear()
    for function, tracked in list(_known.items()):
        tracked.restore(function)
    _returned.forget()


def _captured(capture: Capture, path: str) -> _Source | None:
    """A source that was captured when it was imported; None: it was not."""
    if (capture, path) not in _of_imports and any(line["path"] == path for line, _ in capture.probes):
        _of_imports[capture, path] = _Source(capture, path, None, None)
    return _of_imports.get((capture, path))


def _probed_here(capture: Capture, path: str, function: types.FunctionType) -> _Source | None:
    """A source whose functions get probes for a Context; None, which is said: they cannot."""
    if (capture, path) not in _of_context:
        _of_context[capture, path] = None
        _of_imports[capture, path] = None
        data = recording.read_source(path)
        name = function.__code__.co_filename
        try:
            if data is None:
                raise OSError("there is no source")
            probed = capture.code(name, data, function.__module__ or "__main__")
            plain = compile(data, name, "exec", dont_inherit=True)
            _of_context[capture, path] = _Source(capture, path, plain, probed)
        except Exception as error:
            say(f"functions of {path} are not tracked ({getattr(error, 'strerror', None) or error})")
    return _of_context[capture, path]


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _inside(constant)


# ---- whose results arguments are


class _Returned:
    """What tracked functions returned, as long as it is there: nothing lives longer for it. What has no weak reference
    (numbers, texts, lists) does not count, but the members of a list or tuple do."""

    def __init__(self) -> None:
        self.names: dict[int, tuple[str, weakref.ref[Any]]] = {}  # by identity

    def add(self, name: str, result: object) -> None:
        """A function returned this."""
        for value in (result, *_members(result)):
            identity = id(value)
            if identity in self.names or issubclass(type(value), _SHARED):
                continue
            try:
                self.names[identity] = name, weakref.ref(value, functools.partial(self._gone, identity))
            except TypeError:
                continue

    def _gone(self, identity: int, _: object) -> None:
        self.names.pop(identity, None)

    def consumed(self, arguments: Sequence[Any]) -> list[str]:
        """The names of the functions whose results are among the arguments, or in a list, tuple or dict there."""
        found: dict[str, None] = {}
        if self.names:
            values = [*arguments, *(own for value in arguments for own in _members(value))]
            values += [inner for own in values[len(arguments) :] for inner in _members(own)]  # of *arguments, say
            for value in values:
                known = self.names.get(id(value))
                if known is not None and known[1]() is value:
                    found[known[0]] = None
        return list(found)

    def forget(self) -> None:
        self.names.clear()


def _members(value: Any) -> Iterable[Any]:
    if type(value) is dict:  # of keyword arguments, say
        return list(value.values())
    return value if type(value) in (list, tuple) else ()


#: Of these there is one for all who use it.
_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)

_returned = _Returned()
