def captures(value):
    x = "outer"
    match value:
        case [x, y] if x > y:
            r = x, y
        case [x, 0]:
            r = x
        case {"k": x, **rest}:
            r = x, rest
        case [*x]:
            r = x
        case int(x) | str(x):
            r = x
        case _:
            r = x
    return x, r

def failed_pattern(value):
    a = "before"
    match value:
        case [a, 1]:
            return a
        case [b, 2] if (a := b):
            return a, b
        case [a, _] if False:
            return "never"
    return a

def in_loop(values):
    n = 0
    for v in values:
        match v:
            case int():
                n = n + v
            case n if n is None:
                n = 0
            case str() as s:
                n = len(s)
        print(n, v)
    return n

class Manager:
    def __init__(self, v):
        self.v = v
    def __enter__(self):
        return self.v
    def __exit__(self, *args):
        return args[0] is not None

def with_names(n):
    a = b = 0
    with Manager(n) as a:
        c = a
        with Manager((n + 1, n + 2)) as (a, b), Manager(a + b) as d:
            e = a, b, d
            a = 99
            raise ValueError
        f = a
        a = a + 1
    return a, b, c, d, e, f

def same_name(f):
    with Manager(f + 1) as f:
        g = f
        with Manager(f * 10) as f:
            h = f
        i = f
    return f, g, h, i

for v in ([3, 2], [1, 0], {"k": 5, "z": 6}, [1, 2, 3], 7, "s", 2.5, None):
    print(captures(v))
print(failed_pattern([5, 1]), failed_pattern([6, 2]), failed_pattern([7, 3]), failed_pattern(8))
print(in_loop([1, 2, "abc", None, 4]), with_names(1), same_name(1))
