def counter(start):
    count = start
    def up(by=1):
        nonlocal count
        count += by
        return count
    def down():
        nonlocal count
        before = count
        count -= 1
        after = count
        return before, after
    def read():
        return count
    return up, down, read

up, down, read = counter(10)
print(up(), up(5), down(), read(), [up() for _ in range(2)])

def make():
    fs = []
    for i in range(3):
        def f(x, i=i):
            return x + i
        fs.append(f)
        fs.append(lambda: i)
    return fs

print([f(1) if f.__code__.co_argcount else f() for f in make()])

def outer():
    x = 1
    def middle():
        def inner():
            nonlocal x
            x *= 2
            return x
        y = inner() + inner()
        return y, x
    first = x
    result = middle()
    return first, result, x

print(outer())
total = 0
def accumulate(values):
    global total
    for v in values:
        total += v
    return total
print(accumulate([1, 2]), total, accumulate([3]), total)
def late():
    def use():
        return z
    z = 1
    a = use()
    z = 2
    b = use()
    return a, b, z
print(late())
