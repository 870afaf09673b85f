"""What an earlier tool of this kind got wrong, each as the behaviour that is right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flor.home import runs
from tests.conftest import flor
from tests.walkthrough import annotate, columns, etl, run

Write = Callable[[str, str], Path]


def git(*arguments: str) -> str:
    """Run git in the current folder with a user of its own; returns what it printed."""
    names = {f"GIT_{who}_{what}": f"secret-{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, env=environment).stdout


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The contents and times of all files of a folder, but for what git keeps of runs."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    users = {name: p for name, p in found.items() if not name.startswith((".git/objects/", ".git/refs/flor/"))}
    return {name: (p.read_bytes(), p.stat().st_mtime_ns) for name, p in users.items()}


# ---- the project is the user's


@pytest.fixture
def repository(folder: Path, write: Write) -> Path:
    """A git repository with a script, tracked and ignored modules, staged and unstaged changes, untracked data."""
    write(
        "train.py",
        """
        import ignored, tracked
        with open("results.txt", "a") as file:
            for i in range(3):
                x = tracked.double(ignored.increment(i))
                print(x, file=file)
        """,
    )
    write("tracked.py", "def double(n):\n    return 2 * n\n")
    write("ignored.py", "def increment(n):\n    return n + 1\n")
    write("results.txt", "before\n")
    write("staged.txt", "1\n")
    write("changed.txt", "1\n")
    write(".gitignore", "ignored.py\n__pycache__/\n")
    git("init", "--quiet", "--initial-branch=work")
    git("config", "user.name", "secret-name")
    git("config", "user.email", "secret@example.org")
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    write("staged.txt", "2\n")
    git("add", "staged.txt")
    write("changed.txt", "2\n")
    write("data.bin", "untracked\n")
    return folder


def test_a_run_leaves_the_project_and_its_repository_as_they_are(repository: Path) -> None:
    def state() -> list[str]:
        log = git("log", "--exclude=refs/flor/*", "--all", "--format=%H %D")
        return [log, git("diff", "--cached"), git("reflog"), git("stash", "list")]

    git("status")  # writes what it finds out about the files into the index
    before, in_git = files(repository), state()
    run("train.py", "demo")
    after = files(repository)
    assert after.pop("results.txt")[0] == b"before\n2\n4\n6\n"
    before.pop("results.txt")
    assert {k: v for k, v in after.items() if "__pycache__" not in k} == before
    assert state() == in_git
    assert git("status", "--short").splitlines() == [
        " M changed.txt", " M results.txt", "M  staged.txt", "?? data.bin"]  # fmt: skip


def test_annotating_and_tabulating_add_a_shadow_copy_and_a_table_and_nothing_else(repository: Path) -> None:
    run("train.py", "demo")
    before = files(repository)
    etl("demo", annotate("train.py", ("ignored.increment(i)", 'GET("n", ignored.increment(i))')))
    after = files(repository)
    assert {k: after[k] for k in before} == before
    assert sorted(after.keys() - before.keys()) == ["demo.csv", "train_h.py"]


def test_a_killed_run_leaves_the_sources_as_they_are(repository: Path) -> None:
    script = repository / "train.py"
    script.write_text(script.read_text() + "import os\nos.kill(os.getpid(), 9)\n")
    before = files(repository)
    run("train.py", "demo", code=-signal.SIGKILL)
    after = files(repository)
    assert {k: after[k] for k in before if k != "results.txt"} == {
        k: v for k, v in before.items() if k != "results.txt"
    }


def test_a_run_keeps_nothing_of_who_ran_it_where(repository: Path, flor_home: Path) -> None:
    run("train.py", "demo", code=0)
    (path,) = (r.path for r in runs("demo", []))
    said = (path / "run.json").read_text() + (flor_home / "demo" / "log.json").read_text()
    assert "secret" not in said
    info = json.loads((path / "run.json").read_bytes())
    assert info["commit"] == git("rev-parse", "HEAD").strip()
    assert not [key for key in info if any(word in key for word in ("mac", "user", "mail", "ec2"))]


# ---- the script runs as under plain Python


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        ("raise ValueError('no')", 1, "ValueError: no\n"),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("import sys; sys.exit('a message')", 1, "a message\n"),
        ("import os; os._exit(9)", 9, ""),
        ("assert False", 1, "AssertionError\n"),
    ],
)
def test_the_exit_code_is_the_scripts_own(ending: str, code: int, said: str, folder: Path, write: Write) -> None:
    write("ends.py", f"x = 1\n{ending}\n")
    done = flor("python", "ends.py", "demo")
    plain = subprocess.run([sys.executable, "ends.py"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert done.returncode == code
    assert done.stderr.endswith(said)


def test_a_script_is_main_and_has_its_arguments_and_its_folder(folder: Path, write: Write) -> None:
    write("sub/sibling.py", "NAME = __name__\n")
    write(
        "sub/script.py",
        """
        import sys
        import sibling
        if __name__ == "__main__":
            print(sys.argv, sys.path[0] == sys.argv[-1], sibling.NAME, sys.modules["__main__"].sibling is sibling)
        """,
    )
    arguments = ["-x", "--flag=1", "two words", str(folder / "sub")]
    printed = run("sub/script.py", "demo", *arguments)
    assert printed == f"{['sub/script.py', *arguments]} True sibling True\n"


def test_classes_of_the_script_can_be_pickled(folder: Path, write: Write) -> None:
    write(
        "pickles.py",
        """
        import pickle
        class Point:
            def __init__(self, x):
                self.x = x
        data = pickle.dumps(Point(3))
        print(b"__main__" in data, pickle.loads(data).x, Point.__module__)
        """,
    )
    assert run("pickles.py", "demo") == "True 3 __main__\n"


def test_global_settings_are_those_of_plain_python(folder: Path, write: Write) -> None:
    write(
        "settings.py",
        """
        import decimal, gc, locale, random, signal, socket, sys, threading, warnings
        print(socket.getdefaulttimeout(), sys.getrecursionlimit(), sys.getswitchinterval(), gc.get_threshold())
        print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, threading.active_count())
        print(warnings.filters, [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)])
        print(random.seed(1), random.random(), locale.setlocale(locale.LC_ALL), decimal.getcontext())
        """,
    )
    plain = subprocess.run([sys.executable, "settings.py"], capture_output=True, text=True, check=True)
    assert run("settings.py", "demo") == plain.stdout


# ---- nothing in a trace is run


def test_a_trace_is_read_without_running_anything_in_it(folder: Path, write: Write) -> None:
    write(
        "evil.py",
        """
        class Evil:
            def __reduce__(self):
                return (open, ("pickled", "w"))
            def __repr__(self):
                return "open('evaluated', 'w')"
        x = Evil()
        text = "__import__('os').mkdir('evaluated')"
        """,
    )
    run("evil.py", "demo")
    assert [p.name for p in folder.iterdir()] == ["evil.py"]
    shadow = annotate(
        "evil.py", ("= Evil()", '= GET("x", Evil())'), ('= "__imp', '= GET("text", "__imp'), ("d')\"", "d')\")")
    )
    rows, _ = etl("demo", shadow)
    assert rows[0]["text"] == "__import__('os').mkdir('evaluated')"
    assert flor("log", "demo").returncode == 0
    assert sorted(p.name for p in folder.iterdir()) == ["demo.csv", "evil.py", "evil_h.py"]


# ---- a name has its own expression's value: (script, edits, columns, rows)

TABLES: dict[str, tuple[str, list[tuple[str, str]], str, list[tuple[str, ...]]]] = {
    "a part of an assigned expression has its own value, not the target's": (
        "def f(x):\n    return x + 1\ny = f(5) + 100\n",
        [("f(5)", 'GET("part", f(5))')],
        "part",
        [("6",)],
    ),
    "the element of a comprehension has a row for each": (
        "squares = [i*i for i in range(4)]\n",
        [("i*i", 'GET("elt", i*i)')],
        "i_iter elt",
        [("0", "0"), ("1", "1"), ("2", "4"), ("3", "9")],
    ),
    "the key, the value and the condition of a comprehension": (
        "d = {k: k*10 for k in range(4) if k % 2}\n",
        [("{k:", '{GET("key", k):'), ("k*10", 'GET("value", k*10)'), ("k % 2", 'GET("odd", k % 2)')],
        "k_iter key value odd",
        [("0", "", "", "0"), ("1", "1", "10", "1"), ("2", "", "", "0"), ("3", "3", "30", "1")],
    ),
    "a name inside a name": (
        "def f(x):\n    return x + 1\ny = f(f(5) * 2)\n",
        [("f(f(5) * 2)", 'GET("outer", f(GET("middle", GET("inner", f(5)) * 2)))')],
        "outer middle inner",
        [("13", "12", "6")],
    ),
    "two calls of one function in one expression": (
        "def f(x):\n    return x * 2\ny = f(1) + f(2)\n",
        [("f(1) + f(2)", 'f(GET("one", 1)) + GET("two", f(2))')],
        "one two",
        [("1", "4")],
    ),
    "two calls of one function with nothing between": (
        "def f(x, k=0):\n    return x\nf(1, k=3)\nf(2, k=4)\n",
        [("f(1, k=3)", 'f(GET("a", 1), k=GET("b", 3))'), ("f(2, k=4)", 'f(GET("c", 2), k=GET("d", 4))')],
        "a b c d",
        [("1", "3", "2", "4")],
    ),
    "every call of a recursion": (
        "def fact(n):\n    if n <= 1:\n        return 1\n    m = n - 1\n    return n * fact(m)\nfact(4)\n",
        [("n - 1", 'GET("m", n - 1)')],
        "m",
        [("3",), ("2",), ("1",)],
    ),
    "a parameter of every call of a recursion": (
        "def fact(n):\n    return 1 if n <= 1 else n * fact(n - 1)\nfact(3)\n",
        [("def fact(n):\n", 'def fact(n):\n    GET("n", n)\n')],
        "n",
        [("3",), ("2",), ("1",)],
    ),
    "an except handler": (
        "for i in (1, 0, 2):\n    try:\n        q = 6 / i\n    except ZeroDivisionError as e:\n        q = -1\n",
        [("= -1", '= GET("failed", -1)'), ("as e:\n", 'as e:\n        GET("error", e)\n')],
        "i_iter failed error",
        [("1", "-1", "ZeroDivisionError('division by zero')")],
    ),
    "an expression in an except handler": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    text = str(e)\n",
        [("str(e)", 'GET("text", str(e))')],
        "text",
        [("division by zero",)],
    ),
    "straight after a function": (
        "def f(x):\n    return x + 1\nf(5)\n",
        [("\nf(5)", '\nGET("y", f(5))')],
        "y",
        [("6",)],
    ),
    "straight after a class": (
        "class C:\n    x = 3\ny = C.x + 1\n",
        [("C.x + 1", 'GET("y", C.x + 1)')],
        "y",
        [("4",)],
    ),
    "a class body": (
        "class C:\n    x = 1 + 2\n",
        [("1 + 2", 'GET("x", 1 + 2)')],
        "x",
        [("3",)],
    ),
    "a generator": (
        "def numbers(n):\n    for k in range(n):\n        square = k * k\n        yield square\n"
        "total = sum(numbers(3))\n",
        [("k * k", 'GET("square", k * k)'), ("sum(numbers(3))", 'GET("total", sum(numbers(3)))')],
        "k_iter square total",
        [("0", "0", "5"), ("1", "1", "5"), ("2", "4", "5")],
    ),
    "a method with two underscores": (
        "class C:\n    def __call__(self, x):\n        y = x + 1\n        return y\nc = C()\nc(1)\nc(2)\n",
        [("x + 1", 'GET("y", x + 1)')],
        "y",
        [("2",), ("3",)],
    ),
    "an argument of a builtin": (
        "import math\nn = len([1, 2]) + int(math.sqrt(2 * 8))\n",
        [("[1, 2]", 'GET("list", [1, 2])'), ("2 * 8", 'GET("squared", 2 * 8)')],
        "list squared",
        [("[1, 2]", "16")],
    ),
    "an argument of print": (
        "for i in range(2):\n    print('i', i + 1, end='')\n",
        [("i + 1", 'GET("shown", i + 1)')],
        "shown",
        [("1",), ("2",)],
    ),
    "the condition of an if": (
        "for i in range(3):\n    if i > 1:\n        pass\n",
        [("i > 1", 'GET("large", i > 1)')],
        "i_iter large",
        [("0", "False"), ("1", "False"), ("2", "True")],
    ),
    "the condition of a while": (
        "i = 0\nwhile i < 2:\n    i += 1\n",
        [("i < 2", 'GET("less", i < 2)')],
        "less",
        [("True",), ("True",), ("False",)],
    ),
    "the iterable of a for": (
        "for i in range(2):\n    x = i * 10\n",
        [("range(2)", 'GET("all", range(2))'), ("i * 10", 'GET("x", i * 10)')],
        "all x",
        [("range(0, 2)", "0"), ("range(0, 2)", "10")],
    ),
    "the operand of an augmented assignment": (
        "x = 10\nfor i in range(2):\n    x -= i + 1\n",
        [("i + 1", 'GET("step", i + 1)')],
        "step",
        [("1",), ("2",)],
    ),
    "the result of an augmented assignment": (
        "x = 10\nfor i in range(2):\n    x -= i + 1\n",
        [("x -= i + 1\n", 'x -= i + 1\n    GET("x", x)\n')],
        "x",
        [("9",), ("7",)],
    ),
    "a bare expression statement": (
        "def f(x):\n    return x + 1\nf(3)\n",
        [("\nf(3)", '\nGET("y", f(3))')],
        "y",
        [("4",)],
    ),
    "a lambda": (
        "twice = lambda n: n * 2\nfor i in range(2):\n    twice(i)\n",
        [("n * 2", 'GET("doubled", n * 2)')],
        "doubled",
        [("0",), ("2",)],
    ),
    "a keyword-only argument": (
        "def f(*, k):\n    return k\nf(k=3)\n",
        [("def f(*, k):\n", 'def f(*, k):\n    GET("k", k)\n')],
        "k",
        [("3",)],
    ),
    "what with, import and the loop bind": (
        "import contextlib\nfor i in range(2):\n    with contextlib.nullcontext(i * 5) as n:\n        pass\n",
        [("as n:\n", 'as n:\n        GET("n", n)\n'), ("range(2):\n", 'range(2):\n    GET("i", i)\n')],
        "i n",
        [("0", "0"), ("1", "5")],
    ),
    "an iteration that continue or break cuts short": (
        "for i in range(9):\n    a = i + 1\n    if i == 1:\n        continue\n    if i == 3:\n        break\n"
        "    b = -i\n",
        [("i + 1", 'GET("a", i + 1)'), ("-i", 'GET("b", -i)')],
        "i_iter a b",
        [("0", "1", "0"), ("1", "2", ""), ("2", "3", "-2"), ("3", "4", "")],
    ),
    "a column that not every iteration has": (
        "for i in range(4):\n    a = i * 2\n    if i % 2:\n        b = i * 3\nc = i * 7\n",
        [("i * 2", 'GET("a", i * 2)'), ("i * 3", 'GET("b", i * 3)'), ("i * 7", 'GET("c", i * 7)')],
        "a b c",
        [("0", "", "21"), ("2", "3", "21"), ("4", "", "21"), ("6", "9", "21")],
    ),
    "loops beside each other": (
        "for i in range(2):\n    a = i + 10\nfor j in range(3):\n    b = j + 20\n",
        [("i + 10", 'GET("a", i + 10)'), ("j + 20", 'GET("b", j + 20)')],
        "i_iter a j_iter b",
        [("0", "10", "", ""), ("1", "11", "", ""), ("", "", "0", "20"), ("", "", "1", "21"), ("", "", "2", "22")],
    ),
    "a value after an inner loop": (
        "for e in range(2):\n    for b in range(2):\n        loss = e + b / 2\n    mean = e * 1.5\n",
        [("e + b / 2", 'GET("loss", e + b / 2)'), ("e * 1.5", 'GET("mean", e * 1.5)')],
        "e_iter b_iter loss mean",
        [("0", "0", "0.0", "0.0"), ("0", "1", "0.5", "0.0"), ("1", "0", "1.0", "1.5"), ("1", "1", "1.5", "1.5")],
    ),
    "a function that is called from two places": (
        "def f(x):\n    y = x * 2\n    return y\nfor i in range(2):\n    f(i)\nf(9)\n",
        [("x * 2", 'GET("y", x * 2)')],
        "y",
        [("0",), ("2",), ("18",)],
    ),
    "a value that cannot be pickled": (
        "import threading\nfor i in range(2):\n    lock = threading.Lock()\n    n = (i for i in ())\n    k = i\n",
        [("threading.Lock()", 'GET("lock", threading.Lock())'), ("= i\n", '= GET("k", i)\n')],
        "i_iter k",
        [("0", "0"), ("1", "1")],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_name_has_the_values_of_its_own_expression(name: str, folder: Path, write: Write) -> None:
    script, edits, wanted, expected = TABLES[name]
    write("script.py", script)
    run("script.py", "demo")
    rows, said = etl("demo", annotate("script.py", *edits))
    assert columns(rows, *wanted.split()) == expected
    assert said == ""


def test_a_value_that_cannot_be_pickled_is_shown(folder: Path, write: Write) -> None:
    write("locks.py", "import threading\nlock = threading.Lock()\nsource = (i for i in ())\n")
    run("locks.py", "demo")
    edits = [
        ("threading.Lock()", 'GET("lock", threading.Lock())'),
        ("(i for i in ())", 'GET("source", (i for i in ()))'),
    ]
    ((row), *more), said = etl("demo", annotate("locks.py", *edits))
    assert ("lock" in row["lock"], "generator" in row["source"], more, said) == (True, True, [], "")


def test_running_again_adds_rows_under_a_key_of_their_own(folder: Path, write: Write) -> None:
    write("again.py", "import sys\nfor i in range(2):\n    x = i * int(sys.argv[1])\n")
    run("again.py", "demo", "1")
    run("again.py", "demo", "10")
    rows, said = etl("demo", annotate("again.py", ("i * int(sys.argv[1])", 'GET("x", i * int(sys.argv[1]))')))
    assert said == ""
    assert columns(rows, "run", "i_iter", "x") == [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "0"), ("1", "1", "10")]


def test_a_project_that_has_moved_keeps_its_tables(folder: Path, write: Write) -> None:
    write("old/script.py", "for i in range(2):\n    x = i * 3\n")
    run("old/script.py", "demo")
    Path("old").rename("new")
    rows, said = etl("demo", annotate("new/script.py", ("i * 3", 'GET("x", i * 3)')))
    assert (columns(rows, "x"), said) == ([("0",), ("3",)], "")


def test_a_name_in_several_files_of_one_run(folder: Path, write: Write) -> None:
    write("helper.py", "def f(n):\n    half = n / 2\n    return half\n")
    write("main.py", "import helper\nfor i in range(2):\n    y = helper.f(i) + 1\n")
    run("main.py", "demo")
    shadows = [
        annotate("main.py", ("helper.f(i)", 'helper.f(GET("i", i))')),
        annotate("helper.py", ("n / 2", 'GET("half", n / 2)')),
    ]
    rows, said = etl("demo", *shadows)
    assert (columns(rows, "i", "half"), said) == ([("0", "0.0"), ("1", "0.5")], "")
