"""In a worker: a shadow copy's names carried over to its source as it is now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flor.annotate import shadow as shadows
from flor.annotate.source import decode, encode, parse_tree, syntax_line
from flor.annotate.update import carry_over
from flor.errors import FlorError


def update(say: Callable[..., None], shadow: str, text: str, source: str | None) -> dict[str, Any]:
    """The text of a shadow copy `text` with the names carried over, and a line for each that could not be, or that is
    another expression now. `source`: the source as it is in the editor; without, it is read."""
    old = shadows.parse(encode(text, shadow), shadow)
    if source is not None:
        data = encode(source, str(old.source_path))
    else:
        try:
            data = Path(old.source_path).read_bytes()
        except OSError as error:
            raise FlorError(f"cannot read the source {old.source_path}: {error.strerror}") from None
    try:
        parse_tree(decode(data, str(old.source_path)).text)
    except SyntaxError as error:
        line, message = syntax_line(error)
        raise FlorError(f"{old.source_path}:{line}: {message}: mend the source") from None
    carried = carry_over(old, data)
    inexact = [f"{name.name}: `{name.text}` now, `{was}` before" for name, was in carried.inexact]
    return {"text": carried.shadow.text, "lost": carried.lost, "inexact": inexact}


METHODS: dict[str, Callable[..., Any]] = {"update": update}
