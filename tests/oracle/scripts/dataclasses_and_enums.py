import enum
from collections import namedtuple, defaultdict, Counter, deque, OrderedDict
from dataclasses import dataclass, field, replace
from typing import NamedTuple

@dataclass
class Config:
    lr: float = 0.1
    layers: list = field(default_factory=lambda: [8, 8])
    name: str = "net"
    def __post_init__(self):
        self.size = sum(self.layers)

@dataclass(frozen=True, order=True)
class Key:
    a: int
    b: str = "b"

class Pair(NamedTuple):
    left: int
    right: float = 0.5

Coord = namedtuple("Coord", "x y")

class Color(enum.Enum):
    RED = 1
    BLUE = "b"

class Level(enum.IntEnum):
    LOW = 1
    HIGH = LOW + 1

cfg = Config()
for lr in (0.1, 0.01):
    cfg = replace(cfg, lr=lr)
    cfg.layers.append(4)
    print(cfg, cfg.size)
k = Key(1)
print(k < Key(2), {k: 1}[Key(1)], Pair(1), Pair(1)._replace(right=2.0), Coord(1, 2).x, Coord(3, [4]))
print(Color.RED, Color("b").name, [c.value for c in Color], Level.HIGH + 1, Level.LOW < 2)
counts = Counter("abca")
d = defaultdict(list)
for letter in "aba":
    d[letter].append(counts[letter])
print(dict(d), counts.most_common(1), deque([1, 2], maxlen=2), OrderedDict(a=1), list(deque([3])))
nested = {"cfg": cfg, "keys": [Key(5), Pair(6)], "t": (Coord(0, 0),)}
print(nested["keys"][1].left)
