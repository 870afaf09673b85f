"""The documents: what is open is as the client has it, saved or not; what is not is as its bytes on disk say, or as the
client was told to make it, if it has not saved that yet."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from flor.annotate import header
from flor.annotate.chunks import Chunks
from flor.annotate.living import Living
from flor.annotate.source import Decoded, decode, encode
from flor.errors import FlorError
from flor_lsp.positions import Text

log = logging.getLogger("flor_lsp")

#: Edits that are not so many characters apart are taken together.
_NEAR = 200
#: So many edits at different places are taken one by one; more are taken as one that goes from the first to the last.
_PLACES = 16


class Document:
    """A Python file. What is made of its text is made when it is asked for, of what has changed."""

    def __init__(self, uri: str, text: Text, version: int | None, decoded: Decoded | None = None) -> None:
        self.uri = uri
        self.path = path_of(uri)  # None: it is in no file
        self.content = text
        self.version = version  # None: it is not open
        self.decoded = decoded  # of one that is not open, what its bytes were
        self.is_unsaved = False  # it is not open, and on disk is another text
        self._hashed: tuple[Text, str | None] | None = None
        self._chunks: Chunks | None = None
        self._since: list[str] = []  # the texts that it had since the chunks were made, edit by edit
        self._edited = (0, -1)  # where the edits to the last of them lie
        self._living: Living | None = None

    @property
    def text(self) -> str:
        return self.content.text

    @property
    def sha256(self) -> str | None:
        """The content hash that a run would know it by; None if its encoding lacks a character."""
        if self._hashed is None or self._hashed[0] is not self.content:
            try:
                data = encode(self.text, self.shown_as) if self.decoded is None else self._bytes
                self._hashed = self.content, hashlib.sha256(data).hexdigest()
            except FlorError:
                self._hashed = self.content, None
        return self._hashed[1]

    @property
    def _bytes(self) -> bytes:
        assert self.decoded is not None
        return self.decoded.encode(self.text, self.shown_as)

    @property
    def shown_as(self) -> str:
        """Its name in messages."""
        return self.path.name if self.path is not None else self.uri

    @property
    def chunks(self) -> Chunks:
        """Its text in chunks."""
        if self._chunks is None:
            self._chunks = Chunks.of(self.text)
        elif self._since:
            found = self._chunks
            for text in self._since:
                found = found.changed(text)
            if found.broken and len(self._since) > 1:  # as one edit without the others may leave it
                found = self._chunks.changed(self.text)
            self._chunks = found
        self._since, self._edited = [], (0, -1)
        return self._chunks

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace what is between two offsets."""
        self.content = self.content.edited(start, end, new)
        low, high = self._edited
        if self._since and low - _NEAR <= start and end <= high + _NEAR:
            self._since[-1] = self.text
            self._edited = min(low, start), max(high, end) + len(new) - (end - start)
        else:
            self._since = [*self._since, self.text] if len(self._since) < _PLACES else [self.text]
            self._edited = start, start + len(new)

    def replace(self, text: str) -> None:
        """Give it another text."""
        self.content = Text(text, self.content.encoding)
        self._since, self._edited = [self.text], (0, -1)

    def mend(self) -> None:
        """Parse all of it, if a part was broken: takes as long as the text is."""
        if self.chunks.broken and (mended := self.chunks.mended()) is not None:
            self._chunks = mended

    @property
    def living(self) -> Living | None:
        """What it is as a shadow copy; None if it is none."""
        if header.read(self.text) is None:
            self._living = None
        elif self._living is None or self._living.chunks is not self.chunks:
            self._living = Living(self.text, self.chunks, self.shown_as)
        return self._living

    def take_over(self, other: Document) -> None:
        """Have what was made of another document of the same file."""
        self._chunks, self._since, self._living = other._chunks, [*other._since, self.text], other._living


_Stamp = tuple[int, int, int]  # of a file: when it was changed, its bytes, which file it is


class Documents:
    """All of them, by URI."""

    def __init__(self, changed: Callable[[Document], None], closed: Callable[[str], None]) -> None:
        """`changed` is told of each that is opened or changed, `closed` of each that is closed."""
        self.encoding: types.PositionEncodingKind | str = types.PositionEncodingKind.Utf16
        self._open: dict[str, Document] = {}
        self._on_disk: dict[Path, tuple[_Stamp, Document]] = {}
        self._intended: dict[Path, tuple[_Stamp | None, str]] = {}
        self._unsaved: dict[Path, tuple[_Stamp, Document]] = {}
        self._changed, self._closed = changed, closed

    # ---- what the client says

    def open(self, item: types.TextDocumentItem) -> None:
        """A document is the client's from now on."""
        document = Document(item.uri, Text(item.text, self.encoding), item.version)
        self._open[item.uri] = document
        self._changed(document)

    def change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Its text has changed. One that is not open is not heeded."""
        uri = params.text_document.uri
        if (document := self._open.get(uri)) is None:
            log.warning("a document that is not open was changed: %s", uri)
            return
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = document.content.offsets(change.range)
                document.edit(start, end, change.text)
            else:
                document.replace(change.text)
        document.version = params.text_document.version
        self._changed(document)

    def close(self, uri: str) -> None:
        """It is what is on disk again."""
        if self._open.pop(uri, None) is not None:
            self._closed(uri)

    # ---- what the client is told to do

    def intend(self, path: Path, text: str) -> None:
        """The client is told to make this of a file."""
        self._intended[path] = _stamp(path), text

    def intended(self, path: Path) -> None:
        """The client has done so. One that edits what it does not have open may have left it unsaved: until the file
        changes it is what was intended."""
        before, text = self._intended.pop(path, (None, None))
        now = _stamp(path)
        if text is None or now is None or any(document.path == path for document in self._open.values()):
            return
        if now == before or now[1] == 0:
            document = Document(uri_of(path), Text(text, self.encoding), None)
            document.is_unsaved = True
            self._unsaved[path] = now, document

    # ---- what the server asks

    def opened(self) -> list[Document]:
        """Those that are open."""
        return list(self._open.values())

    def get(self, uri: str) -> Document:
        """A document, open or not. Raises FlorError if it cannot be read."""
        found = self._open.get(uri)
        if found is not None:
            return found
        path = path_of(uri)
        if path is None:
            raise FlorError(f"{uri} is not open, and no file")
        return self.of(path)

    def of(self, path: Path) -> Document:
        """The document of a file, as it is open or on disk. Raises FlorError if it cannot be read."""
        for document in self._open.values():
            if document.path == path:
                return document
        return self._read(path)

    def _read(self, path: Path) -> Document:
        key = _stamp(path)
        if path in self._unsaved:
            if self._unsaved[path][0] == key:
                return self._unsaved[path][1]
            del self._unsaved[path]
        if key is not None and path in self._on_disk and self._on_disk[path][0] == key:
            return self._on_disk[path][1]
        try:
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise FlorError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
        decoded = decode(data, str(path))
        document = Document(uri_of(path), Text(decoded.text, self.encoding), None, decoded)
        if path in self._on_disk:
            document.take_over(self._on_disk[path][1])
        if key is not None:
            self._on_disk[path] = key, document
        return document

    def data(self, document: Document) -> bytes:
        """What the bytes of a document are, or would be if it were saved. Raises FlorError if its encoding lacks a
        character."""
        if document.decoded is not None:
            return document._bytes
        return encode(document.text, document.shown_as)


def _stamp(path: Path) -> _Stamp | None:
    try:
        about = path.stat()
    except (OSError, ValueError):
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def path_of(uri: str) -> Path | None:
    """The absolute path of a file's URI; None if it is no file's."""
    try:
        found = to_fs_path(uri) if uri.startswith("file:") else None
    except ValueError:
        return None
    if not found or "\0" in found:
        return None
    return Path(os.path.normpath(found)) if os.path.isabs(found) else None  # noqa: PTH117


def uri_of(path: Path) -> str:
    """The URI of a file."""
    found: str | None = from_fs_path(str(path))
    assert found is not None
    return found
