"""What a probe does: the operations that the rewriter puts into code and the recorders carry out."""

from __future__ import annotations

from typing import NamedTuple

#: Begins the text that stands for a probe in a code's constants; the probe's number follows.
MARKER = "\0flor:"

# What a probe does. The recorders (`_probe.c`, `probe.py`) dispatch on these.
VALUE = 0  # (v) or (ignored, v): records v at `site`, returns it
BIND = 1  # (v, ...): records one value for each site from `site` on
ITERATE = 2  # (v, ...): the next instance of loop `block`, then as BIND; returns True or, if `of` is not 0, as CHOOSE
ITERATE_GENERATOR = 3  # the same for the first clause of a generator expression: its activation begins with it
ENTER = 4  # (v, ...): a guarded activation of `block` begins, then as BIND
ENTER_FRAME = 5  # the same for an activation that is known by its frame: a lambda, a generator, a coroutine
LEAVE = 6  # (): the activation of `block` is left
LEAVE_FRAME = 7  # (ignored, v): a lambda is left; returns v
MARK = 8  # (): the position is now `block`
LOAD = 9  # (v): as VALUE if `v` may have changed since its name was bound at site `of`, else nothing; returns v
CHOOSE = 10  # (): whether the LOADs behind it, to before spec `of`, are to be carried out in this iteration
ITERABLE = 11  # (v): v or, if a step may run code of the program's, an iterator of v: before each step, as MARK
TEST = (
    12  # (v): a condition, or a part of one: as VALUE; as LOAD if it is DERIVED; nothing if it has no values. Then what
)
#            the OUTCOMEs behind it, to before spec `of`, say for the truth of `v`, which it returns
OUTCOME = 13  # what else is known at a TEST: `site` has the value `v` as well, or the flag that it has

# Flags of a probe.
GUARDED = 1  # its activation's end is always seen, because the rewriter put it into try ... finally
CREATES = 2  # its value may be a new generator or coroutine
HOLDS = 4  # a LOAD of what items or attributes are taken of: most likely its value may change
ASYNC = 8  # an ITERABLE that is iterated over by `async for`
DERIVED = 256  # a TEST of a name that would have a LOAD
ON_TRUE = 16  # an OUTCOME if `v` is true
ON_FALSE = 32  # if it is false
IS_TRUE = 64  # its site has the value True
IS_FALSE = 128  # False


class Spec(NamedTuple):
    """One probe. Blocks and sites are indices into the SourceMap."""

    op: int
    function: int  # the block whose activation the probe runs in
    block: int
    site: int = 0
    values: int = 0  # how many sites, from `site` on
    depth: int = 0  # frames between the probe's and its activation's: class bodies, comprehensions before 3.12
    flags: int = 0
    redact: int = 0  # bit i: strings at site `site + i` are not recorded
    of: int = 0
