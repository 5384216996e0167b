# SPDX-License-Identifier: Apache-2.0
"""The watch: a step that is late, a loop that hangs, a thread that is gone; each brings the fallback."""

import threading
import time

from core.core_bench import control_of, policy_of
from core.real_clock import LIMIT, Real
import pytest


class Hang:
    """Blocks the control thread, where it is put, until it is told to go on."""

    def __init__(self):
        self.armed, self.go_on, self.blocked = False, threading.Event(), threading.Event()

    def __call__(self):
        if self.armed:
            self.blocked.set()
            self.go_on.wait(10)

    def observe(self, frame, outcome):
        self()


@pytest.fixture
def hang():
    hang = Hang()
    yield hang
    hang.go_on.set()


def slow(policy, hang):
    """Return the policy, which hangs in `act`."""
    act = policy.act

    def late(*arguments, **options):
        hang()
        return act(*arguments, **options)

    policy.act = late
    return policy


def test_a_step_that_hangs_is_given_up_and_its_result_dropped(policy, hang):
    with Real(slow(policy, hang)) as bench:
        assert bench.alive(lambda: len(bench.sent) > 3) and not bench.held()
        hang.armed = True
        assert hang.blocked.wait(2)
        assert bench.alive(bench.held, 2)
        assert any('the step takes longer than 0.3 s' in line for line in bench.log.lines)
        count, hang.armed = len(bench.sent), False
        hang.go_on.set()
        assert bench.alive(lambda: len(bench.sent) > count + 2) and not bench.held(), 'it goes on'
        assert not bench.errors and not bench.gone


def test_a_loop_that_hangs_outside_of_a_step_brings_the_fallback_once(policy, hang):
    with Real(policy, observers=[hang]) as bench:
        assert bench.alive(lambda: len(bench.sent) > 3)
        hang.armed = True
        assert hang.blocked.wait(2)
        assert bench.alive(bench.held, 2)
        assert any('the control loop has not moved for' in line for line in bench.log.lines)
        count = len(bench.sent)
        time.sleep(0.3)
        assert len(bench.sent) == count, 'once'
        hang.armed = False
        hang.go_on.set()
        assert bench.alive(lambda: len(bench.sent) > count + 2) and bench.held(), 'it stood still for too long'
        bench.cycle.resume(slice(None))
        assert bench.alive(lambda: not bench.held())


def test_a_fallback_that_cannot_be_published_does_not_end_the_watch(policy, hang):
    with Real(slow(policy, hang)) as bench:
        assert bench.alive(lambda: len(bench.sent) > 3)
        publish, failures = bench.cycle.outlet._publish, [OSError('no network')]

        def fail_once(*arguments):
            if failures and threading.current_thread() is bench.watch._thread:
                raise failures.pop()
            publish(*arguments)

        bench.cycle.outlet._publish, hang.armed = fail_once, True
        assert bench.alive(lambda: any('the watch over the control loop failed' in line for line in bench.log.lines), 2)
        hang.armed = False
        hang.go_on.set()
        count = len(bench.sent)
        assert bench.alive(lambda: len(bench.sent) > count + 2) and bench.watch._thread.is_alive()


def test_a_thread_that_is_gone_is_missed(policy):
    """Whatever kills a thread without a word: here its loop is ended behind its back."""
    with Real(policy) as bench:
        assert bench.alive(lambda: len(bench.sent) > 3)
        bench.loop.stop()
        bench.loop._running = True
        assert bench.alive(lambda: bench.gone, 2) and bench.held()
        assert any('the thread of the control loop has ended' in line for line in bench.log.lines)
        bench.loop._running = False


def test_a_simulator_that_waits_waits_for_a_slow_step_too(folder, hang):
    bench = Real(slow(policy_of(folder), hang), control_of(trigger='lockstep'))
    with bench:
        hang.armed = True
        bench.measure(stamp=0)
        assert hang.blocked.wait(2)
        count = len(bench.sent)
        time.sleep(3 * LIMIT)
        assert len(bench.sent) == count
        hang.go_on.set()
        assert bench.alive(lambda: len(bench.sent) > count) and not bench.held()


def test_a_loop_that_goes_well_is_left_alone_though_its_thread_takes_long_to_prepare(policy):
    with Real(policy, prepare=lambda: time.sleep(3 * LIMIT)) as bench:
        assert bench.alive(lambda: len(bench.sent) > 30)
        assert not any('sent the fallback' in line for line in bench.log.lines)
