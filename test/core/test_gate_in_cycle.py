# SPDX-License-Identifier: Apache-2.0
"""The gate in its cycle: what goes out after a silence, a pause, a late step, and from beyond the limits."""

import dataclasses

from core.core_bench import Bench, control_of, PERIOD, policy_of
import numpy as np
import pytest

from rl_policy_node.control.action_spec import action_spec

SLOW = {'lower': (-0.5,), 'upper': (0.5,), 'max_velocity': (0.1,)}


def put(bench, value, rows=(0, 1), seed=0):
    """Let rows measure joints at `value`, and the rest at random."""
    bench.measure(rows, seed, sources=('wrench',))
    for row in rows:
        bench.inbox.write(
            'joints',
            slice(row, row + 1),
            {'position': np.full((1, 3), value), 'velocity': np.zeros((1, 3))},
            bench.ros(),
            bench.now,
        )


@pytest.fixture
def bench(folder):
    bench = Bench(policy_of(folder), control_of(action={**SLOW, 'max_hold_error': (0.05,)}))
    put(bench, 0.0)
    return bench


def go(bench, count, value=None):
    """Step with joints at `value` (None: they say nothing); return the greatest change of a command in one period."""
    most = 0.0
    for _ in range(count):
        last = bench.positions if bench.sent else None
        bench.now += PERIOD
        if value is not None:
            put(bench, value)
        bench.cycle.step()
        most = most if last is None else max(most, np.abs(bench.positions - last).max())
    return most


def test_activation_beyond_the_limits_names_joint_value_and_limit(bench):
    put(bench, 1.5, rows=[1])
    assert bench.cycle.refusals() == {
        1: "joint 'hip' is measured at 1.5, beyond actions.arm.upper 0.5; move the robot within its limits first"
    }
    assert not bench.cycle.refusals(outside=False)
    put(bench, 0.5)
    assert not bench.cycle.refusals()


@pytest.mark.slow
def test_a_robot_beyond_its_limits_comes_back_within_its_speed(bench):
    put(bench, 1.5)
    bench.cycle.start()
    assert go(bench, 1, 1.5) == 0.0
    np.testing.assert_allclose(bench.positions, 1.5 - 0.1 * PERIOD, rtol=1e-12)
    assert go(bench, 600, 1.5) <= 0.1 * PERIOD + 1e-12 and np.abs(bench.positions).max() <= 0.5


def test_a_silence_after_a_blocked_robot_is_no_jump(bench):
    """The sensors fall silent: what they said last is old, so the targets stay until they speak."""
    bench.cycle.start()
    go(bench, 60, 0.0)
    ahead = bench.positions
    assert np.abs(ahead).max() > 0.05
    assert go(bench, 30) <= 0.1 * PERIOD + 1e-12 and not bench.rows.healthy.any()
    held, count = bench.positions, len(bench.sent)
    for _ in range(5):
        bench.now += PERIOD
        bench.cycle.look()
    assert len(bench.sent) == count + 5, 'it goes on being sent'
    np.testing.assert_array_equal(bench.positions, held)
    bench.now += PERIOD
    put(bench, 0.0)
    bench.cycle.look()
    assert 0 < np.abs(bench.positions - held).max() <= 0.1 * PERIOD + 1e-12


@pytest.mark.parametrize('watched', [False, True])
def test_after_a_pause_nothing_goes_out_until_it_is_known_where_the_robot_is(bench, watched):
    bench.cycle.start()
    go(bench, 10, 0.0)
    count = len(bench.sent)
    bench.now += 2.0
    if watched:
        bench.cycle.outlet.expect(bench.now)
        assert bench.cycle.give_up(bench.now)
    bench.cycle.step()
    bench.cycle.look()
    assert not any(rows.any() for _, _, rows in bench.sent[count:])
    bench.now += PERIOD
    put(bench, 0.4)
    bench.cycle.step()
    assert bench.sent[-1][2].all()
    assert np.abs(bench.positions - 0.4).max() <= 0.1 * PERIOD + 1e-12


@pytest.mark.parametrize('watched', [False, True])
@pytest.mark.parametrize('pause', [0.6, 1.2, 1.9])
@pytest.mark.parametrize('max_age', [0.1, 0.5, 3.0])
def test_a_pause_ends_the_last_command_however_old_data_may_be(folder, watched, pause, max_age):
    """What latches the robot after a pause also forgets its last command: the two must not disagree."""
    sources = {'joints': {'max_age': max_age}, 'wrench': {'max_age': max_age}}
    made = Bench(policy_of(folder), control_of(action=SLOW, sources=sources))
    put(made, 0.0)
    made.cycle.start()
    go(made, 10, 0.0)
    count = len(made.sent)
    made.now += pause
    if watched:
        made.cycle.outlet.expect(made.now)
        assert made.cycle.give_up(made.now)
    for _ in range(3):
        made.cycle.step()
        made.cycle.look()
        made.now += PERIOD
    assert not any(rows.any() for _, _, rows in made.sent[count:]) and set(made.cycle.stepper.latch.reasons) == {0, 1}
    put(made, 0.4)
    made.cycle.step()
    assert made.sent[-1][2].all() and not made.rows.healthy.any()
    assert np.abs(made.positions - 0.4).max() <= 0.1 * PERIOD + 1e-12


def test_two_commands_of_one_period_go_no_further_than_their_time(bench):
    """A fallback from another thread counts the time since the last command, and so does the step after it."""
    bench.cycle.start()
    go(bench, 60, 0.0)
    last = bench.positions
    bench.now += 0.25 * PERIOD
    put(bench, 0.0)
    assert bench.cycle.give_up(None)
    moved = np.abs(bench.positions - last)
    assert 0 < moved.max() <= 0.1 * 0.25 * PERIOD + 1e-12
    last = bench.positions
    bench.now += 0.75 * PERIOD
    put(bench, 0.0)
    bench.cycle.step()
    assert np.abs(bench.positions - last).max() <= 0.1 * 0.75 * PERIOD + 1e-12


@pytest.fixture
def mixed(folder):
    """Two robots that act, each with joints at positions and one that turns at a velocity."""
    control = control_of(action={'joints': ('hip', 'knee'), 'offset': (0.1, 0.2), 'max_velocity': (5.0,)})
    wheel = action_spec(
        'wheel', 'joint_velocity', 'wheels', 'x', joints=('ankle',), scale=(1.0,), max_acceleration=(10.0,)
    )
    bench = Bench(policy_of(folder), dataclasses.replace(control, actions=(*control.actions, wheel)))
    put(bench, 0.0)
    bench.cycle.start()
    go(bench, 30, 0.0)
    assert bench.rows.healthy.all() and np.abs(bench.sent[-1][0]['wheel']['velocity']).min() > 0.05
    return bench


def sent_since(bench, count):
    """Return action → the commands that went out to each row since then."""
    found = {'arm': [[], []], 'wheel': [[], []]}
    for commands, _, rows in bench.sent[count:]:
        for name, command in commands.items():
            for row in np.nonzero(rows)[0]:
                found[name][row].append(next(iter(command.values()))[row])
    return found


def test_after_a_pause_joints_get_no_old_position_and_wheels_stop(mixed):
    mixed.now += 2.0  # meanwhile somebody else moves both robots
    turning, count = mixed.sent[-1][0]['wheel']['velocity'], len(mixed.sent)
    for _ in range(20):
        mixed.now += PERIOD
        mixed.cycle.step()
    sent = sent_since(mixed, count)
    assert sent['arm'] == [[], []]
    for row in range(2):
        wheel = np.concatenate([turning[row], *sent['wheel'][row]])
        assert len(sent['wheel'][row]) >= 20 and not wheel[-1]
        assert (np.diff(np.abs(wheel)) <= 0).all() and np.abs(np.diff(wheel)).max() <= 10.0 * 2 * PERIOD + 1e-12
    count = len(mixed.sent)
    mixed.now += PERIOD
    put(mixed, 0.8, rows=[1])
    mixed.cycle.step()
    arm = sent_since(mixed, count)['arm']
    assert not arm[0]
    np.testing.assert_array_equal(arm[1][-1], 0.8)
    # the other one, who did not speak, still gets no position
    count = len(mixed.sent)
    go(mixed, 5)
    arm = sent_since(mixed, count)['arm']
    assert not arm[0] and len(arm[1]) >= 5
    np.testing.assert_array_equal(arm[1], 0.8)


def test_a_robot_that_is_lost_replays(mixed):
    mixed.now += 2.0
    mixed.cycle.step()
    state = mixed.cycle.stepper.state()
    assert state['actions']['lost'].all()
    mixed.cycle.stepper.restore(state)
    count = len(mixed.sent)
    mixed.now += PERIOD
    mixed.cycle.step()
    assert not any(sent_since(mixed, count)['arm'])
