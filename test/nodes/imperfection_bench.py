# SPDX-License-Identifier: Apache-2.0
"""A bridge on a counting environment: every number in a message says of which step it is."""

import time

import gymnasium
from nodes.bridge_bench import BridgeBench
from nodes.harness import parameters
import numpy as np
from std_msgs.msg import Float64MultiArray
import torch

from rl_policy_node.sim.hosted import HostedEnvironment

OFFSET = [0.1, 0.2, 0.3]  # of the arm's positions and commands, in the parameters of the harness
PERIOD = 0.02  # s, at 50 Hz
ROWS = 2


class Counting:
    """Observes how many steps each row has made, all episodes together; row r's episodes last length + r steps."""

    def __init__(self, length=1000):
        self.observation_space = gymnasium.spaces.Box(-1e6, 1e6, (9,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        self._length, self._steps = length, 0
        self.actions = []

    def reset(self):
        return self._observe()

    def step(self, actions):
        self.actions.append(np.array(actions))
        self._steps += 1
        done = torch.tensor([self._steps % (self._length + row) == 0 for row in range(ROWS)])
        return self._observe(), torch.zeros(ROWS), done.to(torch.uint8), {}

    def _observe(self):
        return torch.full((ROWS, 9), float(self._steps))


class Play:
    """A bridge in lockstep whose every observation is answered at once by `answer(step, row)`, three targets.

    seen: field → (steps + 1, rows, 3) of the messages; actions (steps, rows, 3), what the environment was given.
    """

    def __init__(self, run, steps, answer=lambda step, row: OFFSET, length=1000, **changes):
        self.seen = {'position': [], 'force': []}
        self._answer, environment = answer, Counting(length)
        tree = parameters(run, robots=['left', 'right'], **{'sim.mode': 'lockstep', 'sim.steps': steps, **changes})
        self.bridge = BridgeBench(tree, HostedEnvironment(environment))
        self.bridge.loop._publish = self._emit
        self.stamps, self.episodes = [], []
        self.bridge.start()
        end = time.monotonic() + 20
        while not self.bridge.finished and time.monotonic() < end:
            time.sleep(0.002)
        self.bridge.stop()
        assert self.bridge.finished and not self.bridge.failed, self.bridge.log.lines
        self.seen = {field: np.array(values) for field, values in self.seen.items()}
        self.actions, self.imperfections = np.array(environment.actions), self.bridge.summary().get('imperfections')

    def _emit(self, frame):
        stamp, episode = frame.stamp, frame.begun
        messages = [
            (self.bridge.message('joints', row, stamp), self.bridge.message('wrench', row, stamp))
            for row in range(ROWS)
        ]
        assert all(
            message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == stamp
            for pair in messages
            for message in pair
        ), 'what answers this step carries its stamp'
        self.seen['position'].append([np.array(joints.position) - OFFSET for joints, _ in messages])
        self.seen['force'].append([[getattr(wrench.wrench.force, axis) for axis in 'xyz'] for _, wrench in messages])
        self.stamps.append(stamp)
        self.episodes.append(episode.copy())
        for row in range(ROWS):
            self.bridge.receive('arm', row, Float64MultiArray(data=self._answer(len(self.stamps) - 1, row)))

    @property
    def shown(self):
        """Which step's observation each step was shown, (steps + 1, rows): positions count the steps."""
        numbers = self.seen['position']
        assert np.allclose(numbers, numbers[..., :1], atol=1e-5), 'one message, one moment'
        return np.rint(numbers[..., 0]).astype(int)
