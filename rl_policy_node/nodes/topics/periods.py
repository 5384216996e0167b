# SPDX-License-Identifier: Apache-2.0
"""Finds sources that send regularly, but too rarely for their max_age."""

from __future__ import annotations

import numpy as np

from rl_policy_node.control.arrays import Floats
from rl_policy_node.control.reductions import any_true
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.protocols import Logger

INTERVALS = 3  # this many similar intervals in a row, all too long, are a pattern
ALIKE = 1.5  # largest ratio of the longest to the shortest of similar intervals
MARGIN = 1.25  # advised ratio of max_age to the longest interval
REMEMBERED = 5.0  # s for which intervals are still measured after a robot was on its fallback


class Periods:
    """A StepObserver that warns, once for each source, if max_age is shorter than the period of the source.

    Robots with such a source stop again and again. It measures only while a robot is on its fallback, or was recently.
    """

    def __init__(self, control: ControlSpec, log: Logger) -> None:
        self._log = log
        # in lockstep max_age does not count
        self._watched = {} if control.lockstep else {name: _Intervals(control.rows) for name in control.sources}
        self._until = -np.inf  # s, steady

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Measure the time between the messages of each source."""
        if not outcome.reasons and frame.steady > self._until:
            return
        if frame.steady > self._until:
            for intervals in self._watched.values():
                intervals.restart()
        if outcome.reasons:
            self._until = frame.steady + REMEMBERED
        for name, intervals in list(self._watched.items()):
            source = frame.sources[name]
            longest = intervals.too_long(source)
            if longest:
                del self._watched[name]
                self._log.warning(
                    f"source '{name}' ({source.spec.topic}) arrives each {intervals.mean:.2g} s, max_age "
                    f'is {source.spec.max_age:g} s: its robots stop again and again; set '
                    f'sources.{name}.max_age above {MARGIN * longest:.2g}, or publish it more often'
                )


class _Intervals:
    """The intervals between messages of each row of a source. mean: s, of the pattern that `too_long` found last."""

    def __init__(self, rows: int) -> None:
        self._shape, self.mean = rows, 0.0
        self.restart()

    def restart(self) -> None:
        """Forget all intervals."""
        self._last: Floats = np.full(self._shape, np.nan)
        self._count, self._sum = np.zeros((2, self._shape))
        self._least, self._most = np.full(self._shape, np.inf), np.zeros(self._shape)

    def too_long(self, source: SourceBuffer) -> float:
        """Look once; return the longest interval, s, of a row whose last intervals form a pattern, else 0."""
        last, self._last = self._last, source.received.copy()
        with np.errstate(invalid='ignore'):
            gap = self._last - last
        came = gap > 0
        if not any_true(came):
            return 0.0
        gap = np.where(came, gap, 0.0)
        slow = came & np.isfinite(gap) & (gap > source.spec.max_age)
        least, most = np.minimum(self._least, np.where(slow, gap, np.inf)), np.maximum(self._most, gap)
        kept = ~came | slow & (most <= ALIKE * least)
        self._count, self._sum = np.where(kept, self._count + slow, 0.0), np.where(kept, self._sum + gap, 0.0)
        self._least, self._most = np.where(kept, least, np.inf), np.where(kept, most, 0.0)
        found = np.nonzero(self._count >= INTERVALS)[0]
        if not found.size:
            return 0.0
        row = int(found[0])
        self.mean = float(self._sum[row] / self._count[row])
        return float(self._most[row])
