# what runs between two iterations: nested comprehensions, generator expressions, lazy iterators, other protocols
def note(v):
    seen = v * 2
    return seen
class Steps:
    def __init__(self, n):
        self.n, self.at = n, 0
    def __iter__(self):
        started = self.n
        return self
    def __next__(self):
        self.at += 1
        if self.at > self.n:
            raise StopIteration
        return self.at
class Items:
    def __getitem__(self, i):
        if i == 3:
            raise IndexError
        return note(i)
class Making:
    def __iter__(self):
        yield note(1)
        yield note(2)
class Hashed:
    def __init__(self, n):
        self.n = n
    def __hash__(self):
        h = self.n % 2
        return h
    def __eq__(self, other):
        same = self.n == other.n
        return same
    def __bool__(self):
        full = self.n > 1
        return full
print([note(a + b) for a in Steps(3) for b in Steps(a) if note(b) % 4])
print({a: b for a in Steps(2) for b in Items()})
print([[note(x) for x in Steps(y)] for y in Steps(3)])
print(len({Hashed(i) for i in range(5)}), len({Hashed(i): i for i in Steps(4)}))
print([h.n for h in map(Hashed, Steps(4)) if h])
print(sum(note(v) for v in Steps(3)), list(note(v) for v in Items()), max((note(v) for v in Making()), default=0))
print([m for m in Making()], [*Making()], list(Making()))
print([note(z) for z in map(note, Steps(2))], [note(z) for z in filter(note, Items())])
print([(i, note(v)) for i, v in enumerate(Steps(2))], [p for p in zip(Steps(2), Items())])
print([x for x in iter(lambda s=Steps(9): next(s), 4)])
def within(n):
    inner = [note(i) for i in Steps(n)]
    lazy = (note(i) for i in Steps(n))
    first = next(lazy)
    for j in Steps(n):
        rest = [k for k in Steps(j) if k != j]
    return inner, first, rest, list(lazy)
print([within(q) for q in Steps(3)])
f = lambda n: [note(i) for i in Steps(n)] + [note(0)]
print(f(2), [f(i) for i in range(2)])
def gen(n):
    yield [note(i) for i in Steps(n)]
    for v in (note(i) for i in Steps(n)):
        yield v
print(list(gen(2)), [g for g in gen(1)])
def breaks():
    for a in Steps(5):
        if [b for b in Steps(a)] == [1, 2, 3]:
            break
        if any(note(c) > 3 for c in Steps(a)):
            continue
        note(a)
    return a
print(breaks())
try:
    [note(x) for x in 5]
except TypeError as e:
    print(e, note(1))
class Bad:
    def __iter__(self):
        raise KeyError("iter")
try:
    [x for x in Bad()]
except KeyError as e:
    print(e)
def unpack(a, *rest):
    return note(a), rest
for i, (j, *k) in enumerate(zip(Steps(2), Items(), Steps(2))):
    print(unpack(*Steps(3)), [*map(note, k)], i, j)
class Set:
    x = [note(i) for i in Steps(2)]
    y = {note(i) for i in x}
    def m(self):
        return [note(i) for i in Steps(1)]
print(Set.x, Set.y, Set().m())
