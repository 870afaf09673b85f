import asyncio
def note(v):
    seen = v
    return seen
class Ticks:
    def __init__(self, n): self.n = n
    def __aiter__(self): return self
    async def __anext__(self):
        self.n -= 1
        note(self.n)
        if self.n < 0:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        return self.n
async def agen(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield note(i)
class Door:
    async def __aenter__(self):
        note("in")
        await asyncio.sleep(0)
        return 3
    async def __aexit__(self, kind, error, tb):
        left = note("out")
        return kind is ValueError
async def work(k):
    t = k
    for i in range(3):
        await asyncio.sleep(0)
        t = t + i * k
        note(t)
    return t
async def comps(n):
    a = [note(x) async for x in Ticks(n)]
    b = [x async for x in agen(n) if note(x) != 1]
    c = {x: await work(x) async for x in agen(2)}
    d = [await work(i) for i in range(n)]
    e = [y for x in range(2) async for y in agen(x)]
    g = (note(x) async for x in agen(2))
    return a, b, c, d, e, [v async for v in g]
async def doors(n):
    async with Door() as d:
        for i in range(n):
            if i == 1:
                raise ValueError
    async with Door() as d, Door() as e:
        async for x in Ticks(2):
            if x == 0:
                return d, e, x
    return None
async def loops():
    out = []
    async for x in Ticks(3):
        if x == 1:
            continue
        out.append(note(x))
    else:
        note("else")
    async for x in agen(4):
        if x == 2:
            break
    return out, x
async def cancelled():
    try:
        for i in range(9):
            await asyncio.sleep(0)
            k = note(i)
    except asyncio.CancelledError:
        note(k)
        raise
    finally:
        note("end")
async def main():
    for epoch in range(2):
        r = await asyncio.gather(*(work(i) for i in range(3)))
        print(r, epoch)
    print(await comps(3)); print(await doors(3)); print(await loops())
    task = asyncio.create_task(cancelled())
    await asyncio.sleep(0); await asyncio.sleep(0); await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        note("cancelled")
    try:
        async with asyncio.timeout(5):
            n = await work(1)
    except TimeoutError:
        pass
    async with asyncio.TaskGroup() as tg:
        ts = [tg.create_task(work(i)) for i in range(2)]
    print([t.result() for t in ts], n)
asyncio.run(main())
