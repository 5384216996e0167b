# SPDX-License-Identifier: Apache-2.0
"""The law of each kind, against its formula; what is inverted comes back; what rests, rests."""

from control.action_bench import (
    ALL,
    DT,
    hold,
    JOINTS,
    manager,
    matrix,
    measurements,
    NEEDS,
    random_actions,
    rodrigues,
    rotation_vector,
    ROWS,
    spec,
    started,
    step,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.control.action_terms import KINDS
from rl_policy_node.control.reversal import check_reversible, inverted
from rl_policy_node.errors import ConfigurationError

CONTINUOUS = [kind for kind in KINDS if kind != 'discrete']


def lagging(position, command, share=0.3):
    """Return where a robot is that goes a share of the way to its command."""
    return position + share * (command - position)


# joints


def test_joint_delta_steps_from_the_observed_joints():
    made, sources = started(spec('joint_delta', scale=(0.1, 0.2, 0.3)))
    action, arm = random_actions(3), sources['arm'].values['position']
    for _ in range(2):
        np.testing.assert_array_equal(
            step(made, sources, action)['position'], arm + action.astype(np.float64) * [0.1, 0.2, 0.3]
        )
        arm += 0.25


@pytest.mark.parametrize(
    'options, most',
    [({'integrate': 'target'}, np.inf), ({'integrate': 'leaky', 'max_error': (0.1, 0.2, 0.3)}, [0.1, 0.2, 0.3])],
)
def test_joint_delta_integrates_from_its_last_target_and_leaks_where_the_robot_lags(options, most):
    made, sources = started(spec('joint_delta', scale=(0.1,), **options))
    arm = sources['arm'].values['position']
    target = arm.copy()
    for seed in range(8):
        action = np.abs(random_actions(3, seed))
        target = target + action.astype(np.float64) * 0.1
        target = arm + np.clip(target - arm, -np.asarray(most), most)
        np.testing.assert_allclose(step(made, sources, action)['position'], target, atol=1e-12)
        arm[:] = lagging(arm, target)


@pytest.mark.parametrize('kind, field', [('joint_velocity', 'velocity'), ('effort', 'effort'), ('raw', 'data')])
def test_vector_is_action_times_scale_plus_offset(kind, field):
    made, sources = started(spec(kind, scale=(2.0,), offset=(0.5,)))
    action = random_actions(2 if kind == 'raw' else 3)
    np.testing.assert_array_equal(step(made, sources, action)[field], action.astype(np.float64) * 2.0 + 0.5)


def test_raw_integrates_from_what_was_sent_within_its_bounds():
    """IsaacGymEnvs' Quadcopter: thrust before + 200 · dt · action, clamped to 0 .. 2."""
    made, sources = started(
        spec('raw', scale=(4.0,), integrate='target', lower=(0.0,), upper=(2.0,), fallback_value=(1.0,))
    )
    thrust = np.ones((ROWS, 2))
    for seed in range(5):
        action = random_actions(2, seed)
        thrust = np.clip(thrust + 4.0 * action.astype(np.float64), 0.0, 2.0)
        np.testing.assert_array_equal(step(made, sources, action)['data'], thrust)


def test_raw_leaves_out_what_has_no_scale():
    made, sources = started(spec('raw', scale=(1.0, 0.0)))
    assert not step(made, sources, random_actions(2))['data'][:, 1].any()


def test_action_is_clipped_before_its_law():
    made, sources = started(spec('effort', clip=0.5, scale=(10.0,)))
    np.testing.assert_array_equal(step(made, sources, np.float32([[-2, 0.25, 2]] * ROWS))['effort'], [[-5, 2.5, 5]] * 3)


# bodies


@pytest.mark.parametrize(
    'kind, fields', [('twist', ('linear_velocity', 'angular_velocity')), ('wrench', ('force', 'torque'))]
)
def test_named_axes_are_commanded_and_the_others_are_zero(kind, fields):
    made, sources = started(spec(kind, axes=('yaw', 'x'), scale=(2.0, 3.0), offset=(0.0, 1.0)))
    action = random_actions(2)
    command = step(made, sources, action)
    zero = np.zeros(ROWS)
    np.testing.assert_array_equal(command[fields[0]], np.stack([action[:, 1].astype(float) * 3 + 1, zero, zero], 1))
    np.testing.assert_array_equal(command[fields[1]], np.stack([zero, zero, action[:, 0].astype(float) * 2], 1))


def test_twist_has_six_axes_unless_told_otherwise():
    made, sources = started(spec('twist'))
    action = random_actions(6)
    command = step(made, sources, action)
    np.testing.assert_array_equal(np.hstack([command['linear_velocity'], command['angular_velocity']]), action)


def turn_of(action, threshold):
    """Return the matrices of TacSL's turns by action · 0.05 rad, none up to the threshold."""
    vectors = action[:, 3:].astype(np.float64) * 0.05
    return [rodrigues(vector if np.linalg.norm(vector) > threshold else np.zeros(3)) for vector in vectors]


def leaked(target, measured, most):
    """Return a target matrix turned back to no more than `most` rad from the measured one."""
    error = rotation_vector(target @ measured.T)
    return rodrigues(error * min(1.0, most / max(np.linalg.norm(error), 1e-12))) @ measured


@pytest.mark.parametrize('integrate', ['target', 'leaky'])
def test_pose_integrates_from_its_last_target_and_leaks_where_the_robot_lags(integrate):
    leak = {'max_error': (0.02,), 'max_rotation_error': 0.1} if integrate == 'leaky' else {}
    made, sources = started(spec('pose_delta', integrate=integrate, rotation_threshold=0.01, **leak))
    hand = sources['hand'].values
    position, turns = hand['position'].copy(), [matrix(q) for q in hand['orientation']]
    for seed in range(12):
        action = np.abs(random_actions(6, seed))
        action[0, 3:] *= 0.05  # below the threshold: no turn
        position = position + action[:, :3].astype(np.float64) * 0.01
        turns = [turn @ last for turn, last in zip(turn_of(action, 0.01), turns)]
        if leak:
            position = hand['position'] + np.clip(position - hand['position'], -0.02, 0.02)
            turns = [leaked(turn, matrix(q), 0.1) for turn, q in zip(turns, hand['orientation'])]
        command = step(made, sources, action)
        np.testing.assert_allclose(command['position'], position, atol=1e-12)
        np.testing.assert_allclose([matrix(q) for q in command['orientation']], turns, atol=1e-9)
        hand['position'][:] = lagging(hand['position'], position, 0.1)
    errors = [np.linalg.norm(rotation_vector(turn @ matrix(q).T)) for turn, q in zip(turns, hand['orientation'])]
    assert errors[0] == 0.0 and (max(errors) < 0.1 + 1e-9) == bool(leak)


# grippers and choices


def test_gripper_goes_between_closed_and_open():
    made, sources = started(spec('gripper', open=(0.08,), closed=(0.0,)))
    action = np.float32([[-1], [0.5], [7]])
    np.testing.assert_allclose(step(made, sources, action)['position'], [[0], [0.06], [0.08]], atol=1e-15)


def test_gripper_opens_from_its_threshold_on():
    made, sources = started(spec('gripper', open=(0.04, 0.05), closed=(0.0, 0.01), joints=JOINTS[:2], mode='threshold'))
    np.testing.assert_array_equal(
        step(made, sources, np.float32([[-0.01], [0.0], [0.3]]))['position'], [[0.0, 0.01], [0.04, 0.05], [0.04, 0.05]]
    )


def test_choice_takes_its_row_of_the_table():
    first, second = spec('discrete', name='first'), spec('discrete', name='second', table=(5.0, 6.0), table_columns=1)
    made, sources = started(first, second, actions={'multi_discrete': [3, 2]})
    assert made.process(np.array([[0, 1], [2, 0], [1, 1]]), sources, ALL, DT).all()
    np.testing.assert_array_equal(made.commands()['first']['data'], [[0, 0], [3, 4], [1, 2]])
    np.testing.assert_array_equal(made.commands()['second']['data'], [[6], [5], [6]])


@pytest.mark.parametrize('choice', [-1, 3, 10**6])
def test_choice_that_is_not_there_is_no_command(choice):
    made, sources = started(spec('discrete', fallback_value=(9.0, 8.0)), actions={'discrete': 3})
    assert made.process(np.array([[choice], [1], [2]]), sources, ALL, DT).tolist() == [False, True, True]
    np.testing.assert_array_equal(made.commands()['it']['data'], [[9, 8], [1, 2], [3, 4]])


# filter


def test_filter_goes_from_the_measured_state_to_the_targets_and_is_clamped():
    """IsaacGymEnvs' actionsMovingAverage: m · scaled + (1 − m) · previous targets, then the joints' limits."""
    made, sources = started(spec('joint_position', smoothing=0.3, lower=(-0.4,), upper=(0.4,)))
    sources['arm'].values['position'] *= 0.5
    made.start(sources)
    previous = sources['arm'].values['position']
    for seed in range(6):
        action = random_actions(3, seed)
        previous = np.clip(0.3 * action.astype(np.float64) + (1.0 - 0.3) * previous, -0.4, 0.4)
        np.testing.assert_allclose(step(made, sources, action)['position'], previous, rtol=1e-15)


def test_filter_after_a_gap_goes_on_from_the_measured_state():
    made, sources = started(spec('joint_position', smoothing=0.3))
    step(made, sources, random_actions(3))
    sources = measurements(seed=9)
    hold(made, sources, ALL)  # it is measured far from where it was sent
    action = random_actions(3)
    np.testing.assert_allclose(
        step(made, sources, action)['position'],
        0.3 * action.astype(np.float64) + 0.7 * sources['arm'].values['position'],
        rtol=1e-15,
    )


def test_filter_of_a_pose_goes_along_the_arc():
    made, sources = started(spec('pose_delta', smoothing=0.25, rotation_scale=(1.0,)))
    hand, action = sources['hand'].values, random_actions(6)
    command = step(made, sources, action)
    np.testing.assert_allclose(command['position'] - hand['position'], 0.25 * 0.01 * action[:, :3], atol=1e-9)
    for row in range(ROWS):
        np.testing.assert_allclose(
            matrix(command['orientation'][row]),
            rodrigues(0.25 * action[row, 3:]) @ matrix(hand['orientation'][row]),
            atol=1e-6,
        )


# back


@given(st.integers(0, 2**32 - 1))
def test_inverse_is_the_action(seed):
    exact = [
        spec('joint_velocity', name='v', scale=(0.3, 2.0, 7.0), offset=(0.1,)),
        spec('effort', name='e'),
        spec('twist', name='t', axes=('x', 'yaw'), scale=(0.7,)),
        spec('wrench', name='w', scale=(30.0,)),
        spec('raw', name='r', offset=(0.2,), scale=(0.5,)),
    ]
    near = [spec('joint_delta', name='d', scale=(0.05,)), spec('gripper', name='g')]
    made, sources = started(*exact, *near, seed=seed)
    action = random_actions(made.size, seed=seed)
    step(made, sources, action)
    check_reversible(made.terms)
    back = inverted(made.terms, made.commands(), sources)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, action, rtol=1e-6, atol=1e-7)
    made.process(back, sources, ALL, DT)
    np.testing.assert_allclose(inverted(made.terms, made.commands(), sources), back, rtol=1e-6, atol=1e-7)


def test_inverse_of_a_command_is_its_choice():
    first, second = spec('discrete', name='first'), spec('discrete', name='second', table=(5.0, 6.0), table_columns=1)
    made, sources = started(first, second, actions={'multi_discrete': [3, 2]})
    choices = np.array([[0, 1], [2, 0], [1, 1]])
    made.process(choices, sources, ALL, DT)
    check_reversible(made.terms)
    np.testing.assert_array_equal(inverted(made.terms, made.commands(), sources), choices)


@pytest.mark.parametrize(
    'each, actions, told',
    [
        (
            spec('joint_position', smoothing=0.5),
            None,
            r'joint_position cannot be inverted .*filtered \(smoothing 0\.5\)',
        ),
        (spec('joint_delta', integrate='target'), None, r'actions\.it: .* it integrates \(integrate: target\)'),
        (spec('gripper', mode='threshold'), None, r'actions\.it: kind gripper cannot be inverted .*threshold'),
        (spec('raw', scale=(0.0,)), None, r'actions\.it: .* scale has a zero'),
        (
            spec('discrete', table=(1.0, 2.0, 1.0, 2.0, 0.0, 0.0)),
            {'discrete': 3},
            r'actions\.it: kind discrete cannot be inverted .*two choices have the same command',
        ),
    ],
)
def test_what_tells_no_action_is_refused_for_the_simulator(each, actions, told):
    made = manager(measurements(), each, actions=actions)
    with pytest.raises(ConfigurationError, match=told):
        check_reversible(made.terms)


# rest


@pytest.mark.parametrize('kind', ['joint_velocity', 'effort', 'twist', 'wrench'])
def test_what_moves_rests_at_zero(kind):
    made, sources = started(spec(kind))
    assert not any(value.any() for value in made.commands()['it'].values())
    step(made, sources, random_actions(made.size))
    hold(made, sources, np.array([True, False, True]))
    for value in made.commands()['it'].values():
        assert not value[[0, 2]].any() and value[1].all()


@pytest.mark.parametrize('kind, actions, size', [('raw', None, 2), ('discrete', {'discrete': 3}, 1)])
def test_what_only_the_user_understands_rests_at_the_stated_value(kind, actions, size):
    made, sources = started(spec(kind, fallback_value=(0.5, -0.5)), actions=actions)
    made.process(np.ones((ROWS, size), np.int64), sources, ALL, DT)
    assert not (made.commands()['it']['data'] == [0.5, -0.5]).any()
    hold(made, sources, ALL)
    np.testing.assert_array_equal(made.commands()['it']['data'], [[0.5, -0.5]] * ROWS)


@pytest.mark.parametrize('kind', ['joint_position', 'joint_delta', 'pose_delta', 'gripper'])
def test_keep_goes_on_with_what_was_sent_and_begins_where_the_robot_is(kind):
    made, sources = started(spec(kind, fallback='keep'))
    before = made.commands()['it']['position']
    column = slice(0, before.shape[1])
    measured = sources['hand' if kind == 'pose_delta' else 'arm'].values['position']
    np.testing.assert_array_equal(before, measured[:, column])
    hold(made, measurements(seed=7), ALL)
    np.testing.assert_array_equal(made.commands()['it']['position'], before)
    sent = step(made, sources, random_actions(made.size))['position']
    hold(made, measurements(seed=8), ALL)
    np.testing.assert_array_equal(made.commands()['it']['position'], sent)


def test_gripper_keeps_its_grip_unless_told_otherwise():
    made, sources = started(spec('gripper'))
    step(made, sources, np.full((ROWS, 1), -1, np.float32))
    hold(made, sources, ALL)
    np.testing.assert_array_equal(made.commands()['it']['position'], [[-0.5]] * ROWS)


def test_gripper_without_sensors_rests_at_its_value():
    made, sources = started(spec('gripper', source='', joints=(), fallback='value', fallback_value=(0.2,)))
    np.testing.assert_array_equal(made.commands()['it']['position'], [[0.2]] * ROWS)
    step(made, sources, np.ones((ROWS, 1), np.float32))
    hold(made, sources, ALL)
    np.testing.assert_array_equal(made.commands()['it']['position'], [[0.2]] * ROWS)


def test_pose_that_was_never_measured_is_not_held():
    made, sources = started(spec('pose_delta', max_hold_error=(1e-3,)))
    sent = step(made, sources, random_actions(6))
    sources['hand'].values['orientation'][1] = 0.0
    hold(made, sources, ALL)
    held = made.commands()['it']
    np.testing.assert_array_equal(held['orientation'][1], sent['orientation'][1])
    np.testing.assert_array_equal(
        held['orientation'][0], geometry.normalize_quaternion(sources['hand'].values['orientation'][0])
    )


def test_every_kind_is_tried():
    assert set(NEEDS) == set(KINDS) and len(CONTINUOUS) == len(KINDS) - 1
