# SPDX-License-Identifier: Apache-2.0
"""Warns of, holds or latches rows whose observations lie outside the distribution of training."""

from __future__ import annotations

from collections.abc import Callable

from rl_policy_node.control.arrays import Mask, Values
from rl_policy_node.control.distribution import Distribution
from rl_policy_node.control.state import State
from rl_policy_node.core.checks import Check, Refusals
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.outcome import Outcome


class OutOfDistribution(Check):
    """Refuses rows outside a Distribution before the policy acts. latch(rows, reason); None: rows may come back."""

    def __init__(self, distribution: Distribution, latch: Callable[[slice, str], None] | None) -> None:
        self._distribution, self._latch, self._now = distribution, latch, 0.0

    def feed(self, frame: Frame, rows: Mask) -> None:
        self._now = frame.time

    def seen(self, inputs: Values, rows: Mask) -> Refusals:
        self._distribution.update(inputs, rows, self._now)
        if self._latch is not None:
            for row, reason in self._distribution.reasons.items():
                self._latch(slice(row, row + 1), reason)
        return self._distribution.reasons

    def state(self) -> State:
        return self._distribution.state()

    def restore(self, state: State) -> None:
        self._distribution.restore(state)


class DistributionObserver:
    """A StepObserver that updates a Distribution after the commands were sent."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Compare the policy's inputs with those of its training."""
        if outcome.inputs is not None:
            self._distribution.update(outcome.inputs, outcome.acted, frame.time)
