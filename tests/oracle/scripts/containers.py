import datetime
import pathlib
import types
small = list(range(256))
more = list(range(257))
deep = [[[[[[1]]]]], {"a": {"b": {"c": (1, [2, {3}])}}}]
print(len(small), len(more), deep, {1: "a", "b": 2.5, None: True, (1, 2): [3]}, set(), frozenset({1}), frozenset(), (), [], {})
cyclic = [1]
cyclic.append(cyclic)
holder = {"self": None}
holder["self"] = holder
print(len(cyclic), list(holder))
print((1,), ((),), [()], [[]], {"k": ()}, ("a",), [b"x", "y"], {b"k": 1j})
print(range(3), range(0, 10, 3), slice(1, None, 2), ..., NotImplemented, type, int, len, print)
print(datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.timedelta(days=1, seconds=2), datetime.time(1, 2))
print(pathlib.PurePosixPath("a/b"), types.SimpleNamespace(a=1), [datetime.date(2020, 1, 1)], object().__class__)
class L(list): pass
class D(dict): pass
print(L([1]), D(a=1), [L()], {"d": D()}, type(L([2])))
mixed = [1, "two", 3.0, None, True, 4j, b"5", (6,), [7], {8}, {9: 10}]
for m in mixed:
    same = m
    pair = (m, same)
iterators = iter([1]), enumerate("a"), zip([1], [2]), reversed([1]), map(str, [1]), {}.keys(), {1: 2}.items()
print([list(i) for i in iterators])
strings = ["long " * 100, "x" * 300]
nested_long = [strings * 3, {"k": strings}]
wide = {i: i * i for i in range(300)}
print(len(nested_long), len(wide), len({n for n in range(300)}), len(tuple(range(300))), len([None] * 1000))
