#!/usr/bin/env python
"""A docstring."""
from __future__ import annotations
import os, sys as system; from os import path as p, sep
x = 1; y = x + 1; print(x, y); z = [x,
    y,  # comment
    x + y]
if x: a = 1; b = 2
else: a = 3
for i in range(2): print(i); c = i * 2
while y < 4: y += 1; print(y)
def one(q): return q * 2
def two(q: int) -> int: "doc"; r = q + 1; return r
class K: v = 1; w = v + 1
print(one(2), two(3), K.w, (a), ((b)), (c,))
long_expression = x + y + a + b + c + len(z) + sum(z) + max(z) + min(z) + one(x) + two(y) + one(a) + two(b) + one(c) + two(len(z)) + one(sum(z)) + two(max(z))
print(long_expression, [
    x
    for x in z
    if x
], {
    "k": x, **{
        "m": y}
})
s = f(1) if False else \
    x
print(s); t = s if s else(y)
u = [x]if x else[y]
v = not(x); w = -(x)
print(t, u, v, w, 1if x else 2, (yield_ := 3))
try: print(1 // 0)
except ZeroDivisionError as e: print(e)
finally: print("f")
with open(os.devnull) as f: g = f.name
lambda_ = lambda: (
    x,
    y
)
print(lambda_(), g == os.devnull)
@staticmethod
def st(): return 1
print(system.byteorder in ("little", "big"), p.join("a", "b"), sep)
