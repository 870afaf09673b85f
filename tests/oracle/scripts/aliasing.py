a = [1, 2]
b = a
b.append(3)
c = a[:]
a.append(4)
print(a, b, c, a is b)
def extend(items, extra=[]):
    extra.append(len(items))
    items += extra
    return extra
print(extend(a), extend(b), a)
grid = [[0] * 2] * 2
grid[0][0] = 1
print(grid)
d = {"x": a}
d["x"].clear()
print(a, b, d)
e = a
a = a + [5]
print(e, a)
def mutate(state):
    for k in range(3):
        state["n"] = k
        state.setdefault("seen", []).append(state["n"])
        snapshot = dict(state)
    return state, snapshot
print(mutate({}))
x = y = 1
x += 1
print(x, y)
s = {1}
t = s
s.add(2)
s = s | {3}
print(s, t)
class Box:
    items = []
p, q = Box(), Box()
p.items.append(1)
q.items += [2]
print(p.items, q.items, Box.items)
ba = bytearray(b"ab")
bb = ba
ba[0] = 120
ba += b"c"
print(bb, bytes(ba))
pair = ([],)
try:
    pair[0] += [1]
except TypeError:
    print(pair)
