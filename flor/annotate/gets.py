"""The GETs of a text: where they are, what they name, and the tree without them.

`GET("name", e)` around an expression names e. A statement `GET("name", x)` of its own, straight after x is bound (or at
the beginning of the body whose head binds it), names that binding. Elsewhere it is an expression statement `x` with a
GET around it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from flor.annotate.source import Parsed, parse_expression
from flor.annotate.tree import (
    FSTRINGS_HAVE_POSITIONS,
    Function,
    imported_variable,
    is_docstring,
    refused_field,
    same,
    statement_lists,
    steps_below,
    stored_names,
)

_MENTIONED = re.compile("GET|flor")
# What can stand between GET's arguments and its parentheses.
_SPACE = re.compile(r"(?:[ \t\f\r\n]|\\(?:\r\n|\r|\n)|#[^\r\n]*)*")


class GetError(Exception):
    """A GET that cannot be read: its line in the text, and one sentence that says what to do."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(eq=False)
class Get:
    """One GET, in a tree that still has it."""

    name: str
    call: ast.Call
    parent: ast.AST
    parent_field: str
    span: tuple[int, int]  # offsets of the call
    region: tuple[int, int]  # offsets of the argument's text with all its parentheses
    refused: str | None  # why nothing is evaluated here, if so
    whole: bool = False  # is it, GETs around it aside, an expression statement that names a plain variable?
    statement: ast.stmt | None = None  # that statement, if it has no parentheses
    binding: ast.AST | None = None  # the node that binds x straight before

    @property
    def argument(self) -> ast.expr:
        return self.call.args[1]

    @property
    def expression(self) -> ast.expr:
        """What is named, all GETs around it looked through."""
        node = self.argument
        while isinstance(node, ast.Call) and get_literal(node) is not None:
            node = node.args[1]
        return node


@dataclass
class Gets:
    """All GETs of a text, and the statements that are there only because of them."""

    parsed: Parsed
    found: list[Get]
    imports: list[ast.stmt] = field(default_factory=list)  # from flor import GET
    defined: int | None = None  # the line in which the text defines a GET of its own


def another_get(where: str) -> str:
    """What to say of a GET in a text that defines one of its own."""
    return f"{where} defines another GET: import flor and write flor.GET, or rename that one"


def is_get(node: ast.AST) -> bool:
    """Is this a call of `GET` or `flor.GET`?"""
    return isinstance(node, ast.Call) and (_is_bare(node) or _is_attribute(node.func))


def _is_bare(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "GET"


def _is_attribute(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "GET"
        and isinstance(node.value, ast.Name)
        and node.value.id == "flor"
    )


def get_literal(node: ast.Call) -> str | None:
    """The name that a call gives, if it is exactly `GET("literal", expression)`."""
    if not is_get(node) or node.keywords or len(node.args) != 2 or isinstance(node.args[1], ast.Starred):
        return None
    literal = node.args[0]
    return (
        literal.value
        if isinstance(literal, ast.Constant) and isinstance(literal.value, str) and literal.value
        else None
    )


def find(parsed: Parsed, strict: bool) -> Gets:
    """The GETs of a text, in source order.

    Where the text defines a GET of its own, that is not ours. `strict` raises GetError for it, and for a GET with wrong
    arguments; otherwise they count as other calls (in the source of a run they may be anything).
    """
    if "GET" not in parsed.text:
        return Gets(parsed, [])
    defined: int | None = None
    bare: list[ast.Call] = []
    flor_uses = flor_gets = 0
    found: list[Get] = []
    imports: list[ast.stmt] = []
    flor_imports: list[ast.stmt] = []
    # Nodes yet to visit, with the node above, its field, the scope around, and why nothing here is evaluated.
    stack: list[tuple[ast.AST, ast.AST, str, ast.AST, str | None]] = [(parsed.tree, parsed.tree, "", parsed.tree, None)]
    while stack:
        node, parent, parent_field, scope, refused = stack.pop()
        if isinstance(node, ast.stmt) and not _MENTIONED.search(parsed.text, parsed.start(node), parsed.end(node)):
            continue
        if isinstance(node, ast.Call) and is_get(node):
            literal = get_literal(node)
            bare += [node] if _is_bare(node) and (literal is not None or strict) else []
            flor_gets += literal is not None and not _is_bare(node)
            if literal is not None:
                found.append(Get(literal, node, parent, parent_field, (0, 0), (0, 0), refused))
            elif strict and not _is_bare(node):
                raise _wrong_arguments(node)
        elif isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name) and node.cls.id == "GET" and strict:
            raise GetError(node.lineno, "a pattern cannot be named: put the GET around the subject of the match")
        elif isinstance(node, ast.Name) and node.id == "flor":
            flor_uses += 1
        elif _imports_get(node):
            imports.append(node)  # type: ignore[arg-type]
        elif isinstance(node, ast.Import) and [(a.name, a.asname) for a in node.names] == [("flor", None)]:
            flor_imports.append(node)
        if defined is None and not isinstance(scope, ast.ClassDef) and _defines_get(node):
            defined = node.lineno  # type: ignore[attr-defined]
        inner = node if isinstance(node, Function | ast.Lambda | ast.ClassDef) else scope
        stack.extend(
            (step.node, node, step.field, inner, refused or refused_field(node, step)) for step in steps_below(node)
        )
    if defined is None:
        wrong = next((call for call in bare if get_literal(call) is None), None)
        if wrong is not None:
            raise _wrong_arguments(wrong)
    else:
        shaped = next((call for call in bare if get_literal(call) is not None), None)
        if strict and shaped is not None:
            raise GetError(shaped.lineno, another_get(f"line {defined}"))
        found = [get for get in found if not _is_bare(get.call)]
        imports = []
    if flor_gets and flor_gets == flor_uses:
        imports += flor_imports
    found.sort(key=lambda get: (get.call.lineno, get.call.col_offset))
    for get in found:
        get.span, get.region = (parsed.start(get.call), parsed.end(get.call)), _region(parsed, get)
        if not FSTRINGS_HAVE_POSITIONS:
            _check_position(parsed, get)
    gets = Gets(parsed, found, imports, defined)
    _mark_statements(gets)
    return gets


def _wrong_arguments(node: ast.Call) -> GetError:
    return GetError(
        node.lineno, f'{ast.unparse(node)[:60]} is no GET("name", expression): a literal name, then one expression'
    )


def _imports_get(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "flor"
        and not node.level
        and [(a.name, a.asname or a.name) for a in node.names] == [("GET", "GET")]
    )


def _defines_get(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name == "GET"
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name == "GET"
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name == "GET"
        case ast.ImportFrom(module="flor", level=0):
            return any(alias.asname == "GET" and alias.name != "GET" for alias in node.names)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any(imported_variable(alias) == "GET" for alias in names)
    return False


def _region(parsed: Parsed, get: Get) -> tuple[int, int]:
    text = parsed.text
    start, end = parsed.start(get.argument), parsed.end(get.argument)
    at = parsed.end(get.call.args[0])
    while text[at] != ",":  # parentheses around the literal
        at = _skip_space(text, at + (text[at] == ")"))
    region_start = at = _skip_space(text, at + 1)
    depth = 0
    while at < start and text[at] == "(":
        depth += 1
        at = _skip_space(text, at + 1)
    region_end = end
    for _ in range(depth):
        region_end = text.index(")", _skip_space(text, region_end)) + 1
    return region_start, region_end


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _check_position(parsed: Parsed, get: Get) -> None:
    """Raise GetError where Python before 3.12 misplaces a GET that stands in an f-string."""
    for node, (start, end) in ((get.call, get.span), (get.argument, get.region)):
        alone = parse_expression(parsed.text[start:end])
        if alone is None or not same(alone, node):
            raise GetError(
                get.call.lineno, "Python before 3.12 cannot read a GET in this f-string: move it out of the string"
            )


def _mark_statements(gets: Gets) -> None:
    """Find the GETs that are statements of their own, and what they name."""
    by_call = {get.call: get for get in gets.found}
    chains: dict[ast.stmt, list[Get]] = {}
    for get in gets.found:
        if isinstance(get.parent, ast.Expr) and isinstance(get.expression, ast.Name):
            chain = [get]
            while (inner := by_call.get(chain[-1].argument)) is not None:  # type: ignore[call-overload]
                chain.append(inner)
            for one in chain:
                one.whole = True
            if _is_plain(gets.parsed, get.parent, chain):
                chains[get.parent] = chain
    removable = {*chains, *gets.imports}
    if not removable:
        return
    for owner, owner_field, siblings in statement_lists(gets.parsed.tree):
        only_ours = all(s in removable for s in siblings)
        if only_ours and not isinstance(owner, ast.Module):
            gets.imports = [s for s in gets.imports if s not in siblings]
        for index, statement in enumerate(siblings):
            if statement not in chains:
                continue
            chain = chains[statement]
            name = chain[-1].argument
            assert isinstance(name, ast.Name)
            before = [s for s in siblings[:index] if s not in removable]
            binding = None if only_ours else _binding(owner, owner_field, before, name.id)
            for get in chain:
                get.statement, get.binding = statement, binding


def _is_plain(parsed: Parsed, statement: ast.Expr, chain: list[Get]) -> bool:
    """Is a GET statement written without parentheses? `GET("n", (x))` is around an expression statement."""
    return (parsed.start(statement), parsed.end(statement)) == chain[0].span and all(
        parsed.text[get.region[0]] != "(" for get in chain
    )


def _binding(owner: ast.AST, owner_field: str, before: list[ast.stmt], variable: str) -> ast.AST | None:
    """The node that binds `variable` straight before a place in a body: in the last of `before`, or in the head."""
    if before and not (len(before) == 1 and is_docstring(owner, before[0])):
        return _bound_by(before[-1], variable)
    if owner_field != "body":
        return None
    names: list[ast.Name] = []
    if isinstance(owner, ast.For | ast.AsyncFor):
        names = list(stored_names(owner.target))
    elif isinstance(owner, ast.With | ast.AsyncWith):
        names = [n for item in owner.items if item.optional_vars for n in stored_names(item.optional_vars)]
    elif isinstance(owner, ast.ExceptHandler):
        return owner if owner.name == variable else None
    elif isinstance(owner, Function):
        a = owner.args
        parameters = [*a.posonlyargs, *a.args, *a.kwonlyargs, *(p for p in (a.vararg, a.kwarg) if p)]
        return next((p for p in parameters if p.arg == variable), None)
    return next((n for n in reversed(names) if n.id == variable), None)


def _bound_by(statement: ast.stmt, variable: str) -> ast.AST | None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return next((a for a in reversed(statement.names) if imported_variable(a) == variable), None)
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign) or (isinstance(statement, ast.AnnAssign) and statement.value is not None):
        targets = [statement.target]
    names = [name for target in targets for name in stored_names(target)]
    return next((n for n in reversed(names) if n.id == variable), None)


def take_out(gets: Gets, removed: set[ast.stmt]) -> ast.Module:
    """The tree with each GET replaced by its argument, and without `removed`. Changes the tree; positions stay."""
    for get in reversed(gets.found):
        # Inner ones first, so that an outer one passes on what is left.
        value = getattr(get.parent, get.parent_field)
        if isinstance(value, list):
            value[next(i for i, item in enumerate(value) if item is get.call)] = get.argument
        else:
            setattr(get.parent, get.parent_field, get.argument)
    if removed:
        for owner, owner_field, statements in list(statement_lists(gets.parsed.tree)):
            setattr(owner, owner_field, [s for s in statements if s not in removed])
    return gets.parsed.tree
