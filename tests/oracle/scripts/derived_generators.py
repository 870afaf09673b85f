def gen(n):
    x = n
    for i in range(n):
        y = x
        x = yield x
        z = x, y
    yield x

def shared():
    state = 0
    def produce():
        nonlocal state
        while state < 3:
            before = state
            yield state
            after = state
            state = state + 1
    g = produce()
    next(g)
    state = 1
    mine = state
    next(g)
    return state, mine, list(g)

def sent():
    total = 0
    while True:
        got = yield total
        if got is None:
            return total
        total = total + got

def thrown():
    k = 0
    while k < 3:
        try:
            k = k + 1
            r = yield k
        except ValueError as e:
            k = k + 10
            r = str(e)
        print(k, r)

g = gen(2)
print(next(g), g.send(5), g.send(6))
print(shared())
s = sent()
print(next(s), s.send(1), s.send(2))
t = thrown()
print(next(t))
print(next(t))
try:
    t.throw(ValueError("v"))
except StopIteration:
    print("end")

def two(a):
    b = a
    yield b
    b = b + 1
    yield b
    a = b
    yield a

one, other = two(1), two(10)
for turn in range(3):
    print(next(one), next(other))

async def coroutine(v):
    import asyncio
    w = v
    await asyncio.sleep(0)
    v = v + w
    for i in range(2):
        u = v
        await asyncio.sleep(0)
        v = v * 2
    return v, w, u

import asyncio
async def main():
    x = 0
    async def bump():
        nonlocal x
        for _ in range(2):
            x += 1
            await asyncio.sleep(0)
    task = asyncio.ensure_future(bump())
    seen = []
    for k in range(3):
        seen.append(x)
        await asyncio.sleep(0)
        seen.append(x)
    await task
    return seen, await asyncio.gather(coroutine(1), coroutine(10))
print(asyncio.run(main()))
lazy = (p + q for p in range(2) for q in range(2))
p = q = 50
print(next(lazy), p, next(lazy), q)
