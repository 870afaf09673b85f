import asyncio

async def worker(queue, out):
    while True:
        item = await queue.get()
        try:
            if item is None:
                break
            out.append(item * 2)
        finally:
            queue.task_done()
    return len(out)

async def forever(log):
    try:
        n = 0
        while True:
            n += 1
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    finally:
        log.append(n > 0)

async def failing(k):
    await asyncio.sleep(0)
    if k == 1:
        raise KeyError(k)
    return k

async def main():
    queue, out, log = asyncio.Queue(), [], []
    consumers = [asyncio.ensure_future(worker(queue, out)) for _ in range(2)]
    for i in range(4):
        await queue.put(i)
    for _ in consumers:
        await queue.put(None)
    print(sorted(await asyncio.gather(*consumers)), sorted(out))
    task = asyncio.create_task(forever(log))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print(log)
    done = await asyncio.gather(*(failing(k) for k in range(3)), return_exceptions=True)
    print([d if isinstance(d, int) else repr(d) for d in done])
    try:
        async with asyncio.TaskGroup() as group:
            first = group.create_task(failing(0))
            group.create_task(failing(1))
    except* KeyError as errors:
        print([e.args for e in errors.exceptions], first.result())

asyncio.run(main())
