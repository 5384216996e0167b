# SPDX-License-Identifier: Apache-2.0
"""Layouts of Isaac Lab's direct tasks: what their source composes, with the numbers of the run's env.yaml."""

from dataclasses import fields
import math

from policy.lab_direct_runs import SIZES, UNKNOWN, WXYZ, XYZW
import pytest

from rl_policy_node.policy.layouts import complete
from rl_policy_node.policy.layouts.isaaclab_layout import read_layout
from rl_policy_node.policy.run.yaml_file import read_yaml

RUNS = {**XYZW, **WXYZ}
PARAMS = {'config': {'name': 'mine'}, 'env': {'clip_observations': 20.0, 'clip_actions': 1.0}}


@pytest.fixture
def read(tmp_path):
    """Return a function from a text (or the name of a run) to its Layout, sizes filled in."""

    def layout(text):
        file = tmp_path / 'env.yaml'
        file.write_text(RUNS.get(text, text))
        found = read_layout(read_yaml(file, 'environment'), PARAMS)
        return complete(found, *SIZES[text]) if text in SIZES else found

    return layout


def names(layout):
    return [term.name for term in layout.inputs['obs']]


def term(layout, name):
    return next(term for term in layout.inputs['obs'] if term.name == name)


def shape(size):
    return (size,) if isinstance(size, int) else size


@pytest.mark.parametrize('name', RUNS)
def test_sizes_add_up_to_those_of_the_policy(read, name):
    observation, actions = SIZES[name]
    layout = read(name)
    assert layout.known and layout.shapes == {'obs': shape(observation)} and layout.num_actions == actions
    assert all(each.kind != 'unknown' for each in layout.inputs['obs'])


@pytest.mark.parametrize('name', RUNS)
def test_no_text_has_a_hole(read, name):
    layout = read(name)
    pieces = [*layout.inputs['obs'], *layout.actions]
    texts = [str(getattr(piece, field.name)) for piece in pieces for field in fields(piece)] + list(layout.notes)
    assert not [text for text in texts if '${' in text or 'None' in text and text != 'None']


@pytest.mark.parametrize('name', RUNS)
def test_source_names_class_and_file(read, name):
    assert "Isaac Lab's " in read(name).source and '_env.py' in read(name).source


@pytest.mark.parametrize(
    'name, expected',
    [
        *((name, 'xyzw') for name in ('factory', 'nut', 'forge', 'automate', 'shadow', 'openai')),
        *((name, 'wxyz') for name in ('factory_2', 'forge_2', 'allegro_2')),
    ],
)
def test_quaternions_are_in_the_order_of_the_version(read, name, expected):
    turned = [each for each in read(name).inputs['obs'] if 'orientation' in each.quantity]
    assert turned and {each.convention for each in turned} == {expected}
    assert all(', '.join(expected) in each.description for each in turned)


def test_order_that_the_file_leaves_open_is_left_to_the_user(read):
    layout = read(RUNS['factory'].replace('rot: !!python/tuple [0.0, 0.0, 0.0, 1.0]', 'rot: [0.5, 0.5, 0.5, 0.5]'))
    assert term(layout, 'fingertip_quat').convention is None


def test_goal_of_a_hand_is_wanted_and_the_object_measured(read):
    layout = read('allegro_2')
    wanted = {term.name for term in layout.inputs['obs'] if term.wanted}
    assert wanted == {'goal_pos', 'goal_quat'}


def test_arrays_of_quaternions_say_their_order(read):
    assert 'w, x, y, z' in term(read('allegro_2'), 'fingertip_quat').description
    assert 'x, y, z, w' in term(read('shadow'), 'fingertip_quat').description


def test_factory_adds_the_smoothed_actions_to_the_order_of_the_file(read):
    layout = read('factory')
    assert names(layout) == ['fingertip_pos_rel_fixed', 'fingertip_quat', 'ee_linvel', 'ee_angvel', 'prev_actions']
    last = term(layout, 'prev_actions')
    assert (last.kind, last.smoothing) == ('last_action', 0.3) and '0.3 * action + (1 - 0.3)' in last.description
    assert '0.03 m along z' in term(layout, 'fingertip_pos_rel_fixed').description
    (arm,) = layout.actions
    assert (arm.kind, arm.smoothing, arm.initial) == ('raw', 0.3, (0.0,))
    notes = ' '.join(layout.notes)
    assert 'a[0:3] * [0.01, 0.02, 0.03] m' in notes and 'from -0.06 to 0.07 m' in notes
    assert '[110, 120, 130, 31, 32, 33]' in notes and '[0.001, 0.002, 0.003]' in notes
    assert 'at [0.1, 0.2, 0.3] m' in notes


@pytest.mark.parametrize('chosen, gear, x', [('', 'medium', 0.02), ('target_gear: gear_large, ', 'large', 0.03)])
def test_tip_of_the_gears_is_that_of_the_chosen_gear(read, chosen, gear, x):
    offsets = 'medium_gear_base_offset: [0.02, 0.0, 0.0], large_gear_base_offset: [0.03, 0.0, 0.0]'
    text = RUNS['factory'].replace('name: peg_insert', f'{chosen}name: gear_mesh')
    layout = read(text.replace('base_height: 0.005', f'base_height: 0.005, {offsets}'))
    described = term(layout, 'fingertip_pos_rel_fixed').description
    assert f'0.03 m along z of the part (height + base_height) and {x} m along its x ({gear}_gear' in described


def test_nut_that_turns_one_way_is_smoothed_by_the_controller(read):
    layout = read('nut')
    assert layout.actions[0].smoothing == 1.0 and term(layout, 'prev_actions').kind == 'field'
    assert any('-(a[5] + 1) / 2 in place' in note for note in layout.notes)
    assert not any('arm.smoothing' in note for note in layout.notes)


def test_forge_zeroes_what_its_environment_zeroes(read):
    layout = read('forge')
    assert names(layout)[-3:] == ['ft_force', 'force_threshold', 'prev_actions']
    assert term(layout, 'fingertip_quat').scale == (0.0, 1.0, 1.0, 0.0)
    assert term(layout, 'prev_actions').scale == (1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0)
    assert '0.35 * force' in term(layout, 'ft_force').description
    threshold = term(layout, 'force_threshold')
    assert threshold.quantity == 'setting' and '[5.0, 9.0]' in threshold.description


def test_velocities_that_forge_observes_are_none(read):
    """Its environment takes the pose of a moment off the noisy pose of the same moment."""
    old, new = read('forge_2'), read('forge')
    assert term(old, 'ee_linvel').quantity == term(new, 'ee_linvel').quantity == 'zeros'
    assert '0.0003 m / sim.dt (0.01 s)' in term(new, 'ee_linvel').description
    assert term(old, 'ee_angvel').quantity == 'zeros' and '0.2 degrees' in term(old, 'ee_angvel').description
    # 3.0 zeroes x and w where 2.x zeroed w and z
    turned = term(new, 'ee_angvel')
    assert turned.quantity == 'other' and 'no angular velocity' in turned.description
    assert 'axis_angle_from_quat(0, w y - x z, x y + w z, y y + z z)' in turned.description
    unsure = read(RUNS['forge'].replace('rot: !!python/tuple [0.0, 0.0, 0.0, 1.0]', 'rot: [0.5, 0.5, 0.5, 0.5]'))
    assert 'depends on the version' in term(unsure, 'ee_angvel').description


def test_forge_knows_no_constant_that_stands_still(read):
    (arm,) = read('forge').actions
    assert arm.initial is None and '[0.03, 0.2]' in arm.law and '[0.06, 0.07, 0.08] m' in arm.law


def test_automate_observes_no_last_action(read):
    layout = read('automate')
    assert names(layout) == [
        'joint_pos',
        'fingertip_pos',
        'fingertip_quat',
        'fingertip_goal_pos',
        'fingertip_goal_quat',
        'delta_pos',
    ]
    assert term(layout, 'joint_pos').joints == tuple(f'panda_joint{i}' for i in range(1, 8))
    assert '-0.115 m along z' in term(layout, 'fingertip_goal_pos').description
    assert layout.actions[0].smoothing == 0.25


def test_name_that_the_task_never_observed_stays_open(read):
    layout = read(RUNS['factory'].replace('ee_angvel]', 'ee_angvel, mood]'))
    assert term(layout, 'mood').kind == 'unknown' and layout.shapes == {'obs': None}
    assert complete(layout, 21, 6).shapes == {'obs': (21,)} and term(complete(layout, 21, 6), 'mood').shape == (2,)


def test_hand_filters_at_every_physics_step(read):
    hand = read('shadow').actions[0]
    # three steps with 0.4 each leave 0.6 ** 3 of the target before
    assert hand.smoothing == pytest.approx(1.0 - 0.6**3, abs=1e-12)
    assert '0.4 at each of the 3 physics steps' in hand.law and "['wrist', 'thumb', 'index']" in hand.law
    assert (hand.kind, hand.size, hand.scale, hand.offset) == ('joint_position', 3, None, None)


def test_hand_counts_its_joints_by_the_size_of_the_policy(read):
    layout = read('shadow')
    assert term(layout, 'joint_pos').shape == term(layout, 'joint_vel').shape == (6,)
    assert term(layout, 'joint_pos').offset is None and 'scale = 2 / (upper - lower)' in str(term(layout, 'joint_pos'))
    assert term(layout, 'joint_vel').scale == term(layout, 'object_ang_vel').scale == (0.3,)
    assert '[0.01, -0.38, 0.55] m' in term(layout, 'goal_pos').description
    assert '[0.0, -0.2, 0.56] m' in term(read('allegro_2'), 'goal_pos').description


def test_tendons_are_scaled_to_their_limits_without_a_filter(read):
    tendons = read('shadow').actions[1]
    assert (tendons.kind, tendons.size, tendons.smoothing) == ('raw', 2, 1.0)
    assert (tendons.scale, tendons.offset, tendons.lower, tendons.upper) == ((1.5,), (2.0,), (0.5,), (3.5,))
    assert len(read('allegro_2').actions) == 1


def test_openai_observes_tips_object_and_relative_orientation(read):
    layout = read('openai')
    assert names(layout) == ['fingertip_pos', 'object_pos', 'goal_relative_rot', 'actions']
    assert "['thumb_tip', 'index_tip']" in term(layout, 'fingertip_pos').description
    assert sum('noise' in note for note in layout.notes) == 2


def test_hand_of_another_observation_is_not_described(read):
    layout = read(RUNS['openai'].replace('openai', 'mine'))
    assert not layout.known and layout.shapes == {'obs': (18,)}


def test_cabinet_takes_default_positions_by_name(read):
    layout = read('cabinet')
    assert term(layout, 'joint_pos').offset == (0.1, -1.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.04, 0.04)
    assert term(layout, 'drawer_pos').offset == (0.02,) and term(layout, 'drawer_vel').offset == ()
    assert term(layout, 'actions').clip == 5.0
    arm, gripper = layout.actions
    assert (arm.kind, arm.size, arm.smoothing) == ('joint_position', 7, 0.02)
    assert (gripper.kind, gripper.open, gripper.closed) == ('gripper', (0.05,), (0.01,))


def test_old_cabinet_steps_its_targets(read):
    layout = read('cabinet_2')
    (arm,) = layout.actions
    assert (arm.kind, arm.integrate, arm.clip) == ('joint_delta', 'target', 1.0)
    assert arm.scale == (*(0.14,) * 7, 0.014, 0.014)
    assert term(layout, 'joint_vel').scale == (0.2,) and layout.clip_observations == 5.0


def test_anymal_scans_the_ground_where_it_has_a_scanner(read):
    flat, rough = read('anymal_2'), read('anymal_rough')
    assert names(flat) == ['lin_vel', 'ang_vel', 'gravity', 'command', 'joint_pos', 'joint_vel', 'actions']
    scan = term(rough, 'heights')
    assert names(rough)[-2:] == ['heights', 'actions']
    assert (scan.shape, scan.offset, scan.clip) == ((15,), (0.5,), 1.0)
    (legs,) = rough.actions
    assert (legs.kind, legs.scale, legs.offset) == ('joint_position', (0.45,), None)
    assert any("simulator's order" in note for note in rough.notes)


def test_order_of_joints_that_the_file_states_gives_names_and_defaults(read):
    legs = [f'{leg}_{joint}' for joint in ('HAA', 'HFE', 'KFE') for leg in ('LF', 'LH', 'RF', 'RH')]
    text = RUNS['anymal_rough'].replace('robot: {', f'robot: {{joint_ordering: {legs}, ')
    layout = complete(read(text), *SIZES['anymal_rough'])
    expected = (*(0.0,) * 4, 0.4, -0.4, 0.4, -0.4, -0.8, 0.8, -0.8, 0.8)
    for piece in (term(layout, 'joint_pos'), *layout.actions):
        assert piece.joints == tuple(legs) and piece.offset == expected
    assert not any("simulator's order" in note for note in layout.notes)


def test_order_of_a_hand_that_the_file_states_names_what_is_driven(read):
    order = ['index', 'wrist', 'tip_1', 'tip_2', 'thumb', 'tip_3']
    layout = read(RUNS['shadow'].replace('robot: {', f'robot: {{joint_ordering: {order}, '))
    assert layout.actions[0].joints == ('index', 'wrist', 'thumb')
    assert term(layout, 'joint_vel').joints == tuple(order)


def test_quadcopter_has_its_weight_left_to_the_user(read):
    thrust, moments = read('quadcopter_2').actions
    assert (thrust.scale, thrust.offset, thrust.clip, thrust.initial) == (None, None, 1.0, None)
    assert '1.8 * mass * gravity / 2' in thrust.law and moments.scale == (0.02,)


def test_walkers_are_scaled_by_their_gears(read):
    ant, humanoid = read('ant'), read('humanoid_2')
    assert ant.actions[0].scale == (7.5,) and ant.actions[0].clip == 1.0
    assert term(ant, 'foot_wrenches').shape == (24,) and term(ant, 'foot_wrenches').scale == (0.02,)
    assert '[900.0, 0.0, 0.0]' in term(ant, 'angle_to_target').description
    # one gear each in the simulator's order, and no clamp
    assert humanoid.actions[0].scale == (33.75, 33.75, 22.5, 11.25) and humanoid.actions[0].clip == math.inf
    assert 'foot_wrenches' not in names(humanoid) and term(humanoid, 'joint_vel').scale == (0.15,)
    assert term(humanoid, 'ang_vel').scale == (0.35,)


def test_gears_of_patterns_wait_for_the_order_of_the_joints(read):
    layout = read(RUNS['ant'].replace('{.*: 15.0}', '{.*hip: 45.0, .*knee: 90.0}'))
    assert layout.actions[0].scale is None and "'.*knee': 90.0" in layout.actions[0].law


def test_cartpole_changed_its_order_with_3_0(read):
    new, old = read('cartpole'), read('cartpole_2')
    assert names(new) == ['cart_pos', 'pole_pos', 'cart_vel', 'pole_vel']
    assert names(old) == ['pole_pos', 'pole_vel', 'cart_pos', 'cart_vel']
    # 3.0 takes the default position off
    assert term(new, 'cart_pos').offset == (0.2,) and term(old, 'cart_pos').offset == ()
    assert new.actions[0].joints == ('slider_to_cart',) and new.actions[0].scale == (90.0,)


def test_camera_stacks_the_images_of_the_size_of_the_camera(read):
    assert 'channels first' in term(read('camera'), 'image').description
    assert 'channels last' in term(read('camera_2'), 'image').description


def test_space_of_gymnasium_is_another_task(read):
    # the showcase has the settings of the cartpole and observes in the order of its space
    layout = read(RUNS['cartpole'].replace('observation_space: 4', "observation_space: 'Box(-inf, inf, (4,))'"))
    assert not layout.known


def test_two_poles_are_another_task(read):
    assert not read(RUNS['cartpole_2'] + 'pendulum_dof_name: pole_to_pendulum\n').known


def test_unknown_task_says_where_to_look(read):
    layout = read(UNKNOWN)
    assert not layout.known and layout.shapes == {'obs': (7,)} and layout.num_actions == 2
    assert any('_get_observations' in note and '_apply_action' in note for note in layout.notes)
    assert 'action_scale is 3.0' in layout.actions[0].law


def test_size_that_the_environment_computes_is_not_read_from_the_file(read):
    assert read(UNKNOWN + 'obs_order: [secret]\n').shapes == {'obs': None}
