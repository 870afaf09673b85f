a, b = 7, 3
print(a + b, a - b, a * b, a / b, a // b, a % b, a ** b, a << b, a >> b, a & b, a | b, a ^ b)
print(-a, +b, ~a, not a, not not b)
print([1] * 3 + [2], "x" * 3, (1,) + (2,))
print(7.5 // 2, -7 // 2, -7 % 3, 2 ** -1, 0.1 + 0.2, 1e308 * 10, -0.0, 1e308 * 10 - 1e308 * 10)
print({1, 2} | {3}, {1, 2} & {2}, {1, 2} ^ {2, 3}, {"a": 1} | {"b": 2})
print(5 and 0 or 7, 0 or "" or [], 1 and 2 and 3, None and 1)
print(1 if a > b else 2, (a if a < b else b) if a else 0)
print(a < b, a <= b, a == b, a != b, a >= b, a > b, a is b, a is not b, a in [7], a not in (7, 8))
print(0 < a < 10, 0 < a > b < 2, 1 < 0 < 1 / 1, a == 7 != b in (3, 4))

class V:
    def __init__(self, n):
        self.n = n
    def __add__(self, other):
        return V(self.n + other.n)
    def __iadd__(self, other):
        self.n += other
        return self
    def __lt__(self, other):
        return self.n < other.n
    def __bool__(self):
        return self.n > 0
    def __matmul__(self, other):
        return self.n * other.n
    def __neg__(self):
        return V(-self.n)
    def __getitem__(self, key):
        return key
    def __contains__(self, item):
        return item == self.n

v, w = V(1), V(2)
print((v + w).n, v < w, v @ w, (-v).n, bool(-v or w), v[1:2], v[1, 2:3, ...], 1 in v)
v += 5
print(v.n, (v and w).n)
