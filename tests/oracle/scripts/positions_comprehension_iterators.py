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

print([touch(a) for a in Steps(3)], {b for b in Steps(2)}, {c: touch(c) for c in Steps(2)})
print([d for d in Steps(4) if touch(d) % 3])
for e in range(2):
    print([f for f in Steps(e + 1)], touch(e))
try:
    [1 / (2 - g) for g in Steps(3)]
except ZeroDivisionError:
    print(touch(0))
