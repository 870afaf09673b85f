def raising(a, b):
    x = a
    try:
        y = x + b[x] + x
    except (KeyError, TypeError) as e:
        y = x, type(e).__name__
    return x, y

def chain(n):
    a = n
    try:
        return a / (a - 1) / (a - 2) + a
    except ZeroDivisionError:
        a = -a
    return a

def call_raises(v):
    w = v
    try:
        return [w, v, int(w), w, v]
    except ValueError:
        return w, v

def unbound(n):
    if n:
        u = n
    try:
        return u + n
    except UnboundLocalError:
        return "unbound", n

def compare(a, b):
    try:
        return a < b < a + 1, a, b
    except TypeError:
        return b, a

def in_loop(values):
    out = []
    total = 0
    for v in values:
        try:
            total = total + 1 / v
            out.append((v, total))
        except ZeroDivisionError:
            out.append((v, total, v))
            total = 0
    return out, total

def lookups(o, name):
    m = name
    try:
        r = o.attribute(m, name)
    except AttributeError:
        r = m, name
        m = None
    return r, m

def conditional(a, b):
    return a if b else b, (a and b) or a, not a, a if a else b

def asserted(n):
    m = n * 2
    try:
        assert m > 2, m
        return m
    except AssertionError as e:
        return e.args, m

print(raising(1, {1: 2}), raising(1, {}), raising("a", {"a": 1}), [chain(n) for n in range(5)], call_raises("5"), call_raises("z"))
print(unbound(0), unbound(1), compare(1, 2), compare(1, "b"), in_loop([1, 0, 2]), lookups(1, "n"), conditional(0, 1), conditional(2, 0))
print(asserted(0), asserted(5))
class Weird:
    def __init__(self, n):
        self.n = n
    def __eq__(self, other):
        n = self.n
        self.n = n + 1
        return n > 1
    def __hash__(self):
        return 1
    def __bool__(self):
        self.n += 10
        return self.n % 2 == 0
def weird(w):
    a = w
    b = a == w, a != w, bool(a), a in [w], w in [1]
    return a.n, b
print(weird(Weird(0)))
