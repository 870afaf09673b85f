from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: int = 0

def describe(value):
    match value:
        case 0 | 1:
            return "small"
        case int(n) if n > 100:
            return f"big {n}"
        case int() as whole:
            return whole + 1
        case [a, b]:
            return a + b
        case [first, *rest] if len(rest) > 1:
            return first, rest
        case {"kind": "x", **others}:
            return others
        case {"k": [Point(x=px), *_]}:
            return px
        case Point(x=0, y=py):
            return py
        case Point(px, py):
            return px * py
        case str(text) if (length := len(text)) > 2:
            return length
        case None | True:
            return value
        case _:
            return "other"

for v in (0, 500, 7, [1, 2], [1, 2, 3], {"kind": "x", "a": 1}, {"k": [Point(4), 5]}, Point(0, 3), Point(2, 3), "abc", "a", None, True, 2.5):
    print(describe(v))
for command in ("go north", "stop", "go"):
    match command.split():
        case ["go", direction]:
            moved = direction
        case ["stop"]:
            moved = None
        case [other]:
            moved = other
    print(moved)
    match (len(command), command[0]):
        case (n, "g") if n > 2:
            print(n)
        case (n, _):
            print(-n)
for n in range(3):
    match n:
        case 1:
            n = 50
        case k:
            n = k - 1
    print(n)
