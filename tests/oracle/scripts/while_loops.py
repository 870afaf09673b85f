n = 5
while n > 0:
    n -= 1
    if n == 3:
        continue
    if n == 1:
        break
else:
    print("not here")
while n < 3:
    n += 1
else:
    m = n * 2
    print("else", m)
while True:
    n -= 1
    if not n:
        break
while 0:
    print("never")
i = 0
while i < 2:
    j = 0
    while j < 2:
        k = i * j
        j += 1
    i += 1
items = [1, 2, 3]
while items:
    x = items.pop()
while (y := len(items)) < 2:
    items.append(y)
def find(limit):
    step = 0
    while step < limit and step * step != 9:
        step += 1
    return step
print(find(2), find(10), [find(z) for z in range(3)])
while [q for q in range(n + 1) if q > 1]:
    n -= 1
while n < 2: n += 1
while not (n := n - 1) == -1: print(n)
print(n)
