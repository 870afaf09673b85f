"""Code lenses: run this script, its runs, its table."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lsprotocol import types

from flor_lsp.documents import Document
from flor_lsp.features.values import ago

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

_NO_SCRIPT = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)


def lenses(server: FlorServer, params: types.CodeLensParams) -> list[types.CodeLens]:
    """On the first line of a script, and of a shadow copy."""
    if not server.settings.code_lens:
        return []
    document = server.documents.get(params.text_document.uri)
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    living = document.living
    if living is not None:
        found = [("Refresh table", "flor.etl", {"uri": document.uri})]
        if living.names:
            found.append(("Open table", "flor.openTable", {"uri": document.uri}))
    else:
        runs = server.runs_of(document)
        found = []
        if document.path is not None and (is_script(document) or runs):
            found.append(("Run with Flor", "flor.run", {"uri": document.uri}))
        if runs:
            count = f"{len(runs)} run{'s' if len(runs) != 1 else ''}, last {ago(runs[0].start)}"
            found.append((count, "flor.openTable", {"uri": document.uri}))
            found.append(("Open table", "flor.openTable", {"uri": document.uri}))
    return [types.CodeLens(start, types.Command(title, name, arguments=[own])) for title, name, own in found]


def is_script(document: Document) -> bool:
    """Whether a file does something when it is run, as far as can be seen."""
    for chunk in document.chunks.chunks:
        if chunk.broken:
            continue
        for number, statement in enumerate(chunk.parsed.tree.body):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and not number:
                continue
            if not isinstance(statement, _NO_SCRIPT):
                return True
    return False
