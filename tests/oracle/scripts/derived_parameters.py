def mutable(items, n, *args, key=None, **options):
    n = n + 1
    args = args or (n,)
    key = key or str(n)
    options = {**options, "n": n}
    items = items + [n]
    m = n, args, key
    return items, m, options

def recursive(n, acc=()):
    here = n
    if n > 0:
        result = recursive(n - 1, acc + (n,))
        n = n * 100
        return result + (here, n)
    acc = acc + ("end",)
    return acc

def mutual(n, depth=0):
    if n == 0:
        return depth
    n = n - 1
    return other(n, depth + 1) + n

def other(n, depth):
    depth = depth * 2
    return mutual(n, depth) if n else depth

def default(a, b=[]):
    b.append(a)
    a = len(b)
    b = list(b)
    b.append("copy")
    return a, b

def evaluation_order(x):
    return x, (x := x + 1), x + (x := x * 2) + x, f(x, (x := 0), x), x

def f(a, b, c):
    a, c = c, a
    return a, b, c

def augmented(x, y):
    x += y
    z = x
    x *= x
    y -= x
    x = y
    x //= 2
    return x, y, z

def in_place(t, l):
    t += (1,)
    before = t
    l += [1]
    alias = l
    l += [2]
    t += (2,)
    return t, before, l, alias

def stars(*a, **k):
    b = a
    *a, last = a
    c, *d = a
    a, d = d, a
    return a, b, c, d, last

print(mutable([], 1), mutable([0], 2, 3, key="k", z=4), recursive(3), mutual(3), mutual(4))
print(default(1), default(2), evaluation_order(2), augmented(2, 3), in_place((0,), [0]), stars(1, 2, 3))
class A:
    def __init__(self, v):
        v = v + 1
        self.v = v
        v = self.v * 2
        self.w = v
    def method(self, other):
        self, other = other, self
        return self.v, other.w
print(A(1).method(A(5)))
big = 2 ** 100
def big_values(b, s, n, c):
    b2 = b
    b = b + 1
    s = s * 3
    s2 = s
    n2 = n
    n = n + 1 if n is not None else None
    c = c * 2
    return b, b2, s, s2, n, n2, c
print(big_values(big, "long text " * 3, None, 1 + 2j), big_values(-1, "", 0.5, float("nan")))
class Count(int):
    def __add__(self, o):
        return Count(int(self) + o)
def subclass(c):
    d = c
    c = c + 1
    e = c, d
    c += 1
    return c, d, e
print(subclass(Count(1)), subclass(True))
