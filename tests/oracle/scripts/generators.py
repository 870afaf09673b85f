def count(n):
    total = 0
    for i in range(n):
        got = yield i * 10
        total += got if got is not None else 0
    return total

def outer(n):
    result = yield from count(n)
    print("result", result)
    yield result

for v in outer(3):
    print(v)
g = count(3)
print(next(g), g.send(5), g.send(6))
try:
    g.send(7)
except StopIteration as stop:
    print("stopped", stop.value)

def guarded():
    try:
        while True:
            try:
                x = yield
                print("got", x * 2)
            except ValueError as e:
                print("caught", e)
    finally:
        print("closing", 1 + 1)

h = guarded()
next(h)
h.send(1)
h.throw(ValueError("thrown"))
h.send(2)
h.close()
unfinished = count(100)
print(next(unfinished), next(unfinished))
pairs = [(a, b) for a in count(2) for b in count(3)]
print(pairs, sum(count(4)), list(zip(count(3), count(2))))
