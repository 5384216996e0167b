# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's inverted pendulum with five forces to choose from, registered as it is imported."""

import gymnasium
import numpy as np

FORCES = (-3.0, -1.0, 0.0, 1.0, 3.0)


class ChosenForce(gymnasium.ActionWrapper):
    """One of FORCES (N, as the actuator scales it) instead of a number."""

    def __init__(self, env):
        super().__init__(env)
        self.action_space = gymnasium.spaces.Discrete(len(FORCES))

    def action(self, action):
        """Return the force of a choice."""
        return np.array([FORCES[action]], dtype=np.float32)


def make(**options):
    """Return the environment; options are those of InvertedPendulum-v5."""
    return ChosenForce(gymnasium.make('InvertedPendulum-v5', **options).unwrapped)


gymnasium.register('PendulumForces-v0', entry_point=make, max_episode_steps=1000)
