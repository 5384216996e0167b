# SPDX-License-Identifier: Apache-2.0
"""A robot that does not follow its targets is stopped, and stays so."""

from core.core_bench import Bench, control_of, JOINTS, PERIOD, policy_of
import numpy as np
import pytest

from rl_policy_node.control.action_spec import action_spec
from rl_policy_node.errors import ConfigurationError

SLOW = {'scale': (0.0,), 'offset': (3.0,), 'max_velocity': (1.0,), 'max_hold_error': (0.1,)}


def bench_of(folder, trigger='timer', **action):
    """Return a bench whose policy wants 3 rad; scales of zero are allowed at run time only."""
    action = {**SLOW, 'scale': (1e-9,), **action}
    return Bench(policy_of(folder), control_of(trigger=trigger, action=action))


def go(bench, count, blocked=(), silent=()):
    """Step; the joints are where they were sent, those of `blocked` rows at zero, `silent` rows say nothing."""
    for _ in range(count):
        bench.now += PERIOD
        for row in {0, 1} - set(silent):
            put(bench, row, np.zeros(3) if not bench.sent or row in blocked else bench.positions[row])
        bench.cycle.step()


def put(bench, row, at):
    bench.measure([row], sources=('wrench',))
    bench.inbox.write(
        'joints', slice(row, row + 1), {'position': at[None], 'velocity': np.zeros((1, 3))}, bench.ros(), bench.now
    )


def begun(folder, **action):
    bench = bench_of(folder, **action)
    for row in range(2):
        put(bench, row, np.zeros(3))
    bench.cycle.start()
    return bench


def test_a_blocked_robot_is_latched_and_stays_near_and_the_other_goes_on(folder):
    """Blocked at 0, its target ran to 2.8 rad; now it stops at 0.3, and goes back within its limits."""
    bench = begun(folder, max_tracking_error=(0.3,))
    go(bench, 14, blocked=[1])
    assert bench.rows.healthy.all()
    go(bench, 5, blocked=[1])
    assert bench.rows.healthy.tolist() == [True, False]
    assert bench.rows.reasons[1].startswith("actions.arm: 'hip' is measured 0.3")
    assert 'max_tracking_error is 0.3; stays on the fallback until ~/resume' in bench.rows.reasons[1]
    go(bench, 100, blocked=[1])
    assert np.abs(bench.positions[1]).max() < 1e-9 and bench.positions[0].min() > 1.5
    most = max(np.abs(sent[0]['arm']['position'][1]).max() for sent in bench.sent)
    assert most < 0.3 + 2 * PERIOD
    assert bench.rows.healthy.tolist() == [True, False], 'by itself it does not come back'


def test_it_may_be_freed_once_it_is_where_it_is_held(folder):
    bench = begun(folder, max_tracking_error=(0.3,))
    go(bench, 40, blocked=[1])
    assert not bench.rows.healthy[1]
    bench.inbox.resume(slice(1, 2))
    go(bench, 2)
    assert bench.rows.healthy.all()


def test_who_keeps_a_target_that_is_too_far_is_not_freed(folder):
    bench = begun(folder, max_tracking_error=(0.3,), fallback='keep')
    go(bench, 40, blocked=[1])
    bench.inbox.resume(slice(1, 2))
    go(bench, 20, blocked=[1])
    assert not bench.rows.healthy[1]
    go(bench, 1)
    bench.inbox.resume(slice(1, 2))
    go(bench, 2)
    assert bench.rows.healthy.all()


@pytest.mark.parametrize('options', [{}, {'trigger': 'lockstep', 'max_tracking_error': (0.3,)}])
def test_without_it_and_in_lockstep_nobody_is_stopped(folder, options):
    bench = begun(folder, **options)
    go(bench, 60, blocked=[1])
    assert bench.rows.healthy.all() and bench.positions[1].min() > 0.9


def test_what_was_measured_too_long_ago_tells_nothing(folder):
    bench = begun(folder, max_tracking_error=(0.3,))
    go(bench, 8)
    go(bench, 30, silent=[1])
    assert 'stale' in bench.rows.reasons[1] and 'measured' not in bench.rows.reasons[1]


def test_the_largest_error_is_told_of_what_went_out(folder):
    bench = begun(folder)
    go(bench, 10, blocked=[1])
    error, axis, row = bench.cycle.outlet.tracking(bench.inbox.look())['arm']
    assert (axis, row) == (JOINTS[0], 1)
    assert error == pytest.approx(bench.positions[1, 0], abs=1e-12) and error > 0.15


@pytest.mark.parametrize(
    'options, told',
    [
        ({'max_tracking_error': (0.05,)}, 'max_tracking_error .0.05. is below max_hold_error .0.1.'),
        ({'max_tracking_error': (0.2, 0.2, 0.05)}, 'a robot would be held too far away to be freed'),
        ({'max_tracking_error': (0.2, 0.2)}, 'has 2 numbers; expected 1 or 3'),
    ],
)
def test_what_it_cannot_be_is_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        action_spec('arm', 'joint_position', 'commands', 'x', source='joints', joints=JOINTS, **options)
    action_spec(
        'arm', 'joint_position', 'commands', 'x', source='joints', joints=JOINTS, **options, fallback='keep'
    ) if 'numbers' not in told else None
