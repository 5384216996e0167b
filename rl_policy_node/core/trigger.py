# SPDX-License-Identifier: Apache-2.0
"""The base class of triggers, which say when a step starts, and what time it has."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
import math
from typing import Protocol

import numpy as np

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.source_buffer import SourceBuffer


class Arrivals(Protocol):
    """What has arrived; see Inbox."""

    @property
    def buffers(self) -> Mapping[str, SourceBuffer]: ...

    @property
    def awaited(self) -> Mapping[str, SourceBuffer]: ...

    @property
    def acting(self) -> Mask: ...

    @property
    def episode_fresh(self) -> Mask: ...

    def steady(self) -> float: ...

    def wait(self, fired: Callable[[], bool], patience: float, running: Callable[[], bool]) -> bool: ...


class Trigger(ABC):
    """Says when a step starts, what time and dt mean in it, and how patient it is.

    period: s, of the control. patience: s that a source may be silent in place of its max_age; None: max_age holds, and
    a step that takes longer is given up. missed: deadlines at which no step began. late: s from the deadline to the
    start of each of the last steps; empty where no deadline on the steady clock starts them.
    """

    patience: float | None = None
    # a simulator waits for the answer to each observation: stamps match the two, and say nothing of age
    awaited = False
    # it counts periods on a simulated clock
    simulated = False
    # s, steady, when a step may be due though nothing more arrives; set by `fires`
    alarm = math.inf

    def __init__(self, period: float) -> None:
        self.period = period
        self.missed, self.late = 0, deque[float](maxlen=2000)
        self._last = 0.0

    def restart(self, steady: float) -> None:
        """Count dt from now on. steady: s."""
        self._last = steady
        self.late.clear()

    def arm(self) -> None:      # noqa: B027 - only timers have deadlines
        """Count deadlines from now on."""

    def jumped(self, seconds: float) -> None:      # noqa: B027 - only simulated deadlines move with a clock
        """Note that the clock of the stamps jumped forward by s."""

    @abstractmethod
    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        """Wait until a step is due; False after a period on the steady clock without one, or when not running()."""

    def fires(self, inbox: Arrivals) -> bool:
        """Whether what arrived starts a step; called with the inbox locked, after each message."""
        return False

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return time and dt, s, of the step that begins now; after a gap a limit must not open wide."""
        elapsed, self._last = steady - self._last, steady
        return ros * 1e-9, min(elapsed, 2 * self.period)

    def settle(self) -> None:      # noqa: B027 - only schedules have something to work out
        """Do what `moment` left for after the commands; called with the inbox locked."""

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the stamp (rows,), ns, that aligned sources must not be newer than, 0: any.

        stamps: (sources, rows) of the newest messages. The oldest of them.
        """
        oldest: Stamps = np.where(stamps == 0, np.iinfo(np.int64).max, stamps).min(axis=0)
        return np.where((stamps != 0).any(axis=0), oldest, 0)

    def news(self, inbox: Arrivals) -> Mask | None:
        """Return the rows (mask) that the step which begins now is for, None: all; called with the inbox locked.

        The partial observations of the other rows stay new for the next step.
        """
        return None

    def answers(self, healthy: Mask) -> Mask:
        """Return the rows whose command bears the stamp of its observation."""
        return healthy
