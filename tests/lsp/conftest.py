"""A real server for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lsp.client import Client, session


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A session that has not begun: its first request is `initialize`."""
    with session(tmp_path / "home") as found:
        yield found
