def g(n=0):
    v = n + 1
    return v

for t in range(2):
    try:
        (lambda: 1 / 0)()
    except ZeroDivisionError:
        g()
    try:
        list(map(lambda q: 1 / q, [1, 0]))
    except ZeroDivisionError:
        g(t)
    try:
        [1 / q for q in (1, 0)]
    except ZeroDivisionError:
        g()
    else:
        g(5)
    try:
        sum(1 / q for q in (1, 0))
    except ZeroDivisionError:
        g()
    finally:
        g()
    g()

def fails(n):
    for i in range(n):
        for j in range(n):
            if i + j == 2:
                raise KeyError(i)

def caller():
    for k in range(2):
        try:
            fails(k + 2)
        except KeyError:
            g()
        g()
    try:
        while True:
            g()
            fails(3)
    except KeyError:
        g()
    g()

caller()

def generator_fails(n):
    for i in range(n):
        yield i
        if i == 1:
            raise ValueError

for t in range(2):
    try:
        for v in generator_fails(3):
            g()
    except ValueError:
        g()
    try:
        max(generator_fails(3), key=lambda z: z)
    except ValueError:
        g()
    try:
        next(x for x in generator_fails(3) if x > 5)
    except ValueError:
        g()
    try:
        sorted([2, 1], key=lambda z: fails(3))
    except KeyError:
        g()
def reraises():
    try:
        for i in range(3):
            try:
                fails(3)
            finally:
                g()
    except KeyError:
        try:
            raise
        except KeyError:
            g()
    g()
reraises()
def nested_handlers():
    for i in range(2):
        try:
            for j in range(2):
                try:
                    [fails(3) for _ in range(2)]
                except KeyError:
                    g()
                    if j:
                        raise ValueError
                    continue
                finally:
                    g()
        except ValueError:
            g()
            break
    else:
        g()
    g()
nested_handlers()
class Stop:
    def __init__(self):
        self.n = 0
    def __iter__(self):
        return self
    def __next__(self):
        self.n += 1
        if self.n == 3:
            raise RuntimeError
        return self.n
for t in range(2):
    try:
        for s in Stop():
            for u in range(2):
                pass
    except RuntimeError:
        g()
try:
    assert (lambda: 0)(), g()
except AssertionError:
    g()
