"""Which statement of one version of a scope is which in another. Says nothing where it is not sure.

After GumTree (Falleri et al., "Fine-grained and accurate source code differencing", ASE 2014), in three steps: equal
statements that occur once in each version, the largest first; compound statements that hold most of the same ones;
inside these, what is left between two that are the same. A pair never leaves the pair around it, and keeps the order:
what was put into a new block, or taken out of an old one, is found; what changed places is not.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from flor.annotate.alike import Alike, Pairs
from flor.annotate.expressions import recover
from flor.annotate.order import Ranked, in_order
from flor.annotate.regions import Item, Region
from flor.annotate.tree import BODIES

# Statements of so few nodes may be equal by chance.
_SMALL = 12
# The share of equal statements in two compound statements that makes them the same: with other heads, with heads that
# have something in common, with equal heads.
_LEAST_DICE = (0.5, 0.2, 0.0)
# Another pair with heads as much alike makes both doubtful, unless its share is smaller by this factor.
_CLEAR = 0.5
# More rounds find next to nothing.
_ROUNDS = 4
# What is paired already outweighs all that may be.
_SURE = 1_000_000

_Likeness = tuple[int, float]


def match_statements(alike: Alike, pairs: Pairs, a: Region, b: Region, changed: bool = True) -> None:
    """Pair what corresponds of the statements that have no partner yet; those that changed only if `changed`."""
    matcher = _Matcher(alike, pairs, a, b)
    for _ in range(_ROUNDS):
        before = len(pairs.of)
        matcher.equal()
        matcher.containers()
        matcher.rest(changed)
        if len(pairs.of) == before:
            break


class _Matcher:
    def __init__(self, alike: Alike, pairs: Pairs, a: Region, b: Region) -> None:
        self.alike = alike
        self.pairs = pairs
        self.a = a
        self.b = b
        self._equal_a = self._by_number(a)
        self._equal_b = self._by_number(b)

    def _by_number(self, region: Region) -> dict[int, list[Item]]:
        found: dict[int, list[Item]] = defaultdict(list)
        for item in region.items:
            found[self._number(item)].append(item)
        return found

    def _free(self) -> tuple[list[Item], list[Item]]:
        return self._free_a(self.a.items), self._free_b(self.b.items)

    def _free_a(self, items: Iterable[Item]) -> list[Item]:
        return [i for i in items if i.node not in self.pairs.of]

    def _free_b(self, items: Iterable[Item]) -> list[Item]:
        return [i for i in items if i.node not in self.pairs.back]

    def _number(self, item: Item) -> int:
        return self.alike.number[item.node]

    # Equal statements that occur once.

    def equal(self) -> None:
        """Pair equal statements that occur once in each version, whole compound statements before what is in them."""
        while True:
            xs, ys = self._free()
            found = [(x, y) for x, y in self._once(xs, ys, self._number) if self._fits(x, y)]
            found = self._without_doubt(xs, ys, found)
            if not self._pair_all(self._ordered(found, self.a.items)):
                return

    def _once(self, xs: Sequence[Item], ys: Sequence[Item], key: Callable[[Item], Hashable]) -> list[tuple[Item, Item]]:
        """Pairs with a key that occurs once in each; None is no key. Of nested ones the outermost alone."""
        first, second = Counter(map(key, xs)), Counter(map(key, ys))
        others = {key(y): y for y in ys}
        found: list[tuple[Item, Item]] = []
        end = -1
        for x in xs:
            k = key(x)
            if x.position > end and k is not None and first[k] == second[k] == 1:
                found.append((x, others[k]))
                end = x.end
        return found

    def _fits(self, x: Item, y: Item) -> bool:
        """Do the partners of what is around one lie around the other, with the same field?"""
        return self._lies(x, y, self.pairs.of, self.b) and self._lies(y, x, self.pairs.back, self.a)

    @staticmethod
    def _lies(x: Item, y: Item, partners: dict[ast.AST, ast.AST], other: Region) -> bool:
        around = {item.node: field for item, field in y.above()}
        for item, field in x.above():
            partner = partners.get(item.node)
            if partner in other.of and around.get(partner) != field:
                return False
        return True

    def _ordered(self, found: list[tuple[Item, Item]], among: Iterable[Item]) -> list[tuple[Item, Item]]:
        """Those that keep the order among each other and with those of `among` that are paired already."""
        done = [
            Ranked(x.position, self.b.of[y].position, _SURE)
            for x in among
            if not x.is_compound and (y := self.pairs.of.get(x.node)) in self.b.of
        ]
        ranked = [Ranked(x.position, y.position, self.alike.mass[x.node]) for x, y in found]
        keep = in_order([*ranked, *done])
        return [pair for pair, kept in zip(found, keep, strict=False) if kept]

    def _pair_all(self, found: Iterable[tuple[Item, Item]]) -> bool:
        """Pair equal statements, whole."""
        return sum(self.alike.pair(self.pairs, x.node, y.node) for x, y in found) > 0

    def _without_doubt(
        self, xs: Sequence[Item], ys: Sequence[Item], found: list[tuple[Item, Item]]
    ) -> list[tuple[Item, Item]]:
        """Without small statements that may have become equal by a number that changed.

        Of `x = 1; x = 2` and `x = 2; x = 3` nobody knows which are the same.
        """
        groups: dict[Hashable, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
        for side, items in enumerate((xs, ys)):
            for item in items:
                if self._is_small(item):
                    groups[self.alike.shape(item.node)][side].append(item)
        kept = []
        for x, y in found:
            if self._is_small(x):
                first, second = groups[self.alike.shape(x.node)]
                if len(first) != len(second):
                    if not self._has_same_neighbour(x, y):
                        continue
                elif first.index(x) != second.index(y):
                    continue
            kept.append((x, y))
        return kept

    def _is_small(self, item: Item) -> bool:
        return self.alike.mass[item.node] <= _SMALL

    def _has_same_neighbour(self, x: Item, y: Item) -> bool:
        (before, after), (other_before, other_after) = self._neighbours(self.a, x), self._neighbours(self.b, y)
        return any(
            p is not None and q is not None and self._number(p) == self._number(q)
            for p, q in ((before, other_before), (after, other_after))
        )

    @staticmethod
    def _neighbours(region: Region, item: Item) -> tuple[Item | None, Item | None]:
        siblings = region.direct(region.body if item.parent is None else getattr(item.parent.node, item.field))
        at = siblings.index(item)
        return siblings[at - 1] if at else None, siblings[at + 1] if at + 1 < len(siblings) else None

    # Compound statements that hold the same ones.

    def containers(self) -> None:
        """Pair compound statements if equal statements in them are paired, and no other ones are as much alike."""
        candidates: dict[tuple[Item, Item], None] = {}
        for x in self.a.items:
            partner = self.pairs.of.get(x.node)
            if x.is_compound or partner not in self.b.of:
                continue
            above = list(self.b.of[partner].above())
            for around, field in x.above():
                for other, other_field in above:
                    if type(around.node) is type(other.node) and field == other_field:
                        candidates[around, other] = None
        free = [(x, y) for x, y in candidates if self.pairs.free(x.node, y.node)]
        by_head: dict[int, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
        for side, items in enumerate(self._free()):
            for item in items:
                if item.is_compound:
                    by_head[self._head(item)][side].append(item)
        inside = {item: self._inside(item) for pair in free for item in pair}
        likely = [(self._likeness(x, y, inside), x, y) for x, y in free]
        of: dict[Item, list[_Likeness]] = defaultdict(list)
        for likeness, x, y in likely:
            of[x].append(likeness)
            of[y].append(likeness)
        for x, y in free:
            for other in by_head[self._head(x)][1]:
                if (x, other) not in candidates:
                    of[x].append(self._likeness(x, other, inside))
            for other in by_head[self._head(y)][0]:
                if (other, y) not in candidates:
                    of[y].append(self._likeness(other, y, inside))
        for likeness, x, y in sorted(likely, key=lambda entry: entry[0], reverse=True):
            related, dice = likeness
            if dice < _LEAST_DICE[related]:
                continue
            rivals = [r for item in (x, y) for r in of[item] if r >= (related, _CLEAR * dice)]
            if len(rivals) == 2 and self.pairs.free(x.node, y.node) and self._fits(x, y):  # itself, seen from both
                self._pair_containers(x, y)

    def _likeness(self, x: Item, y: Item, inside: dict[Item, Counter[int]]) -> _Likeness:
        """How much alike: their heads (2: equal, 1: the same key, 0), and by the dice coefficient what is in them."""
        related = 2 if self._head(x) == self._head(y) else 1 if self._key(x) == self._key(y) is not None else 0
        for item in (x, y):
            if item not in inside:
                inside[item] = self._inside(item)
        common = (inside[x] & inside[y]).total()
        return related, 2 * common / max(1, inside[x].total() + inside[y].total())

    def _inside(self, item: Item) -> Counter[int]:
        """The simple statements in an item, by their mass."""
        region = self.a if self.a.of.get(item.node) is item else self.b
        found: Counter[int] = Counter()
        for part in region.inside(item):
            if not part.is_compound:
                found[self._number(part)] += self.alike.mass[part.node]
        return found

    def _head(self, item: Item) -> int:
        return self.alike.head(item.node)

    def _pair_containers(self, x: Item, y: Item) -> None:
        """Pair two compound statements, and their heads. What was paired across them is no pair any more."""
        self.pairs.add(x.node, y.node)
        if getattr(x.node, "name", None) != getattr(y.node, "name", None):
            self.pairs.changed.add(x.node)  # except E as name
        for item in self.a.inside(x):
            partner = self.pairs.of.get(item.node)
            if partner in self.b.of and not self._fits(item, self.b.of[partner]):
                self.pairs.drop(item.node)
        for item in self.b.inside(y):
            partner = self.pairs.back.get(item.node)
            if partner in self.a.of and not self._fits(self.a.of[partner], item):
                self.pairs.drop(partner)
        recover(self.alike, self.pairs, x.node, y.node)

    # What is left between statements that are paired.

    def rest(self, changed: bool) -> None:
        """Pair what is left in bodies that are paired, by what is around it."""
        bodies = [(self.a.direct(self.a.body), self.b.direct(self.b.body))]
        while bodies:
            xs, ys = bodies.pop()
            for gap in self._gaps(xs, ys):
                self._match_gap(*gap, changed)
            for x in xs:
                partner = self.pairs.of.get(x.node)
                if x.is_compound and partner in self.b.of:
                    for field in BODIES.intersection(x.node._fields):
                        one, other = getattr(x.node, field), getattr(partner, field)
                        bodies.append((self.a.direct(one), self.b.direct(other)))

    def _gaps(self, xs: Sequence[Item], ys: Sequence[Item]) -> list[tuple[list[Item], list[Item]]]:
        """What has no partner in two bodies, cut where both have a pair."""
        places = {y.node: i for i, y in enumerate(ys)}
        gaps: list[tuple[list[Item], list[Item]]] = []
        start, other_start = 0, 0
        for i, x in enumerate([*xs, None]):
            partner = self.pairs.of.get(x.node) if x is not None else None
            j = len(ys) if x is None else places.get(partner, -1) if partner is not None else -1
            if j >= other_start:
                gap = self._free_a(xs[start:i]), self._free_b(ys[other_start:j])
                if gap[0] and gap[1]:
                    gaps.append(gap)
                start, other_start = i + 1, j + 1
        return gaps

    def _match_gap(self, xs: list[Item], ys: list[Item], changed: bool) -> None:
        """Pair what is left between two pairs; without `changed` equal statements only."""
        if [self._number(x) for x in xs] == [self._number(y) for y in ys]:
            self._pair_all(zip(xs, ys, strict=True))
            return
        self._pair_all(self._runs(xs, ys))
        xs, ys = self._free_a(xs), self._free_b(ys)
        all_x = [item for x in xs for item in (x, *self.a.inside(x))]
        inside_x = self._free_a(all_x)
        inside_y = self._free_b(item for y in ys for item in (y, *self.b.inside(y)))
        found = [(x, y) for x, y in self._once(inside_x, inside_y, self._number) if self._fits(x, y)]
        self._pair_all(self._ordered(self._without_doubt(inside_x, inside_y, found), all_x))
        if changed:
            self._match_changed(self._free_a(xs), self._free_b(ys))

    def _runs(self, xs: list[Item], ys: list[Item]) -> list[tuple[Item, Item]]:
        """Pairs of equal statements that follow straight after each other, equally often in both."""
        first, second = Counter(map(self._number, xs)), Counter(map(self._number, ys))
        found: list[tuple[Item, Item]] = []
        for number, count in first.items():
            if count == second[number] > 1:
                run, other = [x for x in xs if self._number(x) == number], [y for y in ys if self._number(y) == number]
                if _is_run(xs, run) and _is_run(ys, other):
                    found += zip(run, other, strict=True)
        return self._ordered(found, ())

    def _match_changed(self, xs: list[Item], ys: list[Item]) -> None:
        """Pair statements that are not equal, but have a key in common; not if an equal one is left elsewhere."""
        keys, other_keys = [self._key(x) for x in xs], [self._key(y) for y in ys]
        if keys == other_keys and None not in keys and len(set(keys)) < len(keys):
            pairs = list(zip(xs, ys, strict=True))
            likely = pairs if all(self.alike.shape(x.node) == self.alike.shape(y.node) for x, y in pairs) else []
        else:
            likely = self._once(xs, ys, self._key)
        likely = [(x, y) for x, y in likely if not self._is_left_elsewhere(x, y) and self._fits(x, y)]
        ordered = self._ordered(likely, ())
        for x, y in ordered:
            if x.is_compound:
                self._pair_containers(x, y)
        for x, y in ordered:  # what was paired across the compound ones is left again
            if not x.is_compound and not self._is_left_elsewhere(x, y):
                self.pairs.add(x.node, y.node)
                recover(self.alike, self.pairs, x.node, y.node)

    def _is_left_elsewhere(self, x: Item, y: Item) -> bool:
        """Is there a statement without a partner that equals one of two in the other version?"""
        return any(item.node not in self.pairs.back for item in self._equal_b.get(self._number(x), ())) or any(
            item.node not in self.pairs.of for item in self._equal_a.get(self._number(y), ())
        )

    def _key(self, item: Item) -> Hashable:
        """What tells that a statement that changed is the same one; None: nothing does."""
        node, number = item.node, self.alike.number
        match node:
            case ast.Assign():
                return "=", tuple(number[t] for t in node.targets)
            case ast.AnnAssign():
                return "=", (number[node.target],)
            case ast.AugAssign():
                return type(node.op), number[node.target]
            case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
                return "call", number[call.func]
            case ast.Return() | ast.While() | ast.Try():
                return (type(node),)
            case ast.For() | ast.AsyncFor():
                return type(node), number[node.target]
            case ast.ImportFrom():
                return "from", node.module, node.level
            case _ if item.is_compound:
                return "head", self._head(item)
        return None


def _is_run(items: list[Item], run: list[Item]) -> bool:
    at = items.index(run[0])
    return items[at : at + len(run)] == run
