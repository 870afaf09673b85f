"""The figures of docs/performance.md are those of benchmarks/results.json: `make figures` writes both."""

from __future__ import annotations

import pytest

from benchmarks import report, results, tables
from tests.docs.pages import ROOT

pytestmark = pytest.mark.once


def test_the_page_shows_the_results_that_are_kept() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    assert report.page(page, results.load(report.KEPT)) == page


def test_every_section_that_is_measured_is_shown() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    missing = [name for name in (*tables.TABLES, "bars", "machine") if f"<!-- {name} -->" not in page]
    assert not missing
