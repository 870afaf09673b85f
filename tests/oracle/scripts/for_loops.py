for i in range(3):
    for j in range(i):
        if j == 1:
            break
        a = i, j
    else:
        b = i
        continue
    c = i + j
print(a, b, c, i, j)
for i in []:
    print(i)
else:
    print("empty", i)
for ch in "ab":
    for ch in ch * 2:
        d = ch
    print(ch)
for key, value in sorted({"b": 1, "a": 2}.items()):
    e = key * value
for n, (x, y) in enumerate([(1, 2), (3, 4)], start=10):
    f = n + x * y
for i in range(3): g = i; h = g + 1
for item in [1, 2, 3]:
    item = item * 2
    if item > 3:
        item += 1
    print(item)
seq = [1, 2, 3]
for s in seq:
    if s == 2:
        seq.append(10)
    if len(seq) > 5:
        break
print(seq, s)
class Countdown:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
for t in Countdown(3):
    u = t * 2
print(list(Countdown(2)), max(Countdown(4)), u)
class Old:
    def __getitem__(self, index):
        if index > 2:
            raise IndexError(index)
        return index * index
for v in Old():
    w = v + 1
print(w, 4 in Old())
