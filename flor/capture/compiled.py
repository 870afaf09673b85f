"""What the compiler makes of probes, put right: to a tracer, a debugger and a finished frame they must not be there.

Two things cannot be said in a syntax tree:

- That a statement at the beginning of a function has no line. The compiler gives it the line of the `def`, and a
  tracer is told of a line that the program does not have. Its entries in the table of lines become "no line".
- That `finally` leaves a frame where the exception found it. The handler of the rewriter's own `try ... finally` would
  end at a place without a line, and `frame.f_lineno` would be None once the exception is out. `with` does better: its
  handler finds on the stack where the exception came from, and goes back there. So these handlers are made like those
  of `with`.

Objects/exception_handling_notes.txt and Objects/locations.md (3.11: lnotab_notes.txt) of CPython describe both tables.
"""

from __future__ import annotations

import opcode
import types
from collections.abc import Iterator

from flor.capture.ops import MARKER

_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
_LOAD_CONST = opcode.opmap["LOAD_CONST"]
_POP_TOP = opcode.opmap["POP_TOP"]
_PUSH_EXC_INFO = opcode.opmap["PUSH_EXC_INFO"]
_RERAISE = opcode.opmap["RERAISE"]
_RESUME = opcode.opmap["RESUME"]

_NO_LINE = 15  # codes of entries in the table of lines
_LONG = 14
_NO_COLUMNS = 13
_ONE_LINE = 10


def put_right(code: types.CodeType) -> types.CodeType:
    """`code`, and the code in its constants, with its tables changed as above. Its probes are markers still."""
    consts = tuple(put_right(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    code = code.replace(co_consts=consts)
    probes = _probes(code)
    if not probes:
        return code
    return _handlers(_entrance(code, probes), probes)


def _probes(code: types.CodeType) -> set[int]:
    """The code units, counted from 0, that load a probe."""
    found: set[int] = set()
    argument = 0
    units = code.co_code
    for unit in range(len(units) // 2):
        argument = argument << 8 | units[2 * unit + 1]
        op = units[2 * unit]
        if op == _EXTENDED_ARG:
            continue
        if op == _LOAD_CONST:
            constant = code.co_consts[argument]
            if isinstance(constant, str) and constant.startswith(MARKER):
                found.add(unit)
        argument = 0
    return found


# The probe that begins an activation.


def _entrance(code: types.CodeType, probes: set[int]) -> types.CodeType:
    """The first statement after RESUME has no line, if it is a probe."""
    ops = code.co_code[::2]
    first = ops.find(_RESUME) + 1
    end = ops.find(_POP_TOP, first) + 1
    if not first or not end or probes.isdisjoint(range(first, end)):
        return code
    lines = list(code.co_positions())
    if any(lines[unit][0] is not None and lines[unit] != lines[first - 1] for unit in range(first, end)):
        return code  # it is no statement of its own
    return code.replace(co_linetable=b"".join(_without_line(code.co_linetable, first, end)))


def _without_line(table: bytes, first: int, end: int) -> Iterator[bytes]:
    """The table of lines, with no line for the units from `first` to `end`, which have that of the unit before."""
    unit = at = 0
    while at < len(table):
        after = at + 1
        while after < len(table) and not table[after] & 0x80:
            after += 1
        kind, length, rest = table[at] >> 3 & 15, (table[at] & 7) + 1, table[at + 1 : after]
        before = min(max(first - unit, 0), length)
        hidden = min(max(end - unit, 0), length) - before
        if not hidden:
            yield table[at:after]
        else:
            if before:
                yield _entry(kind, before, rest)
            yield _entry(_NO_LINE, hidden, b"")
            if length - before - hidden:
                yield _entry(*_same_line(kind, length - before - hidden, rest))
        unit += length
        at = after


def _entry(kind: int, length: int, rest: bytes) -> bytes:
    return bytes([0x80 | kind << 3 | length - 1]) + rest


def _same_line(kind: int, length: int, rest: bytes) -> tuple[int, int, bytes]:
    """An entry for the line that the entry before it had."""
    if kind in (_LONG, _NO_COLUMNS):
        delta = 1
        while rest[delta - 1] & 0x40:
            delta += 1
        return kind, length, b"\0" + rest[delta:]
    return (_ONE_LINE if _ONE_LINE <= kind < _NO_COLUMNS else kind), length, rest


# The handlers of the rewriter's own try ... finally.


def _handlers(code: types.CodeType, probes: set[int]) -> types.CodeType:
    entries = list(_exception_table(code.co_exceptiontable))
    ops = bytearray(code.co_code)
    lines = [position[0] for position in code.co_positions()]
    changed: dict[int, int] = {}  # handler: the unit of its RERAISE
    for _, _, target, _, lasti in entries:
        if lasti or target in changed or ops[2 * target] != _PUSH_EXC_INFO:
            continue
        unit = target
        while lines[unit] is None and ops[2 * unit] != _RERAISE:
            unit += 1
        if lines[unit] is None and ops[2 * unit + 1] == 0 and not probes.isdisjoint(range(target, unit)):
            changed[target] = unit
            ops[2 * unit + 1] = 2  # how far below the exception it lies where it came from
    if not changed:
        return code
    table = bytearray()
    for start, length, target, depth, lasti in entries:
        inside = sum(handler <= start <= end for handler, end in changed.items())
        _put_entry(table, start, length, target, depth + inside, lasti or target in changed)
    return code.replace(co_code=bytes(ops), co_exceptiontable=bytes(table), co_stacksize=code.co_stacksize + 1)


def _exception_table(table: bytes) -> Iterator[tuple[int, int, int, int, bool]]:
    """(start, length, handler, depth of the stack, is where it came from pushed) of each entry; in code units."""
    numbers: list[int] = []
    number = 0
    for byte in table:
        number = number << 6 | byte & 0x3F
        if not byte & 0x40:
            numbers.append(number)
            number = 0
    for i in range(0, len(numbers), 4):
        start, length, target, depth = numbers[i : i + 4]
        yield start, length, target, depth >> 1, bool(depth & 1)


def _put_entry(table: bytearray, start: int, length: int, target: int, depth: int, lasti: bool) -> None:
    begin = len(table)
    for number in (start, length, target, depth << 1 | lasti):
        shift = max(0, (number.bit_length() - 1) // 6) * 6
        for bits in range(shift, -1, -6):
            table.append(number >> bits & 0x3F | (0x40 if bits else 0))
    table[begin] |= 0x80
