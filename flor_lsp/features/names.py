"""A shadow copy as a living document: rename, remove, jump to the source, complete, and what is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from flor.annotate.living import Living, Named
from flor.annotate.places import Refusal
from flor.annotate.source import Lines
from flor.annotate.tree import same_code
from flor.errors import FlorError
from flor_lsp import edits
from flor_lsp.documents import Document
from flor_lsp.features import logged
from flor_lsp.messages import OfDocument, OfName, RenameName, structured
from flor_lsp.protocol import ReplyError

if TYPE_CHECKING:
    from flor_lsp.server import FlorServer

REWRITE = "refactor.rewrite.name"
UPDATE = "flor.updateShadow"
CHANGED = "source-changed"

_SOURCE = "Flor"


def _copy(server: FlorServer, uri: str) -> tuple[Document, Living]:
    """A shadow copy. Raises ReplyError if this is none."""
    document = server.documents.get(uri)
    if (living := document.living) is None:
        raise ReplyError(f"{document.shown_as} is no shadow copy: its first line does not name a source")
    return document, living


def _named(living: Living, name: str) -> Named:
    found = next((own for own in living.names if own.name == name), None)
    if found is None:
        known = ", ".join(own.name for own in living.names)
        raise ReplyError(f'there is no name "{name}"; ' + (f"there are: {known}" if known else "there is none yet"))
    return found


# ---- rename, remove


def actions(server: FlorServer, document: Document, range_: types.Range) -> Iterator[types.CodeAction]:
    """Remove the name whose GET is at the caret."""
    living = document.living
    if living is None:
        return
    start, end = document.content.offsets(range_)
    around = [own for own in living.names if own.start <= start and end <= own.end]
    if not around:
        return
    own = min(around, key=lambda one: one.end - one.start)
    action = types.CodeAction(f'Remove name "{own.name}"', kind=REWRITE)
    if server.client.resolves_edits and server.client.keeps_data:
        action.data = {"action": "remove", "uri": document.uri, "version": document.version, "name": own.name}
        yield action
        return
    try:
        action.edit = _removal(server, document, living, own)
    except FlorError:
        return
    yield action


def resolve_removal(server: FlorServer, action: types.CodeAction, data: dict[str, Any]) -> types.CodeAction:
    """The action with its edit. Raises ReplyError if the document has changed since."""
    document, living = _copy(server, str(data.get("uri")))
    if document.version != data.get("version"):
        raise ReplyError("the file has changed since: ask again", types.LSPErrorCodes.ContentModified)
    action.edit = _removal(server, document, living, _named(living, str(data.get("name"))))
    return action


def _removal(server: FlorServer, document: Document, living: Living, own: Named) -> types.WorkspaceEdit:
    return edits.of_document(server.client, document, edits.text_edits(document, living.remove(own)))


def prepare_rename(server: FlorServer, params: types.PrepareRenameParams) -> types.PrepareRenameResult | None:
    """On a name of a shadow copy: where it is. Elsewhere nothing, and other servers may."""
    document = server.documents.get(params.text_document.uri)
    living = document.living
    own = None if living is None else living.named_at(document.content.offset(params.position))
    if own is None:
        return None
    start, end = own.literal
    return types.PrepareRenamePlaceholder(document.content.range(start + 1, end - 1), own.name)


def rename(server: FlorServer, params: types.RenameParams) -> types.WorkspaceEdit | None:
    """Rename the name at a position. Raises ReplyError if it cannot be called so."""
    document = server.documents.get(params.text_document.uri)
    living = document.living
    own = None if living is None else living.named_at(document.content.offset(params.position))
    if living is None or own is None:
        return None
    return _renaming(server, document, living, own, params.new_name)


def _renaming(server: FlorServer, document: Document, living: Living, own: Named, new: str) -> types.WorkspaceEdit:
    edit = living.rename(own, new)
    if isinstance(edit, Refusal):
        raise ReplyError(edit.reason)
    return edits.of_document(server.client, document, edits.text_edits(document, edit))


async def remove_name(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """The command: removes a name, by an edit that the server sends."""
    asked = structured(OfName, arguments)
    document, living = _copy(server, asked.uri)
    await server.apply(_removal(server, document, living, _named(living, asked.name)), f'Remove name "{asked.name}"')
    server.after_naming(document.path)
    return {"name": asked.name}


async def rename_name(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """The command: renames a name, by an edit that the server sends."""
    asked = structured(RenameName, arguments)
    document, living = _copy(server, asked.uri)
    edit = _renaming(server, document, living, _named(living, asked.name), asked.new_name)
    await server.apply(edit, f'Rename "{asked.name}"')
    server.after_naming(document.path)
    return {"name": asked.new_name}


# ---- when the source has changed


def quick_fixes(
    server: FlorServer, document: Document, diagnostics: Sequence[types.Diagnostic]
) -> Iterator[types.CodeAction]:
    """Update shadow copy, for a diagnostic that says that the source has changed."""
    found = [own for own in diagnostics if own.code == CHANGED]
    if found and document.living is not None and server.client.applies_edits:
        title = "Update shadow copy"
        command = types.Command(title, UPDATE, arguments=[{"uri": document.uri}])
        yield types.CodeAction(title, kind=types.CodeActionKind.QuickFix, diagnostics=found, command=command)


async def update_shadow(server: FlorServer, arguments: Any) -> dict[str, Any]:
    """The command: carries the names over to the source as it is now, by an edit that the server sends. Answers what
    could not be carried, and what is another expression now."""
    asked = structured(OfDocument, arguments)
    document, living = _copy(server, asked.uri)
    assert living.source_path is not None
    text, version = document.text, document.version
    source = server.documents.of(living.source_path)
    unsaved = source.text if source.version is not None else None

    async def work(_: Any) -> Any:
        shadow = str(document.path or document.uri)
        return await server.maker.call("update", shadow=shadow, text=text, source=unsaved)

    made = await server.jobs.run("update", f"Update {document.shown_as}", work)
    if document.version != version or document.text != text:
        raise ReplyError("the file has changed since: try it again", types.LSPErrorCodes.ContentModified)
    edit = edits.difference(text, made["text"])
    if edit:
        changed = edits.of_document(server.client, document, edits.text_edits(document, edit))
        await server.apply(changed, "Update shadow copy")
        server.remember(document.path, made["text"])
        server.after_naming(document.path)
    if made["lost"]:
        lost = "; ".join(made["lost"])
        server.say(types.MessageType.Warning, f"{document.shown_as}: {lost}")
    return {"lost": made["lost"], "inexact": made["inexact"]}


# ---- to the source and back


def definition(server: FlorServer, params: types.DefinitionParams) -> types.Location | None:
    """From a name in a shadow copy to its place in the source. Elsewhere nothing."""
    document = server.documents.get(params.text_document.uri)
    living = document.living
    own = None if living is None else living.named_at(document.content.offset(params.position))
    if living is None or own is None or living.source_path is None:
        return None
    try:
        source = server.documents.of(living.source_path)
    except FlorError:
        return None
    place = place_in_source(server, living, own, source)
    return None if place is None else types.Location(source.uri, source.content.range(*place))


def place_in_source(server: FlorServer, living: Living, own: Named, source: Document) -> tuple[int, int] | None:
    """The offsets of what is named in the source as it is now; None where it is another expression, or that is not
    plain."""
    span = server.values.between(source.chunks, server.stripped(living)).back(own.chunk, own.place.span)
    if span is None:
        return None
    lines = Lines(source.text)
    return lines.offset(*span[:2]), lines.offset(*span[2:])


# ---- completion


#: What is written before a name, up to its first character. In a source a log statement is meant.
_OPENED = re.compile(r"""\b(GET|log|arg)\(\s*(["'])(?:(?!\2).)*$""")


def completion(server: FlorServer, params: types.CompletionParams) -> list[types.CompletionItem]:
    """Within the quotes of `GET("`: names that the experiment's table has, or that its programs log. Of `log("` and
    `arg("` in a source: those that they log. Elsewhere nothing."""
    document = server.documents.get(params.text_document.uri)
    offset = document.content.offset(params.position)
    opened = _OPENED.search(document.text[max(0, offset - 200) : offset].rpartition("\n")[2])
    living = document.living
    if opened is None or (opened[1] == "GET") != (living is not None):
        return []
    runs = server.runs_of(document)
    told = [] if not runs else logged.names_of_run(runs[0])
    if living is None:
        return [_item(name, "a name that this experiment's runs log") for name in told]
    taken = {own.name for own in living.names}
    known = [name for name in server.known_names(document) if name not in taken | {*told}]
    return [
        *(_item(name, "a name of this experiment's runs") for name in known),
        *(
            _item(name, "the program logs this: its column gets another name", "~")
            for name in told
            if name not in taken
        ),
    ]


def _item(name: str, detail: str, before: str = "") -> types.CompletionItem:
    """`before`: what it is sorted by, before its name."""
    return types.CompletionItem(
        name, kind=types.CompletionItemKind.Field, detail=detail, sort_text=f"{before}{name}" if before else None
    )


# ---- diagnostics


def publish(server: FlorServer, document: Document) -> None:
    """Say what is wrong with a shadow copy; of another file, that nothing is."""
    found = list(_diagnostics(server, document)) if server.settings.diagnostics else []
    if found or document.uri in server.published:
        server.published.add(document.uri)
        params = types.PublishDiagnosticsParams(document.uri, found, document.version)
        server.text_document_publish_diagnostics(params)


def forget(server: FlorServer, uri: str) -> None:
    """Say nothing any more of a document that is closed."""
    if uri in server.published:
        server.published.discard(uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def _diagnostics(server: FlorServer, document: Document) -> Iterator[types.Diagnostic]:
    living = document.living
    if living is None:
        return
    for problem in living.problems:
        yield _diagnostic(document, problem.start, problem.end, problem.message, types.DiagnosticSeverity.Error)
    for own in living.names:
        for text in server.remarks.get((str(document.path), own.name), []):
            yield _diagnostic(document, *own.literal, text, types.DiagnosticSeverity.Information)
    path = living.source_path
    assert path is not None
    first = document.text.find(str(path))
    line = document.content.range(max(first, 0), max(first, 0) + len(str(path)))
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists can raise
        message = f"the source is gone: {path}; runs have copies of their own"
        yield types.Diagnostic(line, message, types.DiagnosticSeverity.Warning, source=_SOURCE, code="source-gone")
        return
    try:
        source = server.documents.of(path)
    except FlorError as error:
        yield types.Diagnostic(line, str(error), types.DiagnosticSeverity.Warning, source=_SOURCE)
        return
    here = [own.rstrip() for own in living.sources if own is not None]
    if len(here) < len(living.sources) or source.chunks.broken:
        return  # the one or the other is being written
    copied, there = [own for own in here if own], [chunk.key for chunk in source.chunks.chunks if chunk.key]
    if copied != there:
        if len(copied) == len(there) and all(map(same_code, copied, there)):
            what = "the source has the same code as this copy, in another layout"  # a tuple that was named by hand, say
        else:
            origins = living.origins(source.chunks)
            lost = [own.name for own in living.names if own.chunk not in origins]
            about = f": {', '.join(lost)} stand where it has changed" if lost else ""
            what = f"the source has changed since this copy was made{about}"
        message = f"{what}: update the shadow copy"
        yield types.Diagnostic(line, message, types.DiagnosticSeverity.Information, source=_SOURCE, code=CHANGED)


def _diagnostic(
    document: Document, start: int, end: int, message: str, severity: types.DiagnosticSeverity
) -> types.Diagnostic:
    return types.Diagnostic(document.content.range(start, end), message, severity, source=_SOURCE)
