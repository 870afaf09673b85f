def note(v):
    seen = v
    return seen
def parse(s):
    return int(s)
def loop(items):
    total, bad = 0, []
    for s in items:
        try:
            n = parse(s)
            total = total + n / (n - 1)
        except ValueError:
            bad.append(s)
            continue
        except ZeroDivisionError as e:
            bad.append((s, n, str(e)))
        else:
            total += n
        finally:
            note(total)
    return total, bad
print(loop(["3", "x", "1", "7"]))
def undefined(x):
    a = x
    try:
        return later(a, x + 1)
    except NameError:
        a = a + 1
    return a + x
print(undefined(1))
def later(p, q):
    return p + q
print(undefined(2))
def attribute(o, k):
    m = k
    try:
        return o.missing(m, k, [m])
    except AttributeError:
        return m + 1, k
print(attribute(3, 4))
def subscripts(d, k):
    key = k
    try:
        d[key][k] = d[k][key] + key
    except (KeyError, TypeError) as e:
        d[key] = {k: key}
    d[key][k] += key
    return d, key
print(subscripts({}, 1), subscripts({2: {2: 3}}, 2))
def displays(a, b):
    u, v = a, b
    try:
        return {u: v, v: u, "n": [u, v, {u, v}]}, {**{}, u: 1}
    except TypeError:
        return [u, v, (u, v)]
print(displays(1, 2), displays(1, []))
def chained(a, b, c):
    x, y, z = a, b, c
    try:
        return x < y < z, x == y == z, x < y and y < z or z
    except TypeError:
        return z
print(chained(1, 2, 3), chained(3, 2, 1), chained(1, "a", 2))
def fstr(a, w):
    v, u = a, w
    try:
        return f"{v:{u}} and {u} {v!r}"
    except ValueError:
        return f"{v}{u}"
print(fstr(1, 5), fstr("a", "d"))
def nested(n):
    k = n
    try:
        try:
            k = k + 1
            return note(k) / (k - k)
        finally:
            k = k + 1
            note(k)
    except ZeroDivisionError:
        try:
            raise KeyError(k)
        except KeyError as e:
            k = k + len(e.args)
    return k + n
print(nested(1))
def group(n):
    k = n
    try:
        raise ExceptionGroup("g", [ValueError(k), TypeError(k + 1)])
    except* ValueError as e:
        k = k + len(e.exceptions)
    except* TypeError as e:
        k = k + 10
    return k + n
print(group(1))
def starred(*a, **k):
    n = len(a)
    try:
        return note(*a, **k), n
    except TypeError:
        return n, [*a, n], {**k, "n": n}
print(starred(1), starred(1, 2), starred(x=1))
def stopping(n):
    for i in range(n):
        m = i
        if m == 2:
            raise StopIteration(m)
        yield m + n
try:
    list(stopping(4))
except RuntimeError as e:
    print(type(e.__cause__).__name__)
def deep(n):
    if n == 0:
        return 1 / n
    m = n
    try:
        return deep(m - 1) + m
    except ZeroDivisionError:
        if n < 3:
            raise
        return m + n
print(deep(4))
def conditional(a, b):
    c, d = a, b
    e = c / d if d else c
    f = (c or d) + 1
    g = c and d and c / d
    assert c >= 0, f"{c} {d}"
    return e + f + (g or 0), c - d
for pair in [(1, 0), (0, 0), (4, 2), (-1, 2)]:
    try:
        print(conditional(*pair))
    except AssertionError as e:
        print(e)
def imports(n):
    k = n
    try:
        import nothing_like_that as x, json as y
    except ImportError:
        k = k + 1
    from math import floor, ceil as up
    return floor(k + 0.5) + up(k) + n
print(imports(1))
def unpacking(v):
    a = b = 0
    try:
        a, (b, c) = v
        b = b + c
    except (TypeError, ValueError):
        c = a + b
    return a, b, c
print(unpacking((1, (2, 3))), unpacking((1, 2)), unpacking(5))
def await_like(n):
    it = iter([n])
    x = n
    try:
        while True:
            x = x + next(it)
    except StopIteration:
        return x + n
print(await_like(2))
