import functools

def trace(label="x", *, times=1):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            result = None
            for _ in range(times):
                result = function(*args, **kwargs)
            return label, result
        return wrapper
    return decorate

base = 5

@trace("a", times=2)
@trace(times=1 + 1)
def area(width, height=base * 2, *, scale=[1]):
    scale.append(width)
    return width * height * len(scale)

print(area(1), area(2, 3))

@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

print(fib(10), fib.cache_info().hits)

class Registry:
    items = {}
    @classmethod
    def register(cls, name):
        def inner(function):
            cls.items[name] = function
            return function
        return inner

for name in ("one", "two"):
    @Registry.register(name)
    def handler(n, name=name):
        return name * n

print({k: f(2) for k, f in Registry.items.items()})

@(lambda cls: cls)
class C(Registry, object):
    limit: int = base

print(C.limit, (lambda a=base, *b, c=base + 1, **d: (a, b, c, d))())
def posonly(a, b=2, /, c=3, *, d=4):
    return a, b, c, d
print(posonly(1), posonly(1, 5, c=6, d=7))
