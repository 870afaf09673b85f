"""Arrays as small pictures."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from flor_lsp import pictures


def kept(run: Path, array: npt.NDArray[Any]) -> str:
    """An array in a run's `blobs/`; returns what a table has of it."""
    file = io.BytesIO()
    np.save(file, array)
    name = f"{hashlib.sha256(file.getvalue()).hexdigest()}.npy"
    (run / "blobs").mkdir(exist_ok=True)
    (run / "blobs" / name).write_bytes(file.getvalue())
    return json.dumps({"type": "numpy.ndarray", "dtype": array.dtype.str, "shape": list(array.shape), "blob": name})


def test_what_is_no_finite_number_is_null() -> None:
    found = pictures.of_text("[[1.0, nan], [-inf, 2.5]]")
    assert found == {"shape": [2, 2], "picture": [[1.0, None], [None, 2.5]], "steps": [1, 1]}
    assert pictures.of_text("[nano, 1]") is None
    assert pictures.of_text("['nan']") is None


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2", "|u1", "<i8", "|b1"])
def test_a_part_of_a_kept_array(tmp_path: Path, dtype: str) -> None:
    numbers = (np.arange(3 * 40 * 100).reshape(3, 40, 100) % 200).astype(dtype)
    found = pictures.of_kept(kept(tmp_path, numbers), tmp_path)
    plane = numbers[0].astype(float)
    assert found == {"shape": [3, 40, 100], "picture": plane[::3, ::7].tolist(), "steps": [3, 7]}


def test_why_there_is_no_picture(tmp_path: Path) -> None:
    def why(head: str) -> object:
        found = pictures.of_kept(head, tmp_path)
        assert set(found) == {"shape", "why"}
        return found["why"]

    assert "not kept" in str(why(json.dumps({"dtype": "<f8", "shape": [900]})))
    assert "no array of numbers that a picture can show" in str(why(kept(tmp_path, np.full((9, 9), "text"))))
    assert "no array of numbers that a picture can show" in str(why(kept(tmp_path, np.full((9, 9), 1j))))
    for damaged in ({"dtype": "f8,(", "shape": [9]}, {"dtype": "<f8", "shape": [10**30]}):
        assert "cannot be read" in str(why(json.dumps(damaged)))
    head = kept(tmp_path, np.arange(9000.0))
    blob = tmp_path / "blobs" / json.loads(head)["blob"]
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + b"?")
    assert "damaged" in str(why(head))
    blob.unlink()
    assert "gone" in str(why(head))
    blob.write_bytes(whole)
    assert pictures.of_kept(head, tmp_path)["steps"] == [1, 563]
