import contextlib

def touch(n):
    v = n + 1
    return v

def gen(n):
    for i in range(n):
        touch(i)
        yield i
        touch(i)

def delegating(n):
    for i in range(2):
        r = yield from gen(n)
        touch(i)
    return "end"

def cleanup():
    try:
        for i in range(3):
            with manager():
                for j in range(2):
                    yield i, j
    finally:
        touch(100)
        for k in range(2):
            touch(k)

@contextlib.contextmanager
def manager():
    touch(50)
    try:
        yield
    finally:
        touch(60)

for a in range(2):
    g = gen(2)
    next(g)
    for b in range(2):
        for c in g:
            touch(c)
    h = delegating(1)
    print(list(h))
    d = cleanup()
    for e in d:
        if e == (1, 0):
            break
    touch(a)
    d.close()
    touch(a)
    w = cleanup()
    next(w)
    try:
        for x in range(2):
            w.throw(KeyError)
    except KeyError:
        touch(a)

kept = [gen(2) for _ in range(2)]
for a in range(2):
    for k in kept:
        touch(next(k))
for k in kept:
    for rest in k:
        touch(rest)

def consumer():
    total = 0
    while True:
        try:
            got = yield total
        except ValueError:
            touch(total)
            continue
        for _ in range(got):
            total += touch(got)

c = consumer()
next(c)
for a in range(2):
    for b in range(2):
        c.send(b)
    c.throw(ValueError)
    touch(a)

def returns_generator(n):
    for i in range(2):
        if i:
            return (touch(q) for q in gen(n))

print(sum(returns_generator(2)), [sum(returns_generator(m)) for m in range(2)])
lazy = (touch(p) for p in gen(3) if touch(p) > 1)
for a in range(3):
    try:
        print(next(lazy))
    except StopIteration:
        touch(a)
def recursive(n):
    if n:
        for r in recursive(n - 1):
            touch(r)
            yield r
    yield n
print(list(recursive(2)))
import functools
cached = functools.lru_cache(lambda n: list(gen(n)))
print(cached(2), cached(2), list(map(list, map(gen, [1, 2]))))
pending = map(gen, [1, 2])
for a in range(2):
    made = next(pending)
    for b in made:
        touch(b)
