"""Run a script twice, under Flor and under the truth program, and compare every value."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flor import home
from flor.annotate.source import Parsed, decode
from flor.capture import sites
from flor.trace import logged
from flor.trace.read import Trace, open_trace
from tests.oracle import judge, names, recorded, tree
from tests.oracle.describe import Described
from tests.oracle.instrument import Block, Site

_ROOT = Path(__file__).resolve().parent.parent.parent
_TRUTH = Path(__file__).with_name("truth.py")

UNEXPLAINED = "no reason is known"
LACKS_LIBRARY = 77  # a script's exit code
DID_NOT_END = "in an expression that raised"

_Done = subprocess.CompletedProcess[str]


class CannotCheckError(Exception):
    """Nothing can be said of a script; the message says why, in one line."""


@dataclass
class Report:
    """What became of the values of a script's expressions and bindings."""

    script: str
    sites: int = 0
    exact: int = 0
    summarised: int = 0
    gaps: Counter[tuple[str, str]] = field(default_factory=Counter)  # (reason, where)
    wrong: list[str] = field(default_factory=list)
    unavailable: bool = False  # the script says by its exit code that it lacks a library
    varying: int = 0  # values of places that have others in every run: nothing to compare with
    refused: Counter[str] = field(default_factory=Counter)  # why places cannot be named by a user

    @property
    def reasons(self) -> Counter[str]:
        """The number of gaps for each reason."""
        found: Counter[str] = Counter()
        for (reason, _), count in self.gaps.items():
            found[reason] += count
        return found

    def __str__(self) -> str:
        values = self.exact + self.summarised + self.gaps.total() + len(self.wrong) + self.varying
        varying = f", {self.varying:,} that are others in every run" if self.varying else ""
        return (
            f"{self.script}: {self.sites:,} names, {values:,} values: {self.exact:,} exact, {self.summarised:,} "
            f"summarised, {self.gaps.total():,} gaps, {len(self.wrong):,} wrong{varying}"
        )


@dataclass(frozen=True)
class Truth:
    """What the truth program kept of a run."""

    paths: list[Path]  # of the sources
    blocks: list[list[Block]]
    sites: list[list[Site]]
    instances: list[tree.Instance]
    values: list[tuple[int, int, int, Described]]  # source, site, instance, description

    def values_by_site(self) -> dict[tuple[int, int], str]:
        """What each (source, site) had, in one text."""
        found: dict[tuple[int, int], list[Described]] = {}
        for source, site, _, value in self.values:
            found.setdefault((source, site), []).append(value)
        return {key: json.dumps(values) for key, values in found.items()}


def check(script: Path, arguments: Sequence[str], folder: Path) -> Report:
    """Compare a script's values. `folder` is an empty one, for what is written; scripts run in the current folder.

    Raises CannotCheckError.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0", "FLOR_HOME": str(folder / "home")}
    flor = _run(["-m", "flor", "python", str(script), "oracle", *arguments], environment, folder / "flor")
    runs = list(home.runs("oracle", [])) if _use(folder / "home") else []
    if not runs:
        raise CannotCheckError(f"flor python made no run of it: {_last_line(flor)}")
    trace = open_trace(runs[-1])
    processes = len({process for process, _ in trace._about.streams})
    if processes > 1:
        raise CannotCheckError(f"it ran in {processes} processes, and the truth program keeps the values of one")
    truth, plain = _truth(script, arguments, trace, environment, folder / "truth")
    report = _compare(Report(script.name), trace, truth, flor, plain, frozenset())
    if not report.wrong:
        return report
    again, plain_again = _truth(script, arguments, trace, environment, folder / "again")
    if len(again.instances) != len(truth.instances):
        raise CannotCheckError("it does something else in every run: give it a seed")
    varying = frozenset(truth.values_by_site().items() ^ again.values_by_site().items())
    if not varying:
        return report
    if plain.stdout != plain_again.stdout:
        flor.stdout = plain.stdout
    return _compare(Report(script.name), trace, truth, flor, plain, frozenset(site for site, _ in varying))


def _compare(
    report: Report, trace: Trace, truth: Truth, flor: _Done, plain: _Done, varying: frozenset[tuple[int, int]]
) -> Report:
    report.unavailable = plain.returncode == LACKS_LIBRARY
    for what, one, other in (("stdout", flor.stdout, plain.stdout), ("exit code", flor.returncode, plain.returncode)):
        if one != other:
            report.wrong.append(f"{what} differs under capture: {str(one)[-300:]!r}, else {str(other)[-300:]!r}")
    _Comparison(report, trace, truth, varying).run()
    return report


def _last_line(done: _Done) -> str:
    """What a program that failed said last."""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with {done.returncode}"


def _use(path: Path) -> bool:
    os.environ["FLOR_HOME"] = str(path)
    return (path / "oracle").is_dir()


def _run(command: Sequence[str], environment: dict[str, str], out: Path) -> _Done:
    out.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
    )


def _truth(
    script: Path, arguments: Sequence[str], trace: Trace, environment: dict[str, str], out: Path
) -> tuple[Truth, _Done]:
    out.mkdir(parents=True)
    request, answer = out / "request.json", out / "answer.json"
    request.write_text(json.dumps({"sources": [s.path for s in trace.sources]}))
    done = _run([str(_TRUTH), str(request), str(answer), str(script), *arguments], environment, out)
    if not answer.exists():
        raise CannotCheckError(f"the truth program did not come to its end: {_last_line(done)}")
    found = json.loads(answer.read_bytes())
    sources = found["sources"]
    return Truth(
        [Path(s["path"]) for s in sources],
        [[Block(**b) for b in s["blocks"]] for s in sources],
        [[Site(s["kind"], s["block"], tuple(s["span"])) for s in source["sites"]] for source in sources],
        [tree.Instance(*i) for i in found["instances"]],
        [tuple(v) for v in found["values"]],
    ), done


class _Comparison:
    def __init__(self, report: Report, trace: Trace, truth: Truth, varying: frozenset[tuple[int, int]]) -> None:
        self.report = report
        self.varying = varying  # (source, site)
        self.trace = trace
        self.truth = truth
        self.known = tree.Paths()
        self.parsed = [Parsed(decode(path.read_bytes(), str(path)).text) for path in truth.paths]
        self.site_numbers = {
            (source, s.kind, s.span): i for source, sites in enumerate(truth.sites) for i, s in enumerate(sites)
        }
        self.recorded_sites: dict[tuple[int, int], tuple[int, sites.Site]] = {}  # with the trace's source

    def run(self) -> None:
        sources = self.match_sources()
        copies, keys = self.name_everything(sources)
        found = recorded.read(self.trace, copies)
        self.report.wrong += found.wrong
        values = {keys[name]: rows for name, rows in found.values.items()}
        reasons = {keys[name]: why for name, why in found.reasons.items()}
        here = self.truth_paths()
        there = self.recorded_paths(sources, values)
        self.compare_instances(set(here), self.of_program(there))
        self.compare_values(here, there, values, reasons)
        self.compare_order(sources, here, there)

    def match_sources(self) -> list[int | None]:
        """For each of the trace's sources the truth's: of one path in the order in which they were loaded. None for
        Flor's own, whose calls hold what the program logs."""
        free = list(enumerate(self.truth.paths))
        found: list[int | None] = []
        for source in self.trace.sources:
            same = next((i for i, path in free if str(path) == source.path), None)
            free = [(i, path) for i, path in free if i != same]
            found.append(same)
            if same is None and source.module != logged.MODULE:
                self.report.wrong.append(f"{source.path} was not run by the truth program")
        return found

    def name_everything(self, sources: list[int | None]) -> tuple[list[names.Annotated], dict[str, tuple[int, int]]]:
        copies: list[names.Annotated] = []
        keys: dict[str, tuple[int, int]] = {}
        for number, other in enumerate(sources):
            if other is None:
                continue
            source = self.trace.sources[number]
            executed = sorted({site for s, site, _, _ in self.truth.values if s == other})
            wanted = [(i, self.truth.sites[other][i]) for i in executed]
            named = names.name_all(Path(source.path), source.data, wanted, f"s{other}_")
            copies += named.copies
            keys |= {name: (other, site) for name, site in named.names.items()}
            self.report.wrong += named.wrong
            self.report.refused.update(named.refused.values())
        self.report.sites = len(keys)
        return copies, keys

    # Block instances.

    def truth_paths(self) -> list[int]:
        signs: list[list[str]] = [[] for _ in self.truth.instances]
        for source, site, instance, value in self.truth.values:
            if (word := judge.sign(value)) is not None:
                signs[instance].append(f"{source}.{site} {word}")
        return tree.paths(self.truth.instances, signs, self.known)

    def recorded_paths(
        self, sources: list[int | None], values: dict[tuple[int, int], list[recorded.Value]]
    ) -> list[int]:
        blocks = [self.match_blocks(number, other) for number, other in enumerate(sources)]
        instances = [
            i._replace(source=-1 if (s := sources[i.source]) is None else s, block=blocks[i.source][i.block])
            for i in recorded.instances(self.trace)
        ]
        signs: list[list[str]] = [[] for _ in instances]
        for (source, site), rows in values.items():
            for row in rows:
                if (word := judge.recorded_sign(row)) is not None:
                    signs[row.instance].append(f"{source}.{site} {word}")
        return tree.paths(instances, signs, self.known)

    def match_blocks(self, number: int, other: int | None) -> list[int]:
        source = self.trace.sources[number].map
        blocks = [(b.kind, b.parent, b.line) for b in source.blocks]
        if other is None:
            return list(range(len(blocks)))
        pairs: list[tuple[int, int]] = []
        for site in source.sites:
            index = self.site_numbers.get((other, _kind(site.kind), site.span))
            if index is not None:
                pairs.append((site.block, self.truth.sites[other][index].block))
                self.recorded_sites[other, index] = number, site
        found, wrong = tree.match_blocks(blocks, self.truth.blocks[other], pairs)
        self.report.wrong += wrong
        return found

    def of_program(self, there: list[int]) -> set[int]:
        """The paths of recorded instances, without those of Flor's own calls."""
        is_own = [source.module == logged.MODULE for source in self.trace.sources]
        return {path for path, i in zip(there, recorded.instances(self.trace), strict=True) if not is_own[i.source]}

    def compare_instances(self, here: set[int], there: set[int]) -> None:
        captured = {self.known.steps[path][1:3] for path in there}
        for path in sorted(here - there):
            if self.known.steps[path][1:3] in captured:  # else its values are missed one by one
                self.report.wrong.append(f"a block instance is missing: {self.path(path)}")
        for path in sorted(there - here):
            self.report.wrong.append(f"a block instance is too much: {self.path(path)}")

    # Values.

    def compare_values(
        self,
        here: list[int],
        there: list[int],
        values: dict[tuple[int, int], list[recorded.Value]],
        reasons: dict[tuple[int, int], list[str]],
    ) -> None:
        expected: dict[tuple[int, int], dict[int, Described]] = {}
        for source, site, instance, value in self.truth.values:
            of_site = expected.setdefault((source, site), {})
            if here[instance] in of_site:
                self.report.wrong.append(f"{self.place(source, site)}: the truth program has two values in an instance")
            of_site[here[instance]] = value
        for key, of_site in expected.items():
            if key in self.varying:
                self.report.varying += len(of_site)
                continue
            found = {there[row.instance]: row for row in values.get(key, [])}
            for path, truth in of_site.items():
                row = found.pop(path, None)
                if row is None:
                    why = reasons.get(key) or [self.why_missing(key, path, expected)]
                    self.report.gaps[why[0], self.place(*key)] += 1
                else:
                    self.judge(key, path, row, truth)
            for path, row in found.items():
                self.report.wrong.append(f"{self.place(*key)} at {self.path(path)}: never evaluated, recorded {row}")

    def judge(self, key: tuple[int, int], path: int, row: recorded.Value, truth: Described) -> None:
        verdict, why = judge.judge(row, truth)
        if verdict == "exact":
            self.report.exact += 1
        elif verdict == "summarised":
            self.report.summarised += 1
        elif verdict == "gap":
            self.report.gaps[why, self.place(*key)] += 1
        else:
            self.report.wrong.append(f"{self.place(*key)} at {self.path(path)}: it was {str(truth)[:200]}; {why}")

    def why_missing(
        self, key: tuple[int, int], path: int, expected: dict[tuple[int, int], dict[int, Described]]
    ) -> str:
        """A constant or a known name may be known by the value of an expression around it: not if that raised."""
        site = self.recorded_sites.get(key)
        if site is not None and site[1].source in ("constant", "derived"):
            number, about = site
            around = self.trace.sources[number].map.sites[about.witness or 0]
            witness = self.site_numbers.get((key[0], _kind(around.kind), around.span), -1)
            if path not in expected.get((key[0], witness), {}):
                return DID_NOT_END
        return UNEXPLAINED

    def compare_order(self, sources: list[int | None], here: list[int], there: list[int]) -> None:
        """Whether the main thread's expressions were recorded in the order in which they were evaluated."""
        events: list[tuple[int, int, int]] = []
        main = int(self.trace.instances().stream[0]) if there else 0
        for number, index, instance in recorded.order(self.trace, main):
            other = -1 if (o := sources[number]) is None else o
            site = self.site_numbers.get((other, "expression", self.trace.sources[number].map.sites[index].span))
            if site is not None:
                events.append((other, site, there[instance]))
        wanted = set(events)
        truth = [(s, i, here[n]) for s, i, n, _ in self.truth.values if self.truth.instances[n].thread == 0]
        truth = [event for event in truth if event in wanted]
        for one, other in zip(events, truth, strict=False):
            if one != other:
                about = [f"{self.place(s, i)} at {self.path(p)}" for s, i, p in (one, other)]
                self.report.wrong.append(f"recorded out of order: {about[0]} where {about[1]} was evaluated")
                return

    # Words.

    def place(self, source: int, site: int) -> str:
        about = self.truth.sites[source][site]
        line, column, end_line, end_column = about.span
        lines = self.parsed[source].lines
        text = self.parsed[source].text[lines.offset(line, column) : lines.offset(end_line, end_column)]
        return f"{self.truth.paths[source].name}:{line}:{column} `{' '.join(text.split())[:60]}` ({about.kind})"

    def path(self, path: int) -> str:
        def name(source: int, block: int) -> str:
            if source < 0 or block < 0:
                return "?"
            about = self.truth.blocks[source][block]
            return f"{about.kind} L{about.line}"

        return self.known.shown(path, name)


def _kind(kind: str) -> str:
    return "expression" if kind == "expression" else "binding"
