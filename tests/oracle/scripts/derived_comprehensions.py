def walrus_inside(n):
    last = "none"
    before = last
    squares = [(last := i * i) for i in range(n)]
    after = last
    evens = [last for i in range(n) if (last := i) % 2 == 0]
    return before, after, squares, evens, last

def same_names(x):
    y = [x for x in range(3)]
    z = x
    w = {x: x for x in y}
    v = sum(x for x in y)
    return x, y, z, w, v

def nested(k):
    rows = [[k + i for i in range(2)] for k in range(2)]
    return rows, k, [(k := k + 1) for _ in range(2)], k

def conditions(n):
    return [m for i in range(n) if (m := i * 2) > 2 if m < 9], m, [(m, m := m + 1, m) for _ in "ab"], m

def lambdas(n):
    f = lambda n: (n, (n := n + 1), n)
    g = [lambda: n for n in range(3)]
    return f(1), n, [h() for h in g], n

def iterables(a):
    b = [a for a in [a, a + 1]]
    c = [(a, b) for a in b for b in [a] * 2]
    return a, b, c

def generator(n):
    g = ((n, k) for k in range(n))
    n = 50
    return list(g), n

def any_all(values):
    if any((hit := v) > 2 for v in values):
        return hit
    return hit, "none"

print(walrus_inside(4), same_names(9), nested(5), conditions(6), lambdas(4))
print(iterables(3), generator(2), any_all([1, 3, 5]), any_all([0, 1]))
x = [x for x in range(2)]
print(x, [x for _ in "a"], [y := x, y])
class C:
    n = 3
    items = [n for n in range(n)]
    m = n
    later = [i * 2 for i in items]
print(C.n, C.items, C.m, C.later)
