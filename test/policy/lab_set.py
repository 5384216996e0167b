# SPDX-License-Identifier: Apache-2.0
"""Twenty runs that Isaac Lab 3.0 itself wrote: sizes that their environments have, and the joints of their robots.

They lie in a checkout beside this one; tests of them are skipped where there is none.
"""

from pathlib import Path

import pytest
import torch

from rl_policy_node.policy import Policy

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance' / 'isaaclab3'
needs_set = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')

# names, not in an order that any simulator is known to have
CARTPOLE = ('slider_to_cart', 'cart_to_pole')
FRANKA = (*(f'panda_joint{number}' for number in range(1, 8)), 'panda_finger_joint1', 'panda_finger_joint2')
ANYMAL = tuple(f'{leg}_{joint}' for joint in ('HAA', 'HFE', 'KFE') for leg in ('LF', 'LH', 'RF', 'RH'))
OPENARM = tuple(
    f'openarm_{side}_{joint}'
    for joint in (*(f'joint{number}' for number in range(1, 8)), 'finger_joint1', 'finger_joint2')
    for side in ('left', 'right')
)
ANT = tuple(
    f'{leg}_{part}' for part in ('leg', 'foot') for leg in ('front_left', 'front_right', 'left_back', 'right_back')
)
HUMANOID = (
    *(f'lower_waist:{axis}' for axis in (0, 1)),
    'pelvis',
    *(f'{side}_upper_arm:{axis}' for side in ('left', 'right') for axis in (0, 2)),
    *(f'{side}_thigh:{axis}' for side in ('left', 'right') for axis in (0, 1, 2)),
    *(f'{side}_{part}' for part in ('lower_arm', 'shin', 'foot:0', 'foot:1') for side in ('left', 'right')),
)
ALLEGRO = tuple(f'{finger}_joint_{number}' for number in range(4) for finger in ('index', 'middle', 'ring', 'thumb'))
SHADOW = tuple(
    f'rh_{name}'
    for name in (
        *('WRJ2', 'WRJ1', 'LFJ5', 'THJ5'),
        *(f'{finger}J{number}' for number in (4, 3, 2, 1) for finger in ('FF', 'LF', 'MF', 'RF', 'TH')),
    )
)

# task → observation and actions of the environment as it was made (env.yaml of Factory and Forge says 21), joints
TASKS = {
    'Isaac-Ant': (60, 8, ANT),
    'Isaac-Cartpole': (4, 1, CARTPOLE),
    'Isaac-Cartpole-Camera': ((6, 96, 96), 1, CARTPOLE),
    'Isaac-Cartpole-Direct': (4, 1, CARTPOLE),
    'Isaac-Humanoid-Direct': (87, 21, HUMANOID),
    'Isaac-Open-Drawer-Franka': (31, 8, FRANKA),
    'Isaac-Reach-Franka': (32, 7, FRANKA),
    'Isaac-Reorient-Cube-Allegro': (124, 16, ALLEGRO),
    'Isaac-Reorient-Cube-Allegro-Direct': (124, 16, ALLEGRO),
    'Isaac-Reorient-Cube-Shadow-Direct': (157, 20, SHADOW),
    'IsaacContrib-AutoMate-Assembly-Direct': (24, 6, FRANKA),
    'IsaacContrib-Factory-PegInsert-Direct': (19, 6, ()),
    'IsaacContrib-Forge-PegInsert-Direct': (24, 7, ()),
    'IsaacContrib-Lift-Cube-Franka': (36, 8, FRANKA),
    'IsaacContrib-Navigation-3DObstacles-ARL-Robot-1': (80, 3, ()),
    'IsaacContrib-Reach-OpenArmBi': (56, 14, OPENARM),
    'IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct': (42, 20, SHADOW),
    'IsaacContrib-TrackPositionNoObstacles-ARL-Robot-1': (17, 4, ()),
    'IsaacContrib-Velocity-Flat-AnymalC': (48, 12, ANYMAL),
    'IsaacContrib-Velocity-Rough-AnymalC-Direct': (235, 12, ANYMAL),
}


def save_fitting(folder, agent, observation, actions):
    """Write a checkpoint of initial weights that fits agent.yaml; return its path."""
    shape = [observation] if isinstance(observation, int) else list(observation)
    policy = Policy.load(agent, device='cpu', spaces={'observation': shape, 'action': actions})
    (folder / 'nn').mkdir(exist_ok=True)
    torch.save({'model': policy.player.model.state_dict()}, folder / 'nn' / 'Run.pth')
    return folder / 'nn' / 'Run.pth'
