# SPDX-License-Identifier: Apache-2.0
"""A leg of three joints that shows its raw state, and the parameters of its robot."""

from core.raw_scenes import raw, ROWS, SCENE
import gymnasium
from nodes.bridge_bench import BridgeBench
from nodes.harness import parameters
import numpy as np

from rl_policy_node.sim.hosted import HostedEnvironment

JOINTS = ['foot', 'L_hip', 'L_knee']
RENAMED = ['hip=L_hip', 'knee=L_knee']


class Leg:
    """Its observations say nothing; with every step its raw state grows. actions: those it was given."""

    def __init__(self, scene=SCENE):
        self.observation_space = gymnasium.spaces.Box(-10, 10, (4,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        self.scene, self.actions = scene, []

    def reset(self):
        return np.zeros((ROWS, 4), np.float32)

    def step(self, actions):
        self.actions.append(actions)
        return self.reset(), np.zeros(ROWS), np.zeros(ROWS, bool), {}

    def raw(self):
        now = raw()
        now['joints/leg/position'] = now['joints/leg/position'] + len(self.actions)
        return now


class Bare(Leg):
    """A leg without raw state."""

    def __init__(self):
        super().__init__()
        del self.scene


def bridge(run, environment, **changes):
    """Return a BridgeBench of a robot's own file: gravity, joints by their own names, targets for them."""
    tree = parameters(run, robots=['left', 'right'])
    tree['sources'] = {
        'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
        'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu'},
    }
    tree['terms'] = {
        'position': {'source': 'joints', 'field': 'position', 'joints': JOINTS, 'offset': [0.1, 0.2, 0.3]},
        'gravity': {'kind': 'projected_gravity', 'source': 'imu'},
        'turning': {'source': 'imu', 'field': 'angular_velocity'},
    }
    tree['inputs'] = {'obs': list(tree['terms'])}
    tree['actions']['legs'] = {**tree['actions'].pop('arm'), 'joints': JOINTS[1:], 'offset': [0.1, 0.2]}
    tree['actions']['foot'] = {
        'kind': 'effort',
        'source': 'joints',
        'joints': ['foot'],
        'scale': [3.0],
        'topic': 'effort',
        'type': 'std_msgs/msg/Float64MultiArray',
        'limits': 'none',
    }
    tree['actions']['terms'] = ['legs', 'foot']
    tree['sim'] = {'mode': 'lockstep', 'raw_state': True, 'sensors': {'joints': {'joint_names': RENAMED}}}
    for name, value in changes.items():
        *parents, leaf = name.split('.')
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return BridgeBench(tree, HostedEnvironment(environment))
