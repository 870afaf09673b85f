"""Is a recorded value the value that there was? Reads what the trace holds by its format, with no reader of Flor's."""

from __future__ import annotations

import ast
import datetime
import hashlib
import json
import math
import struct
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from flor.trace import format as f
from tests.oracle.describe import Described, bits, describe
from tests.oracle.recorded import Value

Verdict = Literal["exact", "summarised", "gap", "wrong"]

_ANY_NAN = "nan"


def judge(value: Value, truth: Described) -> tuple[Verdict, str]:
    """The verdict on a recorded value, and what is missing or wrong."""
    verdict, why = _judge(value.kind, value.payload, value.data, truth)
    if verdict in ("exact", "summarised") and not _fits(value.cell, _plain(truth)):
        return "wrong", f"the table's cell is {value.cell!r}"
    return verdict, why


def _judge(kind: int, payload: int, data: bytes | None, truth: Described) -> tuple[Verdict, str]:
    if kind == f.REDACTED:
        return "gap", "redacted"
    if kind in f.HEAP_KINDS and data is None:
        return "wrong", "its bytes are missing"
    if kind == f.GAP:
        return "gap", str(json.loads(data or b"").get("why"))
    if kind == f.NAMED:
        return _equal(["named", (data or b"").decode()], truth)
    if kind == f.OBJECT:
        return _same_type(json.loads(data or b"")["type"], truth)
    if kind == f.SUMMARY:
        return _summary(json.loads(data or b""), truth)
    if kind == f.ARRAY:
        return _array(data or b"", truth)
    if kind == f.EXACT:
        return _text((data or b"").decode("utf-8", "surrogatepass"), truth)
    try:
        recorded = _described(kind, payload, data or b"")
    except (ValueError, SyntaxError, struct.error) as error:
        return "wrong", f"kind {kind}, {data!r}: {error}"
    return _equal(recorded, truth)


def _equal(recorded: Described, truth: Described) -> tuple[Verdict, str]:
    return ("exact", "") if _same(recorded, _plain(truth)) else ("wrong", f"recorded {recorded}")


def _described(kind: int, payload: int, data: bytes) -> Described:
    match kind:
        case f.NONE:
            return ["none"]
        case f.BOOL:
            return ["bool", bool(payload)]
        case f.INT:
            return ["int", hex(payload - (payload >> 63 << 64))]
        case f.FLOAT:
            return ["float", f"{payload:016x}"]
        case f.BIG_INT:
            return ["int", data.decode()]
        case f.COMPLEX:
            return ["complex", *(bits(x) for x in struct.unpack("<dd", data))]
        case f.STR:
            return ["str", data.decode("utf-8", "surrogatepass")]
        case f.BYTES:
            return ["bytes", data.hex()]
        case f.DATE:
            return ["date", data.decode()]
    raise ValueError("an unknown kind")


def _text(text: str, truth: Described) -> tuple[Verdict, str]:
    """The verdict on a value that is kept as a Python expression."""
    wrong: tuple[Verdict, str] = "wrong", f"recorded {text[:200]}"
    try:
        node = ast.parse(text.replace(".<locals>.", "."), mode="eval").body
    except SyntaxError:
        return ("exact", "") if truth == ["literal", text] else wrong
    known = _Reading(text.replace(".<locals>.", "."))
    if not known.agrees(node, truth):
        return wrong
    return ("summarised", "") if known.partly else ("exact", "")


class _Reading:
    """Compares an expression with a description."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.partly = False  # of something in it the description has the type alone

    def agrees(self, node: Any, truth: Described) -> bool:
        match truth, node:
            case ["scalar", _, inner], _:
                return self.agrees(node, inner)
            case ["list", int(n), list(items)], ast.List(elts=elts):
                return n == len(elts) and all(map(self.agrees, elts, items))
            case ["tuple", int(n), list(items)], ast.Tuple(elts=elts):
                return n == len(elts) and all(map(self.agrees, elts, items))
            case ["dict", int(n), list(items)], ast.Dict(keys=keys, values=values):
                pairs = zip(items, keys, values, strict=False)
                return n == len(keys) and all(self.agrees(k, a) and self.agrees(v, b) for (a, b), k, v in pairs)
            case ["set", int(n), list(items)], ast.Set(elts=elts):
                return n == len(elts) and self.same_set(elts, items)
            case ["set", 0, _], ast.Call(func=ast.Name("set"), args=[]):
                return True
            case ["frozenset", int(n), list(items)], ast.Call(func=ast.Name("frozenset"), args=args):
                return self.same_set(args[0].elts, items) and n == len(args[0].elts) if args else n == 0
            case ["slice", *parts], ast.Call(func=ast.Name("slice"), args=args):
                return len(parts) == len(args) and all(map(self.agrees, args, parts))
            case ["bytes", data, "bytearray"], ast.Call(
                func=ast.Name("bytearray"), args=[ast.Constant(bytes() as held)]
            ):
                return bool(held.hex() == data)
            case ["record", _, name, items], ast.Call(args=[], keywords=keywords):
                named = ast.unparse(node.func) == name.replace(".<locals>.", ".")
                fields = zip(items, keywords, strict=False)
                same = len(items) == len(keywords) and all(
                    n == k.arg and self.agrees(k.value, v) for (n, v), k in fields
                )
                return named and same
            case ["derived", kind, base], ast.Call(args=args):
                return _last(node) == kind.rpartition(".")[2] and any(self.holds(a, base) for a in args)
            case ["derived", _, base], _ if base[0] in _SCALARS:
                return self.agrees(node, base)
            case ["pattern", text, flags], ast.Call(args=[held, *more]):
                return self.agrees(held, text) and flags == (ast.literal_eval(more[0]) if more else 0)
            case ["line"], ast.Constant(value=int()):
                return True
            case ["enum", _, name], _:
                return ast.unparse(node) == name.replace(".<locals>.", ".")
            case ["literal", text], _:
                same = ast.dump(node) == ast.dump(ast.parse(text, mode="eval").body)
                return same or (text == "..." and ast.unparse(node) == "Ellipsis")
            case ["date", iso], ast.Call(func=ast.Attribute(value=ast.Name("datetime")), args=args, keywords=[]):
                made = getattr(datetime, node.func.attr)(*map(ast.literal_eval, args))
                return bool(made.isoformat() == iso)
            case [
                "object" | "array" | "frame" | "sparse" | "date",
                *_,
            ], ast.Call() | ast.Attribute() | ast.Name() | ast.Constant():
                self.partly = True
                known = type_of(truth)
                return known is None or truth[0] != "object" or known.rpartition(".")[2].startswith(_last(node))
        return _same(_number(node, self.text), _plain(truth))

    def holds(self, node: Any, base: Described) -> bool:
        """Whether this is what a derived class's object has of its builtin base; items are in a list."""
        if base[0] in ("set", "frozenset") and isinstance(node, ast.List):
            return len(node.elts) == base[1] and self.same_set(node.elts, base[2])
        return self.agrees(node, ["list", *base[1:]] if base[0] == "tuple" else base)

    def same_set(self, nodes: list[Any], items: list[Described]) -> bool:
        return all(any(self.agrees(node, item) for item in items) for node in nodes)


_SCALARS = ("int", "float", "complex", "str", "bytes", "bool")


def _last(node: Any) -> str:
    """The last word of the name that is called or stands there."""
    function = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(function).rpartition(".")[2] if isinstance(function, ast.Name | ast.Attribute) else "?"


def _number(node: Any, text: str) -> Described:
    """What a literal describes."""
    match node:
        case ast.Constant(value=value):
            return _plain(describe(value))  # type: ignore[no-any-return]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return describe(-number)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name("inf")):
            return describe(-math.inf)
        case ast.Name("inf"):
            return describe(math.inf)
        case ast.Name("nan"):
            return ["float", _ANY_NAN]
        case ast.BinOp() | ast.UnaryOp() | ast.Name("nanj" | "infj"):
            parsed = complex((ast.get_source_segment(text, node) or "").replace(" ", ""))
            return ["complex", *("nan" if math.isnan(x) else bits(x) for x in (parsed.real, parsed.imag))]
    return ["unknown"]


def _plain(truth: Any) -> Any:
    """The description that a trace should have: library scalars are Python's."""
    if not isinstance(truth, list) or not truth:
        return truth
    match truth:
        case ["scalar", _, inner]:
            return inner
        case ["derived", _, inner] if inner[0] in _SCALARS:
            return inner
        case ["array", _, _, _, _, _, list() as single, _]:
            return single
        case ["bytes", text, _]:
            return ["bytes", text]
    return [_plain(part) for part in truth]


def _same(one: Any, two: Any) -> bool:
    """Whether two descriptions are of equal values; sets have no order, a nan in a text can be any."""
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        if one[:1] in (["set"], ["frozenset"]) and isinstance(one[2], list) and isinstance(two[2], list):
            return one[0] == two[0] and _same(sorted(one[2], key=repr), sorted(two[2], key=repr))
        return all(_same(a, b) for a, b in zip(one, two, strict=True))
    if _ANY_NAN in (one, two):
        other = two if one == _ANY_NAN else one
        return other == _ANY_NAN or (len(other) == 16 and math.isnan(struct.unpack(">d", bytes.fromhex(other))[0]))
    return type(one) is type(two) and one == two


def type_of(truth: Described) -> str | None:
    """A value's qualified type; None where the description does not tell."""
    match truth[0]:
        case "object" | "record" | "derived" | "enum" | "array" | "frame" | "sparse" | "scalar":
            return str(truth[1])
        case "none":
            return "NoneType"
        case "named" | "literal" | "date":
            return None
        case "bytes":
            return str(truth[2])
    return str(truth[0])


def _same_type(kind: str, truth: Described) -> tuple[Verdict, str]:
    known = type_of(truth)
    # "?": no attribute of the class is its module's name.
    if known is None or kind in (known, f"?.{known.rpartition('.')[2]}"):
        return "summarised", ""
    return "wrong", f"recorded a {kind}"


def _summary(about: dict[str, Any], truth: Described) -> tuple[Verdict, str]:
    verdict, why = _same_type(about["type"], truth)
    truth = truth[2] if truth[0] == "derived" else truth
    if verdict == "wrong" or "length" not in about:
        return verdict, why
    if truth[0] == "str":
        data = truth[1].encode("utf-8", "surrogatepass")
        length, digest = len(truth[1]), hashlib.sha256(data).hexdigest()
    elif truth[0] == "bytes":
        data = bytes.fromhex(truth[1])
        length, digest = len(data), hashlib.sha256(data).hexdigest()
    else:
        length, digest = truth[1], about.get("sha256")
    same = about["length"] == length and about.get("sha256", digest) == digest
    return ("summarised", "") if same else ("wrong", f"recorded {str(about)[:200]}")


def _array(data: bytes, truth: Described) -> tuple[Verdict, str]:
    length = int.from_bytes(data[:4], "little")
    about, contents = json.loads(data[4 : 4 + length]), data[4 + length :].hex()
    shown = f"recorded {about}, contents {contents[:80]}"
    verdict, why = _same_type(about["type"], truth)
    if verdict == "wrong":
        return verdict, why
    match truth:
        case ["array", _, dtype, name, shape, held, _, items]:
            if shape != about["shape"] or not _same_dtype(about["dtype"], dtype, name):
                return "wrong", shown
            if contents and held is not None:
                return ("exact", "") if contents == held else ("wrong", shown)
            if "text" in about and items is not None:
                return _text(about["text"], items)
            return ("exact", "") if 0 in shape else ("summarised", "")
        case ["frame", _, shape, columns, dtype, cells]:
            if (shape, dtype) != (about["shape"], about["dtype"]) or columns[:256] != about["columns"]:
                return "wrong", shown
            if "text" not in about or cells is None:
                return "summarised", ""
            return _text(about["text"], cells)
        case ["sparse", _, dtype, shape, stored]:
            same = (about["dtype"], about["shape"], about.get("stored", stored)) == (dtype, shape, stored)
            return ("summarised", "") if same else ("wrong", shown)
        case ["object", *_]:
            return "summarised", ""
    return "wrong", shown


def _same_dtype(recorded: str, dtype: str, name: str) -> bool:
    if recorded in (dtype, name):
        return True
    try:
        return np.dtype(recorded).name == name
    except TypeError:
        return False


def _fits(cell: object, truth: Described) -> bool:
    """Whether a table's cell shows a value."""
    match truth:
        case ["none"]:
            return cell is None
        case ["bool", value]:
            return cell is value or cell == str(value)
        case ["int", text]:
            number = int(text, 16)
            if isinstance(cell, str):
                return cell in (str(number) if number.bit_length() < 4000 else None, hex(number))
            return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) and cell == number
        case ["float", text]:
            number = struct.unpack(">d", bytes.fromhex(text))[0]
            if isinstance(cell, str):
                return cell == repr(number)
            return isinstance(cell, float) and (bits(cell) == text or (math.isnan(cell) and math.isnan(number)))
        case ["str", text] if len(text) < 1000:
            return cell == text.encode("utf-8", "backslashreplace").decode()
        case ["bytes", text, *_] if isinstance(cell, bytes):
            return cell.hex() == text
        case ["date", text] if isinstance(cell, date):
            return cell.isoformat() == text
    return isinstance(cell, str)


def sign(truth: Described) -> str | None:
    """A word for a plain value, the same for a recorded one and the truth."""
    plain = _plain(truth)
    return str(plain) if plain[0] in ("none", "bool", "int", "float", "str") else None


def recorded_sign(value: Value) -> str | None:
    """The same of a recorded value."""
    plain = value.kind in (f.NONE, f.BOOL, f.INT, f.FLOAT, f.STR, f.BIG_INT)
    return sign(_described(value.kind, value.payload, value.data or b"")) if plain else None
