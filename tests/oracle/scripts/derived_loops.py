def rebinding(n):
    x = 0
    for i in range(n):
        before = x
        x = x + i
        after = x, x
    return x, before, after

def loop_variable_after(items):
    for v in items:
        w = v
    for k in range(2):
        print(v, k)
    return v, w, k

def loop_else(n):
    found = -1
    for i in range(5):
        if i == n:
            found = i
            break
        last = i
    else:
        found = last
    return found, i, last if n else None

def while_else(n):
    step = 0
    while step < n:
        seen = step
        step += 1
        if step == 3:
            break
    else:
        seen = -step
    return seen, step

def carried(n):
    a, b = 0, 1
    while b < n:
        c = a
        a, b = b, a + b
        if c > 3:
            a = c
    return a, b

def inner_shadow():
    i = 100
    for i in range(3):
        for i in range(2):
            p = i
        q = i
    return i, p, q

def late_rebinding():
    t = 1
    for k in range(3):
        u = t
        for j in range(2):
            t = t * 2 if j else t
            z = t + u
    return t, u, z

print(rebinding(4), loop_variable_after([7, 8]), loop_else(2), loop_else(9), while_else(2), while_else(9))
print(carried(30), inner_shadow(), late_rebinding())
for m in range(2):
    total = 0
    for n in range(m + 1):
        total = total + n
    print(total, m, n)
    n = total
    print(n)
def continued(values):
    result = None
    for value in values:
        if value < 0:
            result = value
            continue
        if value == 0:
            break
        result = value * 10
        print(result)
    print(result, value)
    return result
print(continued([1, -2]), continued([1, -2, 0, 5]), continued([3]))
