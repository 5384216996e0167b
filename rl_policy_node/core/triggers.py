"""What starts a step: a clock, or the observations themselves."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
import time
from typing import Protocol

import numpy as np

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.numbers import every, some
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec, TRIGGERS
from rl_policy_node.errors import unknown

# s, the longest sleep at a time: how soon a stop is seen where the period is longer
NAP = 0.02


class Arrivals(Protocol):
    """What has arrived; see Inbox."""

    @property
    def buffers(self) -> Mapping[str, SourceBuffer]: ...

    @property
    def acting(self) -> Mask: ...

    @property
    def episode_fresh(self) -> Mask: ...

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

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the stamp (rows,), ns, that aligned sources must not be newer than, 0: any.

        stamps: (sources, rows) of the newest messages. The oldest of them.
        """
        oldest: Stamps = np.where(stamps == 0, np.iinfo(np.int64).max, stamps).min(axis=0)
        return np.where((stamps != 0).any(axis=0), oldest, 0)

    def answers(self, fit: Mask) -> Mask:
        """Return the rows whose command bears the stamp of its observation."""
        return fit


class _Timer(Trigger):
    """At absolute deadlines, a period apart; missed ones are counted and skipped, there is no burst."""

    def __init__(self, period: float) -> None:
        super().__init__(period)
        self._due = 0.0

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the time of the step."""
        return np.full(stamps.shape[1:], ros)

    def _count(self, now: float) -> None:
        """Set the next deadline, past those that were missed."""
        late = int((now - self._due) / self.period)
        self.missed += late
        self._due += (late + 1) * self.period


class SteadyTimer(_Timer):
    """On the steady clock: woken by nothing else, and holding nothing meanwhile."""

    def arm(self) -> None:
        self._due = time.monotonic() + self.period

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        # a lock's timeout would follow the wall clock before Python 3.11
        while running():
            now = time.monotonic()
            if now >= self._due:
                self.late.append(now - self._due)
                self._count(now)
                return True
            time.sleep(min(self._due - now, NAP))
        return False


class SimulatedTimer(_Timer):
    """On a clock that somebody else moves, and tells the inbox so. now(): ns."""

    def __init__(self, period: float, now: Callable[[], int]) -> None:
        super().__init__(period)
        self._now = now

    def arm(self) -> None:
        self._due = self._now() * 1e-9 + self.period

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        return inbox.wait(self._fired, self.period, running)

    def _fired(self) -> bool:
        now = self._now() * 1e-9
        if now < self._due - 1.5 * self.period:     # simulated time went back: count from there
            self._due = now
        if now < self._due:
            return False
        self._count(now)
        return True


class EveryObservation(Trigger):
    """Whenever every row that acts has a new message from every source."""

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        return inbox.wait(lambda: self.fires(inbox), self.period, running)

    def fires(self, inbox: Arrivals) -> bool:
        """Whether all rows that act, and at least one row, have a complete set."""
        new = [buffer.fresh for buffer in inbox.buffers.values()]
        if every(inbox.acting):
            return all(map(every, new))
        complete: Mask = np.logical_and.reduce(new)
        return some(complete) and every(complete[inbox.acting])


class Lockstep(EveryObservation):
    """Whenever every row has a new message from every source, while a simulator waits for the answers.

    Silence means a slow simulator. Time goes by in steps: so many periods as there were steps.
    episodes: whether the start of each row's episode comes with the observations.
    """

    awaited = True

    def __init__(self, period: float, patience: float, episodes: bool) -> None:
        super().__init__(period)
        self.patience, self._episodes = patience, episodes
        self._steps = 0

    def fires(self, inbox: Arrivals) -> bool:
        """Whether all rows have a complete set, and its episode."""
        complete = all(every(buffer.fresh) for buffer in inbox.buffers.values())
        return complete and (not self._episodes or every(inbox.episode_fresh))

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return the time of the steps and the period, s."""
        self._steps += 1
        return (self._steps - 1) * self.period, self.period

    def answers(self, fit: Mask) -> Mask:
        """Return all rows: the simulator waits for the fallback of the others, too."""
        return np.ones_like(fit)


def create_trigger(control: ControlSpec, simulated: bool = False, now: Callable[[], int] = time.time_ns) -> Trigger:
    """Return the trigger of a ControlSpec. simulated: whether timers go by the clock `now` (ns)."""
    period = 1.0 / control.rate
    if control.trigger == 'timer':
        return SimulatedTimer(period, now) if simulated else SteadyTimer(period)
    if control.trigger == 'observation':
        return EveryObservation(period)
    if control.trigger == 'lockstep':
        return Lockstep(period, control.lockstep_timeout, bool(control.episode_topic))
    raise unknown('trigger', control.trigger, TRIGGERS)
