# SPDX-License-Identifier: Apache-2.0
"""Joints of one source that come in several messages: each has its age, the row that of its oldest joint."""

import numpy as np
import pytest

from rl_policy_node.control.parts import Part
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.control.stamp_order import AGREEING, OutOfOrder
from rl_policy_node.control.supervisor import Supervisor

SECOND = 1_000_000_000
NAMES = ('shoulder', 'elbow', 'finger')
ARM, FINGER, ALL = [0, 1], [2], [0, 1, 2]


class Bench:
    """A buffer of two robots; the first one is written to."""

    def __init__(self, depth=1, **options):
        spec = SourceSpec('joints', 'joint_states', 'x', max_age=0.1, **options)
        self.buffer = SourceBuffer(spec, {'position': ((3,), np.float64)}, 2, depth, NAMES)

    def write(self, joints, value, now, stamp=0):
        arrays = {'position': np.full((1, len(joints)), float(value))}
        self.buffer.write(slice(0, 1), arrays if joints == ALL else Part(arrays, np.array(joints)), stamp, now)

    @property
    def position(self):
        return self.buffer.values['position'][0].tolist()

    def told(self, now):
        return Supervisor(2, 0.01).assess({'joints': self.buffer}, now, round(now * SECOND))[1].get(0)


def test_a_row_has_come_once_each_of_its_joints_has():
    bench = Bench()
    bench.write(ARM, 1, 1.0)
    assert np.isinf(bench.buffer.received[0]) and not bench.buffer.fresh[0]
    assert "has not sent the joints ['finger']" in bench.told(1.0)
    bench.write(FINGER, 2, 1.05)
    assert bench.position == [1, 1, 2] and bench.buffer.received[0] == 1.0 and bench.buffer.fresh[0]
    assert bench.told(1.05) is None


def test_a_row_is_as_old_as_its_oldest_joint_which_is_named():
    bench = Bench()
    for number in range(30):
        bench.write(ARM, number, number * 0.01, number * SECOND // 100)
        if number < 10:
            bench.write(FINGER, number, number * 0.01, number * SECOND // 100)
    assert bench.buffer.received[0] == 0.09 and bench.buffer.stamps[0] == 9 * SECOND // 100
    assert "stale: nothing of the joints ['finger'] for 0.200 s" in bench.told(0.29)
    assert bench.position == [29, 29, 9]


def test_joints_whose_stamps_alone_are_old_are_named():
    bench = Bench()
    bench.write(FINGER, 1, 1.0, 85 * SECOND // 100)
    bench.write(ARM, 1, 1.0, SECOND)
    assert "stale: the joints ['finger'] were stamped 0.190 s ago" in bench.told(1.04)


def test_a_row_has_news_once_each_of_its_joints_has():
    bench, fresh = Bench(), []
    for joints in (ARM, FINGER, ARM, ARM, FINGER, FINGER, ARM):
        bench.write(joints, 1, 1.0)
        fresh.append(bool(bench.buffer.fresh[0]))
        bench.buffer.fresh[:] = False
    assert fresh == [False, True, False, False, True, False, True]


def test_each_joint_has_its_own_order():
    bench = Bench()
    bench.write(ARM, 1, 1.0, 9 * SECOND)
    bench.write(FINGER, 2, 1.0, 5 * SECOND)
    bench.write(FINGER, 3, 1.0, 6 * SECOND)
    with pytest.raises(OutOfOrder, match='1.000 s before the last'):
        bench.write(ARM, 4, 1.0, 8 * SECOND)
    bench.write(ALL, 5, 1.0, 7 * SECOND)
    assert bench.position == [1, 1, 5], 'of a message of all joints those that it is news of'


def test_the_clock_of_one_driver_may_be_set_back_while_the_other_goes_on():
    bench = Bench()
    for number in range(3):
        bench.write(ARM, 0, number, (100 + number) * SECOND)
        bench.write(FINGER, 0, number, (100 + number) * SECOND)
    for number in range(1, AGREEING):
        bench.write(ARM, number, 3 + number, (110 + number) * SECOND)
        with pytest.raises(OutOfOrder):
            bench.write(FINGER, number, 3 + number, number * SECOND)
    bench.write(FINGER, AGREEING, 9.0, AGREEING * SECOND)
    assert bench.position == [AGREEING - 1, AGREEING - 1, AGREEING]


def test_after_a_beginning_the_first_message_of_each_joint_is_taken_though_late():
    bench = Bench()
    for joints in (ARM, FINGER):
        bench.write(joints, 1, 1.0, 9 * SECOND)
    bench.buffer.forget_order(slice(0, 1))
    for joints in (ARM, FINGER):
        bench.write(joints, 2, 2.0, 5 * SECOND)
    assert bench.position == [2, 2, 2]


def test_what_was_refused_is_made_good_by_a_message_of_each_joint():
    bench = Bench()
    for joints in (ARM, FINGER):
        bench.write(joints, 1, 1.0)
    bench.write(FINGER, 1, 1.0)
    bench.buffer.reject(slice(0, 1), ValueError('not finite'))
    bench.write(ARM, 1, 1.0)
    assert bench.buffer.refused[0]
    bench.buffer.reject(slice(0, 1), OutOfOrder('late'))
    bench.write(FINGER, 1, 1.0)
    assert not bench.buffer.refused[0]


def test_a_part_that_is_refused_changes_nothing():
    bench = Bench()
    bench.write(ALL, 1, 1.0)
    with pytest.raises(ValueError, match='not finite'):
        bench.write(FINGER, np.nan, 2.0)
    assert bench.position == [1, 1, 1] and bench.buffer.received[0] == 1.0 and bench.buffer.parts is None


def test_a_copy_and_what_is_kept_for_alignment_are_of_all_joints():
    bench = Bench(depth=4)
    for number in range(1, 4):
        for joints in (ARM, FINGER):
            bench.write(joints, number, number, number * SECOND)
    copy = bench.buffer.empty()
    bench.buffer.copy_asof(copy, np.array([2 * SECOND, 0]))
    assert copy.values['position'][0].tolist() == [2, 2, 2] and copy.stamps[0] == 2 * SECOND
    assert bench.buffer.copy().stamps[0] == 3 * SECOND


def test_identical_parts_are_frozen_and_one_that_differs_is_not():
    bench = Bench(frozen_after=0.05, use_header_stamp=False)
    for number in range(10):
        bench.write(ARM, 1, number * 0.02)
        bench.write(FINGER, 2, number * 0.02)
    assert 'frozen: the same payload for 0.180 s' in bench.told(0.18)
    bench.write(FINGER, 3, 0.18)
    assert bench.told(0.18) is None
