def partly(n):
    x = "start"
    try:
        x = "try"
        y = 10 // n
        x = "divided"
    except ZeroDivisionError as error:
        seen = x
        x = "except " + str(error)
    else:
        seen = x
        x = "else"
    finally:
        final = x
        x = x + "!"
    return x, seen, final

def binding_raises(value):
    a = 1
    try:
        a = int(value)
    except ValueError:
        b = a
    else:
        b = a * 2
    return a, b

def except_name():
    e = "outer"
    try:
        raise KeyError(1)
    except KeyError as e:
        inner = e.args[0]
    try:
        return e
    except UnboundLocalError:
        e = "gone"
    return e, inner

def unpack_raises():
    a = b = 0
    try:
        a, b = 1, 2, 3
    except ValueError:
        c = a, b
    try:
        a, (b, d) = 5, (6,)
    except ValueError:
        c = c + (a, b)
    try:
        (a, b) = [a + 1, b + 1 / 0]
    except ZeroDivisionError:
        pass
    return a, b, c

class Suppress:
    def __enter__(self):
        return 7
    def __exit__(self, *args):
        return True

def suppressed(n):
    x = 1
    with Suppress() as s:
        x = 2
        s = s + 1
        n = 1 / n
        x = 3
    t = x
    return x, s, n, t

def finally_overrides(n):
    for i in range(3):
        try:
            v = i
            if i == n:
                return v
            v = v + 100
        finally:
            w = v
            v = -v
            if i == 1:
                v = 0
                break
    return v, w

def in_expression(d, k):
    r = None
    try:
        r = d[(k := k + 1)] + d[(k := k + 1)]
    except KeyError:
        r = k
    return k, r

def nested(n):
    x = 0
    try:
        try:
            x = 1
            n()
        finally:
            x = x + 1
            y = x
    except TypeError:
        x = x + 10
    return x, y

def loop_raises(values):
    good = None
    for v in values:
        try:
            good = 1 / v
        except ZeroDivisionError:
            print(good, v)
            continue
        finally:
            last = good
    return good, last, v

print(partly(0), partly(2), binding_raises("x"), binding_raises("5"), except_name(), unpack_raises())
print(suppressed(0), suppressed(4), finally_overrides(0), finally_overrides(1), finally_overrides(5))
print(in_expression({1: 1}, 0), in_expression({1: 1, 2: 2}, 0), in_expression({}, 5), nested(None), nested(int), loop_raises([1, 0, 2, 0]))
