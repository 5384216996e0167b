"""Who was stopped stays so until somebody frees him."""
import threading

from core.core_bench import Bench, control_of, PERIOD, policy_of
import numpy as np
import pytest

from rl_policy_node.core import Attention, Enable

ALL, LEFT, RIGHT = slice(0, 2), slice(0, 1), slice(1, 2)


@pytest.fixture
def bench(policy):
    bench = Bench(policy, control_of())
    bench.measure()
    bench.cycle.start()
    bench.step(0)
    return bench


def measured(bench, row):
    """Where a row is measured."""
    return bench.sources['joints'].buffer.values['position'][row]


def acts(bench, seed=0, rows=None):
    """Step; return which rows act, after a look at what the others command."""
    before = bench.positions.copy() if bench.sent else np.full((2, 3), np.nan)
    bench.step(seed, rows)
    fit = bench.rows.fit.copy()
    for row in np.nonzero(~fit)[0]:
        assert (bench.positions[row] == before[row]).all() or (bench.positions[row] == measured(bench, row)).all()
    return fit.tolist()


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
    assert bench.rows.fit.tolist() == [True, False] and bench.sent[-1][2].tolist() == [False, True]
    bench.cycle.resume(RIGHT)
    bench.cycle.look()
    assert bench.rows.fit.tolist() == [True, False], 'only a step, which resets it, lets it act'
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
    assert bench.rows.fit.all()


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


def assert_replays(first, again, state, later):
    """Compare what another bench makes of the frames from the place `later` on, beginning from a state."""
    again.cycle.stepper.restore(state)
    for frame, outcome in list(zip(first.keeper.frames, first.keeper.outcomes))[later:]:
        made = again.cycle.stepper.step(frame)
        np.testing.assert_array_equal(made.commands['arm']['position'], outcome.commands['arm']['position'])
        assert made.reasons == outcome.reasons


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
    assert first.rows.fit.all()
    assert_replays(first, again, kept, later)


def started(folder, **options):
    """A bench whose rows act."""
    bench = Bench(policy_of(folder), control_of(**options))
    bench.measure()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    return bench


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
    assert 'fell out 4 times' in bench.rows.reasons[0] and bench.rows.fit.tolist() == [False, True]
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
    np.testing.assert_array_equal(bench.positions, before)      # what is measured is too old by now
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
    assert bench.rows.fit.all()
    bench.inbox.request_tare(ALL)
    bench.step(1)
    assert not bench.rows.fit.any()
    for step in range(8):
        bench.step(step)
    assert bench.rows.fit.all()


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
    assert first.rows.fit[1]
    for state, later in kept[::7]:
        assert_replays(first, again, state, later)


def enabled(folder, **options):
    """A bench that somebody has to enable."""
    control = control_of(**options)
    bench = Bench(policy_of(folder), control, checks=[Enable(0.1, 'deadman', 2)])
    bench.measure()
    return bench


@pytest.mark.parametrize('end', ['false', 'silence'])
def test_without_enable_nothing_moves(folder, end):
    bench = enabled(folder, resume='on_request')
    assert 'no true on deadman' in bench.cycle.refusals()[0]
    bench.inbox.enable(True, bench.now)
    assert not bench.cycle.refusals()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    if end == 'false':
        bench.inbox.enable(False, bench.now)
    bench.now += 0.0 if end == 'false' else 0.1
    bench.cycle.look()
    assert not bench.rows.fit.any() and bench.sent[-1][2].all() and 'not enabled' in bench.rows.reasons[1]
    for _ in range(60):
        bench.inbox.enable(True, bench.now)
        assert acts(bench) == [False, False], 'it takes ~/resume besides'
    bench.cycle.resume(ALL)
    assert acts(bench) == [True, True]


def test_enable_ends_no_stop(folder):
    bench = enabled(folder)
    bench.inbox.enable(True, bench.now)
    bench.cycle.start()
    bench.cycle.latch(ALL, 'stop')
    for value in (False, True, True):
        bench.inbox.enable(value, bench.now)
        assert acts(bench) == [False, False]


def test_robots_stop_where_nobody_would_be_heard(folder):
    bench = Bench(policy_of(folder), control_of(), checks=[Attention(2, 1.0)])
    bench.measure()
    bench.inbox.hear(bench.now)
    bench.now += 5.0        # before the start nobody needs to be heard
    bench.measure()
    bench.cycle.start()
    assert acts(bench) == [True, True]
    bench.inbox.hear(bench.now)
    for _ in range(round(0.9 / PERIOD)):
        assert acts(bench) == [True, True]
    for _ in range(round(0.2 / PERIOD)):
        fit = acts(bench)
    assert fit == [False, False] and 'a stop would not be heard' in bench.rows.reasons[0]
    bench.inbox.hear(bench.now)
    for _ in range(round(1.0 / PERIOD)):
        assert acts(bench) == [False, False], 'it takes ~/resume'
        bench.inbox.hear(bench.now)
    bench.cycle.resume(slice(None))
    assert acts(bench) == [True, True]
