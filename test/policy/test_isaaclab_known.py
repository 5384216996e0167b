# SPDX-License-Identifier: Apache-2.0
"""What env.yaml says by itself: the order of joints, limits of drives, multirotors, stacked images."""

import math

from policy.lab_runs import action_of, env_text, lab_layout, term_of
import pytest

LEGS = ('knee_r', 'hip_l', 'knee_l', 'hip_r')
TERMS = ["q: {func: 'isaaclab.envs.mdp.observations:joint_pos_rel', params: {}}"]
DRONE = 'isaaclab_tasks.contrib.drone_arl.mdp.observations'
THRUST = 'isaaclab_contrib.mdp.actions.thrust_actions'
ROTORS = 'actuators: {thrusters: {thruster_names_expr: [rotor_a, rotor_b]}}'


def test_order_that_a_managed_run_states_is_that_of_its_joints(tmp_path):
    layout = lab_layout(tmp_path, env_text(TERMS, robot=f'joint_ordering: [{", ".join(LEGS)}]'))
    assert term_of(layout, 'q').joints == action_of(layout, 'arm').joints == LEGS
    assert term_of(layout, 'q').offset == (-0.8, 0.1, -0.8, 0.1)
    assert not any("simulator's order" in note for note in layout.notes)


def test_order_by_the_name_of_a_simulator_tells_no_order(tmp_path):
    assert term_of(lab_layout(tmp_path, env_text(TERMS, robot='joint_ordering: mjwarp')), 'q').joints == ()


def test_smallest_limit_of_the_drives_of_each_joint_counts(tmp_path):
    groups = (
        'actuators: {hips: {joint_names_expr: ["hip_.*"], velocity_limit: 9.0, velocity_limit_sim: {hip_l: 7.0}},'
        ' knees: {joint_names_expr: "knee_.*", effort_limit: 40.0}}'
    )
    order = f'joint_ordering: [{", ".join(LEGS)}]'
    drives = lab_layout(tmp_path, env_text(TERMS, robot=f'{order}, {groups}')).drives
    assert [drives[name].velocity for name in ('hip_l', 'hip_r')] == [7.0, 9.0]
    assert drives['knee_l'].effort == 40.0 and math.isnan(drives['knee_l'].velocity)
    assert math.isnan(drives['hip_l'].effort) and math.isnan(drives['hip_l'].lower)


@pytest.mark.parametrize(
    'config, expected',
    [
        (
            'scale: 3.0, offset: 2.5, use_default_offset: false, clip: {rotor_.*: [0.0, 6.0]}',
            {'kind': 'raw', 'size': 2, 'scale': (3.0,), 'offset': (2.5,), 'lower': (0.0,), 'upper': (6.0,)},
        ),
        ('scale: 3.0', {'kind': 'raw', 'offset': None, 'initial': None}),
        ('clip: {rotor_a: [0.0, 6.0], rotor_b: [0.0, 5.0]}', {'kind': 'other', 'size': 2}),
    ],
)
def test_thrusts_are_scale_and_offset_of_each_rotor(tmp_path, config, expected):
    action = f"\n  thrust: {{class_type: '{THRUST}:ThrustAction', asset_name: robot, {config}}}\n"
    found = action_of(lab_layout(tmp_path, env_text(TERMS, actions=action, robot=ROTORS)), 'thrust')
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    'controller, scale, expected',
    [
        ('LeeVelController', 1.0, {'kind': 'raw', 'clip': 1.0, 'initial': (-1.0, 0.0, 0.0)}),
        ('LeeAccController', 1.0, {'kind': 'raw', 'initial': None}),
        ('LeeVelController', 2.0, {'kind': 'other'}),
    ],
)
def test_setpoint_of_a_drone_stands_still_where_it_is_a_velocity(tmp_path, controller, scale, expected):
    config = (
        f'scale: {scale}, offset: 0.0, max_magnitude: 2.0, max_inclination_angle: 0.7, max_yaw_command: 1.0, '
        f"controller_cfg: {{class_type: 'isaaclab_contrib.controllers:{controller}'}}"
    )
    action = f"\n  fly: {{class_type: '{THRUST}:NavigationAction', asset_name: robot, {config}}}\n"
    found = action_of(lab_layout(tmp_path, env_text(TERMS, actions=action)), 'fly')
    assert found.size == 3 and {name: getattr(found, name) for name in expected} == expected


def test_observations_of_drones_have_a_size(tmp_path):
    functions = {'base_roll_pitch': 2, 'generated_drone_commands': 4, 'last_action_navigation': 4}
    layout = lab_layout(tmp_path, env_text([f"{name}: {{func: '{DRONE}:{name}', params: {{}}}}" for name in functions]))
    assert {name: term_of(layout, name).size for name in functions} == functions


CAMERA = 'tiled_camera: {height: 4, width: 6}'


@pytest.mark.parametrize(
    'params, expected',
    [
        ('', {'quantity': 'image', 'shape': (4, 6, 3), 'difference_to_mean': True}),
        ('frame_stack: 2', {'quantity': 'other', 'shape': (4, 6, 6), 'difference_to_mean': False}),
        ('frame_stack: 2, channel_first: true', {'quantity': 'other', 'shape': (6, 4, 6)}),
        ('mean: 0.5', {'quantity': 'other', 'shape': (4, 6, 3)}),
    ],
)
def test_colour_images_may_be_stacked(tmp_path, params, expected):
    term = f"image: {{func: 'isaaclab.envs.mdp.observations:image_rgb', params: {{{params}}}}}"
    found = term_of(lab_layout(tmp_path, env_text([term], scene=CAMERA)), 'image')
    assert {name: getattr(found, name) for name in expected} == expected
