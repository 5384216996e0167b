# SPDX-License-Identifier: Apache-2.0
"""A robot's parameter file for the legged robot that walks in Isaac Lab."""

from sim.isaaclab_runs import LEGGED, RUNS
from tools.verify_bench import SOURCES

ROWS, STEPS = 4, 150
JOINTS = [
    f'{end}_{side}_{joint}'
    for end in ('front', 'hind')
    for side in ('left', 'right')
    for joint in ('abduction', 'hip', 'knee')
]
DEFAULT = [0.05, 0.6, -1.2, -0.05, 0.6, -1.2, 0.05, -0.6, 1.2, -0.05, -0.6, 1.2]
# nothing but the file differs: no noise, and episodes that end while the recording lasts
NOISY = ['env.episode_length_s=1.0', 'env.events.push.interval_range_s=[0.1,0.4]']
OPTIONS = ['env.observations.policy.enable_corruption=false', *NOISY]


def tree(python, assets, tasks, options=OPTIONS):
    """Return the parameters. python: Isaac Lab's own; assets, tasks: folders of its assets and of our task."""
    joints = {'source': 'joints', 'joints': JOINTS}
    return {
        'policy': {'train_config': str(RUNS / 'legged')},
        'control_rate': 50.0,
        'enable': 'none',
        'robots': [f'robot_{row}' for row in range(ROWS)],
        'sources': {**SOURCES, 'command': {**SOURCES['command'], 'type': 'geometry_msgs/msg/Twist'}},
        'inputs': {
            'obs': ['lin_vel', 'ang_vel', 'gravity', 'command_xy', 'command_yaw', 'joint_pos', 'joint_vel', 'actions']
        },
        'terms': {
            'lin_vel': {'source': 'odometry', 'field': 'linear_velocity'},
            'ang_vel': {'source': 'imu', 'field': 'angular_velocity'},
            'gravity': {'kind': 'projected_gravity', 'source': 'imu'},
            'command_xy': {'source': 'command', 'field': 'linear_velocity', 'elements': [0, 1]},
            'command_yaw': {'source': 'command', 'field': 'angular_velocity', 'elements': [2]},
            'joint_pos': {**joints, 'field': 'position', 'offset': DEFAULT},
            'joint_vel': {**joints, 'field': 'velocity'},
            'actions': {'kind': 'last_action'},
        },
        'actions': {
            'terms': ['legs'],
            'legs': {
                **joints,
                'kind': 'joint_position',
                'scale': [0.25],
                'offset': DEFAULT,
                'topic': 'joint_trajectory',
                'type': 'trajectory_msgs/msg/JointTrajectory',
                'limits': 'none',
            },
        },
        'sim': {
            'environment': 'isaaclab',
            'id': LEGGED,
            'device': 'cpu',
            'python': python,
            'python_path': [str(tasks)],
            'python_variables': [f'ISAACSIM_ASSET_ROOT={assets}'],
            'options': options,
            'start_timeout': 900.0,
            'step_timeout': 120.0,
            'seed': 3,
        },
    }
