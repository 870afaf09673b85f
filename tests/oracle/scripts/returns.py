def nothing():
    return

def early(n):
    for i in range(n):
        if i == 2:
            return i, i * 2
    return "end"

def through_finally(n):
    try:
        return n * 2
    finally:
        n += 100
        print("finally", n)

def overridden():
    for i in range(3):
        try:
            return i
        finally:
            if i < 2:
                continue
            return i + 10

def broken():
    while True:
        try:
            return 1
        finally:
            break
    return 2

def many(n):
    if n == 0: return 0
    elif n == 1: return 1,
    elif n == 2: return *range(n), n
    else: return [n] if n > 3 else {n: n}

print(nothing(), early(1), early(5), through_finally(3), overridden(), broken())
print([many(k) for k in range(5)])
def nested():
    def inner(x):
        return x + y
    y = 10
    return inner(1) + inner(2)
print(nested())
