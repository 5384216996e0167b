# SPDX-License-Identifier: Apache-2.0
"""A robot's parameter file for Isaac Lab's own ant, Isaac-Ant-Direct, and the terms that no kind can express.

Facts: LocomotionDirectEnv and AntEnvCfg of isaaclab_tasks, core/locomotion.
"""

import numpy as np

ROWS, STEPS = 4, 120
FEET = ('front_left_foot', 'front_right_foot', 'left_back_foot', 'right_back_foot')
GEAR = 7.5  # N m, action_scale 0.5 · joint_gears 15


def tree(train, python, assets, joints, bodies=FEET):
    """Return the parameters.

    train: YAML of a run. assets: folder. joints: name → (lower, upper) soft limits, rad. bodies: of the wrenches.
    """
    lower, upper = (np.array(each) for each in zip(*joints.values()))
    named = {'source': 'joints', 'joints': list(joints)}
    places = [6 * bodies.index(foot) + number for foot in FEET for number in range(6)]
    return {
        'policy': {'train_config': str(train), 'clip_actions': 1.0},
        'control_rate': 60.0,
        'enable': 'none',
        'robots': [f'ant_{row}' for row in range(ROWS)],
        'sources': {
            'joints': {'topic': 'joint_states', 'type': 'sensor_msgs/msg/JointState'},
            'odometry': {'topic': 'odometry', 'type': 'nav_msgs/msg/Odometry'},
            'wrenches': {'topic': 'wrenches', 'type': 'std_msgs/msg/Float32MultiArray'},
        },
        'inputs': {'obs': ['height', 'lin_vel', 'ang_vel', 'heading', 'joint_pos', 'joint_vel', 'wrench', 'actions']},
        'terms': {
            'height': {'source': 'odometry', 'field': 'position', 'elements': [2]},
            'lin_vel': {'source': 'odometry', 'field': 'linear_velocity'},
            'ang_vel': {'source': 'odometry', 'field': 'angular_velocity'},
            'heading': {
                'kind': 'function',
                'function': f'{__name__}:heading',
                'fields': ['odometry.position', 'odometry.orientation'],
            },
            'joint_pos': {
                **named,
                'field': 'position',
                'offset': ((lower + upper) / 2).tolist(),
                'scale': (2 / (upper - lower)).tolist(),
            },
            'joint_vel': {**named, 'field': 'velocity', 'scale': [0.2]},
            'wrench': {
                'source': 'wrenches',
                'field': 'data',
                'shape': [6 * len(bodies)],
                'elements': places,
                'scale': [0.1],
            },
            'actions': {'kind': 'last_action'},
        },
        'actions': {
            'terms': ['legs'],
            'legs': {
                'kind': 'effort',
                'joints': list(joints),
                'scale': [GEAR],
                'topic': 'efforts',
                'type': 'std_msgs/msg/Float64MultiArray',
                'limits': 'none',
            },
        },
        'sim': {
            'environment': 'isaaclab',
            'id': 'Isaac-Ant-Direct',
            'device': 'cpu',
            'python': python,
            'python_variables': [f'ISAACSIM_ASSET_ROOT={assets}'],
            'options': ['env.episode_length_s=0.6'],
            'start_timeout': 900.0,
            'step_timeout': 120.0,
            'seed': 3,
            'sensors': {'wrenches': {'sensor': 'joint_wrench'}},
        },
    }


def heading(arrays, _context):
    """Return (rows, 5): yaw, roll, angle to a goal, rad in ±π; cosines of the torso to the vertical and to the goal."""
    x, y, z, w = np.moveaxis(arrays['odometry.orientation'].astype(np.float64), -1, 0)
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    goal = np.array([1000.0, 0.0]) - arrays['odometry.position'][:, :2]
    off = np.arctan2(goal[:, 1], goal[:, 0]) - yaw
    ahead = np.stack([1 - 2 * (y * y + z * z), 2 * (w * z + x * y)], -1)
    towards = (ahead * goal).sum(-1) / np.linalg.norm(goal, axis=-1)
    return np.stack([yaw, roll, np.arctan2(np.sin(off), np.cos(off)), 1 - 2 * (x * x + y * y), towards], -1)
