"""Which expression of a statement is which in another version of it. Says nothing where it is not sure.

Equal parts that occur once in each are the same, unless they have changed places. Else a part is the same if it has the
same role: the value of the same target, the same argument of the same call, the same operand of the same operation. A
part that is not equal is the same place, with another expression, if its role says so, it stands nowhere else, and the
other one stood nowhere else.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from flor.annotate.alike import Alike, Pairs
from flor.annotate.scopes import Definition, children, own_nodes, parameters
from flor.annotate.tree import BODIES

# Smaller equal parts, `x` or `-1`, are found by their role alone.
_SMALL = 3

#: Two nodes of one role, and whether that is enough if they are not equal.
_Role = tuple[ast.AST, ast.AST, bool]

_PLACES = (ast.comprehension, ast.keyword, ast.withitem, ast.arguments)  # no expressions, they hold some
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def recover(alike: Alike, pairs: Pairs, x: ast.AST, y: ast.AST) -> None:
    """Pair what corresponds in two statements that are one place; of compound ones, in their heads."""
    _equal_parts(alike, pairs, x, y)
    for name in x._fields:
        p, q = getattr(x, name, None), getattr(y, name, None)
        if name in BODIES or name in ("type_params", "returns", "annotation"):
            continue
        if isinstance(p, ast.AST) and isinstance(q, ast.AST) and p in alike.number and q in alike.number:
            sure = name in ("value", "iter", "subject") and _has_same_target(alike, x, y)
            if isinstance(x, ast.Return) and _are_variables(p, q):
                sure = False
            _by_role(alike, pairs, (p, q, sure))
        elif isinstance(p, list) and isinstance(q, list):
            for role in _items(alike, p, q, False):
                _by_role(alike, pairs, role)


def recover_parameters(alike: Alike, pairs: Pairs, x: ast.arguments, y: ast.arguments, renames: dict[str, str]) -> None:
    """Parameters correspond by name; so do their default values."""
    others = {p.arg: p for p in parameters(y)}
    defaults, other_defaults = _defaults(x), _defaults(y)
    for p in parameters(x):
        q = others.get(renames.get(p.arg, p.arg))
        if q is None or not pairs.free(p, q):
            continue
        pairs.add(p, q)
        if p in defaults and q in other_defaults:
            _by_role(alike, pairs, (defaults[p], other_defaults[q], True))


def drop_moved(alike: Alike, pairs: Pairs, a: Sequence[ast.AST], b: Sequence[ast.AST]) -> None:
    """Take back the pairs of another expression in two scopes if that of the first is left elsewhere in the second, or
    that of the second was elsewhere in the first: it is in doubt which of the two is the same place.

    Of what has an equal partner nothing is left.
    """
    first = [node for node, _ in own_nodes(a) if isinstance(node, ast.expr)]
    changed = [x for x in first if x in pairs.changed and pairs.of[x] in alike.number]
    if not changed:
        return
    second = [node for node, _ in own_nodes(b) if isinstance(node, ast.expr)]
    left = {alike.number[x] for x in first if x not in pairs.of or x in pairs.changed}
    other_left = {alike.number[y] for y in second if y not in pairs.back or pairs.back[y] in pairs.changed}
    for x, y in [(x, pairs.of[x]) for x in changed]:
        if (_tells(alike, x) and alike.number[x] in other_left) or (_tells(alike, y) and alike.number[y] in left):
            pairs.drop(x)


def _tells(alike: Alike, node: ast.AST) -> bool:
    """Is it more than a variable or a number, so that an equal one is not there by chance?"""
    return alike.mass[node.operand if isinstance(node, ast.UnaryOp) else node] > 1


def _defaults(arguments: ast.arguments) -> dict[ast.arg, ast.expr]:
    plain = [*arguments.posonlyargs, *arguments.args]
    found = dict(zip(reversed(plain), reversed(arguments.defaults), strict=False))
    keyword_only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return found | {p: default for p, default in keyword_only if default is not None}


def _has_same_target(alike: Alike, x: ast.AST, y: ast.AST) -> bool:
    one, other = getattr(x, "target", None), getattr(y, "target", None)
    return one is None or other is None or alike.same(one, other)


def _are_variables(x: ast.AST, y: ast.AST) -> bool:
    """Of a variable and another one nobody knows whether they stand for the same."""
    return isinstance(x, ast.Name | ast.Attribute) and isinstance(y, ast.Name | ast.Attribute)


def _head_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a statement that can be found wherever they stand, each before those in it."""
    stack = [child for f, child in _fields(node) if f not in BODIES and f not in ("annotation", "args")]
    while stack:
        part = stack.pop()
        yield part
        if not isinstance(part, _SCOPES):
            stack.extend(children(part))


def _fields(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name in node._fields:
        value = getattr(node, name, None)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST):
                yield name, item


def _equal_parts(alike: Alike, pairs: Pairs, x: ast.AST, y: ast.AST) -> None:
    """Pair equal parts that occur once in each of two statements, the larger ones first."""
    if isinstance(x, Definition):
        return
    first = [n for n in _head_parts(x) if _counts(alike, n)]
    second = [n for n in _head_parts(y) if _counts(alike, n)]
    counts = Counter(alike.number[n] for n in first), Counter(alike.number[n] for n in second)
    others = {alike.number[n]: n for n in second}
    above, other_above = _above(x), _above(y)
    moved: set[ast.AST] = set()
    for node in first:  # those around before those inside
        number = alike.number[node]
        if counts[0][number] != 1 or counts[1][number] != 1 or node in moved or not pairs.free(node, others[number]):
            continue
        if _changed_places(alike, node, above, others[number], other_above):
            moved.update(ast.walk(node))
        else:
            alike.pair(pairs, node, others[number])


def _above(statement: ast.AST) -> dict[ast.AST, ast.AST]:
    """The node around each node of a statement."""
    return {child: node for node in ast.walk(statement) for child in ast.iter_child_nodes(node)}


def _changed_places(
    alike: Alike, x: ast.AST, above: dict[ast.AST, ast.AST], y: ast.AST, other_above: dict[ast.AST, ast.AST]
) -> bool:
    """Whether two equal parts have different roles in what is of one kind: another argument of the same function, the
    value of another key, the other operand."""
    p, q = above[x], other_above[y]
    match p, q:
        case ast.keyword(), ast.keyword():
            call, other = above[p], other_above[q]
            return p.arg != q.arg and _are_calls_of_one(alike, call, other)
        case ast.Call(), ast.Call():
            alike_calls = _are_calls_of_one(alike, p, q) and len(p.args) == len(q.args)
            return alike_calls and x in p.args and y in q.args and p.args.index(x) != q.args.index(y)
        case ast.Dict(), ast.Dict():
            key, other_key = _key(p, x), _key(q, y)
            return key is not None and other_key is not None and not alike.same(key, other_key)
        case ast.Set() | ast.FormattedValue() | ast.JoinedStr(), _:
            return False
        case ast.expr(), ast.expr() if type(p) is type(q) and _label(p) == _label(q):
            return _role(p, x) != _role(q, y)
    return False


def _are_calls_of_one(alike: Alike, x: ast.AST, y: ast.AST) -> bool:
    return isinstance(x, ast.Call) and isinstance(y, ast.Call) and alike.same(x.func, y.func)


def _key(node: ast.Dict, value: ast.AST) -> ast.expr | None:
    return next((k for k, v in zip(node.keys, node.values, strict=True) if v is value), None)


def _role(node: ast.AST, part: ast.AST) -> tuple[str, int]:
    """The field, and the place in it, that a part has."""
    for name in node._fields:
        value = getattr(node, name, None)
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            if item is part:
                return name, i
    raise AssertionError("a part is in a field of what is around it")


def _counts(alike: Alike, node: ast.AST) -> bool:
    return isinstance(node, ast.expr) and alike.mass.get(node, 0) >= _SMALL


def _by_role(alike: Alike, pairs: Pairs, role: _Role) -> None:
    stack = [role]
    while stack:
        x, y, sure = stack.pop()
        if not pairs.free(x, y):
            continue
        if alike.same(x, y):
            alike.pair(pairs, x, y)
            continue
        if isinstance(x, ast.expr) and isinstance(y, ast.expr):
            constants = isinstance(x, ast.Constant) and isinstance(y, ast.Constant)
            if (sure or constants) and not _holds(alike, x, y) and not _holds(alike, y, x):
                pairs.add(x, y)
                pairs.changed.add(x)
        elif not isinstance(x, _PLACES):
            continue
        stack.extend(_roles(alike, x, y))


def _holds(alike: Alike, x: ast.AST, y: ast.AST) -> bool:
    """Does a tree have a part that equals the other tree?"""
    stack = [x]
    while stack:
        node = stack.pop()
        if alike.number[node] == alike.number[y]:
            return True
        if alike.mass[node] > alike.mass[y]:
            stack.extend(children(node))
    return False


def _roles(alike: Alike, x: ast.AST, y: ast.AST) -> Iterator[_Role]:
    """The parts of two expressions that have the same role in both."""
    if type(x) is not type(y):
        return
    match x, y:
        case ast.Call(), ast.Call():
            if alike.same(x.func, y.func):
                yield x.func, y.func, False
                yield from _items(alike, x.args, y.args, True)
                yield from _keywords(x.keywords, y.keywords)
        case ast.Dict(), ast.Dict():
            yield from _dict_values(alike, x, y)
        case ast.Constant() | ast.Name(), _:
            return
        case _:
            if _label(x) != _label(y):
                return
            for f in x._fields:
                p, q = getattr(x, f), getattr(y, f)
                if isinstance(p, list) and len(p) == len(q):
                    yield from _items(alike, p, q, False)
                elif isinstance(p, ast.AST) and p in alike.number and isinstance(q, ast.AST):
                    yield p, q, False


def _label(node: ast.AST) -> list[object]:
    """What two expressions must have in common so that their parts have the same roles."""
    label: list[object] = []
    for f in node._fields:
        value = getattr(node, f)
        if isinstance(value, list):
            label += [len(value), *(type(op) for op in value if isinstance(op, ast.cmpop))]
        elif isinstance(value, ast.operator | ast.unaryop | ast.boolop | str | int | None):
            label.append(type(value) if isinstance(value, ast.AST) else value)
    return label


def _items(alike: Alike, x: Sequence[ast.AST | None], y: Sequence[ast.AST | None], sure: bool) -> Iterator[_Role]:
    """Roles in lists. Of two lists that differ in length, what is equal and occurs once in each."""
    xs, ys = [n for n in x if isinstance(n, ast.AST)], [n for n in y if isinstance(n, ast.AST)]
    if any(n not in alike.number for n in (*xs, *ys)):
        return
    first, second = Counter(alike.number[n] for n in xs), Counter(alike.number[n] for n in ys)
    if len(xs) == len(ys):
        starred = any(isinstance(n, ast.Starred) for n in (*xs, *ys))
        for p, q in zip(xs, ys, strict=True):
            elsewhere = alike.number[p] in second or alike.number[q] in first
            if alike.same(p, q) or not elsewhere:
                yield p, q, sure and not starred and not _are_variables(p, q)
        return
    others = {alike.number[n]: (n, i) for i, n in enumerate(ys)}
    prefix = True
    for i, p in enumerate(xs):
        number = alike.number[p]
        prefix &= i < len(ys) and alike.same(p, ys[i])
        if first[number] == second[number] == 1 and (prefix or not isinstance(p, ast.Constant)):
            yield p, others[number][0], False


def _keywords(x: list[ast.keyword], y: list[ast.keyword]) -> Iterator[_Role]:
    others = {k.arg: k for k in y if k.arg is not None}
    for keyword in x:
        other = others.get(keyword.arg) if keyword.arg is not None else None
        if other is not None:
            yield keyword.value, other.value, True


def _dict_values(alike: Alike, x: ast.Dict, y: ast.Dict) -> Iterator[_Role]:
    """The values of equal keys."""
    first = Counter(alike.number[k] for k in x.keys if k is not None)
    second = {alike.number[k]: (k, v) for k, v in zip(y.keys, y.values, strict=True) if k is not None}
    count = Counter(alike.number[k] for k in y.keys if k is not None)
    for key, value in zip(x.keys, x.values, strict=True):
        if key is None:
            continue
        number = alike.number[key]
        if first[number] == count[number] == 1:
            other_key, other = second[number]
            yield key, other_key, False
            yield value, other, True
