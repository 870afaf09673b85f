from math import *
from os.path import *
import os.path as p, collections.abc, json
from collections import OrderedDict as OD, namedtuple
print(floor(pi), sqrt(4), basename("/a/b"), p.join("x", "y"))
def uses(n):
    import math
    k = n
    from math import pi as q, e
    k = k + math.floor(q) + floor(e)
    return k + n
print(uses(1))
exec("injected = 5\nfor i in range(2):\n    injected += i")
print(injected + 1, eval("injected * 2"), eval("[injected for _ in range(2)]"))
code = compile("a = 1\nb = a + 1\n", "<made>", "exec")
space = {}
exec(code, space)
print(space["b"])
if __name__ == "__main__":
    flag = __debug__
    print(flag, __name__, __doc__, __file__[-3:])
P = namedtuple("P", "x y")
pt = P(1, 2)
x, y = pt
print(pt.x + y, pt._replace(x=5), OD(a=1))
try:
    float = str
    print(float(5))
    del float
    print(float("5"))
    print(range(2))
    range = lambda n: [n]
    for i in range(3):
        print(i)
    print([j for j in range(4)])
finally:
    del range
print([j for j in range(2)])
def kept(float):
    v = 1
    return float(v, v) if callable(float) else float + v
print(kept(max), kept(2))
print(__builtins__ is not None, type(__loader__).__name__ != "")
x: int = 3
z: "undefined" = x + 1
w: list[int]
def annotated(a: int, b: "str" = "q") -> None:
    c: int = a
    d: int = c + a
    e: undefined_too
    self = json
    self.attr: int = d
    del self.attr
    return c + d
print(annotated(2), __annotations__)
