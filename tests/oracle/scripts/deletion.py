a = 1
del a
a = "again"
print(a)
d = {"x": 1, "y": 2}
key = "x"
del d[key]
print(d)
class C: pass
c = C()
c.v = 1
c.w = 2
del c.v
print(vars(c))
items = list(range(6))
del items[1], items[-1], items[1:3]
print(items)
def f(x):
    y = x + 1
    del x
    try:
        x
    except UnboundLocalError:
        x = y * 2
    del y
    y = x
    return x, y
print(f(1))
for i in range(3):
    if i == 1:
        del j
    j = i * 2
    print(j)
del i
try:
    i
except NameError as error:
    print("gone")
(p, q), r = (1, 2), 3
del (p, [q]), r
print("p" in globals())
class Noisy:
    def __init__(self, n):
        self.n = n
    def __del__(self):
        gone.append(self.n * 2)
gone = []
n1 = Noisy(1)
n1 = Noisy(2)
del n1
[Noisy(3) for _ in range(2)]
Noisy(4).n
print(gone)
