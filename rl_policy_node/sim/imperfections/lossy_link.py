# SPDX-License-Identifier: Apache-2.0
"""A network that delays, loses and reorders messages, in periods of the control; needs only numpy."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.imperfection_spec import ImperfectionSpec

EXACT: Final = 0.01  # periods: 0.0167 s at 60 Hz, as users write it, are one period


def whole_steps(delay: float) -> int:
    """Return the number of steps after which a message with a delay of `delay` periods arrives."""
    return max(math.ceil(delay - EXACT), 0)


class Network:
    """Decides when every message of a source arrives, and counts them.

    groups: number of messages in a step, one for each robot, or one for all. The same random stream loses the same
    messages whatever the latency; with a greater share it loses these and more.
    sent: number of all messages; lost: that never arrive; late: that arrive a period or more after their measurement;
    reordered: that arrive after one with a later measurement.
    """

    def __init__(self, spec: ImperfectionSpec, period: float, groups: int, random: np.random.Generator) -> None:
        self._spec, self._random, self.groups = spec, random, groups
        self._latency, self._jitter = spec.latency / period, spec.latency_jitter / period
        # the greatest delay, in steps
        self.longest = whole_steps(self._latency + self._jitter + 2 * (spec.reorder > 0))
        self._due = np.full((self.longest + 1, groups), np.inf)
        self._step = 0
        self.counts = dict.fromkeys(('sent', 'lost', 'late', 'reordered'), 0)

    def send(self, begins: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the delays (groups,), periods, of this step's messages; infinite: lost.

        begins (groups,): first messages of an episode, which arrive at once and cancel earlier ones.
        """
        lost, swapped, jitter = self._random.random((3, self.groups))
        # reordered: one period after the message that follows it
        delays: NDArray[np.float64] = self._latency + self._jitter * jitter + 2.0 * (swapped < self._spec.reorder)
        delays[lost < self._spec.drop] = np.inf
        delays[begins] = 0.0
        self._count(delays, begins)
        return delays

    def _count(self, delays: NDArray[np.float64], begins: NDArray[np.bool_]) -> None:
        due = self._step + delays
        self._due[:, begins] = np.inf
        overtaken = np.isfinite(self._due) & (self._due > due)
        self._due[overtaken] = np.inf
        self._due[self._step % len(self._due)] = due
        self._step += 1
        found = {
            'sent': np.ones(self.groups),
            'lost': np.isinf(delays),
            'late': np.isfinite(delays) & (delays >= 1.0 - EXACT),
            'reordered': overtaken,
        }
        for name, value in found.items():
            self.counts[name] += int(value.sum())
