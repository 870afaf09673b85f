"""Numbers on an accelerator. None is at hand here: a test double takes its place, torch's "meta" device its tensors'."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flor.capture import arrays, devices
from flor.capture.values import keep
from flor.trace import format as f
from flor.trace.values import gap_reason
from tests.capture.modes import told
from tests.capture.reading import newest_trace, sites, values
from tests.conftest import flor

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


class CopyDouble(devices.Copy):
    """A test double of a copy: it arrives when it is told to, and to ask for it before is an error."""

    def __init__(self, number: devices.Number | None) -> None:
        self.result, self.is_there = number, False

    def arrived(self) -> bool:
        return self.is_there

    def number(self) -> devices.Number | None:
        assert self.is_there, "something waited for the device"
        return self.result


class DeviceDouble:
    """A test double of `torch.cuda`: it has what is asked of it, and nothing that waits."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.capturing = self.done = False

    def is_current_stream_capturing(self) -> bool:
        return self.capturing

    def current_stream(self, device: object) -> str:
        return "stream"

    def Event(self) -> Any:
        double = self

        class EventDouble:
            def record(self, stream: object) -> None:
                double.said.append(f"record {stream}")

            def query(self) -> bool:
                double.said.append("query")
                return double.done

        return EventDouble()


@pytest.fixture
def amended(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[devices.Place, int, int | float]]]:
    """What the recorder is told."""
    found: list[tuple[devices.Place, int, int | float]] = []
    monkeypatch.setattr(devices, "awaited", deque())
    monkeypatch.setattr(devices.recorder, "amend", lambda *told: found.append(told))
    yield found


def on_a_double(monkeypatch: pytest.MonkeyPatch, *copies: CopyDouble | None) -> None:
    """From now on tensors on the meta device are copied like this."""
    waiting = iter(copies)
    monkeypatch.setitem(devices.BEGIN, "meta", lambda _: next(waiting))


def meta(**about: Any) -> Any:
    import torch

    return torch.zeros((), device="meta", **about)


def test_a_number_is_noted_in_its_place_once_it_is_there(amended: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    copies = [CopyDouble((f.FLOAT, 0.5)), CopyDouble((f.INT, 7))]
    on_a_double(monkeypatch, *copies)
    for place in ((0, 0, 12), (0, 0, 24)):
        kind, data, told = keep(meta(), False)  # type: ignore[misc]
        assert kind == f.GAP and gap_reason(data) == "a tensor on meta: it was not there yet"
        told(place)
    copies[1].is_there = True
    keep([1], False)
    assert amended == []
    copies[0].is_there = True
    keep([1], False)
    assert amended == [((0, 0, 12), f.FLOAT, 0.5), ((0, 0, 24), f.INT, 7)]


def test_what_no_record_holds_stays_a_gap(amended: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    copy = CopyDouble(None)
    copy.is_there = True
    on_a_double(monkeypatch, copy)
    keep(meta(), False)[2]((0, 0, 12))  # type: ignore[misc]
    devices.resolve()
    assert (amended, list(devices.awaited)) == ([], [])


def test_a_device_that_fails_costs_what_is_on_it_and_nothing_else(
    amended: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingDouble(CopyDouble):
        def arrived(self) -> bool:
            raise RuntimeError("device-side assert")

    on_a_double(monkeypatch, FailingDouble(None), FailingDouble(None))
    for _ in range(2):
        kept = keep(meta(), False)
        if len(kept) == 3:
            kept[2]((0, 0, 12))
    assert keep({1: 2}, False)[0] == f.EXACT
    assert (amended, list(devices.awaited)) == ([], [])


def test_larger_tensors_are_not_copied(amended: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    on_a_double(monkeypatch)
    kept = keep(torch.zeros(3, device="meta"), False)
    assert (kept[0], len(kept)) == (f.ARRAY, 2)


def test_where_no_copy_can_be_made_the_gap_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_double(monkeypatch, None)
    for value in (meta(), meta(dtype=__import__("torch").float8_e4m3fn)):
        kind, data = keep(value, False)  # type: ignore[misc]
        assert kind == f.GAP and isinstance(data, bytes)
        assert gap_reason(data) == "a tensor on meta: to read it would wait for the device. Name its .item()"


def test_a_tensor_that_has_a_secret_s_name_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_double(monkeypatch, CopyDouble((f.FLOAT, 0.5)))
    assert len(keep(meta(), True)) == 2
    assert not devices.awaited


def test_so_many_are_under_way_and_no_more(amended: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MAX_AWAITED", 2)
    on_a_double(monkeypatch, *[CopyDouble((f.FLOAT, 0.5)) for _ in range(3)])
    for _ in range(2):
        keep(meta(), False)[2]((0, 0, 12))  # type: ignore[misc]
    assert len(keep(meta(), False)) == 2


def test_a_copy_is_queued_and_asked_for_and_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The double stands for `torch.cuda`, a tensor on the host for one on the device."""
    import torch

    device = DeviceDouble()
    monkeypatch.setattr(torch, "double", device, raising=False)
    devices.add("double", arrays._number_in)
    begins = devices.BEGIN.pop("double")
    values: dict[Any, devices.Number | None] = {
        torch.tensor([[0.25]], requires_grad=True) * 2: (f.FLOAT, 0.5),
        torch.tensor(7): (f.INT, 7),
        torch.tensor(True): (f.BOOL, 1),
        torch.tensor(1.5, dtype=torch.bfloat16): (f.FLOAT, 1.5),
        torch.tensor(1j): None,
    }
    for value, expected in values.items():
        copy = begins(value)
        assert copy is not None and not copy.arrived()
        device.done = True
        assert copy.arrived() and copy.number() == expected
        assert not copy._host.requires_grad  # type: ignore[attr-defined]
        device.done = False
    assert device.said == ["record stream", "query", "query"] * len(values)
    device.capturing = True
    assert begins(torch.tensor(7)) is None


def test_modes_of_the_program_do_not_see_a_copy() -> None:
    import torch

    tensor = torch.tensor(0.5)
    with told() as seen:
        devices._Copied(tensor, DeviceDouble(), arrays._number_in)
    assert seen == []


def test_threads_may_resolve_at_the_same_time(amended: list[Any]) -> None:
    for i in range(20_000):
        copy = CopyDouble((f.INT, i))
        copy.is_there = True
        devices.awaited.append(((0, 0, i), copy))
    threads = [threading.Thread(target=devices.resolve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(amended) == [((0, 0, i), f.INT, i) for i in range(20_000)]


def test_what_a_forked_child_s_parent_waits_for_is_not_its_own() -> None:
    devices.awaited.append(((0, 0, 12), CopyDouble(None)))
    try:
        child = os.fork()
        if not child:
            os._exit(len(devices.awaited))
        assert os.waitpid(child, 0)[1] == 0
    finally:
        devices.awaited.clear()


SCRIPT = """
import torch
from flor.capture import devices
from flor.trace import format

class CopyDouble(devices.Copy):  # of a copy from an accelerator: so many later ones begin before it arrives
    begun = 0
    def __init__(self):
        self.place = CopyDouble.begun
        CopyDouble.begun += 1
    def arrived(self):
        return CopyDouble.begun - self.place > LAG
    def number(self):
        return format.FLOAT, self.place / 4

devices.BEGIN["meta"] = lambda value: CopyDouble()
zero = torch.zeros((), device="meta")
for i in range(3000):
    loss = zero + i
    x = (i, [i, [i, i]])
    for j in range(5):
        y = i * j
"""


@pytest.mark.parametrize("lag", [0, 10, 900])
def test_numbers_come_to_their_places_in_tails_and_in_segments(
    lag: int, recorder: str, write: Callable[[str, str], Path]
) -> None:
    write("script.py", f"LAG = {lag}\n{SCRIPT}")
    done = flor("python", "script.py", "case", FLOR_TIME_SHARE="1")
    assert (done.returncode, done.stderr) == (0, "")
    trace = newest_trace("case")
    found = [line.split(": ") for line in values(trace, "zero + i")]
    assert len(found) == 3000
    numbers = {path: value for path, value in found if value != "None"}
    # The first number is of `zero` itself; each is seen as an expression, and as what is bound to `loss`.
    begun = {f"i[{i}]": [(1 + 2 * i) / 4, (2 + 2 * i) / 4] for i in range(3000)}
    assert all(float(value) in begun[path] for path, value in numbers.items())
    assert len(numbers) >= 3000 - lag - 2
    ((source, site, _),) = sites(trace, "zero + i")
    kinds = trace.values(source, site).kind.tolist()
    assert set(kinds) == ({f.FLOAT, f.GAP} if kinds.count(f.GAP) else {f.FLOAT})
    assert values(trace, "i * j") == [f"i[{i}] > j[{j}]: {i * j}" for i in range(3000) for j in range(5)]
