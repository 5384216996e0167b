# SPDX-License-Identifier: Apache-2.0
"""The base class of triggers, which decide when a step starts and what its time is."""

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
    """The part of Inbox that a trigger uses."""

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
    """Decides when a step starts, what its time and dt are, and how long a source may be silent.

    period: s, of the control. patience: s, replaces the max_age of every source; None: max_age holds, and a step that
    takes longer is given up. missed: number of deadlines at which no step began. late: s from the deadline to the start
    of each of the last steps; empty unless deadlines on the steady clock start them.
    """

    patience: float | None = None
    # a simulator waits for the answer to each observation: stamps match the two, and say nothing of age
    awaited = False
    # it counts periods on a simulated clock
    simulated = False
    # s, steady, when a step may be due without another message; set by `fires`
    alarm = math.inf

    def __init__(self, period: float) -> None:
        self.period = period
        self.missed, self.late = 0, deque[float](maxlen=2000)
        self._last = 0.0

    def restart(self, steady: float) -> None:
        """Count dt from now on. steady: s."""
        self._last = steady
        self.late.clear()

    def arm(self) -> None:  # noqa: B027 - only timers have deadlines
        """Count deadlines from now on."""

    def jumped(self, seconds: float) -> None:  # noqa: B027 - only simulated deadlines move with a clock
        """Note that the clock of the stamps jumped forward by `seconds`."""

    @abstractmethod
    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        """Wait until a step is due; return False after a period, s, on the steady clock or when not running()."""

    def fires(self, inbox: Arrivals) -> bool:
        """Return whether the messages so far start a step; called with the inbox locked, after each message."""
        return False

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return time and dt, s, of the step that begins now; dt is bounded: a gap must not widen rate limits."""
        elapsed, self._last = steady - self._last, steady
        return ros * 1e-9, min(elapsed, 2 * self.period)

    def settle(self) -> None:  # noqa: B027 - only schedules have something to work out
        """Do the work that `moment` left until the commands were sent; called with the inbox locked."""

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the newest stamps (rows,), ns, that aligned sources may have, 0: any; here the oldest of `stamps`.

        stamps: (sources, rows), ns, of the newest messages.
        """
        oldest: Stamps = np.where(stamps == 0, np.iinfo(np.int64).max, stamps).min(axis=0)
        return np.where((stamps != 0).any(axis=0), oldest, 0)

    def news(self, inbox: Arrivals) -> Mask | None:
        """Return the rows (mask) that the step is for, None: all; called with the inbox locked as the step begins.

        The partial observations of the other rows stay new for the next step.
        """
        return None

    def answers(self, healthy: Mask) -> Mask:
        """Return the rows whose command carries the stamp of its observation."""
        return healthy
