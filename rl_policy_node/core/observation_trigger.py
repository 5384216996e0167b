# SPDX-License-Identifier: Apache-2.0
"""Steps on observations, at the control rate."""

from __future__ import annotations

from collections.abc import Callable
import math

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.reductions import all_true, any_true, greatest, least
from rl_policy_node.core.schedule import Schedule
from rl_policy_node.core.trigger import Arrivals, Trigger

# s by which a simulated clock may lag behind the stamps: it is published ten times a second, or more often
AHEAD = 0.1


class EveryObservation(Trigger):
    """Fires at control_rate, when every row that acts has a new message from every source.

    A sensor at about the control rate is answered message by message, a faster one at the control rate, in the phase
    in which its messages come; see Schedule. A late row delays the others by a quarter of a period at most, counted
    from the due time or from the first complete row, whichever is later; it then acts in the next step.
    now(): ns, of a simulated clock that paces it; None: the steady clock does.
    """

    def __init__(self, period: float, now: Callable[[], int] | None = None) -> None:
        super().__init__(period)
        self.simulated = now is not None
        self._schedule, self._now = Schedule(period), now
        # since the last step: s on the clock of the schedule, when the first row was complete, and when all rows were;
        # the latter on the clock of SourceBuffer.received, too; whether newer messages have replaced that set
        self._first = self._whole = self._whole_at = math.inf
        self._replaced = False
        self._seen = -math.inf  # s, the time at the last look
        # of the step under way: the arguments of Schedule.step, which runs once the commands are out
        self._begun: tuple[float, float | None, bool] | None = None

    def restart(self, steady: float) -> None:
        super().restart(steady)
        self._schedule.restart()
        self._begun = None
        self._forget()

    def wait(self, inbox: Arrivals, running: Callable[[], bool]) -> bool:
        return inbox.wait(lambda: self.fires(inbox), self.period, running)

    def fires(self, inbox: Arrivals) -> bool:
        """Return whether a step is due; if not, `alarm` says when it will be without another message."""
        if self._begun is not None:
            self.settle()
        acting, whole = inbox.acting, True
        for buffer in inbox.awaited.values():
            if not all_true(buffer.fresh):
                if len(acting) == 1:
                    return False
                whole = False
                break
        if not whole:
            complete: Mask = np.logical_and.reduce([buffer.fresh for buffer in inbox.awaited.values()])
            if not any_true(complete & acting if any_true(acting) else complete):
                return False
            whole = any_true(acting) and all_true(complete[acting])
        now = inbox.steady() if self._now is None else self._simulated_time(inbox)
        schedule = self._schedule
        due, slack = schedule.due, schedule.slack
        if schedule.went_back(now):
            schedule.restart()
            return True
        if self._first == math.inf:
            self._first = now
            schedule.hear(now)
        if whole:
            if self._whole == math.inf:
                self._whole, self._whole_at = now, now if self._now is None else inbox.steady()
            else:
                self._note_newer(inbox)
            at = max(due - slack, schedule.earliest)
        else:
            at = due = max(due, self._first) + slack
        if now >= at:
            return True
        if not self.simulated:  # else each update of the clock asks again
            self.alarm = max(due, at)
        return False

    def moment(self, steady: float, ros: int) -> tuple[float, float]:
        """Return time and dt, s, of the step that begins now; `settle` sets when the next one is due."""
        self._begun = (
            max(self._seen, ros * 1e-9) if self.simulated else steady,
            None if self._whole == math.inf else self._whole,
            not self._replaced,
        )
        self._forget()
        return super().moment(steady, ros)

    def settle(self) -> None:
        if self._begun is not None:
            self._schedule.step(*self._begun)
            self._begun = None

    def news(self, inbox: Arrivals) -> Mask | None:
        """Return the rows that have a complete set; None: all of them."""
        if len(inbox.acting) == 1:
            return None
        new = [buffer.fresh for buffer in inbox.awaited.values()]
        return None if all(map(all_true, new)) else np.logical_and.reduce(new)

    def _simulated_time(self, inbox: Arrivals) -> float:
        """Return the time, s, of the schedule on a simulated clock, which may lag behind the stamps of messages."""
        assert self._now is not None
        now = self._now()
        newest = max(int(greatest(buffer.stamps)) for buffer in inbox.awaited.values())
        self._seen = max(now, min(newest, now + round(AHEAD * 1e9))) * 1e-9
        return self._seen

    def _note_newer(self, inbox: Arrivals) -> None:
        """Note whether all acting rows have newer messages than their first set: then the sensors are faster."""
        if self._replaced:
            return
        oldest = (
            received if all_true(inbox.acting) else received[inbox.acting]
            for received in (buffer.received for buffer in inbox.awaited.values())
        )
        self._replaced = all(each.size and least(each) > self._whole_at for each in oldest)

    def _forget(self) -> None:
        self._first = self._whole = self._whole_at = self.alarm = math.inf
        self._replaced = False
