"""What a value is at this moment, as plain data for JSON. For the truth program: standard library only, no Flor.

A description is a list whose first item says how to read the rest. None of a program's own code runs: of an object of
an unknown class its type alone is taken.
"""

from __future__ import annotations

import collections
import datetime
import enum
import re
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

Described = list[Any]

MAX_LEAVES = 2000  # of a container whose items are described
MAX_BYTES = 1 << 16  # of an array whose contents are

_NAMED = {
    types.FunctionType: "function",
    types.BuiltinFunctionType: "function",
    type: "class",
}
_SETS = (set, frozenset)
#: How the builtin part of a derived class's object is had, without its own methods.
_BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__pos__,
    float: float.__pos__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda v: bytes.__getitem__(v, slice(None)),
    tuple: lambda v: tuple(tuple.__iter__(v)),
    list: lambda v: list(list.__iter__(v)),
    dict: lambda v: dict(dict.items(v)),
    set: lambda v: set(set.__iter__(v)),
    frozenset: lambda v: frozenset(frozenset.__iter__(v)),
}


def describe(value: Any) -> Described:
    """The description of a value. What is too long has `None` for its items."""
    return _describe(value, [MAX_LEAVES], ())


def qualified(kind: type) -> str:
    """A type's name with its module, but for builtins."""
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return str(name) if module == "builtins" else f"{module}.{name}"


def bits(number: float) -> str:
    """A float's bits: -0.0 and the many nan are told apart too."""
    return struct.pack(">d", number).hex()


def _describe(value: Any, leaves: list[int], inside: tuple[int, ...]) -> Described:
    kind = type(value)
    leaves[0] -= 1
    if value is None:
        return ["none"]
    if value is ...:
        return ["literal", "..."]
    if kind is bool:
        return ["bool", value]
    if kind is int:
        return ["int", hex(value)]
    if kind is float:
        return ["float", bits(value)]
    if kind is complex:
        return ["complex", bits(value.real), bits(value.imag)]
    if kind is str:
        return ["str", value]
    if kind in (bytes, bytearray):
        return ["bytes", bytes(value).hex(), kind.__name__]
    if kind in (tuple, list, set, frozenset, dict):
        return _container(value, kind, leaves, inside)
    if kind is range:
        return ["literal", repr(value)]
    if kind is slice:
        return ["slice", *(_describe(part, leaves, inside) for part in (value.start, value.stop, value.step))]
    if kind in (datetime.datetime, datetime.date, datetime.time):
        return ["date", value.isoformat()]
    if kind is datetime.timedelta:
        return ["literal", repr(value)]
    if kind is re.Pattern:
        return ["pattern", describe(value.pattern), value.flags & ~re.UNICODE]
    if kind is types.ModuleType:
        return ["named", f"module {value.__name__}"]
    if kind is types.MethodType:
        return _function(value.__func__, kind)
    if kind in _NAMED:
        return _function(value, kind)
    if issubclass(kind, type):
        return ["named", f"class {qualified(value)}"]
    described = _library(value, kind) or _record(value, kind, leaves, inside) or _derived(value, kind, leaves, inside)
    return described or ["object", qualified(kind)]


def _container(value: Any, kind: type, leaves: list[int], inside: tuple[int, ...]) -> Described:
    name = kind.__name__
    if id(value) in inside or len(value) > leaves[0]:
        return [name, len(value), None]
    inside = (*inside, id(value))
    if kind is dict:
        items = [[_describe(k, leaves, inside), _describe(v, leaves, inside)] for k, v in value.items()]
        for key, described in items:
            if key == ["str", "__firstlineno__"]:  # of a class: the instrumented one stands elsewhere
                described[:] = ["line"]
        return [name, len(value), items]
    parts = [_describe(item, leaves, inside) for item in list(value)]
    return [name, len(value), sorted(parts, key=repr) if kind in _SETS else parts]


def _function(value: Any, kind: type) -> Described:
    if type(value) not in _NAMED:
        return ["object", qualified(kind)]
    if _NAMED[type(value)] == "class":
        return ["named", f"class {qualified(value)}"]
    module = value.__module__
    prefix = f"{module}." if isinstance(module, str) and module != "builtins" else ""
    return ["named", f"function {prefix}{value.__qualname__}"]


def _record(value: Any, kind: type, leaves: list[int], inside: tuple[int, ...]) -> Described | None:
    """A dataclass or named tuple whose fields are plain attributes."""
    if type(kind) is not type:
        return None
    spaces = [vars(k) for k in kind.__mro__]
    fields: Any = next((s["__dataclass_fields__"] for s in spaces if "__dataclass_fields__" in s), None)
    if fields is None and kind.__bases__ == (tuple,):
        fields = vars(kind).get("_fields")
    if fields is None or id(value) in inside:
        return None
    inside = (*inside, id(value))
    if issubclass(kind, tuple):
        values = list(tuple.__iter__(value))
    else:
        if any(isinstance(s.get(name), property) for s in spaces for name in fields):
            return None
        try:
            values = [object.__getattribute__(value, name) for name in fields]
        except AttributeError:
            return None
    items = [[n, _describe(v, leaves, inside)] for n, v in zip(fields, values, strict=True)]
    return ["record", qualified(kind), kind.__qualname__, items]


def _derived(value: Any, kind: type, leaves: list[int], inside: tuple[int, ...]) -> Described | None:
    """An enumeration's member, or what is derived from a builtin: that part of it."""
    if isinstance(value, enum.Enum):
        several = isinstance(value, enum.Flag) and (value._name_ is None or "|" in value._name_)
        name = f"{kind.__qualname__}({value._value_})" if several else f"{kind.__qualname__}.{value._name_}"
        return ["enum", qualified(kind), name]
    if kind in (collections.deque, collections.defaultdict):
        plain: Any = dict(value) if kind is collections.defaultdict else list(value)
        return ["derived", qualified(kind), _describe(plain, leaves, inside)]
    for base, plain in _BASES.items():
        if issubclass(kind, base) and type(kind) is type and id(value) not in inside:
            ordered = base is dict and issubclass(kind, collections.OrderedDict)
            part = dict(collections.OrderedDict.items(value)) if ordered else plain(value)
            return ["derived", qualified(kind), _describe(part, leaves, (*inside, id(value)))]
    return None


def _library(value: Any, kind: type) -> Described | None:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _scalar(value, kind)
    if numpy is not None and kind is numpy.ndarray:
        return _array(value, "numpy.ndarray", value.dtype.str, value.dtype.name)
    root = str(kind.__module__).partition(".")[0]
    if numpy is not None and isinstance(value, numpy.dtype) and not (value.names or value.subdtype):
        return ["literal", repr(value)]
    if root == "numpy" and kind.__name__ in ("ufunc", "_ArrayFunctionDispatcher"):
        known = getattr(numpy, value.__name__, None) is value
        module = "numpy." if known else "" if kind.__name__ == "ufunc" else f"{value.__module__}."
        return ["named", f"function {module}{value.__name__}"]
    if root == "torch" and kind.__name__ in ("Tensor", "Parameter"):
        plain = value.detach()
        name = str(value.dtype).removeprefix("torch.")
        try:
            return _array(plain.contiguous().numpy(), qualified(kind), name, name)
        except TypeError:  # numpy has no such dtype
            return ["array", qualified(kind), name, name, list(value.shape), None, None, None]
    if root == "torch" and kind.__name__ in ("dtype", "device"):
        return ["literal", repr(value)]
    if root == "pandas" and kind.__name__ in ("Series", "DataFrame"):
        return _frame(value, kind)
    if root == "pandas" and kind.__name__ == "Timestamp":
        return ["date", value.isoformat()]
    if root == "scipy" and kind.__module__.startswith("scipy.sparse"):
        return ["sparse", qualified(kind), value.dtype.str, list(value.shape), int(value.nnz)]
    return None


def _scalar(value: Any, kind: type) -> Described:
    if value.dtype.kind in "Mm":
        return ["date", str(value)] if value.dtype.kind == "M" else ["literal", repr(value)]
    item = value.item()
    plain = type(item) in (bool, int, float, complex, str, bytes, tuple)  # the last of a record
    return ["scalar", qualified(kind), describe(item)] if plain else ["object", qualified(kind)]


def _array(value: Any, kind: str, dtype: str, name: str) -> Described:
    """Type, dtype (two names of it), shape, the bytes of numbers, the only item, the items of what is no number."""
    only = value.item() if value.size == 1 else None
    single = describe(only) if type(only) in (bool, int, float, complex, str, bytes) else None
    if value.size == 1 and value.dtype.kind == "M":
        single = ["date", str(value.reshape(1)[0])]
    shape, numeric = list(value.shape), value.dtype.kind in "biufc"
    if numeric:
        contents = value.tobytes().hex() if value.nbytes <= MAX_BYTES else None
        return ["array", kind, dtype, name, shape, contents, single, None]
    name = {"U": "str", "S": "bytes", "V": str(value.dtype)}.get(value.dtype.kind, name)
    items = value.astype("U") if value.dtype.kind in "Mm" else value
    return [
        "array",
        kind,
        dtype,
        name,
        shape,
        None,
        single,
        describe(items.tolist()) if value.size < MAX_LEAVES else None,
    ]


def _frame(value: Any, kind: type) -> Described:
    series = kind.__name__ == "Series"
    columns = (
        [str(value.name)] if series and value.name is not None else [] if series else [str(c) for c in value.columns]
    )
    dtype = str(value.dtype) if series else ", ".join(dict.fromkeys(str(t) for t in value.dtypes))
    cells = describe(value.to_numpy(dtype=object).tolist()) if value.size <= MAX_LEAVES else None
    return ["frame", f"pandas.{kind.__name__}", list(value.shape), columns, dtype, cells]
