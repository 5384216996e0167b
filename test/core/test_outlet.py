# SPDX-License-Identifier: Apache-2.0
"""The gate: every command passes it, and after the fallback of a stop none does."""

from core.core_bench import Bench, control_of, PERIOD, policy_of
import numpy as np
import pytest


def measured(bench):
    return bench.inbox.buffers['joints'].values['position'].copy()


def test_nothing_goes_out_before_the_start(policy):
    bench = Bench(policy)
    bench.measure()
    bench.cycle.stop()
    assert not bench.sent


def test_commands_are_those_of_the_step_with_the_stamp_of_its_observation(bench):
    commands, stamps, rows = bench.sent[-1]
    assert commands is not None and rows.all()
    assert stamps['arm'].tolist() == [bench.ros()] * 2
    np.testing.assert_array_equal(commands['arm']['position'], bench.keeper.outcomes[-1].commands['arm']['position'])


def test_a_stop_sends_the_fallback_for_all_and_nothing_follows(bench):
    bench.measure(seed=5)
    bench.cycle.stop()
    np.testing.assert_array_equal(bench.positions, measured(bench), 'far from what was sent, without a greatest speed')
    count = len(bench.sent)
    bench.step(6)
    bench.cycle.look()
    bench.cycle.stop()
    assert not bench.cycle.give_up(None) and len(bench.sent) == count
    bench.cycle.start()
    bench.step(7)
    assert len(bench.sent) == count + 1, 'until it is started anew'


def test_a_step_that_was_given_up_sends_nothing_and_the_next_goes_on_from_the_fallback(folder):
    bench = Bench(policy_of(folder), control_of(action={'max_velocity': (0.1,)}))
    bench.measure()
    bench.cycle.start()
    bench.step(1)
    late, now = bench.keeper.frames[-1], bench.now + 0.5
    bench.measure(seed=9)
    last, bench.now = bench.positions, now
    bench.measure(seed=9)
    outlet = bench.cycle.outlet
    outlet.expect(now)
    assert bench.cycle.give_up(now) and not bench.cycle.give_up(now), 'once'
    rest = bench.positions
    moved = np.abs(rest - last)
    assert 0.0 < moved.max() <= 0.1 * 2 * PERIOD + 1e-12, 'one step towards what is measured'
    count = len(bench.sent)
    assert not outlet.send(late, bench.keeper.outcomes[-1], now) and len(bench.sent) == count
    bench.step(9)
    assert np.abs(bench.positions - rest).max() <= 0.1 * bench.keeper.frames[-1].dt + 1e-12, 'limits go on from it'
    assert bench.keeper.frames[-1].overruled is not None
    bench.step(9)
    assert bench.keeper.frames[-1].overruled is None


def test_a_robot_that_never_said_where_it_is_gets_nothing(policy):
    bench = Bench(policy, control_of(robots_required='any'))
    bench.measure([0])
    bench.cycle.start()
    bench.step(1, rows=[0])
    assert bench.sent[-1][2].tolist() == [True, False]
    bench.cycle.stop()
    assert bench.sent[-1][2].tolist() == [True, False]


def test_a_kept_fallback_keeps_what_was_really_sent(folder):
    """`keep` keeps the last command of the policy; a step that was given up was never sent."""
    bench = Bench(policy_of(folder), control_of(action={'fallback': 'keep'}))
    bench.measure()
    bench.cycle.start()
    rest = measured(bench)
    bench.cycle.outlet.expect(1.0)
    assert bench.cycle.give_up(1.0)
    np.testing.assert_array_equal(bench.positions, rest)
    bench.step(1)
    sent = bench.positions.copy()
    bench.measure(seed=2)
    bench.cycle.stop()
    np.testing.assert_array_equal(bench.positions, sent)


def test_a_fallback_that_could_not_be_published_is_sent_by_the_next_stop(bench):
    publish, failures = bench.cycle.outlet._publish, [OSError('no network')]

    def fail_once(*arguments):
        if failures:
            raise failures.pop()
        publish(*arguments)

    bench.cycle.outlet._publish = fail_once
    with pytest.raises(OSError, match='no network'):
        bench.cycle.stop()
    count = len(bench.sent)
    bench.cycle.stop()
    assert len(bench.sent) == count + 1
    np.testing.assert_array_equal(bench.positions, measured(bench))
    bench.cycle.stop()
    assert len(bench.sent) == count + 1, 'once'
