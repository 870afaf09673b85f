"""docs/tables.md: its pictures are drawn from the tests of the rules."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.once

DRAWING: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "images" / "tables.py"))


@pytest.mark.parametrize("case", DRAWING["SHOWN"])
def test_a_picture_is_of_what_the_test_says(case: str) -> None:
    path = DRAWING["HERE"] / f"{DRAWING['SHOWN'][case]}.svg"
    assert path.read_text() == DRAWING["picture"](case)  # else: python -m docs.images.tables


def test_the_page_shows_every_picture() -> None:
    page = (ROOT / "docs" / "tables.md").read_text()
    shown = re.findall(r"!\[[^]]+\]\(images/tables/([\w-]+)\.svg\)", page)
    assert sorted(shown) == sorted(DRAWING["SHOWN"].values())
    assert {p.stem for p in DRAWING["HERE"].iterdir()} == set(shown)
