# SPDX-License-Identifier: Apache-2.0
"""Drives, delays and noise of training, with the numbers of env.yaml."""

from policy.lab_runs import env_text, lab_layout
import pytest

QUIET = "q: {func: 'isaaclab.envs.mdp.observations:joint_pos', params: {}}"


def notes(tmp_path, *terms, **options):
    return lab_layout(tmp_path, env_text(terms or (QUIET,), **options)).notes


def drive(**keys):
    config = ', '.join(
        f'{key}: {value}' for key, value in {'joint_names_expr': "['hip_.*', 'knee_.*']", **keys}.items()
    )
    return f'actuators: {{legs: {{{config}}}}}'


@pytest.mark.parametrize(
    'keys, text',
    [
        (
            {'stiffness': 85.0, 'damping': '{hip_.*: 2.0, knee_.*: 2.5}', 'effort_limit': 80.0},
            'stiffness 85.0; damping hip_.* 2.0, knee_.* 2.5; effort_limit 80.0',
        ),
        (
            {'stiffness': 'null', 'damping': 4.0, 'joint_effort_limit': 87.0, 'joint_velocity_limit': 0.3},
            "damping 4.0; joint_effort_limit 87.0; joint_velocity_limit 0.3; stiffness of the robot's asset, which no "
            'file of the run holds',
        ),
        (
            {'class_type': 'isaaclab.actuators.actuator_pd:DCMotor', 'stiffness': 25.0, 'saturation_effort': 23.5},
            'DCMotor; stiffness 25.0; saturation_effort 23.5',
        ),
        (
            {'class_type': 'm:ActuatorNetLSTM', 'stiffness': 'null', 'network_file': "'https://server/drive.pt'"},
            'ActuatorNetLSTM; a network makes its efforts (drive.pt)',
        ),
    ],
)
def test_drive_has_the_numbers_of_the_file(tmp_path, keys, text):
    assert f'drive legs of hip_.*, knee_.*: {text}' in notes(tmp_path, robot=drive(**keys))


@pytest.mark.parametrize('most, lines', [(4, 1), (0, 0)])
def test_delay_of_commands_is_said_in_physics_steps(tmp_path, most, lines):
    robot = drive(class_type='m:DelayedPDActuator', stiffness=25.0, min_delay=0, max_delay=most)
    late = [note for note in notes(tmp_path, robot=robot) if 'late' in note]
    text = 'commands came 0 to 4 physics steps of 0.005 s late to drive legs (min_delay, max_delay)'
    assert late == [text] * lines


NOISES = """{func: 'm:uniform_noise', operation: add, n_min: -0.1, n_max: 0.2}
{func: 'm:gaussian_noise', operation: scale, mean: 0.0, std: 0.3}
{func: 'm:constant_noise', operation: add, bias: 0.4}
{class_type: 'm:MyNoise'}""".splitlines()


def test_noise_of_each_term_has_its_size(tmp_path):
    terms = [
        QUIET.replace('q:', f'q{i}:').replace('params', f'noise: {noise}, params') for i, noise in enumerate(NOISES)
    ]
    (note,) = [note for note in notes(tmp_path, *terms, QUIET, corruption='true') if 'noise' in note]
    assert note == (
        'observations carried noise in training (enable_corruption): q0 uniform -0.1 .. 0.2; q1 normal, mean 0.0, '
        'standard deviation 0.3 (scale); q2 constant 0.4; q3 of MyNoise, see the run; '
        "the robot's side adds none"
    )


def test_noise_that_was_switched_off_is_not_claimed(tmp_path):
    noisy = QUIET.replace('params', f'noise: {NOISES[0]}, params')
    assert not any('noise' in note for note in notes(tmp_path, noisy))
    # that of a group which the policy does not take
    critic = env_text([QUIET]).replace('actions:', f'  critic:\n    enable_corruption: true\n    {noisy}\nactions:', 1)
    assert not any('noise' in note for note in lab_layout(tmp_path, critic).notes)


def test_delay_of_observations_is_said_in_steps_of_the_policy(tmp_path):
    late = QUIET.replace('params', 'delay_min_lag: 1, delay_max_lag: 3, params')
    assert any('q 1 to 3 steps of the policy' in note for note in notes(tmp_path, late))


def test_default_positions_are_written_down_until_joints_have_names(tmp_path):
    layout = lab_layout(tmp_path, env_text([QUIET.replace('joint_pos', 'joint_pos_rel')]))
    text = 'offset: init_state.joint_pos of robot: hip_.* 0.1, knee_.* -0.8'
    assert text in layout.inputs['obs'][0].description and text in layout.actions[0].law
