# SPDX-License-Identifier: Apache-2.0
"""Who fell out comes back after good data, by consent where that is asked for, and not after a pause."""

from core.core_bench import Bench, control_of, PERIOD, policy_of
from core.latch_bench import acts, ALL, assert_replays, LEFT, RIGHT, started
import numpy as np
import pytest


def out(bench, seconds, rows=(1,)):
    """Let the left robot be silent for a while from its fall on, and come back."""
    bench.now += 0.19
    bench.measure(rows)
    assert acts(bench, 0, rows) == [False, True]
    for _ in range(round(seconds / PERIOD)):
        bench.step(0, rows)
    return acts(bench)


def test_more_falls_than_allowed_latch(folder):
    bench = started(folder, latch_falls=2, latch_window=10.0)
    assert out(bench, 0.1) == out(bench, 0.1) == [True, True]
    assert out(bench, 0.1) == [False, True]
    assert 'fell out 3 times within 10 s' in bench.rows.reasons[0]
    assert all(acts(bench) == [False, True] for _ in range(20))
    bench.cycle.resume(LEFT)
    assert acts(bench) == [True, True]
    assert out(bench, 0.1) == out(bench, 0.1) == [True, True], 'counted anew'


def test_falls_far_apart_do_not_latch(folder):
    bench = started(folder, latch_falls=2, latch_window=1.0)
    for _ in range(5):
        assert out(bench, 0.1) == [True, True]
        assert all(acts(bench) == [True, True] for _ in range(20))


def test_a_policy_that_gives_no_numbers_again_and_again_latches(policy, bench):
    act = policy.act

    def blind(*arguments, **options):
        actions = act(*arguments, **options).copy()
        actions[0] = np.nan
        return actions

    policy.act = blind
    for _ in range(8):
        bench.step(0)
    policy.act = act
    assert 'fell out 4 times' in bench.rows.reasons[0] and bench.rows.healthy.tolist() == [False, True]
    assert acts(bench) == [False, True]


@pytest.mark.parametrize('trigger', ['timer', 'observation'])
def test_after_a_pause_the_first_command_is_the_fallback_and_all_rows_latch(folder, trigger):
    bench = started(folder, trigger=trigger)
    bench.now += 0.6
    assert acts(bench, 5) == [False, False]
    np.testing.assert_array_equal(bench.positions, bench.sources['joints'].buffer.values['position'])
    assert 'the process paused for 0.620 s' in bench.rows.reasons[0]
    assert acts(bench, 5) == [False, False]
    bench.cycle.resume(ALL)
    assert acts(bench, 5) == [True, True]


def test_a_pause_amid_a_step_lets_nothing_of_it_out(policy, bench):
    act = policy.act

    def stopped_meanwhile(*arguments, **options):
        bench.now += 0.7
        return act(*arguments, **options)

    policy.act, count, before = stopped_meanwhile, len(bench.sent), bench.positions.copy()
    bench.step(5)
    policy.act = act
    assert len(bench.sent) == count + 1
    np.testing.assert_array_equal(bench.positions, before)  # what is measured is too old by now
    assert acts(bench, 5) == [False, False]


def test_a_loop_that_looks_while_nothing_arrives_did_not_pause(folder):
    bench = started(folder, trigger='observation', sources={'joints': {'max_age': 9.0}, 'wrench': {'max_age': 9.0}})
    for _ in range(20):
        bench.now += 0.1
        bench.cycle.look()
    assert acts(bench) == [True, True]


def test_lockstep_knows_neither_pauses_nor_waiting(folder):
    bench = started(folder, trigger='lockstep', resume='on_request', resume_after=5.0)
    bench.now += 8.0
    assert acts(bench) == [True, True]
    bench.now += 11.0
    assert acts(bench, 0, [1]) == [False, True]
    assert acts(bench) == [True, True]


def test_recovery_takes_good_data_without_a_gap(folder):
    bench = started(folder, resume_after=0.5)
    assert out(bench, 0.1) == [False, True]
    assert all(acts(bench) == [False, True] for _ in range(10))
    bench.now += 0.21
    assert acts(bench, 0, [1])[0] is False, 'the count begins anew'
    assert all(acts(bench)[0] is False for _ in range(24))
    assert acts(bench)[0] is False and all(acts(bench) == [True, True] for _ in [bench.step(0), bench.step(0)])


def test_on_request_a_row_that_fell_out_stays_out(folder):
    bench = started(folder, resume='on_request')
    assert out(bench, 0.1) == [False, True]
    assert "source 'joints'" in bench.rows.reasons[0] and 'until ~/resume' in bench.rows.reasons[0]
    assert all(acts(bench) == [False, True] for _ in range(60))
    bench.cycle.resume(LEFT)
    assert acts(bench) == [True, True]


def test_automatic_is_for_short_outages_only(folder):
    bench = started(folder)
    assert out(bench, 0.8) == [True, True]
    assert out(bench, 1.2) == [False, True]
    assert all(acts(bench) == [False, True] for _ in range(60))


@pytest.mark.parametrize('resume', ['on_request', 'automatic'])
def test_who_comes_late_waits_for_somebody_to_say_so(folder, resume):
    bench = Bench(policy_of(folder), control_of(robots_required='any', resume=resume))
    bench.measure([0])
    bench.cycle.start()
    assert acts(bench, 0, [0]) == [True, False]
    assert all(acts(bench) == [True, False] for _ in range(60))
    bench.cycle.resume(RIGHT)
    assert acts(bench) == [True, True]


def test_a_tare_is_no_fall(folder):
    bench = Bench(policy_of(folder, 'rich'), control_of('rich', resume='on_request'))
    bench.measure()
    bench.cycle.start()
    for step in range(8):
        bench.step(step)
    assert bench.rows.healthy.all()
    bench.inbox.request_tare(ALL)
    bench.step(1)
    assert not bench.rows.healthy.any()
    for step in range(8):
        bench.step(step)
    assert bench.rows.healthy.all()


@pytest.mark.slow
def test_a_run_with_falls_waits_and_pauses_replays_from_any_state(folder):
    first, again = (Bench(policy_of(folder), control_of(resume_after=0.2, blend_in=0.3)) for _ in range(2))
    first.measure()
    first.cycle.start()
    kept = []
    for step in range(120):
        first.now += 0.8 if step == 70 else 0.0
        if step == 90:
            first.cycle.resume(ALL)
        kept.append((first.cycle.stepper.state(), len(first.keeper.frames)))
        first.step(step, [1] if 20 <= step < 40 or 100 <= step < 112 else None)
    assert first.rows.healthy[1]
    for state, later in kept[::7]:
        assert_replays(first, again, state, later)
