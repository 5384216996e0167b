# SPDX-License-Identifier: Apache-2.0
"""What a command asks for beyond where the robot is: the part of it that moves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.mismatch.case import Indices
from rl_policy_node.mismatch.series import Floats

_FOLLOWS = 0.8  # share of a target that the number explains which it is a target of; forces are near to none


@dataclass(frozen=True, eq=False)
class Urge:
    """c − a z − b of targets, which lie near a number of the state; c of forces; each within its range in simulation.

    A controller that is asked for more than it ever was goes no faster. mean, spread, low, high (m,); law (1 + n, m).
    quaternions: the columns of each, whose sign is that of the mean.
    """

    mean: Floats
    spread: Floats
    law: Floats
    low: Floats
    high: Floats
    quaternions: tuple[Indices, ...]

    @classmethod
    def of(cls, command: Floats, z: Floats, names: tuple[str, ...]) -> Urge:
        """Learn it from a simulator's commands (lines, m), by names, and normalised numbers (lines, n)."""
        kept = [name.rsplit(' ', 1)[0] for name in names]
        groups = [np.flatnonzero([each == group for each in kept]) for group in dict.fromkeys(kept)]
        quaternions = tuple(group for group in groups if len(group) == 4 and kept[group[0]].endswith('orientation'))
        for group in quaternions:
            axis = np.linalg.eigh(command[:, group].T @ command[:, group])[1][:, -1]
            command = _aligned(command, group, axis)
        mean, spread = command.mean(axis=0), command.std(axis=0)
        spread = np.maximum(spread, 1e-3 * np.maximum(np.abs(mean), 1e-3))
        scaled = (command - mean) / spread
        law = _followed(scaled, z)
        features = np.concatenate([np.ones((len(z), 1)), z], axis=1)
        left = scaled - features @ law
        low, high = left.min(axis=0), left.max(axis=0)
        wide = np.maximum(left.std(axis=0), 1e-6)
        return cls(mean, spread, law / wide, low / wide, high / wide, quaternions)._replaced(wide)

    def _replaced(self, wide: Floats) -> Urge:
        return Urge(self.mean, self.spread * wide, self.law, self.low, self.high, self.quaternions)

    def scaled(self, command: Floats) -> Floats:
        """Return commands (lines, m) in their own units."""
        for group in self.quaternions:
            command = _aligned(command, group, self.mean[group])
        found: Floats = (command - self.mean) / self.spread
        return found

    def of_state(self, z: Floats) -> Floats:
        """Return the part (lines, m) of the commands that normalised numbers (lines, n) explain."""
        found: Floats = self.law[0] + z @ self.law[1:]
        return found

    def within(self, urge: Floats) -> Floats:
        """Return urges within their range in simulation."""
        return np.clip(urge, self.low, self.high)


def _followed(command: Floats, z: Floats) -> Floats:
    """Return the law (1 + n, m) of targets by the one number that each is near, zero for what is near to none.

    More numbers than that one would learn what the policy wants, and not what the command is relative to.
    """
    law = np.zeros((1 + z.shape[1], command.shape[1]))
    away, spread = z - z.mean(axis=0), np.maximum(z.std(axis=0), 1e-9)
    for column, target in enumerate((command - command.mean(axis=0)).T):
        size = target.std()
        if size == 0:
            continue
        alike = (away * target[:, np.newaxis]).mean(axis=0) / (spread * size)
        nearest = int(np.argmax(np.abs(alike)))
        if alike[nearest] ** 2 > _FOLLOWS:
            slope = alike[nearest] * size / spread[nearest]
            law[1 + nearest, column] = slope
            law[0, column] = command[:, column].mean() - slope * z[:, nearest].mean()
    return law


def _aligned(command: Floats, group: Indices, axis: Floats) -> Floats:
    command = command.copy()
    q = command[:, group]
    command[:, group] = np.where((q @ axis)[:, np.newaxis] < 0, -q, q)
    return command
