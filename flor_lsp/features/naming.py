"""Name this expression: the code action, and the command for clients that ask the user for a name first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor.annotate.places import Refusal
from flor.errors import FlorError
from flor_lsp import copies
from flor_lsp.copies import Selected
from flor_lsp.documents import Document, path_of, uri_of
from flor_lsp.messages import NameExpression, OfName, Selection, structured
from flor_lsp.protocol import ReplyError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

KIND = "refactor.extract.name"
COMMAND = "flor.nameExpression"
ASK = "flor.client.nameExpression"
AFTER = "flor.afterNaming"

_LONGEST = 40  # characters of an expression in a title


def actions(server: FlorServer, document: Document, range_: types.Range, explicit: bool) -> Iterator[types.CodeAction]:
    """What can be named at a selection or a caret. `explicit`: the user asked for refactorings."""
    start, end = document.content.offsets(range_)
    found = copies.selected(document, start, end)
    if isinstance(found, Refusal):
        if explicit and server.client.disabled_actions:
            reason = types.CodeActionDisabled(found.reason)
            yield types.CodeAction("Name this expression", kind=KIND, disabled=reason)
        return
    try:
        taken = _taken(server, document)
    except FlorError as error:
        if explicit and server.client.disabled_actions:
            yield types.CodeAction("Name this expression", kind=KIND, disabled=types.CodeActionDisabled(str(error)))
        return
    for own in found:
        name = copies.suggested(document, own, taken)
        data = {
            "action": "name",
            "uri": document.uri,
            "version": document.version,
            "start": own.start,
            "end": own.end,
            "kind": own.expression.kind,
            "name": name,
        }
        title = f'Name this expression: "{name}"'
        if len(found) > 1:  # which one is not to be seen in the editor
            text = " ".join(own.expression.text.split())
            title += f" ({text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'})"
        yield from _action(server, document, own, title, name, data)


def _action(
    server: FlorServer, document: Document, own: Selected, title: str, name: str, data: dict[str, Any]
) -> Iterator[types.CodeAction]:
    client = server.client
    if client.prompts:
        asked = _asked(server, document, own, name)
        yield types.CodeAction(title, kind=KIND, command=types.Command(title, ASK, arguments=[asked]))
    elif client.resolves_edits and client.keeps_data:
        yield types.CodeAction(title, kind=KIND, data=data)
    else:
        edit = _edit(server, document, own, name)
        if not isinstance(edit, Refusal):
            yield types.CodeAction(title, kind=KIND, edit=edit[0], command=_then(server, edit, name))


def _asked(server: FlorServer, document: Document, own: Selected, name: str) -> dict[str, Any]:
    """What a client that prompts asks about."""
    range_ = server.protocol._converter.unstructure(document.content.range(own.start, own.end))
    text = own.expression.text
    return {"uri": document.uri, "version": document.version, "range": range_, "name": name, "text": text}


async def nameable(server: FlorServer, params: Any) -> dict[str, Any]:
    """What can be named at a selection or a caret, the innermost first. Raises ReplyError that says why nothing can."""
    asked = structured(Selection, params)
    document = server.documents.get(asked.uri)
    found = copies.selected(document, *document.content.offsets(asked.range))
    if isinstance(found, Refusal):
        raise ReplyError(found.reason)
    taken = _taken(server, document)
    return {"expressions": [_asked(server, document, own, copies.suggested(document, own, taken)) for own in found]}


def resolve(server: FlorServer, action: types.CodeAction, data: dict[str, Any]) -> types.CodeAction:
    """The action with its edit. Raises ReplyError if the document has changed since, or nothing can be named."""
    document, own = _meant(server, data)
    edit = _edit(server, document, own, str(data.get("name")))
    if isinstance(edit, Refusal):
        raise ReplyError(edit.reason)
    action.edit = edit[0]
    action.command = _then(server, edit, str(data.get("name")))
    return action


def _then(server: FlorServer, made: copies.Naming, name: str) -> types.Command | None:
    """What follows the edit: the table is made anew."""
    _, shadow, text = made
    if not server.settings.etl_on_name or shadow is None:
        return None
    server.documents.intend(shadow, text)
    server.remember(shadow, text)
    return types.Command("Refresh table", AFTER, arguments=[{"uri": uri_of(shadow), "name": name}])


def after_naming(server: FlorServer, arguments: Any) -> None:
    """The command that follows the edit."""
    asked = structured(OfName, arguments)
    server.after_naming(path_of(asked.uri), asked.name)


def _meant(server: FlorServer, data: dict[str, Any]) -> tuple[Document, Selected]:
    uri, version, start, end = (data.get(key) for key in ("uri", "version", "start", "end"))
    if not isinstance(uri, str) or not isinstance(start, int) or not isinstance(end, int):
        raise ReplyError("this is no action of flor-lsp", types.ErrorCodes.InvalidParams)
    document = server.documents.get(uri)
    if document.version != version:
        raise ReplyError("the file has changed since: ask again", types.LSPErrorCodes.ContentModified)
    own = at(document, start, end, data.get("kind"))
    if own is None:
        raise ReplyError("there is no such expression any more: ask again", types.LSPErrorCodes.ContentModified)
    return document, own


def at(document: Document, start: int, end: int, kind: object = None) -> Selected | None:
    """What stands exactly between two offsets; else what is meant by that selection."""
    found = copies.selected(document, start, end)
    chosen = [] if isinstance(found, Refusal) else found
    around = copies.selected(document, start, start)
    chosen = [*chosen, *([] if isinstance(around, Refusal) else around)]
    exact = [own for own in chosen if (own.start, own.end) == (start, end) and kind in (None, own.expression.kind)]
    return exact[0] if exact else (chosen[0] if kind is None and chosen else None)


def _edit(server: FlorServer, document: Document, own: Selected, name: str) -> copies.Naming | Refusal:
    return copies.naming(server.client, server.documents, document, own, name)


def _taken(server: FlorServer, document: Document) -> set[str]:
    """The names that the shadow copy has. Raises FlorError if there can be none."""
    living = document.living
    if living is None:
        if document.path is None:
            raise FlorError("this is no file yet: save it, so that its shadow copy has a place")
        there = copies.existing(server.documents, copies.of_source(server.documents, document.path))
        living = None if there is None else there[1]
    return set() if living is None else {own.name for own in living.names}


async def name_expression(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """The command: names what is selected, by an edit that the server sends. Answers the name and the shadow copy."""
    asked = structured(NameExpression, arguments)
    document = server.documents.get(asked.uri)
    if asked.version is not None and document.version != asked.version:
        raise ReplyError("the file has changed since: ask again", types.LSPErrorCodes.ContentModified)
    found = copies.selected(document, *document.content.offsets(asked.range))
    if isinstance(found, Refusal):
        raise ReplyError(found.reason)
    own = at(document, *document.content.offsets(asked.range)) or found[0]
    name = asked.name or copies.suggested(document, own, _taken(server, document))
    made = copies.naming(server.client, server.documents, document, own, name)
    if isinstance(made, Refusal):
        raise ReplyError(made.reason)
    edit, path, text = made
    if path is not None:
        server.documents.intend(path, text)
    await server.apply(edit, f'Name "{name}"')
    server.remember(path, text)
    server.after_naming(path, name)
    return {"name": name, "shadow": str(path) if path is not None else document.uri}
