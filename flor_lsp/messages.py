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
class Selection:
    """Parameters of `flor/nameable`."""

    uri: str
    range: types.Range


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


@attrs.frozen
class Run:
    """Arguments of `flor.run`."""

    uri: str  # of the script
    experiment: str | None = None  # none: that of its last run, else the script's name
    arguments: list[str] | None = None  # none: those that the client remembers


@attrs.frozen
class Prepared:
    """What a client answers `flor/prepareRun` with: what it remembers of a script."""

    experiment: str | None = None
    arguments: list[str] | None = None


@attrs.frozen
class Etl:
    """Arguments of `flor.etl`: a shadow copy or its source, or an experiment whose table is to be made anew."""

    uri: str | None = None
    experiment: str | None = None  # none: that of the source's last run


@attrs.frozen
class OfExperiment:
    """Arguments of `flor.openTable` and `flor/table`."""

    experiment: str | None = None
    uri: str | None = None  # of a file whose last run's experiment is meant


@attrs.frozen
class Sql:
    """Arguments of `flor.sql` and `flor/sql`."""

    query: str


@attrs.frozen
class OfJob:
    """Arguments of `flor/cancel`."""

    id: int


@attrs.frozen
class Sort:
    """One key of an order."""

    column: str
    descending: bool = False


@attrs.frozen
class Filter:
    """A condition on a column: `=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `null`, `not null`."""

    column: str
    operator: str
    value: Any = None  # text or a number


@attrs.frozen
class Rows:
    """Parameters of `flor/rows`."""

    handle: int
    offset: int = 0
    limit: int = 100
    columns: list[str] | None = None
    sort: list[Sort] = attrs.field(factory=list)
    filter: list[Filter] = attrs.field(factory=list)


@attrs.frozen
class Cell:
    """Parameters of `flor/cell`."""

    handle: int
    row: int
    column: str
    sort: list[Sort] = attrs.field(factory=list)
    filter: list[Filter] = attrs.field(factory=list)


@attrs.frozen
class Plot:
    """Parameters of `flor/plot`."""

    handle: int
    y: list[str]
    x: str | None = None  # none: the number of the row
    by: str | None = None  # a column: a series for each of its values
    points: int = 2000


@attrs.frozen
class Export:
    """Parameters of `flor/export`."""

    handle: int
    path: str  # absolute
    format: str | None = None  # csv, parquet, arrow, json, xlsx; none: as the path's extension says
    columns: list[str] | None = None
    sort: list[Sort] = attrs.field(factory=list)
    filter: list[Filter] = attrs.field(factory=list)


@attrs.frozen
class OfColumn:
    """Parameters of `flor/reveal`: a name of a shadow copy, or what the program logged in a source."""

    name: str
    shadow: str | None = None  # the path of the shadow copy
    source: str | None = None  # the path of the source
    line: int = 0  # of the statement, in the version that ran
    text: str = ""  # what is logged there


@attrs.frozen
class Panel:
    """Parameters of `flor/panel` and `flor.openPanel`."""

    experiment: str | None = None
    uri: str | None = None  # of the file that is to be shown
    theme: str | None = None  # light, dark, hc-light, hc-dark


@attrs.frozen
class OfTable:
    """Parameters of `flor/closeTable`."""

    handle: int


@attrs.frozen
class About:
    """Parameters of `flor/experiments` and `flor/names`."""

    uri: str | None = None  # none: all experiments
