import contextlib
def note(v):
    seen = v
    return seen
def numbers(n):
    k = n
    for i in range(n):
        k = k - 1
        got = yield k + i
        if got:
            k = got + note(k)
    return k
def delegating(n):
    r = yield from numbers(n)
    s = yield from [1, note(2)]
    return r, s
def closing(log):
    m = 1
    try:
        for a in range(5):
            m = m + a
            yield m
    except ValueError as e:
        m = str(e)
        yield m + "!"
    finally:
        log.append(note(m))
log = []
g = numbers(3)
print(next(g), g.send(10), next(g))
try:
    next(g)
except StopIteration as stop:
    print(stop.value)
c = closing(log); print(next(c), next(c)); c.close()
c = closing(log); print(next(c), c.throw(ValueError("thrown"))); del c
print(list(delegating(2)), log)
def two():
    x, y = numbers(2), numbers(3)
    z = []
    for p, q in zip(x, y):
        z = z + [p, q, note(p)]
    return z
print(two())
@contextlib.contextmanager
def manager(k):
    kept = note(k)
    try:
        yield kept
    except ZeroDivisionError:
        kept = -1
    finally:
        note(kept)
def managed(n):
    for i in range(n):
        with manager(i) as m:
            w = m / i
            for j in range(2):
                if j:
                    break
    with manager(7) as m, manager(m + 1) as o:
        return m, o, w
print(managed(3))
def recursive(t):
    if isinstance(t, int):
        yield note(t)
    else:
        for u in t:
            yield from recursive(u)
print(list(recursive([1, [2, [3, 4]], 5])), [v for v in recursive([1, [2]])])
def pipeline(n):
    a = (i * 2 for i in range(n))
    b = (i + n for i in a if i)
    return sum(b), n
print(pipeline(4))
def infinite():
    n = 0
    while True:
        n += 1
        yield n
for x in infinite():
    y = x * 2
    if y > 4:
        break
def coroutine():
    total = 0.0
    count = 0
    average = None
    while True:
        v = yield average
        total = total + v
        count += 1
        average = total / count
co = coroutine(); next(co)
print([co.send(v) for v in (1, 2.5, 6)])
def handler_in_generator():
    n = 5
    while n:
        try:
            n = n - 1
            yield 10 / n
        except ZeroDivisionError:
            yield note(n)
print(list(handler_in_generator()))
