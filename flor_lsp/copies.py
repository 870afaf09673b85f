"""Which shadow copy belongs to a source, and how a name gets into it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lsprotocol.types import WorkspaceEdit

from flor.annotate import shadow
from flor.annotate.living import Living
from flor.annotate.nameable import enclosing, expression_at, suggest
from flor.annotate.places import Edit, Expression, Refusal, apply
from flor.annotate.source import Parsed, decode, syntax_line
from flor.errors import FlorError
from flor_lsp import edits
from flor_lsp.client import Client
from flor_lsp.documents import Document, Documents, uri_of

#: An edit, the shadow copy that it is of, and the copy's text then.
Naming = tuple[WorkspaceEdit, Path | None, str]


@dataclass(frozen=True)
class Selected:
    """Something in a document that can be named."""

    chunk: int
    expression: Expression  # offsets are the chunk's own
    start: int  # offsets in the document
    end: int


def selected(document: Document, start: int, end: int) -> list[Selected] | Refusal:
    """What may be meant by the selection between two offsets: what is selected, or, at a caret, up to three expressions
    around it, the innermost first."""
    text = document.text
    chosen = text[start:end]
    if chosen.strip():
        start, end = start + len(chosen) - len(chosen.lstrip()), end - (len(chosen) - len(chosen.rstrip()))
    else:
        end = start
    chunks = document.chunks
    number = chunks.at(start)
    if number is None:
        return Refusal("there is no expression here: select one")
    chunk, at = chunks.chunks[number], chunks.starts[number]
    if chunk.broken:
        try:
            Parsed(chunk.text)
        except SyntaxError as error:
            line, message = syntax_line(error)
            return Refusal(f"line {document.content.position(at).line + line} does not parse: {message}")
    if end > at + len(chunk.text):
        return Refusal("several statements are selected: select one expression")
    if start == end:
        found: list[Expression] = enclosing(chunk.around(start - at, end - at), start - at)
        if not found:
            return Refusal("there is no expression here: select one")
    else:
        answer = expression_at(chunk.around(start - at, end - at), start - at, end - at)
        if isinstance(answer, Refusal):
            return answer
        found = [answer]
    return [Selected(number, own, own.start + at, own.end + at) for own in found]


def suggested(document: Document, what: Selected, taken: Collection[str]) -> str:
    """A name for it, which no name of `taken` is like."""
    chunk, own = document.chunks.chunks[what.chunk], what.expression
    return suggest(chunk.around(own.start, own.end), own, taken)


def of_source(documents: Documents, source: Path) -> Path:
    """The shadow copy in which names of a source go: one that is open, else SOURCE_h.py beside it.

    Raises FlorError if that is a shadow copy of another source, or none.
    """
    usual = source.with_name(f"{source.stem}_h.py")
    open_ = [d.path for d in documents.opened() if d.path is not None and _source_of(d) == source]
    if open_ and usual not in open_:
        return open_[0]
    if not _is_there(documents, usual):
        return usual
    found = documents.of(usual).living
    if found is None:
        raise FlorError(f"{usual} is there, and no shadow copy: its first line does not name a source")
    if found.source_path != source and not _same(found.source_path, source):
        raise FlorError(f"{usual} is a shadow copy of {found.source_path}, not of {source}")
    return usual


def _source_of(document: Document) -> Path | None:
    return living.source_path if (living := document.living) is not None else None


def _same(one: Path | None, other: Path) -> bool:
    try:
        return one is not None and one.samefile(other)
    except OSError:
        return False


def _is_there(documents: Documents, path: Path) -> bool:
    return any(document.path == path for document in documents.opened()) or path.exists()


def existing(documents: Documents, path: Path) -> tuple[Document, Living] | None:
    """A shadow copy that is there. Raises FlorError if it cannot be read."""
    if not _is_there(documents, path):
        return None
    document = documents.of(path)
    if not document.text and document.version is not None:  # just created, and not filled yet
        return None
    living = document.living
    if living is None:
        raise FlorError(f"{path} is there, and no shadow copy: its first line does not name a source")
    return document, living


def naming(client: Client, documents: Documents, document: Document, what: Selected, name: str) -> Naming | Refusal:
    """The edit that names something; the shadow copy that it is in and its text then.

    Raises FlorError if the shadow copy cannot be read or made.
    """
    own = document.living
    if own is not None:
        return _into(client, document, own.insert(what.chunk, what.expression, name))
    if document.path is None:
        raise FlorError("this is no file yet: save it, so that its shadow copy has a place")
    target = of_source(documents, document.path)
    there = existing(documents, target)
    if there is not None:
        copy, living = there
        return _into(client, copy, living.insert_from_source(document.chunks, what.chunk, what.expression, name))
    made = decode(shadow.make(document.path, documents.data(document)), str(target)).text
    living = Living(made, document.chunks.changed(made), target.name)
    edit = living.insert_from_source(document.chunks, what.chunk, what.expression, name)
    if isinstance(edit, Refusal):
        return edit
    text = apply(edit, made)
    return edits.of_new_file(client, uri_of(target), text), target, text


def _into(client: Client, copy: Document, edit: Edit | Refusal) -> tuple[WorkspaceEdit, Path | None, str] | Refusal:
    if isinstance(edit, Refusal):
        return edit
    return (
        edits.of_document(client, copy, edits.text_edits(copy, edit)),
        copy.path,
        apply(edit, copy.text),
    )
