def fact(n):
    return 1 if n == 0 else n * fact(n - 1)

def is_even(n):
    return True if n == 0 else is_odd(n - 1)

def is_odd(n):
    return False if n == 0 else is_even(n - 1)

def hanoi(n, a, b, c):
    if n == 0:
        return 0
    moves = hanoi(n - 1, a, c, b)
    moves += 1
    for _ in range(1):
        moves += hanoi(n - 1, c, b, a)
    return moves

def flatten(items):
    out = []
    for item in items:
        if isinstance(item, list):
            out.extend(flatten(item))
        else:
            out.append(item)
    return out

def ackermann(m, n):
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))

print(fact(5), is_even(4), is_odd(3), hanoi(3, "a", "b", "c"), flatten([1, [2, [3, []], 4]]), ackermann(1, 2))
for k in range(3):
    print([fact(j) for j in range(k + 1)])
def permute(items):
    if len(items) < 2:
        return [items]
    return [[x, *rest] for i, x in enumerate(items) for rest in permute(items[:i] + items[i + 1:])]
print(permute([1, 2, 3]))
def deep(n):
    try:
        return deep(n + 1) if n < 30 else 1 // 0
    except ZeroDivisionError:
        if n % 10:
            raise
        return n
print(deep(0))
