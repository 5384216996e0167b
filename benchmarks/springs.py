# SPDX-License-Identifier: Apache-2.0
"""An environment that costs next to nothing, for as many rows as one likes: damped springs, pushed by actions."""

import gymnasium
import numpy as np


class Springs:
    """Each row observes its own springs, and ends its episodes apart from the other rows."""

    def __init__(self, rows, seed, observations, actions, length):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (observations,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (actions,), np.float32)
        self._length, self._random = length, np.random.default_rng(seed)
        self._age = np.arange(rows) % length
        self._state = self._begin(rows)

    def reset(self):
        """Return observations (rows, observations), float32."""
        return self._state

    def step(self, actions):
        """Take actions (rows, actions); rows that are done come back already reset."""
        self._state *= 0.95
        self._state[:, : actions.shape[1]] += actions
        self._age += 1
        dones = self._age >= self._length
        self._age[dones] = 0
        self._state[dones] = self._begin(int(dones.sum()))
        return self._state, -np.abs(self._state).mean(axis=1), dones, {}

    def _begin(self, rows):
        return self._random.normal(0.0, 1.0, (rows, *self.observation_space.shape)).astype(np.float32)


def create(num_envs, seed=0, observations=48, actions=12, length=256):
    """Return Springs of num_envs rows."""
    return Springs(num_envs, seed, observations, actions, length)
