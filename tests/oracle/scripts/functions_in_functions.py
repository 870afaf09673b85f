# functions in functions, recursion, decorators, class bodies, lambdas in loops
import functools
def deco(times):
    def wrap(f):
        @functools.wraps(f)
        def inner(*a, **k):
            out = None
            for i in range(times):
                out = f(*a, **k)
            return out
        return inner
    return wrap
@deco(2)
def area(w, h=2):
    s = w * h
    return s + w
print([area(i) for i in range(2)], area(1, h=3))
def outer(n):
    base = n
    def middle(m):
        local = m + base
        def inner(k):
            nonlocal local
            local = local + k
            return local + base + m
        got = [inner(i) for i in range(2)]
        return got, local + m
    fs = [lambda x, i=i: x + i + base for i in range(3)]
    return [middle(j) for j in range(2)], [f(1) for f in fs], (lambda: base + n)()
print(outer(1), outer(2))
def fib(n):
    a = n
    if a < 2:
        return a
    b = fib(a - 1)
    c = fib(a - 2)
    return b + c + (a - a)
print(fib(5))
def mutual(n):
    m = n
    return other(m - 1) + m if m else 0
def other(n):
    m = n
    return mutual(m - 1) + m if m else 0
print(mutual(4))
def makes(n):
    k = n
    class Local:
        v = k + 1
        for i in range(2):
            v = v + i
        w = [n + j for j in range(2)]
        def m(self, q=k):
            p = q + self.v
            return p + k
    return Local().m() + k
print([makes(i) for i in range(2)])
class Meta(type):
    def __new__(mcs, name, bases, ns, **kw):
        count = len(kw)
        return super().__new__(mcs, name, bases, ns)
    @classmethod
    def __prepare__(mcs, name, bases, **kw):
        space = dict(kw)
        return space
class WithMeta(metaclass=Meta, extra=1):
    def f(self):
        return __class__.__name__, super().__str__.__name__
class Desc:
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, o, t=None):
        got = self.name * 2
        return got
class Base:
    def __init_subclass__(cls, **kw):
        kept = sorted(kw)
        super().__init_subclass__()
class Child(Base, a=1, b=2):
    d = Desc()
    def __init__(self):
        self.x = 1
        super().__init__()
    @property
    def twice(self):
        return self.x * 2
    @staticmethod
    def s(n):
        m = n
        return m + 1
    @classmethod
    def c(cls, n):
        m = n
        return cls.s(m) + n
print(WithMeta().f()[0], Child().d, Child().twice, Child.c(1))
def defaults(a, b=[], *c, d=1, **e):
    b.append(a)
    f = d + a
    return len(b), c, f, e
print(defaults(1), defaults(2, d=5, z=3), defaults(3, [0], 9))
compose = lambda *fs: functools.reduce(lambda f, g: lambda x: f(g(x)), fs)
print(compose(lambda x: x + 1, lambda x: x * 2)(3))
def positional(a, /, b, *, c):
    t = a
    t = t + b
    t = t + c
    return t
print(positional(1, b=2, c=3))
def looped(n):
    fs = []
    for i in range(n):
        def f(x, i=i):
            y = x
            for j in range(i):
                y = y + j
            return y + i
        fs.append(f)
    return [f(1) for f in fs]
print(looped(3))
def with_globals():
    global made, counter
    made = 1
    for counter in range(3):
        made += counter
    return made + counter
print(with_globals(), made)
@lambda f: f
def decorated(x): return x
print(decorated(1), (lambda: (yield))().__class__.__name__)
