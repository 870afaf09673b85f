"""CPython's own tests of the language give the same results under capture. `make cpython` runs more of them."""

from __future__ import annotations

import pytest

from tests.cpython.compare import compare, why_not
from tests.cpython.modules import SUBSET


@pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
@pytest.mark.parametrize("module", SUBSET)
def test_same_results(module: str) -> None:
    result = compare(module)
    assert "\n".join(map(str, result.differences)) == ""
