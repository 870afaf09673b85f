"""Run CPython's own tests by plain Python and under capture, and print a table: `python -m tests.cpython [MODULE...]`.

Ends with 1 if a test becomes something else in every round, and differences.toml does not say why. A test that does so
in some rounds only is shown.
"""

from __future__ import annotations

import platform
import sys
import time

from tests.cpython.compare import Comparison, Listed, compare, listed, why_not
from tests.cpython.modules import REST, SUBSET


def main(modules: list[str]) -> int:
    if (reason := why_not()) is not None:
        print(reason)
        return 0
    print(f"Python {platform.python_version()}", flush=True)
    every: list[Comparison] = []
    for module in modules or sorted(SUBSET + REST):
        start = time.monotonic()
        result = compare(module)
        every.append(result)
        print(
            f"{module:32}{result.tests:5} tests {len(result.listed):3} listed {len(result.differences):3} differ "
            f"{len(result.unsteady):3} unsteady {len(result.varying):3} vary{time.monotonic() - start:8.1f} s",
            flush=True,
        )
        for difference in result.differences:
            print(f"  {difference}", flush=True)
        for difference in result.unsteady:
            print(f"  unsteady: {difference}", flush=True)
        for test in result.varying:
            print(f"  varies by plain Python too: {test}", flush=True)
    explained = [test for result in every for test in result.listed]
    unexplained = sum(len(result.differences) for result in every)
    print(f"{sum(r.tests for r in every)} tests, {len(explained)} differ as listed, {unexplained} differ")
    if not modules:
        for entry in _unused(explained):
            print(f"listed, and does not differ: {' '.join(entry.tests)}")
    return 1 if unexplained else 0


def _unused(explained: list[str]) -> list[Listed]:
    from fnmatch import fnmatchcase

    return [e for e in listed() if e.runs and not any(fnmatchcase(t, p) for t in explained for p in e.tests)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
