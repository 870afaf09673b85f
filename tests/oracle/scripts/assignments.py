x: int = 3
y: "list[int]" = [x]
z: float
(w): str = "w"
class P:
    a: int = 1
    b: int
p = P()
p.a: int = 5
y[0]: int = 7
print(x, y, w, p.a)
a = b = c = {}
a["k"] = b["m"] = c["n"] = 1
print(a)
n = 10
n += 5; n -= 3; n *= 2; n //= 5; n **= 2; n %= 7; n <<= 3; n |= 1; n &= 0xF; n ^= 2; n >>= 1
print(n)
lst = alias = [1]
lst += [2]
lst *= 2
alias.append(3)
lst = lst + [4]
print(lst, alias)
d = {"a": 1}
d |= {"b": 2}
d["a"] += 1
d.setdefault("c", []).append(1)
d["c"] += [2]
s = {1}
s |= {2}
s -= {1}
t = (1,)
t += (2,)
text = "a"
text += "b" * 2
f = 1
f /= 4
print(d, s, t, text, f)
def local():
    v = 1
    v += v
    q = r = v
    q -= 1
    return v, q, r
print(local())
global_name = 0
def change():
    global global_name
    for i in range(3):
        global_name += i
    return global_name
print(change(), global_name)
