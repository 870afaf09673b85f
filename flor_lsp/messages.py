"""The arguments of commands and the `flor/*` messages, typed. docs/protocol.md describes them."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import cattrs
from lsprotocol import types
from lsprotocol.converters import get_converter

from flor_lsp.protocol import ReplyError

_T = TypeVar("_T")
_converter: cattrs.Converter | None = None


def structured(kind: type[_T], arguments: Any) -> _T:
    """The one argument object of a command, as it is typed. Raises ReplyError that says what is wrong with it."""
    global _converter
    if _converter is None:
        _converter = get_converter()
    given = arguments[0] if isinstance(arguments, list | tuple) and len(arguments) == 1 else arguments
    wanted = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]
    if not isinstance(given, dict):
        raise ReplyError(f"give one object with {', '.join(wanted)}", types.ErrorCodes.InvalidParams)
    try:
        return _converter.structure(given, kind)
    except Exception as error:
        reason = "; ".join(cattrs.transform_error(error)) if isinstance(error, ExceptionGroup) else str(error)
        raise ReplyError(f"the arguments are not as they should be: {reason}", types.ErrorCodes.InvalidParams) from None


@attrs.frozen
class NameExpression:
    """Arguments of `flor.nameExpression`."""

    uri: str
    range: types.Range
    name: str | None = None  # none: the one that suits
    version: int | None = None  # of the document that the range is in


@attrs.frozen
class OfName:
    """Arguments of `flor.removeName`: a name in a shadow copy."""

    uri: str  # of the shadow copy
    name: str


@attrs.frozen
class RenameName:
    """Arguments of `flor.renameName`."""

    uri: str
    name: str
    new_name: str


@attrs.frozen
class OfDocument:
    """Arguments of commands that are about a document."""

    uri: str
