"""Values as Python expressions: containers, records and the small standard types, exactly or not at all.

A container of a class of its own is written by what `list`, `dict` and so on hold of it, and a dataclass by its fields:
no method of theirs is called.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Iterable
from typing import Any

from flor.capture import origin, secrets
from flor.capture.origin import PYTHON, attributes, library, own_metaclass, text_of

MAX_TEXT = 65536  # bytes of a text that is kept
MAX_LEAVES = 256  # of a container that is kept exactly
_MAX_NODES = 1024  # containers in it
_MAX_DEPTH = 40
_MAX_ITEM = 200  # characters of one of a summary's items

REDACTED = "'<redacted>'"
_NUMBERS = frozenset({float, bool, complex, types.NoneType})
_COLLECTIONS = (tuple, list, dict, set, frozenset)
_PLAIN = frozenset({*_NUMBERS, *_COLLECTIONS, int, str, bytes})
_GETTERS = types.MemberDescriptorType


class NotExactError(Exception):
    """The value is not made of plain values alone, or is too long. The argument, if any, is what to show instead."""


class Writer:
    """Writes one value. Raises NotExactError."""

    __slots__ = ("around", "leaves", "nodes", "room")

    def __init__(self, leaves: int = MAX_LEAVES) -> None:
        self.leaves = leaves
        self.nodes = _MAX_NODES
        self.room = MAX_TEXT
        self.around: list[int] = []  # ids of the containers around

    def write(self, value: Any) -> str:
        """`value` as an expression."""
        kind = type(value)
        if kind in _NUMBERS if type(kind) is type else False:
            self.leaf()
            return repr(value)
        if own_metaclass(kind):
            raise NotExactError
        write = _WRITERS.get(kind) or _writer(kind)
        return write(self, value)

    def leaf(self, count: int = 1) -> None:
        self.leaves -= count
        if self.leaves < 0:
            raise NotExactError

    def text(self, length: int) -> None:
        self.room -= length
        if self.room < 0:
            raise NotExactError

    def enter(self, value: object, length: int) -> None:
        """A container of `length` items begins; `leave` ends it."""
        self.nodes -= 1
        if length > self.leaves or self.nodes < 0 or len(self.around) >= _MAX_DEPTH or id(value) in self.around:
            raise NotExactError
        self.around.append(id(value))

    def leave(self) -> None:
        self.around.pop()

    def items(self, values: Iterable[Any]) -> str:
        return ", ".join(map(self.write, values))

    def pairs(self, pairs: Iterable[tuple[Any, Any]]) -> str:
        return ", ".join([f"{self.write(key)}: {self.member(key, value)}" for key, value in pairs])

    def fields(self, value: object, name: str, fields: Iterable[tuple[str, Any]], hidden: frozenset[str]) -> str:
        """A record of a class. What is `hidden` from its repr is so here, if it is a text."""
        self.enter(value, 0)
        parts = [f"{n}={self.member(n, v, n in hidden)}" for n, v in fields]
        self.leave()
        return f"{name}({', '.join(parts)})"

    def member(self, name: object, value: Any, hidden: bool = False, bound: bool = True) -> str:
        """The value of a key or field; no text, nor what holds one, of one whose name looks like a secret's.

        `bound`: it is a name for sure, so that the text is known for a secret from now on.
        """
        text = self.write(value)
        secret = type(name) is str and len(name) < 200 and secrets.is_secret(name)
        if not ((secret and ("'" in text or '"' in text)) or (hidden and type(value) in (str, bytes))):
            return text
        if type(value) is str and bound and not hidden:
            secrets.remember(value)
        return REDACTED


def write(value: Any, leaves: int = MAX_LEAVES) -> str:
    """`value` as an expression. Raises NotExactError if that is not exact, or is longer than what is kept."""
    try:
        return Writer(leaves).write(value)
    except RecursionError:
        raise NotExactError from None


def item(value: Any) -> str:
    """A short text of something inside a value that is not kept as a whole."""
    try:
        text = write(value, 16)
        return text if len(text) <= _MAX_ITEM else text[: _MAX_ITEM - 1] + "…"
    except NotExactError as error:
        if error.args:
            return str(error.args[0])
    kind = type(value)
    length = f" of {len(value)}" if type(kind) is type and kind in _COLLECTIONS else ""
    return f"<{origin.qualified(kind)}{length}>"


def summary(value: Any, base: type) -> tuple[int, str]:
    """The length of a container, and a text with its first and last items. `base` holds it: list, dict, ..."""
    content = _content(value, base)
    length: int = base.__len__(value)  # type: ignore[attr-defined]
    opening, closing = "[]" if base is list else "()" if base is tuple else "{}"
    first: list[Any]
    last: list[Any] = []
    if base in (list, tuple):
        first, last = list(content[:3]), list(content[max(3, length - 3) :])
    else:
        first = [found for found, _ in zip(content, range(3), strict=False)]
        if length <= 6:
            first, last = list(content), []
        elif base is dict:
            last = [found for found, _ in zip(reversed(content), range(3), strict=False)][::-1]
    ends = [*map(_pair if base is dict else item, first)]
    ends += ["…"] if length > len(first) + len(last) else []
    ends += [*map(_pair if base is dict else item, last)]
    return length, f"{origin.own_name(type(value))} of {length}: {opening}{', '.join(ends)}{closing}"


def _pair(pair: tuple[Any, Any]) -> str:
    key, value = pair
    secret = type(key) is str and secrets.is_secret(key)
    if secret and type(value) is str:
        secrets.remember(value)
    return f"{item(key)}: {REDACTED if secret else item(value)}"


def _content(value: Any, base: type) -> Any:
    """What a container holds, asked of its base: a sequence, or what is iterated once."""
    if base in (tuple, list):
        return value if type(value) is base else base.__getitem__(value, slice(None))
    if base is dict:
        ordered = next((k for k in origin.ancestors(type(value)) if origin.own_name(k) == "OrderedDict"), dict)
        return (ordered if library(ordered) == PYTHON else dict).items(value)
    return base.__iter__(value)  # type: ignore[attr-defined]


# Leaves.


def _int(writer: Writer, value: int) -> str:
    writer.leaf()
    return repr(value) if -(2**63) <= value < 2**63 else hex(value)


def _str(writer: Writer, value: str) -> str:
    writer.leaf()
    writer.text(len(value))
    return REDACTED if secrets.texts and secrets.in_text(value) else repr(value)


def _bytes(writer: Writer, value: bytes) -> str:
    writer.leaf()
    writer.text(len(value))
    return REDACTED if secrets.texts and secrets.in_bytes(value) else repr(bytes(value))


def _buffer(writer: Writer, value: Any) -> str:
    writer.text(value.nbytes if type(value) is memoryview else len(value))
    return f"{type(value).__name__}({_bytes(writer, bytes(value))})"


def _repr(writer: Writer, value: object) -> str:
    writer.leaf()
    return repr(value)


def _time(writer: Writer, value: Any) -> str:
    if not ordinary_zone(value):
        raise NotExactError
    return _repr(writer, value)


def ordinary_zone(value: Any) -> bool:
    """Whether a time's zone is none of the program's own, whose code would be asked."""
    return value.tzinfo is None or library(type(value.tzinfo)) is not None


def _range(writer: Writer, value: range) -> str:
    step = "" if value.step == 1 else f", {_int(writer, value.step)}"
    return f"range({_int(writer, value.start)}, {_int(writer, value.stop)}{step})"


def _slice(writer: Writer, value: slice) -> str:
    return f"slice({writer.items((value.start, value.stop, value.step))})"


def _decimal(writer: Writer, value: Any) -> str:
    writer.text(value.__sizeof__())
    return _repr(writer, value)


def _fraction(writer: Writer, value: Any) -> str:
    return f"Fraction({_int(writer, value.numerator)}, {_int(writer, value.denominator)})"


def _path(writer: Writer, value: Any) -> str:
    return f"{type(value).__name__}({_str(writer, str(value))})"


def _pattern(writer: Writer, value: Any) -> str:
    flags = f", {value.flags & ~32}" if value.flags & ~32 else ""
    return f"re.compile({writer.write(value.pattern)}{flags})"


def _namespace(writer: Writer, value: Any) -> str:
    held = attributes(value)
    writer.enter(value, len(held))
    writer.leave()
    return writer.fields(value, type(value).__name__, list(held.items()), frozenset())


def _array(writer: Writer, value: Any) -> str:
    writer.leaf(len(value))
    return f"array({value.typecode!r}, {value.tolist()!r})"


# Containers.


def _collection(writer: Writer, value: Any) -> str:
    kind = type(value)
    writer.enter(value, len(value))
    if kind is dict:
        text = "{" + writer.pairs(list(value.items())) + "}"
    else:
        if kind is tuple and len(value) == 2:  # perhaps a name and what it stands for
            text = f"{writer.write(value[0])}, {writer.member(value[0], value[1], bound=False)}"
        else:
            text = writer.items(list(value))
        if kind is tuple:
            text = f"({text},)" if len(value) == 1 else f"({text})"
        elif kind is list:
            text = f"[{text}]"
        elif kind is set:
            text = f"{{{text}}}" if text else "set()"
        else:
            text = f"frozenset({{{text}}})" if text else "frozenset()"
    writer.leave()
    return text


def _deque(writer: Writer, value: Any) -> str:
    writer.enter(value, len(value))
    limit = "" if value.maxlen is None else f", {value.maxlen}"
    text = f"deque([{writer.items(list(value))}]{limit})"
    writer.leave()
    return text


def _defaultdict(writer: Writer, value: Any) -> str:
    factory = value.default_factory
    name = "None" if factory is None else origin.own_name(factory) if type(factory) is type else "..."
    writer.enter(value, len(value))
    text = f"defaultdict({name}, {{{writer.pairs(list(value.items()))}}})"
    writer.leave()
    return text


def _of_base(base: type) -> Callable[[Writer, Any], str]:
    """The writer of containers of a class that is derived from `base`."""

    def write(writer: Writer, value: Any) -> str:
        name = text_of(origin.qualified_name(type(value)))
        writer.enter(value, base.__len__(value))  # type: ignore[attr-defined]
        content = _content(value, base)
        text = writer.pairs(list(content)) if base is dict else writer.items(list(content))
        writer.leave()
        opening, closing = "{}" if base is dict else "[]"
        return f"{name}({opening}{text}{closing})"

    return write


def _scalar_of(base: type, write: Callable[[Writer, Any], str], plain: Callable[[Any], Any]) -> Any:
    def scalar(writer: Writer, value: Any) -> str:
        return write(writer, plain(value))

    return scalar


def _enum(writer: Writer, value: Any) -> str:
    held = attributes(value)
    name, writer_name = held.get("_name_"), text_of(origin.qualified_name(type(value)))
    writer.leaf()
    if type(name) is str and name.isidentifier():
        return f"{writer_name}.{name}"
    if "_value_" not in held:
        raise NotExactError
    return f"{writer_name}({writer.write(held['_value_'])})"


def _named_tuple(names: tuple[str, ...]) -> Callable[[Writer, Any], str]:
    def write(writer: Writer, value: Any) -> str:
        if tuple.__len__(value) != len(names):
            return _of_base(tuple)(writer, value)
        fields = zip(names, tuple.__iter__(value), strict=True)
        return writer.fields(value, text_of(origin.qualified_name(type(value))) or "?", fields, frozenset())

    return write


def _record(fields: dict[str, bool]) -> Callable[[Writer, Any], str]:
    """The writer of a dataclass's or attrs class's instances. `fields`: each with whether its repr shows it."""

    def write(writer: Writer, value: Any) -> str:
        kind = type(value)
        held = attributes(value)
        found = {name: _field(kind, value, held, name) for name in fields}
        hidden = frozenset(name for name, shown in fields.items() if not shown)
        return writer.fields(value, text_of(origin.qualified_name(kind)) or "?", found.items(), hidden)

    return write


def _field(kind: type, value: object, held: dict[str, Any], name: str) -> Any:
    """A field as the object holds it, in a slot or its dictionary; else what its class does. Runs no descriptor."""
    for base in origin.ancestors(kind):
        found = origin.namespace(base).get(name, write)  # a function stands for nothing: it is a descriptor
        if found is write:
            continue
        if type(found) is _GETTERS:
            try:
                return found.__get__(value)
            except AttributeError:
                raise NotExactError from None
        if name in held and not _is_descriptor(found):
            return held[name]
        if _is_descriptor(found):
            raise NotExactError
        return found
    if name not in held:
        raise NotExactError
    return held[name]


def _is_descriptor(value: object) -> bool:
    if type(value) in _PLAIN if type(type(value)) is type else False:
        return False
    names = ("__get__", "__set__", "__delete__")
    return any(name in origin.namespace(k) for k in origin.ancestors(type(value)) for name in names)


def _fields_of(kind: type) -> dict[str, bool] | None:
    """The fields of a dataclass or attrs class; None for another one."""
    for base in origin.ancestors(kind):
        names = origin.namespace(base)
        found = names.get("__dataclass_fields__")
        if type(found) is dict:
            shown = {n: f for n, f in found.items() if type(n) is str and library(type(f)) == PYTHON}
            return {n: f.repr is True for n, f in shown.items() if f._field_type.name == "_FIELD"}
        found = names.get("__attrs_attrs__")
        if found is not None and issubclass(type(found), tuple):
            shown = {f.name: f for f in tuple.__iter__(found) if library(type(f)) == "attr"}
            return {n: f.repr is True for n, f in shown.items() if type(n) is str}
    return None


#: How values of these types are written.
_WRITERS: dict[type, Callable[[Writer, Any], str]] = {
    int: _int,
    str: _str,
    bytes: _bytes,
    bytearray: _buffer,
    memoryview: _buffer,
    type(...): _repr,
    type(NotImplemented): _repr,
    range: _range,
    slice: _slice,
    datetime.datetime: _time,
    datetime.date: _repr,
    datetime.time: _time,
    datetime.timedelta: _repr,
    datetime.timezone: _repr,
    types.SimpleNamespace: _namespace,
    **dict.fromkeys(_COLLECTIONS, _collection),
}
_OWN: origin.OfClasses[Callable[[Writer, Any], str]] = origin.OfClasses()
_STANDARD: dict[str, Callable[[Writer, Any], str]] = {
    "argparse.Namespace": _namespace,
    "array.array": _array,
    "collections.defaultdict": _defaultdict,
    "collections.deque": _deque,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": _fraction,
    "re.Pattern": _pattern,
    "uuid.UUID": _repr,
    "zoneinfo.ZoneInfo": _repr,
    **{f"ipaddress.IPv{n}{what}": _repr for n in (4, 6) for what in ("Address", "Network", "Interface")},
    **{
        f"{module}.{pure}{flavour}Path": _path
        for module in ("pathlib", "pathlib._local")
        for pure in ("", "Pure")
        for flavour in ("Posix", "Windows")
    },
}
#: Of the bases of a class, the first of these says how its values are written.
_BASES: dict[type, Callable[[Writer, Any], str]] = {
    int: _scalar_of(int, _int, int.__pos__),
    float: _scalar_of(float, _repr, float.__pos__),
    complex: _scalar_of(complex, _repr, complex.__pos__),
    str: _scalar_of(str, _str, str.__str__),
    bytes: _scalar_of(bytes, _bytes, lambda v: bytes.__getitem__(v, slice(None))),
    **{base: _of_base(base) for base in _COLLECTIONS},
}

#: Libraries' own writers, by the library: (the type, the value's writer) or None. flor.capture.libraries adds to it.
LIBRARIES: dict[str, Callable[[type], Callable[[Writer, Any], str] | None]] = {}


def base_of(kind: type) -> type | None:
    """Which of tuple, list, dict, set, frozenset holds the values of this class."""
    return next((base for base in origin.ancestors(kind) if base in _COLLECTIONS), None)


def is_enum(kind: type) -> bool:
    """Whether this is an enumeration, of the standard library's metaclass."""
    return origin.own_name(type(kind)) in ("EnumType", "EnumMeta") and library(type(kind)) == PYTHON


def is_written(kind: type) -> bool:
    """Whether values of a type can be written as an expression."""
    return kind in _WRITERS or _writer(kind) is not _nothing


def _nothing(writer: Writer, value: object) -> str:
    raise NotExactError


def _writer(kind: type) -> Callable[[Writer, Any], str]:
    """How values of a type that is none of `_WRITERS` are written."""
    write = _OWN.get(kind)
    if write is not None:
        return write
    whose = library(kind)
    if whose == PYTHON:
        write = _STANDARD.get(origin.qualified(kind))
    elif whose in LIBRARIES:
        write = LIBRARIES[whose](kind)
    write = write or _by_nature(kind) or _nothing
    if whose is None:
        _OWN.put(kind, write)
    else:
        _WRITERS[kind] = write
    return write


def _by_nature(kind: type) -> Callable[[Writer, Any], str] | None:
    """Enum members, records, named tuples, and what is derived from numbers, texts and containers."""
    if is_enum(kind):
        return _enum
    fields = _fields_of(kind)
    if fields is not None:
        return _record(fields)
    for base in origin.ancestors(kind):
        names = origin.namespace(base).get("_fields")
        if type(names) is tuple and tuple in origin.ancestors(kind) and all(type(n) is str for n in names):
            return _named_tuple(names)
        if base in _BASES:
            return _BASES[base]
    return None
