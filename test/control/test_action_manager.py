# SPDX-License-Identifier: Apache-2.0
"""From actions to commands: the laws and their inverses, limits in time, holding, and rows apart."""

from control.action_bench import hold
from control.manager_bench import JOINTS, joints
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.control.action_manager import ActionManager
from rl_policy_node.control.reversal import inverted
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError

ROWS, DT = 3, 0.02
ALL = np.ones(ROWS, dtype=bool)
FIELDS = {
    'arm': {'position': ((3,), np.float64)},
    'hand': {'position': ((3,), np.float64), 'orientation': ((4,), np.float64)},
}


def measurements(seed=0):
    """Return sources of an arm and of a hand, other in every row, as exact as an observation: float32."""
    random = np.random.default_rng(seed)
    buffers = {name: SourceBuffer(SourceSpec(name, name, ''), fields, ROWS) for name, fields in FIELDS.items()}
    for buffer in buffers.values():
        for value in buffer.values.values():
            value[:] = random.uniform(-0.5, 0.5, value.shape).astype(np.float32)
    orientation = buffers['hand'].values['orientation']
    orientation[:] = geometry.normalize_quaternion(orientation).astype(np.float32)
    return buffers


def pose(name='hand', **options):
    return action_spec(name, 'pose_delta', 'target', '', source='hand', **options)


def manager(sources, *actions, size=None):
    spec = control_spec(
        ('a', 'b', 'c'),
        50.0,
        'timer',
        1.0,
        {name: b.spec for name, b in sources.items()},
        {'q': term_spec('q', source='arm', field='position')},
        {'obs': ('q',)},
        actions,
    )
    sizes = {'joint_position': 3, 'pose_delta': 6}
    size = sum(sizes[action.kind] for action in actions) if size is None else size
    return ActionManager(spec, size, sources, {'arm': JOINTS})


def started(*actions, seed=0):
    """Return the manager, started, with its sources."""
    sources = measurements(seed)
    actions = manager(sources, *actions)
    actions.start(sources)
    return actions, sources


def random_actions(size, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (ROWS, size)).astype(np.float32)


def same(left, right, rows=slice(None)):
    """Whether two commands have the same bits in `rows`."""
    return all(
        np.array_equal(left[name][field][rows], right[name][field][rows]) for name in left for field in left[name]
    )


def test_joint_targets_are_action_times_scale_plus_offset():
    manager, sources = started(joints(scale=(0.5, 0.25, 2.0), offset=(0.1, 0.2, 0.3)))
    action = random_actions(3)
    assert manager.process(action, sources, ALL, DT).all()
    np.testing.assert_array_equal(
        manager.commands()['legs']['position'], action.astype(np.float64) * [0.5, 0.25, 2.0] + [0.1, 0.2, 0.3]
    )


def test_pose_target_starts_from_the_observed_pose():
    manager, sources = started(pose())
    hand = sources['hand'].values
    hand['position'] += 0.125
    action = random_actions(6)
    manager.process(action, sources, ALL, DT)
    position, orientation = geometry.apply_pose_delta(hand['position'], hand['orientation'], action, 0.01, 0.05, 1e-6)
    np.testing.assert_array_equal(manager.commands()['hand']['position'], position)
    np.testing.assert_array_equal(manager.commands()['hand']['orientation'], orientation)


def test_terms_take_their_slices_in_order():
    manager, sources = started(pose(), joints(joints=JOINTS))
    action = random_actions(9)
    manager.process(action, sources, ALL, DT)
    np.testing.assert_array_equal(manager.commands()['legs']['position'], action[:, 6:].astype(np.float64))
    np.testing.assert_allclose(
        manager.commands()['hand']['position'] - sources['hand'].values['position'], action[:, :3] * 0.01, atol=1e-12
    )


def test_measured_joints_are_those_of_the_term_in_its_order():
    manager, sources = started(joints(joints=('ankle', 'knee', 'hip')))
    np.testing.assert_array_equal(manager.commands()['legs']['position'], sources['arm'].values['position'][:, ::-1])


def test_before_the_first_action_the_measured_state_is_commanded():
    manager, sources = started(joints(), pose())
    hand = sources['hand'].values
    np.testing.assert_array_equal(manager.commands()['legs']['position'], sources['arm'].values['position'])
    np.testing.assert_array_equal(manager.commands()['hand']['position'], hand['position'])
    np.testing.assert_array_equal(
        manager.commands()['hand']['orientation'], geometry.normalize_quaternion(hand['orientation'])
    )


@pytest.mark.parametrize('dt', [0.01, 0.02, 0.1])
def test_joints_go_no_faster_than_their_limit_from_the_last_command(dt):
    manager, sources = started(joints(max_velocity=0.5))
    action, previous = np.full((ROWS, 3), 1.0, np.float32), sources['arm'].values['position'].copy()
    for _ in range(3):
        manager.process(action, sources, ALL, dt)
        command = manager.commands()['legs']['position']
        np.testing.assert_allclose(command, np.minimum(previous + 0.5 * dt, 1.0), rtol=1e-14)
        previous = command


def test_pose_goes_no_faster_than_its_limits_from_the_last_command():
    manager, sources = started(pose(max_velocity=0.1, max_angular_velocity=0.5))
    action = np.zeros((ROWS, 6), np.float32)
    action[:, [0, 5]] = 1.0  # 10 mm and 0.05 rad, in one period of DT
    for _ in range(2):
        before = manager.commands()['hand']
        manager.process(action, sources, ALL, DT)
        after = manager.commands()['hand']
        np.testing.assert_allclose(np.linalg.norm(after['position'] - before['position'], axis=1), 0.1 * DT)
        np.testing.assert_allclose(geometry.angle_between(before['orientation'], after['orientation']), 0.5 * DT)


def test_commands_stay_within_their_bounds():
    manager, sources = started(joints(lower=(-0.2,), upper=(0.1, 0.2, 0.3)))
    sources['arm'].values['position'] *= 0.1
    manager.start(sources)
    manager.process(np.array([[-9.0] * 3, [9.0] * 3, [0.0] * 3], np.float32), sources, ALL, DT)
    np.testing.assert_array_equal(manager.commands()['legs']['position'], [[-0.2] * 3, [0.1, 0.2, 0.3], [0.0] * 3])


def test_limits_that_are_not_reached_change_no_bit():
    free, sources = started(joints(), pose())
    limited, _ = started(
        joints(lower=(-2.0,), upper=(2.0,), max_velocity=100.0),
        pose(lower=(-1.0,), upper=(1.0,), max_velocity=10.0, max_angular_velocity=100.0),
    )
    action = random_actions(9)
    for each in (free, limited):
        each.process(action, sources, ALL, DT)
    assert same(free.commands(), limited.commands())


def test_row_with_nan_keeps_its_last_command_and_the_others_do_not_notice():
    disturbed, sources = started(joints(max_velocity=1.0), pose(max_velocity=0.1, max_angular_velocity=0.5))
    healthy, _ = started(joints(max_velocity=1.0), pose(max_velocity=0.1, max_angular_velocity=0.5))
    for step in range(3):
        action = random_actions(9, seed=step)
        assert healthy.process(action, sources, ALL, DT).all()
        last = disturbed.commands()
        if step == 1:
            action[2, 4] = np.nan  # in the second term: the first must wait for it, too
        finite = disturbed.process(action, sources, ALL, DT)
        assert finite.tolist() == [True, True, step != 1]
        assert same(disturbed.commands(), last, rows=2) == (step == 1)
        assert same(disturbed.commands(), healthy.commands(), rows=slice(2))


@pytest.mark.parametrize('value', [np.inf, -np.inf])
@pytest.mark.parametrize('options', [{}, {'lower': (-1.0,), 'upper': (1.0,)}, {'max_velocity': 1.0}])
def test_infinite_action_is_no_command_whatever_the_limits(value, options):
    manager, sources = started(joints(**options))
    last, action = manager.commands(), random_actions(3)
    action[1, 0] = value
    assert manager.process(action, sources, ALL, DT).tolist() == [True, False, True]
    assert same(manager.commands(), last, rows=1)


def test_rows_that_do_not_act_keep_their_command():
    manager, sources = started(joints(), pose())
    last = manager.commands()
    finite = manager.process(random_actions(9), sources, np.array([True, False, True]), DT)
    assert finite.tolist() == [True, False, True]
    assert same(manager.commands(), last, rows=1) and not same(manager.commands(), last, rows=[0, 2])


def test_held_rows_go_to_where_they_are_measured_once_and_keep_that_while_the_robot_moves():
    manager, sources = started(joints(), pose())
    manager.process(random_actions(9), sources, ALL, DT)
    last, rows = manager.commands(), np.array([False, True, False])
    sources = measurements(seed=5)
    hold(manager, sources, rows)
    held = manager.commands()
    np.testing.assert_array_equal(held['legs']['position'][1], sources['arm'].values['position'][1])
    np.testing.assert_array_equal(held['hand']['position'][1], sources['hand'].values['position'][1])
    assert same(held, last, rows=[0, 2])
    manager.process(random_actions(9), measurements(seed=6), ~rows, DT)
    hold(manager, measurements(seed=6), rows)
    assert same(manager.commands(), held, rows=1)


def test_limits_go_on_from_what_was_held():
    manager, sources = started(joints(max_velocity=0.5))
    manager.process(np.ones((ROWS, 3), np.float32), sources, ALL, DT)
    hold(manager, sources, ALL)
    held = manager.commands()['legs']['position']
    manager.process(np.ones((ROWS, 3), np.float32), sources, ALL, DT)
    np.testing.assert_allclose(manager.commands()['legs']['position'], held + 0.5 * DT)


def test_commands_cannot_be_changed_by_whoever_gets_them():
    manager, _ = started(joints())
    with pytest.raises(ValueError, match='read-only'):
        manager.commands()['legs']['position'][:] = 99.0


@given(st.integers(0, 2**32 - 1))
def test_inverse_of_a_command_is_the_action_that_gave_it(seed):
    manager, sources = started(joints(scale=(0.5, 0.25, 2.0), offset=(0.1, -0.2, 0.3)), pose(), seed=seed)
    action = random_actions(9, seed=seed)
    manager.process(action, sources, ALL, DT)
    back = inverted(manager.terms, manager.commands(), sources)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, action)


@pytest.mark.parametrize(
    'actions, size, told',
    [
        ([joints()], 4, r'actions\.terms take 3 numbers \(legs 3\); the policy gives 4'),
        ([joints(), pose()], 6, r'actions\.terms take 9 numbers \(legs 3, hand 6\); the policy gives 6'),
        (
            [joints(joints=('hip', 'toe'))],
            2,
            r"actions\.legs: no joint \['toe'\]; there are \['hip', 'knee', 'ankle'\]",
        ),
        ([joints(scale=(1.0, 0.0, 1.0))], 3, r'actions\.legs\.scale has a zero'),
        ([pose(rotation_scale=(0.0,))], 6, r'actions\.hand\.rotation_scale has a zero'),
        (
            [action_spec('hand', 'pose_delta', 'target', '', source='arm')],
            6,
            r"actions\.hand: kind pose_delta needs the field 'orientation' of source 'arm', which has \['position'\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(actions, size, told):
    with pytest.raises(ConfigurationError, match=told):
        manager(measurements(), *actions, size=size)
