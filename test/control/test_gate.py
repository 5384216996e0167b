# SPDX-License-Identifier: Apache-2.0
"""The gate alone: what may follow what was sent last, of the policy and of the fallback, and a walk at random."""

import importlib.util
from pathlib import Path

from control.action_bench import ALL, DT, hold, measurements, ROWS, same, spec, started, step
import numpy as np
import pytest

from rl_policy_node import geometry
from rl_policy_node.control import limits
from rl_policy_node.control.gate import Gate

FILE = Path(__file__).parents[2] / 'benchmarks' / 'gate.py'
UP = np.ones((ROWS, 3), np.float32)


def at(sources, value):
    sources['arm'].values['position'][:] = value
    return sources


@pytest.fixture(scope='module')
def walk():
    """The walk of benchmarks/gate.py, which goes on for a million steps there."""
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location('gate_walk', FILE))
    module.__spec__.loader.exec_module(module)
    return module.walk


def test_nothing_leaves_the_limits_at_random(walk):
    counts = walk(2_400, 1, each=60)  # of four rows each
    assert len(counts) == 8 + 9 and all(count > 3 for count in counts.values()), counts


@pytest.mark.parametrize(
    'name, kinds',
    [
        ('limit_step', 'joint|effort|gripper|continuous'),
        ('limit_motion', 'joint|continuous'),
        ('limit_distance', 'pose|twist|wrench'),
        ('limit_turn', 'orientation'),
        ('clamp_from', 'is beyond its limits'),
        ('clamp', 'is beyond its limits|goes beyond'),
        ('slowed', 'max_acceleration'),
    ],
)
def test_the_walk_notices_a_gate_without_one_of_its_limits(walk, name, kinds, monkeypatch):
    monkeypatch.setattr(limits, name, lambda value, *_: value)
    with pytest.raises(AssertionError, match=kinds):
        walk(6_000, each=60)


def test_the_walk_notices_a_hold_that_follows_a_stale_measurement(walk, monkeypatch):
    fallback = Gate.fallback
    monkeypatch.setattr(
        Gate,
        'fallback',
        lambda gate, motion, sources, fresh, *more: fallback(gate, motion, sources, np.ones_like(fresh), *more),
    )
    with pytest.raises(AssertionError, match='a fallback followed a stale measurement'):
        walk(6_000, each=60)


def test_a_hold_from_beyond_the_limits_does_not_move():
    """Measured at 1.5, limits ±0.5: 1.5 is sent, until the policy brings it in at its greatest speed."""
    made, sources = started(spec('joint_position', lower=(-0.5,), upper=(0.5,), max_velocity=(0.1,)))
    made.start(at(sources, 1.5))
    hold(made, sources)
    assert (made.commands()['it']['position'] == 1.5).all()
    np.testing.assert_allclose(step(made, sources, UP)['position'], 1.5 - 0.1 * DT, rtol=1e-14)


def test_a_blocked_robot_is_held_where_it_is_step_by_step_and_once():
    """The target ran ahead: back to the measurement within max_velocity; what it measures later does not matter."""
    made, sources = started(spec('joint_position', max_velocity=(0.1,), max_hold_error=(0.02,)))
    made.start(at(sources, 0.0))
    for _ in range(50):
        last = step(made, sources, UP)['position']
    assert last[0, 0] > 0.09
    for _ in range(60):
        hold(made, sources)
        sent = made.commands()['it']['position']
        assert np.abs(sent - last).max() <= 0.1 * DT + 1e-12
        last, sources = sent, at(sources, 0.0 if last[0, 0] > 0.05 else 0.3)
    np.testing.assert_allclose(last, 0.0, atol=1e-12)


@pytest.mark.parametrize('fresh', [True, False])
def test_a_drive_that_bears_load_keeps_the_difference_and_what_is_stale_is_not_used(fresh):
    made, sources = started(spec('joint_position', max_hold_error=(0.05,)))
    made.start(at(sources, 0.95))
    sent = step(made, sources, UP)['position']
    sources = at(sources, 0.96 if fresh else -3.0)
    for _ in range(5):
        hold(made, sources, fresh=fresh)
        np.testing.assert_array_equal(made.commands()['it']['position'], sent)


def test_a_hold_decelerates_to_rest_and_stays_there():
    made, sources = started(spec('joint_position', max_velocity=(1.0,), max_acceleration=(5.0,), max_hold_error=(9.0,)))
    made.start(at(sources, 0.0))
    path = [step(made, sources, 9 * UP)['position'] for _ in range(20)]
    for _ in range(20):
        hold(made, sources)
        path.append(made.commands()['it']['position'])
    speeds = np.diff(path, axis=0)[:, 0, 0] / DT
    assert np.abs(np.diff(speeds)).max() <= 5.0 * DT + 1e-9 and speeds[18] > 0.9
    assert (speeds >= -1e-12).all() and not speeds[-5:].any()


def test_a_pose_is_held_within_both_errors():
    made, sources = started(spec('pose_delta', max_velocity=(0.5,), max_angular_velocity=0.5))
    sent = made.commands()
    sources['hand'].values['position'] += 0.01
    hold(made, sources)
    assert same(sent, made.commands()), 'a centimetre'
    turn = geometry.quaternion_from_rotation_vector(np.tile([0.0, 0.0, 0.3], (ROWS, 1)))
    sources['hand'].values['orientation'][:] = geometry.multiply(turn, sources['hand'].values['orientation'])
    hold(made, sources)
    turned = geometry.angle_between(sent['it']['orientation'], made.commands()['it']['orientation'])
    np.testing.assert_allclose(turned, 0.5 * DT, rtol=1e-6)


def test_after_a_pause_it_begins_where_it_is_measured_and_knows_nothing_before():
    made, sources = started(spec('joint_position', max_velocity=(0.1,)))
    made.start(at(sources, 0.0), 100.0)
    stale, fresh = ({name: np.full(ROWS, young) for name in sources} for young in (False, True))
    moved = at(measurements(), 1.0)
    assert not made.renew(moved, lambda: fresh, 102.0).any(), 'measured before the last command'
    for source in moved.values():
        source.received[:] = 101.9
    assert not made.renew(moved, lambda: stale, 102.0).any()
    assert not made.fallback(made.sent(), moved, stale, 102.0)[1].any()
    sent, rows = made.fallback(made.sent(), moved, fresh, 102.0)
    assert rows.all() and (sent.commands['it']['position'] == 1.0).all()
    assert made.renew(moved, lambda: fresh, 102.0).all()
    assert (made.commands()['it']['position'] == 1.0).all()
    assert made.renew(moved, lambda: stale, 102.02) is None, 'no pause: nothing is asked'


def test_fingers_and_poses_beyond_their_limits_are_named_and_a_little_beyond_is_not():
    made, sources = started(spec('gripper', open=(0.5,), closed=(-0.5,)), spec('pose_delta', name='hand', upper=(0.4,)))
    at(sources, 0.0)['hand'].values['position'][:] = 0.0
    sources['arm'].values['position'][:, 0] = 0.54
    sources['hand'].values['position'][0] = [0.0, 0.404, 0.0]
    assert not made.tracking.outside(sources)
    sources['arm'].values['position'][2, 0] = -0.56
    sources['hand'].values['position'][0] = [0.0, 0.41, 0.0]
    assert made.tracking.outside(sources) == {
        2: "joint 'hip' is measured at -0.56, beyond actions.it.open or closed -0.5; move the robot within its limits "
        'first',
        0: 'y is measured at 0.41, beyond actions.hand.upper 0.4; move the robot within its limits first',
    }


def test_joints_beyond_their_limits_are_named():
    made, sources = started(spec('joint_position', lower=(-0.5,), upper=(0.5, 0.6, 0.5)))
    at(sources, 0.0)['arm'].values['position'][1, 1] = 0.75
    assert made.tracking.outside(sources) == {
        1: "joint 'knee' is measured at 0.75, beyond actions.it.upper 0.6; move the robot within its limits first"
    }
    assert made.process(UP, sources, ALL, DT).all()
