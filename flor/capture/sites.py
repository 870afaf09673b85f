"""The static map of a source: its blocks and its sites. Knows no trace and no text editing.

The rewriter makes one `SourceMap` for each source; it is stored beside the source in the run (`sites/<sha256>.json`)
and is what later ties a name to recorded values. Positions are those of `ast`: lines from 1, columns in UTF-8 bytes
from 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

Span = tuple[int, int, int, int]  # line, column, end line, end column

#: Why the function, or the method, of a call is absent.
CALLED = "what is called is not recorded: name the call, or an argument"


@dataclass(frozen=True, slots=True)
class Block:
    """A place that can execute many times."""

    kind: str  # module, function, lambda, generator (expression), for, while, comprehension (each of its `for` clauses)
    name: str  # "<module>", a function's qualified name, a loop's target ("g", "i, j"), "while_L12"
    parent: int | None  # index of the block that lexically encloses it
    line: int


@dataclass(frozen=True, slots=True)
class Site:
    """A place whose value can be asked for.

    `source` says where the value is found: "recorded" (in the trace, at this site), "same" (as recorded at site `of`),
    "constant" (`constant` holds its literal; it was evaluated whenever site `witness` has a value), "derived" (a load
    of a local name: as recorded in the trace; where nothing is, as at site `of`, the name's binding in the same block
    instance or one around it, whenever site `witness` has a value), or "absent" (not recorded, `why` says why).

    `witness`, in the same block, is an expression around this one or what was recorded right before it. In the first
    case the value is not known if that expression raised: so where site `since`, recorded before, has a value and the
    witness has none.
    """

    kind: str  # expression, target (of a loop), parameter, binding
    block: int
    span: Span
    text: str  # as it stands in the source, cut where it is very long
    line: int  # of the enclosing statement
    source: str = "recorded"
    of: int | None = None
    witness: int | None = None
    since: int | None = None
    constant: str | None = None
    why: str | None = None
    assignee: str | list[str] | None = None  # text of the assignment target that receives exactly this value
    caller: str | None = None  # text of the function in the innermost enclosing call
    pos: int | None = None  # zero-based position among that call's arguments
    keyword: str | None = None  # or the keyword there
    from_arg: bool = False  # the value is one of the enclosing function's parameters
    redacted: bool = False  # the name looks like a secret's


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Blocks and sites of one source, in source order; block 0 is the module."""

    blocks: list[Block]
    sites: list[Site]

    def to_json(self) -> dict[str, object]:
        """Plain data for `sites/<sha256>.json`."""
        return {"blocks": [asdict(b) for b in self.blocks], "sites": [_compact(s) for s in self.sites]}

    @classmethod
    def from_json(cls, data: dict[str, list[dict[str, object]]]) -> SourceMap:
        """The inverse of `to_json`. Raises KeyError, TypeError, ValueError or AttributeError on foreign data."""
        blocks = [Block(**b) for b in data["blocks"]]  # type: ignore[arg-type]
        sites = [Site(**{**s, "span": tuple(s["span"])}) for s in data["sites"]]  # type: ignore[arg-type]
        if not blocks or not all(b.parent is None or 0 <= b.parent < i for i, b in enumerate(blocks)):
            raise ValueError("no block, or a block's parent")
        for site in sites:
            if not 0 <= site.block < len(blocks) or len(site.span) != 4:
                raise ValueError("a site's block or span")
            if any(s is not None and not 0 <= s < len(sites) for s in (site.of, site.witness, site.since)):
                raise ValueError("the site that a site refers to")
        return cls(blocks, sites)

    def ends(self) -> list[int]:
        """For each block the number behind the last one inside it."""
        ends = list(range(1, len(self.blocks) + 1))
        for number in range(len(self.blocks) - 1, 0, -1):
            parent = self.blocks[number].parent
            assert parent is not None
            ends[parent] = max(ends[parent], ends[number])
        return ends


_DEFAULTS = {f.name: f.default for f in fields(Site)}


def _compact(site: Site) -> dict[str, object]:
    return {k: v for k, v in ((f.name, getattr(site, f.name)) for f in fields(Site)) if v != _DEFAULTS[k]}
