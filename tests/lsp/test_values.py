"""Values in a few words: of a long trace part by part."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flor.trace import format as f
from flor.trace.recorded import Recorded
from flor_lsp import values

NUMBERS = st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans()), max_size=40)


def recorded(numbers: list[float]) -> Recorded:
    kinds = [f.BOOL if isinstance(n, bool) else f.INT if isinstance(n, int) else f.FLOAT for n in numbers]
    payload = [np.float64(n).view(np.uint64) if isinstance(n, float) else n % 2**64 for n in numbers]
    return Recorded(np.array(kinds, np.uint8), np.array(payload, np.uint64), [pa.nulls(len(kinds), pa.large_binary())])


@settings(deadline=None)
@given(NUMBERS, st.lists(st.integers(0, 40)))
def test_parts_say_what_the_whole_says(numbers: list[float], cuts: list[int]) -> None:
    edges = sorted({0, len(numbers), *(cut for cut in cuts if cut <= len(numbers))})
    parts = [recorded(numbers[a:b]) for a, b in itertools.pairwise(edges)]
    whole, in_parts = values._summary([recorded(numbers)]), values._summary(parts)
    if whole is None or in_parts is None:
        assert whole is in_parts is None
        assert not numbers
        return
    assert {key: whole[key] for key in ("count", "last")} == {key: in_parts[key] for key in ("count", "last")}
    assert (whole.get("min"), whole.get("max")) == (in_parts.get("min"), in_parts.get("max"))
    assert sorted(whole["types"]) == sorted(in_parts["types"])


def test_a_spark_shows_the_course() -> None:
    assert values._summary([recorded(list(range(24)))])["spark"] == "▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇███"  # type: ignore[index]
    assert values._summary([recorded([-1.7e308, 1.7e308])])["spark"] == "▁█"  # type: ignore[index]
    rising = [recorded([float(i)] * 1000) for i in range(24)]
    assert values._summary(rising)["spark"] == "▁▁▁▂▂▂▃▃▃▄▄▄▅▅▅▆▆▆▇▇▇███"  # type: ignore[index]


def test_a_trace_that_is_to_be_packed_first_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = tmp_path / "segments" / "main" / "0.0.events"
    events.parent.mkdir(parents=True)
    events.write_bytes(bytes(1200))
    monkeypatch.setattr(values, "_UNPACKED", 1000)
    assert values.values(lambda: None, str(tmp_path), "/p/train.py", "", [["expression", 1, 0, 1, 1]]) is None
