"""Objects that are known by their type and identity: what can be said of them in a short text.

Of the program's own classes nothing is asked. Of the standard library's some show their repr; of other libraries' the
text is made here, of the numbers that they hold: a repr may compute, wait for a network, or take seconds.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from flor.capture import literals, origin, secrets
from flor.capture.literals import NotExactError
from flor.capture.origin import ancestors, attributes, library, namespace, own_name

MAX_REPR = 200  # characters
_MAX_SHOWN = 8  # attributes of an object
_MAX_DEPTH = 3  # of an estimator in estimators

#: Top-level modules of the standard library whose objects' repr is pure and short.
_SHOWN = frozenset(
    {
        *(
            "_io",
            "_thread",
            "abc",
            "array",
            "ast",
            "builtins",
            "collections",
            "contextlib",
            "contextvars",
            "dataclasses",
        ),
        *("datetime", "enum", "functools", "hashlib", "inspect", "io", "ipaddress", "itertools", "logging", "operator"),
        *("pathlib", "platform", "posix", "queue", "random", "re", "select", "string", "struct", "sys", "tempfile"),
        *("time", "types", "typing", "urllib", "uuid", "zoneinfo"),
    }
)


def describe(value: object, text: str | None = None) -> bytes:
    """An OBJECT of flor.trace.format."""
    rest = "" if text is None else f', "text": {quoted(text)}'
    return f'{{"type": {quoted(origin.qualified(type(value)))}, "id": {id(value)}{rest}}}'.encode()


def short(text: str) -> str:
    return text if len(text) <= MAX_REPR else text[: MAX_REPR - 1] + "…"


def standard(value: object) -> str | None:
    """The repr of an object of the standard library's, if nothing else speaks in it."""
    kind = type(value)
    if origin.module_of(kind).partition(".")[0] not in _SHOWN or not origin.is_plain(value):
        return None
    text = repr(value)
    hidden = secrets.in_text(text) or secrets.names_one(text) or " object at 0x" in text
    return None if hidden else short(text)


def exception(value: BaseException) -> str:
    """An exception's type and arguments."""
    arguments = ", ".join(map(literals.item, _ARGUMENTS(value)[:_MAX_SHOWN]))
    return short(f"{origin.text_of(origin.qualified_name(type(value)))}({arguments})")


_ARGUMENTS: Any = BaseException.__dict__["args"].__get__


def of_library(kind: type) -> Callable[[object], str | None]:
    """What makes a text of what an object of a class holds that is a library's, or derived from one's: an estimator's
    parameters, numbers."""
    names = {own_name(k) for k in ancestors(kind) if library(k) in ("sklearn", "torch")}
    if "BaseEstimator" in names:
        return lambda value: short(_estimator(value, 0))
    if not names and library(kind) is None:
        return lambda value: None
    return lambda value: _numbers(value, names)


def _estimator(value: object, depth: int) -> str:
    """An estimator with the parameters that are not as by default."""
    kind = type(value)
    held = attributes(value)
    shown: list[str] = []
    room = MAX_REPR
    for name, default in _parameters(kind).items():
        own = held.get(name, default)
        if own is not default and room >= 0 and not _same(own, default):
            text = literals.REDACTED if secrets.is_secret(name) else _parameter(own, depth + 1)
            shown.append(f"{name}={text}")
            room -= len(shown[-1])
    return f"{own_name(kind)}({', '.join(shown)})"


def _parameter(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is float or kind is bool:
        return repr(value)
    if kind in (list, tuple) and 0 < len(value) <= _MAX_SHOWN and depth <= _MAX_DEPTH:
        parts = ", ".join(_parameter(v, depth + 1) for v in list(value))
        return f"[{parts}]" if kind is list else f"({parts},)" if len(value) == 1 else f"({parts})"
    if depth <= _MAX_DEPTH and any(own_name(k) == "BaseEstimator" and library(k) == "sklearn" for k in ancestors(kind)):
        return _estimator(value, depth)
    return literals.item(value)


def _parameters(kind: type) -> dict[str, Any]:
    """The parameters of a class's `__init__`, each with its default value (`_parameters` itself: it has none)."""
    for base in ancestors(kind):
        found = namespace(base).get("__init__")
        while type(found) is types.FunctionType and type(found.__dict__.get("__wrapped__")) is types.FunctionType:
            found = found.__dict__["__wrapped__"]
        if type(found) is types.FunctionType:
            code, given, by_keyword = found.__code__, found.__defaults__ or (), found.__kwdefaults__ or {}
            if len(given) == code.co_argcount - 1 and len(by_keyword) == code.co_kwonlyargcount:
                return dict(zip(code.co_varnames[1:], given, strict=False)) | by_keyword if given else by_keyword
            names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
            defaults = dict(zip(code.co_varnames[code.co_argcount - len(given) : code.co_argcount], given, strict=True))
            return dict.fromkeys(names, _parameters) | defaults | by_keyword
    return {}


def _same(value: Any, default: Any) -> bool:
    plain = type(value) is type(default) and type(value) in (int, float, str, bool)
    return plain and (value == default or value != value) and repr(value) == repr(default)


def _numbers(value: object, names: set[str]) -> str | None:
    """The numbers among an object's public attributes; an optimizer's settings; what a module is a sequence of."""
    held = attributes(value)
    groups = held.get("param_groups")
    if "Optimizer" in names and type(groups) is list and groups and type(groups[0]) is dict:
        held = groups[0]
    shown = []
    for name, attribute in list(held.items()) if len(held) <= literals.MAX_LEAVES else ():
        kind = type(attribute)
        if type(name) is not str or name.startswith("_") or name in ("training", "params"):
            continue
        if kind in (int, float, bool) or (kind is tuple and attribute and {*map(type, attribute)} <= {int, float}):
            try:
                shown.append(f"{name}={literals.write(attribute, _MAX_SHOWN)}")
            except NotExactError:
                continue
        if len(shown) == _MAX_SHOWN:
            break
    modules = held.get("_modules")
    if "Sequential" in names and type(modules) is dict:
        shown = [own_name(type(module)) for module in list(modules.values())[:_MAX_SHOWN]]
    return short(f"{own_name(type(value))}({', '.join(shown)})") if shown else None
