"""What a piece of syntax is and binds. Pure functions of the tree, for the rewriter."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from flor.capture.secrets import is_secret
from flor.capture.sites import Span


def utf8(data: bytes) -> bytes:
    """The source as UTF-8 without a byte order mark, which is what ast's columns count in."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    if b"coding" not in b"\n".join(data.split(b"\n", 2)[:2]):
        return data
    from importlib.util import decode_source

    return decode_source(data).encode()


def span(node: Any) -> Span:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def location(node: Any) -> dict[str, Any]:
    line, column, end_line, end_column = span(node)
    return {"lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column}


def prologue(body: list[ast.stmt]) -> int:
    """How many first statements must stay first: the docstring and `from __future__` imports."""
    count = 0
    for i, statement in enumerate(body):
        docstring = i == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        if not docstring and not future:
            break
        count += 1
    return count


def ended(body: list[ast.stmt], end: ast.stmt) -> list[ast.stmt]:
    """The body with the statement `end` at each place where it ends by running off its last line."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        last.body, last.orelse = ended(last.body, end), ended(last.orelse, end)
        return body
    if isinstance(last, ast.Try) and not last.finalbody:
        last.orelse = ended(last.orelse, end)
        for handler in last.handlers:
            handler.body = ended(handler.body, end)
        return body
    if isinstance(last, ast.Match):
        for case in last.cases:
            case.body = ended(case.body, end)
    return [*body, end]


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    optional = [arguments.vararg] if arguments.vararg else []
    last = [arguments.kwarg] if arguments.kwarg else []
    return [*arguments.posonlyargs, *arguments.args, *optional, *arguments.kwonlyargs, *last]


def literal(node: ast.expr) -> bool:
    """True for what the compiler makes a constant of: its value can be read off the source."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        number = node.operand.value if isinstance(node.operand, ast.Constant) else None
        return isinstance(node.op, ast.USub | ast.UAdd) and isinstance(number, int | float | complex)
    return isinstance(node, ast.Tuple) and all(map(literal, node.elts))


def operands(node: ast.expr) -> list[ast.expr]:
    """The constants in a constant."""
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return elements
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.BinOp(left=left, right=right):
            return [left, right]
    return []


def folded(node: ast.expr) -> str | None:
    """The literal of an operation's value if the compiler makes a constant of it, as of `24 * 60`; else None."""
    parts = [node]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.BinOp):
            parts += [part.left, part.right]
        elif not literal(part):
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(ast.Expression(node), "", "eval", dont_inherit=True)
    if len(code.co_consts) != 1 or not isinstance(code.co_consts[0], int | float | str | bytes):
        return None
    text = repr(code.co_consts[0])
    return text if text.strip("-") not in ("inf", "nan") else None


def debug(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "__debug__"


def decided(node: ast.expr) -> bool:
    """True for a condition of which the compiler knows the truth."""
    return literal(node) or debug(node)


def decides(node: ast.expr) -> bool:
    """True for what the compiler, in a condition, makes jumps of: its parts are conditions, it has no value itself."""
    return isinstance(node, ast.BoolOp | ast.IfExp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))


def decisive(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of a condition whose truth decides."""
    if not decides(node):
        yield node
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from decisive(value)
    elif isinstance(node, ast.UnaryOp):
        yield from decisive(node.operand)
    elif isinstance(node, ast.IfExp):
        yield from decisive(node.body)
        yield from decisive(node.orelse)


def callee(node: ast.Call) -> str | None:
    return node.func.id if isinstance(node.func, ast.Name) else None


def loop_name(target: ast.expr) -> str:
    text = ast.unparse(target)
    return text[1:-1] if isinstance(target, ast.Tuple) else text


def looks_secret(node: ast.AST, text: str, keyword: str | None, assignee: str | list[str] | None) -> bool:
    """Whether a name in or around the expression looks like a secret's."""
    names = [keyword] if keyword else []
    names += [assignee] if isinstance(assignee, str) else assignee or []
    if isinstance(node, ast.Name):
        names.append(node.id)
    elif isinstance(node, ast.Attribute):
        names.append(node.attr)
    elif isinstance(node, ast.Subscript):
        key = node.slice
        names += [key.value] if isinstance(key, ast.Constant) and isinstance(key.value, str) else []
    elif isinstance(node, ast.Call):  # os.environ.get("API_KEY"), getpass()
        names += [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        names += ["password"] if text.startswith(("getpass.", "getpass(")) else []
    elif isinstance(node, ast.arg | ast.alias | ast.ExceptHandler):
        names.append(text)
    return any(is_secret(word[-1]) for n in names if len(n) < 200 and (word := re.findall(r"\w[\w-]*", n)))


def inside(node: ast.AST) -> Iterable[ast.AST]:
    """The node and what lies in it, other functions and classes excepted."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))


#: Functions and classes that Python itself has under these names, whatever it runs.
BUILTINS = frozenset(n for n, v in vars(builtins).items() if getattr(v, "__module__", "") == "builtins")

_SUSPENSIONS = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith)


def suspends(body: Iterable[ast.stmt]) -> bool:
    """True for a generator's body."""
    return any(isinstance(n, ast.Yield | ast.YieldFrom) for s in body for n in inside(s))


def suspends_itself(node: ast.stmt) -> bool:
    """True if control can leave and come back in this statement's own expressions, not only in its body."""
    if isinstance(node, ast.AsyncFor | ast.AsyncWith):
        return True
    parts = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr | ast.withitem | ast.keyword)]
    return any(
        isinstance(n, _SUSPENSIONS) or (isinstance(n, ast.comprehension) and n.is_async)
        for p in parts
        for n in inside(p)
    )


def has_loop(body: Iterable[ast.stmt]) -> bool:
    loops = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)
    return any(isinstance(n, loops) for s in body for n in inside(s))


def holds_code(node: ast.stmt) -> bool:
    """True if a loop, a comprehension, a function or a class stands in the statement."""
    held = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    return any(isinstance(n, (*held, ast.comprehension)) for n in ast.walk(node))


def holders(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that the body takes items or attributes of."""
    holding = (n.value for s in body for n in ast.walk(s) if isinstance(n, ast.Subscript | ast.Attribute))
    return frozenset(n.id for n in holding if isinstance(n, ast.Name))


def rebound(body: Iterable[ast.stmt]) -> set[str]:
    """Names that the body binds anew."""
    return {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}


def bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that are bound or unbound in `nodes`, but for what functions and classes in them bind for themselves."""
    return {name for node in nodes for n in inside(node) for name in binds(n)}


#: What binds local names of functions from outside, or begins a debugger's session, in which the user may.
_REACHES = frozenset(("f_locals", "cell_contents", "breakpoint", "set_trace", "settrace"))


def reaches_into_frames(tree: ast.AST) -> bool:
    """Whether local names in a source may be bound by others than the statements that bind them."""
    for node in ast.walk(tree):
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value
        if word in _REACHES:
            return True
    return False


def bound_anywhere(tree: ast.AST) -> frozenset[str]:
    """Names that are bound or unbound anywhere in a source; "*" for those of a star import."""
    nodes = list(ast.walk(tree))
    parameters = (n.arg for n in nodes if isinstance(n, ast.arg))
    types = (n.name for n in nodes if type(n).__name__ in ("TypeVar", "TypeVarTuple", "ParamSpec"))  # type: ignore[attr-defined]
    return frozenset([*parameters, *types, *(name for node in nodes for name in binds(node))])


def binds_names_only(target: ast.expr) -> bool:
    """Whether nothing of the program's own runs when a loop's target is bound."""
    return isinstance(target, ast.Name)


def binds(node: ast.AST) -> list[str]:
    """Names that this node itself binds or unbinds."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [a.asname or a.name.partition(".")[0] for a in node.names]
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def steady(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    """Local names of a function that only its own statements bind: between two of them their values stay."""
    body: list[Any] = node.body if isinstance(node.body, list) else [node.body]
    names = {a.arg for a in parameters(node.args)} | bound(body)
    for part in body:
        for n in ast.walk(part):
            if isinstance(n, ast.Global | ast.Nonlocal):  # also those of functions inside
                names.difference_update(n.names)
            elif isinstance(n, ast.NamedExpr):
                names.discard(n.target.id)
            elif isinstance(n, ast.ExceptHandler):
                names.discard(n.name or "")
            elif isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del):
                names.discard(n.id)
    return frozenset(names)
