"""The rules of the table, each on a tree that shows it alone."""

from __future__ import annotations

import numpy as np
import pytest

from flor.etl.join import join
from tests.etl.trees import expected, parse

pytestmark = pytest.mark.once

CASES = {
    "a script that loops over nothing is one row": (
        """
        module lr seed
        """,
        """
        lr  seed
        lr0 seed0
        """,
    ),
    "a row for each iteration": (
        """
        module
          g score
          g score
          g score
        """,
        """
        g# score
        0  score0
        1  score1
        2  score2
        """,
    ),
    "an outer value repeats on every row beneath": (
        """
        module lr
          epoch ep
            batch loss
            batch loss
          epoch ep
            batch loss
            batch loss
        """,
        """
        epoch# batch# lr  ep  loss
        0      0      lr0 ep0 loss0
        0      1      lr0 ep0 loss1
        1      0      lr0 ep1 loss2
        1      1      lr0 ep1 loss3
        """,
    ),
    "a value after an inner loop belongs to the outer instance, even if only the inner names are asked for with it": (
        """
        module
          epoch acc
            batch loss
            batch loss
          epoch acc
            batch loss
        """,
        """
        loss  acc
        loss0 acc0
        loss1 acc0
        loss2 acc1
        """,
    ),
    "an outer instance without inner rows is a row": (
        """
        module
          epoch ep
            batch loss
          epoch ep
          epoch ep
            batch
        """,
        """
        ep  epoch# loss  batch#
        ep0 0      loss0 0
        ep1 1      -     -
        ep2 2      -     -
        """,
    ),
    "a call made once in an iteration shares the iteration's row": (
        """
        module
          epoch acc
            train() loss
          epoch acc
            train() loss
        """,
        """
        epoch# loss  acc
        0      loss0 acc0
        1      loss1 acc1
        """,
    ),
    "values of callees of callees share the row": (
        """
        module
          epoch
            train() loss
              step() norm
            validate() acc
          epoch
            train() loss
              step() norm
            validate() acc
        """,
        """
        loss  norm  acc
        loss0 norm0 acc0
        loss1 norm1 acc1
        """,
    ),
    "siblings that ran once share the row": (
        """
        module
          first a
          second b
        """,
        """
        a  b
        a0 b0
        """,
    ),
    "one sibling that ran once repeats on the rows of the other": (
        """
        module
          epoch
            batch loss
            batch loss
            validate() acc
          epoch
            batch loss
            batch loss
            validate() acc
        """,
        """
        loss  acc
        loss0 acc0
        loss1 acc0
        loss2 acc1
        loss3 acc1
        """,
    ),
    "siblings that ran many times stack": (
        """
        module lr
          epoch
            batch loss
            batch loss
            val vloss
            val vloss
            val vloss
          epoch
            batch loss
            val vloss
            val vloss
        """,
        """
        epoch# batch# val# lr  loss  vloss
        0      0      -    lr0 loss0 -
        0      1      -    lr0 loss1 -
        0      -      0    lr0 -     vloss0
        0      -      1    lr0 -     vloss1
        0      -      2    lr0 -     vloss2
        1      0      0    lr0 loss2 vloss3
        1      0      1    lr0 loss2 vloss4
        """,
    ),
    "siblings stack beneath a call that ran once, and its own value repeats on the rows of the other": (
        """
        module
          epoch
            train() lr
              batch loss
              batch loss
            val vloss
            val vloss
          epoch
        """,
        """
        lr  loss  vloss
        lr0 loss0 -
        lr0 loss1 -
        lr0 -     vloss0
        lr0 -     vloss1
        """,
    ),
    "a guarded value is NULL where it was not evaluated": (
        """
        module
          i x
          i x y
          i x
        """,
        """
        i# x  y
        0  x0 -
        1  x1 y0
        2  x2 -
        """,
    ),
    "a guarded value alone gives rows only where it was evaluated": (
        """
        module
          i
          i y
          i
        """,
        """
        i# y
        1  y0
        """,
    ),
    "a guarded call is NULL in the other iterations": (
        """
        module
          epoch loss
          epoch loss
            validate() acc
          epoch loss
        """,
        """
        loss  acc
        loss0 -
        loss1 acc0
        loss2 -
        """,
    ),
    "a loop that ran many times stacks, though only one iteration has a value": (
        """
        module
          i
          i x
          j y
          j y
        """,
        """
        i# j# x  y
        1  -  x0 -
        -  0  -  y0
        -  1  -  y1
        """,
    ),
    "a function called from two loops: keys of both": (
        """
        module
          train
            loss() l
          train
            loss() l
          test
            loss() l
          test
            loss() l
        """,
        """
        train# test# l
        0      -     l0
        1      -     l1
        -      0     l2
        -      1     l3
        """,
    ),
    "a function called twice in an iteration: a row for each call": (
        """
        module
          i x
            f() y
            f() y
          i x
            f() y
            f() y
        """,
        """
        i# f()# x  y
        0  0    x0 y0
        0  1    x0 y1
        1  0    x1 y2
        1  1    x1 y3
        """,
    ),
    "a call before the loop whose function is called in the loop too": (
        """
        module
          f() y
          i x
            f() y
          i x
          i x
            f() y
        """,
        """
        x  y
        -  y0
        x0 y1
        x1 -
        x2 y2
        """,
    ),
    "two functions that call the same one": (
        """
        module
          f() a
            h() c
          g() b
            h() c
        """,
        """
        a  b  c
        a0 b0 c0
        a0 b0 c1
        """,
    ),
    "recursion: a row for each call": (
        """
        module
          fact() n
            fact() n
              fact() n
        """,
        """
        n
        n0
        n1
        n2
        """,
    ),
    "recursion: no row has a value of another call of the function": (
        """
        module lr
          walk() depth
            child c
              walk() depth
            child c
              walk() depth
                child c
                  walk() depth
        """,
        """
        child# lr  depth  c
        0      lr0 depth0 c0
        -      lr0 depth1 -
        1      lr0 depth0 c1
        0      lr0 depth2 c2
        -      lr0 depth3 -
        """,
    ),
    "mutual recursion: a row for each call, with the caller's values": (
        """
        module
          even() a
            odd() b
              even() a
                odd() b
        """,
        """
        a  b
        a0 b0
        a1 b0
        a1 b1
        """,
    ),
    "a recursive function called in a loop": (
        """
        module
          i x
            fib() n
              fib() n
              fib() n
          i x
            fib() n
        """,
        """
        i# fib()# x  n
        0  0      x0 n0
        0  0      x0 n1
        0  1      x0 n2
        1  0      x1 n3
        """,
    ),
    "a generator's iterations and its consumer's stack": (
        """
        module
          gen()
            j v
            j v
          i y
          i y
        """,
        """
        j# i# v  y
        0  -  v0 -
        1  -  v1 -
        -  0  -  y0
        -  1  -  y1
        """,
    ),
    "threads stack, in the order of threads": (
        """
        module lr
          |2 work() x
            i y
            i y
          |1 work() x
            i y
            i y
          epoch loss
          epoch loss
        """,
        """
        work()# epoch# lr  loss  x  y
        -       0      lr0 loss0 -  -
        -       1      lr0 loss1 -  -
        1       -      lr0 -     x1 y2
        1       -      lr0 -     x1 y3
        0       -      lr0 -     x0 y0
        0       -      lr0 -     x0 y1
        """,
    ),
    "a module imported once repeats its values": (
        """
        module
          config size
          i x
          i x
        """,
        """
        size  x
        size0 x0
        size0 x1
        """,
    ),
    "an instance without a parent hangs from the run": (
        """
        module
          i x
          i x
        other y
        """,
        """
        x  y
        x0 y0
        x1 y0
        """,
    ),
    "nested comprehensions": (
        """
        module
          row r
            cell c
            cell c
          row r
            cell c
            cell c
        """,
        """
        row# cell# r  c
        0    0     r0 c0
        0    1     r0 c1
        1    0     r1 c2
        1    1     r1 c3
        """,
    ),
    # What the original answered wrongly or crashed on.
    "an argument of a call inside another named call keeps its own value": (
        """
        module outer inner
          f() p
        """,
        """
        outer  inner  p
        outer0 inner0 p0
        """,
    ),
    "two calls in one statement keep their own arguments": (
        """
        module a b
          f() p
          f() p
        """,
        """
        a  b  p
        a0 b0 p0
        a0 b0 p1
        """,
    ),
    "an element of a comprehension is a row for each element": (
        """
        module
          i elt
          i elt
          i elt
        """,
        """
        i# elt
        0  elt0
        1  elt1
        2  elt2
        """,
    ),
    "uneven columns": (
        """
        module n
          i a
            j b
            j b
          i a
          k c
        """,
        """
        n  a  b  c
        n0 a0 b0 c0
        n0 a0 b1 c0
        n0 a1 -  c0
        """,
    ),
    "a name around a thinned loop repeats on the rows that were recorded, and is a row itself where none was": (
        """
        module
          epoch lr
            batch loss
            -3 batch
            batch loss
          epoch lr
            -5 batch
        """,
        """
        epoch# batch# lr  loss
        0      0      lr0 loss0
        0      4      lr0 loss1
        1      -      lr1 -
        """,
    ),
    "of two thinned loops the only iterations that were recorded do not meet": (
        """
        module
          epoch
            -2 i
            i a
            j b
            -3 j
        """,
        """
        epoch# i# j# a  b
        0      2  -  a0 -
        0      -  0  -  b0
        """,
    ),
    "a call in an iteration that was recorded stands there, though others were not": (
        """
        module
          i x
            f() y
          -7 i
          i x
            f() y
        """,
        """
        i# x  y
        0  x0 y0
        8  x1 y1
        """,
    ),
    "a call around a thinned loop does not repeat on its iterations, if they make such calls, too": (
        """
        module
          epoch
            f() y
            i x
              f() y
            -3 i
            i x
        """,
        """
        epoch# i# x  y
        0      -  -  y0
        0      0  x0 y1
        0      4  x1 -
        """,
    ),
    "a call around a thinned loop does not repeat on its iterations: one that was left out may have made such a call": (
        """
        module
          epoch
            f() y
            i x
            -3 i
        """,
        """
        epoch# i# x  y
        0      -  -  y0
        0      0  x0 -
        """,
    ),
    "a call in an iteration stands at itself if a thinned loop is in the iteration": (
        """
        module
          i x
            f() y
            -3 k
            k w
          -3 i
          i x
        """,
        """
        i# k# x  y  w
        0  -  x0 y0 -
        0  3  x0 -  w0
        4  -  x1 -  -
        """,
    ),
    "what a thinned function calls stands at itself": (
        """
        module
          walk() x
            h() y
          -3 walk()
        """,
        """
        walk()# x  y
        0       x0 y0
        """,
    ),
    "in the only iteration that was recorded of a thinned loop all that ran is known": (
        """
        module
          epoch
            f() y
            -3 i
            i x
              f() y
        """,
        """
        epoch# i# x  y
        0      -  -  y0
        0      3  x0 y1
        """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    tree, table = CASES[case]
    header, rows = expected(table)
    assert parse(tree).table(header) == rows


def test_no_values_no_rows() -> None:
    small = parse("module\n  i\n  i")
    rows = join(small.tree(), [np.empty(0, np.int64)])
    assert (len(rows.place), rows.instances, rows.leading) == (0, {}, {})


def test_rows_know_which_block_lies_in_which() -> None:
    small = parse("module\n  epoch\n    train()\n      batch loss\n  other\n    train()\n      batch loss")
    number = {b: i for i, b in enumerate(small.blocks)}
    pairs = [("module", "epoch"), ("epoch", "train()"), ("train()", "batch"), ("module", "other"), ("other", "train()")]
    assert small.rows().nesting == {(number[a], number[b]) for a, b in pairs}


def test_deep_recursion_is_one_row_a_call() -> None:
    depth = 5000
    text = "\n".join(" " * i + "f() n" for i in range(depth))
    assert len(parse(text).rows().place) == depth
