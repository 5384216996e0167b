# SPDX-License-Identifier: Apache-2.0
"""How many blanks the drafts of twenty runs of Isaac Lab leave, with what a user states: `-s` prints the table."""

from policy.lab_set import needs_set, save_fitting, SET, TASKS
import pytest

from rl_policy_node.policy.layouts import RobotJoints
from rl_policy_node.tools.init.init import init
from rl_policy_node.tools.init.robot_description import read_joints

LIMITED = '<joint name="{}" type="revolute"><limit lower="-0.5" upper="1.5" effort="3" velocity="8"/></joint>'
# the targets of a position drive: env.yaml has no limits of positions
ENDS = ['lower', 'upper']
# task → the blanks besides topics that --joints leaves, since no file of the run has the number
LEFT = {
    'Isaac-Ant': ['terms.joint_pos_norm.offset', 'terms.joint_pos_norm.scale'],
    'Isaac-Humanoid-Direct': ['terms.joint_pos.offset', 'terms.joint_pos.scale'],
    'Isaac-Open-Drawer-Franka': [
        *(f'actions.arm_action.{name}' for name in ('scale', 'offset', *ENDS)),
        'actions.gripper_action.max_velocity',
    ],
    'Isaac-Reach-Franka': [f'actions.arm_action.{name}' for name in ENDS],
    'Isaac-Reorient-Cube-Allegro': [
        *(f'terms.joint_pos.{name}' for name in ('offset', 'scale')),
        *(f'actions.joint_pos.{name}' for name in ('scale', 'offset', *ENDS, 'max_velocity')),
    ],
    **dict.fromkeys(
        ('Isaac-Reorient-Cube-Allegro-Direct', 'Isaac-Reorient-Cube-Shadow-Direct'),
        [
            *(f'terms.joint_pos.{name}' for name in ('offset', 'scale')),
            *(f'actions.hand.{name}' for name in ('scale', 'offset', *ENDS, 'max_velocity')),
        ],
    ),
    'IsaacContrib-Lift-Cube-Franka': [
        *(f'actions.arm_action.{name}' for name in ENDS),
        'actions.gripper_action.max_velocity',
    ],
    'IsaacContrib-Reach-OpenArmBi': [f'actions.{side}_arm_action.{end}' for side in ('left', 'right') for end in ENDS],
    'IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct': [
        f'actions.hand.{name}' for name in ('scale', 'offset', *ENDS, 'max_velocity')
    ],
    'IsaacContrib-Velocity-Flat-AnymalC': [f'actions.joint_pos.{name}' for name in ENDS],
    'IsaacContrib-Velocity-Rough-AnymalC-Direct': [f'actions.legs.{name}' for name in ENDS],
}
# what no description of a robot says either: a setting, and an action that is safe while the policy may not act
UNSAFE = {
    'Isaac-Reorient-Cube-Shadow-Direct': ['actions.tendons.fallback_value'],
    'IsaacContrib-Forge-PegInsert-Direct': ['terms.force_threshold.values', 'actions.arm.fallback_value'],
    'IsaacContrib-Reorient-Cube-Shadow-OpenAI-LSTM-Direct': ['actions.tendons.fallback_value'],
    'IsaacContrib-TrackPositionNoObstacles-ARL-Robot-1': ['actions.thrust_command.fallback_value'],
}


def besides_topics(blanks):
    return [name for name in blanks if not name.endswith('.topic')]


@needs_set
@pytest.mark.parametrize('task', TASKS)
def test_names_and_limits_of_joints_leave_topics_alone(task, tmp_path):
    observation, actions, joints = TASKS[task]
    checkpoint = save_fitting(tmp_path, SET / task / 'params' / 'agent.yaml', observation, actions)

    def left(stated=None):
        return init(SET / task, tmp_path / 'robot.yaml', checkpoint, force=True, joints=stated)

    (tmp_path / 'robot.urdf').write_text(f'<robot>{"".join(map(LIMITED.format, joints))}</robot>')
    plain = left()
    named = left(RobotJoints(joints, '--joints')) if joints else plain
    described = left(read_joints(','.join(joints), tmp_path / 'robot.urdf')) if joints else plain
    print(f'{task} | {len(plain)} | {len(named)} | {len(described)} | {len(plain) - len(besides_topics(plain))}')
    assert besides_topics(named) == LEFT.get(task, []) + UNSAFE.get(task, [])
    assert besides_topics(described) == UNSAFE.get(task, [])
