# SPDX-License-Identifier: Apache-2.0
"""When the next step on an observation is due: at the control rate, in the phase of the sensors."""

from __future__ import annotations

import math

# share of a period by which a step may begin before or after its due time and still be on time: a sensor at the
# control rate whose messages jitter by less is answered message by message, each at once
SLACK = 0.25
# largest share of a period by which a step shifts the schedule to the phase of the sensors; bounds the rate error
DRIFT = 0.01
SMOOTHED = 8  # steps over which the phase of the sensors is averaged
# steps in a row that wait before the phase jumps, and steps between two jumps, which bound the rate error, too
WAITS, JUMP = 4, 200
_ROUNDING = 1e-6  # s


class Schedule:
    """Due times a period apart, in the phase at which observations become complete.

    Each step shifts the phase by at most DRIFT of a period: a faster sensor cannot raise the rate. A late step leaves
    the phase, and the steps after it are on time again; one that is late by a period or more begins a new phase, in
    which the next observation may come. No burst follows, because steps are at least a period less twice the slack
    apart. A step that waited until it was due, and then just missed the next observation, delays the following ones by
    DRIFT of a period. Where WAITS steps in a row wait with an observation that nothing replaces, the sensors have
    another phase, and the schedule jumps to it; once in JUMP steps, so that a faster sensor gains next to nothing.
    due: s, when the next step is due; −inf: at once. earliest: s, before which it must not begin. slack: s. All times
    are s, on one clock.
    """

    def __init__(self, period: float) -> None:
        self.period, self.slack = period, SLACK * period
        self.restart()

    def restart(self) -> None:
        """Begin anew, in the phase of the next observation."""
        self.due = self.earliest = self._waited = self._jump = -math.inf
        self._waits = 0

    def step(self, now: float, complete: float | None, unreplaced: bool) -> None:
        """Set when the step after the one that begins now is due.

        complete: s, when the first set since the last step was complete, None: never. unreplaced: whether the step acts
        on that set; if not, the sensors are faster.
        """
        waited = complete is not None and complete < self.due - self.slack and now >= self.due
        self._waited = now if waited else -math.inf
        self._waits = self._waits + 1 if waited and unreplaced else 0
        if self.due == -math.inf or self.went_back(now):
            self.due = complete if complete is not None and unreplaced else now
        elif complete is not None and self._waits >= WAITS and now >= self._jump:
            self.due, self._jump, self._waited = complete, now + JUMP * self.period, -math.inf
        elif complete is not None and unreplaced:
            half = self.period / 2
            apart = (complete - self.due + half) % self.period - half
            most = DRIFT * self.period
            self.due += min(max(apart / SMOOTHED, -most), most)
        if now - self.due >= self.period:
            self.due = now - self.slack
        self.due += self.period
        self.earliest = now + self.period - 2 * self.slack + _ROUNDING

    def hear(self, now: float) -> None:
        """Note that the first complete set after a step came now."""
        if now - self._waited < self.slack:
            self.due, self._waited = self.due + DRIFT * self.period, -math.inf

    def went_back(self, now: float) -> bool:
        """Return whether the clock went back: the due time is then further away than ever."""
        return now < self.due - 1.5 * self.period
