# SPDX-License-Identifier: Apache-2.0
"""What a step takes in, and when it is to begin: the quick answers are those of a look at every row."""

import threading

from core.core_bench import Bench, control_of, PERIOD, policy_of
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.core.frame import Frame
from rl_policy_node.core.inbox import Inbox
from rl_policy_node.core.triggers import create_trigger

ROWS, NOW = 3, 12
ROBOTS = ('one', 'two', 'three')
masks = st.lists(st.booleans(), min_size=ROWS, max_size=ROWS).map(np.array)
stamps = st.lists(st.sampled_from([-5, 0, 1, 5, 9]), min_size=ROWS, max_size=ROWS)


class Clock:
    def steady(self):
        return 5.0

    def ros(self):
        return NOW


def inbox(trigger='observation', **changes):
    """Return an Inbox of an arm, by which an action measures, and of a wrist sensor; and its trigger."""
    control = control_of(robots=ROBOTS, trigger=trigger, **changes)
    buffers = {name: SourceBuffer(spec, {'a': ((2,), np.float64)}, ROWS) for name, spec in control.sources.items()}
    made = create_trigger(control)
    return Inbox(control, buffers, made, Clock()), made


def frame_of(**arms):
    """Return a Frame of sources with `stamps` and `received` as given."""
    sources = {}
    for name, ages in arms.items():
        sources[name] = SourceBuffer(SourceSpec(name, name, 'x'), {'a': ((2,), np.float64)}, ROWS)
        for age, values in ages.items():
            getattr(sources[name], age)[:] = values
    none = np.zeros(ROWS, dtype=bool)
    return Frame(sources, 5.0, NOW, 0.0, 0.0, none, none, np.zeros(ROWS, np.int64))


triggers = st.sampled_from(['observation', 'timer', 'lockstep'])


@given(masks, masks, masks, masks, triggers, st.sampled_from(['', 'episode']))
def test_a_step_begins_when_every_row_that_acts_has_all_it_needs(arm, wrist, acting, episode, name, episode_topic):
    made, trigger = inbox(name, episode_topic=episode_topic)
    made.buffers['joints'].fresh[:], made.buffers['wrench'].fresh[:] = arm, wrist
    made.episode_fresh[:], made.acting = episode, acting
    complete = arm & wrist
    if name == 'timer':
        assert not trigger.fires(made), 'a clock goes by nothing that arrives'
    elif name == 'lockstep':
        assert trigger.fires(made) == (complete & (episode if episode_topic else True)).all()
    else:
        due = trigger.fires(made)
        assert due == (complete.all() or acting.any() and complete[acting].all())
        live = complete[acting] if acting.any() else complete
        assert due or (trigger.alarm == 5.0 + PERIOD / 4) == live.any(), 'the others are waited for a quarter'


@given(masks, masks, masks)
def test_measured_is_asked_of_every_row(arm, wrist, rows):
    frame = frame_of(arm={'received': np.where(arm, 1.0, -np.inf)}, wrist={'received': np.where(wrist, 1.0, -np.inf)})
    np.testing.assert_array_equal(frame.measured(('arm',), rows), rows & arm)
    np.testing.assert_array_equal(frame.measured(('arm', 'wrist'), rows), rows & arm & wrist)


@given(stamps, stamps, masks)
def test_answers_bear_the_stamp_of_what_they_answer_and_others_the_time(arm, wrist, answers):
    frame = frame_of(arm={'stamps': arm}, wrist={'stamps': wrist})
    for source, wanted in (('arm', arm), ('', np.maximum(arm, wrist))):
        for row, stamp in enumerate(frame.stamps(source, answers).tolist()):
            assert stamp == (wanted[row] if answers[row] and wanted[row] else NOW)


@given(st.lists(stamps, min_size=1, max_size=3), stamps)
def test_aligned_sources_are_no_newer_than_the_oldest_of_the_newest(others, last):
    _, trigger = inbox()
    found = trigger.reference(np.array([*others, last]), NOW)
    for row, column in enumerate(zip(*others, last)):
        known = [stamp for stamp in column if stamp]
        assert found[row] == (min(known) if known else 0)


def test_half_a_set_of_a_row_waits_for_its_other_half():
    made, _ = inbox()
    for name, rows in (('joints', slice(0, 2)), ('wrench', slice(1, 2))):
        made.write(name, rows, {'a': np.zeros((rows.stop - rows.start, 2))}, 7, 3.0)
    frame = made.take()
    assert frame.news.tolist() == [False, True, False]
    assert made.buffers['joints'].fresh.tolist() == [True, False, False]
    assert not made.buffers['wrench'].fresh.any()


def test_what_is_taken_stays_as_it_was_and_is_no_longer_new():
    made, _ = inbox('timer')
    arm = made.buffers['joints']
    made.write('joints', slice(1, 2), {'a': np.array([[1.0, 2.0]])}, 7, 3.0)
    made.refuse('joints', slice(2, 3), ValueError('no number'))
    made.look()
    assert arm.fresh.tolist() == [False, True, False], 'a look takes nothing away'
    frame = made.take()
    taken = frame.sources['joints']
    assert not arm.fresh.any() and taken.fresh.tolist() == [False, True, False]
    made.write('joints', slice(1, 2), {'a': np.array([[3.0, 4.0]])}, 8, 4.0)
    assert taken.values['a'].tolist() == [[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]] and taken.stamps.tolist() == [0, 7, 0]
    assert frame.arrived == 3.0 and taken.refused.tolist() == [False, False, True]
    assert str(taken.last_fault[2]) == 'no number'


def test_a_frame_of_one_thread_is_not_overwritten_by_another():
    made, _ = inbox()
    made.write('joints', slice(0, 1), {'a': np.array([[1.0, 2.0]])}, 7, 3.0)
    frame = made.take()
    made.write('joints', slice(0, 1), {'a': np.array([[8.0, 9.0]])}, 8, 4.0)
    thread = threading.Thread(target=made.look)
    thread.start()
    thread.join()
    assert frame.sources['joints'].values['a'][0].tolist() == [1.0, 2.0]


def test_what_was_asked_for_goes_with_one_frame_only():
    made, _ = inbox()
    made.request_reset(slice(1, 2))
    made.request_tare(np.array([True, False, False]))
    made.request_changes(('blend', 0.5))
    made.begin_episodes(slice(2, 3), np.array([40]))
    frame = made.take()
    assert frame.reset.tolist() == [False, True, True], 'a new episode resets its row'
    assert frame.tare.tolist() == [True, False, False] and frame.changes == (('blend', 0.5),)
    assert frame.begun.tolist() == [0, 0, 40]
    made.begin_episodes(slice(0, 3), np.array([50, 50, 50]))
    assert frame.begun.tolist() == [0, 0, 40], 'a frame does not change'
    following = made.take()
    assert following.reset.all() and not following.tare.any() and not following.changes
    assert not made.take().reset.any()


@pytest.mark.parametrize('trigger, follows', [('timer', True), ('observation', True), ('lockstep', False)])
def test_a_clock_that_goes_back_resets_all_unless_the_simulator_says_itself(trigger, follows):
    made, _ = inbox(trigger)
    made.write('joints', slice(0, 1), {'a': np.array([[1.0, 2.0]])}, 7, 3.0)
    assert made.clock_went_back() == follows
    assert made.buffers['joints'].stamps[0] == (0 if follows else 7)
    assert made.take().reset.all() == follows


@pytest.mark.slow
@given(st.lists(st.tuples(stamps, stamps, masks), min_size=1, max_size=3))
def test_rows_act_on_what_belongs_to_their_episode(episodes):
    """A row acts once its sources are of its episode, and where a source counts once, on new messages only."""
    policy = policy_of(_folder, rows=3)
    bench = Bench(
        policy,
        control_of(
            robots=ROBOTS,
            episode_topic='episode',
            sources={'joints': {'use_header_stamp': False}, 'wrench': {'alignment': 'drop', 'use_header_stamp': False}},
        ),
    )
    bench.measure()
    bench.cycle.start()
    bench.step()
    begun = np.zeros(3, np.int64)
    for arm, wrist, new in episodes:
        begun = np.array(arm) + 6
        bench.inbox.begin_episodes(slice(0, 3), begun)
        for name, stamped in (('joints', arm), ('wrench', wrist)):
            bench.inbox.buffers[name].stamps[:] = stamped
        bench.inbox.buffers['wrench'].fresh[:] = new
        bench.step()
        belong = [(np.array(stamped) == 0) | (np.array(stamped) >= begun) for stamped in (arm, wrist)]
        np.testing.assert_array_equal(bench.keeper.outcomes[-1].acted, belong[0] & belong[1] & new)


@pytest.fixture(scope='module', autouse=True)
def runs(folder):
    """Hypothesis' tests take no fixture of their own: the folder of tiny runs, for them."""
    global _folder
    _folder = folder


def test_dt_is_the_time_between_steps_and_a_gap_counts_two_periods(folder):
    bench = Bench(policy_of(folder))
    bench.measure()
    bench.cycle.start()
    for pause in (0.0, 0.005, 3.0):
        bench.now += pause
        bench.step()
    assert [round(frame.dt, 6) for frame in bench.keeper.frames] == [PERIOD, PERIOD + 0.005, 2 * PERIOD]


def test_in_lockstep_time_goes_by_in_steps(folder):
    bench = Bench(policy_of(folder), control_of(trigger='lockstep'))
    bench.measure()
    bench.cycle.start()
    for pause in (0.0, 7.0, 0.001):
        bench.now += pause
        bench.step()
    assert [(frame.time, frame.dt) for frame in bench.keeper.frames] == [(step * PERIOD, PERIOD) for step in range(3)]


def test_after_a_reset_a_row_takes_a_message_that_is_stamped_before_its_last():
    made, _ = inbox()
    arrays = {'a': np.zeros((1, 2))}
    for row in range(2):
        made.write('joints', slice(row, row + 1), arrays, 9, 1.0)
    made.request_reset(slice(1, 2))
    made.write('joints', slice(1, 2), arrays, 5, 2.0)
    with pytest.raises(ValueError, match='out of order'):
        made.write('joints', slice(0, 1), arrays, 5, 2.0)
    assert made.buffers['joints'].stamps[:2].tolist() == [9, 5]
