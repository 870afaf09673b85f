"""A recorded value, from (kind, payload, data) to a Python value or to text. Runs no code: no eval, no pickle.

`kind` is a value kind of `flor.trace.format` as `read.Values` has it (a SHORT_STR has become STR), `payload` the
unsigned 64-bit word, `data` the heap bytes or None. Bytes that do not fit their kind never raise: the text then says
so.
"""

from __future__ import annotations

import ast
import json
import struct
from typing import Any, Final

from flor.trace import format as f


class Inexact:
    """The type of `INEXACT`."""

    def __repr__(self) -> str:
        return "INEXACT"


#: What `value` gives for a value that the trace does not hold exactly.
INEXACT: Final = Inexact()

REDACTED_TEXT = "<redacted>"
_DAMAGED_TEXT = "<damaged>"

#: Longer integers are shown in hexadecimal: decimal text takes quadratic time, and Python refuses more than 4,300
#: digits.
_DECIMAL_BITS = 4096


def value(kind: int, payload: int, data: bytes | None, *, literal: bool = False) -> object:
    """The value itself: None, bool, int, float, str, bytes or complex; else `INEXACT`.

    With `literal`, EXACT text that is a Python literal (containers of plain values) is read by ast.literal_eval too.
    """
    try:
        match kind:
            case f.NONE:
                return None
            case f.BOOL:
                return payload != 0
            case f.INT:
                return signed(payload)
            case f.FLOAT:
                return double(payload)
            case f.SHORT_STR:
                return payload.to_bytes(8, "little")[1 : (payload & 7) + 1].decode("utf-8", "surrogatepass")
        if data is None:
            return INEXACT
        match kind:
            case f.STR:
                return data.decode("utf-8", "surrogatepass")
            case f.BYTES:
                return data
            case f.BIG_INT:
                return int(data, 16)
            case f.COMPLEX:
                return complex(*struct.unpack("<dd", data))
            case f.EXACT if literal:
                return ast.literal_eval(data.decode("utf-8", "surrogatepass"))
    except (ValueError, struct.error, SyntaxError, MemoryError, RecursionError, TypeError):
        pass
    return INEXACT


def text(kind: int, payload: int, data: bytes | None) -> str | None:
    """What to show of a value, on one or several lines; None only for a GAP (`gap_reason` says why).

    The value None is the text "None", so a caller's None can mean that there was no value at all. A str is shown as
    it is, of a long one the beginning and the length. Arrays whose contents were kept show as nested lists, others as
    `float64 array (64, 128)`; objects as their short text, else as `<qualified.Type>`; what is redacted as
    `<redacted>`.
    """
    if kind == f.GAP:
        return None
    if kind == f.REDACTED:
        return REDACTED_TEXT
    if kind in (f.EXACT, f.NAMED, f.DATE) and data is not None:
        return data.decode("utf-8", "replace")
    if kind == f.ARRAY:
        return _array_text(data or b"")
    if kind in (f.OBJECT, f.SUMMARY):
        about = _json(data)
        if (cut := _cut_text(about)) is not None:
            return cut
        if isinstance(about.get("text"), str):
            return str(about["text"])
        return f"<{about['type']}>" if isinstance(about.get("type"), str) else _DAMAGED_TEXT
    exact = value(kind, payload, data)
    if exact is INEXACT:
        return _DAMAGED_TEXT
    if isinstance(exact, str):
        return exact
    if type(exact) is int and exact.bit_length() > _DECIMAL_BITS:
        return hex(exact)
    return repr(exact)


def is_cut(kind: int, data: bytes | None) -> bool:
    """Whether it is a text or bytes of which the beginning was kept."""
    return kind == f.SUMMARY and _cut_text(_json(data)) is not None


def _cut_text(about: dict[str, Any]) -> str | None:
    """A text or bytes of which the beginning was kept, with how long it was."""
    units = {"str": "characters", "bytes": "bytes"}.get(str(about.get("type")))
    if units is None or not isinstance(about.get("text"), str) or not isinstance(about.get("length"), int):
        return None
    return f"{about['text']}… ({about['length']:,} {units})"


def gap_reason(data: bytes | None) -> str:
    """Why a GAP's value was not kept, in words."""
    about = _json(data)
    why = about.get("why")
    return why if isinstance(why, str) else "no reason was recorded"


def signed(payload: int) -> int:
    """The int of a two's complement 64-bit word."""
    return payload - (1 << 64) if payload >> 63 else payload


def double(payload: int) -> float:
    """The float with these bits."""
    number: float = struct.unpack("<d", struct.pack("<Q", payload))[0]
    return number


def _json(data: bytes | None) -> dict[str, Any]:
    try:
        about = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


#: Of longer arrays the text is dtype and shape: 4 KiB of bool, more than is kept of most arrays.
_SHOWN_ELEMENTS = 4096

#: struct's letter and size of what numpy calls these dtypes; complex ones are read as two parts.
_DTYPES = {
    "bool": ("?", 1), "int8": ("b", 1), "int16": ("h", 2), "int32": ("i", 4), "int64": ("q", 8),
    "uint8": ("B", 1), "uint16": ("H", 2), "uint32": ("I", 4), "uint64": ("Q", 8),
    "float16": ("e", 2), "float32": ("f", 4), "float64": ("d", 8), "complex64": ("ff", 8), "complex128": ("dd", 16),
}  # fmt: skip
_TYPESTRS = {
    "?": "bool", "b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64",
    "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128",
}  # fmt: skip


def array_parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """An ARRAY's head and its elements; the head is empty where the bytes are damaged."""
    length = int.from_bytes(data[:4], "little")
    about = _json(data[4 : 4 + length])
    shape = about.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        return {}, b""
    return about, data[4 + length :]


def _array_text(data: bytes) -> str:
    about, elements = array_parts(data)
    if not about:
        return _DAMAGED_TEXT
    shape, dtype = about["shape"], about.get("dtype")
    name = dtype.removeprefix("torch.") if isinstance(dtype, str) else ""
    dims = f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"
    order = ">" if name.startswith(">") else "<"
    name = _TYPESTRS.get(name.lstrip("<>|="), name)
    kind = str(about.get("type")).rpartition(".")[2]
    summary = f"{name or '?'} {'array' if kind == 'ndarray' else kind} {dims}"
    if isinstance(about.get("device"), str):
        summary += f" on {about['device']}"
    if type(about.get("stored")) is int:
        summary += f", {about['stored']} stored"
    if isinstance(about.get("text"), str):
        return f"{summary}: {about['text']}"
    if name == "bfloat16":  # the upper half of a float32
        elements = b"".join(b"\0\0" + elements[i : i + 2] for i in range(0, len(elements), 2))
        name, order = "float32", "<"
    if name not in _DTYPES:
        return summary
    letter, size = _DTYPES[name]
    count = 1
    for n in shape:
        count *= n
    if count * size != len(elements) or count > _SHOWN_ELEMENTS or (count == 0 and shape != [0]):
        return summary
    parts = struct.unpack(order + letter * count, elements)
    if name.startswith("complex"):
        parts = tuple(complex(re, im) for re, im in zip(parts[::2], parts[1::2], strict=True))
    if name in ("float16", "float32"):
        parts = tuple(_Rounded(number, name) for number in parts)
    return repr(_nested(list(parts), shape))


def _nested(flat: list[Any], shape: list[int]) -> Any:
    if not shape:
        return flat[0]
    for n in reversed(shape[1:]):
        flat = [flat[i : i + n] for i in range(0, len(flat), n)]
    return flat


class _Rounded(float):
    """A float of less than double precision, shown with as few digits as tell it from its neighbours."""

    _letter: str

    def __new__(cls, number: float, dtype: str) -> _Rounded:
        new = super().__new__(cls, number)
        new._letter = "e" if dtype == "float16" else "f"
        return new

    def __repr__(self) -> str:
        for digits in (3, 4, 5, 6, 7, 8):
            short = float(f"{float(self):.{digits}g}")
            try:
                if struct.pack(self._letter, short) == struct.pack(self._letter, self):
                    return repr(short)
            except OverflowError:
                continue
        return repr(float(self))
