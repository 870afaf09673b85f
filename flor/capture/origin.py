"""Whose a class is: the program's own, the standard library's, another library's. Runs none of the program's code.

A class is a library's only where its module, which lies outside of the project, holds it under its name: what merely
says so is the program's own.
"""

from __future__ import annotations

import datetime
import gc
import json
import sys
import types
from _weakref import ref
from typing import Any, Generic, TypeVar

#: The standard library's name among the libraries.
PYTHON = "python"

MAX_REACHED = 300  # objects that are looked at before one's repr is trusted
_MAX_TEXT = 10_000  # characters of a text among them
_MAX_BITS = 4096  # of an int among them: its decimal text takes quadratic time

# The attributes of a class as `type` has them, whatever a metaclass says.
module_name: Any = type.__dict__["__module__"].__get__
qualified_name: Any = type.__dict__["__qualname__"].__get__
own_name: Any = type.__dict__["__name__"].__get__
ancestors: Any = type.__dict__["__mro__"].__get__
namespace: Any = type.__dict__["__dict__"].__get__
_flags: Any = type.__dict__["__flags__"].__get__
_module_dict: Any = vars(types.ModuleType)["__dict__"].__get__
_HEAP_TYPE = 1 << 9

_LIBRARY = tuple({datetime.__file__.rpartition("/")[0] + "/", json.__file__.rpartition("/json/")[0] + "/"})
_known: dict[type, str] = {}


def text_of(value: object) -> str | None:
    """`value` if it is a str, without what a class of the program's could add to it; else None."""
    if type(value) is str:
        return value
    return str.__str__(value) if issubclass(type(value), str) else None


def module_of(kind: type) -> str:
    try:
        module = module_name(kind)
    except AttributeError:
        return "?"
    return module if type(module) is str else "?"


def qualified(kind: type) -> str:
    """The type's name, with its module unless it is a builtin."""
    module, name = module_of(kind), text_of(qualified_name(kind)) or "?"
    return name if module == "builtins" else f"{module}.{name}"


def own_metaclass(kind: type) -> bool:
    """Whether a metaclass of the program's own stands behind the class: nothing may be asked of it then."""
    return type(kind) is not type and library(type(kind)) is None


def library(kind: type) -> str | None:
    """The library that a class is of, by its top-level module's name; `PYTHON`; None for the program's own."""
    if own_metaclass(kind):
        return None
    found = _known.get(kind)
    if found is None:
        found = _library(kind)
        if found is not None:  # it is in its module's namespace, so that to keep it here keeps nothing alive
            _known[kind] = found
    return found


def _library(kind: type) -> str | None:
    name = module_of(kind)
    if not _flags(kind) & _HEAP_TYPE:  # made in C, where no module's name is forged
        return PYTHON if name == "builtins" else _owner(name)
    found: Any = sys.modules.get(name)
    if not issubclass(type(found), types.ModuleType):
        return None
    found = _module_dict(found)
    for part in (text_of(qualified_name(kind)) or "?").split("."):
        found = found.get(part)
        if found is kind:
            return _owner(name)
        if not issubclass(type(found), type):
            return None
        found = namespace(found)
    return None


def _owner(name: str) -> str | None:
    """Which library a module is of."""
    root = name.partition(".")[0]
    module = sys.modules.get(name)
    path = _module_dict(module).get("__file__") if issubclass(type(module), types.ModuleType) else None
    if type(path) is not str:
        return PYTHON if root in sys.stdlib_module_names else None
    if "site-packages" in path or "dist-packages" in path:
        return root
    return PYTHON if path.startswith(_LIBRARY) else None


_T = TypeVar("_T")


class OfClasses(Generic[_T]):
    """What was found out about classes of the program's own, which are not kept alive for it."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, _T]] = {}

    def get(self, kind: type) -> _T | None:
        found = self._found.get(id(kind))
        return found[1] if found is not None and found[0]() is kind else None

    def put(self, kind: type, found: _T) -> None:
        if len(self._found) >= _MAX_CLASSES:
            self._found.clear()
        self._found[id(kind)] = (ref(kind), found)


_MAX_CLASSES = 1000


def attributes(value: object) -> dict[str, Any]:
    """The attributes that the object itself holds; the dictionary is its own, and is not to be changed."""
    kind = type(value)
    getter = None if own_metaclass(kind) else _getters.get(kind)
    if getter is None:
        getter = next((d for k in ancestors(kind) if (d := namespace(k).get("__dict__")) is not None), None)
        if getter is None or type(getter) not in _IN_C:
            return {}
        if library(kind) is not None:
            _getters[kind] = getter
    held = getter.__get__(value)
    return held if type(held) is dict else {}


#: Of libraries' classes: what their objects' attributes are had by.
_getters: dict[type, Any] = {}
_IN_C = (types.GetSetDescriptorType, types.MemberDescriptorType)


def is_plain(value: object) -> bool:
    """Whether a standard object's repr is short, and none of the program's or another library's code runs in it."""
    seen, todo = {id(value)}, [value]
    while todo:
        holder = todo.pop()
        if _size(holder) > MAX_REACHED or type(holder) is _FRAME_LOCALS:
            return False
        for referent in gc.get_referents(holder):
            kind = type(referent)
            if id(referent) in seen or (type(kind) is type and kind in _CLOSED):
                continue
            if library(kind) != PYTHON or _is_long(referent):
                return False
            seen.add(id(referent))
            todo.append(referent)
            if len(seen) > MAX_REACHED:
                return False
    return True


def _size(value: object) -> int:
    for kind in ancestors(type(value)):
        if kind in _SIZED:
            size: int = kind.__len__(value)
            return size
        if own_name(kind) == "deque":
            return len(value)  # type: ignore[arg-type]
    return 0


def _is_long(value: object) -> bool:
    kind = type(value)
    if kind is int:
        return value.bit_length() > _MAX_BITS  # type: ignore[attr-defined, no-any-return]
    if kind in (str, bytes, bytearray):
        return len(value) > _MAX_TEXT  # type: ignore[arg-type]
    return False


_SIZED = frozenset({tuple, list, dict, set, frozenset})

#: The locals of a running function, of which the garbage collector sees the frame only. (Before 3.13 a dictionary.)
_FRAME_LOCALS = (lambda: type(sys._getframe().f_locals))() if sys.version_info >= (3, 13) else None

#: What shows nothing of what it refers to.
_CLOSED = frozenset(
    {
        *(type, types.FunctionType, types.ModuleType, types.CodeType, types.FrameType, types.TracebackType),
        *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
    }
)
