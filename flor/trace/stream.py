"""The decoder of event streams, in Python: what `_decode.c` does, slower. Knows no files.

A run is decoded in one part or in several, each by one `Decoder`: `restore` (from the second part on), `process` for
each process, for each stream `stream` and then `feed` with its records, at last `finish`. `state` of each stream and
`carry` are what the next part goes on from. Both decoders give the same results and read each other's states.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    PAYLOAD_KINDS,
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
#: slots of a frame, 0, 1 for a module, 2 for the main script's module, and whether its activations may go on after they
#: were left.
BLOCK_COLUMNS = ("function", "slot", "parent_slot", "end_slot", "slots", "main", "resumes")

#: What it knows of an id, int32 each: run-wide block (-1: unknown), run-wide site (-1: the id is a block's), and the
#: block's function and slot.
ID_COLUMNS = ("block", "site", "function", "slot")

INSTANCE_COLUMNS = ("block", "parent", "ordinal", "stream", "seq", "begin")

#: 64-bit words in a value's row: instance, seq, payload, kind | stream << 32.
ROW = 4

#: Words that a stream's state begins with: what a PARENT record said of the next activation (0: nothing, 1: the
#: instance, 2: the token) and which, lost, broken, activations so far, the stream, its first instance since it was
#: forked; then how many words follow of frames (function, position, and for each slot instance and next ordinal), of
#: known activations (number, offset in the frames), and of the stack (offsets, -1: an activation that was forgotten).
STATE_WORDS = 10

#: Words that what is carried from part to part begins with: instances so far, main, misplaced, duplicates, then how
#: many processes, activation counts, activations without known parent and blocks follow.
CARRY_WORDS = 8

#: buffer of a stream's heap segment: heap(stream, segment)
Heap = Callable[[int, int], "bytes | memoryview | None"]

_NO_PARENT_RECORD, _KNOWN_PARENT, _TOKEN_PARENT = range(3)

#: Columns of the instances, each site's rows (None: none), counts of values by site, skipped instances by block,
#: (instance, parent, ordinal) of instances of earlier parts whose parent was not known there, by site (uint32) a bit
#: for each kind of value that its rows have, and the copies: instances that a forked child goes on in. What each is a
#: copy of is said to be its parent.
Finished = tuple[tuple[bytes, ...], list["bytes | None"], bytes, bytes, bytes, bytes, bytes]


class AnyDecoder(Protocol):
    """What both decoders are.

    `instances`: how many there are, with those of earlier parts. `lost`: what follows in the stream cannot be placed.
    `broken`: something of it was lost. `seq`: number of the stream's last record, or -1. `now`: its time. `first`:
    whether its process's first activation is still to come. `records`: how many were taken, of all streams. `cut`: the
    instance that was the position where the limit was reached, or -1. `main`: the instance of the main script's module,
    or -1. `misplaced`, `duplicates`: values that were dropped, in all parts. `unresolved`: instances whose parent is
    not known.
    """

    @property
    def instances(self) -> int: ...
    @property
    def lost(self) -> bool: ...
    @property
    def broken(self) -> bool: ...
    @property
    def seq(self) -> int: ...
    @property
    def now(self) -> int: ...
    @property
    def first(self) -> bool: ...
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
    def restore(self, carried: bytes, /) -> None: ...
    def process(self, parent: int, /) -> None: ...
    def stream(
        self, process: int, ids: bytes, number: int, seq: int, now: int, first: bool, state: bytes | None, /
    ) -> None: ...
    def feed(self, records: bytes | memoryview, /) -> int: ...
    def lose(self) -> None: ...
    def state(self) -> bytes: ...
    def finish(self) -> Finished: ...  # in C: read-only buffers
    def carry(self, states: Sequence[bytes], forking: Sequence[int], /) -> bytes: ...


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
        self._kinds = array("I", bytes(4 * sites))
        self._counts = array("q", bytes(8 * sites))
        self._base = 0  # number of the first instance of this part
        self._columns: list[array[int]] = [array("q") for _ in INSTANCE_COLUMNS]
        self._skips: list[tuple[int, int, int, int]] = []  # before which instance, parent, block | stream << 32, count
        self._skipped = array("q", bytes(8 * len(self._blocks)))
        #: (parent, block | stream << 32) -> activations of the block under that parent so far
        self._seen: dict[tuple[int, int], int] = {}
        self._pending: list[tuple[int, int, int, int]] = []  # instance, process, token, block | stream << 32
        self._tokens: list[dict[int, int]] = []
        self._redeemed: list[set[int]] = []
        self._parents: list[int] = []
        self._copies = array("q")
        self.main = self.cut = -1
        self.records = self.misplaced = self.duplicates = self.unresolved = 0
        self._process = -1

    @property
    def instances(self) -> int:
        return self._base + len(self._columns[0])

    def restore(self, carried: bytes, /) -> None:
        """Go on from what `carry` gave at the end of the part before. Raises ValueError if this is something else."""
        words = iter(memoryview(carried).cast("B").cast("q"))
        try:
            base, main, misplaced, duplicates, processes, seen, pending, blocks = _take(words, CARRY_WORDS)
            if base < 0 or not -1 <= main < base or blocks > len(self._blocks) or min(processes, seen, pending) < 0:
                raise ValueError
            tokens = [{t: _within(i, base) for t, i in _tuples(words, next(words), 2)} for _ in range(processes)]
            self._seen = {(_within(p, base), key): n for p, key, n in _tuples(words, seen, 3)}
            self._pending = [(_within(i, base), p, t, key) for i, p, t, key in _tuples(words, pending, 4)]
            if not all(0 <= p < processes for _, p, _, _ in self._pending):
                raise ValueError
            self._skipped[:blocks] = array("q", _take(words, blocks))
        except (ValueError, StopIteration):
            raise ValueError("this is not what a decoder carried over") from None
        self._base, self.main, self.misplaced, self.duplicates = base, main, misplaced, duplicates
        self._tokens, self._redeemed = tokens, [set() for _ in tokens]

    def process(self, parent: int, /) -> None:
        """There is a further process, forked from the parent-th, or from none (-1)."""
        self._parents.append(parent)
        if len(self._tokens) < len(self._parents):
            self._tokens.append({})
            self._redeemed.append(set())

    def stream(
        self, process: int, ids: bytes, number: int, seq: int, now: int, first: bool, state: bytes | None, /
    ) -> None:
        """The records that follow are of a further stream of a process.

        `number` is run-wide, `seq` its last record so far (-1: none), `now` the time until it says one, `first` whether
        its first activation is its process's first, `state` what `state` gave where the stream was forked or the part
        before ended, or None. A forked child goes on in copies of the block instances: what is recorded there is not of
        its parent's. Raises ValueError if that is no state.
        """
        self._process, self._ids = -1, _rows(ids, len(ID_COLUMNS))
        self._stream, self.seq, self.now, self.first = number, seq, now, first
        self._known: dict[int, _Frame] = {}  # activations that may go on, by their number
        self._activations = 0
        self._stack: list[_Frame | None] = []
        self._next = (_NO_PARENT_RECORD, 0)
        self.lost = self.broken = False
        self._first_own = 0
        if state is not None:
            self._set_state(state)
        self._process = process

    def _set_state(self, state: bytes) -> None:
        words = memoryview(state).cast("B").cast("q").tolist()
        try:
            how, parent, lost, broken, activations, stream, first_own, *lengths = words[:STATE_WORDS]
            in_frames, in_known, _ = lengths
            if len(words) != STATE_WORDS + sum(lengths) or min(lengths) < 0 or in_known % 2:
                raise ValueError
            count = self.instances
            if how not in (_NO_PARENT_RECORD, _KNOWN_PARENT, _TOKEN_PARENT) or not 0 <= first_own <= count:
                raise ValueError
            if how == _KNOWN_PARENT and parent != -1:
                raise ValueError
            frames: dict[int, _Frame] = {}
            at = STATE_WORDS
            while at < STATE_WORDS + in_frames:
                function, position = words[at : at + 2]
                slots = self._blocks[function][4] if 0 <= function < len(self._blocks) else 0
                end = at + 2 + 2 * slots
                frame = _Frame(function, position, words[at + 2 : end : 2], words[at + 3 : end : 2])
                if not slots or self._blocks[function][1] or end > STATE_WORDS + in_frames:
                    raise ValueError
                if min(position, frame.slots[0]) < 0 or not all(-1 <= i < count for i in (position, *frame.slots)):
                    raise ValueError
                frames[at - STATE_WORDS] = frame
                at = end
            known = words[at : at + in_known]
            if any(one >= two for one, two in zip(known, known[2:], strict=False)):
                raise ValueError
            self._known = {n: frames[offset] for n, offset in zip(known[::2], known[1::2], strict=True)}
            self._stack = [None if offset == -1 else frames[offset] for offset in words[at + in_known :]]
        except (ValueError, KeyError):
            raise ValueError("this is not a stream's state") from None
        self._next, self.lost, self.broken, self._activations = (how, parent), bool(lost), bool(broken), activations
        self._first_own = first_own
        if stream != self._stream:
            self._first_own = count
            for inside in self._stack:
                self._make_own(inside)

    def _make_own(self, frame: _Frame | None) -> None:
        """A forked child goes on in an activation from before the fork: in copies of where that stands."""
        if frame is not None and frame.slots[0] < self._first_own:
            slot = frame.slots.index(frame.position) if frame.position in frame.slots else 0
            frame.position = self._own(frame, slot)

    def _own(self, frame: _Frame, slot: int) -> int:
        """The stream's own instance of a slot's block: a copy, if it has none since the fork; so of the blocks around
        it."""
        original = frame.slots[slot]
        if not 0 <= original < self._first_own:
            return original
        block = next(n for n, b in enumerate(self._blocks) if b[0] == frame.function and b[1] == slot)
        if slot:
            self._own(frame, self._blocks[block][2])
        frame.slots[slot] = self._instance(block, original, 0)
        self._copies.append(frame.slots[slot])
        return frame.slots[slot]

    def state(self) -> bytes:
        """Where the stream stands: what a forked child or the next part goes on from."""
        offsets: dict[int, int] = {}
        frames = array("q")
        for frame in (*self._known.values(), *self._stack):
            if frame is not None and id(frame) not in offsets:
                offsets[id(frame)] = len(frames)
                frames.extend((frame.function, frame.position))
                for slot in zip(frame.slots, frame.following, strict=True):
                    frames.extend(slot)
        known = array("q")
        for number, frame in self._known.items():
            known.extend((number, offsets[id(frame)]))
        stack = array("q", [-1 if frame is None else offsets[id(frame)] for frame in self._stack])
        lengths = (len(frames), len(known), len(stack))
        about = (self.lost, self.broken, self._activations, self._stream, self._first_own)
        begin = array("q", (*self._next, *about, *lengths))
        return (begin + frames + known + stack).tobytes()

    def lose(self) -> None:
        """What follows cannot be placed (records are missing, or make no sense), until a THREAD record."""
        self.lost = self.broken = True

    def feed(self, records: bytes | memoryview, /) -> int:
        """Take records; returns how many.

        They are fewer than there are if a head of 0 ended them, the limit was reached, or the stream was lost at the
        last one that was taken.
        """
        taken = 0
        view = memoryview(records)
        if self._process < 0:
            return 0
        for head, payload in struct.iter_unpack("<IQ", view[: len(view) // RECORD * RECORD]):
            if not head:
                break
            if self.records == self._limit:
                top = self._stack[-1] if self._stack else None
                self.cut = top.position if top else -1
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
        frame.position = self._own(frame, slot)
        if kind == BLOCK:
            return True
        if site < 0:
            return False
        self._counts[site] += 1
        if self._first_kept <= site < self._end_kept:
            self._kinds[site] |= 1 << kind
            self._rows[site].extend((frame.position, self.seq, payload, kind | self._stream << 32))
        return True

    def _open_activation(self, block: int) -> None:
        _, _, _, _, slots, main, resumes = self._blocks[block]
        how, parent = self._next
        token = 0
        if how == _TOKEN_PARENT:
            tokens = self._tokens[self._process]
            if parent in tokens:
                self._redeemed[self._process].add(parent)
                parent = tokens[parent]
            else:
                token, parent = parent, -1
        elif how == _NO_PARENT_RECORD:
            parent = self._position(main)
        self.first, self._next = False, (_NO_PARENT_RECORD, 0)
        instance = self._instance(block, parent, 0)
        if token:
            self._pending.append((instance, self._process, token, block | self._stream << 32))
        if main == 2 and self.main < 0 and self._process == 0:
            self.main = instance
        frame = _Frame(block, instance, [instance] + [-1] * (slots - 1), [0] * slots)
        if resumes:
            self._known[self._activations] = frame
        self._activations += 1
        self._stack.append(frame)

    def _position(self, main: int) -> int:
        """The parent of an activation that begins here; `main` is its block's."""
        if self._stack:
            top = self._stack[-1]
            return top.position if top else -1
        return -1 if self.first and main else self.main

    def _open_iteration(self, block: int) -> bool:
        function, slot, parent_slot, end_slot, *_ = self._blocks[block]
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.function != function or frame.slots[parent_slot] < 0:
            return False
        frame.slots[slot] = self._instance(block, self._own(frame, parent_slot), frame.following[slot])
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
        _, _, parent_slot, _, _, main, _ = self._blocks[block]
        frame = self._stack[-1] if self._stack else None
        if slot == 0:
            key = block | self._stream << 32
            self._skips.append((self._base + len(self._columns[0]), self._position(main), key, count))
        elif frame is not None and frame.function == function and frame.slots[parent_slot] >= 0:
            frame.following[slot] += count

    def _instance(self, block: int, parent: int, ordinal: int) -> int:
        row = (block, parent, ordinal, self._stream, self.seq, self.now)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        return self._base + len(self._columns[0]) - 1

    def _control(self, head: int, kind: int, payload: int) -> None:
        if kind == LEAVE and payload <= len(self._stack):
            del self._stack[len(self._stack) - payload :]
        elif kind == RESUME and not self.broken and payload < self._activations:
            frame = self._known.get(payload)
            self._make_own(frame)
            self._stack.append(frame)
        elif kind == TIME:
            self.now = _signed(payload)
        elif kind == THREAD:
            self._thread()
        elif kind == CREATE:
            self._tokens[self._process][_signed(payload)] = self._position(0)
            self._redeemed[self._process].discard(_signed(payload))
        elif kind == PARENT:
            self._next = (_TOKEN_PARENT, _signed(payload)) if payload else (_KNOWN_PARENT, -1)
        elif kind == SKIP:
            self._skip(head & ID_MASK, payload)
        else:
            self.lose()

    def _thread(self) -> None:
        self._stack.clear()
        self._next = (_NO_PARENT_RECORD, 0)

    def finish(self) -> Finished:
        """Resolve what could not be known on the way, and hand the part over.

        An activation's ordinal counts within its stream.
        """
        block, parent, ordinal, stream, *_ = self._columns
        late = self._resolve(parent)
        at = 0
        copies = set(self._copies)
        for i, b in enumerate(block):
            at = self._count_skips(at, self._base + i)
            if self._blocks[b][1] == 0 and self._base + i not in copies:
                ordinal[i] = self._count(parent[i], b | stream[i] << 32, 1)
        self._count_skips(at, self._base + len(block))
        rows = [self._without_duplicates(r).tobytes() if r else None for r in self._rows]
        columns = tuple(c.tobytes() for c in self._columns)
        self._base += len(block)
        self._columns, self._skips = [array("q") for _ in INSTANCE_COLUMNS], []
        counts, skipped, kinds = self._counts.tobytes(), self._skipped.tobytes(), self._kinds.tobytes()
        return columns, rows, counts, skipped, late.tobytes(), kinds, self._copies.tobytes()

    def _count(self, parent: int, key: int, count: int) -> int:
        """How many activations of a block there were so far under a parent; so many come."""
        before = self._seen.get((parent, key), 0)
        self._seen[parent, key] = before + count
        return before

    def _count_skips(self, at: int, instance: int) -> int:
        """Count what was skipped before an instance, from the at-th skip on; returns how many skips were counted."""
        while at < len(self._skips) and self._skips[at][0] <= instance:
            _, parent, key, count = self._skips[at]
            self._count(parent, key, count)
            at += 1
        return at

    def _resolve(self, parent: array[int]) -> array[int]:
        """Give the instances whose parent was named by a token their parent; returns those of earlier parts."""
        late, left = array("q"), []
        for instance, process, token, key in self._pending:
            at = process
            while at >= 0 and token not in self._tokens[at]:
                at = self._parents[at]
            if at < 0:
                left.append((instance, process, token, key))
                continue
            found = self._tokens[at][token]
            self._redeemed[at].add(token)
            if instance < self._base:
                late.extend((instance, found, self._count(found, key, 1)))
            elif not self._leads_to(found, instance, parent):
                parent[instance - self._base] = found
            else:
                self.unresolved += 1
        self._pending = left
        self.unresolved += len(left)
        return late

    def _leads_to(self, start: int, instance: int, parent: array[int]) -> bool:
        """Whether an instance is an ancestor of `start`, or `start` itself: in foreign data only."""
        while start >= self._base and start != instance:
            start = parent[start - self._base]
        return start == instance

    def carry(self, states: Sequence[bytes], forking: Sequence[int], /) -> bytes:
        """After `finish`: what the next part's decoder goes on from. `states`: all that it will be given; `forking`:
        the processes that forked in this part, of whose tokens a child may need those that are redeemed."""
        for process, redeemed in enumerate(self._redeemed):
            if process not in forking:
                for token in redeemed:
                    del self._tokens[process][token]
        live = {-1, self.main, *(i for tokens in self._tokens for i in tokens.values())}
        for state in states:
            live.update(self._instances_in(state))
        seen = [(p, key, n) for (p, key), n in self._seen.items() if p in live]
        sizes = (len(self._tokens), len(seen), len(self._pending), len(self._skipped))
        words = array("q", (self._base, self.main, self.misplaced, self.duplicates, *sizes))
        for tokens in self._tokens:
            words.append(len(tokens))
            for pair in tokens.items():
                words.extend(pair)
        for row in (*seen, *self._pending):
            words.extend(row)
        return (words + self._skipped).tobytes()

    def _instances_in(self, state: bytes) -> Iterator[int]:
        words = memoryview(state).cast("B").cast("q")
        at, end = STATE_WORDS, STATE_WORDS + words[STATE_WORDS - 3]
        while at < end:
            slots = self._blocks[words[at]][4]
            yield words[at + 1]
            yield from words[at + 2 : at + 2 + 2 * slots : 2]
            at += 2 + 2 * slots

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


def split(rows: bytes | memoryview, /) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """A site's rows as columns: instance, seq, payload (uint64; 0 where it is not the value), kind (uint8), stream
    (int32)."""
    words = memoryview(rows).cast("B").cast("Q")
    kinds = bytes(word & 0xFF for word in words[3::ROW])
    payload = array("Q", [p if k in PAYLOAD_KINDS else 0 for p, k in zip(words[2::ROW], kinds, strict=True)])
    streams = array("I", [word >> 32 for word in words[3::ROW]])
    return words[0::ROW].tobytes(), words[1::ROW].tobytes(), payload.tobytes(), kinds, streams.tobytes()


def gather(rows: bytes | memoryview, heap: Heap, missing: bytes, /) -> tuple[bytes, bytes, bytes]:
    """The heap bytes of a site's values: (kinds, offsets, data), uint8[n], int64[n + 1] and the bytes.

    SHORT_STR becomes STR. A value whose bytes are not where it says becomes a GAP with the bytes `missing`.
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
    """One value's kind and heap bytes, as `gather` gives them; None if its kind has none."""
    found: bytes | None
    if kind == SHORT_STR:
        length = payload & 0xFF
        kind, found = STR, payload.to_bytes(8, "little")[1 : length + 1] if length <= 7 else None
    elif kind in HEAP_KINDS:
        found = read_heap(heap(stream, payload >> HEAP_SHIFT), payload & ((1 << HEAP_SHIFT) - 1))
    else:
        return kind, None
    return (GAP, missing) if found is None else (kind, found)


def texts(
    kinds: bytes | memoryview, offsets: bytes | memoryview, data: bytes | memoryview, missing: bytes, /
) -> tuple[bytes, bytes, bytes]:
    """What `gather` gives, each TREE as an EXACT; one that makes no sense becomes a GAP with the bytes `missing`.

    Raises ValueError if the offsets do not fit.
    """
    ends = memoryview(offsets).cast("B").cast("q").tolist()
    if len(ends) != len(kinds) + 1:
        raise ValueError("there must be one more offset than kinds")
    found_kinds, found_offsets, found = bytearray(), array("q", [0]), bytearray()
    for kind, begin, end in zip(bytes(kinds), ends, ends[1:], strict=False):
        if not 0 <= begin <= end <= len(data):
            raise ValueError("an offset lies outside the data")
        kind, own = text(kind, bytes(data[begin:end]), missing)
        found_kinds.append(kind)
        found += own
        found_offsets.append(len(found))
    return bytes(found_kinds), found_offsets.tobytes(), bytes(found)


def text(kind: int, data: bytes, missing: bytes) -> tuple[int, bytes]:
    """One value's kind and heap bytes as `texts` gives them."""
    if kind != TREE:
        return kind, data
    found = tree_text(data)
    return (GAP, missing) if found is None else (EXACT, found)


def read_heap(segment: bytes | memoryview | None, at: int) -> bytes | None:
    """The bytes at an offset of a heap segment; None if they are not all there."""
    if segment is None or at + 4 > len(segment):
        return None
    length = int.from_bytes(segment[at : at + 4], "little") - 1
    return bytes(segment[at + 4 : at + 4 + length]) if 0 <= length <= len(segment) - at - 4 else None


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


def _take(words: Iterator[int], count: int) -> list[int]:
    return [next(words) for _ in range(count)]


def _tuples(words: Iterator[int], count: int, size: int) -> Iterable[tuple[int, ...]]:
    return [tuple(_take(words, size)) for _ in range(count)]


def _within(instance: int, base: int) -> int:
    if not -1 <= instance < base:
        raise ValueError(instance)
    return instance
