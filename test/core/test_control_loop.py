# SPDX-License-Identifier: Apache-2.0
"""The loop's thread: begins once, steps when triggered, watches otherwise, stops when told."""

import threading
import time

from core.core_bench import control_of, Sensor
import pytest

from rl_policy_node.core.control_loop import ControlLoop
from rl_policy_node.core.guard import Unguarded
from rl_policy_node.core.inbox import Inbox
from rl_policy_node.core.trigger import Trigger
from rl_policy_node.core.triggers import SimulatedTimer, SteadyTimer


class Readiness(Trigger):
    """A trigger from outside: fires when told to."""

    def __init__(self, period, steps):
        super().__init__(period)
        self._steps = steps

    def wait(self, inbox, running):
        return inbox.wait(lambda: self._steps.is_ready, self.period, running)


class Steps:
    """A cycle that counts what the loop does with it; `now` is a clock moved by hand."""

    def __init__(self, trigger, simulated=False, fails=None, period=0.02, work=lambda: None):
        self.began = self.steps = self.watches = self.now = 0
        self.is_ready, self.errors, self._fails, self._work = False, [], fails, work
        if trigger == 'timer':
            self.trigger = SimulatedTimer(period, lambda: self.now) if simulated else SteadyTimer(period)
        else:
            self.trigger = Readiness(period, self)
        control = control_of()
        buffers = {name: Sensor(spec, 2).buffer for name, spec in control.sources.items()}
        self.inbox = Inbox(control, buffers, self.trigger, self)
        self.lock, self.guard = self.inbox._lock, Unguarded()
        self.loop = ControlLoop(self, self.trigger, self._begin, self.errors.append)

    def ros(self):
        """Return the time, ns: a clock's part."""
        return self.now

    def _begin(self):
        self.began += 1

    def step(self):
        self.steps += 1
        self.is_ready = False
        if self._fails:
            raise self._fails
        self._work()

    def look(self):
        self.watches += 1

    def tick(self, seconds):
        with self.lock:
            self.now += round(seconds * 1e9)
        self.inbox.notify()


def wait(condition, timeout=5.0):
    """Return whether a condition comes true within `timeout`, s."""
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return condition()


@pytest.fixture
def make():
    made = []

    def start(*args, **kwargs):
        made.append(Steps(*args, **kwargs))
        made[-1].loop.start()
        return made[-1]

    yield start
    for steps in made:
        steps.loop.stop()


def test_it_begins_once_and_in_its_own_thread(make):
    steps = make('timer')
    assert wait(lambda: steps.steps >= 3) and steps.began == 1


def test_the_timer_steps_no_more_often_than_its_period(make):
    steps = make('timer')
    began = time.monotonic()
    time.sleep(0.5)
    assert steps.steps <= (time.monotonic() - began) / 0.02 + 1


def deadlines(starts, trigger):
    """Return how many deadlines there were, by the clock and by the trigger, until the last of its steps began."""
    return (starts[-1] - trigger.late[-1] - (starts[0] - trigger.late[0])) / 0.02, len(starts) - 1 + trigger.missed


def test_deadlines_are_absolute_however_long_the_steps_take(make):
    starts = []
    steps = make('timer', work=lambda: (starts.append(time.monotonic()), time.sleep(0.004 * (len(starts) % 4))))
    assert wait(lambda: len(starts) > 25)
    steps.loop.stop()
    # each step takes up to 12 of 20 ms, which would add up to several periods
    by_the_clock, by_the_loop = deadlines(starts, steps.trigger)
    assert by_the_clock == pytest.approx(by_the_loop, abs=1)


def test_after_a_stall_there_is_no_burst_and_what_was_missed_is_counted(make):
    starts = []
    steps = make('timer', work=lambda: (starts.append(time.monotonic()), time.sleep(0.13 if len(starts) == 2 else 0)))
    assert wait(lambda: len(starts) > 8)
    steps.loop.stop()
    by_the_clock, by_the_loop = deadlines(starts, steps.trigger)
    assert steps.trigger.missed >= 5 and by_the_clock == pytest.approx(by_the_loop, abs=1)


def test_nothing_but_its_deadline_wakes_the_timer(make):
    steps = make('timer', period=0.3)
    steps.is_ready = True
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        steps.inbox.notify()
    assert steps.steps == steps.watches == 0
    assert wait(lambda: steps.steps == 1)


def test_the_timer_steps_while_callbacks_hold_the_lock(make):
    steps = make('timer')
    with steps.lock:
        assert wait(lambda: steps.steps >= 3)


@pytest.mark.parametrize('trigger', ['timer', 'observation'])
def test_a_stop_does_not_wait_for_a_long_period(make, trigger):
    steps = make(trigger, period=5.0)
    assert wait(lambda: steps.began)
    began = time.monotonic()
    steps.loop.stop()
    assert time.monotonic() - began < 1.0 and not steps.loop.stuck
    assert steps.steps == 0


def test_a_loop_that_was_stopped_starts_anew(make):
    steps = make('timer')
    assert wait(lambda: steps.steps)
    steps.loop.stop()
    count = steps.steps
    time.sleep(0.06)
    assert steps.steps == count and not steps.loop.running
    steps.loop.start()
    assert wait(lambda: steps.steps > count + 1) and steps.began == 2


def test_a_step_that_outlasts_the_stop_keeps_a_second_thread_away(make):
    go_on = threading.Event()
    steps = make('timer', work=go_on.wait)
    assert wait(lambda: steps.steps)
    steps.loop.stop(patience=0.05)
    assert steps.loop.stuck
    with pytest.raises(RuntimeError, match='still runs'):
        steps.loop.start()
    go_on.set()
    assert wait(lambda: not steps.loop.stuck) and steps.steps == 1
    steps.loop.start()
    assert wait(lambda: steps.steps > 1)


def test_without_a_trigger_it_watches(make):
    steps = make('observation')
    assert wait(lambda: steps.watches >= 3) and steps.steps == 0
    with steps.lock:
        steps.is_ready = True
    steps.inbox.notify()
    assert wait(lambda: steps.steps == 1)


def test_simulated_time_paces_it_and_a_clock_that_stands_still_is_watched(make):
    steps = make('timer', simulated=True)
    assert wait(lambda: steps.watches >= 2) and steps.steps == 0
    for count in range(1, 4):
        steps.tick(0.02)
        assert wait(lambda: steps.steps == count)
    steps.tick(0.1)
    assert wait(lambda: steps.steps == 4), 'no burst after a jump'
    time.sleep(0.05)
    assert steps.steps == 4 and steps.trigger.missed == 0, 'a clock that jumps is no loop that is late'


@pytest.mark.parametrize('jump, missed', [(0.1, 4), (5.0, 0)])
def test_deadlines_that_pass_while_a_step_takes_its_time_are_missed_and_a_jump_is_not(make, jump, missed):
    go_on = threading.Event()
    steps = make('timer', simulated=True, work=go_on.wait)
    steps.tick(0.02)
    assert wait(lambda: steps.steps == 1)
    steps.inbox.clock_jumped(jump)  # as the node is told
    steps.tick(jump)
    go_on.set()
    if not missed:
        steps.tick(0.02)
    assert wait(lambda: steps.steps == 2)
    assert steps.trigger.missed == missed


def test_simulated_time_that_goes_back_is_followed(make):
    steps = make('timer', simulated=True)
    steps.tick(10.0)
    assert wait(lambda: steps.steps == 1)
    steps.tick(-9.9)
    assert wait(lambda: steps.steps == 2)
    steps.tick(0.02)
    assert wait(lambda: steps.steps == 3)


@pytest.mark.parametrize('error', [RuntimeError('no more'), SystemExit('no more')])
def test_a_step_that_fails_ends_the_loop_with_its_error(make, error):
    """A term that calls sys.exit() ends the loop with a word, too, not its thread without one."""
    steps = make('timer', fails=error)
    assert wait(lambda: steps.errors)
    assert steps.errors == [error] and not steps.loop.running and steps.steps == 1
