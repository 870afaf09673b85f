import asyncio

async def step(n):
    await asyncio.sleep(0)
    return n * 2

async def job(name, count):
    total = 0
    for i in range(count):
        value = await step(i)
        total += value
    return name, total

class Manager:
    def __init__(self, n):
        self.n = n
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self.n
    async def __aexit__(self, *exc):
        await asyncio.sleep(0)
        return exc[0] is ValueError

async def agen(n):
    for i in range(n):
        await asyncio.sleep(0)
        got = yield i
        if got:
            print("got", got)

async def main():
    for epoch in range(2):
        results = await asyncio.gather(job("a", 2 + epoch), job("b", 3))
        print(results)
    tasks = [asyncio.create_task(job(str(k), k)) for k in range(3)]
    for t in tasks:
        print(await t)
    async with Manager(3) as m, Manager(4) as k:
        print(m + k)
        if m:
            raise ValueError("suppressed")
    async for x in agen(3):
        print(x, await step(x))
    print([y async for y in agen(3) if y], {z: await step(z) async for z in agen(2)})
    print([await step(q) for q in range(3)])
    a = agen(2)
    print(await a.asend(None), await a.asend("hello"))
    await a.aclose()
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.001)
    except TimeoutError as error:
        print("timeout", type(error).__name__)
    return epoch

print(asyncio.run(main()))
