"""What the compiler makes of probes, put right: to a tracer, a debugger and a finished frame they must not be there.

Two things cannot be said in a syntax tree:

- Where a probe stands. The first statement of a function would stand in the line of its `def`, and a tracer would be
  told of a line that the program does not have: it stands nowhere. A probe around an expression would stand where the
  expression's text begins, but its evaluation may begin and end in other lines: the load of the probe stands where
  what comes after it stands, and what the probe does where what came before it stands.
- That `finally` leaves a frame where the exception found it. The handler of the rewriter's own `try ... finally` would
  end at a place without a line, and `frame.f_lineno` would be None once the exception is out. `with` does better: its
  handler finds on the stack where the exception came from, and goes back there. So these handlers are made like those
  of `with`.

Objects/exception_handling_notes.txt of CPython describes the table of handlers, Objects/locations.md that of positions.
"""

from __future__ import annotations

import opcode
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from flor.capture import positions
from flor.capture.ops import ITERATE, ITERATE_GENERATOR, LEAVE_FRAME, MARKER, TEST, Spec
from flor.capture.positions import NOWHERE, Position
from flor.capture.sites import Span

_OPS = opcode.opmap
_CACHE = _OPS["CACHE"]
_EXTENDED_ARG = _OPS["EXTENDED_ARG"]
_LOAD_CONST = _OPS["LOAD_CONST"]
_NOP = _OPS["NOP"]
_POP_TOP = _OPS["POP_TOP"]
_PUSH_EXC_INFO = _OPS["PUSH_EXC_INFO"]
_RERAISE = _OPS["RERAISE"]
_RESUME = _OPS["RESUME"]
_JUMPS_ON_CONDITION = {op for name, op in _OPS.items() if name.startswith("POP_JUMP")}
#: What may lie between a condition that is true and what comes then.
_PASSED_OVER = {_CACHE, _EXTENDED_ARG, _OPS["JUMP_BACKWARD"]}
_SUBSCRIPTION = {_OPS["BINARY_SUBSCR"]}
_CALL = {_OPS[name] for name in ("PUSH_NULL", "PRECALL", "CALL") if name in _OPS}
#: What the compiler puts nowhere: it gets the place of what comes before it.
_PLACELESS = {op for name, op in _OPS.items() if name.startswith(("STORE_", "DELETE_", "JUMP_"))}
_PLACELESS |= {_LOAD_CONST, _NOP, _POP_TOP, _OPS["UNARY_INVERT"], _OPS["POP_EXCEPT"], _OPS["SWAP"], _OPS["COPY"]}


class Place(NamedTuple):
    """Where an expression stands that a probe is around."""

    span: Span
    jumps: Span | None = None  # where a jump on its truth stands; None: where the compiler puts it


def put_right(code: types.CodeType, specs: Sequence[Spec], places: Mapping[int, Place]) -> types.CodeType:
    """`code`, and the code in its constants, with its tables changed as above. Its probes, which are markers still, do
    what `specs` say, around expressions that stand at `places`."""
    consts = tuple(put_right(c, specs, places) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    code = code.replace(co_consts=consts)
    loads = _loads(code)
    if not loads:
        return code
    return _handlers(_placed(code, loads, specs, places), loads)


def _loads(code: types.CodeType) -> dict[int, int]:
    """The numbers of the probes that the code loads, by code unit, counted from 0."""
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
                found[unit] = int(constant[len(MARKER) :])
        argument = 0
    return found


# Where probes stand.


def _placed(
    code: types.CodeType, loads: dict[int, int], specs: Sequence[Spec], places: Mapping[int, Place]
) -> types.CodeType:
    placed = [Position(*p) for p in code.co_positions()]
    ops = code.co_code[::2]
    _place_entrance(placed, ops, loads)
    _place_values(placed, code, loads, specs, places)
    _place_conditions(placed, ops, loads, specs)
    begins = positions.starts(code.co_linetable)
    return code.replace(co_linetable=positions.write(placed, begins, code.co_firstlineno))


def _place_entrance(placed: list[Position], ops: bytes, loads: dict[int, int]) -> None:
    """The first statement after RESUME stands nowhere if it is a probe."""
    first = ops.find(_RESUME) + 1
    end = ops.find(_POP_TOP, first) + 1
    if not first or not end or loads.keys().isdisjoint(range(first, end)):
        return
    if all(p.line is None or p == placed[first - 1] for p in placed[first:end]):  # else it is no statement of its own
        placed[first:end] = [NOWHERE] * (end - first)


def _marked(position: Position) -> int | None:
    """The number of the probe that the rewriter put there; None: it put none."""
    line, end_line, column, end_column = position
    return column - 1 if line is not None and line == end_line and column and column == end_column else None


def _position(span: Span) -> Position:
    line, column, end_line, end_column = span
    return Position(line, end_line, column, end_column)


def _place_values(
    placed: list[Position],
    code: types.CodeType,
    loads: dict[int, int],
    specs: Sequence[Spec],
    places: Mapping[int, Place],
) -> None:
    """Probes around expressions: the rewriter has marked them by a position without extent, which no expression has,
    and the compiler has put other instructions there too."""
    import dis  # for the first run of a source only

    ops = code.co_code[::2]
    joins = {offset // 2 for offset in dis.findlabels(code.co_code)}  # type: ignore[arg-type]
    numbers = set(loads.values())
    marks = [number if (number := _marked(position)) in numbers else None for position in placed]
    end = len(ops)
    for unit in reversed(range(len(ops))):
        if ops[unit] == _CACHE:
            continue
        number = marks[unit]
        if number is not None:
            place = places[number]
            own = _position(place.span)
            after = placed[end] if end < len(ops) and marks[end] is None else own
            op = specs[number].op
            acts = ops[unit] in (_CALL if op == LEAVE_FRAME else _SUBSCRIPTION)
            if acts and place.jumps and ops[end] in _JUMPS_ON_CONDITION:
                placed[end] = after = _position(place.jumps)
            goes_before = loads.get(unit) == number or ops[unit] in (_NOP, _EXTENDED_ARG)
            goes_before |= acts and (unit in joins or op == TEST)
            stays = not acts and (ops[unit] not in _PLACELESS or unit == 0 or marks[unit - 1] != number)
            if goes_before or stays:
                where = after if goes_before and after.line is not None else own
                placed[unit:end] = [where] * (end - unit)
                marks[unit:end] = [None] * (end - unit)
        end = unit
    for unit in range(1, len(ops)):
        if marks[unit] is not None:
            placed[unit] = placed[unit - 1]


def _place_conditions(placed: list[Position], ops: bytes, loads: dict[int, int], specs: Sequence[Spec]) -> None:
    """A probe that is a condition, before others or the element of a comprehension, stands where these stand."""
    for unit, number in loads.items():
        if specs[number].op not in (ITERATE, ITERATE_GENERATOR) or specs[number].of:
            continue
        end = unit
        while ops[end] != _POP_TOP and ops[end] not in _JUMPS_ON_CONDITION:
            end += 1
        if ops[end] == _POP_TOP:
            continue  # it is a statement
        end += 1
        while ops[end] in _PASSED_OVER:
            end += 1
        first = unit
        while first and ops[first - 1] == _EXTENDED_ARG:
            first -= 1
        placed[first:end] = [placed[end]] * (end - first)


# The handlers of the rewriter's own try ... finally.


def _handlers(code: types.CodeType, loads: dict[int, int]) -> types.CodeType:
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
        if lines[unit] is None and ops[2 * unit + 1] == 0 and not loads.keys().isdisjoint(range(target, unit)):
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
