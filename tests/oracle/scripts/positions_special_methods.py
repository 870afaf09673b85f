import signal, gc, weakref
def note(v):
    seen = v
    return seen
def handler(number, frame):
    handled = note(number)
    if number == signal.SIGUSR2:
        raise InterruptedError(handled)
signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGUSR2, handler)
for i in range(3):
    before = note(i)
    signal.raise_signal(signal.SIGUSR1)
    after = note(before + 1)
def raising(n):
    a = n
    try:
        b = a + 1
        signal.raise_signal(signal.SIGUSR2)
        c = b + 1
    except InterruptedError as e:
        return a + b, e.args
    return c
print(raising(1), [note(x) for x in range(2)])
class Dies:
    def __init__(self, n): self.n = n
    def __del__(self):
        last = note(self.n)
def scope(n):
    d = Dies(n)
    e = Dies(n + 1)
    del d
    e = None
    f = note(n)
    for k in range(2):
        d = Dies(k)
        note(k)
    return f
print(scope(5))
for obj in (Dies(i) for i in range(3)):
    held = obj.n
del obj
o = Dies(9)
w = weakref.ref(o, lambda r: note("dead"))
o = None
print([Dies(j).n + note(j) for j in range(2)])
Dies(1)
print(note(Dies(2).n))
import functools, operator
class Prop:
    @property
    def p(self): return note(1)
    def __getattr__(self, name): return note(name)
    def __setattr__(self, name, v): note(v)
    def __getitem__(self, k): return note(k)
    def __setitem__(self, k, v): note((k, v))
    def __contains__(self, k): return bool(note(k))
    def __call__(self, *a): return note(len(a))
    def __len__(self): return note(2)
    def __enter__(self): return note(3)
    def __exit__(self, *a): return note(True)
    def __add__(self, o): return note(o)
    def __iadd__(self, o): note(o); return self
    def __lt__(self, o): return note(False)
    def __format__(self, spec): return note(spec)
    def __index__(self): return note(1)
    def __delattr__(self, n): note(n)
p = Prop()
def uses(p):
    for i in range(2):
        p.x = p.p + i; p[i] = p.y; p[i] += 1; p += i
        p += 1
        with p as q:
            for _ in range(2):
                if i: break
            1 / 0
        z = f"{p:>{i}}", [1, 2][p], 3 in p, len(p), p < 1 < 2, not p
        del p.z
        if p and p(): note(q)
        while p < 1: pass
    return z
print(uses(p), functools.reduce(lambda a, b: note(a + b), [1, 2, 3]), sorted([2, 1], key=lambda v: note(-v)))
print(list(map(operator.attrgetter("p"), [p, p])))
