"""Which node of one version of a source is which in another. Says nothing where it is not sure.

Functions and classes that were moved or renamed are found by what is in them (`definitions`), others by their names.
Then the statements of each scope are matched with those of the same scope (`statements`), and the expressions of those
(`expressions`). A variable counts as renamed if its old name is gone, the new one was not there, and each occurrence
that is found is renamed alike.
"""

from __future__ import annotations

import ast
import itertools
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from flor.annotate.alike import Alike, Pairs
from flor.annotate.definitions import SMALL_DEFINITION, by_content, is_telling, once, without_name
from flor.annotate.expressions import drop_moved, recover, recover_parameters
from flor.annotate.regions import Region
from flor.annotate.scopes import Definition, Scope, Variables, all_definitions, definitions, mentions, own_nodes
from flor.annotate.statements import match_statements
from flor.annotate.tree import Function, fingerprint, paired, same

# A variable that is mentioned once is taken for renamed in a statement of so many nodes.
_TELLING_STATEMENT = 8
# The share of equal statements that makes functions the same, or a function a piece of the scope around.
_DICE = 0.5

Renames = Mapping[str, str]


@dataclass
class Matching:
    """What corresponds in two versions."""

    nodes: dict[ast.AST, ast.AST] = field(default_factory=dict)
    changed: set[ast.AST] = field(default_factory=set)  # those of the first that are another expression in the second
    equal: bool = False  # the versions are the same


def corresponding(a: ast.Module, b: ast.Module) -> Matching:
    """The node of `b` for the nodes of `a` that have one; for all of them if the trees are equal."""
    found = paired(a, b)
    if found is not None:
        return Matching(found, equal=True)
    matcher = _Matcher()
    matcher.equal_definitions(a, b)
    matcher.scopes(a, b, {})
    matcher.moved(a, b)
    matcher.pieces(a, b)
    return Matching(matcher.pairs.of, matcher.pairs.changed)


class _Matcher:
    def __init__(self) -> None:
        self.pairs = Pairs()
        self.variables = Variables()
        self.doubtful: set[Definition] = set()  # those that must not be found by their names

    def equal_definitions(self, a: ast.Module, b: ast.Module) -> None:
        """Match the functions and classes that have another name, but are equal."""
        found = by_content(a, b)
        self.doubtful = found.doubtful
        for x, y in found.pairs:
            for p, q in (paired(x, y, without=frozenset({"name"})) or {}).items():
                self.pairs.add(p, q)

    def scopes(self, a: Scope, b: Scope, renames: Renames) -> None:
        """Match two scopes that are the same, with all that is in them. `renames` are those of the scopes around."""
        todo: list[tuple[Scope, Scope, Renames]] = [(a, b, renames)]
        while todo:
            x, y, around = todo.pop()
            if not around and (found := paired(x, y)) is not None:
                for p, q in found.items():
                    self.pairs.add(p, q)
                continue
            self.pairs.add(x, y)
            within = self._scope(x, y, around)
            todo += [(p, q, within) for p, q in self._named(x, y, within)]

    def _scope(self, a: Scope, b: Scope, renames: Renames) -> Renames:
        """Match the statements of two scopes; the variables that are called otherwise in the second."""
        within = renames
        if renames:
            bound, other_bound = self.variables.bound(a), self.variables.bound(b)
            within = {g: n for g, n in renames.items() if g not in bound and n not in other_bound}
        body, other_body = self._without_ends(a.body, b.body)
        within = {**within, **self._renamed(a, b, within, body, other_body)}
        alike = _numbered(body, other_body, within)
        match_statements(alike, self.pairs, Region(body), Region(other_body))
        for x, y in self._named(a, b, within):
            recover(alike, self.pairs, x, y)
            if isinstance(x, Function) and isinstance(y, Function):
                inner = self._renamed(x, y, within, x.body, y.body)
                recover_parameters(alike, self.pairs, x.args, y.args, inner)
        drop_moved(alike, self.pairs, body, other_body)
        return within

    def _without_ends(self, a: list[ast.stmt], b: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Two bodies without the statements at their beginning and end that are the same for sure; these are paired.

        At each end one is left in place, for it is what is around the rest, and so is what occurs in the rest too.
        """
        first = 0
        while first < min(len(a), len(b)) and same(a[first], b[first]):
            first += 1
        last = 0
        while last < min(len(a), len(b)) - first and same(a[-1 - last], b[-1 - last]):
            last += 1
        rest: dict[Hashable, list[ast.AST]] = defaultdict(list)
        for body, end in ((a, len(a) - last), (b, len(b) - last)):
            for item in Region(body[first:end]).items:
                rest[_beginning(item.node)].append(item.node)

        def is_in_rest(statement: ast.AST) -> bool:
            return any(same(statement, other) for other in rest[_beginning(statement)])

        first, last = max(0, first - 1), max(0, last - 1)
        while first > 0 and is_in_rest(a[first]):
            first -= 1
        while last > 0 and is_in_rest(a[-1 - last]):
            last -= 1
        for x, y in (*zip(a[:first], b, strict=False), *zip(a[len(a) - last :], b[len(b) - last :], strict=True)):
            for p, q in (paired(x, y) or {}).items():
                self.pairs.add(p, q)
        return a[first : len(a) - last], b[first : len(b) - last]

    def _renamed(
        self, a: Scope, b: Scope, renames: Renames, body: Sequence[ast.AST], other_body: Sequence[ast.AST]
    ) -> dict[str, str]:
        """The variables of a scope that have another name in the other version. The bodies may lack equal parts."""
        bound, other_bound = self.variables.bound(a, body), self.variables.bound(b, other_body)
        gone, new = bound - other_bound, other_bound - bound
        if not gone or not new:
            return {}
        used, other_used = self.variables.used(a), self.variables.used(b)
        gone, new = gone - other_used, new - used
        if not gone or not new:
            return {}
        functions = self._renamed_definitions(a, b, gone, new)
        alike, pairs = Alike(), Pairs()
        only, other_only = used - other_used - renames.keys(), other_used - used - set(renames.values())
        alike.add(body, lambda name: "" if name in only else renames.get(name, name))
        alike.add(other_body, lambda name: "" if name in other_only else name)
        regions = Region(body), Region(other_body)
        match_statements(alike, pairs, *regions, changed=False)
        variables = _agreed(alike, pairs, regions, gone, new)
        found = functions | variables
        doubtful = {n for n, count in Counter(found.values()).items() if count > 1}
        return {g: n for g, n in found.items() if functions.get(g, n) == n and n not in doubtful}

    def _renamed_definitions(self, a: Scope, b: Scope, gone: frozenset[str], new: frozenset[str]) -> dict[str, str]:
        xs = [d for d in definitions(a.body) if d.name in gone and is_telling(d)]
        ys = [d for d in definitions(b.body) if d.name in new and is_telling(d)]
        return {x.name: y.name for x, y in once(xs, ys, without_name)}

    def _named(self, a: Scope, b: Scope, renames: Renames) -> list[tuple[Definition, Definition]]:
        """The functions and classes of two scopes that have the same name, of several those that are equal."""
        xs = [d for d in definitions(a.body) if d not in self.pairs.of and d not in self.doubtful]
        ys = [d for d in definitions(b.body) if d not in self.pairs.back and d not in self.doubtful]
        first = set(xs)

        def by_name(d: Definition) -> Hashable:
            return isinstance(d, ast.ClassDef), renames.get(d.name, d.name) if d in first else d.name

        def by_text(d: Definition) -> Hashable:
            return by_name(d), fingerprint(d)

        def by_decorators(d: Definition) -> Hashable:
            return by_name(d), tuple(map(fingerprint, d.decorator_list))

        found: list[tuple[Definition, Definition]] = []
        for key in (by_name, by_text, by_decorators):
            done = {d for pair in found for d in pair}
            found += once([x for x in xs if x not in done], [y for y in ys if y not in done], key)
        return found

    def moved(self, a: ast.Module, b: ast.Module) -> None:
        """Match functions and classes that are in another scope, or have another name, than they had."""
        for key in (without_name, _kind_and_name):
            xs = [d for d in all_definitions(a) if d not in self.pairs.of and self._may_move(d)]
            ys = [d for d in all_definitions(b) if d not in self.pairs.back and self._may_move(d)]
            for x, y in once(xs, ys, key):
                if self.pairs.free(x, y) and (key is without_name or _dice(x, y) >= _DICE):
                    self.scopes(x, y, {})

    def _may_move(self, definition: Definition) -> bool:
        return definition not in self.doubtful and is_telling(definition)

    def pieces(self, a: ast.Module, b: ast.Module) -> None:
        """Match what was put into a new function, or taken out of one, with the scope around."""
        for scope in [a, *all_definitions(a)]:
            partner = self.pairs.of.get(scope)
            if not isinstance(partner, Scope):
                continue
            new = [d for d in definitions(partner.body) if isinstance(d, Function) and d not in self.pairs.back]
            old = [d for d in definitions(scope.body) if isinstance(d, Function) and d not in self.pairs.of]
            around = self._forms(scope) if new else Counter[Hashable]()
            for function in new:
                if _is_likely_piece(self._forms(function), around):
                    self._piece(scope, function, function)
            around = self._forms(partner) if old else around
            for function in old:
                if _is_likely_piece(self._forms(function), around):
                    self._piece(function, partner, function)

    def _forms(self, scope: Scope) -> Counter[Hashable]:
        """The kinds of nodes in what is left of a scope's simple statements, by their number."""
        found: Counter[Hashable] = Counter()
        for item in Region(scope.body).items:
            if not (item.is_compound or item.node in self.pairs.of or item.node in self.pairs.back):
                form = tuple(map(type, ast.walk(item.node)))
                found[form] += len(form)
        return found

    def _piece(self, a: Scope, b: Scope, piece: Definition) -> None:
        """Match what is left of two scopes, if most of one, the function `piece`, is in the other."""
        renames = self._renamed(a, b, {}, a.body, b.body)
        regions = Region(a.body), Region(b.body)
        left = [i.node for i in regions[0].items if i.node not in self.pairs.of]
        other = [i.node for i in regions[1].items if i.node not in self.pairs.back]
        alike = _numbered(a.body, b.body, renames)
        first, second = Counter(map(alike.shape, left)), Counter(map(alike.shape, other))
        both = {n for n in (left if piece is a else other) if first[alike.shape(n)] == second[alike.shape(n)] == 1}
        mass = sum(alike.mass[s] for s in piece.body)
        common = sum(alike.mass[n] for n in _outermost(both))
        if common >= SMALL_DEFINITION / 2 and common >= _DICE * mass:
            match_statements(alike, self.pairs, *regions)
            drop_moved(alike, self.pairs, a.body, b.body)
            for x, y in self._named(a, b, renames):
                self.scopes(x, y, renames)


def _is_likely_piece(function: Counter[Hashable], around: Counter[Hashable]) -> bool:
    """May most of a function be in the scope around?"""
    return (function & around).total() >= max(SMALL_DEFINITION / 2, _DICE * function.total() / 2)


def _numbered(a: Sequence[ast.AST], b: Sequence[ast.AST], renames: Renames) -> Alike:
    alike = Alike()
    alike.add(a, lambda name: renames.get(name, name))
    alike.add(b, lambda name: name)
    return alike


def _outermost(nodes: set[ast.AST]) -> list[ast.AST]:
    """Those that lie in none of the others."""
    inside = {child for node in nodes for child in ast.walk(node) if child is not node}
    return [node for node in nodes if node not in inside]


def _beginning(node: ast.AST) -> Hashable:
    """What the first nodes of a tree are: equal trees have equal ones."""
    return tuple(map(type, itertools.islice(ast.walk(node), 8)))


def _kind_and_name(node: Definition) -> Hashable:
    return isinstance(node, ast.ClassDef), node.name


def _dice(x: Definition, y: Definition) -> float:
    """The share of the statements of two definitions that are equal."""
    alike = _numbered(x.body, y.body, {})
    first, second = (_masses(alike, d) for d in (x, y))
    return 2 * (first & second).total() / max(1, first.total() + second.total())


def _masses(alike: Alike, node: Definition) -> Counter[int]:
    found: Counter[int] = Counter()
    for item in Region(node.body).items:
        if not item.is_compound:
            found[alike.number[item.node]] += alike.mass[item.node]
    return found


def _agreed(
    alike: Alike, pairs: Pairs, regions: tuple[Region, Region], gone: frozenset[str], new: frozenset[str]
) -> dict[str, str]:
    """The renamed variables of which all pairs of statements say the same, and most occurrences are in such a pair."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    back: dict[str, Counter[str]] = defaultdict(Counter)
    for x, y in pairs.of.items():
        if x in pairs.changed or alike.is_inner(x):
            continue
        for one, other in zip(mentions(x), mentions(y), strict=True):
            if one in gone or other in new:
                votes[one][other] += 1
                back[other][one] += 1
    occurrences = [
        Counter(name for node, inner in own_nodes(region.body) if not inner for name in mentions(node))
        for region in regions
    ]
    largest: Counter[str] = Counter()
    for item in regions[0].items:
        if item.node in pairs.of and not item.is_compound:
            for name in {name for node, _ in own_nodes([item.node]) for name in mentions(node)}:
                largest[name] = max(largest[name], alike.mass[item.node])
    found: dict[str, str] = {}
    for one, others in votes.items():
        other, count = others.most_common(1)[0]
        most = 2 * count >= max(occurrences[0][one], occurrences[1][other])
        telling = count > 1 or largest[one] >= _TELLING_STATEMENT
        if one in gone and other in new and len(others) == len(back[other]) == 1 and most and telling:
            found[one] = other
    return found
