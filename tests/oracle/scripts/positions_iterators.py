class Steps:
    def __init__(self, n):
        self.n = n
        self.at = 0
    def __iter__(self):
        return self
    def __next__(self):
        self.at += 1
        if self.at > self.n:
            raise StopIteration
        return self.at

def touch(n):
    return n * 2

for a in Steps(2):
    for b in Steps(a):
        touch(b)
    for c in Steps(1):
        if c:
            continue
    touch(a)
else:
    touch(0)
x, *y = Steps(3)
print(x, y, [*Steps(2)], max(Steps(3)), list(zip(Steps(2), Steps(3))), dict.fromkeys(Steps(2)), 2 in Steps(3), sum(Steps(4)))
it = Steps(5)
while (z := next(it)) < 4:
    touch(z)
for d in Steps(3):
    if d == 2:
        break
    touch(d)
for e in map(touch, Steps(2)):
    touch(e)
for f, g in enumerate(filter(lambda s: s > 1, Steps(3))):
    touch(f + g)
class Nested:
    def __iter__(self):
        for h in Steps(2):
            yield touch(h)
for i in Nested():
    for j in Nested():
        touch(i * j)
def early():
    for k in Steps(5):
        for m in Steps(k):
            if m == 2:
                return touch(k)
print(early(), list(Nested()))
while True:
    for n in Steps(2):
        touch(n)
    break
print([touch(o) for o in range(2)], {touch(p): touch(p + 1) for p in range(2)}, list(touch(q) for q in range(2)))
print([r + touch(s) for r in range(2) for s in range(r + 1)])
