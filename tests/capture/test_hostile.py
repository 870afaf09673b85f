"""Values that defend themselves: none is changed, kept alive, asked anything, or looked at for long."""

from __future__ import annotations

import abc
import array
import collections
import dataclasses
import datetime
import enum
import functools
import gc
import mmap
import resource
import sys
import threading
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from flor.capture import origin, secrets
from flor.capture.values import keep
from flor.trace import format as f
from flor.trace.values import gap_reason, text
from tests.conftest import flor

SPECIAL = """
__repr__ __str__ __format__ __bytes__ __len__ __iter__ __next__ __contains__ __getitem__ __bool__ __hash__ __eq__ __lt__
__float__ __int__ __index__ __complex__ __trunc__ __pos__ __add__ __array__ __array_interface__ __array_struct__ __array_ufunc__
__array_function__ __dataframe__ __arrow_array__ __arrow_c_array__ __dlpack__ __torch_function__ __getattr__ __get__ __set_name__
__reduce__ __reduce_ex__ __getstate__ __copy__ __deepcopy__ __dir__ __sizeof__ __enter__ __call__ __instancecheck__
__fspath__ __length_hint__ __reversed__ __missing__ __buffer__ __rich_repr__ __repr_html__ _repr_html_
""".split()

asked: list[str] = []


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is known for a secret, and none will be."""
    monkeypatch.setattr(secrets, "texts", [])


def refusing(name: str) -> Callable[..., Any]:
    def method(*_: object, **__: object) -> Any:
        asked.append(name)
        raise RuntimeError(f"{name} was asked")

    return method


def hostile(base: type, **members: object) -> type:
    """A class derived from `base` of which nothing may be asked."""
    attributes: dict[str, Any] = {name: refusing(name) for name in SPECIAL}
    attributes["__class__"] = property(refusing("__class__"))
    attributes["__getattribute__"] = refusing("__getattribute__")
    attributes["__module__"] = __name__
    return type("Hostile", (base,), attributes | members)


class Meta(type):
    __hash__ = refusing("Meta.__hash__")  # type: ignore[assignment]
    __eq__ = refusing("Meta.__eq__")
    __getattribute__ = refusing("Meta.__getattribute__")
    __instancecheck__ = refusing("Meta.__instancecheck__")
    __subclasscheck__ = refusing("Meta.__subclasscheck__")
    __repr__ = refusing("Meta.__repr__")


class WithMeta(metaclass=Meta):
    pass


@dataclasses.dataclass
class Lazy:
    """Its field is computed when it is asked for."""

    x: int

    def __post_init__(self) -> None:
        type(self).x = functools.cached_property(refusing("x"))  # type: ignore[assignment]
        del self.__dict__["x"]


class Descriptor:
    __get__ = refusing("Descriptor.__get__")


@dataclasses.dataclass
class Described:
    x: Any = None


Described.x = Descriptor()


class Zone(datetime.tzinfo):
    utcoffset = refusing("utcoffset")
    dst = refusing("dst")
    tzname = refusing("tzname")


class WeirdName(str):
    __format__ = refusing("__format__")
    __eq__ = refusing("__eq__")  # type: ignore[assignment]
    __hash__ = refusing("__hash__")  # type: ignore[assignment]


class Forged:
    __repr__ = refusing("__repr__")
    __module__ = "collections"


class Misnamed:
    __module__ = WeirdName("collections")


def described() -> object:
    value = object.__new__(Described)
    value.__dict__["x"] = 1
    return value


def named_function() -> object:
    def function() -> None: ...

    function.__qualname__ = WeirdName("f")
    function.__module__ = WeirdName("m")
    return function


def object_array() -> object:
    found = np.empty(2, object)
    found[0], found[1] = hostile(object)(), 1
    return found


def mock_that_answers() -> object:
    found = mock.MagicMock()
    found.__repr__ = refusing("mock.__repr__")
    return found


def fields_that_lie() -> object:
    kind = type("Fields", (), {})
    kind.__dataclass_fields__ = hostile(dict)(x=1)  # type: ignore[attr-defined]
    kind._fields = hostile(tuple)(("x",))  # type: ignore[attr-defined]
    return kind()


def own_array() -> object:
    kind: Any = type("Hostile", (np.ndarray,), {"__module__": __name__})
    value = np.arange(3).view(kind)
    for name in [*SPECIAL, "__getattribute__", "__array_finalize__", "shape", "dtype", "tobytes", "view", "item"]:
        setattr(kind, name, refusing(name))
    return value


VALUES: dict[str, Callable[[], object]] = {
    **{
        base.__name__: lambda base=base: hostile(base)()
        for base in (object, list, dict, set, frozenset, tuple, bytearray)
    },  # type: ignore[misc]
    "int": lambda: hostile(int)(3),
    "float": lambda: hostile(float)(2.5),
    "complex": lambda: hostile(complex)(1j),
    "str": lambda: hostile(str)("text"),
    "bytes": lambda: hostile(bytes)(b"bytes"),
    "filled list": lambda: hostile(list)([1, hostile(object)()]),
    "filled dict": lambda: hostile(dict)({1: hostile(object)()}),
    "list in list": lambda: [hostile(list)([1, 2])],
    "key in dict": lambda: {1: hostile(int)(3), "k": [hostile(object)()]},
    "ndarray": own_array,
    "OrderedDict": lambda: hostile(collections.OrderedDict)(a=1),
    "defaultdict": lambda: hostile(collections.defaultdict)(list),
    "deque": lambda: hostile(collections.deque)([1]),
    "array": lambda: hostile(array.array)("d", [1.0]),
    "datetime": lambda: hostile(datetime.datetime)(2026, 1, 1),
    "exception": lambda: hostile(ValueError)("why"),
    "exception's argument": lambda: ValueError(hostile(object)()),
    "abstract": lambda: hostile(abc.ABC)(),
    "metaclass": WithMeta,
    "class with metaclass": lambda: WithMeta,
    "list of metaclass": lambda: [WithMeta(), WithMeta],
    "cached property": lambda: Lazy(1),
    "descriptor": described,
    "zone": lambda: datetime.datetime(2026, 1, 1, tzinfo=Zone()),
    "zone in list": lambda: [datetime.time(1, tzinfo=Zone())],
    "forged module": Forged,
    "module's name": Misnamed,
    "function's name": named_function,
    "object array": object_array,
    "array in list": lambda: [object_array()],
    "partial": lambda: functools.partial(int, hostile(object)()),
    "deque of hostile": lambda: collections.deque([hostile(object)()]),
    "counter": lambda: collections.Counter({"a": hostile(object)()}),
    "namespace": lambda: types.SimpleNamespace(a=hostile(object)()),
    "mapping proxy": lambda: types.MappingProxyType(hostile(dict)()),
    "dict view": lambda: {1: hostile(object)()}.values(),
    "weak reference": lambda: weakref.ref(WEAK),
    "weak proxy": lambda: weakref.proxy(WEAK),
    "mock": mock_that_answers,
    "fields": fields_that_lie,
    "method": lambda: types.MethodType(refusing("method"), hostile(object)()),
}
WEAK = type("Weak", (), {"__repr__": refusing("__repr__"), "__getattribute__": refusing("__getattribute__")})()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("redact", [False, True])
def test_nothing_is_asked_of_a_value(name: str, redact: bool) -> None:
    value = VALUES[name]()
    asked.clear()
    kind, what = keep(value, redact)
    assert (asked, kind in f.VALUE_KINDS, kind == f.GAP) == ([], True, False), what


def shown(value: object) -> str | None:
    kind, what = keep(value, False)
    assert isinstance(what, bytes)
    return text(kind, 0, what)


def test_what_is_derived_from_a_plain_type_is_kept_by_what_that_type_holds() -> None:
    assert keep(hostile(int)(3), False) == (f.INT, 3)
    assert keep(hostile(float)(2.5), False) == (f.FLOAT, 2.5)
    assert keep(hostile(str)("text"), False) == (f.STR, b"text")
    assert keep(hostile(bytes)(b"ab"), False) == (f.BYTES, b"ab")
    assert shown(hostile(list)([1, 2])) == "Hostile([1, 2])"
    assert shown(hostile(dict)({1: 2})) == "Hostile({1: 2})"
    assert shown(own_array()) == "[0, 1, 2]"


def test_the_locals_of_a_running_function_are_not_asked() -> None:
    asked = []

    class Asked:
        def __repr__(self) -> str:
            asked.append(self)
            return "asked"

    local = Asked()
    for value in (sys._getframe().f_locals, types.MappingProxyType(sys._getframe().f_locals)):
        keep(value, False)
    assert asked == []
    assert local


def test_the_order_of_an_ordered_dict_is_its_own() -> None:
    class Ordered(collections.OrderedDict[str, int]):
        pass

    value = Ordered(a=1, b=2)
    value.move_to_end("a")
    assert shown(value) == f"{Ordered.__qualname__}({{'b': 2, 'a': 1}})"


def test_cycles_and_depth_end() -> None:
    cycle: list[Any] = []
    cycle.append({"again": cycle})
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    wide: list[Any] = []
    for _ in range(60):
        wide = [wide, wide]
    table: dict[str, Any] = {}
    table["self"] = table
    assert [keep(v, False)[0] for v in (cycle, deep, wide, table)] == [f.SUMMARY] * 4
    while deep:  # else its end would take the stack
        deep = deep.pop()


def test_a_value_that_cannot_be_looked_at_is_a_gap() -> None:
    view = memoryview(b"ab")
    view.release()
    kind, data = keep(view, False)
    assert kind == f.GAP and isinstance(data, bytes)
    assert gap_reason(data) == "it could not be looked at"


# Alive.


class Plain:
    pass


@dataclasses.dataclass
class Record:
    x: Any


class BrokenError(Exception):
    pass


ALIVE: dict[str, Callable[[], Any]] = {
    "object": Plain,
    "record": lambda: Record(1),
    "set": lambda: type("Set", (set,), {})([1]),
    "array": lambda: np.zeros(1000),
    "own array": lambda: np.zeros(10).view(type("Own", (np.ndarray,), {})),
    "exception": lambda: BrokenError("x"),
    "function": lambda: lambda: 0,
    "generator": lambda: (x for x in [1]),
    "class": lambda: type("Temporary", (), {}),
    "enum": lambda: enum.Enum("Colors", "RED"),
    "record class": lambda: dataclasses.make_dataclass("Made", ["x"]),
    "mock": mock.Mock,
}


@pytest.mark.parametrize("name", ALIVE)
def test_a_value_dies_when_it_would_have_died(name: str) -> None:
    value = ALIVE[name]()
    keep(value, False)
    keep([value, {"k": value}], False)
    if isinstance(value, type):
        keep(value(1) if name == "record class" else next(iter(value)) if name == "enum" else value(), False)  # type: ignore[call-overload]
    died = weakref.ref(value)
    del value
    if died() is not None:
        gc.collect()  # a class or mock is a cycle of its own
    assert died() is None


def test_a_plain_object_dies_at_once() -> None:
    value = Plain()
    value.itself = [value.__class__]  # type: ignore[attr-defined]
    gc.disable()
    try:
        keep(value, False)
        keep((value, Record(value)), False)
        died = weakref.ref(value)
        del value
        assert died() is None
    finally:
        gc.enable()


def test_reference_counts_stay() -> None:
    values: list[Any] = [
        Plain(),
        [1, [2]],
        {"a": Plain()},
        Record(Plain()),
        np.zeros(3),
        ValueError(Plain()),
        {Plain()},
    ]
    for value in values:
        keep(value, False)
    before = [sys.getrefcount(value) for value in values]
    for _ in range(5):
        for value in values:
            keep(value, False)
    assert [sys.getrefcount(value) for value in values] == before


# Large.


def memory() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_huge_array_is_not_touched(tmp_path: Path) -> None:
    memory_map = mmap.mmap(
        -1, 10 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    )
    file = np.memmap(tmp_path / "sparse", dtype="u1", mode="w+", shape=(10 << 30,))
    lazy = np.frombuffer(memory_map, "f8")
    broadcast = np.broadcast_to(np.arange(3.0), (10**6, 10**6, 3))
    before = memory()
    assert shown(lazy) == "float64 array (1342177280,)"
    assert shown(lazy[::7]) == "float64 array (191739612,)"
    assert shown(file) == "uint8 memmap (10737418240,)"
    assert shown(broadcast) == "float64 array (1000000, 1000000, 3)"
    assert shown([lazy, broadcast]) == "list of 2: [float64 array (1342177280,), float64 array (1000000, 1000000, 3)]"
    assert shown(memoryview(memory_map)) == "memoryview of 10737418240 bytes"
    assert memory() - before < 50 << 20


def test_a_small_part_of_a_mapped_file_is_not_read(tmp_path: Path) -> None:
    """Its file may be on a network, or be cut."""
    assert shown(np.memmap(tmp_path / "file", dtype="u1", mode="w+", shape=(10,))) == "uint8 memmap (10,)"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda n: list(range(n)), "list of 3000000: [0, 1, 2, …, 2999997, 2999998, 2999999]"),
        (lambda n: set(range(n)), "set of 3000000: {0, 1, 2, …}"),
        (
            lambda n: dict.fromkeys(range(n)),
            "dict of 3000000: {0: None, 1: None, 2: None, …, 2999997: None, 2999998: None, 2999999: None}",
        ),
        (lambda n: collections.deque(range(n)), "<collections.deque>"),
        (lambda n: array.array("q", bytes(8 * n)), "<array.array>"),
        (lambda n: dict.fromkeys(range(n)).keys(), "<dict_keys>"),
        (lambda n: functools.partial(print, list(range(n))), "<functools.partial>"),
        (lambda n: ValueError(list(range(n))), "ValueError(<list of 3000000>)"),
        (lambda n: types.SimpleNamespace(a=list(range(n))), "<types.SimpleNamespace>"),
        (lambda n: bytearray(n), "bytearray of 3000000 bytes"),
    ],
    ids=range(10),
)
def test_a_huge_container_is_not_copied(make: Callable[[int], object], expected: str) -> None:
    import tracemalloc

    value = make(3_000_000)
    tracemalloc.start()
    found = shown(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found, peak < 2 << 20) == (expected, True)


def test_texts_of_a_container_count_for_its_length() -> None:
    kind, data = keep(["x" * 60_000] * 200, False)
    assert kind == f.SUMMARY and isinstance(data, bytes) and len(data) < 5000


def test_a_library_s_own_repr_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take seconds, ask a database or compute what is lazy."""
    import pandas as pd
    import polars as pl
    from sklearn.ensemble import RandomForestClassifier

    for kind in (pd.DataFrame, pd.Series, pl.DataFrame, pl.LazyFrame, RandomForestClassifier):
        for name in ("__repr__", "__str__"):
            monkeypatch.setattr(kind, name, refusing(f"{kind.__name__}.{name}"))
    for name in ("collect", "collect_schema", "explain"):
        monkeypatch.setattr(pl.LazyFrame, name, refusing(name))
    asked.clear()
    forest = RandomForestClassifier(3).fit([[0.0], [1.0]], [0, 1])
    frame = pd.DataFrame({"a": [1, 2]})
    values = [frame, frame.a, pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}).lazy(), forest]
    kinds = [keep(v, False)[0] for v in [*values, values, collections.deque(values)]]
    assert (asked, kinds) == ([], [f.ARRAY] * 3 + [f.OBJECT] * 2 + [f.SUMMARY] * 2)


# Threads.


@pytest.mark.parametrize("base", [list, dict, set])
def test_a_container_that_another_thread_changes_does_no_harm(base: Any) -> None:
    value = base()
    stop = threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            if base is list:
                value.append(i)
                del value[:-50]
            elif base is dict:
                value[i % 97] = i
                value.pop((i * 31) % 97, None)
            else:
                value.add(i % 97)
                value.discard((i * 31) % 97)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        kinds = {keep(value, False)[0] for _ in range(2000)}
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert f.EXACT in kinds and kinds <= {f.EXACT, f.GAP}


def test_only_what_a_library_really_holds_is_taken_for_its_own() -> None:
    assert [
        origin.library(k) for k in (int, dict, type({}.keys()), collections.Counter, np.ndarray, Plain, Forged)
    ] == [
        *("python", "python", "python", "python", "numpy"),
        *(None, None),
    ]
    assert origin.library(type(mock.Mock())) is None


SCRIPT = """
import gc, weakref, time

class Slow:
    def __repr__(self):
        time.sleep(3600)
class Raises:
    def __repr__(self):
        raise SystemExit("no")
class Endless:
    def __repr__(self):
        return repr(self)
class Changes(list):
    count = 0
    def __repr__(self):
        Changes.count += 1
        return "changed"
    __len__ = __iter__ = __getattribute__ = __repr__
class Liar:
    @property
    def __class__(self):
        print("asked for the class")
        return dict
class Number(float):
    def __float__(self):
        print("asked for the number")
        return 0.0
    __eq__ = __hash__ = __format__ = __float__
class Remote:
    def __getattr__(self, name):
        print("asked for", name)
        raise AttributeError(name)
for make in (Slow, Raises, Endless, Changes, Liar, lambda: Number(1.5), Remote):
    value = make()
    both = [value, {"k": value}]
    alive = None if type(value) is Number else weakref.ref(value)
    print(type(value).__name__, alive is None or alive() is value)
    del value, both
    print(alive is None or alive() is None)
print(Changes.count)
try:
    import numpy as np
    huge = np.zeros((10 << 30) // 8)  # its pages come when they are touched
    both = [huge, huge[::2], huge.reshape(-1, 4).T, {"k": huge}]
    print(huge.shape, huge.nbytes)
    del both
except MemoryError:
    print("there is no room for it here")
cycle = []
cycle.append({"cycle": cycle})
with open("/proc/self/status") as status:  # ru_maxrss has what the process was that started this one
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(len(cycle), peak < 1 << 20)
"""


def test_a_program_with_hostile_values_runs_as_without_capture(
    recorder: str, write: Callable[[str, str], Path]
) -> None:
    import subprocess

    write("script.py", SCRIPT)
    plain = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True)
    captured = flor("python", "script.py", "hostile")
    assert (captured.returncode, captured.stdout, captured.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert "\nTrue\n0\n" in plain.stdout and plain.stdout.endswith("\n1 True\n")
