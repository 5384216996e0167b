# SPDX-License-Identifier: Apache-2.0
"""Stamps that cannot be: one ahead of the clock never becomes the reference, a clock set back is noticed."""

import numpy as np
import pytest

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.control.stamp_order import AGREEING, OutOfOrder

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
ONE = slice(0, 1)


class Bench:
    """A buffer that follows a clock, in ns, at 1000 s; looks counts how often it was read."""

    def __init__(self, rows=1, **options):
        self.buffer = SourceBuffer(SourceSpec('arm', 'joints', 'x', **options), {'a': ((1,), np.float64)}, rows)
        self.ros, self.looks, self.now = 1000 * SECOND, 0, 0.0
        self.buffer.order.follow(self.read, 0.1)

    def read(self):
        self.looks += 1
        return self.ros

    def write(self, stamp, value=1.0, rows=ONE):
        self.now += 0.01
        self.buffer.write(rows, {'a': np.full((rows.stop - rows.start, 1), value)}, stamp, self.now)


def test_a_stamp_ahead_of_the_clock_is_refused_and_does_not_become_the_reference():
    bench = Bench()
    bench.write(bench.ros)
    with pytest.raises(ValueError, match='stamped 3600.000 s ahead of the clock; future_tol') as refusal:
        bench.write(bench.ros + HOUR, 2.0)
    assert isinstance(refusal.value, OutOfOrder), 'it costs that message alone'
    assert bench.buffer.stamps[0] == bench.ros and bench.buffer.values['a'][0, 0] == 1.0
    bench.ros += SECOND // 100
    bench.write(bench.ros, 3.0)
    assert bench.buffer.values['a'][0, 0] == 3.0


def test_a_first_message_ahead_of_the_clock_is_refused_too():
    bench = Bench()
    with pytest.raises(ValueError, match='ahead of the clock'):
        bench.write(bench.ros + HOUR)
    assert np.isinf(bench.buffer.received[0])


def test_the_clock_is_read_once_in_each_tolerance():
    bench = Bench()
    for _ in range(100):
        bench.write(bench.ros)
        bench.ros += SECOND // 1000
    assert bench.looks <= 2


def test_a_clock_that_does_not_run_yet_refuses_nothing():
    bench = Bench()
    bench.ros = 0
    bench.write(HOUR)
    assert bench.buffer.stamps[0] == HOUR


def test_a_clock_that_went_back_is_read_anew():
    bench = Bench()
    bench.write(bench.ros)
    bench.ros = SECOND
    bench.buffer.forget_stamps()
    with pytest.raises(ValueError, match='ahead of the clock'):
        bench.write(1000 * SECOND)
    bench.write(SECOND)


def test_messages_in_a_row_that_agree_are_a_clock_that_was_set_back():
    bench = Bench()
    bench.write(bench.ros)
    for number in range(1, AGREEING):
        with pytest.raises(OutOfOrder):
            bench.write(number * SECOND)
    bench.write(AGREEING * SECOND, 2.0)
    assert bench.buffer.stamps[0] == AGREEING * SECOND and bench.buffer.values['a'][0, 0] == 2.0
    bench.write((AGREEING + 1) * SECOND)


@pytest.mark.parametrize('stamps', [[5, 4, 3, 2, 1, 0.5], [3, 3, 3, 3, 3, 3]])
def test_late_messages_that_do_not_agree_stay_late(stamps):
    bench = Bench()
    bench.write(bench.ros)
    for stamp in stamps:
        with pytest.raises(OutOfOrder):
            bench.write(int(stamp * SECOND))


def test_a_good_message_in_between_ends_the_series():
    bench = Bench()
    for number in range(1, 3 * AGREEING):
        bench.write(bench.ros + number)
        with pytest.raises(OutOfOrder):
            bench.write(number)


def test_the_first_message_after_a_beginning_is_taken_though_late_and_no_other():
    bench = Bench()
    bench.write(bench.ros)
    bench.buffer.order.forget(bench.buffer.received, bench.buffer.stamps)
    bench.write(5 * SECOND)
    with pytest.raises(OutOfOrder):
        bench.write(4 * SECOND)


def test_a_good_message_after_a_beginning_ends_what_is_taken_though_it_came_in_the_same_instant():
    bench = Bench()
    bench.write(bench.ros)
    bench.buffer.order.forget(bench.buffer.received, bench.buffer.stamps)
    bench.buffer.write(ONE, {'a': np.ones((1, 1))}, bench.ros + 1, bench.now)
    with pytest.raises(OutOfOrder):
        bench.write(bench.ros)


def test_rows_of_one_message_are_refused_ahead_and_taken_after_a_step_back():
    bench, both = Bench(rows=2), slice(0, 2)
    bench.write(bench.ros, rows=both)
    bench.write(bench.ros + HOUR, 2.0, both)
    assert not bench.buffer.refused.any() and bench.buffer.rejected.tolist() == [1, 1]
    for number in range(1, AGREEING + 1):
        bench.write(number * SECOND, 3.0, both)
    assert (bench.buffer.values['a'] == 3.0).all() and bench.buffer.rejected.tolist() == [AGREEING] * 2


def test_rows_that_begin_anew_are_taken_though_late_and_the_others_are_not():
    bench, both = Bench(rows=2), slice(0, 2)
    bench.write(bench.ros, rows=both)
    bench.buffer.order.forget(bench.buffer.received, bench.buffer.stamps, slice(1, 2))
    bench.write(5 * SECOND, 2.0, slice(1, 2))
    with pytest.raises(OutOfOrder):
        bench.write(5 * SECOND, 2.0)
    assert bench.buffer.values['a'][:, 0].tolist() == [1.0, 2.0]


def test_a_clock_that_was_set_back_is_read_anew():
    bench = Bench()
    bench.write(bench.ros)
    bench.ros = 10 * SECOND
    for number in range(1, AGREEING):
        with pytest.raises(OutOfOrder):
            bench.write(number * SECOND)
    bench.write(AGREEING * SECOND)
    with pytest.raises(ValueError, match='ahead of the clock'):
        bench.write(1000 * SECOND)
