"""How long whole commands take: `flor python` around nothing, `flor etl` on little and on much."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import processes, traces
from benchmarks.results import Row, spread

ROOT = Path(__file__).parent.parent

#: Copies of one run that are one experiment.
_RUNS = 1000

#: Modules that are shown one by one.
_SHOWN = 12

#: About ten recorded values an iteration.
TABLE = """\
import random
a = [random.random() for _ in range(100)]
for i in range({rows}):
    x = a[i % 97] + a[i % 89]
    y = x * 2.0
"""
TABLE_NAMES = (("a[i % 97] + a[i % 89]", "x"), ("x * 2.0", "y"))


def startup(times: int) -> list[Row]:
    """One row: `wall`, `cpu`, `beside`: seconds that `flor python` adds to `python` on a script of one line. `beside`
    is CPU of other processes."""
    with tempfile.TemporaryDirectory() as name:
        script = Path(name, "empty.py")
        script.write_text("x = 1\n")
        home = Path(name, "home")
        added = []
        for _ in range(times + 1):
            plain = processes.run([sys.executable, str(script)], home=home)
            captured = processes.run([processes.FLOR, "python", str(script), "empty"], home=home)
            added.append((captured.wall - plain.wall, captured.cpu - plain.cpu, captured.beside))
    wall, cpu, beside = zip(*added[1:], strict=True)  # the first one fills caches
    return [{"title": "flor python, empty script", "wall": spread(wall), "cpu": spread(cpu), "beside": spread(beside)}]


def imports(times: int) -> list[Row]:
    """What `flor python` imports before a program begins, that plain Python does not: a row for each of the modules
    that take longest, and one for the others: `title`, `self` (seconds in the module's own code)."""
    found = [_imports("import flor.capture.run, flor.trace.ended") for _ in range(times + 1)][1:]
    plain = _imports("pass")
    own = {name: statistics.median(one[name] for one in found) for name in found[0].keys() - plain.keys()}
    longest = sorted(own, key=lambda name: -own[name])
    shown, others = longest[:_SHOWN], longest[_SHOWN:]
    rest = {"title": f"{len(others)} others", "self": sum(own[name] for name in others)}
    return [*({"title": name, "self": own[name]} for name in shown), rest]


def _imports(code: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    lines = [line.split(":", 1)[1].split("|") for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {name.strip(): int(own) / 1e6 for own, _, name in lines if own.strip().isdecimal()}


def etl(times: int) -> list[Row]:
    """A row for one run of Iris with five names, and one for as many copies of it as `_RUNS`: `wall`, `cpu` of
    `flor etl`."""
    with tempfile.TemporaryDirectory() as name:
        home, folder = Path(name, "home"), Path(name)
        demo = [str(ROOT / "examples" / "iris" / "demo.sh"), str(Path(processes.FLOR).parent)]
        processes.run(demo, home=home, cwd=folder, settings={"PYTHONDONTWRITEBYTECODE": "1"})
        command = [processes.FLOR, "etl", "iris_demo", "iris_h.py"]
        one = [processes.run(command, home=home, cwd=folder / "demo") for _ in range(times)]
        _copy(traces.run_of(home))
        many = [processes.run(command, home=home, cwd=folder / "demo") for _ in range(times)]
    return [
        {"title": "flor etl, Iris", **_times(one)},
        {"title": f"flor etl, {_RUNS:,} runs of Iris", **_times(many)},
    ]


def _copy(run: Path) -> None:
    """Make `_RUNS` of a run."""
    info = json.loads((run / "run.json").read_bytes())
    for number in range(_RUNS - 1):
        other = run.with_name(f"{run.name[:-6]}{number:06}")
        shutil.copytree(run, other)
        (other / "run.json").write_text(json.dumps({**info, "id": other.name}))


def table(rows: int, times: int) -> list[Row]:
    """A row for `flor etl` and a table of so many rows, out of a packed trace of `values`, and one for pandas and the
    same table in JSON: `wall`, `cpu`, `rows`."""
    with tempfile.TemporaryDirectory() as name:
        home, folder = Path(name, "home"), Path(name)
        text = TABLE.format(rows=rows)
        Path(folder, "much.py").write_text(text)
        processes.run([processes.FLOR, "python", "much.py", "much"], home=home, cwd=folder)
        kept = traces.kept(home)
        for expression, column in TABLE_NAMES:
            text = text.replace(expression, f'GET("{column}", {expression})')
        Path(folder, "much_h.py").write_text(f"#{folder / 'much.py'}\n{text}")
        command = [processes.FLOR, "etl", "much", "much_h.py"]
        done = [processes.run(command, home=home, cwd=folder) for _ in range(times)]
        with (folder / "much.csv").open() as file:
            found = sum(1 for _ in file) - 1
        processes.run([*command, "-f", "much.json"], home=home, cwd=folder)
        read = [sys.executable, "-c", "import pandas; pandas.read_json('much.json')"]
        in_json = [processes.run(read, home=home, cwd=folder) for _ in range(times)]
    about = {"values": kept.values, "skipped": kept.skipped, "rows": found}
    return [
        {"title": f"flor etl, {rows:,} rows", **about, **_times(done)},
        {"title": "pandas, the same rows in JSON", "values": 2 * found, "skipped": 0, "rows": found, **_times(in_json)},
    ]


def _times(done: list[processes.Done]) -> Row:
    return {"wall": spread([d.wall for d in done]), "cpu": spread([d.cpu for d in done])}
