"""The truth program: runs a script and keeps every value of every expression in memory. Standard library only, no Flor.

    python truth.py REQUEST.json ANSWER.json SCRIPT [ARGS...]

The request lists the sources to instrument. The answer holds, for each of them, its blocks and sites; the block
instances, each with its block, parent and thread; and the values, each with its site, instance and description.
"""

from __future__ import annotations

import atexit
import builtins
import dis
import importlib.machinery
import itertools
import json
import os
import sys
import threading
import types
import warnings
import weakref
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent

_RETURN_GENERATOR = dis.opmap["RETURN_GENERATOR"]
_GENERATORS = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}


#: What a comprehension does with an iterable and with its items, and what belongs to that. The compiler gives some of it the
#: line of the whole comprehension, other versions that of the part: what was evaluated right before has the right one.
_STEPS = frozenset(
    dis.opmap[name]
    for name in (
        *("GET_ITER", "FOR_ITER", "GET_AITER", "GET_ANEXT", "GET_AWAITABLE", "SEND", "LOAD_CONST"),
        *("SET_ADD", "MAP_ADD", "EXTENDED_ARG", "CACHE"),
    )
)


def _line(frame: types.FrameType) -> int:
    """That of what a frame does, which is its block's number plus one."""
    unit = frame.f_lasti // 2
    while unit > 0 and frame.f_code.co_code[2 * unit] in _STEPS:
        unit -= 1
    line = next(itertools.islice(frame.f_code.co_positions(), unit, None))[0]
    return line or frame.f_lineno or 0


class _Activation:
    """An execution of a module, function, lambda or generator expression."""

    def __init__(self, code: types.CodeType, source: int, block: int, instance: int) -> None:
        self.code = code
        self.source = source
        self.block = block
        self.current = {block: instance}  # the instance of each of its blocks that began last


class _Truth:
    """What the instrumented sources report."""

    def __init__(self, describe: Any, marker: str) -> None:
        self.describe = describe
        self.marker = marker
        self.sources: list[Any] = []  # Instrumented
        self.files: dict[str, int] = {}
        self.instances: list[tuple[int, int, int, int]] = []  # source, block, parent, thread
        self.values: list[tuple[int, int, int, Any]] = []  # source, site, instance, description
        self.frames: dict[int, _Activation] = {}  # by a frame's id; of a frame that is gone until another has the id
        self.created: dict[int, tuple[Any, int]] = {}  # by a frame's id: its generator, not started, and who made it
        self.threads: dict[threading.Thread, int] = {}

    # What the instrumented code calls.

    bool = bool

    def value(self, site: int, value: Any, binding: int | None = None) -> Any:
        frame = sys._getframe(1)
        self.keep(frame, site, value)
        if binding is not None:
            self.keep(frame, binding, value)
        prefix = _GENERATORS.get(type(value))
        if prefix is not None:
            made = getattr(value, f"{prefix}_frame")
            if made is not None and made.f_code.co_filename in self.files and self.is_new(made, value, prefix):
                self.created[id(made)] = weakref.ref(value), self.position(frame)
        return value

    def decide(self, true: tuple[Any, ...], false: tuple[Any, ...], value: Any) -> bool:
        truth = bool(value)
        for site, known in true if truth else false:
            self.keep(sys._getframe(1), site, value if known is None else known)
        return truth

    def bind(self, sites: tuple[int, ...], *values: Any) -> None:
        frame = sys._getframe(1)
        for site, value in zip(sites, values, strict=True):
            self.keep(frame, site, value)

    def enter(self, block: int, sites: tuple[int, ...], *values: Any) -> bool:
        frame = sys._getframe(1)
        self.activate(frame, block)
        for site, value in zip(sites, values, strict=True):
            self.keep(frame, site, value)
        return True

    def iterate(self, block: int, sites: tuple[int, ...], *values: Any) -> bool:
        frame = sys._getframe(1)
        activation = self.activation(frame)
        parent = self.sources[activation.source].blocks[block].parent
        activation.current[block] = self.instance(activation.source, block, activation.current[parent])
        for site, value in zip(sites, values, strict=True):
            self.keep(frame, site, value)
        return True

    def generate(self, generator: int, block: int, sites: tuple[int, ...], *values: Any) -> bool:
        """The first clause of a generator expression: its frame says nothing before."""
        frame = sys._getframe(1)
        if id(frame) in self.created:
            self.activate(frame, generator)
        activation = self.activation(frame)
        activation.current[block] = self.instance(activation.source, block, activation.current[generator])
        for site, value in zip(sites, values, strict=True):
            self.keep(frame, site, value)
        return True

    # Frames, activations, instances.

    def keep(self, frame: types.FrameType, site: int, value: Any) -> None:
        activation = self.activation(frame)
        block = self.sources[activation.source].sites[site].block
        instance = activation.current[block]
        self.values.append((activation.source, site, instance, self.describe(value)))

    def activation(self, frame: types.FrameType | None) -> _Activation:
        """That of a frame, or of the frame in which a class's body or a comprehension stands."""
        while frame is not None:
            found = self.frames.get(id(frame))
            if found is not None and found.code is frame.f_code and id(frame) not in self.created:
                return found
            frame = frame.f_back
        raise AssertionError("a value outside of every activation")

    def activate(self, frame: types.FrameType, block: int) -> None:
        made_by = self.created.pop(id(frame), None)
        parent = made_by[1] if made_by is not None else self.position(frame.f_back)
        source = self.files[frame.f_code.co_filename]
        instance = self.instance(source, block, parent)
        self.frames[id(frame)] = _Activation(frame.f_code, source, block, instance)

    def is_new(self, frame: types.FrameType, generator: object, prefix: str) -> bool:
        """Whether a generator has not started, and is seen for the first time."""
        suspended = getattr(generator, f"{prefix}_suspended", None)
        if suspended is None:  # an asynchronous one before Python 3.12
            suspended = frame.f_code.co_code[frame.f_lasti] != _RETURN_GENERATOR
        if suspended or getattr(generator, f"{prefix}_running"):
            return False
        before = self.created.get(id(frame))
        return before is None or before[0]() is not generator

    def position(self, frame: types.FrameType | None) -> int:
        """The instance in which a frame, or the first instrumented one that called it, is."""
        while frame is not None and (frame.f_code.co_filename not in self.files or id(frame) in self.created):
            frame = frame.f_back
        if frame is None:
            return 0 if self.instances else -1
        activation = self.activation(frame)
        return activation.current.get(_line(frame) - 1, activation.current[activation.block])

    def instance(self, source: int, block: int, parent: int) -> int:
        thread = self.threads.setdefault(threading.current_thread(), len(self.threads))
        self.instances.append((source, block, parent, thread))
        return len(self.instances) - 1

    # Sources.

    def load(self, path: str, data: bytes, instrumented: Any) -> types.CodeType:
        """The code of a source that is to be run."""
        key = f"{path}#{len(self.sources)}" if path in self.files else path
        self.files[key] = len(self.sources)
        self.sources.append(instrumented)
        with warnings.catch_warnings():  # "'str' object is not callable"
            warnings.simplefilter("ignore")
            return self.with_calls(compile(instrumented.tree, key, "exec", dont_inherit=True))

    def with_calls(self, code: types.CodeType) -> types.CodeType:
        """The code with this object's methods for the markers in its constants."""

        def constant(value: object) -> object:
            if isinstance(value, types.CodeType):
                return self.with_calls(value)
            marked = isinstance(value, str) and value.startswith(self.marker)
            return getattr(self, str(value)[len(self.marker) :]) if marked else value

        return code.replace(co_consts=tuple(map(constant, code.co_consts)))

    def answer(self) -> dict[str, Any]:
        paths = [path.partition("#")[0] for path in self.files]
        sources = [{"path": p, **s.to_json()} for p, s in zip(paths, self.sources, strict=True)]
        return {"sources": sources, "instances": self.instances, "values": self.values}


def main() -> None:
    request, answer, script, *arguments = sys.argv[1:]
    from tests.oracle.describe import describe
    from tests.oracle.instrument import MARKER, instrument

    for name in [n for n in sys.modules if n == "tests" or n.startswith("tests.")]:
        del sys.modules[name]
    wanted = set(json.loads(Path(request).read_bytes())["sources"])
    path = os.path.join(os.getcwd(), script)
    truth = _Truth(describe, MARKER)
    out = Path(answer).absolute()
    atexit.register(lambda: out.write_text(json.dumps(truth.answer())))

    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: Any, fullname: str) -> types.CodeType | None:
        if os.path.abspath(loader.path) not in wanted:
            return original(loader, fullname)
        data = loader.get_data(loader.path)
        return truth.load(loader.path, data, instrument(data, loader.path))

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    main_module = types.ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main_module.__dict__.update(
        __file__=path, __builtins__=builtins, __annotations__={}, __cached__=None, __loader__=loader
    )
    sys.modules["__main__"] = main_module
    sys.argv[:] = [script, *arguments]
    sys.path[:1] = [os.path.dirname(os.path.realpath(path))]
    data = Path(path).read_bytes()
    exec(truth.load(path, data, instrument(data, path)), main_module.__dict__)


if __name__ == "__main__":
    sys.path[:1] = [str(_HERE.parent.parent)]
    main()
