# SPDX-License-Identifier: Apache-2.0
"""Who was stopped stays so until somebody frees him."""

import threading

from core.core_bench import Bench, control_of, policy_of
from core.latch_bench import acts, ALL, assert_replays, LEFT, measured, RIGHT
import numpy as np


def test_a_latched_row_gets_the_fallback_and_no_other_until_it_is_freed(bench):
    bench.cycle.latch(LEFT, 'the guard was opened')
    assert acts(bench) == [False, True]
    assert bench.rows.reasons == {0: 'the guard was opened; stays on the fallback until ~/resume'}
    assert all(acts(bench, seed) == [False, True] for seed in range(10))
    bench.cycle.resume(RIGHT)
    assert acts(bench) == [False, True]
    bench.cycle.resume(LEFT)
    assert all(acts(bench, seed) == [True, True] for seed in range(40))


def test_of_all_rows_the_fallback_goes_out_at_once(bench):
    count = len(bench.sent)
    thread = threading.Thread(target=bench.cycle.latch, args=(ALL, 'stop'))
    thread.start()
    thread.join(5)
    assert len(bench.sent) == count + 1 and bench.sent[-1][2].all()
    for row in range(2):
        np.testing.assert_array_equal(bench.positions[row], measured(bench, row))
    assert acts(bench, 3) == [False, False]


def test_a_step_under_way_sends_nothing_after_the_stop(bench):
    act, policy = bench.cycle.stepper._policy.act, bench.cycle.stepper._policy

    def stopped_meanwhile(*arguments, **options):
        bench.cycle.latch(ALL, 'stop')
        return act(*arguments, **options)

    policy.act = stopped_meanwhile
    count = len(bench.sent)
    bench.step(7)
    policy.act = act
    assert len(bench.sent) == count + 1
    np.testing.assert_array_equal(bench.positions, bench.sources['joints'].buffer.values['position'])
    assert acts(bench, 7) == [False, False]


def test_a_look_is_enough(bench):
    bench.cycle.latch(RIGHT, 'stop')
    bench.cycle.look()
    assert bench.rows.healthy.tolist() == [True, False] and bench.sent[-1][2].tolist() == [False, True]
    bench.cycle.resume(RIGHT)
    bench.cycle.look()
    assert bench.rows.healthy.tolist() == [True, False], 'only a step, which resets it, lets it act'
    assert acts(bench) == [True, True]


def test_of_two_orders_the_later_one_counts(bench):
    bench.inbox.latch(ALL, 'stop')
    bench.inbox.resume(LEFT)
    bench.inbox.latch(LEFT, 'stop again')
    assert acts(bench) == [False, False]
    bench.inbox.latch(RIGHT, 'and again')
    bench.inbox.resume(ALL)
    for _ in range(40):
        bench.step(0)
    assert bench.rows.healthy.all()


def test_orders_that_nobody_takes_do_not_pile_up(bench):
    for _ in range(1000):
        for rows in (ALL, LEFT, RIGHT):
            bench.inbox.latch(rows, 'stop')
            bench.inbox.resume(rows)
    assert len(bench.inbox.take().orders) == 6


def test_a_row_that_lacks_data_cannot_be_freed(bench):
    bench.cycle.latch(LEFT, 'stop')
    bench.step(0)
    bench.now += 0.3
    bench.cycle.resume(LEFT)
    assert acts(bench, 0, [1])[0] is False
    for _ in range(40):
        assert acts(bench)[0] is False
    assert 'stop;' in bench.rows.reasons[0]


def test_a_new_activation_frees(bench):
    bench.cycle.latch(ALL, 'stop')
    bench.step(0)
    bench.cycle.stop()
    bench.cycle.latch(ALL, 'stop')
    bench.cycle.start()
    assert acts(bench) == [True, True]


def test_a_stop_while_nothing_moves_sends_nothing(policy):
    bench = Bench(policy)
    bench.measure()
    bench.cycle.latch(ALL, 'stop')
    assert bench.sent == []


def test_in_lockstep_the_step_answers_with_the_fallback(folder):
    bench = Bench(policy_of(folder), control_of(trigger='lockstep'))
    bench.measure()
    bench.cycle.start()
    bench.step(0)
    count = len(bench.sent)
    bench.cycle.latch(ALL, 'stop')
    assert len(bench.sent) == count, 'a simulator waits for the answer to its observation'
    assert acts(bench) == [False, False]
    bench.cycle.resume(ALL)
    assert acts(bench) == [True, True]


def test_frames_with_stops_replay_and_the_state_holds_the_latch(folder):
    first, again = (Bench(policy_of(folder)) for _ in range(2))
    first.measure()
    first.cycle.start()
    for step in range(60):
        if step == 5:
            first.cycle.latch(LEFT, 'stop')
        if step == 12:
            kept, later = first.cycle.stepper.state(), len(first.keeper.frames)
        if step == 20:
            first.cycle.resume(LEFT)
        first.step(step)
    assert first.rows.healthy.all()
    assert_replays(first, again, kept, later)
