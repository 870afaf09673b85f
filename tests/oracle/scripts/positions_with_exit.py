class Manager:
    def __init__(self, suppress=True):
        self.suppress = suppress
    def __enter__(self):
        entered = 1
        return self
    def __exit__(self, kind, error, traceback):
        left = self.suppress
        return left

def returns(n):
    with Manager():
        for i in range(5):
            if i == n:
                return i
    return -1

def raises(n):
    with Manager():
        for i in range(3):
            1 / (n - i)
    with Manager():
        [1 / (n - i) for i in range(3)]
    with Manager():
        list(map(lambda i: 1 / (n - i), range(3)))
    return n

def breaks(n):
    for i in range(3):
        with Manager():
            while True:
                if i >= n:
                    break
                i += 1
            if i == 2:
                break
        with Manager():
            continue
    with Manager(), Manager(False):
        for j in range(2):
            with Manager():
                for k in range(2):
                    if k:
                        break
    return i, j, k

def continues(items):
    total = 0
    for item in items:
        with Manager():
            if item == 1:
                continue
            for part in range(item):
                if part == 1:
                    break
        try:
            if item == 2:
                continue
        finally:
            total += item
            with Manager():
                total += 1
    return total

for t in range(2):
    print(returns(t), raises(t), breaks(t), continues([1, 2, 3]), continues(range(3)))
with Manager():
    for q in [1, 0]:
        with Manager(False):
            1 / q
