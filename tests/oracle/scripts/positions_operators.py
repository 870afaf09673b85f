class N:
    def __init__(self, v):
        self.v = v
    def __add__(self, o):
        s = self.v + 1
        return N(s)
    def __iadd__(self, o):
        s = self.v + 2
        return N(s)
    def __getitem__(self, k):
        s = self.v + 3
        return s
    def __setitem__(self, k, v):
        s = self.v + 4
    def __delitem__(self, k):
        s = self.v + 5
    def __bool__(self):
        s = self.v + 6
        return s % 2 == 0
    def __call__(self, *a):
        s = self.v + 7
        return s
    def __enter__(self):
        s = self.v + 8
        return s
    def __exit__(self, *a):
        s = self.v + 9
        return True
    def __eq__(self, o):
        s = self.v + 10
        return True
    def __hash__(self):
        s = self.v + 11
        return 1
    def __setattr__(self, k, v):
        s = 12
        object.__setattr__(self, k, v)
    def __getattr__(self, k):
        s = 13
        return s
    def __delattr__(self, k):
        s = 14
    def __format__(self, spec):
        s = 15
        return spec
    def __lt__(self, o):
        s = 16
        return self
    def __contains__(self, o):
        s = 17
        return False
    def __index__(self):
        s = 18
        return 0
    def __len__(self):
        s = 19
        return 2
    def __reversed__(self):
        s = 20
        return iter([1])
    def __neg__(self):
        s = 21
        return self
    @property
    def p(self):
        s = 22
        return s
    @p.setter
    def p(self, value):
        s = 23

def inside(n):
    for i in range(2):
        for j in range(i + 1):
            pass
        n + 1
        n += 1
        n[0]
        n[i] = i
        del n[i]
        [k for k in range(2)]
        n.x
        n.y = 1
        del n.y
        n.p = i
        n.p
        if n: pass
        if n and n or not n: pass
        while n and i < 2: i += 1
        n < n < n
        n in n
        [1, 2][n]
        -n
        f"{n:a}{n!r:.2}"
        {n: 1}
        {n}
        n == n
        with n as m:
            for q in range(2):
                q / 2
            1 / 0
        (lambda: n + 1)()
        assert n or True
        x, n.z = 1, 2
        match n:
            case 1: pass
            case N(v=5): pass
            case object(q=1): pass
        print(n(), len(n), list(reversed(n)), 1 if n else 2)
        n += [z for z in range(2)]
        n[[z for z in range(2)][0]] = [z for z in range(2)]
        n.t = [z for z in range(2)]
        return n[[z for z in range(2)][0] : n]
    return n
inside(N(1))
[inside(N(2)) for _ in range(2)]
class Own(N):
    for i in range(2):
        a = N(i)
        a + 1
    del a
del N.__hash__
