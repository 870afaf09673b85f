"""`python -m tests.oracle [-v] SCRIPT... [-- ARGS...]`: is every value of these scripts recorded as it was?

Prints for each script how many of its values are exact, how many have only their type and shape kept, how many are
missing, with a reason, and how many are wrong. Ends with 1 if one is wrong or missing without a reason, or if a script
cannot be checked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.oracle.check import UNEXPLAINED, CannotCheckError, Report, check


def main() -> int:
    own = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    rest = sys.argv[len(own) + 2 :]
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="say where the gaps are")
    parser.add_argument("scripts", metavar="SCRIPT", nargs="+", type=Path)
    parsed = parser.parse_args(own)
    failed = False
    for script in parsed.scripts:
        try:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                report = check(script, rest, Path(folder))
        except CannotCheckError as error:
            print(f"{script}: cannot be checked: {error}", flush=True)
            failed = True
            continue
        print_report(report, parsed.verbose)
        failed |= bool(report.wrong or report.reasons[UNEXPLAINED])
    return int(failed)


def print_report(report: Report, verbose: bool) -> None:
    print(report, flush=True)
    for reason, count in report.reasons.most_common():
        print(f"  {count:,} gaps: {reason}")
        if verbose:
            for (why, where), number in report.gaps.items():
                if why == reason:
                    print(f"    {where}" + (f" ({number} times)" if number > 1 else ""))
    if verbose:
        for reason, count in report.refused.most_common():
            print(f"  {count:,} places that a user cannot name: {reason}")
    for line in report.wrong:
        print(f"  WRONG {line}")


if __name__ == "__main__":
    sys.exit(main())
