"""What is kept of a value that is no plain scalar. Called by the recorder, inside the captured program.

Nothing here may change the program: no method of a class that the program itself defines is called, nothing is kept
alive, and types are recognised by their module and name, so that no library is imported. `isinstance` is not asked of
a value: that would run its `__class__`. Nothing is asked of a class whose metaclass is the program's own. What is
asked has a bounded answer: a call that takes long could not be interrupted. What cannot be kept exactly says so.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import signal
import struct
import types
from collections.abc import Callable
from typing import Any

from flor.capture import arrays, devices, literals, objects, origin
from flor.capture import secrets as known
from flor.capture.arrays import Kept
from flor.capture.literals import MAX_TEXT, NotExactError
from flor.capture.origin import PYTHON, ancestors, library, own_metaclass, text_of
from flor.trace import format as f

#: Texts that were bound to a secret's name. The recorder adds to it; what holds one of them is not kept.
secrets: list[str] = known.texts

MAX_HASHED = 1 << 20  # bytes of a longer text or bytes, whose hash is kept

_Handler = Callable[[Any], Kept]


def keep(value: Any, redact: bool) -> Kept:
    """The kind of flor.trace.format and its payload: bytes for the heap, or an int or float for the record itself. Then
    perhaps what is to be told where the record lies.

    With `redact` no text is kept, nor what may hold one. Raises what is meant for the program: an interrupt, or what
    one of its signal handlers raised meanwhile.
    """
    try:
        if devices.awaited:
            _resolve()
        kept = _redacted(value) if redact else _keep(value)
        if known.texts and type(kept[1]) is bytes and known.in_bytes(kept[1]):
            return f.REDACTED, 0
        return kept
    except BaseException as error:
        meant, shown = _from_signal(error)
        if not meant:
            return f.GAP, json.dumps(
                {"why": "it could not be looked at", "type": origin.qualified(type(value))}
            ).encode()
        error.__traceback__ = shown
        raise


def _resolve() -> None:
    """Note what has arrived from devices. Where one has failed it is the program that is to be told, and it will be."""
    try:
        devices.resolve()
    except BaseException as error:
        if _from_signal(error)[0]:
            raise
        devices.awaited.clear()


def _from_signal(error: BaseException) -> tuple[bool, types.TracebackType | None]:
    """Whether this comes from a signal, and the traceback from the program's handler on."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [h.__func__ if type(h) is types.MethodType else h for h in handlers]
    codes = {f.__code__ for f in functions if type(f) is types.FunctionType}
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code not in codes:
        traceback = traceback.tb_next
    return traceback is not None or not isinstance(error, Exception), traceback


def _keep(value: Any) -> Kept:
    kind = type(value)
    if own_metaclass(kind):
        return _plain_object(value)
    return (_HANDLERS.get(kind) or _handler(kind))(value)


def _redacted(value: Any) -> Kept:
    """What is kept of a value that has a secret's name: numbers, and no texts."""
    kind = type(value)
    if not own_metaclass(kind):
        text = text_of(value)
        if text is not None:
            known.remember(text)
            return f.REDACTED, 0
        if library(kind) in ("pandas", "polars") or kind in (bytes, bytearray, memoryview):
            return f.REDACTED, 0
    kept, what, *_ = _keep(value)
    if kept in (f.OBJECT, f.NAMED):
        return f.OBJECT, objects.describe(value)
    plain = kept in (f.NONE, f.BOOL, f.INT, f.BIG_INT, f.FLOAT, f.COMPLEX, f.DATE, f.GAP)
    quote = b'"text"' if kept == f.ARRAY else b"'"
    if plain or (kept in (f.ARRAY, f.EXACT) and type(what) is bytes and quote not in what and b"\"'" not in what):
        return kept, what
    return f.REDACTED, 0


def _handler(kind: type) -> _Handler:
    """What keeps values of a type."""
    found = _OWN.get(kind)
    if found is not None:
        return found
    whose = library(kind)
    found = arrays.handler(whose, kind) if whose else arrays.derived_handler(kind)
    if found is None and not literals.is_enum(kind):
        found = next((_DERIVED[base] for base in ancestors(kind) if base in _DERIVED), None)
    if found is None:
        is_written = literals.is_written(kind)
        found = _container if is_written else _standard_object if whose == PYTHON else _object_of(kind)
    if whose is None:
        _OWN.put(kind, found)
    else:
        _HANDLERS[kind] = found
    return found


def _plain_object(value: object) -> Kept:
    return f.OBJECT, objects.describe(value)


def _standard_object(value: object) -> Kept:
    return f.OBJECT, objects.describe(value, objects.standard(value))


def _object_of(kind: type) -> _Handler:
    """What keeps objects of a class that is a library's, or the program's own."""
    text = objects.of_library(kind)
    return lambda value: (f.OBJECT, objects.describe(value, text(value)))


def _exception(value: BaseException) -> Kept:
    return f.OBJECT, objects.describe(value, objects.exception(value))


# Text and numbers.


def _int(value: int) -> Kept:
    return (f.INT, value) if -(2**63) <= value < 2**63 else (f.BIG_INT, hex(value).encode())


def _str(value: str) -> Kept:
    if len(value) <= MAX_TEXT:
        data = value.encode("utf-8", "surrogatepass")
        if len(data) <= MAX_TEXT:
            return f.STR, data
    prefix = value[:MAX_TEXT].encode("utf-8", "surrogatepass")[:MAX_TEXT].decode("utf-8", "ignore")
    hashed = value.encode("utf-8", "surrogatepass") if len(value) <= MAX_HASHED else None
    return f.SUMMARY, _long("str", len(value), hashed, prefix)


def _bytes(value: bytes) -> Kept:
    if len(value) <= MAX_TEXT:
        return f.BYTES, value
    hashed = value if len(value) <= MAX_HASHED else None
    return f.SUMMARY, _long("bytes", len(value), hashed, repr(value[: objects.MAX_REPR]))


def _buffer(value: bytearray | memoryview) -> Kept:
    length = value.nbytes if type(value) is memoryview else len(value)
    if length <= MAX_TEXT:
        return _container(value)
    text = f"{type(value).__name__} of {length} bytes"
    return f.SUMMARY, _long(type(value).__name__, length, None, text)


def _long(kind: str, length: int, hashed: bytes | None, text: str) -> bytes:
    data: dict[str, Any] = {"type": kind, "length": length}
    if hashed is not None:
        data["sha256"] = hashlib.sha256(hashed).hexdigest()
    return json.dumps(data | {"text": text}).encode()


def _complex(value: complex) -> Kept:
    return f.COMPLEX, struct.pack("<dd", value.real, value.imag)


def _date(value: Any) -> Kept:
    return (f.DATE, value.isoformat().encode()) if literals.ordinary_zone(value) else _plain_object(value)


# What has a name.


def _class(value: type) -> Kept:
    return f.NAMED, f"class {origin.qualified(value)}".encode("utf-8", "replace")


def _function(value: Any) -> Kept:
    name = text_of(value.__qualname__) or text_of(value.__name__) or "?"
    module = text_of(value.__module__)
    prefix = f"{module}." if module is not None and module != "builtins" else ""
    return f.NAMED, f"function {prefix}{name}".encode("utf-8", "replace")


def _module(value: types.ModuleType) -> Kept:
    return f.NAMED, f"module {text_of(value.__dict__.get('__name__')) or '?'}".encode("utf-8", "replace")


def _method(value: types.MethodType) -> Kept:
    return _function(value.__func__) if type(value.__func__) is types.FunctionType else _plain_object(value)


# Containers: as a Python expression, if it is one.


def _container(value: Any) -> Kept:
    try:
        text = literals.write(value).encode("utf-8", "surrogatepass")
        if len(text) <= MAX_TEXT:
            return f.EXACT, text
    except NotExactError:
        pass
    data: dict[str, Any] = {"type": origin.qualified(type(value))}
    base = literals.base_of(type(value))
    if base is not None:
        data["length"], data["text"] = literals.summary(value, base)
    return f.SUMMARY, json.dumps(data).encode()


#: For types that are known: the standard ones, and those of libraries that were seen.
_HANDLERS: dict[type, _Handler] = {
    types.NoneType: lambda v: (f.NONE, 0),
    bool: lambda v: (f.BOOL, int(v)),
    float: lambda v: (f.FLOAT, v),
    int: _int,
    str: _str,
    bytes: _bytes,
    bytearray: _buffer,
    memoryview: _buffer,
    complex: _complex,
    **dict.fromkeys((tuple, list, dict, set, frozenset, range, slice, datetime.timedelta), _container),
    **dict.fromkeys((type(...), type(NotImplemented)), _container),
    **dict.fromkeys((datetime.datetime, datetime.time), _date),
    datetime.date: lambda v: (f.DATE, v.isoformat().encode()),
    type: _class,
    types.ModuleType: _module,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
    types.MethodType: _method,
    **dict.fromkeys((types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType), _plain_object),
    type(os.environ): _plain_object,
}
_OWN: origin.OfClasses[_Handler] = origin.OfClasses()
#: The same for what is derived from these.
_DERIVED: dict[type, _Handler] = {
    int: lambda v: _int(int.__pos__(v)),
    float: lambda v: (f.FLOAT, float.__pos__(v)),
    complex: lambda v: _complex(complex.__pos__(v)),
    str: lambda v: _str(str.__str__(v)),
    bytes: lambda v: _bytes(bytes.__getitem__(v, slice(None))),
    BaseException: _exception,
    type: _class,
}
