import __main__ as me

def executes(n):
    x = 1
    exec("x = 2")
    y = x
    locals()["x"] = 3
    z = x
    eval("(x := 5)", {}, {"x": x})
    return x, y, z, sorted(locals())

exec("created = 10")
print(created)
globals()["created"] = 20
print(created, executes(1))
value = 1
def through_module():
    before = value
    me.value = before + 1
    return before, value
print(through_module(), value)
for k in range(2):
    globals()["value"] = k * 100
    print(value)
    vars()["value"] = -1
    print(value)
class C:
    a = 1
    b = a
    locals()["a"] = 5
    c = a
    if c > 3:
        a = "class"
    for a2 in range(2):
        d = a2, a
    def method(self):
        return a
    del b
    e = [a, c]
a = "module"
print(C.a, C.c, C.d, C.e, C().method())
class Counting(dict):
    def __getitem__(self, key):
        found = dict.__getitem__(self, key)
        return found
class Meta(type):
    @classmethod
    def __prepare__(mcls, name, bases):
        return Counting(preset=5)
class D(metaclass=Meta):
    x = preset
    preset = 6
    y = preset + x
    x = y
print(D.x, D.y, D.preset)
def imported(n):
    import math
    first = math
    if n:
        math = n
    second = math
    from math import pi as n
    return first is second, n > 3
print(imported(0), imported(5))
def deleted(n):
    a = n
    b = a
    del a
    if n:
        a = b + 1
    try:
        c = a
    except UnboundLocalError:
        c = a = "unbound"
    return a, b, c
print(deleted(0), deleted(1))
def defined():
    f = 1
    g = f
    def f():
        return "function"
    h = f
    class f:
        value = 3
    return g, h(), f.value
print(defined())
