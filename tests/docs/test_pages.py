"""What the pages show and point at is there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.cpython.compare import differences
from tests.docs.pages import PAGES, ROOT

pytestmark = pytest.mark.once

_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {path}#{anchor}"


def test_each_difference_from_plain_python_has_its_section() -> None:
    headings = _anchors(ROOT / "docs" / "compatibility.md")
    topics = {entry.topic.lower().replace(" ", "-") for entry in differences()}
    assert topics and topics <= headings


def test_the_picture_shows_the_iris_script() -> None:
    """Else draw it anew: python docs/images/make.py"""
    picture = ElementTree.parse(ROOT / "docs" / "images" / "walkthrough.svg")
    drawn = "".join("".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text"))
    script = (ROOT / "examples" / "iris" / "iris.py").read_text()
    missing = [word for line in script.splitlines() for word in line.split() if word not in drawn]
    assert not missing
