"""What `make bench` measures with does what it says. Nothing here measures."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import peers, probes, processes, results, tables
from benchmarks.capture import WORKLOADS, Workload
from benchmarks.results import spread

pytestmark = pytest.mark.once

HERE = [w for w in WORKLOADS if w.is_here]


def _printed(script: list[str]) -> list[str]:
    return subprocess.run([sys.executable, *script], check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize("workload", HERE, ids=lambda w: w.name)
def test_a_workload_in_functions_computes_what_it_does_at_module_level(workload: Workload, tmp_path: Path) -> None:
    script = [workload.script(1)[0], "2"]
    seconds, result = _printed(script)
    assert float(seconds) >= 0
    assert _printed(peers.as_functions(script, tmp_path))[1] == result


def test_a_decorator_is_put_on_every_function(tmp_path: Path) -> None:
    (path, length) = peers.as_functions(WORKLOADS[0].script(1), tmp_path, "eye")
    functions = [n for n in ast.walk(ast.parse(Path(path).read_text())) if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in functions] == ["energy_step", "main"]
    assert all([ast.unparse(d) for d in f.decorator_list] == ["eye"] for f in functions)
    assert length == WORKLOADS[0].script(1)[1]


def test_the_script_of_probes_runs_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "probes.py"
    path.write_text(probes.script())
    assert len(_printed([str(path), "20", "2"])) == len(probes.KINDS)


def test_what_a_statement_costs_is_without_its_loop() -> None:
    iterations = 100
    costs = [
        5.0 * iterations if kind.loop else (5.0 + 2.0 * probes.COPIES) * iterations / (probes.SLOW if kind.slow else 1)
        for kind in probes.KINDS
    ]
    assert probes.per_copy(costs, iterations) == [5.0 if kind.loop else 2.0 for kind in probes.KINDS]


def test_instructions_are_those_of_the_function_itself(tmp_path: Path) -> None:
    dump = tmp_path / "callgrind.out.1"
    dump.write_text(
        "events: Ir\nfl=a.c\nfn=outer\n10 3\n+2 4\ncfn=inner\ncalls=1 20\n12 100\n* 1\n\nfn=inner\n20 100\n"
    )
    assert probes.functions(dump) == Counter(outer=8, inner=100)


def test_a_command_is_accounted_for_with_what_it_leaves_behind(tmp_path: Path) -> None:
    """In a process of its own: from then on it is the parent of all that is left behind."""
    busy = "import time\nwhile time.process_time() < 0.2: pass\n"
    script = tmp_path / "leaves.py"
    script.write_text(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {busy!r}])\nprint('ended')\n")
    measures = (
        "import sys; from pathlib import Path; from benchmarks import processes as p; p.adopt_orphans();"
        f"d = p.run([sys.executable, {str(script)!r}], home=Path({str(tmp_path)!r}), watch=True);"
        "print(d.output.strip(), d.beside >= 0.2, d.peak > 0, d.cpu > 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(peers.ROOT)}
    done = subprocess.run([sys.executable, "-c", measures], env=environment, capture_output=True, text=True)
    assert done.stdout == "ended True True True\n", done.stderr


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(processes.FailedError, match=r"exit code 3 of .*: no good"):
        processes.run(
            [sys.executable, "-c", "import sys; print('no good', file=sys.stderr); sys.exit(3)"], home=tmp_path
        )


def test_a_section_that_is_measured_again_replaces_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "build" / "results.json"
    results.measure(path, "etl", lambda: [{"title": "first"}])
    results.measure(path, "startup", lambda: [{"title": "other"}])
    results.measure(path, "etl", lambda: [{"title": "second"}])
    found = results.load(path)
    assert {name: section["rows"] for name, section in found["sections"].items()} == {
        "etl": [{"title": "second"}],
        "startup": [{"title": "other"}],
    }


def test_a_peer_without_figures_is_named_with_the_reason() -> None:
    rows: list[results.Row] = [
        {"peer": "a", "title": "A", "version": "1", "workload": "w", "loop": spread([2.0]), "whole": spread([30.0])},
        {"peer": "b", "title": "B", "version": "2", "workload": "w", "why": "it crashed"},
        {"peer": "c", "title": "C", "why": "c could not be installed"},
    ]
    assert tables.peers(rows)[1:] == [
        ["A", "1", "2.00 [30.0]"],
        ["B", "2", "failed"],
        ["C", "c could not be installed", ""],
    ]


def test_what_is_less_than_the_noise_is_no_figure() -> None:
    row: results.Row = {"peer": "a", "title": "A", "workload": "w", "loop": spread([2.0]), "whole": spread([3.0, -1.0])}
    assert tables.peers([row])[1:] == [["A", "", "2.00 [?]"]]
