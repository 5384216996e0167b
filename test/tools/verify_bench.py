# SPDX-License-Identifier: Apache-2.0
"""The parameter file of the legged robot of `legged_world`, and what `verify` finds of it."""

import copy
import json
from pathlib import Path

import numpy as np
from tools import legged_world
from tools.legged_world import ACTION_SCALE, DEFAULT, HISTORY, JOINTS, RATE, TERMS, VELOCITY_CLIP, VELOCITY_SCALE
import yaml

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.tools.verify.comparing import Comparing
from rl_policy_node.tools.verify.played_actions import RandomActions
from rl_policy_node.tools.verify.played_steps import record
from rl_policy_node.tools.verify.verification import complete

ROWS, STEPS = 4, 120
# of the JSON, and of each of its terms
KEYS = {
    'parameters',
    'environment',
    'rows',
    'steps',
    'seed',
    'actions',
    'tolerance',
    'through_ros',
    'agrees',
    'checked',
    'not_checked',
    'first_steps',
    'left_out',
    'terms',
}
OF_TERMS = {
    'side',
    'place',
    'term',
    'status',
    'largest',
    'largest_left_out',
    'where',
    'reason',
    'note',
    'remarks',
    'explanations',
}
SOURCES = {
    'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
    'odometry': {'topic': 'odometry', 'type': 'nav_msgs/msg/Odometry'},
    'imu': {'topic': 'imu', 'type': 'sensor_msgs/msg/Imu'},
    'command': {'topic': 'cmd_vel', 'type': 'geometry_msgs/msg/TwistStamped', 'max_age': 0.5},
}
TRAIN = {
    'params': {
        'seed': 0,
        'algo': {'name': 'a2c_continuous'},
        'model': {'name': 'continuous_a2c_logstd'},
        'network': {'name': 'actor_critic', 'separate': False, 'mlp': {'units': [8], 'activation': 'elu'}},
        'config': {'name': 'Legged', 'normalize_input': True},
    }
}


def parameters(folder, **changes):
    """Return the tree of the file that fits; changes: 'terms.gravity.scale' → value, None: left out."""
    train = Path(folder) / 'train.yaml'
    train.write_text(yaml.safe_dump(TRAIN))
    joints = {'source': 'joints', 'joints': list(JOINTS)}
    tree = {
        'policy': {'train_config': str(train), 'clip_observations': 100.0, 'clip_actions': 100.0},
        'control_rate': RATE,
        'enable': 'none',
        'robots': [f'robot_{row}' for row in range(ROWS)],
        'sources': {
            **SOURCES,
            'foot': {'topic': 'foot', 'type': 'geometry_msgs/msg/PoseStamped'},
            'object': {'topic': 'object', 'type': 'geometry_msgs/msg/PoseStamped'},
        },
        'inputs': {'obs': [*TERMS][:3] + ['command_xy', 'command_yaw'] + [*TERMS][4:]},
        'terms': {
            'lin_vel': {'source': 'odometry', 'field': 'linear_velocity'},
            'ang_vel': {'source': 'imu', 'field': 'angular_velocity'},
            'gravity': {'kind': 'projected_gravity', 'source': 'imu'},
            'command_xy': {'source': 'command', 'field': 'linear_velocity', 'elements': [0, 1]},
            'command_yaw': {'source': 'command', 'field': 'angular_velocity', 'elements': [2]},
            'joint_pos': {**joints, 'field': 'position', 'offset': DEFAULT.tolist()},
            'joint_vel': {**joints, 'field': 'velocity', 'scale': [VELOCITY_SCALE], 'clip': VELOCITY_CLIP},
            'foot_pos': {'kind': 'relative_position', 'source': 'foot', 'frame_source': 'odometry'},
            'object_quat': {'source': 'object', 'field': 'orientation', 'unique_sign': True},
            'past_ang_vel': {'source': 'imu', 'field': 'angular_velocity', 'history': HISTORY},
            'actions': {'kind': 'last_action'},
        },
        'actions': {
            'terms': ['legs'],
            'legs': {
                **joints,
                'kind': 'joint_position',
                'scale': ACTION_SCALE.tolist(),
                'offset': DEFAULT.tolist(),
                'topic': 'joint_commands',
                'type': 'sensor_msgs/msg/JointState',
                'limits': 'none',
            },
        },
        'sim': {
            'environment': f'{legged_world.__file__}:create',
            'seed': 3,
            'sensors': {'foot': {'body': 'robot/foot_l'}, 'object': {'body': 'object'}},
        },
    }
    tree = copy.deepcopy(tree)
    for name, value in changes.items():
        *path, leaf = name.split('.')
        branch = tree
        for each in path:
            branch = branch.setdefault(each, {})
        if value is None:
            branch.pop(leaf)
        else:
            branch[leaf] = value
    return tree


def flat(tree, prefix=''):
    """Return the parameters of a tree by their full names."""
    values = {}
    for name, value in tree.items():
        values.update(flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {prefix + name: value})
    return values


def played(**options):
    """Return the recording of the simulator."""
    environment = HostedEnvironment(legged_world.create(ROWS, 3, **options))
    return record(environment, RandomActions(environment, 3), STEPS, 'legged')


def findings(folder, recording, changes=(), **comparing):
    """Return term → Finding of the file with changes; the command of the legs is '/legs'."""
    read = configuration(flat(parameters(folder, **dict(changes))))
    found = Comparing(seed=1, **comparing).findings(complete(read), read.sim.sensors, recording)
    return {('/' if each.side == 'command' else '') + each.name: each for each in found}


def permuted(values):
    """Return the values of joints with two pairs exchanged."""
    return [values[place] for place in np.array([1, 0, 2, 3, 6, 5, 4, 7])]


def written(folder, changes=()):
    """Write the file with changes; return its path."""
    tree = {'/**': {'ros__parameters': parameters(folder, **dict(changes))}}
    file = Path(folder) / 'robot.yaml'
    file.write_text(yaml.safe_dump(json.loads(json.dumps(tree))))  # without aliases, which ROS does not read
    return file
