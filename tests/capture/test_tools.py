"""Tools that look into a running program see under capture what they see without it: tracers, profilers, debuggers, test runners."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]

# What the programs below look at: every way into and out of a function, a loop, a handler, a generator.
SUBJECT = """
    import asyncio, contextlib

    def loops(n):
        '''A docstring.'''
        total = 0
        for i in range(n):
            if i % 2:
                continue
            total += i
        else:
            total += 1
        while total > 2:
            total -= 2
            if total == 4:
                break
        return [x * y for x in range(2) for y in (1, total) if x]

    def one_line(x): return (lambda y, *z: y + x)(x)

    def falls_off(a, *b, c=1, **d):
        if a:
            try:
                c = 1 / (a - 1)
            except ZeroDivisionError as error:
                print(repr(error))
            finally:
                print("finally")

    def raises(x):
        try:
            with contextlib.suppress(KeyError):
                {}[x]
            [][x]
        finally:
            x += 1

    def generator(n):
        for i in range(n):
            try:
                got = yield i
            finally:
                print("resumed")
        return (yield from (j for j in range(2)))

    class C:
        x: int = 1 + 1
        def __init__(self, y=2):
            self.y = y
        @property
        def z(self):
            match self.y:
                case 2:
                    return self.x
                case _:
                    pass

    async def nap(n):
        async with contextlib.AsyncExitStack():
            await asyncio.sleep(0)
        return n

    async def naps():
        return await asyncio.gather(*(nap(i) for i in range(2)))

    def everything():
        loops(5)
        one_line(2)
        falls_off(0)
        falls_off(1, 2, e=3)
        try:
            raises(0)
        except IndexError:
            pass
        list(generator(2))
        C().z
        C(3).z
        asyncio.run(naps())
    """

PROGRAMS = {
    "sys.settrace": """
        import subject, sys
        events = []
        def trace(frame, event, arg):
            if frame.f_code.co_filename == subject.__file__:
                shown = arg[0].__name__ if event == "exception" else type(arg).__name__
                events.append((frame.f_code.co_qualname, event, frame.f_lineno, shown))
            else:
                events.append(("elsewhere", frame.f_code.co_name, event))
            return trace
        sys.settrace(trace)
        subject.everything()
        sys.settrace(None)
        print(*events, sep="\\n")
        """,
    "sys.setprofile": """
        import subject, sys
        events = []
        def profile(frame, event, arg):
            what = arg.__name__ if event.startswith("c_") else type(arg).__name__
            events.append((frame.f_code.co_name, event, frame.f_lineno, what))
        sys.setprofile(profile)
        subject.everything()
        sys.setprofile(None)
        print(*events, sep="\\n")
        """,
    "sys.monitoring": """
        import subject, sys
        if sys.version_info >= (3, 12):
            m, e = sys.monitoring, sys.monitoring.events
            m.use_tool_id(m.PROFILER_ID, "test")
            events = []
            def callback(name):
                def called(code, *arguments):
                    if name in ("LINE", "BRANCH", "CALL"):
                        arguments = arguments[:1] if name == "LINE" else ()
                    else:
                        arguments = [type(a).__name__ for a in arguments[1:]]
                    events.append((name, code.co_qualname, *arguments))
                return called
            wanted = ["LINE", "PY_START", "PY_RETURN", "PY_YIELD", "PY_RESUME", "PY_UNWIND", "RAISE"]
            for name in wanted:
                m.register_callback(m.PROFILER_ID, getattr(e, name), callback(name))
            m.set_events(m.PROFILER_ID, sum(getattr(e, n) for n in wanted))
            subject.everything()
            m.set_events(m.PROFILER_ID, 0)
            print(*events, sep="\\n")
        """,
    "cProfile": """
        import cProfile, pstats, subject
        profile = cProfile.Profile()
        profile.runcall(subject.everything)
        stats = pstats.Stats(profile).stats
        print(*sorted((where, calls[:2], sorted(calls[4])) for where, calls in stats.items()), sep="\\n")
        """,
    "tracemalloc": """
        import tracemalloc
        tracemalloc.start(5)
        def make(n):
            return [bytes(100_000) for _ in range(n)]
        kept = make(
            10
        )
        snapshot = tracemalloc.take_snapshot()
        first = snapshot.statistics("traceback")[0]
        print(first.count, first.size, [(f.filename, f.lineno) for f in first.traceback])
        """,
    "faulthandler": """
        import faulthandler, sys, threading
        faulthandler.enable()
        def f(x):
            try:
                return [faulthandler.dump_traceback(file=sys.stderr), x]
            finally:
                del x
        f((lambda: [f(i) for i in range(1)])())
        thread = threading.Thread(target=f, args=(1,)); thread.start(); thread.join()
        import os; os.abort()
        """,
    "warnings": """
        import warnings
        warnings.simplefilter("default")
        def old(level):
            warnings.warn("old", DeprecationWarning, stacklevel=level)
        class C:
            for level in (1, 2, 2):
                old(level)
        def g():
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                (lambda: old(2))()
                old(
                    3)
            return [(w.filename, w.lineno, str(w.message)) for w in caught]
        print(g(), g())
        print(len(__warningregistry__))
        warnings.simplefilter("error")
        old(2)
        """,
    "inspect.stack and traceback": """
        import inspect, logging, sys, traceback
        logging.basicConfig(stream=sys.stdout, format="%(funcName)s:%(lineno)d %(message)s")
        def f(x):
            logging.warning("here")
            traceback.print_stack(file=sys.stdout)
            return [(i.function, i.lineno, i.filename, i.code_context, i.index) for i in inspect.stack()]
        class C:
            y = [f(i) for i in range(1)]
            print(y, sys._getframe().f_back.f_code.co_name)
        def g():
            yield f(0)
        print(*g(), (lambda: f(1))())
        frame = sys._getframe()
        while frame: print(frame.f_code.co_name, frame.f_lineno); frame = frame.f_back
        """,
    "frames that are done": """
        import inspect, sys
        def f(fails):
            frames.append(sys._getframe())
            if fails:
                1 / 0
            for i in range(2):
                pass
        frames = []
        for fails in (0, 1):
            try: f(fails)
            except ZeroDivisionError as error: print(error.__traceback__.tb_next.tb_frame.f_lineno)
        print([inspect.getframeinfo(frame)[1:3] for frame in frames])
        """,
    "references": """
        import gc, sys, weakref
        class Thing: pass
        x = Thing(); y = [x, (x,)]; f = lambda: x
        print(sys.getrefcount(x), sys.getrefcount(y), sys.getrefcount(f))
        def g(a, *b):
            c = a, b
            return sys.getrefcount(a), sys.getrefcount(c), len(gc.get_referrers(a))
        print(g(x), g(Thing()), sum(type(r) is Thing for r in gc.get_objects()))
        def made():
            def inner(): return made
            return weakref.ref(inner), weakref.ref(Thing())
        print([r() for r in made()])
        """,
    "doctest": """
        import doctest
        def f(x):
            '''
            >>> f(2)
            4
            >>> [f(i) for i in range(2)]
            [0, 2]
            >>> f(None)
            Traceback (most recent call last):
            TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'
            >>> f(3)
            7
            '''
            return x * 2
        print(doctest.testmod())
        """,
    "unittest": """
        import unittest
        class T(unittest.TestCase):
            def setUp(self): self.x = 1
            def test_ok(self):
                with self.assertRaises(ZeroDivisionError): self.x / 0
            def test_fails(self):
                for i in range(2):
                    with self.subTest(i=i):
                        self.assertEqual(self.x, i)
            @unittest.skip("why")
            def test_skipped(self): pass
        unittest.main(verbosity=0)
        """,
    "timers": """
        import signal, time, timeit
        seen = []
        def handler(number, frame): seen.append(frame.f_code.co_name)
        signal.signal(signal.SIGALRM, handler)
        def work():
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            while not seen:
                time.sleep(0.01)
            return seen
        print(work(), timeit.timeit("f()", "def f(): return 1", number=10) > 0)
        """,
}

PDB = {
    "stepping": "step\nwhere\nstep\nstep\nargs\nnext\nnext\nnext\np total, i\nuntil\nreturn\np __return__\nup\nlist\ndown\nstep\nstep\nstep\nstep\nstep\ncontinue\n",
    "breakpoints": "import subject\nbreak subject.falls_off, a == 1\ntbreak subject:19\nbreak\ncontinue\nwhere\nargs\nunt\nunt\nunt\nunt\nunt\nunt\nr\nretval\ncontinue\ncontinue\n",
    "frames and jumps": "b subject.raises\nc\nn\nn\nn\nn\nn\nw\nll\np x\n!x = 5\nup\np dir()\nsource subject.C\nwhatis subject.C\nc\n",
}


def run(*command: str | Path, stdin: str = "", **environment: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) without what differs between any two runs."""
    done = subprocess.run(
        command, capture_output=True, text=True, input=stdin, env={**os.environ, **environment}, timeout=120
    )
    texts = [re.sub(VARYING, "", t) for t in (done.stdout, done.stderr)]
    return done.returncode, texts[0], texts[1]


# Addresses, times, and faulthandler's list of the extensions that are loaded: Flor's are.
VARYING = r"0x[0-9a-f]+|\bin \d+\.\d+s|\nExtension modules: .*\n"
FLOR = Path(sys.executable).with_name("flor")


@pytest.mark.parametrize("program", PROGRAMS)
def test_sees_the_same(program: str, write: Write) -> None:
    write("subject.py", SUBJECT)
    write("script.py", PROGRAMS[program])
    assert run(FLOR, "python", "script.py", "tools") == run(sys.executable, "script.py")


@pytest.mark.parametrize("commands", PDB)
def test_the_debugger_stops_where_it_would(commands: str, write: Write) -> None:
    write("subject.py", SUBJECT)
    write("script.py", "import subject\nbreakpoint()\nsubject.everything()\nprint('end')\n")
    plain = run(sys.executable, "script.py", stdin=PDB[commands])
    assert run(FLOR, "python", "script.py", "tools", stdin=PDB[commands]) == plain
    assert plain[0] == 0


def test_the_debugger_shows_an_exception_afterwards(write: Write) -> None:
    write("subject.py", SUBJECT)
    write("script.py", "import pdb, subject\ntry: subject.raises(3)\nexcept IndexError: pdb.post_mortem()\n")
    commands = "where\np x\nup\nlist\ndown\nargs\nquit\n"
    assert run(FLOR, "python", "script.py", "tools", stdin=commands) == run(sys.executable, "script.py", stdin=commands)


@pytest.mark.parametrize("core", ["ctrace", "pytrace"] + (["sysmon"] if sys.version_info >= (3, 12) else []))
def test_coverage_finds_the_same_lines_and_branches(core: str, write: Write) -> None:
    write("subject.py", SUBJECT)
    write("script.py", "import subject\nsubject.everything()\n")
    branch = [] if core == "sysmon" else ["--branch"]
    found = []
    for program in (["script.py"], ["-m", "flor", "python", "script.py", "tools"]):
        coverage = [sys.executable, "-m", "coverage"]
        run(*coverage, "run", *branch, "--include=subject.py,script.py", *program, COVERAGE_CORE=core)
        run(*coverage, "json", "-o", "coverage.json")
        files = json.loads(Path("coverage.json").read_text())["files"]
        found.append({n: [f["executed_lines"], f.get("executed_branches")] for n, f in files.items()})
    assert found[0] == found[1]
    assert sorted(found[0]) == ["script.py", "subject.py"]


def test_coverage_runs_under_capture(write: Write) -> None:
    write("subject.py", SUBJECT)
    write("script.py", "import subject\nsubject.everything()\n")
    plain = run(sys.executable, "-m", "coverage", "run", "script.py"), run(sys.executable, "-m", "coverage", "report")
    captured = run(FLOR, "python", "-m", "coverage", "tools", "run", "script.py")
    assert (captured, run(sys.executable, "-m", "coverage", "report")) == plain


def test_pytest_runs_under_capture(write: Write) -> None:
    write("subject.py", SUBJECT)
    write(
        "test_subject.py",
        """
        import pytest, subject
        @pytest.fixture
        def five():
            yield 5
            print("torn down")
        @pytest.mark.parametrize("n", [1, 2])
        def test_one(n, five): assert subject.one_line(n) == 2 * n, five
        def test_fails(): assert subject.loops(5) == [1, 2], "why"
        def test_raises(capsys):
            print("printed")
            with pytest.raises(IndexError, match="index"): subject.raises(1)
            assert capsys.readouterr().out == "printed\\n"
            subject.raises("x")
        """,
    )
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
    plain = run(sys.executable, "-m", "pytest", *options, PYTEST_ADDOPTS="")
    captured = run(FLOR, "python", "-m", "pytest", "tools", *options, PYTEST_ADDOPTS="")
    assert captured == plain
    assert plain[0] == 1


def test_what_the_debugger_binds_is_what_was_loaded(recorder: str, write: Write) -> None:
    """Also in a module that says nothing of a debugger, and after the debugger has gone."""
    write(
        "helper.py",
        """
        def add(n):
            k = n
            before = k + 1
            for i in range(3):
                a = k * 10
                b = k + a
                c = k + b
            return k + before + c
        """,
    )
    write("script.py", "import helper\nhelper.add(1)\nbreakpoint()\nhelper.add(2)\n")
    commands = "b helper.py:5\nc\n!k = 7\nclear 1\nc\n"
    assert run(FLOR, "python", "script.py", "case", stdin=commands)[0] == 0
    text = (
        Path("helper.py").read_text().replace("return k", 'return GET("after", k)').replace("k *", 'GET("inside", k) *')
    )
    write("helper_h.py", f"#{Path('helper.py').absolute()}\n{text}")
    assert run(FLOR, "etl", "case", "helper_h.py")[0] == 0
    rows = Path("case.csv").read_text().splitlines()
    assert [row.split(",")[-2:] for row in rows] == [["inside", "after"], *[["1", "1"]] * 3, *[["7", "7"]] * 3]
