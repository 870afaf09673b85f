"""What stands for a probe in code, and does something of its own before the probe does its part.

Only for probes of guarded functions: others look at the frame that asks them.
"""

from __future__ import annotations

from typing import Any


class StandIn:
    """Stands for `probe`."""

    def __init__(self, probe: Any) -> None:
        self.probe = probe

    def before(self, *values: Any) -> None:
        """Is given what the probe will be given."""

    def __getitem__(self, value: Any) -> Any:
        self.before(value)
        return self.probe[value]

    def __call__(self, *values: Any) -> Any:
        self.before(*values)
        return self.probe(*values)

    def __invert__(self) -> Any:
        self.before()
        return ~self.probe

    def __reduce__(self) -> Any:
        from flor.capture import pickled

        return pickled.reduce(self.probe)
