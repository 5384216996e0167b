# SPDX-License-Identifier: Apache-2.0
"""Clock and trigger of a replay: they say what was recorded."""

from __future__ import annotations

from collections.abc import Callable

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.core.recording import Taken
from rl_policy_node.core.trigger import Arrivals, Trigger


class Tape(Trigger):
    """Both clocks and the trigger of a recording; what does not depend on time comes from its own trigger.

    recorded: the trigger of the configuration.
    """

    def __init__(self, recorded: Trigger) -> None:
        super().__init__(recorded.period)
        self.patience, self.awaited, self.simulated = recorded.patience, recorded.awaited, recorded.simulated
        self._recorded = recorded
        self._steady, self._ros = 0.0, 0
        self._frame: Taken | None = None

    def set(self, steady: float, ros: int) -> None:
        """Set both clocks, s and ns."""
        self._steady, self._ros = steady, ros

    def show(self, frame: Taken) -> None:
        """Set the clocks, and what the trigger says of the next frame."""
        self.set(frame.steady, frame.ros)
        self._frame = frame

    def steady(self) -> float:
        """Return the recorded time, s."""
        return self._steady

    def ros(self) -> int:
        """Return the recorded time, ns, on the clock of the stamps."""
        return self._ros

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        """Return False: a replay waits for nothing."""
        return False

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        return (0.0, 0.0) if self._frame is None else (self._frame.time, self._frame.dt)

    def news(self, inbox: Arrivals) -> Mask | None:
        return None if self._frame is None else self._frame.news

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        return self._recorded.reference(stamps, ros)

    def answers(self, healthy: Mask) -> Mask:
        return self._recorded.answers(healthy)
