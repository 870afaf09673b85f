# loops with many derived loads, whose bindings change their kind on the way
import numpy as np, threading
from fractions import Fraction
def kinds(values):
    out = None
    n = 0
    for v in values:
        a = v
        b = a
        n = n + 1
        out = (a == b, a is b, n, a != n, b)
        if n == 3 and isinstance(a, list):
            a.append(n)
            out = (a == b, a is b, n, a != n, b)
    return n, out
print(kinds([1, 2, 3, 4]))
print(kinds([1.0, "a", [1], [2], 5]))
print(kinds([None, True, (1, [2]), np.float64(3), np.int64(4), Fraction(1, 2), 10 ** 30, b"x", 1j]))
print(kinds([[0]] * 4)[0])
def sgd(xs, ys, lr):
    w, b = 0.0, 0.0
    for epoch in range(3):
        loss = 0.0
        for x, y in zip(xs, ys):
            p = w * x + b
            e = p - y
            w = w - lr * e * x
            b = b - lr * e
            loss = loss + e * e
        if epoch == 1:
            w = np.float64(w)
            b = np.asarray(b)
    return w, b, loss
print(sgd([1.0, 2.0], [2.0, 4.0], 0.1), sgd([1, 2], [3, 4], Fraction(1, 10)))
def mutable(n):
    acc = [0]
    k = 0
    for i in range(n):
        m = acc
        k = k + i
        m.append(k + i)
        q = m, k, i
        r = len(m) + k + i
    return acc, q, r
print(mutable(4), mutable(2))
def raises(values, d):
    total, seen = 0, 0
    for v in values:
        w = v
        seen = seen + 1
        try:
            total = total + w / (w - d) + seen
        except ZeroDivisionError:
            total = total + seen + w
        if total > 100:
            break
    else:
        total = total + seen
    return total, seen
print(raises([1, 2, 3], 2), raises([5, 5], 5), raises([200, 1], 0))
def recursive(n, depth):
    t = n
    for i in range(n):
        u = t + i
        t = u + depth + i
        if depth and i == 1:
            t = t + recursive(n - 1, depth - 1) + u
    return t
print(recursive(3, 2))
def whiles(n):
    a, b, i = 0, 1, 0
    while i < n:
        a, b = b, a + b
        i = i + 1
        c = a + b + i
        if c % 2:
            continue
        c = c + a + b
    return a, c
print(whiles(6))
def thread_loop(k, box):
    t = k
    for i in range(50):
        u = t + i
        t = u + k if u % 2 else u - i
        v = t + u + k
    box.append((t, v))
boxes = [[] for _ in range(3)]
ts = [threading.Thread(target=thread_loop, args=(k, b)) for k, b in enumerate(boxes)]
for t in ts: t.start()
for t in ts: t.join()
print(boxes)
def generator_loop(n):
    t = n
    for i in range(n):
        u = t + i
        t = u + i + n
        yield t + u
print(list(generator_loop(4)), [x + 1 for x in generator_loop(2)])
def strings(words):
    s = ""
    for w in words:
        s = s + w
        t = s + w + s
        u = t if len(t) > len(w) else w
    return s, u
print(strings(["a", "bc", "\udc80", "d" * 300]), strings([]) if False else None)
def closures(n):
    fs = []
    t = 0
    for i in range(n):
        t = t + i
        u = t + i
        v = u + t
        fs.append(lambda: t + i)
    return [f() for f in fs], v
print(closures(3))
def bools(xs):
    hit, miss = 0, 0
    for x in xs:
        y = x > 1
        z = y and x
        hit = hit + 1 if y else hit
        miss = miss + (not y)
        last = y, z, hit, miss
    return last
print(bools([1, 2, 3, 0]), bools(np.array([1, 2])), bools([np.bool_(True), np.float32(2)]))
def nan(x):
    a = x
    for i in range(3):
        b = a
        a = a * float("inf")
        c = b - a
        d = c != c, a, b
    return d
print(nan(0.0), nan(-0.0), nan(1.0))
def deep(n):
    for a in range(n):
        x = a
        for b in range(n):
            y = x + b
            for c in range(n):
                z = x + y + c
                z = z + x + y + a + b
            x = x + z
        y = x + y + z
    return x, y
print(deep(3))
