"""The program's first frame has the callers that it has under plain Python: none, or runpy's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.capture.test_unnoticed import both

Write = Callable[[str, str], Path]

LOOKS = """
    import atexit, inspect, sys, threading, traceback
    def stack():
        return [(f.filename, f.function) for f in inspect.stack()]
    def depth(n):
        try:
            return depth(n + 1)
        except RecursionError:
            return n
    print(stack(), sys._getframe().f_back, depth(0), traceback.format_stack())
    print(sorted(globals()), __file__, __cached__, __spec__, __loader__, __package__, sys.argv, sys.path[0])
    sys.setrecursionlimit(500)
    print(depth(0))
    def hook(kind, error, trace):
        print("hook", stack(), [f.name for f in traceback.extract_tb(trace)])
        sys.__excepthook__(kind, error, trace)
    sys.excepthook = hook
    atexit.register(lambda: print("exit", stack(), depth(0)))
    thread = threading.Thread(target=lambda: print("thread", stack()))
    thread.start()
    thread.join()
    print([f() for f in (lambda: len(stack()),)], next(len(stack()) for _ in "x"))
    raise LookupError("the end")
    """


@pytest.mark.parametrize(
    "arguments", ["script.py", "./script.py", "folder", "./folder/", "-m package", "-m package.part"]
)
def test_frames_and_tracebacks(arguments: str, write: Write) -> None:
    for name in ("script.py", "folder/__main__.py", "package/__init__.py", "package/__main__.py", "package/part.py"):
        write(name, "" if name == "package/__init__.py" else LOOKS)
    plain, captured = both(*arguments.split(), "a", "-b")
    assert captured == plain
    assert plain[0] == 1
    assert plain[2].endswith("LookupError: the end\n")


def test_an_excepthook_that_raises(write: Write) -> None:
    write(
        "script.py",
        """
        import sys
        def hook(*_): raise ValueError(sys._getframe().f_back)
        sys.excepthook = hook
        1 / 0
        """,
    )
    plain, captured = both("script.py")
    assert captured == plain


def test_calls_without_callers() -> None:
    outermost = pytest.importorskip("flor.capture._outermost")
    assert outermost.call(lambda *a: a, 1, 2) == (1, 2)
    assert outermost.call(outermost.call, max, 3, 4) == 4
    with pytest.raises(ZeroDivisionError):
        outermost.call(exec, "1 / 0", {})
    with pytest.raises(TypeError, match="takes a function"):
        outermost.call()
