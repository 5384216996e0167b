# SPDX-License-Identifier: Apache-2.0
"""Small environments with spaces of every kind, registered as they are imported: `gymnasium_rooms:Room-v0`."""

import gymnasium
from gymnasium import spaces
import numpy as np

OBSERVATIONS = {
    'double': spaces.Box(-1.0, 1.0, (3,), np.float64),
    'number': spaces.Box(-1.0, 1.0, (), np.float32),
    'bytes': spaces.Box(0, 255, (4, 2, 3), np.uint8),
    'integers': spaces.Box(-5, 5, (2,), np.int64),
    'discrete': spaces.Discrete(4, start=-1),
    'multi_discrete': spaces.MultiDiscrete([2, 3]),
    'multi_binary': spaces.MultiBinary(3),
    'tuple': spaces.Tuple([spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3)]),
    'dict': spaces.Dict(
        {
            'hand': spaces.Dict(
                {'camera': spaces.Box(0, 255, (2, 2, 3), np.uint8), 'touch': spaces.Box(-1.0, 1.0, (2,))}
            ),
            'goal': spaces.Discrete(2),
        }
    ),
    'one_name_twice': spaces.Dict({'a_b': spaces.Discrete(2), 'a': spaces.Dict({'b': spaces.Discrete(2)})}),
    'text': spaces.Text(3),
}
ACTIONS = {
    'box': spaces.Box(-2.0, 2.0, (2,), np.float32),
    'double': spaces.Box(-1.0, 1.0, (2, 2), np.float64),
    'discrete': spaces.Discrete(3, start=5),
    'multi_discrete': spaces.MultiDiscrete([2, 3]),
    'multi_binary': spaces.MultiBinary(2),
    'tuple': spaces.Tuple([spaces.Discrete(2), spaces.Discrete(3, start=1)]),
    'integers': spaces.Box(0, 3, (2,), np.int64),
    'dict': spaces.Dict({'a': spaces.Discrete(2)}),
}


class Room(gymnasium.Env):
    """Shows samples of its space; keeps what it was told to do; says at the end of every other episode: success."""

    metadata = {'render_modes': [], 'render_fps': 20}

    def __init__(self, observation='double', action='box', success='', length=3):
        self.observation_space, self.action_space = OBSERVATIONS[observation], ACTIONS[action]
        self._success, self._length, self._episode = success, length, 0
        self.taken, self.shown = [], []

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self._left = self._length
        self._episode += 1
        return self._show(), {}

    def step(self, action):
        self.taken.append(action)
        self._left -= 1
        ended = self._left == 0
        infos = {self._success: ended and self._episode % 2 == 0} if self._success else {}
        return self._show(), 0.1, ended, False, infos

    def _show(self):
        self.shown.append(self.observation_space.sample())
        return self.shown[-1]


class Doors(gymnasium.vector.VectorEnv):
    """A vector environment that leaves resets to its user: each row counts to its own number plus three."""

    def __init__(self, num_envs, resets='DISABLED', max_episode_steps=None):
        self.num_envs, self._count = num_envs, np.zeros(num_envs)
        self.metadata = {'render_fps': 10, 'autoreset_mode': gymnasium.vector.AutoresetMode[resets]}
        self.single_observation_space = spaces.Box(0.0, 10.0, (1,))
        self.single_action_space = spaces.Discrete(2)
        self.spec = None

    def reset(self, seed=None, options=None):
        self._count[(options or {}).get('reset_mask', slice(None))] = 0
        return self._count[:, None].copy(), {}

    def step(self, actions):
        self._count += 1
        ended = self._count >= np.arange(self.num_envs) + 3
        return self._count[:, None].copy(), self._count.copy(), ended, np.zeros_like(ended), {'success': ended}


gymnasium.register('Room-v0', entry_point=Room, vector_entry_point=Doors)
