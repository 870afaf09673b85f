"""Random edits of a source that know which expression is which afterwards.

Every node of the source is given a number, which an edit leaves to what it moves, renames or changes, and takes from
what it copies.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from flor.annotate.definitions import SMALL_DEFINITION
from flor.annotate.scopes import own_nodes
from flor.annotate.tree import BODIES, paired

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass
class Edited:
    """A source before and after some edits."""

    before: ast.Module
    after: ast.Module  # of its own text
    number: dict[ast.AST, int]  # of each node of `before`
    origin: dict[ast.AST, int | None]  # for each node of `after`; None: it is new
    copied: dict[ast.AST, int | None]  # of what it is a copy
    done: list[str]

    def is_true(self, x: ast.AST, y: ast.AST) -> bool:
        """Is `y` what became of `x`? So is its copy, if `x` or what was around it is gone, or says something else."""
        if self.origin[y] is not None:
            return self.origin[y] == self.number[x]
        left = set(self.origin.values())
        statements = _around(self.before, x)
        if self.copied[y] == self.number[x] and any(self.number[n] not in left for n in (x, *statements)):
            return True
        said = [ast.dump(s) for s in statements]
        says = [ast.dump(s) for s in _around(self.after, y)]
        own = [n for n, origin in self.origin.items() if origin == self.number[x]]
        others = {ast.dump(s) for n in own for s in _around(self.after, n)}
        return any(one == other not in others for one, other in zip(said, says, strict=False))


def _around(tree: ast.Module, node: ast.AST) -> list[ast.stmt]:
    """The statements around a node, the innermost first."""
    return [s for s in ast.walk(tree) if isinstance(s, ast.stmt) and any(n is node for n in ast.walk(s))][::-1]


def edited(text: str, edits: list[tuple[str, int]]) -> Edited | None:
    """The source with the edits made, each of a kind and with a seed; None if Python writes it so that it reads
    otherwise."""
    before = ast.parse(text)
    number: dict[ast.AST, int] = {}
    for n, node in enumerate(ast.walk(before)):
        number[node] = node.origin = n  # type: ignore[attr-defined]
    tree = copy.deepcopy(before)
    editor = Editor(tree)
    for kind, seed in edits:
        editor.edit(kind, random.Random(seed))
    try:
        after = ast.parse(ast.unparse(tree))
    except SyntaxError:
        return None
    partner = paired(after, tree)
    if partner is None:
        return None
    origin = {node: getattr(partner[node], "origin", None) for node in partner}
    copied = {node: getattr(partner[node], "copied", None) for node in partner}
    return Edited(before, after, number, origin, copied, editor.done)


@dataclass
class Editor:
    tree: ast.Module
    done: list[str] = field(default_factory=list)
    _fresh: int = 0

    def edit(self, kind: str, chosen: random.Random) -> None:
        method: Callable[[random.Random], str | None] = getattr(self, f"_{kind}")
        what = method(chosen)
        if what is not None:
            self.done.append(f"{kind}: {what}")

    def _new_name(self) -> str:
        self._fresh += 1
        return f"fresh_{self._fresh}"

    def _bodies(self) -> list[list[ast.stmt]]:
        return [
            getattr(node, name)
            for node in ast.walk(self.tree)
            for name in sorted(BODIES.intersection(node._fields) - {"handlers", "cases"})
            if getattr(node, name) and isinstance(getattr(node, name), list)
        ]

    def _rename(self, chosen: random.Random) -> str | None:
        functions = [n for n in ast.walk(self.tree) if isinstance(n, Function)]
        if not functions:
            return None
        function = chosen.choice(functions)
        inside = [n for s in function.body for n in ast.walk(s)]
        bound = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        for node in inside:
            if isinstance(node, ast.Global | ast.Nonlocal):
                bound -= set(node.names)
            elif isinstance(node, Scope):  # what is bound in there too may be another variable
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                bound -= names | {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)}
            elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler):
                bound.discard(node.name or "")
            elif isinstance(node, ast.alias):
                bound.discard(node.asname or node.name)
        if not bound:
            return None
        old, new = chosen.choice(sorted(bound)), self._new_name()
        for node in [*inside, *function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]:
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new
            elif isinstance(node, ast.arg) and node.arg == old:
                node.arg = new
        for star in (function.args.vararg, function.args.kwarg):
            if star is not None and star.arg == old:
                star.arg = new
        return f"{old} in {function.name}"

    def _insert(self, chosen: random.Random) -> str:
        body = chosen.choice(self._bodies())
        values = [n.value for n in ast.walk(self.tree) if isinstance(n, ast.Assign | ast.Return) and n.value]
        value = _copy(chosen.choice(values)) if values and chosen.random() < 0.5 else ast.Constant(chosen.random())
        statement = ast.Assign([ast.Name(self._new_name(), ast.Store())], value, lineno=1)
        body.insert(chosen.randint(0, len(body)), statement)
        return ast.unparse(statement)

    def _delete(self, chosen: random.Random) -> str | None:
        bodies = [b for b in self._bodies() if len(b) > 1]
        if not bodies:
            return None
        body = chosen.choice(bodies)
        return ast.unparse(body.pop(chosen.randrange(len(body)))).partition("\n")[0]

    def _duplicate(self, chosen: random.Random) -> str:
        body = chosen.choice(self._bodies())
        statement = _copy(chosen.choice(body))
        body.insert(chosen.randint(0, len(body)), statement)  # type: ignore[arg-type]
        return ast.unparse(statement).partition("\n")[0]

    def _move(self, chosen: random.Random) -> str | None:
        bodies = [b for b in self._bodies() if any(isinstance(s, Function) for s in b) and len(b) > 1]
        if not bodies:
            return None
        body = chosen.choice(bodies)
        function = chosen.choice([s for s in body if isinstance(s, Function)])
        body.remove(function)
        body.insert(chosen.randint(0, len(body)), function)
        return function.name

    def _wrap(self, chosen: random.Random) -> str:
        body = chosen.choice(self._bodies())
        start = chosen.randrange(len(body))
        end = chosen.randint(start + 1, min(len(body), start + 6))
        if end - start == 1 and isinstance(body[start], Function | ast.ClassDef):
            return "nothing"
        name = self._new_name()
        heads = ("if {}:", "with {}():", "for {} in {}s:", "while {}:", "try:", "def {}():")
        text = chosen.choice(heads).replace("{}", name)
        block = ast.parse(f"{text}\n pass" + ("\nfinally: pass" if text == "try:" else "")).body[0]
        block.body = body[start:end]  # type: ignore[attr-defined]
        body[start:end] = [block]
        return f"{text} around {ast.unparse(block.body[0])[:40]}"  # type: ignore[attr-defined]

    def _unwrap(self, chosen: random.Random) -> str | None:
        found = [
            (body, s)
            for body in self._bodies()
            for s in body
            if isinstance(s, ast.If | ast.For | ast.With | ast.While) and not getattr(s, "orelse", None)
        ]
        if not found:
            return None
        body, statement = chosen.choice(found)
        at = body.index(statement)
        body[at : at + 1] = statement.body
        return ast.unparse(statement).partition("\n")[0]

    def _constant(self, chosen: random.Random) -> str | None:
        hidden = {
            id(c)
            for n in ast.walk(self.tree)
            if isinstance(n, ast.JoinedStr | ast.Expr)
            for c in (n.values if isinstance(n, ast.JoinedStr) else [n.value])
        }
        found = [
            n
            for n in ast.walk(self.tree)
            if isinstance(n, ast.Constant) and isinstance(n.value, int | float | str) and id(n) not in hidden
        ]
        if not found:
            return None
        constant = chosen.choice(found)
        old = constant.value
        constant.value = self._new_name() if isinstance(old, str) else 1000 + chosen.randrange(10**6)
        return f"{old!r} to {constant.value!r}"

    def _exchange_values(self, chosen: random.Random) -> str | None:
        """Two values in a function change places."""
        functions = [n for n in ast.walk(self.tree) if isinstance(n, Function)]
        if not functions:
            return None
        kinds = ast.Call | ast.BinOp | ast.Subscript | ast.Compare
        own = (node for node, _ in own_nodes(chosen.choice(functions).body))
        statements = [n for n in own if isinstance(n, ast.Assign | ast.Return)]
        statements = [s for s in statements if isinstance(s.value, kinds)]
        if len(statements) < 2:
            return None
        x, y = chosen.sample(statements, 2)
        one, other = ast.unparse(x.value), ast.unparse(y.value)  # type: ignore[arg-type]
        if one in other or other in one:
            return None
        x.value, y.value = y.value, x.value
        return f"{ast.unparse(x)}, {ast.unparse(y)}"

    def _exchange_names(self, chosen: random.Random) -> str | None:
        """Two functions that are not small exchange their names."""
        bodies = [
            [s for s in body if isinstance(s, Function) and sum(1 for _ in ast.walk(s)) >= SMALL_DEFINITION]
            for body in self._bodies()
        ]
        bodies = [body for body in bodies if len(body) > 1]
        if not bodies:
            return None
        x, y = chosen.sample(chosen.choice(bodies), 2)
        x.name, y.name = y.name, x.name
        return f"{x.name}, {y.name}"

    def _argument(self, chosen: random.Random) -> str | None:
        calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call)]
        calls = [c for c in calls if not any(isinstance(a, ast.Starred | ast.GeneratorExp) for a in c.args)]
        if not calls:
            return None
        call = chosen.choice(calls)
        new = ast.Name(self._new_name(), ast.Load())
        if chosen.random() < 0.5:
            call.keywords.append(ast.keyword(new.id, new))
        else:
            call.args.insert(chosen.randint(0, len(call.args)), new)
        return ast.unparse(call)


_NO_KINDS = ("__", "_new", "_fresh", "_bod", "_exchange")
KINDS = [name[1:] for name in vars(Editor) if name.startswith("_") and not name.startswith(_NO_KINDS)]
#: After these most is where it was, but says what another one said.
EXCHANGES = ["exchange_values", "exchange_names"]


def _copy(node: ast.AST) -> ast.AST:
    """A copy of which nothing comes from the source."""
    found = copy.deepcopy(node)
    for part in ast.walk(found):
        if hasattr(part, "origin"):
            part.copied = part.origin  # type: ignore[attr-defined]
            del part.origin
    return found


def places(tree: ast.AST) -> Iterator[ast.AST]:
    """What may have a name: expressions that are evaluated, and what binds variables."""
    for node in ast.walk(tree):
        is_value = isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if is_value or isinstance(node, ast.Name | ast.arg | ast.alias | ast.ExceptHandler):
            yield node
