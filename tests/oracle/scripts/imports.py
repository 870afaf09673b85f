import json
import os.path
import collections.abc as cabc, math
from math import pi, sqrt as root
from itertools import *
from collections import (
    OrderedDict,
    deque as dq,
)
for i in range(2):
    import string
    from math import tau as number
    number = number + i
    print(number, string.digits[i])
def local():
    import math as m
    from os import path
    math = m.e
    return math, path.sep
math = math.floor(pi)
print(local(), math, root(16), list(islice(count(), 2)), OrderedDict, dq([1]), json.dumps({"a": 1}), os.path.sep)
try:
    import no_such_module_anywhere
except ImportError as no_such_module_anywhere:
    print(no_such_module_anywhere.name)
json = 5
import json
print(json.loads("[1]"), cabc.Mapping)
class C:
    import math
    from math import pi as p
    q = p * 2
print(C.q, C.math.pi)
