"""Every value of every expression and binding of a corpus of scripts is as it was, or is missing with a reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.oracle.check import DID_NOT_END, LACKS_LIBRARY, UNEXPLAINED, check

SCRIPTS = sorted(p for p in Path(__file__).with_name("scripts").glob("*.py") if not p.name.startswith("_"))

#: Why a value may be missing from the trace of a script of this corpus.
EXPECTED = re.compile(
    f"{DID_NOT_END}|what is called is not recorded|nothing is recorded for line|names that a class with a base binds"
    "|the value is not recorded|time budget|redacted|the expression around it did not come to its end"
    "|`and` and `or` inside one another|the value of a condition that holds a constant"
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_values_are_as_they_were(script: Path, folder: Path, tmp_path: Path) -> None:
    report = check(script, [], tmp_path / "oracle")

    if report.unavailable:
        pytest.skip(f"{script.name} ended with {LACKS_LIBRARY}: it lacks a library")
    assert not report.wrong, "\n".join(report.wrong)
    assert not report.varying, "the script is to do the same in every run"
    unexpected = [(reason, where) for reason, where in report.gaps if not EXPECTED.match(reason)]
    assert not unexpected, unexpected
    assert not report.reasons[UNEXPLAINED]
    assert report.exact > 20, report
