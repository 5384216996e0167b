# SPDX-License-Identifier: Apache-2.0
"""Layouts of IsaacGymEnvs' tasks are what a careful user would write by hand, with the run's own numbers."""

from dataclasses import replace
import math

import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.policy.layouts import complete, LayoutAction, LayoutTerm
from rl_policy_node.policy.layouts.isaacgymenvs import read_layout

LEGS = tuple(f'{leg}_{joint}' for leg in ('LF', 'LH', 'RF', 'RH') for joint in ('HAA', 'HFE', 'KFE'))
# Stated in another order than the joints': the asset's order counts, not the file's.
ANGLES = {
    'RH_KFE': 0.82,
    'LF_HAA': 0.03,
    'LH_HAA': 0.02,
    'RF_HAA': -0.03,
    'RH_HAA': -0.02,
    'LF_HFE': 0.41,
    'LH_HFE': -0.42,
    'RF_HFE': 0.43,
    'RH_HFE': -0.44,
    'LF_KFE': -0.81,
    'LH_KFE': 0.83,
    'RF_KFE': -0.84,
}
IN_ORDER = (0.03, 0.41, -0.81, 0.02, -0.42, 0.83, -0.03, 0.43, -0.84, -0.02, -0.44, 0.82)


def anymal(name='Anymal', **control):
    """Return the task half of a run as its config.yaml has it, numbers unlike the published ones."""
    return {
        'name': name,
        'sim': {'dt': 0.02},
        'env': {
            'clipObservations': 4.0,
            'defaultJointAngles': dict(ANGLES),
            'control': {'stiffness': 70.0, 'damping': 1.5, 'actionScale': 0.4, **control},
            'learn': {
                'linearVelocityScale': 3.0,
                'angularVelocityScale': 0.2,
                'dofPositionScale': 1.1,
                'dofVelocityScale': 0.06,
                'heightMeasurementScale': 6.0,
                'addNoise': True,
            },
        },
    }


def tacsl(keys=('ee_pos', 'ee_quat', 'socket_pos', 'socket_quat'), shapes=None, env=(), randomize=(), rl=()):
    """Return the task half and the params of a TacSL run that observes `keys`."""
    known = {'ee_pos': [3], 'ee_quat': [4], 'socket_pos': [3], 'socket_quat': [4]}
    task = {
        'name': 'TacSLTaskInsertion',
        'sim': {'dt': 0.01},
        'ctrl': {'ctrl_type': 'task_space_impedance'},
        'env': {
            'obsDims': shapes or {key: known[key] for key in sorted(known) if key in keys},
            'num_additional_control_steps': 3,
            'tactile_subsample_ratio': 4,
            'num_shear_rows': 5,
            'num_shear_cols': 6,
            **dict(env),
        },
        'randomize': {'use_diff_tactile_img': False, 'concat_tactile_plain': False, **dict(randomize)},
        'rl': {
            'pos_action_scale': [0.01, 0.02, 0.03],
            'rot_action_scale': [0.04, 0.05, 0.06],
            'clamp_rot': True,
            'clamp_rot_thresh': 2e-6,
            **dict(rl),
        },
    }
    return task, {'network': {'name': 'actor_critic_dict', 'input_preprocessors': {key: {} for key in keys}}}


def named(layout, name):
    return next(term for terms in layout.inputs.values() for term in terms if term.name == name)


def test_task_nobody_knows_has_no_layout():
    assert read_layout({'name': 'MyTask', 'env': {}}, {}) is None
    assert read_layout({}, {}) is None


@pytest.mark.parametrize('name', ['add_ground_plane', 'disable_contact_processing', 'use_flatcache'])
def test_task_of_the_same_name_in_omni_isaac_gym_envs_is_another(name):
    assert read_layout({**anymal(), 'sim': {'dt': 0.01, 'physx': {}}}, {}) is not None
    assert read_layout({**anymal(), 'sim': {'dt': 0.01, name: False}}, {}) is None


def test_anymal_is_48_numbers_in_the_trained_order():
    layout = read_layout(anymal(), {})
    assert [term.name for term in layout.inputs['obs']] == [
        'lin_vel',
        'ang_vel',
        'gravity',
        'command',
        'joint_pos',
        'joint_vel',
        'actions',
    ]
    assert [term.size for term in layout.inputs['obs']] == [3, 3, 3, 3, 12, 12, 12]
    assert layout.shapes == {'obs': (48,)} and layout.num_actions == 12
    assert layout.control_rate == 50.0 and layout.clip_observations == 4.0


def test_anymal_scales_are_those_of_the_run():
    layout = read_layout(anymal(), {})
    scales = {term.name: term.scale for term in layout.inputs['obs']}
    assert scales == {
        'lin_vel': (3.0,),
        'ang_vel': (0.2,),
        'gravity': (),
        'command': (3.0, 3.0, 0.2),
        'joint_pos': (1.1,),
        'joint_vel': (0.06,),
        'actions': (),
    }


def test_anymal_joints_stand_in_the_order_of_the_simulator():
    layout = read_layout(anymal(), {})
    assert layout.joints == named(layout, 'joint_pos').joints == named(layout, 'joint_vel').joints == LEGS
    assert named(layout, 'joint_pos').offset == IN_ORDER
    assert layout.actions == (
        replace(layout.actions[0], kind='joint_position', joints=LEGS, scale=(0.4,), offset=IN_ORDER, size=12),
    )
    assert named(layout, 'actions').kind == 'last_action'


def test_anymal_gravity_is_not_taken_for_the_usual_one():
    layout = read_layout(anymal(), {})
    assert named(layout, 'gravity').quantity == 'rotated_gravity'
    assert 'not by its inverse' in named(layout, 'gravity').description
    assert named(read_layout(anymal('AnymalTerrain', decimation=4), {}), 'gravity').quantity == 'gravity'


def test_anymal_terrain_sees_absolute_joint_positions_and_heights():
    layout = read_layout(anymal('AnymalTerrain', decimation=4), {})
    heights = named(layout, 'heights')
    assert layout.shapes == {'obs': (188,)}
    assert named(layout, 'joint_pos').offset == ()  # its environment does not take the default angles off
    assert layout.actions[0].offset == IN_ORDER
    assert (heights.offset, heights.clip, heights.scale) == ((0.5,), 1.0, (6.0,))
    assert layout.control_rate == 12.5
    assert any('noise' in note for note in layout.notes)


def test_value_that_the_run_lacks_is_left_to_the_user():
    task = anymal()
    del task['env']['defaultJointAngles']['RF_HFE'], task['env']['learn']['dofVelocityScale'], task['sim']
    layout = read_layout(task, {})
    assert named(layout, 'joint_pos').offset is None and layout.actions[0].offset is None
    assert named(layout, 'joint_vel').scale is None
    assert layout.control_rate is None
    assert layout.shapes == {'obs': (48,)}


def test_tacsl_keys_follow_the_network_not_the_task():
    task, params = tacsl(('socket_quat', 'ee_pos', 'ee_quat', 'socket_pos'))
    layout = read_layout(task, params)
    assert list(layout.inputs) == ['socket_quat', 'ee_pos', 'ee_quat', 'socket_pos']
    assert layout.shapes == {'ee_pos': (3,), 'ee_quat': (4,), 'socket_pos': (3,), 'socket_quat': (4,)}
    assert [(term.quantity, term.subject) for (term,) in layout.inputs.values()] == [
        ('orientation', 'socket'),
        ('position', 'ee'),
        ('orientation', 'ee'),
        ('position', 'socket'),
    ]
    assert layout.control_rate == pytest.approx(25.0)
    assert layout.clip_observations == math.inf


def test_tacsl_action_is_the_pose_delta_of_the_run():
    task, params = tacsl()
    (arm,) = read_layout(task, params).actions
    assert (arm.kind, arm.size, arm.subject) == ('pose_delta', 6, 'ee')
    assert arm.position_scale == (0.01, 0.02, 0.03) and arm.rotation_scale == (0.04, 0.05, 0.06)
    assert arm.rotation_threshold == 2e-6


def test_tacsl_without_the_clamp_leaves_out_turns_of_no_angle():
    task, params = tacsl(rl={'clamp_rot': False})
    layout = read_layout(task, params)
    assert layout.actions[0].rotation_threshold == 0.0
    assert any('clamp_rot' in note for note in layout.notes)


def test_tacsl_sees_images_by_255_and_force_fields_as_they_are():
    task, params = tacsl(('ee_pos', 'left_tactile_camera_taxim', 'tactile_force_field_right', 'wrist', 'dof_pos'))
    layout = read_layout(task, params)
    image, field, joints = (
        named(layout, name) for name in ('left_tactile_camera_taxim', 'tactile_force_field_right', 'dof_pos')
    )
    assert (image.shape, image.quantity, image.subject) == ((80, 60, 3), 'image', 'left_tactile')
    assert image.scale == pytest.approx((1 / 255,)) and image.offset == ()
    assert (field.shape, field.quantity, field.subject, field.scale) == ((5, 6, 3), 'force_field', 'right_tactile', ())
    assert layout.shapes['wrist'] == (64, 64, 3)
    assert joints.joints == tuple(f'panda_joint{i}' for i in range(1, 8)) + (
        'panda_finger_joint1',
        'panda_finger_joint2',
    )


def test_tacsl_images_as_differences_ask_for_the_image_at_rest():
    task, params = tacsl(('right_tactile_camera_taxim',), randomize={'use_diff_tactile_img': True})
    image = named(read_layout(task, params), 'right_tactile_camera_taxim')
    assert image.tare and image.offset == () and 'at rest' in image.description
    assert any('tare' in note for note in read_layout(task, params).notes)
    both, params = tacsl(
        ('right_tactile_camera_taxim',), randomize={'use_diff_tactile_img': True, 'concat_tactile_plain': True}
    )
    image = named(read_layout(both, params), 'right_tactile_camera_taxim')
    assert not image.tare and image.offset is None  # three of its six channels are no difference


def test_tacsl_force_field_without_its_normal_has_a_channel_of_zeros():
    task, params = tacsl(('tactile_force_field_left',), env={'zero_out_normal_force_field_obs': True})
    assert named(read_layout(task, params), 'tactile_force_field_left').zero_channels == (0,)


def test_shape_that_the_run_states_goes_before_the_published_one():
    task, params = tacsl(('wrist', 'thermal'), shapes={'wrist': [32, 48, 3], 'thermal': [7], 'ee_pos': [3]})
    layout = read_layout(task, params)
    assert layout.shapes == {'wrist': (32, 48, 3), 'thermal': (7,), 'ee_pos': (3,)}
    assert named(layout, 'thermal').kind == 'unknown'


def test_key_of_no_known_shape_stays_open_until_the_policy_tells():
    task, params = tacsl(('ee_pos', 'thermal'))
    layout = read_layout(task, params)
    assert layout.shapes['thermal'] is None
    assert complete(layout, {'ee_pos': (3,), 'thermal': (4, 5)}, 6).shapes['thermal'] == (4, 5)


def test_dextreme_concatenates_the_keys_of_the_network_in_their_order():
    task = {
        'name': 'AllegroHandManualDR',
        'sim': {'dt': 0.01667},
        'env': {'controlFrequencyInv': 2, 'useRelativeControl': False, 'use_capped_dof_control': False},
    }
    params = {'network': {'name': 'actor_critic', 'inputs': {'last_actions': {}, 'goal_pose': {}, 'dof_pos': {}}}}
    layout = read_layout(task, params)
    assert [term.name for term in layout.inputs['obs']] == ['last_actions', 'goal_pos', 'goal_quat', 'dof_pos']
    assert layout.shapes == {'obs': (39,)}
    assert layout.control_rate == pytest.approx(29.994, abs=1e-3)


def hand(observation, name='ShadowHand', **env):
    return {
        'name': name,
        'env': {
            'observationType': observation,
            'useRelativeControl': False,
            'dofSpeedScale': 20.0,
            'actionsMovingAverage': 1.0,
            **env,
        },
    }


@pytest.mark.parametrize(
    'name, observation, size, actions',
    [
        ('ShadowHand', 'openai', 42, 20),
        ('ShadowHand', 'full_no_vel', 77, 20),
        ('ShadowHand', 'full', 157, 20),
        ('ShadowHand', 'full_state', 211, 20),
        ('AllegroHand', 'full_no_vel', 50, 16),
        ('AllegroHand', 'full', 72, 16),
        ('AllegroHand', 'full_state', 88, 16),
    ],
)
def test_hand_observes_what_its_observation_type_says(name, observation, size, actions):
    layout = read_layout(hand(observation, name), {})
    assert layout.shapes == {'obs': (size,)} and layout.num_actions == actions


def test_hand_positions_are_scaled_between_the_limits_of_the_joints():
    layout = read_layout(hand('full', 'AllegroHand'), {})
    seen, sent = named(layout, 'joint_pos'), layout.actions[0]
    assert sent.kind == 'joint_position' and sent.joints == seen.joints == layout.joints
    assert sent.offset == seen.offset
    assert [a * b for a, b in zip(sent.scale, seen.scale)] == pytest.approx([1.0] * 16)
    assert (seen.offset[12] - sent.scale[12], seen.offset[12] + sent.scale[12]) == pytest.approx((0.2792444, 1.57075))


def test_hand_smooths_as_the_run_did_within_the_limits_of_its_joints():
    smooth, plain = (read_layout(hand('full', 'AllegroHand', actionsMovingAverage=m), {}) for m in (0.3, 1.0))
    assert smooth.actions[0].smoothing == 0.3 and plain.actions[0].smoothing == 1.0
    assert '0.3' in smooth.actions[0].law
    assert (smooth.actions[0].lower[12], smooth.actions[0].upper[12]) == pytest.approx((0.2792444, 1.57075))


def test_hand_of_relative_control_steps_from_the_last_target():
    (action,) = read_layout({**hand('full', useRelativeControl=True), 'sim': {'dt': 0.01}}, {}).actions
    assert (action.kind, action.integrate, action.scale) == ('joint_delta', 'target', (0.2,))
    assert len(action.lower) == 20 and action.lower[0] == pytest.approx(-0.489)
    assert read_layout(hand('full', useRelativeControl=True), {}).actions[0].scale is None


def test_dextreme_smooths_by_the_end_of_its_annealing():
    task = {
        'name': 'AllegroHandADR',
        'sim': {'dt': 0.01},
        'env': {
            'useRelativeControl': False,
            'use_capped_dof_control': True,
            'max_dof_radians_per_second': 3.0,
            'actionsMovingAverage': {'range': [0.2, 0.4], 'schedule_steps': 100},
        },
    }
    layout = read_layout(task, {'network': {'name': 'actor_critic', 'inputs': {'dof_pos': {}}}})
    # the cap was on the target before the filter
    assert (layout.actions[0].smoothing, layout.actions[0].max_velocity) == (0.2, (pytest.approx(0.6),))
    assert any('from 0.4 to 0.2' in note for note in layout.notes)


def test_torques_are_efforts():
    ant = read_layout({'name': 'Ant', 'env': {'powerScale': 2.0}}, {})
    assert (ant.actions[0].kind, ant.actions[0].scale) == ('effort', (30.0,))
    humanoid = read_layout({'name': 'Humanoid', 'env': {'powerScale': 2.0}}, {}).actions[0]
    gears = dict(zip(humanoid.joints, humanoid.scale))
    assert (gears['abdomen_z'], gears['left_hip_y'], gears['right_ankle_x']) == (135.0, 270.0, 45.0)
    assert read_layout({'name': 'Cartpole', 'env': {'maxEffort': 400.0}}, {}).actions[0].scale == (400.0,)


def test_cabinet_integrates_its_targets():
    (action,) = read_layout({'name': 'FrankaCabinet', 'sim': {'dt': 0.02}, 'env': {'actionScale': 5.0}}, {}).actions
    assert (action.kind, action.integrate) == ('joint_delta', 'target')
    assert action.scale == (0.1,) * 7 + (0.01,) * 2
    assert action.lower[3] == pytest.approx(-3.0718) and action.upper[3] == pytest.approx(-0.0698)
    assert (action.lower[8], action.upper[8]) == (0.0, 0.04)


def test_quadcopter_integrates_tilts_and_thrusts():
    tilt, thrust = read_layout({'name': 'Quadcopter', 'sim': {'dt': 0.01}, 'env': {}}, {}).actions
    assert (tilt.kind, tilt.integrate, tilt.scale) == ('joint_delta', 'target', (pytest.approx(0.2513274),))
    assert (thrust.kind, thrust.integrate, thrust.scale, thrust.upper) == ('raw', 'target', (2.0,), (2.0,))


@pytest.mark.parametrize('control, kinds', [('osc', ['pose_delta', 'gripper']), ('joint_tor', ['effort', 'gripper'])])
def test_cube_stack_has_a_gripper_that_opens_from_zero_on(control, kinds):
    layout = read_layout({'name': 'FrankaCubeStack', 'env': {'controlType': control, 'actionScale': 2.0}}, {})
    assert [action.kind for action in layout.actions] == kinds
    assert (layout.actions[1].open, layout.actions[1].closed) == ((0.04,), (0.0,))
    arm = layout.actions[0]
    assert (arm.position_scale, arm.rotation_scale) == ((0.05,), (0.25,)) if control == 'osc' else arm.scale[0] == 43.5


def test_cube_stack_says_where_its_robot_stands_in_the_frame_of_its_poses():
    layout = read_layout({'name': 'FrankaCubeStack', 'env': {'controlType': 'osc', 'actionScale': 1.0}}, {})
    frames = {term.name: term.frame for term in layout.inputs['obs'] if term.quantity != 'joint_position'}
    assert set(frames.values()) == {'environment'} and len(frames) == 5
    assert any('stands in it, unturned, at (-0.45, 0, 1.125) m' in note for note in layout.notes)


@pytest.mark.parametrize(
    'controller, one_way, kind',
    [
        ('hybrid_force_motion', False, 'wrench'),
        ('hybrid_force_motion', True, 'other'),
        ('joint_space_id', False, 'raw'),
    ],
)
def test_wrench_of_factory_is_one_where_forces_are_controlled(controller, one_way, kind):
    task = {
        'name': 'FactoryTaskNutBoltPick',
        'env': {},
        'ctrl': {'ctrl_type': controller},
        'rl': {
            'force_action_scale': [1.0, 1.0, 2.0],
            'torque_action_scale': [3.0, 3.0, 3.0],
            'unidirectional_force': one_way,
        },
    }
    wrench = read_layout(task, {}).actions[1]
    assert (wrench.kind, wrench.size) == (kind, 6)
    assert kind != 'wrench' or wrench.scale == (1.0, 1.0, 2.0, 3.0, 3.0, 3.0)


@pytest.mark.parametrize('damping, kind', [(True, 'other'), (False, 'effort')])
def test_law_with_a_part_that_no_kind_has_stays_other(damping, kind):
    task = {
        'name': 'Trifinger',
        'env': {
            'command_mode': 'torque',
            'normalize_action': True,
            'normalize_obs': False,
            'apply_safety_damping': damping,
        },
    }
    assert read_layout(task, {}).actions[0].kind == kind


def test_unknown_observation_type_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="observationType 'half'.*full_state"):
        read_layout(hand('half'), {})


def test_task_that_does_not_say_what_it_observes_is_refused():
    with pytest.raises(ConfigurationError, match='env.observationType'):
        read_layout({'name': 'ShadowHand', 'env': {}}, {})


@pytest.mark.parametrize(
    'arms, task, size',
    [
        (1, 'reorientation', 117),
        (1, 'regrasping', 99),
        (1, 'throw', 99),
        (2, 'reorientation', 196),
        (2, 'regrasping', 169),
    ],
)
def test_kuka_has_as_many_keypoints_as_its_task_needs(arms, task, size):
    name = 'AllegroKuka' if arms == 1 else 'AllegroKukaTwoArms'
    layout = read_layout({'name': name, 'env': {'subtask': task, 'clampAbsObservations': 10.0}}, {})
    assert layout.shapes == {'obs': (size,)} and layout.num_actions == 23 * arms
    assert layout.clip_observations == 10.0


@pytest.mark.parametrize('control, size, actions', [('osc', 19, 7), ('joint_tor', 26, 8)])
def test_cube_stack_follows_its_controller(control, size, actions):
    layout = read_layout({'name': 'FrankaCubeStack', 'env': {'controlType': control, 'actionScale': 1.0}}, {})
    assert layout.shapes == {'obs': (size,)} and layout.num_actions == actions


def test_term_of_another_size_than_its_joints_is_refused():
    with pytest.raises(ConfigurationError, match='term q: its shape is'):
        LayoutTerm('q', (3,), joints=('a', 'b'))
    with pytest.raises(ConfigurationError, match='scale has 2 numbers'):
        LayoutTerm('q', (3,), scale=(1.0, 2.0))
    with pytest.raises(ConfigurationError, match="unknown kind 'torque'.*pose_delta"):
        LayoutAction('arm', 6, 'torque')
