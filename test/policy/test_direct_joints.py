# SPDX-License-Identifier: Apache-2.0
"""Joints that a user states for a direct task of Isaac Lab: their names, and the numbers that follow from them."""

from policy.lab_direct_runs import SIZES, UNKNOWN, WXYZ, XYZW
from policy.lab_runs import action_of, lab_layout, term_of
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import complete, JointLimits, RobotJoints

RUNS = {**XYZW, **WXYZ}
LEGS = tuple(f'{leg}_{joint}' for joint in ('HAA', 'HFE', 'KFE') for leg in ('LF', 'LH', 'RF', 'RH'))
HAND = ('index', 'wrist', 'tip_1', 'tip_2', 'thumb', 'tip_3')
ANT = tuple(f'{leg}_{joint}' for leg in ('fl', 'fr', 'bl', 'br') for joint in ('hip', 'knee'))


def stated(names, lower=-1.0, upper=2.0):
    return RobotJoints(names, '--joints', {name: JointLimits(lower, upper, 5.0, 40.0) for name in names})


def read(tmp_path, run, joints):
    layout = lab_layout(tmp_path, RUNS.get(run, run), joints)
    return complete(layout, *SIZES[run]) if run in SIZES else layout


# 3.0 keeps the robot in the scene, 2.x beside it
@pytest.mark.parametrize('run', ['anymal_rough', 'anymal_2'])
def test_joints_give_names_and_default_positions(tmp_path, run):
    layout = read(tmp_path, run, RobotJoints(LEGS, '--joints'))
    expected = (*(0.0,) * 4, 0.4, -0.4, 0.4, -0.4, -0.8, 0.8, -0.8, 0.8)
    for piece in (term_of(layout, 'joint_pos'), action_of(layout, 'legs')):
        assert piece.joints == LEGS and piece.offset == expected
    assert term_of(layout, 'joint_vel').joints == LEGS
    assert not any("simulator's order" in note for note in layout.notes)


@pytest.mark.parametrize('factor', ['', 'soft_joint_pos_limit_factor: 0.5, '])
def test_hand_is_scaled_by_its_limits_whatever_its_soft_limits(tmp_path, factor):
    text = RUNS['shadow'].replace('robot: {', f'robot: {{{factor}')
    layout = complete(read(tmp_path, text, stated(HAND)), *SIZES['shadow'])
    position, hand = term_of(layout, 'joint_pos'), action_of(layout, 'hand')
    assert position.joints == HAND and hand.joints == ('index', 'wrist', 'thumb')
    # the limits -1 and 2 are seen as -1 and 1, and commanded by -1 and 1
    assert [(limit - position.offset[0]) * position.scale[0] for limit in (-1.0, 2.0)] == pytest.approx([-1.0, 1.0])
    assert [hand.offset[0] + action * hand.scale[0] for action in (-1.0, 1.0)] == pytest.approx([-1.0, 2.0])
    assert len(position.scale) == 6 and len(hand.scale) == 3


@pytest.mark.parametrize('run, names', [('ant', ANT), ('humanoid_2', ANT[:4])])
def test_walkers_are_scaled_by_their_soft_limits(tmp_path, run, names):
    text = RUNS[run].replace('robot: {', 'robot: {soft_joint_pos_limit_factor: 0.8, ')
    position = term_of(complete(read(tmp_path, text, stated(names)), *SIZES[run]), 'joint_pos')
    # 0.8 of -1 .. 2 is -0.7 .. 1.7
    assert [(limit - position.offset[0]) * position.scale[0] for limit in (-0.7, 1.7)] == pytest.approx([-1.0, 1.0])


def test_gears_of_patterns_are_those_of_each_joint(tmp_path):
    text = RUNS['ant'].replace('{.*: 15.0}', '{.*hip: 45.0, .*knee: 90.0}')
    action = action_of(read(tmp_path, text, RobotJoints(ANT, '--joints')), 'joints')
    # action_scale is 0.5
    assert action.joints == ANT and action.scale == (22.5, 45.0) * 4


def test_action_of_a_manager_takes_the_names_that_its_patterns_match(tmp_path):
    panda = (*(f'panda_joint{i}' for i in range(1, 8)), 'panda_finger_joint1', 'panda_finger_joint2')
    arm = action_of(read(tmp_path, 'cabinet', stated(panda)), 'arm')
    assert arm.joints == panda[:7] and (arm.offset, arm.scale) == ((0.5,) * 7, (1.5,) * 7)


@pytest.mark.parametrize('lower, upper', [(0.0, 0.0), (float('-inf'), float('inf'))])
def test_joint_without_a_range_leaves_its_scale_to_the_user(tmp_path, lower, upper):
    position = term_of(read(tmp_path, 'shadow', stated(HAND, lower, upper)), 'joint_pos')
    assert position.joints == HAND and position.offset is None and position.scale is None


@pytest.mark.parametrize(
    'run, names, fault',
    [
        ('anymal_2', LEGS[:8], r"robot.init_state.joint_pos: the pattern '.\*F_KFE' matches none"),
        ('anymal_2', (*LEGS, 'tail_HAA'), '--joints has 13 joints: term joint_pos: '),
        ('shadow', (*HAND[1:], 'tip_4'), "actuated_joint_names: the pattern 'index' matches none of the joints of"),
        (
            'cartpole',
            ('slider_to_cart', 'hinge'),
            "joint of the task 'cart_to_pole' in --joints; valid: hinge, slider_",
        ),
    ],
)
def test_joints_of_another_robot_are_refused(tmp_path, run, names, fault):
    with pytest.raises(ConfigurationError, match=fault):
        read(tmp_path, run, RobotJoints(names, '--joints'))


@pytest.mark.parametrize('text', [UNKNOWN, RUNS['quadcopter_2'], RUNS['factory'], 'observation_space: 4\n'])
def test_task_that_is_not_known_to_have_joints_takes_none(tmp_path, text):
    with pytest.raises(ConfigurationError, match='no term and no action is known to be of joints'):
        read(tmp_path, text, RobotJoints(('a', 'b'), '--joints'))


def test_order_that_contradicts_the_file_is_refused(tmp_path):
    text = RUNS['anymal_rough'].replace('robot: {', f'robot: {{joint_ordering: {list(LEGS)}, ')
    assert term_of(read(tmp_path, text, RobotJoints(LEGS, '--joints')), 'joint_pos').joints == LEGS
    with pytest.raises(ConfigurationError) as error:
        read(tmp_path, text, RobotJoints(LEGS[::-1], 'robot.urdf'))
    assert str(error.value) == (
        f'the order of the joints of robot.urdf is {", ".join(LEGS[::-1])}; expected scene.robot.joint_ordering: '
        f'{", ".join(LEGS)}'
    )


@pytest.mark.parametrize(
    'run, place', [('anymal_rough', 'robot: {'), ('anymal_2', 'robot: {'), ('allegro_2', 'robot_cfg: {')]
)
def test_drives_of_a_direct_task_are_noted(tmp_path, run, place):
    drive = "actuators: {all: {class_type: 'isaaclab.actuators:ImplicitActuator', joint_names_expr: ['.*'], "
    text = RUNS[run].replace(place, f'{place}{drive}stiffness: 3.0, damping: 0.25}}}}, ', 1)
    assert 'drive all of .*: stiffness 3.0; damping 0.25' in read(tmp_path, text, None).notes


def test_scan_of_a_direct_task_says_how_its_grid_turns(tmp_path):
    text = RUNS['anymal_rough'].replace('height_scanner: {', 'height_scanner: {ray_alignment: yaw, ')
    scan = term_of(read(tmp_path, text, None), 'heights')
    assert scan.frame == "the body's x and y, level" and 'turns with the yaw' in scan.description
