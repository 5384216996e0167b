# SPDX-License-Identifier: Apache-2.0
"""Names of joints in place of patterns, as Isaac Lab's simulator resolves them."""

import math

from policy.lab_runs import action_of, ARM, env_text, lab_layout, term_of
import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import JointLimits, RobotJoints

LEGS = ('hip_l', 'hip_r', 'knee_l', 'knee_r')
JOINTS = RobotJoints(LEGS, '--joints')
TERMS = (
    "q: {func: 'isaaclab.envs.mdp.observations:joint_pos_rel', params: {}}",
    "v: {func: 'isaaclab.envs.mdp.observations:joint_vel_rel', params: {}, scale: 0.05}",
    "k: {func: 'isaaclab.envs.mdp.observations:joint_pos_rel', params: {asset_cfg: {name: robot, "
    "joint_names: ['knee_r', 'hip_.*'], preserve_order: %s}}}",
    "n: {func: 'isaaclab.envs.mdp.observations:joint_pos_limit_normalized', params: {}, scale: 0.5}",
)
TO_LIMITS = """
  arm: {class_type: 'isaaclab.envs.mdp.actions.joint_actions_to_limits:JointPositionToLimitsAction', asset_name: robot,
        joint_names: ['.*'], scale: 0.5, rescale_to_limits: true, preserve_order: false}
"""


def text(order='false', **options):
    return env_text([term.replace('%s', order) for term in TERMS], **options)


def limits(*, factor=1.0):
    bounds = {name: JointLimits(-1.0, 2.0, 5.0, 40.0) for name in LEGS}
    return RobotJoints(LEGS, 'robot.urdf', bounds), f'soft_joint_pos_limit_factor: {factor}'


def test_offsets_are_the_default_positions_of_each_joint_by_its_pattern(tmp_path):
    layout = lab_layout(tmp_path, text(), JOINTS)
    assert term_of(layout, 'q').joints == term_of(layout, 'v').joints == action_of(layout, 'arm').joints == LEGS
    assert term_of(layout, 'q').offset == action_of(layout, 'arm').offset == (0.1, 0.1, -0.8, -0.8)
    assert term_of(layout, 'v').offset == ()
    assert not any("simulator's order" in note for note in layout.notes)


@pytest.mark.parametrize(
    'order, joints, offset',
    [
        ('false', ('hip_l', 'hip_r', 'knee_r'), (0.1, 0.1, -0.8)),
        ('true', ('knee_r', 'hip_l', 'hip_r'), (-0.8, 0.1, 0.1)),
    ],
)
def test_order_is_the_simulators_unless_the_run_preserves_that_of_its_patterns(tmp_path, order, joints, offset):
    term = term_of(lab_layout(tmp_path, text(order), JOINTS), 'k')
    assert (term.joints, term.offset) == (joints, offset)


def test_default_velocities_are_taken_off_as_well(tmp_path):
    moving = text().replace('joint_pos: {hip', 'joint_vel: {hip_l: 0.5, hip_r: 0.0, knee_.*: 0.0}, joint_pos: {hip')
    assert term_of(lab_layout(tmp_path, moving, JOINTS), 'v').offset == (0.5, 0.0, 0.0, 0.0)


def test_pattern_matches_a_name_as_a_whole_and_the_error_lists_the_joints(tmp_path):
    part = text(actions=ARM.replace("['.*']", "['knee_.', 'hip']"))
    with pytest.raises(ConfigurationError) as error:
        lab_layout(tmp_path, part, JOINTS)
    assert str(error.value) == (
        "actions.arm.joint_names: the pattern 'hip' matches none of the joints of --joints: "
        'hip_l, hip_r, knee_l, knee_r'
    )
    assert error.value.got == 'hip' and error.value.choices == LEGS


def test_default_of_a_joint_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"scene.robot.init_state.joint_pos: the pattern 'knee_\.\*' matches"):
        lab_layout(tmp_path, text(), RobotJoints(('hip_l', 'hip_r'), '--joints'))


def test_joint_that_two_patterns_match_is_refused_as_in_the_simulator(tmp_path):
    with pytest.raises(ConfigurationError, match=r"joint 'hip_l' matches 'hip_\.\*' and '\.\*_l'"):
        lab_layout(tmp_path, text(actions=ARM.replace("['.*']", "['hip_.*', '.*_l']")), JOINTS)


def test_pattern_of_an_action_that_isaac_lab_does_not_have_costs_nothing(tmp_path):
    stow = ARM + "  stow: {class_type: 'mine.mdp:Stow', asset_name: robot, joint_names: ['arm_.*']}\n"
    layout = lab_layout(tmp_path, text(actions=stow), JOINTS)
    assert action_of(layout, 'arm').joints == LEGS and action_of(layout, 'stow').size is None


def test_joints_of_another_asset_keep_their_patterns(tmp_path):
    drawer = (
        "d: {func: 'isaaclab.envs.mdp.observations:joint_pos_rel', params: {asset_cfg: {name: cabinet, "
        "joint_names: ['drawer_.*'], preserve_order: false}}}"
    )
    term = term_of(lab_layout(tmp_path, env_text([drawer]), JOINTS), 'd')
    assert (term.subject, term.joints, term.size) == ('cabinet', (), None)


@pytest.mark.parametrize('factor, scale, half', [(1.0, 0.5 / 1.5, 1.5), (0.8, 0.5 / 1.2, 1.2)])
def test_limits_of_a_description_become_offset_and_scale(tmp_path, factor, scale, half):
    joints, robot = limits(factor=factor)
    layout = lab_layout(tmp_path, text(robot=robot, actions=TO_LIMITS), joints)
    normalised, arm = term_of(layout, 'n'), action_of(layout, 'arm')
    # the middle of -1 and 2, and what takes the soft limits to -1 and 1, times the term's own 0.5
    assert normalised.offset == arm.offset == (0.5,) * 4
    assert normalised.scale == pytest.approx((scale,) * 4, rel=1e-11)
    assert arm.scale == pytest.approx((half * 0.5,) * 4, rel=1e-11)
    assert (f'soft limits: {factor} of the range' in normalised.description) == (factor != 1.0)
    # at the soft limits the observation is ± 0.5
    assert (0.5 + half - normalised.offset[0]) * normalised.scale[0] == pytest.approx(0.5)


def test_joint_without_end_leaves_what_its_limits_scale_to_the_user(tmp_path):
    endless = {name: JointLimits(-math.inf, math.inf) for name in LEGS}
    term = term_of(lab_layout(tmp_path, text(), RobotJoints(LEGS, 'robot.urdf', endless)), 'n')
    assert (term.joints, term.offset, term.scale) == (LEGS, None, None)


def test_order_that_contradicts_the_file_is_refused(tmp_path):
    ordered = text(robot='joint_ordering: [knee_l, hip_l, hip_r, knee_r]')
    with pytest.raises(ConfigurationError, match='expected scene.robot.joint_ordering: knee_l, hip_l, hip_r, knee_r'):
        lab_layout(tmp_path, ordered, JOINTS)


@pytest.mark.parametrize('names, fault', [((), 'none'), (('a', ''), "'a', ''"), (('a', 'b', 'a'), "'a' comes twice")])
def test_joints_have_a_name_each(names, fault):
    with pytest.raises(ConfigurationError, match=fault):
        RobotJoints(names, '--joints')
