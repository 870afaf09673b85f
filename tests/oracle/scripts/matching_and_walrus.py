from dataclasses import dataclass
@dataclass
class Point:
    x: int
    y: int = 0
class Odd:
    __match_args__ = ("a", "b")
    @property
    def a(self): return len(self.__match_args__)
    @property
    def b(self):
        raise AttributeError("b")
    def __eq__(self, o):
        return o == 3
def shapes(v, n):
    k = n
    match v:
        case Point(x=0, y=y):
            r = y + k
        case Point(x, y) if (s := x + y) > k:
            k = s
            r = s + k
        case Odd(a, b):
            r = a, b
        case Odd(a) if a > k:
            r = a
        case 3 | Odd():
            r = k
        case (Point() as p, *others) if others:
            r = p, len(others) + k
        case [[a, b], {"k": [c, *_], **rest}]:
            r = a + b + c + k, rest
        case {"x": x, "y": Point(y=y)} | {"y": Point(y=y), "z": x}:
            r = x + y + k
        case str(text) | bytes(text):
            r = text * k
        case -1 | 2.5 | None | True:
            r = "literal", k
        case _:
            r = k
    return r, k
for i, v in enumerate([Point(0, 2), Point(5, 5), Point(1), Odd(), 3, [Point(1), 2], [[1, 2], {"k": [3, 4], "m": 5}], {"x": 1, "y": Point(1, 2)}, {"y": Point(1), "z": 4}, "ab", b"c", -1, 2.5, None, object]):
    print(shapes(v, i % 3)[1])
def nested(v):
    out = []
    for item in v:
        match item:
            case [*inner]:
                for j in inner:
                    match j:
                        case int(n) if n:
                            out.append(n)
                        case _:
                            break
                else:
                    continue
                out.append("broke")
            case {"stop": True}:
                break
            case _ if (m := len(out)) > 2:
                out.append(m)
    return out
print(nested([[1, 2], [3, 0, 4], 5, {"stop": True}, 6]))
def walruses(xs):
    if any((last := x) > 2 for x in xs):
        found = last
    else:
        found = None
    while (n := len(xs)) > 1:
        xs = xs[1:]
        m = n + len(xs)
    d = {(k := i): (v := k * 2) for i in range(2)}
    f = lambda q: (w := q + 1) * w
    return found, n, m, d, k, v, f(2), [y := 1, y ** 2], (z := 5) + z
print(walruses([1, 2, 3]), walruses([0, 1]))
print(f"{(a := 3)!r:>{(b := 5)}} {a + b}", [a := a + i for i in range(3)], a)
def conditionals(a, b):
    x = a if a > b else (y := b)
    y = x if x else a
    z = (x := y + 1) if y else (x := 0)
    return x and y or z, not x, x if not y else z
print(conditionals(1, 2), conditionals(3, 0), conditionals(0, 0))
def comparisons(a, b):
    c = a < (d := b) < a + b
    e = a in (d, b) and b not in [a]
    return c, d, e, a is not None is not b
print(comparisons(1, 2), comparisons(2, 1))
