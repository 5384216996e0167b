# SPDX-License-Identifier: Apache-2.0
"""Checks that steps come as often as in training, and that sources show the current episode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask
from rl_policy_node.control.reductions import any_true, greatest, least
from rl_policy_node.control.state import State
from rl_policy_node.core.checks import Check, NONE, Refusals
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.trigger import Trigger

# share of the control rate below which a row warns; a policy that moves by increments is slower by as much
SLOW = 0.8
# below this share two slow windows in a row are enough to hold a row
FAR_TOO_SLOW = 0.5
# share that a held row must reach before it may act again: close to the rate, not just above SLOW
GOOD = 0.9
# s, and periods, over which a rate is measured, whichever is longer: with fewer steps a late one weighs too much
WINDOW, PERIODS = 1.0, 20
# slow windows in a row after which a row is held, 2 to 3 s; a far too slow one counts twice, and the first one warns
LASTING = 3


class Pace(Check):
    """Compares the step rate of each row with the control rate: a row that is too slow gets a warning, then a hold.

    With trigger `observation` a row is as slow as its sensors, and is held; they cannot make it too fast. With `timer`
    all rows are as slow as the loop, and only get warnings: a hold would be just as late. Not for lockstep, where a
    simulator waits. The clock that paces the trigger also times the windows. A pause of a whole window does not count:
    max_age judges silence.
    """

    delays_activation = False

    def __init__(self, rows: int, trigger: Trigger, holds: bool) -> None:
        self._rate, self._simulated, self._holds = 1.0 / trigger.period, trigger.simulated, holds
        self._window = max(WINDOW, PERIODS * trigger.period)
        self._rows = rows
        self.start()

    def start(self) -> None:
        self._began = self._last = -np.inf  # s, of the window and of the step before
        self._whole = 0  # steps for all rows, in this window
        self._counts: Floats = np.zeros(self._rows)  # other steps, of each row
        self._strikes: Floats = np.zeros(self._rows)  # slow windows in a row
        self._held: Refusals = NONE
        self._warnings: Refusals = NONE

    def feed(self, frame: Frame, rows: Mask) -> None:
        now = frame.ros * 1e-9 if self._simulated else frame.steady
        if not 0 <= now - self._last <= self._window:
            self._restart(now)
            return
        self._last = now
        if frame.news is None:
            self._whole += 1
        else:
            self._counts += frame.news
        if now - self._began >= self._window:
            self._judge((self._counts + self._whole) / (now - self._began), rows)
            self._restart(now)

    def arrived(self, frame: Frame) -> Refusals:
        return self._held

    def noticed(self, frame: Frame) -> Refusals:
        return self._warnings

    def _restart(self, now: float) -> None:
        self._began = self._last = now
        self._whole = 0
        self._counts.fill(0.0)

    def _judge(self, rates: Floats, rows: Mask) -> None:
        """Judge the rates (rows,), Hz, of a window. rows: mask of those that nothing else stops."""
        held = np.zeros(self._rows, dtype=bool)
        held[list(self._held)] = True
        slow = rows & (rates < np.where(held, GOOD, SLOW) * self._rate)
        if not any_true(slow):
            self._strikes.fill(0.0)
            self._held = self._warnings = NONE
            return
        far = rates < FAR_TOO_SLOW * self._rate
        self._strikes = np.where(slow, self._strikes + 1 + far, 0.0)
        self._warnings = {row: self._described(rates[row]) for row in np.nonzero(slow)[0].tolist()}
        self._held = {
            row: f'too slow for a safe step: {text}'
            for row, text in self._warnings.items()
            if self._holds and self._strikes[row] >= LASTING
        }

    def _described(self, rate: float) -> str:
        what = 'complete observations arrive' if self._holds else 'the loop steps'
        return f'{what} {rate:.1f} times a second; control_rate is {self._rate:g} Hz'

    def state(self) -> State:
        """Return the counts of the window and the slow rows."""
        return {
            'began': self._began,
            'last': self._last,
            'whole': float(self._whole),
            'counts': self._counts.copy(),
            'strikes': self._strikes.copy(),
            'held': _numbered(self._held),
            'warnings': _numbered(self._warnings),
        }

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self._began, self._last = cast(float, state['began']), cast(float, state['last'])
        self._whole = int(cast(float, state['whole']))
        self._counts, self._strikes = (cast(Floats, state[name]).copy() for name in ('counts', 'strikes'))
        self._held, self._warnings = (
            {int(row): text for row, text in cast(Mapping[str, str], state[name]).items()}
            for name in ('held', 'warnings')
        )


class Episode(Check):
    """Sources show the row's current episode within max_age of its start, which the episode topic gives.

    tolerance: s by which an episode may begin ahead of the clock. Not for lockstep, where a simulator waits.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance

    def arrived(self, frame: Frame) -> Refusals:
        found: dict[int, str] = {}
        ahead = (frame.begun - frame.ros) * 1e-9
        for name, source in frame.sources.items():
            if least(source.stamps) >= greatest(frame.begun) or source.spec.stale == 'zero':
                continue
            behind = (source.stamps != 0) & (source.stamps < frame.begun)
            label = f"source '{name}' ({source.spec.topic}) shows no observation of the episode"
            for row in np.nonzero(behind & ((-ahead > source.spec.max_age) | (ahead > self._tolerance)))[0].tolist():
                when = f'{ahead[row]:.3f} s in the future' if ahead[row] > 0 else f'{-ahead[row]:.3f} s ago'
                found.setdefault(row, f'{label}, which began {when}')
        return found


def _numbered(reasons: Refusals) -> dict[str, State | str]:
    return {str(row): text for row, text in reasons.items()}
