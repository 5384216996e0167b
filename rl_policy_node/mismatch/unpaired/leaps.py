# SPDX-License-Identifier: Apache-2.0
"""Leaps of a robot to where episodes begin, without a reset: the policy still remembers the episode before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.series import Floats, Mask
from rl_policy_node.mismatch.unpaired.physics import Physics
from rl_policy_node.mismatch.unpaired.recording_facts import Fact
from rl_policy_node.mismatch.unpaired.view import View

_FALSE = 1e-3  # share of a simulator's steps that may look like leaps to another episode
_NEAREST, _FARTHEST = 0.1, 0.95  # shares of the simulator's own leaps that set the bounds
_WIDER = 1.5


def missing_resets(robot: Recording, came: View, ours: View, physics: Physics) -> Iterator[Fact]:
    """Yield how many leaps there are without a reset. came, ours: the views of the robot and of the simulator."""
    law = _Leaps.of(ours, physics) if robot.about.get('memory', True) else None
    if law is None:
        return
    missed, made = int((law.seen(came, physics) & came.steps[:-1]).sum()), int(robot.reset[1:].sum())
    if missed:
        yield Fact('reset', (), missed / (missed + made), (missed, made))


@dataclass(frozen=True)
class _Leaps:
    """A leap is at least `away` usual steps long, and ends at most `beyond` from where episodes begin."""

    away: float
    beyond: float

    @classmethod
    def of(cls, ours: View, physics: Physics) -> _Leaps | None:
        """Return the bounds that part a simulator's new episodes from its steps; None where there are none."""
        away, beyond = _distances(ours, physics)
        borders: Mask = ours.begins[1:] & np.isfinite(ours.x[:-1]).all(axis=2)
        steps: Mask = ours.steps[:-1]
        if not borders.any() or not steps.any():
            return None
        law = cls(float(np.quantile(away[borders], _NEAREST)), _WIDER * float(np.quantile(beyond[borders], _FARTHEST)))
        wrong = law.seen(ours, physics) & steps
        return law if wrong.sum() < _FALSE * steps.sum() else None

    def seen(self, view: View, physics: Physics) -> Mask:
        """Return whether each step (T − 1, N) is such a leap."""
        away, beyond = _distances(view, physics)
        seen: Mask = np.logical_and(away >= self.away, beyond <= self.beyond)
        return seen


def _distances(view: View, physics: Physics) -> tuple[Floats, Floats]:
    """Return how long (T − 1, N) each step is, and how far it ends from where episodes begin."""
    z = physics.x.of_all(view.x)
    known: Mask = np.asarray(np.isfinite(z).all(axis=2))
    z = np.where(known[..., np.newaxis], z, 0.0)
    away: Floats = np.log1p((np.diff(z, axis=0) / physics.stride) ** 2) @ physics.weights
    beyond: Floats = -physics.begin.log(z[1:].reshape(-1, z.shape[2])).reshape(away.shape)
    return away, np.where(known[1:] & known[:-1], beyond, np.inf)
