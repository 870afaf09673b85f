# what may change a local name behind the back of a load
import sys, inspect
def plain(n):
    a = n
    exec("a = 99")
    b = a + 1
    locals()["a"] = 55
    c = a + b
    eval("[a for a in range(3)]")
    return a + b + c
print(plain(1))
def through_frame():
    x = 1
    def change():
        sys._getframe(1).f_locals["x"] = 2
    change()
    y = x + 1
    for i in range(2):
        z = x * 10 + i
    return x + 0, y, z
print(len(through_frame()))
def cells():
    n = 1
    def get():
        return n + 1
    get.__closure__[0].cell_contents = 5
    return n + 1, get()
print(cells())
def nonlocal_loop():
    count = 0
    def bump():
        nonlocal count
        count += 1
        return count
    for i in range(3):
        bump()
        j = count + i
    return j + count
print(nonlocal_loop())
def deletes(n):
    v = n
    w = v + 1
    del v
    try:
        w = w + v
    except NameError as e:
        v = len(str(e)) > 0
    return v, w
print(deletes(3))
def walrus(n):
    t = n
    u = [t := t + i for i in range(3)]
    if (m := t + 1) > 2 and (k := m * 2):
        t = t + m + k
    while (t := t - 3) > 0:
        k = t + 1
    return t + k, u
print(walrus(1))
def shadowing(x):
    y = [x for x in range(x)]
    z = [x + i for i in range(2) for x in (i, x)]
    return x + 1, y, z
try:
    print(shadowing(2))
except UnboundLocalError as e:
    print(e)
class Body:
    a = 1
    b = a + 1
    for i in range(2):
        a = a + i
    c = [j + 1 for j in range(a)]
    a, b = b, a
    del i
    d = (lambda q: q + 1)(b)
print(Body.a, Body.b, Body.c, Body.d)
g = 1
def globals_change():
    global g
    g = g + 1
    h = g
    globals()["g"] = 40
    return g + h
print(globals_change(), g)
def aug(n):
    xs = [n]
    ys = xs
    xs += [2]
    xs[0] += n
    d = {"k": 1}
    d["k"] += xs[0] + n
    n += n
    n *= 2
    t = (1, [2])
    try:
        t[1] += [3]
    except TypeError:
        n -= 1
    return xs, ys, d, n, t
print(aug(3))
def matches(v):
    n = 1
    match v:
        case [n, *rest] if n > 1:
            out = n, rest
        case {"n": n, **more}:
            out = n + 1, more
        case int() | str() as w:
            out = w, n
        case _:
            out = n
    return out, n
print([matches(v) for v in ([2, 3], [1], {"n": 5, "z": 1}, 7, None)])
def star():
    a, *b, c = range(5)
    (d, e), f = (a, b), c
    [h] = [a]
    return d + f, e, h + a, c + 1
print(star())
def finallys(n):
    x = n
    for i in range(3):
        try:
            x = x + 1
            if x > n + 1:
                continue
            y = x + 1
        finally:
            x = x + 10
    return x + y
print(finallys(1))
