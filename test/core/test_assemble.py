# SPDX-License-Identifier: Apache-2.0
"""Observers, checks and triggers come from outside: the package is not touched for any of them."""

from core.core_bench import Bench, control_of, PERIOD
import numpy as np
import pytest

from rl_policy_node.core import Check, ControlLoop, Trigger
from rl_policy_node.errors import ConfigurationError


class Gravity(Check):
    """Refuses a robot whose wrist feels more than it may; remembers how often it fed."""

    def __init__(self, most):
        self._most, self.fed = most, 0

    def feed(self, frame, rows):
        self.fed += 1

    def arrived(self, frame):
        force = np.abs(frame.sources['wrench'].values['force']).max(axis=1)
        return {row: f'the wrist feels {force[row]:.0f} N' for row in np.nonzero(force > self._most)[0].tolist()}


class Fence(Check):
    """Refuses commands beyond a fence, and inputs of one row."""

    def __init__(self, most, blind=()):
        self._most, self._blind = most, dict.fromkeys(blind, 'nobody may look')

    def seen(self, inputs, rows):
        return self._blind

    def commanded(self, actions, commands, rows):
        beyond = rows & (commands['arm']['position'][:, 0] > self._most)
        return dict.fromkeys(np.nonzero(beyond)[0].tolist(), 'beyond the fence')


class Twice(Trigger):
    """Fires on every second look, and calls a step a second."""

    def __init__(self, period):
        super().__init__(period)
        self.looks = 0

    def wait(self, inbox, running):
        self.looks += 1
        return running() and self.looks % 2 == 0

    def moment(self, steady, ros):
        return float(self.looks), 1.0


class Broken:
    """An observer that cannot bear what it sees."""

    def __init__(self):
        self.seen = 0

    def observe(self, frame, outcome):
        self.seen += 1
        raise RuntimeError('I cannot look')


def test_an_observer_sees_each_frame_and_outcome_after_the_commands_went_out(policy):
    seen = []

    class Observer:
        def observe(self, frame, outcome):
            seen.append((frame.steady, len(bench.sent), outcome.stepped, outcome.actions.shape))

    bench = Bench(policy, observers=[Observer()])
    bench.measure()
    bench.cycle.start()
    bench.step(1)
    bench.step(2)
    times = [bench.keeper.frames[index].steady for index in range(2)]
    assert seen == [(times[0], 1, True, (2, 3)), (times[1], 2, True, (2, 3))]


def test_an_observer_that_fails_costs_only_itself(policy):
    broken = Broken()
    bench = Bench(policy, observers=[broken])
    bench.measure()
    bench.cycle.start()
    for step in range(3):
        bench.step(step)
    assert broken.seen == 1 and len(bench.sent) == 3 and len(bench.keeper.frames) == 3
    assert 'Broken failed and sees no more steps' in bench.log.lines[0] and 'I cannot look' in bench.log.lines[0]


def test_a_check_of_what_arrived_holds_its_rows_with_its_reason(policy):
    gravity = Gravity(5.0)
    bench = Bench(policy, checks=[gravity])
    bench.measure()
    assert bench.cycle.refusals() == {}
    bench.cycle.start()
    bench.step(1)
    heavy = np.array([[9.0, 0.0, 0.0]])
    bench.inbox.write('wrench', slice(1, 2), {'force': heavy}, bench.ros(), bench.now)
    assert bench.cycle.refusals() == {1: 'the wrist feels 9 N'}, 'activation would wait for it'
    measured = bench.inbox.buffers['joints'].values['position'][1].copy()
    bench.step()
    assert bench.rows.healthy.tolist() == [True, False] and bench.rows.reasons == {1: 'the wrist feels 9 N'}
    np.testing.assert_array_equal(bench.positions[1], measured)
    assert bench.keeper.outcomes[-1].changes[0].lost == {1: 'the wrist feels 9 N'}
    assert bench.rows.since.tolist() == [100.0, bench.now] and gravity.fed == 2
    bench.step(3)
    assert bench.rows.healthy.all() and bench.keeper.outcomes[-1].reset.tolist() == [False, True]


def test_checks_of_inputs_and_of_commands_refuse_before_anything_goes_out(policy):
    bench = Bench(policy, checks=[Fence(-10.0, blind=[0])])
    bench.measure()
    bench.cycle.start()
    held = bench.inbox.buffers['joints'].values['position'].copy()
    bench.step()
    np.testing.assert_array_equal(bench.positions, held)
    assert bench.rows.reasons == {0: 'nobody may look', 1: 'beyond the fence'}
    assert not bench.keeper.outcomes[-1].acted.any()


def test_the_first_of_several_reasons_counts(policy):
    bench = Bench(policy, checks=[Gravity(-1.0)])
    bench.measure()
    bench.cycle.start()
    bench.now += 1.0
    bench.measure([1])
    bench.cycle.look()
    assert "source 'joints'" in bench.rows.reasons[0] and bench.rows.reasons[1].startswith('the wrist feels')


def test_a_trigger_says_when_and_with_what_time(policy):
    trigger = Twice(PERIOD)
    bench = Bench(policy, trigger=trigger, observers=())
    bench.measure()
    bench.cycle.start()
    loop = ControlLoop(bench.cycle, trigger, lambda: None, bench.log.error)
    loop.start()
    while len(bench.keeper.frames) < 3:
        pass
    loop.stop()
    stepped = [frame for frame, outcome in zip(bench.keeper.frames, bench.keeper.outcomes) if outcome.stepped]
    assert [frame.dt for frame in stepped[:3]] == [1.0] * 3
    assert [frame.time for frame in stepped[:3]] == [2.0, 4.0, 6.0]


def test_what_does_not_fit_the_policy_is_refused_when_it_is_put_together(policy):
    with pytest.raises(ConfigurationError, match="input 'obs': its terms have"):
        Bench(policy, control_of('rich'))


@pytest.mark.parametrize(
    'change, told',
    [
        (('blend', 1.5), 'blend is 1.5; expected 0 to 1'),
        (('actions.arm.scale', (5.0,)), 'scale_limit'),
        (('actions.leg.scale', (0.1,)), "unknown action term 'leg'"),
    ],
)
def test_a_change_that_cannot_be_is_refused_at_once_and_changes_nothing(policy, change, told):
    bench = Bench(policy)
    bench.measure()
    bench.cycle.start()
    with pytest.raises(ConfigurationError, match=told):
        bench.cycle.change(change)
    bench.step(1)
    assert bench.keeper.frames[0].changes == ()
