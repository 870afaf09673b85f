"""Shadow copies on disk: `flor cp` and `flor name`. The edits themselves are pure functions of `shadow`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from flor.annotate import header, insert, shadow, source
from flor.annotate.places import Name, Refusal, Shadow, apply
from flor.annotate.update import carry_over
from flor.errors import FlorError
from flor.home import write_file


def read(path: Path, what: str) -> bytes:
    """A file's bytes. Raises FlorError with one line."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FlorError(f"cannot read {what} {path}: {error.strerror}") from None


def copy(source_path: Path, shadow_path: Path) -> None:
    """Make a shadow copy. One that has names already is not written over."""
    data = read(source_path, "the source")
    if shadow_path.exists():
        if shadow_path.samefile(source_path):
            raise FlorError(f"{shadow_path} is the source itself: name another file for the shadow copy")
        if not shadow_path.is_file() or _is_precious(shadow_path):
            raise FlorError(f"{shadow_path} is there already and would be lost: remove it, or name another file")
    _check_syntax(source_path, data)
    _write(shadow_path, shadow.make(_absolute(source_path), data), source_path)


def update(shadow_path: Path) -> tuple[list[str], list[str]]:
    """Make a shadow copy one of its source as it is now, with the same names.

    Returns what is to be said, and a line for each name that could not be carried over. If there is one, the old copy
    is kept as SHADOW~. Raises FlorError, and changes nothing, where that cannot be done.
    """
    old = shadow.parse(data := read(shadow_path, "the shadow copy"), str(shadow_path))
    present = read(old.source_path, "the source")
    _check_syntax(old.source_path, present)
    carried = carry_over(old, present)
    new = carried.shadow.decoded.encode(carried.shadow.text, str(shadow_path))
    if new == data:
        return [f"{shadow_path} is up to date"], []
    lines = [f"{_line(shadow_path, name)}  (was {text})" for name, text in carried.inexact]
    total, count = len(old.names), len(carried.shadow.names)
    said = f"{shadow_path} is a shadow copy of {old.source_path} as it is now: {count} of {total} names carried over"
    if carried.lost:
        kept = shadow_path.with_name(shadow_path.name + "~")
        if kept.exists() and kept.read_bytes() != data:
            raise FlorError(f"{kept} is there already and would be lost: remove it, or give it another name")
        _write(kept, data, shadow_path)
        said += f", the old copy is kept as {kept}"
    _write(shadow_path, new, shadow_path)
    return [*lines, said], carried.lost


def _is_precious(path: Path) -> bool:
    try:
        return bool(shadow.parse(path.read_bytes(), str(path)).names)
    except (FlorError, OSError):
        return True


def _write(path: Path, data: bytes, like: Path) -> None:
    """Write a file with the permissions of the file `like`; where `path` is a symbolic link, what it points to."""
    try:
        write_file(path.resolve(), data, stat.S_IMODE(like.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise FlorError(f"cannot write {path}: {error.strerror}") from None


def _absolute(path: Path) -> Path:
    """A source's path as runs have it, without `..`, unless that leads elsewhere by a link."""
    plain = Path(os.path.abspath(path))  # noqa: PTH100 - links stay
    return plain if plain.exists() and path.exists() and plain.samefile(path) else path.absolute()


def list_names(path: Path) -> list[str]:
    """A line for each name in a shadow copy: FILE:LINE, the name, its expression."""
    copy_ = shadow.parse(read(path, "the shadow copy"), str(path))
    return [_line(path, name) for name in copy_.names]


def _line(path: Path, name: Name) -> str:
    return f"{path}:{name.line}  {name.name}  {' '.join(name.text.split())}"


_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+)(?:-(?P<end_line>\d+):(?P<end_column>\d+))?")


def name(place: str, new_name: str, shadow_path: Path | None) -> str:
    """Name the expression at FILE:LINE:COLUMN[-LINE:COLUMN].

    Lines and columns count from 1, columns in characters; a selection stops before its end. FILE is a source (its
    shadow copy, by default SOURCE_h.py, is made if it is not there) or a shadow copy.
    Returns a line that says what was named. Raises FlorError if it cannot be named.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise FlorError(f"{place!r} is no place: write FILE:LINE:COLUMN or FILE:LINE:COLUMN-LINE:COLUMN")
    path = Path(match["file"])
    data = read(path, "the file")
    text = source.decode(data, str(path)).text
    start = source.offset_of(text, int(match["line"]), int(match["column"]))
    end = source.offset_of(text, int(match["end_line"]), int(match["end_column"])) if match["end_line"] else start
    if header.read(text) is not None:
        target, copy_ = path, shadow.parse(data, str(path))
        edit = insert.insert(copy_.text, start, end, new_name)
    else:
        target = shadow_path or path.with_name(f"{path.stem}_h.py")
        copy_ = _shadow_of(path, data, target)
        edit = insert.insert_from_source(text, copy_, start, end, new_name)
    if isinstance(edit, Refusal):
        taken = [n for n in copy_.names if n.name == new_name]
        where = f'"{new_name}" is taken at {target}:{taken[0].line}: choose another' if taken else edit.reason
        raise FlorError(f"{place}: {where}")
    changed = shadow.parse(copy_.decoded.encode(apply(edit, copy_.text), str(target)), str(target))
    _write(target, copy_.decoded.encode(changed.text, str(target)), target if target.exists() else path)
    (named,) = (n for n in changed.names if n.name == new_name)
    return _line(target, named)


def remove(shadow_path: Path, old_name: str) -> None:
    """Take a name out of a shadow copy. Raises FlorError where that cannot be done."""
    copy_ = shadow.parse(read(shadow_path, "the shadow copy"), str(shadow_path))
    if old_name not in (own.name for own in copy_.names):
        raise FlorError(f'there is no name "{old_name}" in {shadow_path}: flor name --list {shadow_path} lists them')
    text = apply(insert.remove(copy_.text, old_name), copy_.text)
    _write(shadow_path, copy_.decoded.encode(text, str(shadow_path)), shadow_path)


def _check_syntax(path: Path, data: bytes) -> None:
    """Raise FlorError, with the line, if the source does not parse."""
    try:
        source.parse_tree(source.decode(data, str(path)).text)
    except SyntaxError as error:
        line, message = source.syntax_line(error)
        raise FlorError(f"{path}:{line}: {message}: mend the source") from None


def _shadow_of(path: Path, data: bytes, target: Path) -> Shadow:
    """The shadow copy `target` of the source `path`: the one that is there, else a new one that is not written yet."""
    if not target.exists():
        _check_syntax(path, data)
        return shadow.parse(shadow.make(_absolute(path), data), str(target))
    copy_ = shadow.parse(read(target, "the shadow copy"), str(target))
    if not (copy_.source_path == _absolute(path) or (copy_.source_path.exists() and copy_.source_path.samefile(path))):
        raise FlorError(f"{target} is a shadow copy of {copy_.source_path}, not of {path}: name another with --shadow")
    return copy_
