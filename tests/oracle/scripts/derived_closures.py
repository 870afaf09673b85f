def outer():
    x = 1
    def change(v):
        nonlocal x
        x = v
        return x
    a = x
    change(2)
    b = x
    c = x + change(3) + x
    d = [x, change(4), x]
    for i in range(2):
        before = x
        change(i * 10)
        after = x
    return a, b, c, d, before, after, x

def argument(x):
    def bump():
        nonlocal x
        x += 1
    y = x
    bump()
    z = x
    (lambda: bump())()
    return x, y, z

def cell_in_loop():
    fs = []
    for k in range(3):
        fs.append(lambda: k)
        print(k, fs[0]())
    k = "rebound"
    return [f() for f in fs], k

def deleted():
    v = 1
    def remove():
        nonlocal v
        del v
    before = v
    remove()
    try:
        v
    except NameError:
        v = 2
    return before, v

def callback_changes(items):
    n = 0
    def key(item):
        nonlocal n
        n += 1
        return -item
    s = sorted(items, key=key)
    m = n
    t = [n for _ in range(2)]
    return s, n, m, t

def generator_changes():
    n = 0
    def gen():
        nonlocal n
        for i in range(3):
            n = i * 100
            yield n
    out = []
    for g in gen():
        out.append((g, n))
        n = -1
        out.append(n)
    return out, n

def class_changes():
    z = 1
    class C:
        nonlocal z
        z = 5
        y = z
    w = z
    class D:
        z = z + 1
        u = z
    return z, w, C.y, D.z, D.u

global_value = 1
def change_global(v):
    global global_value
    global_value = v
    return global_value
def use_global():
    a = global_value
    change_global(a + 1)
    return a, global_value
print(outer(), argument(5), cell_in_loop(), deleted(), callback_changes([3, 1, 2]), generator_changes(), class_changes())
print(use_global(), use_global(), global_value)
global_value = 50
for q in range(2):
    print(global_value)
    change_global(q)
    print(global_value, use_global())
