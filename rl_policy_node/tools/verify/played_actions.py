# SPDX-License-Identifier: Apache-2.0
"""What moves the simulator while it is recorded: random actions, or the policy's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import gymnasium
import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Values
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.loading import load_policy
from rl_policy_node.tools.verify.played_steps import Hosted

ACTORS: Final = ('random', 'policy')
# share of the last action in a random one: a robot follows slow actions further
_SLOW = 0.7


class RandomActions:
    """Random walks of standard deviation 1, within the bounds of the action space where it has some; any choices."""

    def __init__(self, environment: Hosted, seed: int) -> None:
        self._random, self._rows = np.random.default_rng(seed), environment.rows
        self._counts = _counts(environment.actions)
        space = environment.action_space
        bounds = (space.low, space.high) if isinstance(space, gymnasium.spaces.Box) else (-np.inf, np.inf)
        self._low, self._high = (np.ravel(bound).astype(np.float64) for bound in bounds)
        bounded = np.isfinite(self._low) & np.isfinite(self._high)
        self._middle = np.where(bounded, (np.where(bounded, self._low, 0) + np.where(bounded, self._high, 0)) / 2, 0.0)
        self._half = np.where(bounded, np.where(bounded, self._high, 1) - self._middle, 1.0)
        self._last = self._noise(environment.num_actions)

    def act(self, _observations: Values, begins: Mask) -> Array:
        """Return actions (rows, n), float32, or int64 where they are choices."""
        if self._counts:
            choices: Array = self._random.integers(self._counts, size=(self._rows, len(self._counts)))
            return choices
        fresh = self._noise(self._last.shape[1])
        walked = _SLOW * self._last + np.sqrt(1 - _SLOW**2) * fresh
        self._last = np.where(begins[:, np.newaxis], fresh, walked)
        acted: Array = np.clip(self._middle + self._half * self._last, self._low, self._high).astype(np.float32)
        return acted

    def _noise(self, size: int) -> Array:
        return self._random.normal(size=(self._rows, size))


class PolicyActions:
    """The actions of the file's policy in answer to the simulator's own observations."""

    def __init__(self, configuration: Configuration) -> None:
        self._policy = load_policy(configuration)

    def act(self, observations: Values, begins: Mask) -> Array:
        """Return actions (rows, n)."""
        if begins.any():
            self._policy.reset(begins)
        inputs = {name: observations[name] for name in self._policy.spaces.inputs}
        return self._policy.act(inputs if self._policy.spaces.is_dict else inputs['obs'])


def _counts(actions: object) -> list[int]:
    """Return the number of choices of each discrete action; [] for continuous actions."""
    if not isinstance(actions, Mapping):
        return []
    return [actions['discrete']] if 'discrete' in actions else list(actions['multi_discrete'])
