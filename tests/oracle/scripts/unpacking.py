a, b = 1, 2
a, b = b, a
(c, d), [e, *f] = (3, 4), "xyz"
first, *middle, last = range(6)
*start, (p, *q) = [1, 2, (3, 4, 5)]
print(a, b, c, d, e, f, first, middle, last, start, p, q)
x = y = z = [0]
x[0], y = 1, 2
print(x, y, z)
for i, (j, *k) in enumerate([(1, 2, 3), (4,), "ab"]):
    print(i, j, k)
print([*range(3), *"ab"], (*[1], 2), {*[1, 2], 3}, {**{"a": 1}, "b": 2, **{"a": 3}})
class O: pass
o = O()
o.a, o.b = o.c = (5, 6)
lst = [0, 0]
lst[0], lst[1], o.d = "pqr"
print(o.a, o.b, o.c, lst, o.d)
def f(*args, **kw):
    return *args, *kw.values()
print(f(1, 2, z=3), *f(4), sep="-")
[g, h] = {"g": 1, "h": 2}
i = [1, 2, 3]
i[0], i[1:] = 9, [8]
print(g, h, i)
try:
    u, v = 1, 2, 3
except ValueError as error:
    print(error)
