"""What users get wrong, and what disks do: one clear line on stderr and exit code 2, and nothing is lost."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from flor.cli import main
from flor.home import run_paths, runs
from flor.trace.format import KIND_MASK, KIND_SHIFT, NONE, OPEN, TAIL
from tests.conftest import flor
from tests.walkthrough import annotate, columns, etl, run

pytestmark = pytest.mark.once

Write = Callable[[str, str], Path]
FLOR = Path(sys.executable).with_name("flor")


def refused(*arguments: object, saying: str, code: int = 2, **environment: str) -> None:
    """The command ends with `code`, and one line on stderr that has all the words of `saying`."""
    done = flor(*arguments, **environment)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("flor: ")
    assert [word for word in saying.split() if word not in line] == []


def contents(*folders: Path) -> dict[Path, bytes]:
    """All files below some folders, but for what Flor made of sources to run them faster."""
    found = (p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file() and ".cache" not in p.parts)
    return {p: p.read_bytes() for p in found}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with script.py, its shadow copy script_h.py, and `home`, with an experiment that was packed and one
    whose runs were killed, of two runs each."""
    folder = tmp_path_factory.mktemp("sample")
    lines = "import sys, os\nfor i in range(3):\n    x = f'{i}' + 'abcdefghijklmnop'\nn = len(x)\n"
    (folder / "script.py").write_text(lines + "if sys.argv[1:]:\n    os.kill(os.getpid(), 9)\n")
    environment = {"FLOR_HOME": str(folder / "home")}
    for experiment, arguments in (("packed", []), ("killed", ["now"])):
        for _ in range(2):
            flor("python", folder / "script.py", experiment, *arguments, **environment)
    packing = [sys.executable, "-m", "flor.trace.pack"]
    for path in (folder / "home" / "packed" / "runs").iterdir():
        while not (path / "trace" / "blocks.parquet").exists() or (path / "segments").exists():
            subprocess.run([*packing, path], check=False)  # it fails while the run's own helper does it
    flor("cp", folder / "script.py", folder / "script_h.py")
    shadow = folder / "script_h.py"
    shadow.write_text(shadow.read_text().replace("f'{i}' + 'abc", "GET('x', f'{i}' + 'abc").replace("nop'", "nop')"))
    return folder


@pytest.fixture
def home(sample: Path, flor_home: Path, folder: Path) -> Path:
    """A copy of the sample's home as FLOR_HOME."""
    shutil.copytree(sample / "home", flor_home)
    return flor_home


# ---- nothing to run, nowhere to keep it


@pytest.fixture
def script(write: Write) -> Path:
    return write("script.py", "for i in range(3):\n    x = i * 2\nprint('ran')\n")


@pytest.mark.parametrize(
    ("what", "saying"),
    [
        ("missing.py", "missing.py No such file give the path"),
        ("nofolder/missing.py", "missing.py No such file give the path"),
        ("empty", "empty __main__.py No such file give the path"),
        ("archive.zip", "archive.zip no Python source"),
        ("program", "program no Python source"),
        ("", "No such file give the path"),
    ],
)
def test_nothing_that_could_be_run(what: str, saying: str, folder: Path, flor_home: Path) -> None:
    Path("empty").mkdir()
    Path("archive.zip").write_bytes(b"PK\x03\x04rest")
    Path("program").write_bytes(b"\x7fELF\x02\x01\x01\0\0\0")
    refused("python", what, "demo", saying=saying)
    assert not flor_home.exists()


@pytest.mark.parametrize("module", ["missing", "missing.part", "json.missing", "sys", "", "."])
def test_no_module_that_could_be_run(module: str, folder: Path) -> None:
    refused("python", "-m", module, "demo", saying="no module named current folder")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/", "../a", "-x", ".hidden", "a\nb", "a:b", "n" * 300, "\udcff"]
)
def test_what_cannot_name_an_experiment(name: str, script: Path, flor_home: Path) -> None:
    refused("python", "script.py", name, saying="cannot name an experiment use letters iris_demo")
    assert not flor_home.exists()


@pytest.mark.parametrize("command", ["show", "ls", "rm", "log", "etl"])
@pytest.mark.parametrize("name", ["missing", "..", "a\nb"])
def test_an_experiment_that_is_not_there(command: str, name: str, sample: Path, home: Path) -> None:
    more = [sample / "script_h.py"] if command == "etl" else []
    saying = "no experiment 'missing' there are: killed, packed" if name == "missing" else "cannot name an experiment"
    refused(command, name, *more, saying=saying)


def test_the_first_experiment_is_still_to_come(script: Path) -> None:
    refused("show", "missing", saying="no experiment none yet flor python SCRIPT EXPERIMENT")


@pytest.mark.parametrize("run_id", ["missing", "", ".", "..", "../..", "../../demo", "/"])
def test_a_run_that_is_not_there(run_id: str, sample: Path, home: Path) -> None:
    before = contents(home)
    refused("log", f"packed/{run_id}", saying=f"'packed' has no run {run_id!r} flor ls packed")
    refused(
        "rm", "--yes", f"packed/{run_id}", saying=f"no run {run_id!r} 'packed' newest {run_paths('packed')[0].name}"
    )
    refused(
        "etl", "packed", sample / "script_h.py", "--run", run_id, saying=f"'packed' has no run {run_id!r} flor show"
    )
    assert contents(home) == before
    assert not Path("packed.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        ([], "required: COMMAND flor --help"),
        (["unknown"], "'unknown' choose from 'etl' flor --help"),
        (["etl"], "required: EXPERIMENT, SHADOW flor etl --help"),
        (["sql", "select 1", "--csv", "--json"], "--csv --json flor sql --help"),
        (["python"], "usage: flor python SCRIPT EXPERIMENT"),
        (["python", "script.py"], "usage: flor python SCRIPT EXPERIMENT"),
        (["python", "--option", "script.py", "demo"], "usage: flor python SCRIPT EXPERIMENT"),
        (["name"], "usage: flor name FILE:LINE:COLUMN"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], saying: str, script: Path) -> None:
    refused(*arguments, saying=saying)


SYNTAX_ERRORS = {
    "an expression": "x = = 1\n",
    "a definition": "def f(:\n",
    "an indent": "if True:\nx = 1\n",
    "a tab": "\tx = 1\n        y = 2\n",
    "a string": "x = 'never closed\n",
    "a misplaced return": "return 1\n",
    "too deep for Python": f"x = {'-' * 100_000}1\n",
}


@pytest.mark.parametrize("text", SYNTAX_ERRORS.values(), ids=SYNTAX_ERRORS)
def test_a_syntax_error_is_shown_as_python_shows_it(text: str, folder: Path, flor_home: Path) -> None:
    Path("wrong.py").write_text(text)
    plain = subprocess.run([sys.executable, "wrong.py"], capture_output=True, text=True)
    done = flor("python", "wrong.py", "demo")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", plain.stderr)
    assert not flor_home.exists()


@pytest.mark.parametrize("where", ["regular file", "below a regular file", "/proc/flor", "/sys/flor"])
def test_a_home_that_cannot_be_written(where: str, script: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    path = {"regular file": file, "below a regular file": file / "home"}.get(where, Path(where))
    refused("python", "script.py", "demo", saying=f"cannot write to {path} set FLOR_HOME", FLOR_HOME=str(path))
    for command in (["ls"], ["sql", "select * from runs"]) if path.name != "flor" else ():
        refused(*command, saying=f"cannot read {path} set FLOR_HOME", FLOR_HOME=str(path))
    checked = flor("install", FLOR_HOME=str(path))
    assert (checked.returncode, f"missing  FLOR_HOME {path}" in checked.stdout, checked.stderr) == (1, True, "")
    assert file.read_text() == "mine"


# ---- a full disk


def test_a_disk_that_is_full_before_the_run(script: Path, small_disk: Path) -> None:
    home = small_disk / "home"
    run_there = ("python", "script.py", "demo")
    assert flor(*run_there, FLOR_HOME=str(home)).returncode == 0
    fill = small_disk / "fill"
    with fill.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1000))
    refused(*run_there, saying=f"cannot write to {home} No space left set FLOR_HOME", FLOR_HOME=str(home))
    fill.unlink()
    listed = flor("ls", FLOR_HOME=str(home))
    assert (len(listed.stdout.splitlines()), listed.stderr) == (2, "")


def test_a_disk_that_fills_up_during_the_run(recorder: str, folder: Path, write: Write, small_disk: Path) -> None:
    write(
        "fills.py",
        """
        import sys
        for i in range(20_000):
            text = str(i) * 5
        print("end", text)
        sys.exit(3)
        """,
    )
    home = str(small_disk / "home")
    done = flor("python", "fills.py", "demo", FLOR_HOME=home, FLOR_BUDGET="1G")
    assert (done.returncode, done.stdout) == (3, "end " + "19999" * 5 + "\n")
    assert all(line.startswith("flor: ") for line in done.stderr.splitlines())
    assert "recording stopped early: No space left on device" in done.stderr
    shown = flor("show", "demo", FLOR_HOME=home).stdout
    assert ("failed (3)" in shown, "recording stopped early: No space left" in shown) == (True, True)
    shadow = annotate("fills.py", ("str(i) * 5", 'GET("text", str(i) * 5)'))
    refused("etl", "demo", shadow, saying="cannot write table.parquet No space left", FLOR_HOME=home)
    subprocess.run(["mount", "-o", "remount,size=9m", small_disk], check=True)
    made = flor("etl", "demo", shadow, FLOR_HOME=home)
    assert (made.returncode, made.stderr.count("recording stopped early")) == (0, 1)
    with Path("demo.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file) if row["text"]]
    assert 100 < len(texts) < 20_000
    assert texts == [str(i) * 5 for i in range(len(texts))]


# ---- shadow copies


SAMPLE_ROWS = [(str(i), f"{i}abcdefghijklmnop") for i in range(3)]

GET = 'is no GET("name", expression): a literal name, then one expression'
#: What stands below the header of a shadow copy of script.py, and what is said of it.
SHADOW_COPIES = {
    "a line that does not parse": ("x = 1\ny = (2\n", "copy_h.py:3: '(' was never closed mend the shadow copy"),
    "a bad indent": ("if x:\ny = 2\n", "copy_h.py:3: expected an indented block mend the shadow copy"),
    "no name": ("x = 1\n", 'no name in copy_h.py put GET("name", ...)'),
    "no argument": ("x = 1\ny = GET()\n", f"copy_h.py:3: GET() {GET}"),
    "no expression": ('x = GET("a")\n', f"copy_h.py:2: GET('a') {GET}"),
    "two expressions": ('x = GET("a", 1, 2)\n', f"copy_h.py:2: GET('a', 1, 2) {GET}"),
    "a keyword": ('x = GET("a", value=1)\n', f"copy_h.py:2: GET('a', value=1) {GET}"),
    "a keyword more": ('x = GET("a", 1, k=1)\n', f"copy_h.py:2: GET('a', 1, k=1) {GET}"),
    "the name's keyword": ('x = GET(name="a", value=1)\n', f"copy_h.py:2: {GET}"),
    "an f-string": ('x = GET(f"a", 1)\n', f"copy_h.py:2: GET(f'a', 1) {GET}"),
    "an empty name": ('x = GET("", 1)\n', f"copy_h.py:2: GET('', 1) {GET}"),
    "a variable": ('n = "a"\nx = GET(n, 1)\n', f"copy_h.py:3: GET(n, 1) {GET}"),
    "a sum": ('x = GET("a" + "b", 1)\n', f"copy_h.py:2: GET('a' + 'b', 1) {GET}"),
    "bytes": ('x = GET(b"a", 1)\n', f"copy_h.py:2: GET(b'a', 1) {GET}"),
    "a number": ("x = GET(1, 1)\n", f"copy_h.py:2: GET(1, 1) {GET}"),
    "a starred expression": ('x = GET("a", *b)\n', f"copy_h.py:2: GET('a', *b) {GET}"),
    "flor.GET": ('import flor\nx = flor.GET("a")\n', f"copy_h.py:3: flor.GET('a') {GET}"),
    "a line end in a name": ('x = GET("a\\nb", 1)\n', r"copy_h.py:2: 'a\nb' cannot hold control characters"),
    "a surrogate in a name": ('x = GET("\\ud800", 1)\n', r"copy_h.py:2: '\ud800' cannot hold control characters"),
    "a name around itself": ('x = GET("a", GET("a", 1))\n', '"a" twice: copy_h.py:2 and copy_h.py:2; rename'),
    "a name twice": ('x = GET("a", 1)\n\ny = GET("a", 2)\n', '"a" twice: copy_h.py:2 and copy_h.py:4; rename'),
    "another GET": ('def GET(a, b):\n    pass\nx = GET("a", 1)\n', "copy_h.py:4: line 2 defines another GET flor.GET"),
}


@pytest.mark.parametrize("name", SHADOW_COPIES)
def test_a_shadow_copy_that_is_wrong(name: str, sample: Path, home: Path) -> None:
    text, saying = SHADOW_COPIES[name]
    Path("copy_h.py").write_text(f"#{sample}/script.py\n{text}")
    Path("packed.csv").write_text("mine")
    refused("etl", "packed", "copy_h.py", saying=saying)
    assert Path("packed.csv").read_text() == "mine"


def test_a_shadow_copy_that_is_no_text(sample: Path, home: Path) -> None:
    Path("copy_h.py").write_bytes(f"#{sample}/script.py\n".encode() + b"x = '\xff'\n")
    refused("etl", "packed", "copy_h.py", saying="copy_h.py:2: not utf-8 declare the encoding")


@pytest.mark.parametrize(
    ("what", "saying"),
    [
        ("missing_h.py", "cannot read the shadow copy missing_h.py: No such file"),
        (".", "cannot read the shadow copy .: Is a directory"),
        ("script.py", "script.py:1: no line names the source flor cp SOURCE SHADOW makes one"),
    ],
)
def test_what_is_no_shadow_copy(what: str, saying: str, sample: Path, home: Path) -> None:
    shutil.copy(sample / "script.py", ".")
    refused("etl", "packed", what, saying=saying)


def test_a_name_in_two_shadow_copies(sample: Path, home: Path) -> None:
    for letter in "ab":
        Path(f"{letter}_h.py").write_text(f'#{sample}/script.py\nimport sys\nn = GET("n", 2)\n')
    refused("etl", "packed", "a_h.py", "b_h.py", saying='the name "n" is used twice: a_h.py:3 and b_h.py:3; rename')


def test_a_source_that_is_gone_from_disk_and_runs(home: Path) -> None:
    Path("gone_h.py").write_text('#/no/such/gone.py\nx = GET("x", 1)\n')
    Path("packed.csv").write_text("mine")
    refused(
        "etl", "packed", "gone_h.py", saying="source of gone_h.py is gone no run of 'packed' /no/such/gone.py header"
    )
    assert Path("packed.csv").read_text() == "mine"


def test_a_source_that_is_gone_is_read_from_the_runs(script: Path) -> None:
    run("script.py", "demo")
    shadow = annotate("script.py", ("i * 2", 'GET("x", i * 2)'))
    script.unlink()
    rows, said = etl("demo", shadow)
    assert columns(rows, "i_iter", "x") == [("0", "0"), ("1", "2"), ("2", "4")]
    assert said == f"flor: the source of script_h.py is gone, the runs' own copies are read: {script}\n"


def test_a_source_that_no_run_captured_replaces_no_table(script: Path, write: Write, flor_home: Path) -> None:
    run("script.py", "demo")
    etl("demo", annotate("script.py", ("i * 2", 'GET("x", i * 2)')))
    write("other.py", "y = 1 + 1\n")
    shadow = annotate("other.py", ("1 + 1", 'GET("y", 1 + 1)'))
    before = contents(flor_home / "demo", script.parent)
    folder = script.parent
    saying = f"none of the runs of 'demo' captured {folder}/other.py, source of other_h.py; they captured {script}"
    refused("etl", "demo", shadow, saying=saying)
    refused("etl", "demo", shadow, "-f", "demo.csv", "-d", "duckdb", saying=saying)
    assert contents(flor_home / "demo", folder) == before


# ---- where the table goes


@pytest.mark.parametrize(
    ("options", "saying"),
    [
        (["-f", "t.txt"], "t.txt .txt use .csv, .parquet, .arrow, .json, .xlsx"),
        (["-f", "a.csv", "-f", "/dev/stdout"], "/dev/stdout has no extension; use .csv"),
        (["--file", ""], "has no extension; use .csv"),
        (["-d", "mysql"], "-d mysql use sqlite, duckdb, postgres"),
        (["-d", "duckdb", "a", "b"], "one DSN put -d behind EXPERIMENT and SHADOW"),
        (["--append"], "say which with -d"),
        (["--safe-csv", "-f", "t.json"], "no .csv file is written"),
        (["-d"], "argument -d/--database: expected at least one argument; see flor etl --help"),
    ],
)
def test_an_option_of_etl_that_cannot_be_followed_is_refused_before_anything_is_read(
    options: list[str], saying: str, folder: Path
) -> None:
    refused("etl", "missing", "missing_h.py", *options, saying=saying)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("extension", ["csv", "json", "parquet", "arrow", "xlsx"])
def test_a_table_that_finds_no_room_leaves_the_old_one(
    extension: str, write: Write, small_disk: Path, flor_home: Path
) -> None:
    write("large.py", "import os\nfor i in range(3000):\n    x = os.urandom(100).hex()\n")
    run("large.py", "demo")
    shadow = annotate("large.py", ("os.urandom(100).hex()", 'GET("x", os.urandom(100).hex())'))
    path = small_disk / f"t.{extension}"
    path.write_text("mine")
    (flor_home / "demo" / "table.parquet").write_text("old")
    refused("etl", "demo", shadow, "-f", path, saying=f"cannot write {path}: No space left on device")
    assert contents(small_disk) == {path: b"mine"}
    assert (flor_home / "demo" / "table.parquet").read_text() == "old"


def test_a_workbook_for_which_there_is_no_temporary_room(write: Write, small_disk: Path, flor_home: Path) -> None:
    write("large.py", "import os\nfor i in range(3000):\n    x = os.urandom(100).hex()\n")
    run("large.py", "demo")
    shadow = annotate("large.py", ("os.urandom(100).hex()", 'GET("x", os.urandom(100).hex())'))
    saying = "cannot write t.xlsx: No space left on device"
    refused("etl", "demo", shadow, "-f", "t.xlsx", saying=saying, TMPDIR=str(small_disk))
    assert (contents(small_disk), Path("t.xlsx").exists()) == ({}, False)


#: Names that have no value: (script, edit, what is said).
VALUELESS = {
    "never evaluated": (
        "if len('') > 1:\n    x = 1 + 1\n",
        ("1 + 1", 'GET("x", 1 + 1)'),
        ["x: no run has a value it was never evaluated"],
    ),
    "not in the source": (
        "y = 1\n",
        ("y = 1\n", 'y = 1\nx = GET("x", y + 1)\n'),
        [
            "z: found in another version",
            "x: no counterpart of `x = y + 1` (line 4",
            "script_h.py differs from script.py by more than names: flor cp --update script_h.py",
            "x: no run has a value",
        ],
    ),
    "an annotation": (
        "y: int = 1\n",
        ("int", 'GET("x", int)'),
        ["x: an annotation is no value name where the variable gets its value", "x: no run has a value"],
    ),
    "a parameter's annotation": (
        "def f(a: int):\n    pass\nf(1)\n",
        ("int", 'GET("x", int)'),
        ["x: an annotation is no value", "x: no run has a value"],
    ),
}


@pytest.mark.parametrize("name", VALUELESS)
def test_a_name_without_a_value_is_null_and_says_why(name: str, folder: Path, write: Write) -> None:
    text, edit, saying = VALUELESS[name]
    write("script.py", f"z = 5\n{text}")
    run("script.py", "demo")
    rows, said = etl("demo", annotate("script.py", ("z = 5", 'z = GET("z", 5)'), edit))
    assert columns(rows, "z", "x") == [("5", "")]
    for line, words in zip(said.splitlines(), saying, strict=True):
        assert [w for w in words.split() if w not in line] == []


def test_a_tuple_that_was_named_by_hand_is_no_other_code(folder: Path, write: Write) -> None:
    """The GET has the tuple's parentheses for its own, so that the source without it would be `x = 1, 2`."""
    write("script.py", "x = (1, 2)\n")
    run("script.py", "demo")
    rows, said = etl("demo", annotate("script.py", ("(1, 2)", 'GET("x", (1, 2))')))
    assert (columns(rows, "x"), said) == ([("[1, 2]",)], "")


def test_a_file_that_the_run_did_not_capture(script: Path, write: Write) -> None:
    run("script.py", "demo")
    write("other.py", "y = 1 + 1\n")
    shadows = [annotate("script.py", ("i * 2", 'GET("x", i * 2)')), annotate("other.py", ("1 + 1", 'GET("y", 1 + 1)'))]
    rows, said = etl("demo", *shadows)
    assert columns(rows, "x", "y") == [("0", ""), ("2", ""), ("4", "")]
    assert f"flor: y: the run did not capture {script.parent}/other.py" in said


# ---- runs that are damaged

Damage = Callable[[Path], object]


def cut(pattern: str, size: int) -> Damage:
    """Damage that leaves the first bytes of a run's files."""
    return lambda path: [os.truncate(p, size) for p in only(path, pattern)]


def becomes(pattern: str, data: bytes | str) -> Damage:
    """Damage that puts something else in the place of a run's files."""
    return lambda path: [p.write_bytes(data if isinstance(data, bytes) else data.encode()) for p in only(path, pattern)]


def removed(pattern: str) -> Damage:
    """Damage that takes a run's files away."""
    return lambda path: [shutil.rmtree(p) if p.is_dir() else p.unlink() for p in only(path, pattern)]


def with_json(**changes: object) -> Damage:
    """Damage that changes run.json, which stays JSON."""

    def damage(path: Path) -> None:
        info = json.loads((path / "run.json").read_bytes())
        (path / "run.json").write_text(json.dumps(info | changes))

    return damage


def only(path: Path, pattern: str) -> list[Path]:
    found = list(path.glob(pattern))
    assert found, f"there is no {pattern}"
    return found


OTHER_SITES = {"blocks": [{"kind": "module", "name": "", "parent": None, "line": 1}], "sites": []}

#: (experiment, damage to its first run, words of the warning); the second run answers.
DAMAGED: dict[str, tuple[str, Damage, str]] = {
    "run.json is cut": ("packed", cut("run.json", 100), "run.json cannot be read"),
    "run.json is empty": ("packed", cut("run.json", 0), "run.json cannot be read"),
    "run.json is missing": ("packed", removed("run.json"), "is no run: it has no run.json"),
    "run.json is a folder": ("packed", lambda p: [removed("run.json")(p), (p / "run.json").mkdir()], "run.json"),
    "run.json is a list": ("packed", becomes("run.json", "[]"), "run.json cannot be read"),
    "run.json is text": ("packed", becomes("run.json", '"x"'), "run.json cannot be read"),
    "run.json is no text": ("packed", becomes("run.json", b"\xff\xfe\0"), "run.json cannot be read"),
    "run.json is nested too deeply": ("packed", becomes("run.json", "[" * 100_000), "run.json cannot be read"),
    "run.json is foreign": ("packed", becomes("run.json", '{"name": "x", "format": "png"}'), "run.json"),
    "run.json has nothing but a format": ("packed", becomes("run.json", '{"format": 1}'), "run.json cannot be read"),
    "run.json has a start that is text": ("packed", with_json(start="noon"), "run.json cannot be read 'start'"),
    "run.json has a start out of time": ("packed", with_json(start=1e300), "run.json cannot be read 'start'"),
    "run.json has an end that is text": ("packed", with_json(end="late"), "run.json cannot be read 'end'"),
    "run.json has foreign sources": ("packed", with_json(sources=[{"no": 1}]), "run.json cannot be read 'sources'"),
    "run.json has an exit code of text": ("packed", with_json(exit_code="x"), "run.json cannot be read 'exit_code'"),
    "run.json has arguments of another kind": ("packed", with_json(argv=5), "run.json cannot be read 'argv'"),
    "a newer format": ("packed", with_json(format=7), "newer Flor (format 7 pip install -U flor-lsp"),
    "a newer format of another shape": ("packed", becomes("run.json", '{"format": 7}'), "newer Flor (format 7"),
    "values.parquet is cut": ("packed", cut("trace/values.parquet", 500), "trace/values.parquet cannot be read"),
    "values.parquet is empty": ("packed", cut("trace/values.parquet", 0), "trace/values.parquet cannot be read"),
    "values.parquet is foreign": ("packed", becomes("trace/values.parquet", "x"), "trace/values.parquet cannot be"),
    "blocks.parquet is cut": ("packed", cut("trace/blocks.parquet", 700), "trace/blocks.parquet cannot be read"),
    "the trace is missing": ("packed", removed("trace"), "holds no events"),
    "sites are cut": ("packed", cut("sites/*", 300), "sites/ cannot be read"),
    "sites are foreign": ("packed", becomes("sites/*", "[1]"), "sites/ cannot be read"),
    "sites hold nothing": ("packed", becomes("sites/*", '{"blocks": [], "sites": []}'), "sites/ cannot be read"),
    "sites are of another source": ("packed", becomes("sites/*", json.dumps(OTHER_SITES)), "sites/ do not fit"),
    "sites are missing": ("packed", removed("sites"), "sites/ cannot be read"),
    "a source is another": ("packed", becomes("sources/*", "x = 1\n"), "is not the text that was captured"),
    "sources are missing": ("packed", removed("sources"), "sources/ cannot be read"),
    "events are foreign": ("killed", becomes("segments/0/0.tail.events", bytes(TAIL) + b"\x5a" * 905), "makes no sense"),
    "a tail is foreign": ("killed", becomes("segments/0/0.tail.events", b"\x5a" * 5001), ".events cannot be read"),
    "a heap is cut": ("killed", cut("segments/0/*.heap", 5), "bytes are missing in the trace"),
    "modules.jsonl is cut": ("killed", cut("segments/0/modules.jsonl", 41), "could not be placed"),
    "process.json is cut": ("killed", cut("segments/0/process.json", 41), "process.json cannot be read"),
    "sites of raw events are foreign": ("killed", becomes("sites/*", "[1]"), "sites/ cannot be read"),
    "segments are missing": ("killed", removed("segments"), "holds no events"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_run_is_skipped_and_the_others_answer(
    name: str, sample: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, damage, saying = DAMAGED[name]
    first, second = run_paths(experiment)
    damage(first)
    before = contents(home)
    made = flor("etl", experiment, sample / "script_h.py")
    assert made.returncode == 0, made.stderr
    assert all(line.startswith("flor: ") for line in made.stderr.splitlines())
    assert [w for w in saying.split() if w not in made.stderr] == []
    assert second.name not in "".join(line for line in made.stderr.splitlines() if not line.startswith("flor: killed"))
    with Path(f"{experiment}.csv").open(newline="") as file:
        rows = [(r["i_iter"], r["x"]) for r in csv.DictReader(file) if r["run"] == second.name]
    assert rows == SAMPLE_ROWS
    for command in (["show", experiment], ["sql", "select count(*) from runs, blocks, sites, values"]):
        code = main(command)
        said = capsys.readouterr()
        assert (code, [line for line in said.err.splitlines() if not line.startswith("flor: ")]) == (0, [])
    if experiment == "packed":  # others may be packed by now
        assert {p: data for p, data in contents(home).items() if not p.name.startswith("table.")} == before


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_events_that_are_cut_give_what_came_before(more: int, sample: Path, home: Path) -> None:
    first, _ = run_paths("killed")
    (path,) = first.glob("segments/0/*.events")
    heads = [head for head, _ in struct.iter_unpack("<IQ", path.read_bytes()[TAIL:])]
    *_, second_iteration, _ = [i for i, head in enumerate(heads) if head & OPEN]
    last = max(i for i in range(second_iteration) if heads[i] >> KIND_SHIFT & KIND_MASK >= NONE)  # the first x
    cut("segments/0/*.events", TAIL + 12 * (last + 1) + more)(first)
    rows, said = etl("killed", str(sample / "script_h.py"))
    assert ("has no value of any name" in said) == (more < 0)
    assert columns(rows, "i_iter", "x") == SAMPLE_ROWS[: 1 if more >= 0 else 0] + SAMPLE_ROWS


@pytest.mark.parametrize(
    "stray", ["note.txt", "runs/note.txt", "runs/.DS_Store", "runs/{first}/note.txt", "runs/{first}/trace/note.txt"]
)
def test_a_stray_file_changes_nothing(stray: str, sample: Path, home: Path) -> None:
    path = home / "packed" / stray.format(first=run_paths("packed")[0].name)
    path.write_text("hello")
    rows, said = etl("packed", str(sample / "script_h.py"))
    assert (columns(rows, "i_iter", "x"), said) == (SAMPLE_ROWS * 2, "")
    assert path.read_text() == "hello"


def test_a_stray_folder_is_skipped(sample: Path, home: Path) -> None:
    (home / "packed" / "runs" / "mine").mkdir()
    (home / "a:b").mkdir()
    rows, said = etl("packed", str(sample / "script_h.py"))
    assert columns(rows, "i_iter", "x") == SAMPLE_ROWS * 2
    assert said == f"flor: run mine skipped: {home}/packed/runs/mine is no run: it has no run.json\n"
    listed = flor("ls")
    assert (listed.returncode, listed.stderr, len(listed.stdout.splitlines())) == (0, said, 5)


def test_arguments_that_would_drive_the_terminal(write: Write, home: Path) -> None:
    write("script.py", "print(1)\n")
    assert flor("python", "script.py", "driven", "\x1b[31mred", "two\nlines").returncode == 0
    assert "'\\x1b[31mred' 'two lines'" in flor("ls", "driven").stdout
    assert "\x1b" not in flor("show", "driven").stdout


def test_what_is_kept_of_a_run_goes_with_it(write: Write, home: Path) -> None:
    write("script.py", "import sys\nx = sys.argv[1] * 2\n")
    for word in ("older", "newer"):
        assert flor("python", "script.py", "gone", word).returncode == 0
    older, newer = run_paths("gone")
    log = home / "gone" / "log.json"
    assert flor("rm", "-y", f"gone/{older.name}").stderr == ""
    assert "newernewer" in log.read_text()
    flor("name", "script.py:2:5", "x")
    flor("etl", "gone", "script_h.py")
    done = flor("rm", "-y", f"gone/{newer.name}")
    assert done.stderr == "flor: the table of gone still has the run's rows: flor etl gone script_h.py makes it anew\n"
    assert not log.exists()


def test_the_log_of_a_run_stays_when_a_killed_one_is_removed(write: Write, home: Path) -> None:
    write("script.py", "import os, sys\nx = 1\nif len(sys.argv) > 1:\n    os.kill(os.getpid(), 9)\n")
    assert flor("python", "script.py", "gone").returncode == 0
    assert flor("python", "script.py", "gone", "kill").returncode == -9
    finished, killed = run_paths("gone")
    log = home / "gone" / "log.json"
    assert flor("rm", "-y", f"gone/{killed.name}").stderr == ""
    assert log.exists()
    assert flor("rm", "-y", f"gone/{finished.name}").stderr == ""
    assert not log.exists()


def test_the_log_of_a_run_goes_with_it_though_a_linked_one_ended_later(write: Write, home: Path) -> None:
    write("script.py", "x = 1\n")
    for experiment in ("gone", "other"):
        assert flor("python", "script.py", experiment).returncode == 0
    (own,), (linked,) = run_paths("gone"), run_paths("other")
    (home / "gone" / "runs" / linked.name).symlink_to(linked)
    assert flor("rm", "-y", f"gone/{own.name}").stderr == ""
    assert not (home / "gone" / "log.json").exists()
    assert linked.exists() and (home / "other" / "log.json").exists()


def test_an_experiment_of_which_no_run_can_be_read(sample: Path, home: Path) -> None:
    for path in run_paths("packed"):
        (path / "run.json").write_text("{")
    refused(
        "etl", "packed", sample / "script_h.py", saying="'packed' has no run that can be read run.json cannot be read"
    )
    refused("log", "packed", saying="run.json cannot be read")


def test_a_damaged_table_is_made_anew(sample: Path, home: Path) -> None:
    etl("packed", str(sample / "script_h.py"))
    table = home / "packed" / "table.parquet"
    os.truncate(table, 300)
    refused("sql", "select * from packed", saying=f"{table} cannot be read flor etl packed SHADOW makes it anew")
    for foreign in ("", "[]", '{"names": 5}', '{"names": [{"name": 5, "text": null, "shadow": []}]}'):
        (home / "packed" / "table.json").write_text(foreign)
        shown = flor("show", "packed")
        assert (shown.returncode, shown.stderr) == (0, "")
    etl("packed", str(sample / "script_h.py"))
    assert flor("sql", "select count(*) from packed", "--csv").stdout == "count_star()\n6\n"


@pytest.mark.parametrize("stage", ["writing values", "between the two files", "removing segments"])
def test_what_a_killed_packing_leaves_can_be_read(stage: str, sample: Path, home: Path) -> None:
    experiment = "packed" if stage == "removing segments" else "killed"
    first, _ = run_paths(experiment)
    other = run_paths("packed")[0]
    (first / "trace").mkdir(exist_ok=True)
    if stage == "writing values":
        (first / "trace" / ".values.packing").write_bytes(b"PAR1 and half of the rest")
    elif stage == "between the two files":
        shutil.copy(other / "trace" / "values.parquet", first / "trace")
        (first / "trace" / ".blocks.packing").write_bytes(b"PAR1")
    else:
        shutil.copytree(run_paths("killed")[0] / "segments", first / ".segments")
        (first / ".segments" / "0" / "modules.jsonl").unlink()
    rows, said = etl(experiment, str(sample / "script_h.py"))
    assert columns(rows, "i_iter", "x") == SAMPLE_ROWS * 2
    assert [line for line in said.splitlines() if not line.startswith("flor: killed (2 runs")] == []


# ---- cp and name


@pytest.fixture
def shadow(script: Path) -> Path:
    return Path(annotate("script.py", ("i * 2", 'GET("x", i * 2)')))


CP = {
    "a source that is not there": (["missing.py", "new_h.py"], "cannot read the source missing.py: No such file"),
    "a folder as a source": (["folder", "new_h.py"], "cannot read the source folder: Is a directory"),
    "a folder that is not there": (["script.py", "missing/new_h.py"], "cannot write missing/new_h.py: No such"),
    "a folder as the target": (["script.py", "folder"], "folder is there already remove it, or name another"),
    "the source as the target": (["script.py", "script.py"], "script.py is the source itself: name another file"),
    "the source by another path": (["script.py", "folder/../script.py"], "is the source itself: name another file"),
    "a link to the source": (["script.py", "link.py"], "link.py is the source itself: name another file"),
    "a shadow copy with names": (["script.py", "script_h.py"], "script_h.py is there already remove it"),
    "a program": (["script.py", "other.py"], "other.py is there already remove it, or name another"),
    "a shadow copy that does not parse": (["script.py", "broken_h.py"], "broken_h.py is there already remove it"),
    "a source that does not parse": (["broken.py", "new_h.py"], "broken.py:2: invalid syntax: mend the source"),
}  # fmt: skip


@pytest.mark.parametrize("name", CP)
def test_a_copy_that_would_lose_something_is_not_made(name: str, shadow: Path, folder: Path) -> None:
    Path("folder").mkdir()
    Path("link.py").symlink_to("script.py")
    Path("other.py").write_text("print('mine')\n")
    Path("broken_h.py").write_text(f"#{folder}/script.py\nx = GET('a', (1\n")
    Path("broken.py").write_text("x = 1\ny = = 2\n")
    before = contents(folder)
    arguments, saying = CP[name]
    refused("cp", *arguments, saying=saying)
    assert contents(folder) == before


UPDATE = {
    "no file": ([], "usage: flor cp SRC DST, or flor cp --update SHADOW"),
    "a source alone": (["script.py"], "usage: flor cp SRC DST"),
    "a source besides": (["--update", "script_h.py", "script.py"], "usage: flor cp SRC DST"),
    "no shadow copy": (["--update", "script.py"], "script.py:1: no line names the source flor cp SOURCE SHADOW makes one"),
    "a shadow copy that is not there": (["--update", "new_h.py"], "cannot read the shadow copy new_h.py"),
    "a source that is not there": (["--update", "gone_h.py"], "cannot read the source /gone.py: No such file"),
    "a source that does not parse": (["--update", "broken_h.py"], "broken.py:1: was never closed mend the source"),
    "an old copy that is there": (["--update", "other_h.py"], "other_h.py~ is there already would be lost remove it"),
}  # fmt: skip


@pytest.mark.parametrize("name", UPDATE)
def test_an_update_that_would_lose_something_is_not_made(name: str, shadow: Path, folder: Path) -> None:
    Path("gone_h.py").write_text("#/gone.py\nx = GET('a', 1)\n")
    Path("broken.py").write_text("x = (1\n")
    Path("broken_h.py").write_text(f"#{folder}/broken.py\nx = GET('a', 1)\n")
    Path("other_h.py").write_text(f"#{folder}/script.py\nnowhere = GET('a', 1)\n")
    Path("other_h.py~").write_text("mine\n")
    before = contents(folder)
    arguments, saying = UPDATE[name]
    refused("cp", *arguments, saying=saying)
    assert contents(folder) == before


def test_an_update_keeps_the_old_copy_if_a_name_has_no_place_any_more(shadow: Path, script: Path) -> None:
    script.write_text("import os\n" + script.read_text())
    done = flor("cp", "--update", "script_h.py")
    assert (done.returncode, done.stderr, done.stdout.endswith("1 of 1 names carried over\n")) == (0, "", True)
    assert not Path("script_h.py~").exists()
    old = shadow.read_text()
    assert old.splitlines()[1] == "import os"
    script.write_text("y = 1\n")
    done = flor("cp", "--update", "script_h.py")
    assert (done.returncode, done.stdout.endswith("the old copy is kept as script_h.py~\n")) == (1, True)
    assert done.stderr.startswith("flor: x: `i * 2` could not be carried over: this version of the source")
    assert Path("script_h.py~").read_text() == old
    assert shadow.read_text() == f"#{script}\ny = 1\n"
    done = flor("cp", "--update", "script_h.py")
    assert (done.returncode, done.stdout) == (0, "script_h.py is up to date\n")


def test_a_shadow_copy_has_the_permissions_of_its_source(script: Path) -> None:
    script.chmod(0o664)
    shadow = Path(annotate("script.py"))
    assert shadow.stat().st_mode & 0o777 == 0o664
    shadow.chmod(0o640)
    assert flor("name", "script.py:2:9", "x").returncode == 0
    assert shadow.stat().st_mode & 0o777 == 0o640


NAME = {
    "no line": (["script.py", "n"], "'script.py' is no place: write FILE:LINE:COLUMN"),
    "no column": (["script.py:1", "n"], "'script.py:1' is no place: write FILE:LINE:COLUMN"),
    "words for numbers": (["script.py:a:b", "n"], "'script.py:a:b' is no place"),
    "half a selection": (["script.py:1:1-2", "n"], "'script.py:1:1-2' is no place"),
    "a line beyond the file": (["script.py:99:1", "n"], "no line 99: lines are 1 to 4"),
    "line 0": (["script.py:0:1", "n"], "no line 0: lines are 1 to 4"),
    "a column beyond the line": (["script.py:2:99", "n"], "no column 99 in line 2: columns are 1 to 14"),
    "a file that is not there": (["missing.py:1:1", "n"], "cannot read the file missing.py: No such file"),
    "nothing there": (["script.py:2:1", "n"], "script.py:2:1: there is no expression here"),
    "a keyword": (["script.py:1:1", "n"], "script.py:1:1: "),
    "a name that is taken": (["script.py:1:10", "x"], '"x" is taken at script_h.py:3: choose another'),
    "a line end": (["script.py:1:10", "a\nb"], "a name cannot hold control characters"),
    "no name at all": (["script.py:1:10", ""], "a name needs a character"),
    "a space": (["script.py:1:10", " "], "a name needs a character"),
    "no name given": (["script.py:1:10"], "usage: flor name FILE:LINE:COLUMN[-LINE:COLUMN] NAME"),
    "a source that does not parse": (["broken.py:1:1", "n"], "broken.py:2: invalid syntax mend the source"),
    "a shadow copy of another": (["script.py:1:10", "n", "--shadow", "alien_h.py"], "alien_h.py is a copy of /a.py"),
    "a program as the shadow copy": (["script.py:1:10", "n", "--shadow", "other.py"], "other.py:1: no line names"),
    "a folder that is not there": (["script.py:1:10", "n", "--shadow", "no/s_h.py"], "cannot write no/s_h.py: No such"),
    "a list of a source's names": (["--list", "script.py"], "script.py:1: no line names the source"),
    "a list of nothing": (["--list", "missing_h.py"], "cannot read the shadow copy missing_h.py: No such file"),
    "taking out what is not there": (["--remove", "script_h.py", "y"], 'no name "y" in script_h.py: flor name --list'),
    "taking out of a source": (["--remove", "script.py", "x"], "script.py:1: no line names the source"),
    "taking out and naming": (["--remove", "script_h.py", "x", "extra"], "usage: flor name FILE:LINE:COLUMN"),
    "taking out and listing": (["--list", "script_h.py", "--remove", "script_h.py", "x"], "usage: flor name"),
    "taking out half": (["--remove", "script_h.py"], "--remove: expected 2 arguments"),
}  # fmt: skip


def test_a_source_that_was_named_by_way_of_another_folder(
    write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("lib.py", "x = 1 + 1\n")
    write("script.py", "import lib\n")
    assert flor("python", "script.py", "around").returncode == 0
    (folder / "scripts").mkdir()
    monkeypatch.chdir(folder / "scripts")
    assert flor("name", "../lib.py:1:5", "x").returncode == 0
    assert (folder / "lib_h.py").read_text().splitlines()[0] == f"#{folder}/lib.py"
    rows, said = etl("around", "../lib_h.py")
    assert (columns(rows, "x"), said) == ([("1",)], "")


def test_a_name_is_taken_out_alone(shadow: Path) -> None:
    before = shadow.read_text()
    assert flor("name", "script.py:1:5", "n").stdout == "script_h.py:3  n  i\n"
    assert shadow.read_text() != before
    assert flor("name", "--remove", "script_h.py", "n").stdout == "script_h.py has no name n any more\n"
    assert shadow.read_text() == before
    assert flor("name", "--remove", "script_h.py", "x").returncode == 0
    assert shadow.read_text() == f"#{Path('script.py').absolute()}\n" + Path("script.py").read_text()


@pytest.mark.parametrize("name", NAME)
def test_what_cannot_be_named(name: str, shadow: Path, folder: Path) -> None:
    Path("broken.py").write_text("x = 1\ny = = 2\n")
    Path("alien_h.py").write_text("#/a.py\nx = 1\n")
    Path("other.py").write_text("print('mine')\n")
    before = contents(folder)
    arguments, saying = NAME[name]
    refused("name", *arguments, saying=saying)
    assert contents(folder) == before


# ---- sql

SQL = {
    "a syntax error": ("selec 1", "SQL: Parser Error selec"),
    "nothing": ("", 'no SQL to run: flor sql "select * from runs"'),
    "nothing but a semicolon": (";", "no SQL to run"),
    "an unknown table": ("select * from nope", "no table nope; there are killed, packed, runs, blocks, sites, values"),
    "a column that is not there": ("select nope from runs", 'SQL: "nope" not found'),
    "an experiment without a table": ("select * from packed", "'packed' has no table yet: flor etl packed SHADOW"),
    "a value of another type": ("select 'a'::int", "SQL: Conversion Error 'a'"),
    "writing a file elsewhere": (
        "copy (select 1) to '../out.csv'",
        "SQL: ../out.csv not in the current folder --allow-files",
    ),
    "reading a file elsewhere": ("select * from read_csv('../secret.csv')", "SQL: ../secret.csv --allow-files"),
    "reading a file by its name": ("select * from '../secret.csv'", "SQL: ../secret.csv not in the current folder"),
    "attaching a database": ("attach '../out.db' as d", "SQL: out.db not in the current folder"),
    "exporting": ("export database '../out'", "SQL: ../out not in the current folder"),
    "an extension": ("load httpfs", "SQL: Permission Error disabled"),
    "the network": ("select * from 'https://localhost/x.csv'", "SQL: https://localhost/x.csv no network"),
    "allowing it all": ("set enable_external_access = true", "SQL: Cannot change enable_external_access"),
    "writing after reading": ("select 1; copy (select 1) to '../out.csv'", "SQL: ../out.csv"),
    "bytes that are no text": ("select '\udcff'", "query bytes that are no text"),
}


@pytest.mark.parametrize("name", SQL)
def test_sql_that_is_refused(name: str, home: Path, folder: Path) -> None:
    (folder.parent / "secret.csv").write_text("a,b\n1,2\n")
    before = contents(folder, home)
    query, saying = SQL[name]
    refused("sql", query, saying=saying)
    assert contents(folder, home) == before


# ---- rm and uninstall


def test_nothing_is_removed_that_nobody_agreed_to(home: Path) -> None:
    before = contents(home)
    refused("rm", "packed", saying="Remove experiment packed (2 runs nobody to ask: say --yes")
    refused("rm", f"packed/{run_paths('packed')[0].name}", saying="Remove run packed/ nobody to ask: say --yes")
    refused("uninstall", "--traces", saying="Remove nobody to ask: say --yes")
    assert contents(home) == before


@pytest.mark.parametrize("answer", ["\n", "n\n", "no\n", "x\n", "\x04"])
def test_only_yes_is_yes(answer: str, home: Path) -> None:
    before = contents(home)
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run([FLOR, "rm", "packed"], stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")
    assert "nothing removed" in done.stdout
    assert contents(home) == before


def test_a_run_that_goes_on_is_not_removed(folder: Path, write: Write, flor_home: Path) -> None:
    write("waits.py", "import sys\nprint('on', flush=True)\nsys.stdin.readline()\nx = 1\n")
    with subprocess.Popen(
        [FLOR, "python", "waits.py", "demo"], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (path,) = run_paths("demo")
        saying = f"run {path.name} of 'demo' is still running: end it first"
        refused("rm", "--yes", "demo", saying=saying)
        refused("rm", "--yes", f"demo/{path.name}", saying=saying)
        refused("uninstall", "--traces", "--yes", saying=saying)
        _, said = process.communicate("\n")
    assert (process.returncode, said) == (0, "")
    assert [r.status for r in runs("demo", [])] == ["finished"]


# ---- the terminal and other processes


def test_two_tables_made_at_once_are_both_whole(sample: Path, home: Path) -> None:
    command = [FLOR, "etl", "packed", sample / "script_h.py"]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=PIPE, text=True) for _ in range(2)]
    assert [p.communicate()[1] for p in processes] == ["", ""]
    assert [p.returncode for p in processes] == [0, 0]
    assert flor("sql", "select x from packed where i_iter = 2", "--csv").stdout == "x\n" + "2abcdefghijklmnop\n" * 2
    assert [p.name for p in Path().iterdir()] == ["packed.csv"]
    assert not [p for p in contents(home) if p.name.startswith(".")]


def test_control_c_ends_a_command_quietly(home: Path) -> None:
    os.mkfifo("slow_h.py")
    process = subprocess.Popen([FLOR, "etl", "packed", "slow_h.py"], stdout=PIPE, stderr=PIPE, text=True)
    with process, Path("slow_h.py").open("w"):  # opens when it is being read
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said) == (130, "", "")
    assert not Path("packed.csv").exists()


def test_control_c_ends_a_query_at_once(home: Path) -> None:
    info = run_paths("packed")[0] / "run.json"
    text = info.read_text()
    info.unlink()
    os.mkfifo(info)
    query = "select sum(a.range * b.range) from runs, range(100000000) a, range(100000000) b"
    process = subprocess.Popen([FLOR, "sql", query], stdout=PIPE, stderr=PIPE, text=True)
    with process:
        info.write_text(text)  # when the query reads it; then DuckDB is at work
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        try:
            assert process.communicate(timeout=60) == ("", "")
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT


def buffered() -> dict[str, str]:
    """The environment, with output buffered as Python does it by itself."""
    return {**os.environ, "PYTHONUNBUFFERED": ""}


COMMANDS = [
    ["log", "packed"],
    ["ls"],
    ["show", "packed"],
    ["sql", "select * from values"],
    ["--help"],
    ["etl", "--help"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_into_a_pipe_that_is_closed(command: list[str], home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([FLOR, *command], stdout=writer, stderr=PIPE, text=True, env=buffered())
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    "command", [["log", "packed"], ["sql", "select 1"], ["sql", "--csv", "select 1"]], ids=" ".join
)
def test_output_that_the_shell_closed(command: list[str], home: Path) -> None:
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" "$@" >&-', str(FLOR), *command], stderr=PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "flor: cannot write the output: standard output is closed\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_onto_a_full_disk(command: list[str], home: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([FLOR, *command], stdout=full, stderr=PIPE, text=True, env=buffered())
    assert (done.returncode, done.stderr) == (2, "flor: cannot write the output: No space left on device\n")


#: Where Python takes the locale at its word, which is ASCII.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, ASCII], ids=["C", "ASCII"])
def test_names_that_the_locale_cannot_show(environment: dict[str, str], folder: Path, write: Write) -> None:
    write("umlaut.py", "for ü in range(2):\n    ß = 'ä' * ü\n")
    shadow = annotate("umlaut.py", ("'ä' * ü", "GET('größe', 'ä' * ü)"))
    for command in (
        ["python", "umlaut.py", "demo"],
        ["etl", "demo", shadow],
        ["name", "--list", shadow],
        ["ls"],
        ["show", "demo"],
        ["log", "demo"],
        ["sql", "select * from demo"],
    ):
        done = flor(*command, **environment)
        assert (done.returncode, done.stderr) == (0, ""), command
    with Path("demo.csv").open(encoding="utf-8", newline="") as file:
        assert [r["größe"] for r in csv.DictReader(file)] == ["", "ä"]
    printed = flor("sql", "select * exclude run from demo", "--json", **environment).stdout
    assert json.loads(printed) == [{"ü_iter": 0, "größe": ""}, {"ü_iter": 1, "größe": "ä"}]


def test_a_folder_that_is_gone(script: Path, flor_home: Path) -> None:
    gone = Path("gone").absolute()
    gone.mkdir()
    removal = (
        f"import os, sys; os.rmdir({str(gone)!r}); os.execv({str(FLOR)!r}, ['flor', 'python', '../script.py', 'demo'])"
    )
    done = subprocess.run([sys.executable, "-c", removal], cwd=gone, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "flor: the current folder is gone: change to one that is there\n")


def test_a_file_whose_name_is_no_text(folder: Path, flor_home: Path) -> None:
    name = os.fsdecode(b"\xff.py")
    Path(name).write_text("x = 1 + 1\n")
    run(name, "demo")
    rows, said = etl("demo", annotate(name, ("1 + 1", 'GET("x", 1 + 1)')))
    assert (columns(rows, "x"), said) == ([("2",)], "")
    asked = flor("sql", "select script from runs", "--csv")
    assert (asked.returncode, asked.stdout.splitlines()[1:]) == (0, [f"{folder}/\\udcff.py"])
    refused("etl", "demo", "a\nb_h.py", saying="cannot read the shadow copy a\\nb_h.py: No such file")
