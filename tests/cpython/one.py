"""Run one module of CPython's own tests, and write what became of each test: `one.py MODULE RESULT.json [TEST...]`.

It is a program of its own, run once by plain Python and once under capture. The TESTs are not run.
"""

import fnmatch
import importlib
import importlib.util
import json
import os
import re
import sys
import unittest
from typing import Any

# What differs between any two runs of the same program.
_VARYING = (
    (r"0x[0-9a-fA-F]{6,}", "0x"),
    (r"@?test_\d+_tmp\w*", "test_tmp"),
    (r"/tmp/[^\s'\"]*", "/tmp/"),
    (r"\b\d+\.\d{4,}\b", "<float>"),
    (r"\b(pid|ident|id|thread)([ =:]+)\d+", r"\1\2"),
)


class Result(unittest.TestResult):
    """Keeps what became of each test, with the exception where there was one."""

    def __init__(self, left_out: list[str]) -> None:
        super().__init__()
        self.left_out = left_out
        self.became: dict[str, list[str]] = {}

    def add(self, test: Any, text: str) -> None:
        self.became.setdefault(without_varying(test.id()), []).append(without_varying(text)[:2000])

    def addSuccess(self, test: Any) -> None:
        self.add(test, "ok")

    def addFailure(self, test: Any, err: Any) -> None:
        self.add(test, f"failed: {err[0].__name__}: {err[1]}")

    def addError(self, test: Any, err: Any) -> None:
        self.add(test, f"failed: {err[0].__name__}: {err[1]}")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.add(subtest, f"failed: {err[0].__name__}: {err[1]}")

    def addSkip(self, test: Any, reason: str) -> None:
        self.add(test, f"skipped: {reason}")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.add(test, "failed as expected")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.add(test, "ok, unexpectedly")


def without_varying(text: str) -> str:
    for pattern, instead in _VARYING:
        text = re.sub(pattern, instead, text)
    return text


def without(suite: unittest.TestSuite, left_out: list[str]) -> unittest.TestSuite:
    """The suite without the tests of these names."""
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(test, left_out))
        elif not any(fnmatch.fnmatchcase(test.id(), name) for name in left_out):
            kept.addTest(test)
    return kept


def main(name: str, path: str, left_out: list[str]) -> None:
    from test import support

    support.use_resources = ()  # nothing that needs a network, a screen or minutes
    result = Result(left_out)
    module = f"test.{name}"
    if importlib.util.find_spec(module) is None:  # some installations lack some
        sys.path.append(os.path.join(os.path.dirname(__file__), "lacking"))
        module = name.removeprefix("test_")
    try:
        importlib.import_module(module)
        without(unittest.defaultTestLoader.loadTestsFromName(module), left_out).run(result)
    except unittest.SkipTest as skip:
        result.became[module] = [f"skipped: {skip}"]
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(result.became, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
