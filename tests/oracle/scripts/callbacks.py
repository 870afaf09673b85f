import bisect
import functools
import heapq
import itertools
import re

def key(item):
    score = item[1] * 10
    return score

def compare(a, b):
    result = (a > b) - (a < b)
    return result

items = [("a", 3), ("b", 1), ("c", 2)]
print(sorted(items, key=key), max(items, key=key), sorted([3, 1, 2], key=functools.cmp_to_key(compare)))
for i in range(2):
    print(list(map(lambda p: p[1] + i, items)))
print(functools.reduce(lambda acc, p: acc + p[1], items, 0))
print(re.sub(r"\d", lambda m: str(int(m.group()) * 2), "a1b2"))
print([(k, list(g)) for k, g in itertools.groupby([1, 1, 2], key=lambda n: n % 2)])
print(list(itertools.takewhile(lambda n: n < 3, itertools.count())), list(itertools.accumulate([1, 2, 3], lambda a, b: a * b)))
print(heapq.nsmallest(2, items, key=key), bisect.bisect([1, 2, 3], 2, key=lambda n: n))
class Ordered:
    def __init__(self, n):
        self.n = n
    def __lt__(self, other):
        less = self.n < other.n
        return less
    def __eq__(self, other):
        return self.n == other.n
    def __hash__(self):
        h = self.n % 2
        return h
    def __len__(self):
        return self.n
    def __str__(self):
        text = "o" * self.n
        return text
    def __format__(self, spec):
        return spec or "none"
print([o.n for o in sorted([Ordered(3), Ordered(1), Ordered(2)])], len({Ordered(1), Ordered(3), Ordered(1)}))
print(len(Ordered(4)), str(Ordered(2)), f"{Ordered(1):abc}", Ordered(1) in [Ordered(2), Ordered(1)], min(Ordered(5), Ordered(4)).n)
def apply(f, *args):
    return f(*args)
print(apply(apply, apply, lambda: 7), list(filter(None, map(lambda x: x - 1, range(3)))))
memo = {}
def lazily(n):
    return memo.get(n) or memo.setdefault(n, n * n)
print([lazily(n) for n in (2, 3, 2)])
