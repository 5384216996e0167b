# SPDX-License-Identifier: Apache-2.0
"""What every trigger does: say when a step starts, and what time it has."""
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

    period: s, of the control. patience: s that a source may be silent in place of its max_age, or None: each has its
    own, and a step that takes longer is given up. missed: deadlines that no step began at. late: s from the
    deadline to the start of each of the last steps; empty where no deadline on the steady clock starts them.
    """

    patience: float | None = None
    # every command answers an observation that somebody waits for: stamps tell which, and never how old it is
    awaited = False
    # its periods are counted on a clock that somebody else moves
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
        """Take in that the clock of the stamps went forward by s at once."""

    @abstractmethod
    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        """Wait until a step is to start; False when a period went by on the steady clock without, or all is over."""

    def fires(self, inbox: Arrivals) -> bool:
        """Whether what arrived starts a step; asked with the inbox locked, after each message."""
        return False

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return time and dt, s, of the step that begins now; after a gap a limit must not open wide."""
        elapsed, self._last = steady - self._last, steady
        return ros * 1e-9, min(elapsed, 2 * self.period)

    def settle(self) -> None:      # noqa: B027 - only schedules have something to work out
        """Work out what `moment` left for when the commands are gone; asked with the inbox locked."""

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the stamp (rows,), ns, that aligned sources must not be newer than, 0: any.

        stamps: (sources, rows) of the newest messages. The oldest of them.
        """
        oldest: Stamps = np.where(stamps == 0, np.iinfo(np.int64).max, stamps).min(axis=0)
        return np.where((stamps != 0).any(axis=0), oldest, 0)

    def news(self, inbox: Arrivals) -> Mask | None:
        """Return the rows (mask) that the step which begins now is for, None: all; asked with the inbox locked.

        What the others have of a set stays new for the next step.
        """
        return None

    def answers(self, healthy: Mask) -> Mask:
        """Return the rows whose command bears the stamp of its observation."""
        return healthy
