# SPDX-License-Identifier: Apache-2.0
"""The age of what the policy acts on, from the stamp of an observation until its command was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import math
import time

import numpy as np

from rl_policy_node.control.arrays import Mask
from rl_policy_node.control.reductions import all_true, any_true, greatest, least
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome

KEPT = 2000  # steps
PERCENTILE = 99


class ObservationAges:
    """A StepObserver that measures ages, s, after the commands of a step were sent.

    The age of a source is that of its stamp, or where it has none, the time since its receipt, whichever is more; of
    several robots that of the oldest one that acts. Sources that may be old do not count: a person's commands, latched
    ones, and those that never become stale. In lockstep, where time is simulated, nothing is measured.
    clock(): s, steady.
    """

    def __init__(self, control: ControlSpec, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._budget = clock, control.timing.latency_budget
        self._ages: dict[str, deque[float]] = {
            name: deque(maxlen=KEPT)
            for name, source in control.sources.items()
            if source.stale == 'hold'
            and source.durability == 'volatile'
            and math.isfinite(source.max_age)
            and not control.lockstep
        }

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Measure a step in which a policy acted."""
        if not outcome.stepped or not any_true(outcome.acted):
            return
        since = self._clock() - frame.steady
        for name, ages in self._ages.items():
            ages.append(since + _oldest(frame, frame.sources[name], outcome.acted))

    def report(self) -> tuple[str, dict[str, object]]:
        """Return a warning, '' if ages are within the budget or none is stated, and diagnostic values."""
        # list() is atomic: the control thread appends meanwhile
        found = {name: float(np.percentile(list(ages), PERCENTILE)) for name, ages in self._ages.items() if ages}
        if not found:
            return '', {}
        values: dict[str, object] = {
            f'age of {name}, p{PERCENTILE} [ms]': f'{1e3 * age:.1f}' for name, age in found.items()
        }
        if not self._budget:
            return '', values
        values['latency budget [ms]'] = f'{1e3 * self._budget:.1f}'
        name, age = max(found.items(), key=lambda each: each[1])
        if age <= self._budget:
            return '', values
        return (
            f"beyond the latency budget: the policy acts on '{name}' of {1e3 * age:.0f} ms ago (p{PERCENTILE}); "
            f'latency_budget is {1e3 * self._budget:.0f} ms'
        ), values


def _oldest(frame: Frame, source: SourceBuffer, rows: Mask) -> float:
    """Return the greatest age, s, of the rows (mask) of a source when the frame was taken."""
    received, stamps = source.received, source.stamps
    if not all_true(rows):
        received, stamps = received[rows], stamps[rows]
    age = frame.steady - least(received)
    if source.spec.use_header_stamp and greatest(stamps) > 0:
        age = max(age, (frame.ros - int(np.min(stamps, where=stamps > 0, initial=frame.ros))) * 1e-9)
    return float(age)
