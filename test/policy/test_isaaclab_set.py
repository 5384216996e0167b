# SPDX-License-Identifier: Apache-2.0
"""Layouts of runs that Isaac Lab 3.0 itself wrote: sizes, subjects, frames and numbers.

Only where the checkout of the set of published train configs lies beside this one.
"""

from pathlib import Path

from policy.lab_runs import action_of, term_of
import pytest

from rl_policy_node.policy.layouts import complete, RobotJoints
from rl_policy_node.policy.layouts.isaaclab_layout import read_layout
from rl_policy_node.policy.run.yaml_file import read_yaml

SET = Path(__file__).resolve().parents[3] / 'shared' / 'conformance' / 'isaaclab3'
pytestmark = pytest.mark.skipif(not SET.is_dir(), reason=f'{SET} is not there')

FRANKA = tuple(f'panda_joint{number}' for number in range(1, 8)) + ('panda_finger_joint1', 'panda_finger_joint2')
ANYMAL = tuple(f'{leg}_{joint}' for joint in ('HAA', 'HFE', 'KFE') for leg in ('LF', 'LH', 'RF', 'RH'))
OPENARM = tuple(
    f'openarm_{side}_{joint}'
    for joint in (*(f'joint{number}' for number in range(1, 8)), 'finger_joint1', 'finger_joint2')
    for side in ('left', 'right')
)
FRANKA_DEFAULTS = (0.0, -0.569, 0.0, -2.81, 0.0, 3.037, 0.741, 0.04, 0.04)


def layout_of(task, names=()):
    params = read_yaml(SET / task / 'params' / 'agent.yaml', 'training')['params']
    joints = RobotJoints(names, '--joints') if names else None
    return read_layout(read_yaml(SET / task / 'params' / 'env.yaml', 'environment'), params, joints)


# sizes that the environments have: joints, bodies and goals counted by hand
@pytest.mark.parametrize(
    'task, observation, actions',
    [
        ('Isaac-Ant', 60, 8),
        ('Isaac-Cartpole', 4, 1),
        ('Isaac-Open-Drawer-Franka', 31, 8),
        ('Isaac-Reach-Franka', 32, 7),
        ('Isaac-Reorient-Cube-Allegro', 124, 16),
        ('IsaacContrib-Lift-Cube-Franka', 36, 8),
        ('IsaacContrib-TrackPositionNoObstacles-ARL-Robot-1', 17, 4),
        ('IsaacContrib-Velocity-Flat-AnymalC', 48, 12),
    ],
)
def test_every_term_has_a_size(task, observation, actions):
    layout = complete(layout_of(task), observation, actions)
    assert layout.shapes == {'obs': (observation,)} and layout.num_actions == actions
    assert not [term.name for term in layout.inputs['obs'] if term.kind == 'unknown' or term.size == 0]


@pytest.mark.parametrize(
    'task, names, observation, actions',
    [
        ('Isaac-Open-Drawer-Franka', FRANKA, 31, 8),
        ('Isaac-Reach-Franka', FRANKA, 32, 7),
        ('IsaacContrib-Lift-Cube-Franka', FRANKA, 36, 8),
        ('IsaacContrib-Velocity-Flat-AnymalC', ANYMAL, 48, 12),
        ('IsaacContrib-Reach-OpenArmBi', OPENARM, 56, 14),
    ],
)
def test_names_of_joints_count_the_rest(task, names, observation, actions):
    layout = layout_of(task, names)
    assert layout.num_actions == actions
    assert complete(layout, observation, actions).shapes == {'obs': (observation,)}
    for term in layout.inputs['obs']:
        assert term.joints or not term.quantity.startswith('joint_'), term


def test_drawer_and_arm_are_two():
    layout = layout_of('Isaac-Open-Drawer-Franka', FRANKA)
    assert [term_of(layout, name).subject for name in ('joint_pos', 'cabinet_joint_pos')] == ['joints', 'cabinet']
    assert term_of(layout, 'joint_pos').offset == (0.0, -1.1, 0.0, -2.81, 0.0, 3.037, 0.741, 0.04, 0.04)
    assert action_of(layout, 'arm_action').joints == FRANKA[:7]
    assert action_of(layout, 'gripper_action').joints == FRANKA[7:]
    assert '0.9 of the range' in action_of(layout, 'arm_action').law
    assert any('damping 80.0; joint_effort_limit panda_joint[1-4] 87.0' in note for note in layout.notes)


def test_arm_adds_the_default_positions_of_its_joints():
    layout = layout_of('Isaac-Reach-Franka', FRANKA)
    assert action_of(layout, 'arm_action').offset == FRANKA_DEFAULTS[:7]
    assert term_of(layout, 'joint_pos').offset == FRANKA_DEFAULTS


def test_legs_have_their_defaults_and_the_command_its_ranges():
    layout = layout_of('IsaacContrib-Velocity-Flat-AnymalC', ANYMAL)
    assert term_of(layout, 'joint_pos').offset == (0.0,) * 4 + (0.4, -0.4, 0.4, -0.4, -0.8, 0.8, -0.8, 0.8)
    command = term_of(layout, 'velocity_commands')
    assert command.wanted and 'lin_vel_x -1.0 .. 1.0' in command.description
    assert any('joint_vel uniform -1.5 .. 1.5' in note for note in layout.notes)
    assert any('actuator_effort_limit 80.0; actuator_velocity_limit 7.5' in note for note in layout.notes)


def test_cube_in_the_hand_is_the_object():
    layout = layout_of('Isaac-Reorient-Cube-Allegro')
    moved = ('object_pos', 'object_quat', 'object_lin_vel', 'object_ang_vel', 'goal_quat_diff')
    assert [term_of(layout, name).subject for name in moved] == ['object'] * 5
    assert term_of(layout, 'goal_quat_diff').relative_to == term_of(layout, 'goal_pose').subject == 'command'
    # a 3.0 run: x, y, z, w throughout
    turned = [term for term in layout.inputs['obs'] if term.quantity in ('orientation', 'relative_orientation', 'pose')]
    assert len(turned) == 3 and {term.convention for term in turned} == {'xyzw'}
    assert any('began at (0.0, 0.0, 0.5) m' in note for note in layout.notes)


def test_two_arms_have_two_goals():
    layout = layout_of('IsaacContrib-Reach-OpenArmBi')
    goals = [term_of(layout, f'{side}_pose_command') for side in ('left', 'right')]
    assert [goal.subject for goal in goals] == ['left_ee_pose', 'right_ee_pose']
    assert 'openarm_left_hand' in goals[0].description and 'openarm_right_hand' in goals[1].description
