import abc

class Meta(type):
    def __new__(mcls, name, bases, namespace, **kw):
        cls = super().__new__(mcls, name, bases, dict(namespace))
        cls.tag = kw.get("tag", "none")
        return cls
    def __init__(cls, name, bases, namespace, **kw):
        super().__init__(name, bases, namespace)
    def __call__(cls, *args):
        made = super().__call__(*args)
        return made

class Base(metaclass=Meta, tag="b" + "ase"):
    count = 0
    names = [n for n in "ab"]
    for i in range(2):
        names.append(i * 10)
    if count == 0:
        flag = True
    def __init__(self, x):
        self.x = x
        type(self).count += 1
        Base.__private = x
    @property
    def double(self):
        return self.x * 2
    @double.setter
    def double(self, value):
        self.x = value // 2
    @staticmethod
    def helper(a, b):
        return a - b
    @classmethod
    def build(cls, text):
        return cls(int(text))
    def __repr__(self):
        return f"{type(self).__name__}({self.x})"
    def __getattr__(self, name):
        if name.startswith("dyn_"):
            return len(name)
        raise AttributeError(name)

class Child(Base, tag="c"):
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y
    @property
    def total(self):
        return self.double + self.y

c = Child(2, 3)
c.double = 10
print(c.total, Base.build("4").double, Base.helper(5, 2), Child.count, Child.tag, c.dyn_ab, repr(c), Base.names)
class Plain:
    total = 0
    for k in range(3):
        total += k
    squares = {k: k * k for k in range(total)}
    class Inner:
        depth = 2
        deeper = depth + 1
    def method(self): return self.Inner.deeper
print(Plain.total, Plain.squares, Plain().method(), Plain.k)
class Abstract(abc.ABC):
    @abc.abstractmethod
    def run(self): ...
    def __init_subclass__(cls, /, extra=1, **kw):
        super().__init_subclass__(**kw)
        cls.extra = extra * 2
class Concrete(Abstract, extra=5):
    def run(self): return self.extra
print(Concrete().run())
class Descriptor:
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, instance, owner):
        return (self.name, instance is None)
class Holder:
    field = Descriptor()
print(Holder.field, Holder().field)
for n in range(2):
    class Local:
        index = n
        def value(self):
            return self.index + n
    print(Local().value())
