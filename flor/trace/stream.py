"""The decoder of event streams, in Python: what `_decode.c` does, slower. Knows no files.

A run is decoded by one `Decoder`: for each process `process`, for each of its streams `stream` and then `feed` with
the records, at last `finish`. Both decoders give the same results, byte for byte.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable
from typing import Protocol

from flor.trace.format import (
    BLOCK,
    CREATE,
    EXACT,
    GAP,
    HEAP_KINDS,
    HEAP_SHIFT,
    ID_MASK,
    KIND_MASK,
    KIND_SHIFT,
    LEAVE,
    LEAVE_SHIFT,
    MAX_SKIP,
    MAX_TREE_DEPTH,
    OPEN,
    PARENT,
    RECORD,
    RESUME,
    SHORT_STR,
    SKIP,
    STR,
    THREAD,
    TIME,
    TREE,
    VALUE_KINDS,
)

#: What the decoder knows of a block, int32 each: the block with the frame, this block's slot in that frame (0: it is
#: the one with the frame), its parent's slot, the end of the range of slots of the blocks inside it, the number of
#: slots of a frame, and 0, 1 for a module, 2 for the main script's module.
BLOCK_COLUMNS = ("function", "slot", "parent_slot", "end_slot", "slots", "main")

#: What it knows of an id, int32 each: run-wide block (-1: unknown), run-wide site (-1: the id is a block's), and the
#: block's function and slot.
ID_COLUMNS = ("block", "site", "function", "slot")

INSTANCE_COLUMNS = ("block", "parent", "ordinal", "stream", "seq", "begin")

#: 64-bit words in a value's row: instance, seq, payload, kind | stream << 32.
ROW = 4

#: buffer of a stream's heap segment: heap(stream, segment)
Heap = Callable[[int, int], "bytes | memoryview | None"]


#: what a PARENT record said of the next activation: ("instance" or "token", number)
_Parent = tuple[str, int]


class AnyDecoder(Protocol):
    """What both decoders are.

    `lost`: what follows in the stream cannot be placed. `seq`: number of the stream's last record, or -1. `records`:
    of all streams so far. `cut`: the instance that was the position where the limit was reached, or -1. `main`: the
    instance of the main script's module, or -1. `misplaced`, `duplicates`: values that were dropped. `unresolved`:
    instances whose parent is not known.
    """

    @property
    def lost(self) -> bool: ...
    @property
    def seq(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def cut(self) -> int: ...
    @property
    def main(self) -> int: ...
    @property
    def misplaced(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def unresolved(self) -> int: ...
    def process(self, parent: int, /) -> None: ...
    def stream(self, ids: bytes, number: int, now: int, first: bool, state: object, /) -> None: ...
    def feed(self, records: bytes | memoryview, /) -> int: ...
    def lose(self) -> None: ...
    def state(self) -> object: ...
    def finish(self) -> tuple[tuple[bytes, ...], list[bytes | None], bytes, bytes]: ...  # in C: read-only buffers


class _Frame:
    """One activation: its block, the instance it is at, and for each of its blocks the current instance (or -1) and the
    ordinal of the next one."""

    __slots__ = ("following", "function", "position", "slots")

    def __init__(self, function: int, position: int, slots: list[int], following: list[int]) -> None:
        self.function, self.position, self.slots, self.following = function, position, slots, following


class Decoder:
    """Collects block instances and values from streams of records.

    `blocks` and each stream's `ids` are rows of `BLOCK_COLUMNS` and `ID_COLUMNS`. It stops after `limit` records (-1:
    never), and keeps the values of the sites from `first_kept` to `end_kept` only.
    """

    def __init__(self, blocks: bytes, sites: int, limit: int, first_kept: int, end_kept: int) -> None:
        self._blocks = _rows(blocks, len(BLOCK_COLUMNS))
        self._limit, self._first_kept, self._end_kept = limit, first_kept, end_kept
        self._rows: list[array[int]] = [array("Q") for _ in range(sites)]
        self._counts = array("q", bytes(8 * sites))
        self._columns: list[array[int]] = [array("q") for _ in INSTANCE_COLUMNS]
        self._skips: list[tuple[int, int, int, int]] = []  # before which instance, parent, block, how many
        self._skipped = array("q", bytes(8 * len(self._blocks)))
        self._pending: list[tuple[int, int, int]] = []
        self._tokens: list[dict[int, int]] = []
        self._parents: list[int] = []
        self.main = self.cut = -1
        self.records = self.misplaced = self.duplicates = self.unresolved = 0
        self.stream(b"", 0, 0, False, None)

    def process(self, parent: int, /) -> None:
        """The streams that follow are of a further process, forked from the parent-th, or from none (-1)."""
        self._tokens.append({})
        self._parents.append(parent)

    def stream(self, ids: bytes, number: int, now: int, first: bool, state: object, /) -> None:
        """The records that follow are of a further stream.

        `number` is run-wide, `now` the time until it says one, `first` whether it is its process's first, `state` what
        `state` gave where the stream was forked, or None.
        """
        self._ids = _rows(ids, len(ID_COLUMNS))
        self._stream, self.seq, self._now, self._first = number, -1, now, first
        self._frames: list[_Frame] = []
        self._stack: list[_Frame] = []
        self._next: _Parent | None = None
        self.lost = self._broken = False
        if state is not None:
            assert isinstance(state, tuple)
            self._frames, stack, self._next, self.lost, self._broken = _copied(state)
            self._stack = [self._frames[i] for i in stack]

    def state(self) -> object:
        """Where the stream stands: what a forked child goes on from."""
        number = {id(frame): i for i, frame in enumerate(self._frames)}
        return _copied((self._frames, [number[id(f)] for f in self._stack], self._next, self.lost, self._broken))

    def lose(self) -> None:
        """What follows cannot be placed (records are missing, or make no sense), until a THREAD record."""
        self.lost = self._broken = True

    def feed(self, records: bytes | memoryview, /) -> int:
        """Take records; returns how many.

        They are fewer than there are if a head of 0 ended them, the limit was reached, or the stream was lost at the
        last one that was taken.
        """
        taken = 0
        view = memoryview(records)
        if not self._tokens:
            return 0
        for head, payload in struct.iter_unpack("<IQ", view[: len(view) // RECORD * RECORD]):
            if not head:
                break
            if self.records == self._limit:
                self.cut = self._stack[-1].position if self._stack else -1
                break
            taken += 1
            self.records += 1
            self.seq += 1
            kind = head >> KIND_SHIFT & KIND_MASK
            is_value = kind in VALUE_KINDS
            if self.lost:
                if kind == THREAD:
                    self.lost = False
                    self._thread()
                elif is_value:
                    self.misplaced += 1
                continue
            leave = head >> LEAVE_SHIFT
            if leave > len(self._stack):
                self.lose()
                self.misplaced += is_value
                break
            if leave:
                del self._stack[-leave:]
            if kind == BLOCK or is_value:
                self.misplaced += not self._event(head, kind, payload) and is_value
            else:
                self._control(head, kind, payload)
            if self.lost:
                break
        return taken

    def _event(self, head: int, kind: int, payload: int) -> bool:
        """A value or a BLOCK record. Returns whether it could be placed."""
        number = head & ID_MASK
        if number >= len(self._ids) or self._ids[number][0] < 0:
            if head & OPEN:
                self.lose()
            return False
        block, site, function, slot = self._ids[number]
        if head & OPEN:
            if slot == 0:
                self._open_activation(block)
            elif not self._open_iteration(block):
                return False
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.function != function or frame.slots[slot] < 0:
            return False
        frame.position = frame.slots[slot]
        if kind == BLOCK:
            return True
        if site < 0:
            return False
        self._counts[site] += 1
        if self._first_kept <= site < self._end_kept:
            self._rows[site].extend((frame.position, self.seq, payload, kind | self._stream << 32))
        return True

    def _open_activation(self, block: int) -> None:
        _, _, _, _, slots, main = self._blocks[block]
        token = 0
        if self._next is not None:
            how, parent = self._next
            if how == "token":
                token, parent = parent, self._tokens[-1].get(parent, -2)
                token, parent = (token, -1) if parent == -2 else (0, parent)
        else:
            parent = self._position(main)
        self._first, self._next = False, None
        instance = self._instance(block, parent, 0)
        if token:
            self._pending.append((instance, len(self._tokens) - 1, token))
        if main == 2 and self.main < 0 and len(self._tokens) == 1:
            self.main = instance
        frame = _Frame(block, instance, [instance] + [-1] * (slots - 1), [0] * slots)
        self._frames.append(frame)
        self._stack.append(frame)

    def _position(self, main: int) -> int:
        """The parent of an activation that begins here; `main` is its block's."""
        if self._stack:
            return self._stack[-1].position
        return -1 if self._first and main else self.main

    def _open_iteration(self, block: int) -> bool:
        function, slot, parent_slot, end_slot, _, _ = self._blocks[block]
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.function != function or frame.slots[parent_slot] < 0:
            return False
        frame.slots[slot] = self._instance(block, frame.slots[parent_slot], frame.following[slot])
        frame.following[slot] += 1
        # Inside a new instance no loop has begun.
        inside = end_slot - slot - 1
        frame.slots[slot + 1 : end_slot] = [-1] * inside
        frame.following[slot + 1 : end_slot] = [0] * inside
        return True

    def _skip(self, number: int, count: int) -> None:
        if count > MAX_SKIP:
            self.lose()
            return
        if number >= len(self._ids) or self._ids[number][0] < 0:
            return
        block, site, function, slot = self._ids[number]
        if site >= 0:
            self.lose()
            return
        self._skipped[block] += count
        _, _, parent_slot, _, _, main = self._blocks[block]
        if slot == 0:
            self._skips.append((len(self._columns[0]), self._position(main), block, count))
        elif self._stack and self._stack[-1].function == function and self._stack[-1].slots[parent_slot] >= 0:
            self._stack[-1].following[slot] += count

    def _instance(self, block: int, parent: int, ordinal: int) -> int:
        row = (block, parent, ordinal, self._stream, self.seq, self._now)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        return len(self._columns[0]) - 1

    def _control(self, head: int, kind: int, payload: int) -> None:
        if kind == LEAVE and payload <= len(self._stack):
            del self._stack[len(self._stack) - payload :]
        elif kind == RESUME and not self._broken and payload < len(self._frames):
            self._stack.append(self._frames[payload])
        elif kind == TIME:
            self._now = _signed(payload)
        elif kind == THREAD:
            self._thread()
        elif kind == CREATE:
            self._tokens[-1][payload] = self._stack[-1].position if self._stack else self.main
        elif kind == PARENT:
            self._next = ("token", payload) if payload else ("instance", -1)
        elif kind == SKIP:
            self._skip(head & ID_MASK, payload)
        else:
            self.lose()

    def _thread(self) -> None:
        self._stack.clear()
        self._next = None

    def finish(self) -> tuple[tuple[bytes, ...], list[bytes | None], bytes, bytes]:
        """Resolve what could not be known on the way, and hand everything over.

        Returns the columns of the instances (`INSTANCE_COLUMNS`, int64), the rows of each site's values (`ROW` words
        each; None: it has none), each site's number of values and each block's number of skipped instances (int64).
        """
        block, parent, ordinal, *_ = self._columns
        self._resolve(parent)
        order = self._plan_order(parent)
        seen: dict[tuple[int, int], int] = {}
        skips = iter([*self._skips, (len(block), 0, 0, 0)])
        before, *skip = next(skips)
        for i, b in enumerate(block):
            while before <= i:
                key = (skip[0], skip[1])
                seen[key] = seen.get(key, 0) + skip[2]
                before, *skip = next(skips)
            if self._blocks[b][1] == 0:
                ordinal[i] = seen.get((parent[i], b), 0)
                seen[parent[i], b] = ordinal[i] + 1
        if order is not None:
            self._apply_order(order)
        rows = [self._without_duplicates(r).tobytes() if r else None for r in self._rows]
        return tuple(c.tobytes() for c in self._columns), rows, self._counts.tobytes(), self._skipped.tobytes()

    def _resolve(self, parent: array[int]) -> None:
        for instance, process, token in self._pending:
            while process >= 0 and token not in self._tokens[process]:
                process = self._parents[process]
            if process >= 0:
                parent[instance] = self._tokens[process][token]
            else:
                self.unresolved += 1

    def _plan_order(self, parent: array[int]) -> list[int] | None:
        """New numbers such that parents come before their children; a circle of parents is cut. None: they do."""
        if all(p < i for i, p in enumerate(parent)):
            return None
        number = [-1] * len(parent)
        following = 0
        for i in range(len(parent)):
            chain: list[int] = []
            at = i
            while at >= 0 and number[at] == -1:
                number[at] = -2
                chain.append(at)
                at = parent[at]
            if at >= 0 and number[at] == -2:
                parent[chain[-1]] = -1
                self.unresolved += 1
            for at in reversed(chain):
                number[at] = following
                following += 1
        return number

    def _apply_order(self, number: list[int]) -> None:
        parent = self._columns[1]
        for i, p in enumerate(parent):
            if p >= 0:
                parent[i] = number[p]
        for column in self._columns:
            for to, value in zip(number, column[:], strict=True):
                column[to] = value
        for rows in self._rows:
            for i in range(0, len(rows), ROW):
                rows[i] = number[rows[i]]
        if self.cut >= 0:
            self.cut = number[self.cut]
        if self.main >= 0:
            self.main = number[self.main]

    def _without_duplicates(self, rows: array[int]) -> array[int]:
        """One value in each instance: of a stream's the last, of several streams' the first stream's."""
        place: dict[int, int] = {}
        dropped: set[int] = set()
        for i in range(0, len(rows), ROW):
            before = place.get(rows[i])
            if before is not None and rows[before + 3] >> 32 != rows[i + 3] >> 32:
                dropped.add(i)
                continue
            if before is not None:
                dropped.add(before)
            place[rows[i]] = i
        self.duplicates += len(dropped)
        if not dropped:
            return rows
        kept = array("Q")
        for i in range(0, len(rows), ROW):
            if i not in dropped:
                kept.extend(rows[i : i + ROW])
        return kept


def gather(rows: bytes | memoryview, heap: Heap, missing: bytes, /) -> tuple[bytes, bytes, bytes]:
    """The heap bytes of a site's values: (kinds, offsets, data), uint8[n], int64[n + 1] and the bytes.

    SHORT_STR becomes STR, TREE becomes EXACT. A value whose bytes are not where it says, or make no sense, becomes a
    GAP with the bytes `missing`.
    """
    words = memoryview(rows).cast("B").cast("Q")
    kinds, offsets, data = bytearray(), array("q", [0]), bytearray()
    for payload, word in zip(words[2::ROW].tolist(), words[3::ROW].tolist(), strict=True):
        kind, found = find(word & 0xFF, payload, word >> 32, heap, missing)
        kinds.append(kind)
        data += found or b""
        offsets.append(len(data))
    return bytes(kinds), offsets.tobytes(), bytes(data)


def find(kind: int, payload: int, stream: int, heap: Heap, missing: bytes) -> tuple[int, bytes | None]:
    """One value's kind and heap bytes, as in `gather`; None if its kind has none."""
    found: bytes | None
    if kind == SHORT_STR:
        length = payload & 0xFF
        kind, found = STR, payload.to_bytes(8, "little")[1 : length + 1] if length <= 7 else None
    elif kind in HEAP_KINDS:
        found = read_heap(heap(stream, payload >> HEAP_SHIFT), payload & ((1 << HEAP_SHIFT) - 1))
        if kind == TREE:
            kind, found = EXACT, None if found is None else tree_text(found)
    else:
        return kind, None
    return (GAP, missing) if found is None else (kind, found)


def read_heap(segment: bytes | memoryview | None, at: int) -> bytes | None:
    """The bytes at an offset of a heap segment; None if they are not all there."""
    if segment is None or at + 4 > len(segment):
        return None
    length = int.from_bytes(segment[at : at + 4], "little")
    return bytes(segment[at + 4 : at + 4 + length]) if at + 4 + length <= len(segment) else None


def tree_text(data: bytes) -> bytes | None:
    """The bytes of a TREE as those of an EXACT: a Python expression. None if they make no sense."""
    try:
        text, end = _tree(data, 0, MAX_TREE_DEPTH)
    except (struct.error, IndexError, ValueError):
        return None
    return text.encode() if end == len(data) else None


_ATOMS = {ord("N"): "None", ord("T"): "True", ord("F"): "False"}


def _tree(data: bytes, at: int, depth: int) -> tuple[str, int]:
    """The text of the value that begins at an offset, and where it ends."""
    tag = data[at]
    if tag in _ATOMS:
        return _ATOMS[tag], at + 1
    if tag in b"id":
        (number,) = struct.unpack_from("<q" if tag == ord("i") else "<d", data, at + 1)
        return repr(number), at + 9
    if tag not in b"[(" or not depth:
        raise ValueError(tag)
    (count,) = struct.unpack_from("<H", data, at + 1)
    at += 3
    items = []
    for _ in range(count):
        item, at = _tree(data, at, depth - 1)
        items.append(item)
    text = ", ".join(items)
    return (f"[{text}]" if tag == ord("[") else f"({text},)" if count == 1 else f"({text})"), at


def _rows(table: bytes, columns: int) -> list[tuple[int, ...]]:
    values = memoryview(table).cast("B").cast("i").tolist() if table else []
    return list(zip(*(values[i::columns] for i in range(columns)), strict=True))


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


_State = tuple[list[_Frame], list[int], _Parent | None, bool, bool]


def _copied(state: tuple[object, ...]) -> _State:
    frames, stack, following, lost, broken = state
    assert isinstance(frames, list) and isinstance(stack, list)
    copies = [_Frame(f.function, f.position, f.slots[:], f.following[:]) for f in frames]
    return copies, stack[:], following, lost, broken  # type: ignore[return-value]
