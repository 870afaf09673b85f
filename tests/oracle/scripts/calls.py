import math
from functools import partial, reduce

def add(a, b=2, *rest, c, d=4, **more):
    return a + b + sum(rest) + c + d + sum(more.values())

print(add(1, c=3))
print(add(*[1, 2], *(3, 4), c=5, **{"e": 6}, f=7))
print(add(1, 2, 3, 4, c=5, d=6, e=7))
half = partial(pow, 2)
print(half(3), math.floor(half(0.5)))
print("a-b-c".split("-")[1].upper().center(7, "*"))
print(max([3, 1, 2], key=lambda n: -n), sorted("bca", key=str.upper))
print(reduce(lambda x, y: x * y, range(1, 6), 1))
print(list(map(add, [1, 2], [3, 4])) if False else "no")
for function in (abs, float, str, bool):
    print(function(-1))
print((lambda *a, k=1, **kw: (a, k, kw))(1, 2, k=3, z=4))
print(add(c=1, a=add(2, c=3)))
