"""Run CPython's own tests by plain Python and under capture, and print a table: `python -m tests.cpython [MODULE...]`.

Ends with 1 if a test becomes something else and differences.toml does not say why.
"""

from __future__ import annotations

import platform
import sys
import time

from tests.cpython.compare import Listed, compare, listed, why_not
from tests.cpython.modules import REST, SUBSET


def main(modules: list[str]) -> int:
    if (reason := why_not()) is not None:
        print(reason)
        return 0
    print(f"Python {platform.python_version()}", flush=True)
    tests = unexplained = 0
    explained: list[str] = []
    for module in modules or sorted(SUBSET + REST):
        start = time.monotonic()
        result = compare(module)
        tests += result.tests
        unexplained += len(result.differences)
        explained += result.listed
        print(
            f"{module:30}{result.tests:6} tests {len(result.listed):4} listed {len(result.differences):4} differ"
            f"{time.monotonic() - start:8.1f} s",
            flush=True,
        )
        for difference in result.differences:
            print(f"  {difference}", flush=True)
    print(f"{tests} tests, {len(explained)} differ as listed, {unexplained} differ")
    if not modules:
        for entry in _unused(explained):
            print(f"listed, and does not differ: {' '.join(entry.tests)}")
    return 1 if unexplained else 0


def _unused(explained: list[str]) -> list[Listed]:
    from fnmatch import fnmatchcase

    return [e for e in listed() if e.runs and not any(fnmatchcase(t, p) for t in explained for p in e.tests)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
