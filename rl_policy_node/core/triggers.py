# SPDX-License-Identifier: Apache-2.0
"""The triggers of a step: a timer, the observations, or a simulator that waits."""

from __future__ import annotations

from collections.abc import Callable
import time

import numpy as np

from rl_policy_node.control.arrays import Mask, Stamps
from rl_policy_node.control.control_options import TRIGGERS
from rl_policy_node.control.reductions import all_true
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.observation_trigger import EveryObservation
from rl_policy_node.core.trigger import Arrivals, Trigger
from rl_policy_node.errors import unknown

# s, the longest sleep at a time: how soon a stop is noticed where the period is longer
NAP = 0.02
# s, and periods, whichever is more: a simulated clock that advances by more in one update has jumped
JUMP, JUMP_PERIODS = 1.0, 10


class _Timer(Trigger):
    """Fires at absolute deadlines, a period apart; counts missed ones and skips them, so that no burst follows."""

    def __init__(self, period: float) -> None:
        super().__init__(period)
        self._due = 0.0

    def reference(self, stamps: Stamps, ros: int) -> Stamps:
        """Return the time of the step."""
        return np.full(stamps.shape[1:], ros)

    def _next(self, now: float) -> int:
        """Set the next deadline after now; return how many were missed, besides the one that fires."""
        late = int((now - self._due) / self.period)
        self._due += (late + 1) * self.period
        return late


class SteadyTimer(_Timer):
    """Fires on the steady clock; nothing else wakes it, and it holds no lock."""

    def arm(self) -> None:
        self._due = time.monotonic() + self.period

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        # a lock's timeout would follow the wall clock before Python 3.11
        while running():
            now = time.monotonic()
            if now >= self._due:
                self.late.append(now - self._due)
                self.missed += self._next(now)
                return True
            time.sleep(min(self._due - now, NAP))
        return False


class SimulatedTimer(_Timer):
    """Fires on a simulated clock, whose updates wake the inbox. now(): ns.

    A deadline that passes while the loop is busy counts as missed. One that the clock jumps over does not.
    """

    simulated = True

    def __init__(self, period: float, now: Callable[[], int]) -> None:
        super().__init__(period)
        self._now = now

    def arm(self) -> None:
        self._due = self._now() * 1e-9 + self.period

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        busy = True  # until the first look

        def fired() -> bool:
            nonlocal busy
            now, was_busy, busy = self._now() * 1e-9, busy, False
            if now < self._due - 1.5 * self.period:  # simulated time went back: count from there
                self._due = now
            if now < self._due:
                return False
            late = self._next(now)
            self.missed += late if was_busy else 0
            return True

        return inbox.wait(fired, self.period, running)

    def jumped(self, seconds: float) -> None:
        """Move the deadline along if the clock jumps forward by more than JUMP, even while the loop is busy."""
        if seconds > max(JUMP, JUMP_PERIODS * self.period):
            self._due += seconds


class Lockstep(Trigger):
    """Fires when every row has a new message from every source, while a simulator waits for the answers.

    Silence only means that the simulator is slow. Time is counted in steps, a period each.
    episodes: whether the start of each row's episode comes with the observations.
    """

    awaited = True

    def __init__(self, period: float, patience: float, episodes: bool) -> None:
        super().__init__(period)
        self.patience, self._episodes = patience, episodes
        self._steps = 0

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        return inbox.wait(lambda: self.fires(inbox), self.period, running)

    def fires(self, inbox: Arrivals) -> bool:
        """Return whether all rows have a complete set of messages, and its episode if there is an episode topic."""
        complete = all(all_true(buffer.fresh) for buffer in inbox.buffers.values())
        return complete and (not self._episodes or all_true(inbox.episode_fresh))

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return the time, counted in steps, and the period, s."""
        self._steps += 1
        return (self._steps - 1) * self.period, self.period

    def news(self, inbox: Arrivals) -> Mask | None:
        """Return None: every step is for all rows."""
        return None

    def answers(self, healthy: Mask) -> Mask:
        """Return all rows: the simulator waits for fallbacks, too."""
        return np.ones_like(healthy)


def create_trigger(control: ControlSpec, simulated: bool = False, now: Callable[[], int] = time.time_ns) -> Trigger:
    """Return the trigger of a ControlSpec. simulated: whether the clock `now`, ns, paces it."""
    period = 1.0 / control.rate
    if control.timing.trigger == 'timer':
        return SimulatedTimer(period, now) if simulated else SteadyTimer(period)
    if control.timing.trigger == 'observation':
        return EveryObservation(period, now if simulated else None)
    if control.timing.trigger == 'lockstep':
        return Lockstep(period, control.timing.lockstep_timeout, bool(control.timing.episode_topic))
    raise unknown('trigger', control.timing.trigger, TRIGGERS)
