def branch(n):
    x = 1
    if n > 0:
        x = 2
        y = x
    elif n < 0:
        x = 3
        y = x + x
    else:
        y = x
    return x + y

def conditional_binding(flag):
    if flag:
        only = "set"
    try:
        return only
    except UnboundLocalError:
        only = "unset"
    return only

def short_circuit(a):
    b = 10
    r = a and (b := a)
    s = b
    t = a or (b := 7)
    return b, r, s, t

def in_condition(n):
    m = n
    if (m := m + 1) > 2 and (m := m * 2):
        return m
    return m if (n := m) else n

def ternary(x):
    y = (x := x + 1) if x else (x := 100)
    return x, y, [x, (x := 5), x], x

def both_sides(k):
    if k:
        v = k
    else:
        v = -1
    w = v
    v = w if k else v
    return v, w

def early(n):
    v = n
    if n == 1:
        return v
    v = v + 1
    if n == 2:
        v = v * 2
        return v
    return v

def swapped(a, b):
    if a > b:
        a, b = b, a
    c = a
    a = b if c else a
    return a, b, c

print([branch(n) for n in (-1, 0, 1)], conditional_binding(0), conditional_binding(1))
print(short_circuit(0), short_circuit(3), in_condition(0), in_condition(5), ternary(0), ternary(1))
print(both_sides(0), both_sides(2), [early(n) for n in range(4)], swapped(1, 2), swapped(2, 1))
