import contextlib
import io

class Manager:
    def __init__(self, name, suppress=False):
        self.name, self.suppress = name, suppress
    def __enter__(self):
        return self.name.upper()
    def __exit__(self, kind, value, traceback):
        left = kind is None
        return self.suppress

for i in range(2):
    with Manager(f"m{i}") as a, Manager("n") as (b):
        print(a + b)
with Manager("x") as (c), io.StringIO("text") as file:
    for line in file:
        print(line, c)
with Manager("quiet", suppress=True) as q:
    for k in range(3):
        print(k)
    print(1 / (2 - k))
print("after", q)

@contextlib.contextmanager
def managed(n):
    value = n * 2
    try:
        yield value
    finally:
        print("left", value)

for n in range(2):
    with managed(n) as m, contextlib.suppress(KeyError):
        for z in (1, 2):
            if z == 2:
                {}[m]
        print("never")
class Box: pass
box = Box()
with managed(5) as box.value:
    print(box.value)
for box.item in [1, 2]:
    print(box.item)
with contextlib.ExitStack() as stack:
    opened = [stack.enter_context(managed(w)) for w in range(2)]
    print(opened)
def early(n):
    with managed(n) as v:
        for i in range(5):
            with managed(i) as inner:
                if i == n:
                    return v + inner
print(early(1))
for x, y in zip([1, 2], reversed([3, 4])):
    for x2 in [x] * y:
        pass
    print(x2)
else:
    print("else", x)
