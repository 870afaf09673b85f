"""A captured program behaves as under plain Python: what it prints, how it ends, what it can see of itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import flor

Write = Callable[[str, str], Path]

# Each is run by plain Python and under capture, with the arguments `one --two`: output, errors and exit code are the same.
PROGRAMS = {
    "arguments and paths": """
        import sys, __main__, os
        print(sys.argv, sys.path[0], __name__, __file__, __spec__, __package__, __doc__)
        print(__main__.__dict__ is globals(), sorted(n for n in globals()))
        """,
    "docstring and future import": '''
        """A docstring."""
        from __future__ import annotations
        def f(x: Undefined) -> Undefined:
            """Another."""
        class C:
            """A third."""
        print(__doc__, f.__doc__, C.__doc__, f.__annotations__)
        ''',
    "exit code": "import sys; sys.exit(3)",
    "exit with a message": "raise SystemExit('the end')",
    "exit without a code": "import sys; sys.exit()",
    "an exception": """
        def f(a):
            return [1,
                    2 / a, 3]
        def g(*args, **kw):
            for i in (1, 0):
                f(i)
        g()
        """,
    "exceptions in each other's context": """
        try:
            {}["a"]
        except KeyError as e:
            raise ValueError("b") from e
        """,
    "an exception through with, finally and a generator": """
        import contextlib
        @contextlib.contextmanager
        def cm():
            try:
                yield 1
            finally:
                print("closed")
        with cm() as x:
            try:
                (lambda q: q.missing)(x)
            finally:
                print("finally")
        """,
    "an exception group": """
        try:
            raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
        except* ValueError as group:
            print(group.exceptions)
        """,
    "the program's own excepthook": """
        import sys
        sys.excepthook = lambda t, v, tb: print("hook", t.__name__, v, tb.tb_frame.f_code.co_name, tb.tb_lineno)
        raise RuntimeError("x")
        """,
    "exit handlers": """
        import atexit, sys
        atexit.register(print, "first")
        atexit.register(lambda: print("second"))
        sys.exit(4)
        """,
    "a file is closed by its last reference": """
        import os, sys
        open("out.txt", "w").write("text")
        print(os.stat("out.txt").st_size)
        """,
    "objects die when they would have died": """
        import weakref
        class Thing:
            def __init__(self, n): self.n = n
            def __del__(self): print("dies", self.n)
            def me(self): return self
        Thing(1).me().me()
        t = Thing(2)
        t = Thing(3)
        def f(): return [Thing(4), 5][1]
        f()
        r = weakref.ref(t)
        del t
        print(r())
        g = (Thing(i) for i in (6, 7))
        next(g)
        del g
        print("end")
        """,
    "names and namespaces": """
        def f(a, b=2):
            c = a + b
            return sorted(locals())
        class A:
            __hidden = 1
            def get(self): return self.__hidden
            names = sorted(n for n in dir() if not n.startswith("__"))
        print(f(1), A().get(), A.names, sorted(vars(A)))
        exec("z = 1 + 1; print(sorted(n for n in dir() if len(n) == 1))")
        """,
    "super, properties, metaclasses": """
        class M(type):
            def __new__(cls, name, bases, ns, **kw): return super().__new__(cls, name, bases, ns)
        class A(metaclass=M, flag=1):
            def __init__(self): super().__init__(); self.x = 1
            @property
            def y(self): return super().__repr__()[:1] + str(self.x)
        class B(A):
            def __init__(self): super().__init__(); super(B, self).__init__()
        print(B().y)
        """,
    "pickle and dataclasses": """
        import pickle, dataclasses, enum, typing
        @dataclasses.dataclass(order=True)
        class P:
            x: int
            y: list = dataclasses.field(default_factory=list)
        class E(enum.Enum):
            A = 1
            B = A + 1 if False else 2
        class N(typing.NamedTuple):
            a: int = 1
        print(pickle.loads(pickle.dumps([P(1), E.B, N(3)])), P(1) < P(2))
        """,
    "introspection": """
        import inspect, sys
        def f(a, *b, c=1, **d):
            "doc"
            return inspect.currentframe().f_code.co_name, sys._getframe().f_lineno
        print(f(1), inspect.signature(f), inspect.getsource(f), f.__defaults__, f.__kwdefaults__, f.__code__.co_varnames)
        print(inspect.getgeneratorstate(x for x in ()), (lambda: 0).__name__)
        """,
    "warnings": """
        import warnings
        def f():
            warnings.warn("careful", stacklevel=2)
        f()
        x = 1
        assert (x, "always true")
        """,
    "generators": """
        def g():
            try:
                got = yield 1
                print("got", got)
                yield 2
            except GeneratorExit:
                print("exit")
                raise
            finally:
                print("finally")
        it = g()
        print(next(it), it.send("x"))
        it.close()
        def outer():
            result = yield from inner()
            print("result", result)
        def inner():
            x = yield 1
            return x
        o = outer(); next(o)
        try: o.send(9)
        except StopIteration: pass
        """,
    "recursion to the limit": """
        import sys
        def depth(n):
            try: return depth(n + 1)
            except RecursionError: return n
        sys.setrecursionlimit(300)
        print(200 < depth(0) < 300)
        """,
    "threads, locals and daemon threads": """
        import threading, queue
        q = queue.Queue()
        local = threading.local()
        def work(n):
            local.x = n
            q.put(local.x * 2)
        ts = [threading.Thread(target=work, args=(i,)) for i in range(5)]
        [t.start() for t in ts]; [t.join() for t in ts]
        print(sorted(q.get() for _ in ts))
        threading.Thread(target=lambda: queue.Queue().get(), daemon=True).start()
        """,
    "comparisons, chains and short circuits": """
        class Loud:
            def __init__(self, n): self.n = n
            def __bool__(self): print("bool", self.n); return self.n > 0
            def __lt__(self, other): print("lt"); return Loud(self.n - other.n)
        a, b = Loud(1), Loud(2)
        print((a < b < a) is a, bool(a and b or a), 1 if a else 2, not a)
        while a:
            break
        [x for x in (1, 2) if a]
        assert a, b
        """,
    "mutable defaults, walrus, starred, slices": """
        def f(x, seen=[]): seen.append(x); return seen
        print(f(1), f(2), [y := 3, y ** 2], [*range(2), *"ab"], {**{"a": 1}, "b": 2}, "abcdef"[1:-1:2])
        a, *b = range(4); a, b[0] = b[0], a; print(a, b)
        print(f"{a!r:>{4}} {b=} {'nested ' + f'{a}'}")
        """,
    "a class that lies about itself": """
        class Liar:
            @property
            def __class__(self): return int
            def __repr__(self): raise RuntimeError("never")
            def __getattr__(self, name): raise RuntimeError("never " + name)
            def __eq__(self, other): raise RuntimeError("never")
            def __len__(self): raise RuntimeError("never")
        class F(float):
            def __float__(self): raise RuntimeError("never")
            def __add__(self, other): return F(float.__add__(self, other))
        x = Liar(); y = [x, x]; z = {"a": x}; f = F(1.5) + 2
        print(isinstance(x, int), type(f).__name__)
        """,
    "reprs of the program's own, inside a library's": """
        import collections, functools, types
        shown = 0
        class Loud:
            def __repr__(self):
                global shown
                shown += 1
                return "loud"
        x = Loud()
        kept = [collections.deque([x]), collections.OrderedDict(a=[x]), functools.partial(print, x), ValueError(x)]
        for y in kept: z = y
        y = types.SimpleNamespace(x=x), collections.defaultdict(list, k=[x]), {1: x}.values()
        for z in y: pass
        try: raise KeyError(x)
        except KeyError as error: pass
        print(shown)
        """,
    "a metaclass that looks who asks": """
        asked = []
        class Meta(type):
            def __getattribute__(cls, name): asked.append(name); return super().__getattribute__(name)
            def __hash__(cls): asked.append("hash"); return 1
            def __eq__(cls, other): asked.append("eq"); return cls is other
            def __subclasscheck__(cls, other): asked.append("subclass"); return True
        class A(metaclass=Meta): pass
        class E(Exception, metaclass=Meta): pass
        class F(float, metaclass=Meta): pass
        x = A()
        y = [x, (x,), {1: x}], A, [A], E(1), F(1.5)
        for z in y: pass
        try: raise E(2)
        except Exception as error: pass
        print(asked)
        """,
    "the namespace of a class that forgets names": """
        class Namespace(dict):
            def __getitem__(self, key):
                if not key.startswith("__"): print("get", key)
                return super().__getitem__(key)
            def __setitem__(self, key, value):
                if not key.startswith("drop"): super().__setitem__(key, value)
        class Meta(type):
            @classmethod
            def __prepare__(meta, name, bases): return Namespace()
            def __new__(meta, name, bases, namespace): return super().__new__(meta, name, bases, dict(namespace))
        class A(metaclass=Meta):
            a, drop = 1, 2
            a += 1
            for i in range(2): pass
            for drop2 in range(2): pass
            import sys as drop3
            with open("/dev/null") as drop4: pass
            try: 1 / 0
            except ZeroDivisionError as drop5: drop5 = 1
        class B(A):
            b, drop = [x for x in (1, 2)]
        print(A.a, B.b)
        """,
    "the size of a text": """
        import sys
        s = "größer" * 100
        t = s + "x"
        print(sys.getsizeof(s), sys.getsizeof(t))
        """,
    "os._exit": "import os, sys; print('x', flush=True); os._exit(7)",
    "stdin, stdout and stderr": """
        import sys
        print(repr(sys.stdin.read()), sys.stdout.encoding == sys.stderr.encoding)
        print("e", file=sys.stderr)
        """,
}


def both(*arguments: str, cwd: Path | None = None) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    """(exit code, stdout, stderr) under plain Python, and under capture."""
    target = 2 if arguments[0] == "-m" else 1
    plain = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    captured = flor("python", *arguments[:target], "unnoticed", *arguments[target:])
    results = [
        (p.returncode, *(re.sub(r"0x[0-9a-f]+", "0x", t) for t in (p.stdout, p.stderr))) for p in (plain, captured)
    ]
    return results[0], results[1]


@pytest.mark.parametrize("program", PROGRAMS)
def test_behaves_as_under_plain_python(program: str, recorder: str, write: Write) -> None:
    write("script.py", PROGRAMS[program])
    plain, captured = both("script.py", "one", "--two")
    assert captured == plain


def test_a_module_runs_as_with_python_m(write: Write) -> None:
    write("package/__init__.py", "print('package', __name__)")
    write("package/__main__.py", "from . import part; import sys; print(sys.argv, __package__, __spec__.name, part.x)")
    write("package/part.py", "x = 1 + 1\nprint(__name__)")
    for name in ("package", "package.part"):
        plain, captured = both("-m", name, "a", "-b")
        assert captured == plain


def test_a_folder_with_a_main_runs(write: Write) -> None:
    write("folder/__main__.py", "import beside, sys; print(sys.argv, beside.x, repr(__package__))")
    write("folder/beside.py", "x = 1 + 1")
    plain, captured = both("folder", "a")
    assert captured == plain


def test_modules_beside_the_script_are_imported_as_ever(write: Write) -> None:
    write("lib/tool.py", "def f(x):\n    return x * 2\n")
    write("lib/broken.py", "def f(:\n")
    write("lib/raising.py", "import tool\nraise LookupError(tool.f(2))\n")
    write(
        "lib/script.py",
        """
        import tool, sys
        print(tool.f(4), tool.__file__, tool.__spec__.origin, type(tool.__loader__))
        try: import raising
        except LookupError as e: print(repr(e))
        try: import broken
        except SyntaxError as e: print(e.lineno, e.msg)
        try: import nowhere
        except ImportError as e: print(e)
        import raising
        """,
    )
    plain, captured = both("lib/script.py")
    assert captured == plain


def test_a_syntax_error_is_shown_as_python_shows_it(write: Write) -> None:
    write("script.py", "x = 1\nfor i in range(3)\n    print(i)\n")
    plain, captured = both("script.py")
    assert captured == plain
    assert captured[0] == 1


def test_an_interrupted_program_dies_by_the_signal(write: Write) -> None:
    write(
        "script.py",
        "import os, signal, atexit\natexit.register(print, 'bye')\nos.kill(os.getpid(), signal.SIGINT)\nx = 1\n",
    )
    plain, captured = both("script.py")
    assert captured == plain
    assert captured[0] == -signal.SIGINT


def test_a_terminated_program_dies_by_the_signal(write: Write) -> None:
    write("script.py", "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)\n")
    plain, captured = both("script.py")
    assert captured == plain


def test_what_a_signal_handler_raises_while_a_value_is_recorded_reaches_the_program(
    recorder: str, write: Write
) -> None:
    write(
        "script.py",
        """
        import signal
        Slow = type("Slow", (), {  # as if a library had defined it
            "__module__": "functools",
            "__repr__": lambda self: signal.raise_signal(signal.SIGALRM) or "",
        })
        import functools; functools.Slow = Slow
        class Timeout(Exception): pass
        def handler(*_): raise Timeout
        signal.signal(signal.SIGALRM, handler)
        try: x = Slow()
        except Timeout: print("in time")
        """,
    )
    assert flor("python", "script.py", "unnoticed").stdout == "in time\n"


def test_nothing_of_capture_can_be_seen_in_a_frame(recorder: str, write: Write) -> None:
    write(
        "script.py",
        """
        import sys, builtins
        def f(x):
            y = [v for v in x]
            return sorted(sys._getframe().f_locals), sys._getframe().f_code.co_names, sys._getframe().f_code.co_freevars
        print(f([1]), sorted(vars(builtins))[-3:], len(vars(builtins)))
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain


def test_a_relative_script_runs_in_the_current_folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("sub/script.py", "import os, sys; print(os.getcwd(), sys.argv[0], sys.path[0], __file__)")
    write("sub/other/x.txt", "")
    monkeypatch.chdir("sub/other")
    plain, captured = both(os.path.join("..", "script.py"))
    assert captured == plain


def test_modules_of_the_project_win_over_the_standard_librarys_of_their_name(write: Write) -> None:
    for name in ("signal", "types", "token", "copy", "platform", "traceback", "json/__init__"):
        write(f"{name}.py", "mine = 1 + 1\n")
    names = "signal, token, copy, platform, traceback, json"
    write("script.py", f"import {names}\nprint([getattr(m, 'mine', None) for m in ({names})])\n")
    plain, captured = both("script.py")
    assert captured == plain


def test_secrets_among_the_arguments_are_not_kept(write: Write, flor_home: Path) -> None:
    write("script.py", "import sys\nx = sys.argv[2] + '!'\ny = sys.argv[3:]\nprint(len(x))\n")
    done = flor("python", "script.py", "secret", "--api-key", "sk-12345", "--hf-token=hf-67890", "plain")
    assert (done.returncode, done.stdout) == (0, "9\n")
    kept = b"".join(p.read_bytes() for p in flor_home.rglob("*") if p.is_file())
    assert (b"sk-12345" in kept, b"hf-67890" in kept, b"plain" in kept) == (False, False, True)


def test_the_truth_of_a_condition_is_asked_for_once(recorder: str, write: Callable[[str, str], Path]) -> None:
    write(
        "script.py",
        """
        import os, signal
        class Raises:
            asked = 0
            def __bool__(self):
                Raises.asked += 1
                if Raises.asked == 1:
                    raise ValueError("first")
                return True
        try:
            if Raises() and len:
                print("went on")
        except ValueError as error:
            print(error, Raises.asked)
        class Interrupts:
            asked = 0
            def __bool__(self):
                Interrupts.asked += 1
                os.kill(os.getpid(), signal.SIGINT)
                return True
        try:
            if not not Interrupts() and len:
                print("went on")
        except KeyboardInterrupt:
            print("interrupted", Interrupts.asked)
        """,
    )
    assert flor("python", "script.py", "case").stdout == "first 1\ninterrupted 1\n"
