# SPDX-License-Identifier: Apache-2.0
"""A policy node as one writes it in an afternoon: rclpy around rl_games' own player, and nothing of this package.

    python plain_node.py TRAIN_YAML CHECKPOINT OBSERVATIONS COMMANDS

`rl_policy bench` measures the package beside it.
"""

import sys

from gymnasium.spaces import Box
import numpy as np
import rclpy
from rclpy.node import Node
from rl_games.torch_runner import Runner
from sensor_msgs.msg import JointState
import torch
import yaml

JOINTS = [f'joint_{number}' for number in range(30)]
COMMANDED = JOINTS[:12]
SCALE = 0.1


def load_player(train_config, checkpoint):
    with open(train_config) as file:
        params = yaml.safe_load(file)['params']
    params['config'].update(
        env_name='robot',
        device_name='cpu',
        reward_shaper={},
        env_info={
            'observation_space': Box(-np.inf, np.inf, (2 * len(JOINTS),), np.float32),
            'action_space': Box(-1.0, 1.0, (len(COMMANDED),), np.float32),
            'agents': 1,
            'value_size': 1,
        },
    )
    runner = Runner()
    runner.load({'params': params})
    player = runner.create_player()
    player.restore(checkpoint)
    player.has_batch_dimension = True
    player.reset()
    return player


class PlainNode(Node):
    def __init__(self, player, observations, commands):
        super().__init__('plain_node')
        self.player = player
        self.publisher = self.create_publisher(JointState, commands, 10)
        self.create_subscription(JointState, observations, self.on_joints, 10)

    def on_joints(self, message):
        observation = np.zeros((1, 2 * len(JOINTS)), dtype=np.float32)
        for place, joint in enumerate(JOINTS):
            index = message.name.index(joint)
            observation[0, place] = message.position[index]
            observation[0, len(JOINTS) + place] = message.velocity[index]
        action = self.player.get_action(torch.from_numpy(observation), True)

        command = JointState()
        command.header.stamp = message.header.stamp
        command.name = COMMANDED
        command.position = (SCALE * action[0]).tolist()
        self.publisher.publish(command)


def main():
    player = load_player(*sys.argv[1:3])
    rclpy.init()
    rclpy.spin(PlainNode(player, *sys.argv[3:5]))


if __name__ == '__main__':
    main()
