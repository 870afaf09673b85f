"""Names x one run -> columns: finds each name's source and site in the run, and takes the site's values. Joins
nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from flor.annotate import align, header
from flor.annotate.loops import Counterpart
from flor.annotate.places import Missing, Place, Shadow
from flor.annotate.source import decode
from flor.annotate.tree import same_code
from flor.capture.sites import Block, SourceMap
from flor.diagnostics import Diagnostic
from flor.errors import FlorError
from flor.etl import logged
from flor.etl.derived import UNFINISHED, derived, unfinished
from flor.etl.join import Tree
from flor.etl.keys import LOOPS, Blocks, Numbered
from flor.etl.typed import constant, gaps
from flor.trace.columns import Values
from flor.trace.read import Source, Thinned, Trace
from flor.trace.recorded import Recorded

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """Values that one name has at one site."""

    block: int  # number of the block whose instances hold them
    instance: Ints
    values: Recorded
    seq: Ints  # of each value: its place in its thread's order of events


@dataclass(frozen=True)
class Extracted:
    """One run's answer to the names."""

    tree: Tree
    ordinal: Ints  # of each instance, among those of its block under its parent
    begin: Ints  # of each instance: nanoseconds on the run's clock, a few milliseconds coarse
    pieces: dict[str, list[Piece]]  # for each name; one for each source of the run that has it
    thinned: list[tuple[int, Thinned]]  # blocks of which some instances were not recorded, with their numbers
    diagnostics: list[Diagnostic]


@dataclass(frozen=True)
class _Found:
    site: int  # recorded, derived or a constant
    literal: str | None = None  # the constant


_Places = dict[str, list[tuple[int, _Found]]]  # of each name: source and site

#: The share of equal lines that two versions of a file have.
_ALIKE = 0.5

#: Block instances of a run of which only those are read that the names' values lie in, unless these are most of them.
LONG = 1 << 18
_MOST = 0.7
#: Values that `values_at` gathers of a long run.
MANY = 1 << 21


class Annotated:
    """A shadow copy, and what was found out about versions of its source: one object serves all runs."""

    def __init__(self, shadow: Shadow, path: Path) -> None:
        self.shadow = shadow
        self.path = path
        self.was_captured = False  # whether a run has a version of its source, be it damaged
        self.others: set[str] = set()  # paths of files that some run captured beside its source: they are not it
        self._aligned: dict[str, align.Aligned] = {}

    @cached_property
    def sha256(self) -> str:
        """Content hash of the source that was annotated."""
        return hashlib.sha256(self.shadow.decoded.encode(self.shadow.source, self.shadow.shown_as)).hexdigest()

    def is_code_of(self, version: bytes) -> bool:
        """Whether a version of its source is the code that was annotated, layout and comments aside: a GET around a
        tuple that was typed by hand has the tuple's parentheses for its own."""
        try:
            return same_code(decode(version).text, self.shadow.source)
        except FlorError:
            return False

    def sources(self, sources: Sequence[Source], root: str | None = None) -> list[int] | str:
        """Which of a run's sources are its source: several if one file was run under several module names. Else why
        there is none. `root`: the folder of the run's project.

        A file of another path is its source if it holds the same, or is a shadow copy of it; or if it has its name,
        much of its text, and stood at the same place of another folder, or is gone.
        """
        found = self._sources(sources, root)
        self.was_captured |= not isinstance(found, str)
        return found

    def _sources(self, sources: Sequence[Source], root: str | None) -> list[int] | str:
        for wanted in (str(self.shadow.source_path), str(self.path.absolute())):
            same = [i for i, s in enumerate(sources) if s.path == wanted]
            if same:
                return same
        same = [i for i, s in enumerate(sources) if s.sha256 == self.sha256]
        if same:
            return same
        same = [i for i, s in enumerate(sources) if self._is_copy_too(s)]
        if same:
            return same
        tails = [self._tail(s, root) if s.path not in self.others else 0 for s in sources]
        longest = max(tails, default=0)
        same = [i for i, t in enumerate(tails) if t == longest > 0]
        if not same:
            return f"the run did not capture {self.shadow.source_path}"
        if len({sources[i].path for i in same}) > 1:
            paths = " or ".join(sorted({sources[i].path for i in same}))
            return f"the run did not capture {self.shadow.source_path}; it may be {paths}, say which in the header"
        return same

    def _tail(self, source: Source, root: str | None) -> int:
        """How many last parts of its path a source has in common with this one, if it may be another version of it."""
        path = PurePath(source.path)
        common = _common_tail(source.path, str(self.shadow.source_path))
        whole = len(path.relative_to(root).parts) if root is not None and path.is_relative_to(root) else len(path.parts)
        if not common or (common < whole and Path(source.path).exists()):
            return 0
        try:
            text = decode(source.data, source.path).text
        except FlorError:
            return common  # it says itself that it cannot be read
        return common if _alike(text, self.shadow.source) else 0

    def _is_copy_too(self, source: Source) -> bool:
        """Whether what ran was another shadow copy of the same source."""
        try:
            found = header.read(decode(source.data, source.path).text)
        except FlorError:
            return False
        return found is not None and found[0] == self.shadow.source_path

    @property
    def was_found(self) -> bool:
        """Whether a run had a version of its source."""
        return bool(self._aligned)

    def places(self, source: Source) -> dict[str, Place | Missing]:
        """Where each name is in a run's version of the source."""
        return self._in(source).places

    def counterparts(self, source: Source) -> dict[int, Counterpart]:
        """What the blocks of a run's version of the source correspond to in the shadow copy, by their numbers."""
        found = self._in(source).blocks
        lines = Counter((block.kind, block.line) for block in source.map.blocks)
        keys = {i: (block.kind, block.line) for i, block in enumerate(source.map.blocks)}
        return {i: found[key] for i, key in keys.items() if key in found and lines[key] == 1}

    def _in(self, source: Source) -> align.Aligned:
        if source.sha256 not in self._aligned:
            try:
                text = decode(source.data, source.path).text
                self._aligned[source.sha256] = align.align(self.shadow, text)
            except (FlorError, SyntaxError) as error:
                missing = Missing(f"the run's copy of {source.path} cannot be read ({error})")
                self._aligned[source.sha256] = align.Aligned(
                    dict.fromkeys((n.name for n in self.shadow.names), missing)
                )
        return self._aligned[source.sha256]


def extract(
    trace: Trace,
    annotated: Sequence[Annotated],
    blocks: Blocks,
    exact: bool = False,
    whole: bool = False,
    columns: Mapping[str, str] = {},
) -> Extracted:
    """The columns of all names in one run. `blocks` learns the run's blocks. `columns`: by its name in lower case, the
    column of each name that the program logged.

    A name that is not found has no pieces, and a diagnostic; if `exact`, so has one in another version of its source.
    Of a long run there are only the block instances that the names' values lie in, unless all are asked for (`whole`).
    """
    matches = [_match(copy, trace) for copy in annotated]
    numbered = _number_blocks(trace, annotated, matches, blocks)
    numbers = [own.numbers for own in numbered]
    found, diagnostics = _find(trace, annotated, matches, exact)
    elsewhere: dict[int, int] = {}
    told = logged.values(trace) if columns else []
    if not whole and not told and trace.count >= LONG:
        narrowed = trace.only(_holding(trace, found))
        if narrowed.kept <= trace.count * _MOST:
            loops = _thinned_loops(trace)
            elsewhere = {numbers[source][loop]: numbers[source][around] for source, loop, around in loops}
            trace = narrowed
    pieces = {
        name: [piece for index, place in own for piece in _pieces(trace, index, place, numbers[index])]
        for name, own in found.items()
    }
    own_blocks: dict[int, Ints] = {}
    for own in told:
        if own.name in columns:
            pieces[columns[own.name]] = _logged_pieces(trace, own, blocks, numbered, own_blocks)
    skipped = [numbers[source][block] for source, block in sorted(trace.skipped()) if block < len(numbers[source])]
    tree, ordinal = _tree(trace, numbered, len(blocks), skipped, elsewhere)
    if own_blocks:
        ordinal = ordinal.copy()
    for number, calls in own_blocks.items():
        tree.block[calls], tree.called[number] = number, True
        ordinal[calls] = logged.ordinals(tree.parent[calls])
    thinned = [(numbers[source][block], about) for (source, block), about in trace.thinned().items()]
    about = [*trace.warnings, *([str(trace.run.info["gap"])] if trace.run.info.get("gap") else [])]
    diagnostics = [*(Diagnostic(w, runs=(trace.run.id,)) for w in about), *diagnostics]
    return Extracted(tree, ordinal, trace.instances().begin, pieces, thinned, diagnostics)


def _logged_pieces(
    trace: Trace, own: logged.LoggedValues, blocks: Blocks, numbered: list[Numbered], own_blocks: dict[int, Ints]
) -> list[Piece]:
    """The values of a name that the program logged. `own_blocks` learns which calls are instances of a block of their
    own, by its number."""
    instances = trace.instances()
    places = set(zip(instances.source[own.around].tolist(), instances.block[own.around].tolist(), strict=True))
    numbers = {numbered[index].numbers[block] for index, block in places}
    if logged.hold_one_each(own) and len(numbers) == 1:
        return [_piece(trace, numbers.pop(), logged.of_callers(own))]
    (number,) = blocks.add(f"logged {own.name}", [logged.block(own.name)]).numbers
    own_blocks[number] = own.values.instance
    return [_piece(trace, number, own.values)]


def _piece(trace: Trace, number: int, values: Values) -> Piece:
    recorded = Recorded(values.kind, values.payload, [values.data])
    return Piece(number, values.instance, recorded, values.seq)


def number_blocks(trace: Trace, annotated: Sequence[Annotated], blocks: Blocks) -> None:
    """`blocks` learns the run's blocks, and nothing more is done."""
    _number_blocks(trace, annotated, [_match(copy, trace) for copy in annotated], blocks)


def _find(
    trace: Trace, annotated: Sequence[Annotated], matches: Sequence[list[int] | str], exact: bool
) -> tuple[_Places, list[Diagnostic]]:
    """The places of the names, and what is to be said of them."""
    run = (trace.run.id,)
    diagnostics: list[Diagnostic] = []
    places: _Places = {}
    for copy, match in zip(annotated, matches, strict=True):
        sources = [] if isinstance(match, str) else match
        for name in copy.shadow.names:
            reasons = [match] if isinstance(match, str) else []
            for index in sources:
                place = copy.places(trace.sources[index])[name.name]
                if name.refused is not None:
                    found: _Found | str = name.refused
                elif isinstance(place, Missing):
                    found = place.reason
                elif exact and place.how != "exact":
                    found = "the source is another version, of which --exact takes no value"
                else:
                    found = find_site(trace.sources[index].map, place)
                if isinstance(found, str):
                    reasons.append(found)
                    continue
                places.setdefault(name.name, []).append((index, found))
                if isinstance(place, Place) and place.how != "exact":
                    diagnostics.append(Diagnostic(_found_elsewhere(place), name.name, run))
            if name.name not in places:
                diagnostics += [Diagnostic(reason, name.name, run) for reason in dict.fromkeys(reasons)]
    return places, diagnostics


def _holding(trace: Trace, places: _Places) -> set[tuple[int, int]]:
    """The blocks (source, block) whose instances hold the names' values, with those around them in the source. Main
    modules that were run again: there lies what their processes did. And those that were thinned, of loops what is
    around them: there something may have run that was not recorded."""
    found = {(index, trace.sources[index].map.sites[own.site].block) for at in places.values() for index, own in at}
    found.update((index, 0) for index in trace.mains)
    for index, block in trace.skipped():
        source = trace.sources[index]
        if not source.available or block >= len(source.map.blocks) or source.map.blocks[block].kind not in LOOPS:
            found.add((index, block))
    found.update((index, around) for index, _, around in _thinned_loops(trace))
    for index, block in list(found):
        blocks = trace.sources[index].map.blocks if trace.sources[index].available else []
        around = blocks[block].parent if block < len(blocks) else None
        while around is not None:
            found.add((index, around))
            around = blocks[around].parent
    return found


def _thinned_loops(trace: Trace) -> Iterator[tuple[int, int, int]]:
    """The loops (source, block) that were thinned and of which something was recorded, with the block around each, in
    whose instances theirs begin."""
    for index, block in trace.skipped():
        source = trace.sources[index]
        if source.available and block < len(source.map.blocks) and trace.counts.get((index, block)):
            loop = source.map.blocks[block]
            if loop.kind in LOOPS and loop.parent is not None:
                yield index, block, loop.parent


def _found_elsewhere(place: Place) -> str:
    """What is to be said of a name's place in another version of the source."""
    match place.how:
        case "renamed":
            return f"another version of the source has it with other names: `{place.text}`, not `{place.named}`"
        case "changed":
            return f"another version of the source has `{place.text}` in its place, not `{place.named}`"
    return "found in another version of the source"


def find_site(sites: SourceMap, place: Place) -> _Found | str:
    """The recorded site whose values a place has; else why there is none."""
    kinds = ("expression",) if place.kind == "expression" else ("target", "parameter", "binding")
    index = next((i for i, s in enumerate(sites.sites) if s.span == place.span and s.kind in kinds), None)
    if index is None:
        return f"nothing is recorded for line {place.span[0]} of the source"
    for _ in sites.sites:  # no chain of references is longer, but one in a circle
        site = sites.sites[index]
        if site.source in ("recorded", "derived"):
            return _Found(index)
        if site.source == "constant":
            return _Found(index, site.constant)
        if site.source == "absent" or site.of is None:
            return site.why or f"line {place.span[0]} of the source is not recorded"
        index = site.of
    return f"line {place.span[0]} of the source is not recorded"


def values_at(trace: Trace, source: int, place: Place) -> Iterable[Recorded] | str:
    """The values that a place in a run's source has, part by part; else why there are none. Where they have to be
    gathered, and are more than `MANY`, there are none."""
    if not trace.sources[source].available:
        return f"the run's copy of {trace.sources[source].path} cannot be read"
    sites = trace.sources[source].map
    found = find_site(sites, place)
    if isinstance(found, str):
        return found
    site = sites.sites[found.site]
    if site.source == "recorded" and found.literal is None and site.since is None:
        parts = trace.in_parts(source, found.site)
        return (Recorded(own.kind, own.payload, [own.data]) for own in parts)
    if trace.count >= LONG:
        if trace.counts.get((source, site.block), 0) > MANY:
            return f"line {place.span[0]} has too many values to be looked at here: name it, and a table has them"
        trace = trace.only([(source, site.block)])
    return [piece.values for piece in _pieces(trace, source, found, range(len(sites.blocks)))]


def _pieces(trace: Trace, source: int, found: _Found, numbers: Sequence[int]) -> list[Piece]:
    sites = trace.sources[source].map.sites
    site = sites[found.site]
    match site.source:
        case "derived":
            values = derived(trace, source, found.site)
        case "constant" if site.witness is not None:
            values = trace.values(source, site.witness)
        case _:
            values = trace.values(source, found.site)
    if found.literal is None:
        recorded = Recorded(values.kind, values.payload, [values.data])
    else:
        recorded = constant(found.literal, len(values.instance))
    pieces = [Piece(numbers[site.block], values.instance, recorded, values.seq)]
    if site.since is not None:
        reached = trace.values(source, site.since)
        unknown = unfinished(reached.instance, values.instance)
        if unknown.any():
            gap = gaps(UNFINISHED, int(unknown.sum()))
            pieces.append(Piece(numbers[site.block], reached.instance[unknown], gap, reached.seq[unknown]))
    return pieces


def _match(copy: Annotated, trace: Trace) -> list[int] | str:
    """Which sources of a run a shadow copy is about; else why there is none."""
    root = trace.run.info.get("root")
    match = copy.sources(trace.sources, root if isinstance(root, str) else None)
    if isinstance(match, str):
        for skipped in trace.run.info.get("uncaptured", []):
            if skipped["path"] == str(copy.shadow.source_path):
                return f"the run did not capture {skipped['path']}: {skipped['why']}"
        return match
    available = [i for i in match if trace.sources[i].available]
    return available or f"the run's copy of {trace.sources[match[0]].path} cannot be read"


def _number_blocks(
    trace: Trace, annotated: Sequence[Annotated], matches: Sequence[list[int] | str], blocks: Blocks
) -> list[Numbered]:
    """The numbers of each source's blocks. An annotated source is known by its shadow copy, another one by its
    module."""
    tags: dict[int, str] = {}
    counterparts: dict[int, dict[int, Counterpart]] = {}
    annotated_now: set[int] = set()  # sources in the version that was annotated
    for number, (copy, match) in enumerate(zip(annotated, matches, strict=True)):
        for index in match if isinstance(match, list) else []:
            if index not in tags:
                tags[index] = f"shadow copy {number}"
                counterparts[index] = copy.counterparts(trace.sources[index])
                if trace.sources[index].sha256 == copy.sha256:
                    annotated_now.add(index)
    for index, source in enumerate(trace.sources):
        # What processes that are started afresh make of the script is the script.
        tags.setdefault(index, "__main__" if source.module == "__mp_main__" else source.module)
    numbers: dict[int, Numbered] = {}
    for index, tag in tags.items():
        source = trace.sources[index]
        if source.available:
            own = source.map.blocks
        else:  # its blocks lie between others in the tree: they are told apart, and give no keys
            count = max((block for own, block in trace.counts if own == index), default=-1) + 1
            own = [Block("module", source.module, None, 1)] * count
        numbers[index] = blocks.add(tag, own, source.available, counterparts.get(index), index in annotated_now)
    return [numbers[index] for index in range(len(trace.sources))]


def _tree(
    trace: Trace, numbered: list[Numbered], count: int, skipped: list[int], elsewhere: dict[int, int]
) -> tuple[Tree, Ints]:
    """`count`: how many numbers there are."""
    instances = trace.instances()
    flat = np.array([n for own in numbered for n in own.numbers], np.int32)
    first = np.cumsum([0, *(len(own.numbers) for own in numbered)])
    block = flat[first[instances.source] + instances.block]
    function = np.arange(count, dtype=np.int32)
    function[flat] = [f for own in numbered for f in own.functions]
    called = np.zeros(count, np.bool_)
    called[flat] = [c for own in numbered for c in own.called]
    thinned = np.zeros(count, np.bool_)
    thinned[skipped] = True
    return Tree(
        instances.parent,
        block,
        instances.stream,
        instances.seq,
        function,
        called,
        thinned,
        elsewhere,
        trace.copies,
        trace.forks,
    ), instances.ordinal


def _alike(text: str, other: str) -> bool:
    """Whether two texts are versions of one: half of their lines are the same, or what one holds the other has."""
    one, two = (Counter(line.strip() for line in own.splitlines() if line.strip()) for own in (text, other))
    same = (one & two).total()
    return 2 * same >= _ALIKE * (one.total() + two.total()) or same == min(one.total(), two.total()) > 0


def _common_tail(path: str, other: str) -> int:
    """How many last parts two paths have in common."""
    count = 0
    for one, two in zip(reversed(PurePath(path).parts), reversed(PurePath(other).parts), strict=False):
        if one != two:
            break
        count += 1
    return count
