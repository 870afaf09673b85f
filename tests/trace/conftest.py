"""The ways to read a run, each test in each of them."""

from __future__ import annotations

import pytest

from flor.trace import decode as decoding
from tests.trace.writer import MODES


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """See `writer.WrittenRun.read`."""
    if request.param == "c" and decoding.in_c is None:
        pytest.skip("flor.trace._decode is not built")
    return str(request.param)
