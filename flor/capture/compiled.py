"""What the compiler makes of probes, put right: to a tracer, a debugger and a finished frame they must not be there.

Two things cannot be said in a syntax tree:

- Where a probe stands. The first statement of a function would stand in the line of its `def`, and a tracer would be told of a
  line that the program does not have: it stands nowhere. A probe around an expression would stand where the expression's text begins,
  but its evaluation may begin and end in other lines: the load of the probe stands where what comes after it stands, what the
  probe does where what came before it stands, or, if that depends (`a and b`), where what comes after it stands.
- That `finally` leaves a frame where the exception found it. The handler of the rewriter's own `try ... finally` would end at a
  place without a line, and `frame.f_lineno` would be None once the exception is out. `with` does better: its handler finds on the
  stack where the exception came from, and goes back there. So these handlers are made like those of `with`.

Objects/exception_handling_notes.txt of CPython describes the table of handlers, Objects/locations.md that of positions.
"""

from __future__ import annotations

import opcode
import types
from collections.abc import Iterator, Sequence

from flor.capture import positions
from flor.capture.ops import ITERATE, ITERATE_GENERATOR, MARKER, Spec
from flor.capture.positions import NOWHERE, Position

_CACHE = opcode.opmap["CACHE"]
_EXTENDED_ARG = opcode.opmap["EXTENDED_ARG"]
_LOAD_CONST = opcode.opmap["LOAD_CONST"]
_NOP = opcode.opmap["NOP"]
_POP_TOP = opcode.opmap["POP_TOP"]
_PUSH_EXC_INFO = opcode.opmap["PUSH_EXC_INFO"]
_RERAISE = opcode.opmap["RERAISE"]
_RESUME = opcode.opmap["RESUME"]
_JUMPS_ON_CONDITION = {op for name, op in opcode.opmap.items() if name.startswith("POP_JUMP")}


def put_right(code: types.CodeType, specs: Sequence[Spec]) -> types.CodeType:
    """`code`, and the code in its constants, with its tables changed as above. Its probes, which are markers still, do
    what `specs` say."""
    consts = tuple(put_right(c, specs) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    code = code.replace(co_consts=consts)
    probes = _probes(code, specs)
    if not probes:
        return code
    return _handlers(_placed(code, probes), probes)


def _probes(code: types.CodeType, specs: Sequence[Spec]) -> dict[int, int]:
    """The probes that `code` loads: the code unit of each load, counted from 0, and what the probe does."""
    found: dict[int, int] = {}
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
                found[unit] = specs[int(constant[len(MARKER) :])].op
        argument = 0
    return found


# Where probes stand.


def _placed(code: types.CodeType, probes: dict[int, int]) -> types.CodeType:
    placed = [Position(*p) for p in code.co_positions()]
    ops = code.co_code[::2]
    _place_entrance(placed, ops, probes)
    _place_values(placed, code, probes)
    _place_conditions(placed, ops, probes)
    begins = positions.starts(code.co_linetable)
    return code.replace(co_linetable=positions.write(placed, begins, code.co_firstlineno))


def _place_entrance(placed: list[Position], ops: bytes, probes: dict[int, int]) -> None:
    """The first statement after RESUME stands nowhere if it is a probe."""
    first = ops.find(_RESUME) + 1
    end = ops.find(_POP_TOP, first) + 1
    if not first or not end or probes.keys().isdisjoint(range(first, end)):
        return
    if all(p.line is None or p == placed[first - 1] for p in placed[first:end]):  # else it is no statement of its own
        placed[first:end] = [NOWHERE] * (end - first)


def _place_values(placed: list[Position], code: types.CodeType, probes: dict[int, int]) -> None:
    """What the rewriter has put around expressions: it has given it a position without extent."""
    import dis  # for the first run of a source only

    ops = code.co_code[::2]
    targets = {offset // 2 for offset in dis.findlabels(code.co_code)}
    end = len(ops)
    for unit in reversed(range(len(ops))):
        if ops[unit] == _CACHE:
            continue
        if _is_rewriters(placed[unit]) and (unit in probes or unit in targets or ops[unit] in (_NOP, _EXTENDED_ARG)):
            after = placed[end] if end < len(ops) else NOWHERE
            if after.line is not None and not _is_rewriters(after):
                placed[unit:end] = [after] * (end - unit)
        end = unit
    for unit in range(1, len(ops)):
        if _is_rewriters(placed[unit]) and placed[unit - 1].line is not None:
            placed[unit] = placed[unit - 1]


def _is_rewriters(position: Position) -> bool:
    line, end_line, column, end_column = position
    return line is not None and line == end_line and column is not None and column == end_column


def _place_conditions(placed: list[Position], ops: bytes, probes: dict[int, int]) -> None:
    """A probe that is a condition, before others or the element of a comprehension, stands where these stand."""
    for unit, op in probes.items():
        if op not in (ITERATE, ITERATE_GENERATOR):
            continue
        end = unit
        while ops[end] != _POP_TOP and ops[end] not in _JUMPS_ON_CONDITION:
            end += 1
        if ops[end] == _POP_TOP:
            continue
        end += 1
        while ops[end] == _CACHE:
            end += 1
        while unit and ops[unit - 1] == _EXTENDED_ARG:
            unit -= 1
        placed[unit:end] = [placed[end]] * (end - unit)


# The handlers of the rewriter's own try ... finally.


def _handlers(code: types.CodeType, probes: dict[int, int]) -> types.CodeType:
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
        if lines[unit] is None and ops[2 * unit + 1] == 0 and not probes.keys().isdisjoint(range(target, unit)):
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
