import threading
from concurrent.futures import ThreadPoolExecutor

results = {name: [] for name in ("a", "bb", "ccc")}
lock = threading.Lock()

def work(name, n, box):
    total = 0
    for i in range(n):
        total += i * len(name)
    with lock:
        box.append(total)
    return total

threads = [threading.Thread(target=work, args=(name, n, results[name])) for name, n in [("a", 3), ("bb", 4), ("ccc", 5)]]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(results.items()))

class Worker(threading.Thread):
    def __init__(self, k):
        super().__init__()
        self.k = k
    def run(self):
        self.result = [j * self.k for j in range(self.k)]

workers = [Worker(k) for k in range(1, 4)]
[w.start() for w in workers]
[w.join() for w in workers]
print([w.result for w in workers])
with ThreadPoolExecutor(2) as pool:
    squares = list(pool.map(lambda v: v * v, range(5)))
    futures = [pool.submit(work, "z" * m, m, []) for m in range(1, 4)]
    print(squares, [f.result() for f in futures])
one, two = threading.Semaphore(1), threading.Semaphore(0)
order = []
def ping(mine, other, label):
    for turn in range(3):
        mine.acquire()
        order.append((label, turn))
        other.release()
pair = [threading.Thread(target=ping, args=a) for a in ((one, two, "ping"), (two, one, "pong"))]
for t in pair: t.start()
for t in pair: t.join()
print(order)
