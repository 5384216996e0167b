"""The loop's thread: begins once, steps when triggered, watches otherwise, stops when told."""
import threading
import time

from nodes.harness import wait

from rl_policy_node.nodes.control_loop import ControlLoop

import pytest


class Steps:
    """Counts what the loop does; `now` is a clock moved by hand."""

    def __init__(self, trigger, simulated=False, fails=False):
        self.condition = threading.Condition()
        self.began = self.steps = self.watches = self.now = 0
        self.is_ready, self.errors, self._fails = False, [], fails
        self.loop = ControlLoop(0.02, trigger, self.condition, self._begin, lambda: self.is_ready, self._step,
                                self._watch, self.errors.append, simulated, lambda: self.now)

    def _begin(self):
        self.began += 1

    def _step(self):
        self.steps += 1
        self.is_ready = False
        if self._fails:
            raise RuntimeError('no more')

    def _watch(self):
        self.watches += 1

    def tick(self, seconds):
        with self.condition:
            self.now += round(seconds * 1e9)
            self.condition.notify_all()


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


def test_without_a_trigger_it_watches(make):
    steps = make('observation')
    assert wait(lambda: steps.watches >= 3) and steps.steps == 0
    with steps.condition:
        steps.is_ready = True
        steps.condition.notify_all()
    assert wait(lambda: steps.steps == 1)


def test_simulated_time_paces_it_and_a_clock_that_stands_still_is_watched(make):
    steps = make('timer', simulated=True)
    assert wait(lambda: steps.watches >= 2) and steps.steps == 0
    for count in range(1, 4):
        steps.tick(0.02)
        assert wait(lambda: steps.steps == count)
    steps.tick(0.1)
    assert wait(lambda: steps.steps == 4), 'no burst after a stall'
    time.sleep(0.05)
    assert steps.steps == 4 and steps.loop.missed == 4


def test_simulated_time_that_goes_back_is_followed(make):
    steps = make('timer', simulated=True)
    steps.tick(10.0)
    assert wait(lambda: steps.steps == 1)
    steps.tick(-9.9)
    assert wait(lambda: steps.steps == 2)
    steps.tick(0.02)
    assert wait(lambda: steps.steps == 3)


def test_a_step_that_fails_ends_the_loop_with_its_error(make):
    steps = make('timer', fails=True)
    assert wait(lambda: steps.errors)
    assert str(steps.errors[0]) == 'no more' and not steps.loop.running and steps.steps == 1
