# SPDX-License-Identifier: Apache-2.0
"""An environment that does nothing but show the same picture: what a step of it takes is what hosting takes.

Python 3.6's syntax, and numpy: any interpreter of a worker runs it.
"""

import numpy as np


class Box:
    """A space, as gym and gymnasium have it."""

    def __init__(self, low, high, shape, dtype):
        self.low, self.high = np.full(shape, low, dtype), np.full(shape, high, dtype)
        self.shape, self.dtype = shape, np.dtype(dtype)


class Dict:
    """Named spaces."""

    def __init__(self, **spaces):
        self.spaces = spaces


class Still:
    """`num_envs` rows of a camera (size, size, 3) uint8, and two vectors (32,) float32; six actions."""

    agents = value_size = 1

    def __init__(self, num_envs, seed=0, size=64):
        self.action_space = Box(-1.0, 1.0, (6,), np.float32)
        self.observation_space = Dict(
            camera=Box(0, 255, (size, size, 3), np.uint8),
            position=Box(-1.0, 1.0, (32,), np.float32),
            velocity=Box(-1.0, 1.0, (32,), np.float32),
        )
        self._shown = {
            name: np.full((num_envs,) + space.shape, 1, space.dtype)
            for name, space in self.observation_space.spaces.items()
        }
        self._rewards, self._dones = np.zeros(num_envs, np.float32), np.zeros(num_envs, bool)

    def reset(self):
        """Return the observations."""
        return self._shown

    def step(self, actions):
        """Return the same observations again."""
        return self._shown, self._rewards, self._dones, {}
