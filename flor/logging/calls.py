"""`flor.log` and `flor.arg`: what a program calls. Each returns its value, whatever else happens."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from flor.logging import recording, replay

_T = TypeVar("_T")


class Log:
    """`log(name, value)`, `log.param(value)`, `log.metric(value)`, `log.read(path)`, `log.write(path)`."""

    def __call__(self, name: str, value: _T) -> _T:
        """The value has the column `name`, and goes to .replay.json."""
        _tell("log", str(name), value)
        return value

    def param(self, value: _T) -> _T:
        """A parameter. Its column is called as what receives it."""
        _tell("param", None, value)
        return value

    def metric(self, value: _T) -> _T:
        """A metric. Its column is called as what receives it."""
        _tell("metric", None, value)
        return value

    def read(self, path: _T) -> _T:
        """The path of what is read."""
        _tell("read", None, path)
        return path

    def write(self, path: _T) -> _T:
        """The path of what is written."""
        _tell("write", None, path)
        return path

    def __repr__(self) -> str:
        return "flor.log"


def arg(name: str, default: _T) -> _T:
    """The value that `flor python --arg NAME=VALUE` gives, of the type that the default has; else the default. It has
    the column `name`. Ends the program if what is given is of no such type."""
    value: _T = _given(str(name), default)
    _tell("arg", str(name), value)
    return value


def _tell(typ: str, name: str | None, value: object) -> None:
    told = recording.current()
    if told is not None:
        try:
            frame = sys._getframe(2)
            secret = told.log(typ, name, value, frame)
            if typ == "log" and name is not None:
                replay.add(told, name, value, secret, frame)
        except Exception as error:
            told.fail(error)


def _given(name: str, default: Any) -> Any:
    told = recording.current()
    text = told.process.arguments.get(name) if told is not None else None
    if told is None or text is None:
        return default
    told.process.asked.add(name)
    try:
        return _read(text, default)
    except ValueError:
        kind = type(default).__name__
        sys.exit(f"flor: --arg {name}={text}: {text!r} is no {kind}, as the default {default!r} is")


_BOOLS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _read(text: str, default: Any) -> Any:
    """Text as a value of the default's type. Raises ValueError."""
    kind = type(default)
    if kind is bool:
        if text.lower() not in _BOOLS:
            raise ValueError(text)
        return _BOOLS[text.lower()]
    if kind in (int, float, complex):
        return kind(text)
    if kind is str:
        return text
    import ast

    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if default is None:
            return text
        raise ValueError(text) from None
    if default is not None and type(value) is not kind:
        raise ValueError(text)
    return value


log = Log()
