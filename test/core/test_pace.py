# SPDX-License-Identifier: Apache-2.0
"""Trigger observation: a step at its due time on the newest data, in the phase of the sensors; a rate that is off."""

import math

from core.core_bench import Bench, control_of, PERIOD, policy_of
import numpy as np
import pytest

from rl_policy_node.core.schedule import Schedule

ROBOTS, SILENT, SLOW, FLOODING = 16, 3, 7, 11
ODD = (SILENT, SLOW, FLOODING)


def drive(bench, events):
    """Let events [(s, what happens)] happen and steps begin when they are due.

    Returns [(start, [(stamps, rows) of what was sent])] of the steps.
    """
    steps = []

    def step():
        sent = len(bench.sent)
        bench.cycle.step()
        steps.append((bench.now, [(stamps['arm'], rows) for _, stamps, rows in bench.sent[sent:]]))

    for when, happens in [*events, (math.inf, lambda: None)]:
        while bench.trigger.alarm < when:  # as the loop's thread is woken by it
            bench.now = bench.trigger.alarm
            assert bench.trigger.fires(bench.inbox)
            step()
        bench.now = max(when, bench.now) if math.isfinite(when) else bench.now
        happens()
        if bench.inbox._fired:
            step()
    return steps


def started(folder, **options):
    bench = Bench(
        policy_of(folder, rows=len(options.get('robots', 'x'))),
        control_of(trigger='observation', **{'robots': ('',), **options}),
    )
    bench.measure()
    bench.cycle.start()
    bench.cycle.step()
    return bench


def measured(bench, times):
    return [(when, lambda: bench.measure()) for when in times]


def latencies(steps):
    return np.array([when - sent[0][0][0] * 1e-9 for when, sent in steps])


@pytest.mark.parametrize('rate', [60.0, 100.0, 300.0])
def test_a_faster_sensor_is_answered_at_the_control_rate_on_its_newest_data(folder, rate):
    bench = started(folder)
    steps = drive(bench, measured(bench, 100.0 + np.arange(1, 4 * rate) / rate))
    times = np.array([when for when, _ in steps])
    assert len(steps) == pytest.approx(4.0 / PERIOD, rel=0.01)
    assert np.diff(times).min() >= PERIOD / 2
    assert latencies(steps).max() <= 1 / rate + 0.001


@pytest.mark.parametrize('jitter', [0.0, 0.002])
@pytest.mark.parametrize('drift', [0.995, 1.0, 1.05])
def test_a_sensor_at_the_control_rate_is_answered_one_to_one_at_once(folder, jitter, drift):
    bench = started(folder)
    random = np.random.default_rng(0)
    times = 100.0 + np.arange(1, 200) * PERIOD * drift + random.uniform(-jitter, jitter, 199)
    steps = drive(bench, measured(bench, times))
    assert len(steps) == 199 and latencies(steps).max() < 1e-6


@pytest.mark.slow
def test_jitter_of_17_ms_costs_no_step(folder):
    bench = started(folder)
    times = 100.0 + np.arange(1, 400) * PERIOD + np.random.default_rng(0).uniform(0, 0.017, 399)
    steps = drive(bench, measured(bench, np.sort(times)))
    assert len(steps) == pytest.approx(399, rel=0.01)
    assert np.diff([when for when, _ in steps]).min() >= PERIOD / 2


def test_a_burst_is_answered_once_and_a_stall_leaves_no_lag(folder):
    bench = started(folder)
    before = 100 + np.arange(1, 20) * PERIOD
    after = 100.45 + np.arange(1, 300) * PERIOD
    steps = drive(bench, measured(bench, [*before, 100.45, 100.4501, 100.4502, *after]))
    assert latencies(steps)[-200:].max() < 1e-6
    assert sum(1 for when, _ in steps if 100.44 < when < 100.461) == 1


LATER = 101 * 10**9


@pytest.mark.parametrize('use_header_stamp, stamp, steps', [(True, LATER, 0), (True, 0, 5), (False, LATER, 5)])
def test_a_stamp_that_is_repeated_is_nothing_new(folder, use_header_stamp, stamp, steps):
    ages = {'use_header_stamp': use_header_stamp, 'max_age': 1e9, 'future_tolerance': 9.0}
    bench = started(folder, sources={'joints': ages, 'wrench': ages})
    bench.now += PERIOD
    bench.measure(stamp=stamp)
    bench.cycle.step()
    later = [(bench.now + count * PERIOD, lambda: bench.measure(stamp=stamp)) for count in range(1, 6)]
    assert len(drive(bench, later)) == steps
    assert bench.inbox.buffers['joints'].counts[0] == 7, 'it was heard'


def test_a_paused_simulation_does_not_move_the_robot_and_its_stamps_age(folder):
    bench = started(folder)
    stamp = bench.ros()
    for _ in range(15):
        bench.now += PERIOD
        bench.measure(stamp=stamp)
        assert not bench.inbox._fired
        bench.cycle.look()
    assert 'is stale: stamped' in bench.rows.reasons[0]


def test_in_lockstep_a_message_that_is_sent_again_is_answered_again(folder):
    bench = Bench(policy_of(folder), control_of(trigger='lockstep'))
    bench.measure(stamp=7)
    bench.cycle.start()
    bench.cycle.step()
    bench.measure(stamp=7)
    assert bench.inbox._fired


def test_a_clock_that_goes_back_starts_the_schedule_anew():
    schedule = Schedule(PERIOD)
    schedule.step(1e9, 1e9, True)
    assert schedule.went_back(5.0)
    schedule.step(5.0, 5.0, True)
    assert schedule.due == pytest.approx(5.0 + PERIOD)


def fleet(folder, odd, **options):
    """Return the bench, row → {stamp: command}, and the steps of sixteen robots of which three behave oddly or not."""
    bench = started(folder, robots=tuple(f'robot_{row}' for row in range(ROBOTS)), **options)
    random, events = np.random.default_rng(0), []

    def speak(row, seed):
        return lambda: bench.measure([row], seed)

    for tick in range(1, 100):
        for row in range(ROBOTS):
            when = 100 + tick * PERIOD + random.uniform(0, 0.003)
            if odd and row == FLOODING:
                events += [(when + extra * PERIOD / 20, speak(row, tick)) for extra in range(20)]
            elif not odd and row not in ODD or odd and (row not in ODD or row == SLOW and tick % 8 == 0):
                events.append((when, speak(row, tick)))
    begin = len(bench.sent)
    steps = drive(bench, sorted(events, key=lambda event: event[0]))
    found = [{} for _ in range(ROBOTS)]
    for commands, stamps, rows in bench.sent[begin:]:
        for row in np.nonzero(rows)[0]:
            found[row].setdefault(int(stamps['arm'][row]), commands['arm']['position'][row].copy())
    return bench, found, steps


@pytest.mark.slow
def test_a_silent_a_slow_and_a_flooding_robot_cost_the_others_nothing_but_time(folder):
    others = set(range(ROBOTS)) - set(ODD)
    _, wanted, _ = fleet(folder, odd=False)
    bench, found, steps = fleet(folder, odd=True)
    for row in others:
        assert len(wanted[row]) == 99 and list(found[row]) == list(wanted[row])
        np.testing.assert_array_equal(list(found[row].values()), list(wanted[row].values()))
    assert len(steps) == pytest.approx(99, abs=1), 'their rate holds'
    late = [when - stamps[row] * 1e-9 for when, sent in steps for stamps, rows in sent for row in others if rows[row]]
    assert max(late) <= 0.003 + PERIOD / 4 + 1e-6
    assert 'stale' in bench.rows.reasons[SILENT]
    assert 'too slow' in bench.rows.reasons[SLOW], 'its sources are never stale'
    assert len(found[SLOW]) == 12 + 1, 'nothing but the fallback is sent for a robot that waits for its sensors'


def test_a_row_that_waits_for_its_sensors_is_sent_nothing_and_keeps_its_state(folder):
    """What it does next is what it would have done by itself."""
    alone = started(folder, robots=('left', 'right'), action={'max_velocity': (0.4,), 'max_acceleration': (3.0,)})
    both = started(folder, robots=('left', 'right'), action={'max_velocity': (0.4,), 'max_acceleration': (3.0,)})
    for count in range(1, 40):
        for bench in (alone, both):
            bench.now = 100 + count * PERIOD
            bench.measure([1], count)
            if count % 5 == 0:
                bench.measure([0], count)
        both.cycle.step()
        if count % 5 == 0:
            alone.cycle.step()
            np.testing.assert_array_equal(both.positions[0], alone.positions[0])
        assert both.sent[-1][2].tolist() == [count % 5 == 0, True]


SLOWEST = {'joints': {'max_age': 2.0}, 'wrench': {'max_age': 2.0}}


def test_sensors_that_are_too_slow_warn_and_then_hold_their_robot(folder):
    bench = started(folder, sources=SLOWEST, resume_after=0.5)
    drive(bench, measured(bench, 100 + np.arange(1, 38) / 33.0))
    assert bench.rows.healthy.all()
    (warned,) = bench.keeper.outcomes[-1].warnings.values()
    assert warned == 'complete observations arrive 33.0 times a second; control_rate is 50 Hz'
    drive(bench, measured(bench, 100 + np.arange(38, 120) / 33.0))
    assert 'too slow for a safe step: complete observations arrive 33.0' in bench.rows.reasons[0]
    drive(bench, measured(bench, bench.now + np.arange(1, 160) * PERIOD))
    assert 'until ~/resume' in bench.rows.reasons[0], 'it does not come back by itself'
    bench.cycle.resume(slice(0, 1))
    drive(bench, measured(bench, bench.now + np.arange(1, 5) * PERIOD))
    assert bench.rows.healthy.all() and not bench.keeper.outcomes[-1].warnings


def test_a_sensor_below_half_the_rate_is_held_sooner_and_one_a_little_slow_never(folder):
    for rate, healthy in ((20.0, False), (42.0, True)):
        bench = started(folder, sources=SLOWEST)
        drive(bench, measured(bench, 100 + np.arange(1, 2.3 * rate) / rate))
        assert bench.rows.healthy.all() == healthy


def test_a_slow_robot_is_held_and_ceases_to_delay_the_others(folder):
    bench = started(folder, robots=('left', 'right'), sources=SLOWEST)
    events = [(100 + tick * PERIOD, lambda: bench.measure([0])) for tick in range(1, 200)]
    events += [(100 + (tick + 0.5) * PERIOD, lambda: bench.measure([1])) for tick in range(1, 200, 8)]
    steps = drive(bench, sorted(events, key=lambda event: event[0]))
    assert bench.rows.healthy.tolist() == [True, False] and ' arrive 5.9 times' in bench.rows.reasons[1]
    assert max(when - sent[0][0][0] * 1e-9 for when, sent in steps[-50:]) < 1e-6


@pytest.mark.slow
def test_a_loop_that_misses_its_deadlines_warns_and_goes_on(folder):
    bench = Bench(policy_of(folder), control_of())
    bench.measure()
    bench.cycle.start()
    for count in range(250):
        bench.now += 0.01
        bench.step(count)
    assert bench.rows.healthy.all()
    assert bench.keeper.outcomes[-1].warnings[1] == 'the loop steps 33.3 times a second; control_rate is 50 Hz'


def test_a_new_activation_forgets_who_was_slow(folder):
    bench = started(folder, sources=SLOWEST)
    drive(bench, measured(bench, 100 + np.arange(1, 90) / 20.0))
    assert not bench.rows.healthy.any()
    bench.cycle.start()
    bench.measure()
    bench.cycle.step()
    assert bench.rows.healthy.all()


def test_an_episode_from_the_future_holds_its_row_and_says_why(folder):
    bench = started(folder, robots=('left', 'right'), episode_topic='episode')
    bench.inbox.begin_episodes(slice(0, 1), np.array([bench.ros() + 3600 * 10**9]))
    bench.step(1)
    assert bench.rows.healthy.tolist() == [False, True]
    assert 'shows no observation of the episode, which began 3599.980 s in the future' in bench.rows.reasons[0]


def test_sources_that_never_show_the_episode_hold_their_row(folder):
    unstamped = {'use_header_stamp': False}
    bench = started(folder, episode_topic='episode', sources={'joints': unstamped, 'wrench': unstamped})
    bench.inbox.begin_episodes(slice(0, 1), np.array([bench.ros()]))
    for _ in range(9):
        bench.now += PERIOD
        bench.measure(stamp=5)
        bench.cycle.step()
        assert bench.rows.healthy.all()
    for _ in range(3):
        bench.now += PERIOD
        bench.measure(stamp=5)
        bench.cycle.step()
    assert 'shows no observation of the episode, which began 0.2' in bench.rows.reasons[0]


def answered(times, period=0.01):
    """Return when steps begin, s, and how old their data then are, for one robot whose sensor arrives at `times`."""
    schedule, steps, ages, place = Schedule(period), [], [], 0
    while place < len(times):
        first = last = place
        complete = max(times[first], steps[-1] if steps else 0.0)
        schedule.hear(complete)
        at = max(schedule.due - schedule.slack, schedule.earliest)
        begin = complete if complete >= at else max(schedule.due, at)
        while last + 1 < len(times) and times[last + 1] < begin:
            last += 1
            if times[last] >= at:
                begin = times[last]
        schedule.step(begin, complete, last == first)
        steps.append(begin)
        ages.append(begin - times[last])
        place = last + 1
    return np.array(steps), np.array(ages)


def test_after_a_late_message_the_next_ones_are_answered_at_once():
    times = 100 + np.arange(300) * 0.01
    times[100] += 0.009
    steps, ages = answered(times)
    assert len(steps) == 300 and ages[:101].max() == 0.0
    assert ages[101] == pytest.approx(0.004, abs=1e-4), 'half a period after the late one'
    assert ages[102:].max() == 0.0


def test_a_sensor_that_comes_late_at_random_is_answered_at_its_rate():
    random = np.random.default_rng(1)
    times = 100 + np.arange(3000) * 0.01 + np.where(random.random(3000) < 0.1, random.uniform(0, 0.012, 3000), 0.0)
    steps, ages = answered(np.sort(times))
    assert len(steps) > 2970 and np.percentile(ages, 90) < 0.004
    assert np.diff(steps).min() >= 0.005


@pytest.mark.parametrize('phase', [0.002, 0.004, 0.006, 0.008])
def test_a_new_phase_of_the_sensor_is_followed_within_a_few_steps(phase):
    times = np.concatenate([100 + np.arange(50) * 0.01, 100.49 + phase + np.arange(300) * 0.01])
    steps, ages = answered(times)
    assert ages[60:].max() == 0.0 and len(steps) >= 348


@pytest.mark.parametrize('rate', [102.0, 103.0, 110.0, 150.0, 300.0])
def test_a_faster_sensor_does_not_raise_the_rate_by_its_phase(rate):
    steps, _ = answered(100 + np.arange(int(60 * rate)) / rate)
    assert (len(steps) - 1) / (steps[-1] - steps[0]) <= 101.0
