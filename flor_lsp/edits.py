"""Edits as the client can take them."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from flor.annotate.places import Edit, apply
from flor_lsp.client import Client
from flor_lsp.documents import Document

_LAST = 2**31 - 1  # beyond the last line: LSP has it mean the end


def text_edits(document: Document, edit: Edit) -> list[types.TextEdit]:
    """An edit of a document's text, in positions. Of one that the client may have otherwise it is all of the text."""
    if document.is_unsaved:
        everything = types.Range(types.Position(0, 0), types.Position(_LAST, 0))
        return [types.TextEdit(everything, apply(edit, document.text))]
    return [types.TextEdit(document.content.range(start, end), new) for start, end, new in sorted(edit)]


def difference(old: str, new: str) -> Edit:
    """The edit from one text to another: what is between the beginning and the end that they share."""
    if old == new:
        return []
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    room = min(len(old), len(new)) - start
    same = next((i for i in range(room) if old[-1 - i] != new[-1 - i]), room)
    return [(start, len(old) - same, new[start : len(new) - same])]


def of_document(client: Client, document: Document, edits: Sequence[types.TextEdit]) -> types.WorkspaceEdit:
    """The edit of a document that is there. One that is open is to be of the version that the edit was made for."""
    if not client.document_changes:
        return types.WorkspaceEdit(changes={document.uri: list(edits)})
    at = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(at, list(edits))])


def of_new_file(client: Client, uri: str, text: str) -> types.WorkspaceEdit:
    """The edit that makes a file and fills it."""
    start = types.Position(0, 0)
    fill = [types.TextEdit(types.Range(start, start), text)]
    if not client.document_changes or not client.creates_files:
        return types.WorkspaceEdit(changes={uri: list(fill)})
    at = types.OptionalVersionedTextDocumentIdentifier(uri, None)
    return types.WorkspaceEdit(
        document_changes=[
            types.CreateFile(uri, options=types.CreateFileOptions(overwrite=False, ignore_if_exists=True)),
            types.TextDocumentEdit(at, list(fill)),
        ]
    )
