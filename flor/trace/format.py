"""The event stream: the one place that defines its bytes.

A run's events lie in ``segments/<process>/``, one folder for each process of the run:

``process.json``
    ``{"pid", "pid_started", "started", "parent", "stream", "record"}``. ``started`` is in nanoseconds on the run's
    clock. A forked child names its parent's folder, and the parent's stream and record count at the fork: the child's
    stream of that number goes on from the state that the parent's had there, and from its count. ``stream`` is null if
    the thread that forked had none; with ``"apart": true``, written of a child that multiprocessing forked, it goes on
    from the count alone: what it does is not the going on of what its parent did. A process that was started afresh (by
    spawn, say) has no parent, and the folder of the one that started it as ``"starter"``. ``"gap"`` says why a process
    other than the first had to stop recording early.
``modules.jsonl``
    One line for each captured source, written before its code runs:
    ``{"base", "sha256", "path", "module", "blocks", "sites"}``. In the events of this process (and its forked children)
    the block ``b`` of that source has the id ``base + b`` and its site ``s`` the id ``base + blocks + s``.
``control``
    Eight uint64, mapped by the recorder and by what packs: bytes of the process's segments so far (by the recorder);
    of those, bytes that were packed and removed; bytes of the run's packed trace; bytes of other processes' segments
    that are not packed; 1 if a block was thinned (by the recorder); three zeros. It may be missing.
``<stream>.<segment>.events``, ``<stream>.<segment>.heap``
    One stream for each thread (a finished thread's stream is handed to the next new thread). Segments count from 0.
    One is complete when the next of its kind is there or the tail belongs to that, or when the process has ended;
    complete ones may be packed, and removed.
``<stream>.tail.events``, ``<stream>.tail.heap``
    What was written last, while the process runs. It begins with 64 bits: where the bytes from `TAIL` on belong, the
    segment's number in the upper 24, the offset in it in the lower 40. What the segment itself holds from there on is
    the same, and newer: a reader reads the tail first, then the segment, and of the tail only what goes beyond the
    segment's end. While it reads the 64 bits must not change.

A segment of events is an array of 12-byte records, little-endian: a 32-bit head, then a 64-bit payload.
The payload is written first, the head last, so that a record is there whole or not at all. A head of 0 ends what was
written.

======== ====================================================================================
bits     meaning of the head
======== ====================================================================================
0 to 21  id of a site or block
22 to 26 kind
27       OPEN: a new instance of the block begins here (of the site's block, if the id is a site's)
28 to 31 how many activations are left before this record
======== ====================================================================================

An *activation* is one execution of a module body, a function, a lambda or a generator expression: what has a
frame of its own. A stream keeps a stack of them. A reader applies, in this order: the activations left, OPEN,
the value. OPEN on a module, function, lambda or generator block pushes an activation; its instance's parent is
the instance at the *position* of the activation below. OPEN on a loop block starts its next instance; its parent is
the current instance of the loop's own parent block in the top activation. Every record with an id moves the top
activation's position to that block. A value belongs to the current instance of its site's block in the top activation.

SKIP says what was *thinned*: so many instances of the block under the current position's parent were not recorded. For
a loop that parent is the current instance of the loop's own parent block in the top activation, for a block with an
activation it is the top activation's position. The next instance of the block there gets an ordinal that counts them;
none need follow. SKIP moves no position.

A payload that refers to the heap holds the heap's segment number in its upper 24 bits, the byte offset in
the lower 40. There lie 32 bits that say how many bytes follow, and one more: of what was never written they are 0.

Several records may refer to the same bytes: those of a GAP, or of the last value of a site that is of its kind and
has at most MAX_REUSED bytes.

One record can change once it is written: a GAP becomes a number that has arrived from an accelerator, its payload
first, then its head. In between its payload refers to nothing.

Pages of a file reach the disk each in its own time, and so do those of a tail, which is written over and over. Where
`pid_started` is of another boot of the machine no tail is believed, nor what lies behind a page of zeros in a segment,
nor what follows a segment of events that has a next one, is shorter than `segment_size`, and ends without `CLOSED`.

The bytes of a TREE are one value: a tag, then what it says: ``N`` None, ``T`` True, ``F`` False, ``i`` and an int64,
``d`` and a double, ``[`` (a list) or ``(`` (a tuple) and a uint16 count and as many values, all little-endian.
"""

from __future__ import annotations

RECORD = 12
ID_BITS = 22
ID_MASK = (1 << ID_BITS) - 1
KIND_SHIFT = 22
KIND_MASK = 31
OPEN = 1 << 27
LEAVE_SHIFT = 28
MAX_LEAVE = 15
HEAP_SHIFT = 40
TAIL = 4096
CHUNK = 61440  # bytes of a tail behind TAIL: whole pages, whole records


#: The words of `control`, and how many there are.
WRITTEN, CONSUMED, PACKED, OTHERS, THINNED = range(5)
CONTROL_WORDS = 8

#: The last record of a segment of events that is complete before it is full: no activation is left.
CLOSED = (2 << KIND_SHIFT).to_bytes(RECORD, "little")


def segment_size(segment: int) -> int:
    """Bytes of a complete segment of events; one of the heap is complete beyond it."""
    return CHUNK * min(4 << min(segment, 7), (16 << 20) // CHUNK)


# Control records.
BLOCK = 1  # id: a block. With OPEN its next instance, without it the position moves there
LEAVE = 2  # payload: activations left
RESUME = 3  # payload: the stream's n-th activation (from 0) goes on, on top of the stack
TIME = 4  # payload: nanoseconds on the run's clock
THREAD = 5  # payload: native thread id; a new thread takes the stream, the stack is empty
CREATE = 6  # payload: a token, unique in the process: a generator or coroutine was created at this position
PARENT = 7  # payload: a token; the next activation's parent is what was the position at CREATE; 0: it has no parent
SKIP = 25  # id: a block; payload: how many of its instances here, since its last recorded one, were not recorded

# Values. The id is the site's.
NONE = 8
BOOL = 9  # payload: 0 or 1
INT = 10  # payload: two's complement
FLOAT = 11  # payload: IEEE 754 double
SHORT_STR = 12  # payload: byte 0 the length (up to 7), bytes 1 to 7 UTF-8
STR = 13  # heap: UTF-8 (lone surrogates as 'surrogatepass' writes them)
BYTES = 14  # heap: the bytes
BIG_INT = 15  # heap: hexadecimal text, as hex() gives it
COMPLEX = 16  # heap: two doubles
EXACT = 17  # heap: UTF-8, the value as a Python expression: containers, dataclasses, named tuples
SUMMARY = 18  # heap: JSON; the value is longer than what is kept: {"type", "length"?, "text"}
ARRAY = 19  # heap: 32-bit length, JSON {"type", "dtype", "shape", "columns"?, "text"?}, elements in C order if kept
OBJECT = 20  # heap: JSON {"type", "id", "text"?}
NAMED = 21  # heap: UTF-8, qualified name of a function, class or module, preceded by "function ", "class " or "module "
GAP = 22  # heap: JSON {"why", "type"?, "shape"?, "dtype"?}; the value was there and is not kept
REDACTED = 23
DATE = 24  # heap: UTF-8, ISO 8601: a datetime, date, time or pandas Timestamp
TREE = 26  # heap: a list or tuple of numbers in binary (see above); who reads values gets an EXACT

VALUE_KINDS = frozenset({*range(NONE, DATE + 1), TREE})
PAYLOAD_KINDS = frozenset({BOOL, INT, FLOAT})  # whose payload is the value
HEAP_KINDS = frozenset({STR, BYTES, BIG_INT, COMPLEX, EXACT, SUMMARY, ARRAY, OBJECT, NAMED, GAP, DATE, TREE})

#: SKIP of more than so many instances is none that was written.
MAX_SKIP = 1 << 48
#: A TREE that is nested deeper than this is none that was written.
MAX_TREE_DEPTH = 64

#: Heap bytes that more than one record refers to are at most so many.
MAX_REUSED = 4608  # bytes: an array's that are kept in place, and what is said of it

#: Blocks whose OPEN pushes an activation; OPEN on any other kind starts a loop's next instance.
ACTIVATION_BLOCKS = frozenset({"module", "function", "lambda", "generator"})
