"""A shadow copy's header: the comment line with the path of its source.

`#` and the absolute path, on line 1; below a `#!` line, and below an encoding declaration, for Python looks for those
on lines 1 and 2. A path that does not survive as it is (line ends, spaces around it, what reads as an encoding
declaration) is written as a file:// URI.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from flor.annotate.source import NEWLINE, cookie, cookie_line

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|\\\\")


def header_index(lines: list[bytes]) -> int:
    """The index of the line at which the header belongs, by the first two lines of the text without it."""
    declared = cookie_line(lines)
    if declared is not None:
        return declared + 1
    return 1 if lines and lines[0].startswith(b"#!") else 0


def write(path: Path, encoding: str) -> bytes:
    """The header for an absolute path, without a line end."""
    plain = f"#{path}"
    try:
        line = plain.encode(encoding)
        if (
            line.decode(encoding) == plain
            and plain.isprintable()
            and _read_line(plain) == path
            and cookie(line) is None
        ):
            return line
    except (UnicodeError, LookupError):
        pass
    from urllib.parse import quote_from_bytes

    return b"#file://" + quote_from_bytes(os.fsencode(path)).encode("ascii")


def read(text: str) -> tuple[Path, tuple[int, int]] | None:
    """The source's path, and the offsets of the header line with its line end; None if there is no header.

    It is looked for where `header_index` puts it, then on line 1.
    """
    starts = [0, *(m.end() for m, _ in zip(NEWLINE.finditer(text), range(3), strict=False))]
    ends = [*starts[1:], len(text)] if len(starts) < 4 else starts[1:]
    lines = [text[start:end] for start, end in zip(starts, ends, strict=False)]
    index = header_index([line.encode("utf-8", "replace") for line in lines[:2]])
    for at in dict.fromkeys((index, 0)):
        path = _read_line(lines[at].rstrip("\r\n")) if at < len(lines) else None
        if path is not None:
            return path, (starts[at], ends[at])
    return None


def _read_line(line: str) -> Path | None:
    if not line.startswith("#"):
        return None
    written = line[1:].strip()
    if written.startswith("file:///"):
        from urllib.parse import unquote_to_bytes

        return Path(os.fsdecode(unquote_to_bytes(written.removeprefix("file://"))))
    return Path(written) if _ABSOLUTE.match(written) else None
