# SPDX-License-Identifier: Apache-2.0
"""How well a correction of a robot's numbers makes it move as the simulator does, in nats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.unpaired.physics import COUNTED, Lines, log_t, Physics
from rl_policy_node.mismatch.unpaired.view import View

TINY = 1e-9
_ELSEWHERE = 1.0  # of the weight of the numbers that a correction changes has what follows from them

# numbers (lines, k) of some columns → corrected ones
Change: TypeAlias = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class Moved:
    """Steps under a correction: residuals and strides (lines, n), first numbers of episodes, and all numbers."""

    residual: Floats
    stride: Floats
    first: Floats
    now: Floats


@dataclass(frozen=True, eq=False)
class Scores:
    """Log-likelihoods below the simulator's own: of the steps (n,), the same against standing still, and of places."""

    steps: Floats
    relative: Floats
    places: float


@dataclass(frozen=True, eq=False)
class Judge:
    """A robot's view beside the physics of the simulator's.

    came: its steps as they are. urges, places: of the commands and of the numbers, normalised, now and in the step
    before. base: the scores of what came.
    """

    physics: Physics
    view: View
    lines: Lines
    came: Moved
    urges: tuple[Floats, Floats]
    places: tuple[Floats, Floats]
    base: Scores

    @classmethod
    def of(cls, physics: Physics, view: View) -> Judge:
        """Prepare the robot's steps."""
        lines = Lines.of(view)
        urge, none = physics.urge, Scores(physics.sigma, physics.sigma, 0.0)
        places = physics.x.of_all(lines.now), physics.x.of_all(lines.before)
        urges = (
            urge.scaled(lines.command) - urge.of_state(places[0]),
            urge.scaled(lines.last_command) - urge.of_state(places[1]),
        )
        made = cls(physics, view, lines, _moved(physics, view, lines), urges, places, none)
        return replace(made, base=made._scores(made.came))

    def gain(self, columns: Indices, change: Change, stretch: float = 0.0) -> float:
        """Return what a correction of each sample's numbers of some columns gains.

        stretch: log of the factor that it puts on each number, so that shrinking is no gain by itself.
        """
        p, lines, came = self.physics, self.lines, self.came
        now, following, before = (
            (change(each[:, columns]) - each[:, columns]) / p.x.spread[columns]
            for each in (lines.now, lines.next, lines.before)
        )
        count, m = lines.now.shape[1], lines.command.shape[1]
        reach, (z, z_before) = p.reach.of_columns(columns), (each[:, columns] for each in self.places)
        place = reach.place(z + now) - reach.place(z)
        step = reach.step(z + now - z_before - before) - reach.step(z - z_before)
        residual = came.residual - (place @ p.law[1 + columns] + step @ p.law[1 + count + columns]) / p.sigma
        residual[:, columns] += (following - now) / p.sigma[columns]
        asked, asked_before = (
            p.urge.within(urge - each @ p.urge.law[1 + columns]) - p.urge.within(urge)
            for urge, each in zip(self.urges, (now, before))
        )
        forces = slice(1 + 2 * count, 1 + 2 * count + m), slice(1 + 2 * count + m, None)
        residual -= (asked @ p.law[forces[0]] + (asked - asked_before) @ p.law[forces[1]]) / p.sigma
        stride, first, values = came.stride.copy(), came.first.copy(), lines.now.copy()
        stride[:, columns] += (following - now) / p.stride[columns]
        first[:, columns], values[:, columns] = change(first[:, columns]), change(values[:, columns])
        return self._gained(Moved(residual, stride, first, values), columns, stretch)

    def gain_of(self, view: View, columns: Indices, relative: bool = False) -> float:
        """Return what a correction gains that changes numbers by those of other steps."""
        lines = Lines.of(view)
        if len(lines.now) < 0.5 * len(self.lines.now):
            return -np.inf
        return self._gained(_moved(self.physics, view, lines), columns, TINY if relative else 0.0)

    def gain_of_width(self, width: Floats) -> float:
        """Return what wider residuals gain. width (n,): factor on each sigma."""
        logs = log_t(self.came.residual / width) - np.log(width) - log_t(self.came.residual)
        return float(logs.mean(axis=0) @ self.physics.weights * self.count)

    @property
    def count(self) -> float:
        """How many independent steps there are."""
        return min(COUNTED, float(len(self.came.residual)))

    @property
    def deficit(self) -> float:
        """How far the robot's numbers are from the simulator's, in nats."""
        return float(-self.base.steps @ self.physics.weights * self.count - self.base.places)

    def _gained(self, moved: Moved, columns: Indices, stretch: float) -> float:
        p, after, base = self.physics, self._scores(moved), self.base
        # what a fault leads to elsewhere, such as contacts, no law foresees well
        weights = np.full(len(p.sigma), _ELSEWHERE)
        weights[columns] = 1.0
        weights *= p.weights * self.count
        gain = (after.steps - base.steps) @ weights
        if stretch:
            # the density of what moves in bursts says little of its scale; how well it is foreseen says more
            relative = (after.relative - base.relative) @ weights
            gain = min(gain, relative) if stretch < 0 else (gain + relative) / 2
        directions = min(len(columns), 4)
        bonus = stretch * len(moved.first) * p.begin.weight * directions if abs(stretch) > TINY else 0.0
        return float(gain + after.places - base.places + bonus)

    def _scores(self, moved: Moved) -> Scores:
        p, none = self.physics, np.zeros(len(self.physics.sigma))
        if not len(moved.residual):
            return Scores(none, none, 0.0)
        logs, still = log_t(moved.residual), p.standing(moved.stride)
        begins = p.begin.log(p.x.of_all(moved.first)).mean() if len(moved.first) else 0.0
        places = (begins + p.beyond(moved.now)) * max(1, int(self.view.begins.sum()))
        # nothing is better than what the simulator itself reaches
        steps = np.minimum(logs.mean(axis=0) - p.level.steps, 0.0)
        return Scores(steps, np.minimum((logs - still).mean(axis=0) - p.level.relative, 0.0), float(places))


def _moved(physics: Physics, view: View, lines: Lines) -> Moved:
    return Moved(physics.residuals(lines), physics.strides(lines), view.x[view.begins], lines.now)
