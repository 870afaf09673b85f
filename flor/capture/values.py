"""What is kept of a value that is no plain scalar. Called by the recorder, inside the captured program.

Nothing here may change the program: no method of a class that the program itself defines is called, nothing is kept
alive, and types are recognised by their module and name, so that no library is imported. `isinstance` is not asked of
a value: that would run its `__class__`. Nothing is asked of a class whose metaclass is the program's own. What cannot
be kept exactly says so.
"""

from __future__ import annotations

import builtins
import contextlib
import datetime
import gc
import hashlib
import json
import os
import signal
import struct
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

from flor.capture.secrets import is_secret
from flor.trace import format as f

MAX_TEXT = 65536  # bytes of a str or bytes that are kept
MAX_LEAVES = 256  # of a container that is kept exactly
MAX_CONTENTS = 4096  # bytes of an array that are kept
MAX_REPR = 200  # characters of an object's repr
MAX_REACHED = 2000  # objects that are looked at before one's repr is trusted

Kept = tuple[int, bytes | int | float]

#: Texts that were bound to a secret's name. The recorder adds to it; what holds one of them is not kept.
secrets: list[str] = []
_REDACTED = "'<redacted>'"

_NONE: Kept = (f.NONE, 0)
_NUMBERS = (int, float, complex, bool)


class _NotExactError(Exception):
    """The value is not made of plain values alone, or is too long."""


def keep(value: Any, redact: bool) -> Kept:
    """The kind of flor.trace.format and its payload: bytes for the heap, or an int or float for the record itself.

    Raises what is meant for the program: an interrupt, or what one of its signal handlers raised meanwhile.
    """
    try:
        return _keep(value, redact)
    except BaseException as error:
        meant, shown = _from_signal(error)
        if not meant:
            return f.GAP, _json({"why": "it could not be looked at", "type": _qualified(type(value))})
        error.__traceback__ = shown
        raise


def _from_signal(error: BaseException) -> tuple[bool, types.TracebackType | None]:
    """Whether this comes from a signal, and the traceback from the program's handler on."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [h.__func__ if type(h) is types.MethodType else h for h in handlers]
    codes = {f.__code__ for f in functions if type(f) is types.FunctionType}
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code not in codes:
        traceback = traceback.tb_next
    return traceback is not None or not isinstance(error, Exception), traceback


def _keep(value: Any, redact: bool) -> Kept:
    kind = type(value)
    if _own_metaclass(kind):
        return _plain_object(value)
    if redact and kind in (str, bytes, bytearray):
        return f.REDACTED, 0
    handler = _EXACT.get(kind) or _library_handler(kind)
    if handler is not None:
        return handler(value)
    if issubclass(kind, BaseException) and kind.__module__ == "builtins":
        return f.OBJECT, _object(value, None if _reaches_own(value.args) else _repr(value))
    if kind.__flags__ & 1 << 9 and (fields := _fields(kind)) is not None:
        return _container(value, lambda leaves: _record(value, fields, leaves, frozenset()))
    if issubclass(kind, type):
        return f.NAMED, f"class {_qualified(value)}".encode("utf-8", "replace")
    return f.OBJECT, _object(value, _trusted_repr(value))


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()


def _qualified(kind: type) -> str:
    """The type's name, with its module unless it is a builtin. Looks past what a metaclass may pretend."""
    module = type.__getattribute__(kind, "__module__")
    name = type.__getattribute__(kind, "__qualname__")
    return str(name) if module == "builtins" else f"{module}.{name}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_REPR else text[: MAX_REPR - 1] + "…"


def _object(value: object, text: str | None) -> bytes:
    data: dict[str, Any] = {"type": _qualified(type(value)), "id": id(value)}
    if text is not None:
        data["text"] = text
    return _json(data)


def _trusted_repr(value: object) -> str | None:
    """The repr of an object whose classes are all a library's; None for the program's own, whose code must not run."""
    for kind in type(value).__mro__:
        if not _from_library(kind):
            return None
    return None if type(value) is type(os.environ) or _reaches_own(value) else _repr(value)


def _repr(value: object) -> str | None:
    try:
        text = repr(value)
    except Exception as error:
        if _from_signal(error)[0]:
            raise
        return None
    return None if _holds_secret(text) else _short(text)


def _reaches_own(value: object) -> bool:
    """Could `value`'s repr come to an object whose class is the program's? True also where there is too much to see."""
    seen, todo = {id(value)}, [value]
    while todo:
        for referent in gc.get_referents(todo.pop()):
            kind = type(referent)
            if id(referent) in seen or (type(kind) is type and kind in _CLOSED):
                continue
            if not _from_library(kind) or _own_metaclass(kind):
                return True
            seen.add(id(referent))
            todo.append(referent)
            if len(seen) > MAX_REACHED:
                return True
    return False


#: What shows nothing of what it refers to.
_CLOSED = frozenset(
    {
        *(type, types.FunctionType, types.ModuleType, types.CodeType, types.FrameType, types.TracebackType),
        *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
    }
)


def _own_metaclass(kind: type) -> bool:
    return type(kind) is not type and not _from_library(type(kind))


def _from_library(kind: type) -> bool:
    module = sys.modules.get(type.__getattribute__(kind, "__module__"))
    if type(module) is not types.ModuleType or module is builtins:  # exec() in an empty namespace says "builtins"
        return not type.__dict__["__flags__"].__get__(kind) & 1 << 9
    path = module.__dict__.get("__file__")
    return type(path) is not str or "site-packages" in path or "dist-packages" in path or path.startswith(_LIBRARY)


_LIBRARY = tuple({datetime.__file__.rpartition("/")[0] + "/", json.__file__.rpartition("/json/")[0] + "/"})

# Text and numbers.


def _int(value: int) -> Kept:
    return (f.INT, value) if -(2**63) <= value < 2**63 else (f.BIG_INT, hex(value).encode())


def _str(value: str) -> Kept:
    data = value.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_TEXT:
        return f.STR, data
    return f.SUMMARY, _long("str", data, len(value), data[:MAX_TEXT].decode("utf-8", "ignore"))


def _bytes(value: bytes) -> Kept:
    if len(value) <= MAX_TEXT:
        return f.BYTES, bytes(value)
    return f.SUMMARY, _long(type(value).__name__, value, len(value), repr(bytes(value[:MAX_REPR])))


def _long(kind: str, data: bytes, length: int, text: str) -> bytes:
    return _json({"type": kind, "length": length, "sha256": hashlib.sha256(data).hexdigest(), "text": text})


def _complex(value: complex) -> Kept:
    return f.COMPLEX, struct.pack("<dd", value.real, value.imag)


def _date(value: Any) -> Kept:
    return f.DATE, value.isoformat().encode()


def _named(what: str) -> Callable[[Any], Kept]:
    def handler(value: Any) -> Kept:
        module = getattr(value, "__module__", None)
        name = getattr(value, "__qualname__", None) or value.__name__
        prefix = f"{module}." if isinstance(module, str) and module != "builtins" else ""
        return f.NAMED, f"{what} {prefix}{name}".encode("utf-8", "replace")

    return handler


def _module(value: types.ModuleType) -> Kept:
    name = value.__dict__.get("__name__")
    return f.NAMED, f"module {name if type(name) is str else '?'}".encode("utf-8", "replace")


def _method(value: types.MethodType) -> Kept:
    return _named("function")(value.__func__) if type(value.__func__) is types.FunctionType else _plain_object(value)


def _plain_object(value: object) -> Kept:
    return f.OBJECT, _object(value, None)


# Containers: as a Python expression, if it is one.


def _container(value: Any, write: Callable[[list[int]], str]) -> Kept:
    try:
        text = write([MAX_LEAVES]).encode("utf-8", "surrogatepass")
        if len(text) <= MAX_TEXT:
            return f.EXACT, text
    except (_NotExactError, RecursionError):
        pass
    return f.SUMMARY, _summary(value)


def _literal(value: Any, leaves: list[int], inside: frozenset[int]) -> str:
    """`value` as an expression. `leaves` counts down over the whole; `inside`: ids of the containers around it."""
    kind = type(value)
    if type(kind) is type and kind in (tuple, list, dict, set, frozenset):
        if id(value) in inside or len(value) > leaves[0]:
            raise _NotExactError
        return _collection(value, kind, leaves, inside | {id(value)})
    leaves[0] -= 1
    if leaves[0] < 0 or _own_metaclass(kind):
        raise _NotExactError
    if value is None or kind in _NUMBERS:
        return repr(value) if kind is not int or -(2**63) <= value < 2**63 else hex(value)
    if kind in (str, bytes):
        if len(value) > MAX_TEXT:
            raise _NotExactError
        return _REDACTED if kind is str and _holds_secret(value) else repr(value)
    if (fields := _fields(kind)) is not None:
        if id(value) in inside:
            raise _NotExactError
        return _record(value, fields, leaves, inside | {id(value)})
    scalar = _scalar(value)
    if scalar is None:
        raise _NotExactError
    return repr(scalar)


def _member(name: object, value: Any, leaves: list[int], inside: frozenset[int]) -> str:
    """The value of a key or field; not of one that looks like a secret's."""
    text = _literal(value, leaves, inside)
    return _REDACTED if type(value) in (str, bytes) and type(name) is str and is_secret(name) else text


def _holds_secret(text: str) -> bool:
    return any(secret in text for secret in secrets)


def _collection(value: Any, kind: type, leaves: list[int], inside: frozenset[int]) -> str:
    if kind is dict:
        items = [f"{_literal(k, leaves, inside)}: {_member(k, v, leaves, inside)}" for k, v in list(value.items())]
        return "{" + ", ".join(items) + "}"
    parts = [_literal(v, leaves, inside) for v in list(value)]
    text = ", ".join(parts)
    if kind is tuple:
        return f"({text},)" if len(parts) == 1 else f"({text})"
    if kind is list:
        return f"[{text}]"
    if kind is set:
        return f"{{{text}}}" if parts else "set()"
    return f"frozenset({{{text}}})" if parts else "frozenset()"


def _fields(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass or named tuple, read without running any of its code."""
    namespaces = [vars(k) for k in kind.__mro__]
    for namespace in namespaces:
        fields = namespace.get("__dataclass_fields__")
        if type(fields) is dict:
            slots_or_properties = any(isinstance(n.get(name), property) for name in fields for n in namespaces)
            return None if slots_or_properties else tuple(fields)
    if kind.__bases__ == (tuple,):
        names = vars(kind).get("_fields")
        if type(names) is tuple and all(type(n) is str for n in names):
            return names
    return None


def _record(value: Any, fields: tuple[str, ...], leaves: list[int], inside: frozenset[int]) -> str:
    if issubclass(type(value), tuple):
        values: Iterable[Any] = tuple.__iter__(value)
    else:
        try:
            values = [object.__getattribute__(value, name) for name in fields]
        except AttributeError:
            raise _NotExactError from None
    parts = [f"{n}={_member(n, v, leaves, inside)}" for n, v in zip(fields, values, strict=False)]
    return f"{type(value).__qualname__}({', '.join(parts)})"


def _summary(value: Any) -> bytes:
    """Type, length, first and last items."""
    kind = type(value)
    data: dict[str, Any] = {"type": _qualified(kind)}
    if kind in (tuple, list, dict, set, frozenset):
        data["length"] = len(value)
        items = list(value.items()) if kind is dict else list(value) if kind in (set, frozenset) else value
        ends = [_item(v, kind is dict) for v in items[:3]]
        if len(value) > 3:
            ends += (["…"] if len(value) > 6 else []) + [
                _item(v, kind is dict) for v in items[max(3, len(value) - 3) :]
            ]
        opening, closing = "[]" if kind is list else "()" if kind is tuple else "{}"
        data["text"] = f"{kind.__name__} of {len(value)}: {opening}{', '.join(ends)}{closing}"
    return _json(data)


def _item(value: Any, pair: bool) -> str:
    if pair:
        secret = type(value[0]) is str and is_secret(value[0])
        return f"{_item(value[0], False)}: {_REDACTED if secret else _item(value[1], False)}"
    try:
        return _short(_literal(value, [16], frozenset()))
    except (_NotExactError, RecursionError):
        return f"<{_qualified(type(value))}>"


def _collection_handler(value: Any) -> Kept:
    return _container(value, lambda leaves: _literal(value, leaves, frozenset()))


# Libraries, recognised by name.


def _library_handler(kind: type) -> Callable[[Any], Kept] | None:
    module = type.__getattribute__(kind, "__module__")
    if type(module) is not str:
        return None
    root = module.partition(".")[0]
    name = type.__getattribute__(kind, "__name__")
    if root == "numpy":
        return _ndarray if name == "ndarray" else _numpy_scalar if _is_a(kind, "numpy", "generic") else None
    if root == "torch":
        return _tensor if name in ("Tensor", "Parameter") else None
    if root == "pandas":
        if name in ("Series", "DataFrame"):
            return _frame
        return _date if name == "Timestamp" else None
    if root == "scipy" and module.startswith("scipy.sparse"):
        return _sparse
    return None


def _is_a(kind: type, module: str, name: str) -> bool:
    return any(k.__name__ == name and k.__module__.partition(".")[0] == module for k in kind.__mro__)


def _scalar(value: Any) -> Any:
    """The Python scalar that a numpy scalar is exactly; None if it is none."""
    kind = type(value)
    if kind.__module__ != "numpy" or not _is_a(kind, "numpy", "generic"):
        return None
    scalar = value.item()
    return scalar if type(scalar) in (*_NUMBERS, str, bytes) else None


def _from_scalar(scalar: Any) -> Kept | None:
    kind = type(scalar)
    if kind is float:
        return f.FLOAT, scalar
    if kind is bool:
        return f.BOOL, int(scalar)
    handler = _EXACT.get(kind) if kind in (int, str, bytes, complex) else None
    return handler(scalar) if handler else None


def _numpy_scalar(value: Any) -> Kept:
    if value.dtype.kind in "Mm":
        return f.DATE if value.dtype.kind == "M" else f.EXACT, str(value).encode()
    return _from_scalar(value.item()) or (f.OBJECT, _object(value, _short(repr(value))))


def _ndarray(value: Any) -> Kept:
    if value.size == 1 and value.dtype.kind in "biufcSU" and (kept := _from_scalar(value.item())) is not None:
        return kept
    plain = value.dtype.kind in "biufc"
    dtype = value.dtype.str if plain else value.dtype.name
    data = {"type": "numpy.ndarray", "dtype": dtype, "shape": list(value.shape)}
    return _array(data, value.tobytes() if plain and value.nbytes <= MAX_CONTENTS else b"")


def _array(data: dict[str, Any], contents: bytes) -> Kept:
    head = _json(data)
    return f.ARRAY, struct.pack("<I", len(head)) + head + contents


def _tensor(value: Any) -> Kept:
    data: dict[str, Any] = {
        "type": "torch.Tensor",
        "dtype": str(value.dtype).removeprefix("torch."),
        "shape": list(value.shape),
    }
    if value.device.type != "cpu" or value.layout.__str__() != "torch.strided" or _not_ordinary(value):
        return f.GAP, _json({"why": "a tensor that is not in the processor's memory", **data})
    plain = value.detach()
    if plain.numel() == 1 and (kept := _from_scalar(plain.item())) is not None:
        return kept
    dtype = _TORCH_DTYPES.get(data["dtype"])
    if dtype is None:
        return _array(data, b"")
    data["dtype"] = dtype
    small = plain.numel() * plain.element_size() <= MAX_CONTENTS
    return _array(data, plain.contiguous().numpy().tobytes() if small else b"")


def _not_ordinary(value: Any) -> bool:
    """A tensor inside a compiler or a functional transform has no numbers to look at."""
    functorch = getattr(sys.modules.get("torch"), "_C", None)
    return bool(getattr(value, "fake_mode", None)) or (
        functorch is not None and functorch._functorch.is_functorch_wrapped_tensor(value)
    )


_TORCH_DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "|i1",
    "uint8": "|u1",
    "bool": "|b1",
}


def _frame(value: Any) -> Kept:
    """A pandas Series or DataFrame: its columns, and its contents while they are few plain values."""
    kind = type(value).__name__
    data: dict[str, Any] = {"type": f"pandas.{kind}", "shape": list(value.shape)}
    if kind == "Series":
        data["dtype"] = str(value.dtype)
        data["columns"] = [str(value.name)] if value.name is not None else []
    else:
        data["dtype"] = ", ".join(dict.fromkeys(str(t) for t in value.dtypes))
        data["columns"] = [str(c) for c in value.columns[:MAX_LEAVES]]
    if value.size <= MAX_LEAVES:
        cells = value.to_numpy(dtype=object).tolist()
        with contextlib.suppress(_NotExactError, RecursionError):
            data["text"] = _literal(cells, [MAX_LEAVES + 1], frozenset())
    return _array(data, b"")


def _sparse(value: Any) -> Kept:
    data = {
        "type": _qualified(type(value)),
        "dtype": value.dtype.str,
        "shape": list(value.shape),
        "stored": int(value.nnz),
    }
    return _array(data, b"")


_EXACT: dict[type, Callable[[Any], Kept]] = {
    int: _int,
    str: _str,
    bytes: _bytes,
    bytearray: lambda v: _bytes(bytes(v)),
    complex: _complex,
    tuple: _collection_handler,
    list: _collection_handler,
    dict: _collection_handler,
    set: _collection_handler,
    frozenset: _collection_handler,
    range: lambda v: (f.EXACT, repr(v).encode()),
    slice: lambda v: _container(v, lambda n: f"slice{_literal((v.start, v.stop, v.step), n, frozenset())}"),
    type(...): lambda v: (f.EXACT, b"..."),
    datetime.datetime: _date,
    datetime.date: _date,
    datetime.time: _date,
    datetime.timedelta: lambda v: (f.EXACT, repr(v).encode()),
    types.ModuleType: _module,
    types.FunctionType: _named("function"),
    types.BuiltinFunctionType: _named("function"),
    types.MethodType: _method,
    type: lambda v: (f.NAMED, f"class {_qualified(v)}".encode("utf-8", "replace")),
    types.GeneratorType: _plain_object,
    types.CoroutineType: _plain_object,
    types.AsyncGeneratorType: _plain_object,
}
