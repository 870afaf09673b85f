"""Shadow copies: make one, read one; insert, remove and rename its GETs. Touches no file."""

from __future__ import annotations

from pathlib import Path

from flor.annotate import header
from flor.annotate.gets import GetError
from flor.annotate.insert import bad_name, insert, insert_from_source, remove, rename
from flor.annotate.places import Edit, Name, Place, Shadow
from flor.annotate.source import NEWLINE, Parsed, cookie, cookie_line, decode, split_lines, syntax_line
from flor.annotate.strip import strip
from flor.errors import FlorError

__all__ = ["Edit", "Name", "Place", "Shadow", "insert", "insert_from_source", "make", "parse", "remove", "rename"]

_UTF8_BOM = b"\xef\xbb\xbf"


def make(source_path: Path, data: bytes) -> bytes:
    """The shadow copy of a source: `data` with a header line, else byte for byte. `source_path` is absolute."""
    bom = _UTF8_BOM if data.startswith(_UTF8_BOM) else b""
    body = data.removeprefix(_UTF8_BOM)
    lines = split_lines(body, 2)
    declared = cookie_line(lines)
    line = header.write(source_path, "utf-8" if declared is None else cookie(lines[declared]) or "utf-8")
    above = b"".join(lines[: header.header_index(lines)])
    newline = _newline(lines)
    if above and not above.endswith((b"\r", b"\n")):
        return bom + above + newline + line
    return bom + above + line + newline + body[len(above) :]


def _newline(lines: list[bytes]) -> bytes:
    match = NEWLINE.search(lines[0].decode("latin-1")) if lines else None
    return match.group().encode() if match else b"\n"


def parse(data: bytes, shown_as: str) -> Shadow:
    """Read a shadow copy. Raises FlorError, one line with file and line, if it is none.

    `shown_as` is the file's name in messages.
    """
    decoded = decode(data, shown_as)
    found = header.read(decoded.text)
    if found is None:
        raise FlorError(f"{shown_as}:1: no line names the source, as in a shadow copy; flor cp SOURCE SHADOW makes one")
    path, header_line = found
    try:
        parsed = Parsed(decoded.text)
        stripped = strip(parsed, header_line)
    except SyntaxError as error:
        line, message = syntax_line(error)
        raise FlorError(f"{shown_as}:{line}: {message}: mend the shadow copy") from None
    except GetError as error:
        raise FlorError(f"{shown_as}:{error.line}: {error.reason}") from None
    names: dict[str, Name] = {}
    for get, place in zip(stripped.gets, stripped.places, strict=True):
        line = get.call.lineno
        if (refusal := bad_name(get.name)) is not None:
            raise FlorError(f"{shown_as}:{line}: {get.name!r}: {refusal.reason}")
        if get.name in names:
            first = names[get.name].line
            raise FlorError(
                f'the name "{get.name}" is used twice: {shown_as}:{first} and {shown_as}:{line}; rename one of them'
            )
        assert place is not None, "by the usual reading every GET has a place"
        names[get.name] = Name(get.name, line, parsed.slice(get.expression), place, get.refused)
    return Shadow(path, decoded.text, list(names.values()), stripped.text, decoded, shown_as)
