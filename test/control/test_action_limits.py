# SPDX-License-Identifier: Apache-2.0
"""What is sent is within its limits, whatever the policy gives, row by row and in the time that went by."""

from control.action_bench import ALL, DT, hold, measurements, random_actions, ROWS, same, spec, started, step
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.control import limits

LIMITED = {
    'joint_position': {'lower': (-0.4,), 'upper': (0.4,), 'max_velocity': (1.0, 2.0, 3.0), 'max_acceleration': (20.0,)},
    'joint_delta': {'lower': (-0.4,), 'upper': (0.4,), 'max_velocity': (1.0,), 'integrate': 'target'},
    'joint_velocity': {'max_velocity': (1.0, 2.0, 3.0), 'max_acceleration': (5.0,)},
    'effort': {'max_effort': (10.0, 20.0, 30.0), 'max_effort_rate': (100.0,)},
    'pose_delta': {'lower': (-0.6,), 'upper': (0.6,), 'max_velocity': (0.2,), 'max_angular_velocity': 0.5},
    'twist': {
        'lower': (-0.5,),
        'upper': (0.7,),
        'max_velocity': (0.6,),
        'max_angular_velocity': 0.4,
        'max_acceleration': (2.0,),
        'max_angular_acceleration': 3.0,
    },
    'wrench': {'max_force': 5.0, 'max_torque': 0.5, 'max_force_rate': 40.0, 'max_torque_rate': 3.0},
    'gripper': {'max_velocity': (0.3,)},
    'raw': {'lower': (-1.0, -2.0), 'upper': (3.0,), 'max_velocity': (50.0,)},
}
CLOSE = 1e-9


def within(kind, command, last, dt):
    """Check a command against the limits of LIMITED, as its documentation states them."""
    value = next(iter(command.values()))
    change = np.abs(value - next(iter(last.values())))
    length = {field: np.linalg.norm(each, axis=1) for field, each in command.items()}
    moved = {field: np.linalg.norm(each - last[field], axis=1) for field, each in command.items()}
    return {
        'joint_position': lambda: (np.abs(value) <= 0.4) & (change <= np.array([1, 2, 3]) * dt + CLOSE),
        'joint_delta': lambda: (np.abs(value) <= 0.4) & (change <= dt + CLOSE),
        'joint_velocity': lambda: (np.abs(value) <= [1, 2, 3]) & (change <= 5 * dt + CLOSE),
        'effort': lambda: (np.abs(value) <= [10, 20, 30]) & (change <= 100 * dt + CLOSE),
        'pose_delta': lambda: [
            np.abs(value) <= 0.6,
            moved['position'][:, None] <= 0.2 * dt + CLOSE,
            geometry.angle_between(last['orientation'], command['orientation'])[:, None] <= 0.5 * dt + CLOSE,
        ],
        'twist': lambda: [
            (value >= -0.5) & (value <= 0.7),
            length['linear_velocity'][:, None] <= 0.6 + CLOSE,
            length['angular_velocity'][:, None] <= 0.4 + CLOSE,
            moved['linear_velocity'][:, None] <= 2 * dt + CLOSE,
            moved['angular_velocity'][:, None] <= 3 * dt + CLOSE,
        ],
        'wrench': lambda: [
            length['force'] <= 5 + CLOSE,
            length['torque'] <= 0.5 + CLOSE,
            moved['force'] <= 40 * dt + CLOSE,
            moved['torque'] <= 3 * dt + CLOSE,
        ],
        'gripper': lambda: (np.abs(value) <= 0.5) & (change <= 0.3 * dt + CLOSE),
        'raw': lambda: (value >= [-1, -2]) & (value <= 3) & (change <= 50 * dt + CLOSE),
    }[kind]()


numbers = st.one_of(st.floats(-3, 3), st.floats(width=32), st.just(np.nan), st.just(np.inf))


@pytest.mark.parametrize('kind', LIMITED)
@given(data=st.data())
def test_nothing_beyond_the_limits_is_ever_sent(kind, data):
    """Held, blended, after any gap, with actions of any size: what is sent is finite and within its limits."""
    scale = {'position_scale': (1.0,)} if kind == 'pose_delta' else {} if kind == 'gripper' else {'scale': (40.0,)}
    made, sources = started(spec(kind, **LIMITED[kind], **scale), seed=3, blend_in=0.05)
    for values in sources.values():
        values.values['position'] *= 0.5  # within the bounds: nothing has to jump back
    made.start(sources)
    for _ in range(data.draw(st.integers(1, 5))):
        last = made.commands()['it']
        action = np.array(data.draw(st.lists(numbers, min_size=made.size, max_size=made.size)), np.float32)
        dt = data.draw(st.sampled_from([0.0, 1e-3, DT, 0.2]))
        with np.errstate(invalid='ignore', over='ignore'):
            finite = made.process(np.stack([action] * ROWS), sources, ALL, dt)
        command = made.commands()['it']
        assert all(np.all(each) for each in within(kind, command, last, max(dt, 1e-6)))
        assert all(np.isfinite(value).all() for value in command.values())
        assert finite.all() or same({'it': command}, {'it': last})


@pytest.mark.parametrize('kind', LIMITED)
def test_rows_do_not_notice_one_another(kind):
    """A row alone, among others, among others that fail, hold or blend in: the same bits."""
    options = {**LIMITED[kind], 'smoothing': 0.7}
    alone, sources = started(spec(kind, **options), rows=1, blend_in=3 * DT)
    many, others = started(spec(kind, **options), blend_in=3 * DT, seed=4)
    for name, buffer in sources.items():
        for field, value in buffer.values.items():
            others[name].values[field][1] = value[0]
    many.start(others)
    for seed in range(8):
        action = random_actions(alone.size, seed, rows=1)
        among = random_actions(alone.size, seed + 100)
        among[1] = action[0]
        if seed == 3:
            among[2] = np.nan
        if seed == 4:
            hold(many, others, np.array([True, False, False]))
        assert alone.process(action, sources, np.ones(1, bool), DT).all()
        many.process(among, others, np.array([seed != 5, True, True]), DT)
        left, right = alone.commands()['it'], many.commands()['it']
        for field in left:
            assert left[field][0].tobytes() == right[field][1].tobytes(), (seed, field)


@pytest.mark.parametrize('kind', ['joint_position', 'joint_delta', 'pose_delta', 'gripper'])
def test_the_first_command_is_limited_from_the_measured_state(kind):
    made, sources = started(spec(kind, max_velocity=(0.1,)))
    measured = sources['hand' if kind == 'pose_delta' else 'arm'].values['position']
    for dt in (0.01, 0.02):
        made.start(sources)
        sent = step(made, sources, np.ones((ROWS, made.size), np.float32), dt)['position']
        moved = np.abs(sent - measured[:, : sent.shape[1]])
        assert (moved <= 0.1 * dt + 1e-12).all() and moved.max() > 0.05 * dt


def test_acceleration_is_limited_and_the_target_is_reached_without_passing_it():
    made, sources = started(spec('joint_position', max_velocity=(2.0,), max_acceleration=(5.0,)))
    goal = np.full((ROWS, 3), 1.0, np.float32)
    path = [made.commands()['it']['position']]
    for _ in range(150):
        path.append(step(made, sources, goal)['position'])
    speeds = np.diff([path[0], *path], axis=0) / DT
    assert np.abs(np.diff(speeds, axis=0)).max() <= 5.0 * DT + 1e-9
    assert np.abs(speeds).max() <= 2.0 + 1e-9 and speeds.min() >= -1e-9, 'never back: not passed'
    assert speeds.max() > 1.5
    np.testing.assert_array_equal(path[-1], goal)


@pytest.mark.parametrize(
    'kind, field, limits_of_it',
    [
        ('joint_velocity', 'velocity', {'max_acceleration': (5.0,)}),
        ('effort', 'effort', {'max_effort_rate': (5.0,)}),
        ('twist', 'linear_velocity', {'max_acceleration': (5.0,), 'axes': ('y',)}),
        ('wrench', 'force', {'max_force_rate': 5.0, 'axes': ('z',)}),
    ],
)
def test_a_stop_is_ramped_and_its_last_message_is_whole(kind, field, limits_of_it):
    """The fallback keeps the limits, too; a message that nothing may follow does not leave a robot moving."""
    made, sources = started(spec(kind, **limits_of_it))
    for _ in range(5):
        step(made, sources, np.ones((ROWS, made.size), np.float32))
    fresh = dict.fromkeys(sources, ALL)
    last, rows = made.fallback(made.sent(), sources, fresh, DT, last=True)
    assert rows.all() and not last.commands['it'][field].any()
    for count in range(4, -1, -1):
        hold(made, sources, ALL)
        np.testing.assert_allclose(made.commands()['it'][field].max(axis=1), 5.0 * DT * count, atol=1e-15)


def test_a_measured_state_beyond_the_bounds_is_held_where_it_is_and_comes_back_within_its_speed():
    made, sources = started(spec('joint_position', lower=(-0.1,), upper=(0.1,), max_velocity=(0.5,)))
    measured = sources['arm'].values['position'].copy()
    for _ in range(3):
        hold(made, sources)
        np.testing.assert_array_equal(made.commands()['it']['position'], measured)
    for count in range(1, 60):
        sent = step(made, sources, np.sign(measured).astype(np.float32))['position']
        inward = np.sign(measured) * np.maximum(np.abs(measured) - 0.5 * DT * count, 0.1)
        beyond = np.abs(measured) > 0.1
        np.testing.assert_allclose(sent[beyond], inward[beyond], atol=1e-12)
    assert np.abs(sent).max() <= 0.1


def test_an_integrated_target_does_not_wind_up_at_a_limit():
    made, sources = started(spec('joint_delta', integrate='target', upper=(0.5,), scale=(0.1,)))
    for _ in range(30):
        step(made, sources, np.ones((ROWS, 3), np.float32))
    sent = step(made, sources, np.full((ROWS, 3), -1, np.float32))['position']
    np.testing.assert_allclose(sent, 0.4, rtol=1e-12)


@given(st.floats(-2, 2), st.floats(-1, 1), st.floats(0.1, 10), st.floats(0.01, 0.1))
def test_motion_keeps_velocity_and_acceleration_axis_by_axis(target, speed, acceleration, dt):
    value, previous = np.array([[target, -target]]), np.zeros((1, 2))
    speed = np.array([[speed, 0.0]])
    sent = limits.limit_motion(value, previous, speed, 1.0, acceleration, dt)
    rate = (sent - previous) / dt
    assert (np.abs(rate - speed) <= acceleration * dt + 1e-9).all()
    assert (np.abs(rate) <= max(1.0, np.abs(speed).max()) + 1e-9).all()


def test_held_state_of_other_rows_stays():
    made, sources = started(spec('joint_velocity'), spec('raw', name='thrust'))
    made.process(random_actions(5), sources, ALL, DT)
    before = made.commands()
    hold(made, measurements(5), np.array([False, True, False]))
    assert same(before, made.commands(), rows=[0, 2])
