def worker(name, steps):
    state = 0
    for step in range(steps):
        state += step
        reply = yield name, state
        if reply:
            state = reply

def helper(x):
    y = x + 1
    return y

workers = [worker("a", 3), worker("b", 4)]
for turn in range(5):
    for w in list(workers):
        try:
            out = next(w) if turn != 2 else w.send(100)
            print(turn, out, helper(out[1]))
        except StopIteration:
            workers.remove(w)
            print("done", helper(turn))

def recursive(depth):
    yield depth
    if depth:
        yield from recursive(depth - 1)
        yield helper(depth)

print(list(recursive(3)))

def produce():
    for k in range(2):
        yield (lambda n: n * k)

for f in produce():
    print(f(5))

class Tree:
    def __init__(self, *children):
        self.children = children
    def __iter__(self):
        yield self
        for child in self.children:
            yield from child

t = Tree(Tree(), Tree(Tree()))
print(len(list(t)), [len(n.children) for n in t])
made = (helper(i) for i in range(3))
print(next(made), helper(50), next(made))
del made
gen = recursive(2)
for first in gen:
    break
for second in gen:
    print(first, second)
