# SPDX-License-Identifier: Apache-2.0
"""A small environment of many rows whose episodes end one after another."""

import time

import gymnasium
import numpy as np


class Springs:
    """Nine numbers a row, pushed by three actions; what a row begins with depends on its episode.

    The first step takes `pause` more, s, as that of a simulator that compiles.
    """

    def __init__(self, rows, seed, length, pause):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (9,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
        self._random, self._length, self._pause = np.random.default_rng(seed), length, pause
        self._push = self._random.normal(size=(3, 9)).astype(np.float32)
        self._age = np.arange(rows) % length
        self._state = self._begin(rows)

    def reset(self):
        return self._state

    def step(self, actions):
        time.sleep(self._pause)
        self._pause = 0.0
        self._state = np.float32(0.9) * self._state + actions @ self._push
        self._age += 1
        dones = self._age >= self._length
        self._age[dones], self._state[dones] = 0, self._begin(int(dones.sum()))
        return self._state, self._state.sum(axis=1), dones, {}

    def _begin(self, rows):
        return self._random.normal(size=(rows, 9)).astype(np.float32)


def create(num_envs, seed=0, length=23, pause=0.0):
    return Springs(num_envs, seed, length, pause)
