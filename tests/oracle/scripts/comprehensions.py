rows = [[i * j for j in range(3)] for i in range(3)]
print(rows, [x for row in rows for x in row if x % 2 == 0 if x > 0])
print({x: y for x, y in zip("abc", range(3)) if y}, {len(w) for w in ["a", "bb", "cc"]})
print(list(x + y for x in range(2) for y in range(x, 3)))
for k in range(3):
    s = sum(v * k for v in range(k))
    t = [[a + b for a in range(b)] for b in range(k)]
    print(s, t)
print([(a, b) for a, b in {"x": 1, "y": 2}.items()], [a for a, *b in [(1, 2, 3)]])
print([y := 10, y ** 2], [last := n for n in range(3)], last)
print(any(n > 2 for n in range(10)), all(n < 3 for n in range(10)))
print([f for f in (lambda: i for i in range(3))][0](), [g() for g in [lambda i=i: i * i for i in range(3)]])
print({i: [j for j in range(i) if j != 1] for i in range(4)}, [None for _ in ()])
def inside(n):
    return [m * n for m in range(n)], {m for m in range(n) if m}, sum(m for m in range(n) if m % 2)
print([inside(n) for n in range(4)])
nested = [[[a * b * c for a in range(2)] for b in range(2)] for c in range(2)]
print(nested, [x if x else -1 for x in range(3)])
