# SPDX-License-Identifier: Apache-2.0
"""Which rows are fit: the age of every source on both clocks, and the reason in words."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.control.supervisor import Supervisor

ROWS, PERIOD, MAX_AGE = 3, 0.02, 0.1
STEADY, ROS = 50.0, 1_700_000_000_000_000_000  # s, ns: the clocks' now


def ns(seconds):
    return round(seconds * 1e9)


def source(name='arm', stamp=ROS, received=STEADY, **options):
    """Return a source whose every row came at `received` (s) with `stamp` (ns)."""
    spec = SourceSpec(name, f'{name}_topic', 'sensor_msgs/msg/JointState', max_age=MAX_AGE, **options)
    buffer = SourceBuffer(spec, {'position': ((1,), np.float64)}, ROWS)
    buffer.stamps[:], buffer.received[:] = stamp, received
    return buffer


def assess(*sources, patience=None):
    supervisor = Supervisor(ROWS, PERIOD, patience)
    return supervisor.assess({source.spec.name: source for source in sources}, STEADY, ROS)


def test_rows_with_fresh_sources_are_fit():
    healthy, reasons = assess(source('arm'), source('camera'))
    assert healthy.dtype == bool and healthy.tolist() == [True] * ROWS
    assert reasons == {}


@pytest.mark.parametrize('age, fits', [(0.0, True), (0.099, True), (0.101, False), (10.0, False)])
@pytest.mark.parametrize('clock', ['steady', 'stamp'])
def test_age_up_to_max_age_is_fit_on_either_clock(clock, age, fits):
    arm = source()
    if clock == 'steady':
        arm.received[1] -= age
    else:
        arm.stamps[1] -= ns(age)
    healthy, reasons = assess(arm)
    assert healthy.tolist() == [True, fits, True]
    assert list(reasons) == ([] if fits else [1])


def test_reason_names_source_topic_age_and_limit():
    silent, late = source('arm'), source('camera')
    silent.received[0] -= 0.25
    late.stamps[1] -= ns(0.5)
    _, reasons = assess(silent, late)
    assert reasons[0] == "source 'arm' (arm_topic) is stale: nothing for 0.250 s, max_age 0.1 s"
    assert reasons[1] == "source 'camera' (camera_topic) is stale: stamped 0.500 s ago, max_age 0.1 s"


def test_source_that_never_sent_is_told_apart():
    arm = source()
    arm.received[2], arm.stamps[2] = -np.inf, 0
    healthy, reasons = assess(arm)
    assert healthy.tolist() == [True, True, False]
    assert reasons == {2: "source 'arm' (arm_topic) has not sent anything"}


def test_message_without_a_stamp_is_judged_by_its_arrival():
    assert assess(source(stamp=0))[0].all()
    assert not assess(source(stamp=0, received=STEADY - 1.0))[0].any()


def test_old_stamps_do_not_count_where_they_are_not_used():
    assert assess(source(stamp=ROS - ns(5.0), use_header_stamp=False))[0].all()


@pytest.mark.parametrize(
    'period, ahead, fits', [(0.02, 0.09, True), (0.02, 0.11, False), (0.5, 0.9, True), (0.5, 1.1, False)]
)
def test_stamp_from_the_future_is_fit_within_two_periods_or_a_tenth_of_a_second(period, ahead, fits):
    arm = source()
    arm.stamps[0] += ns(ahead)
    healthy, reasons = Supervisor(ROWS, period).assess({'arm': arm}, STEADY, ROS)
    assert healthy.tolist() == [fits, True, True]
    assert fits or f'is stamped {ahead:.3f} s in the future' in reasons[0]


def test_one_stale_source_is_enough_and_the_first_is_told():
    arm, camera = source('arm'), source('camera')
    arm.received[0] -= 1.0
    camera.received[:2] -= 1.0
    healthy, reasons = assess(arm, camera)
    assert healthy.tolist() == [False, False, True]
    assert reasons[0].startswith("source 'arm'") and reasons[1].startswith("source 'camera'")


def test_silence_and_an_old_stamp_together_are_told_as_silence():
    arm = source(received=STEADY - 1.0, stamp=ROS - ns(1.0))
    assert 'nothing for 1.000 s' in assess(arm)[1][0]


def test_patience_takes_the_place_of_max_age_and_stamps_do_not_count():
    slow = source(received=STEADY - 5.0, stamp=ROS - ns(500.0))
    assert assess(slow, patience=10.0)[0].all()
    healthy, reasons = assess(slow, patience=4.0)
    assert not healthy.any() and 'max_age 4 s' in reasons[0]


def test_a_sensor_that_repeats_itself_is_dead():
    arm = source(frozen_after=1.0)
    arm.changed[:] = STEADY - np.array([0.5, 1.5, 0.0])
    healthy, reasons = assess(arm)
    assert healthy.tolist() == [True, False, True]
    assert reasons[1] == "source 'arm' (arm_topic) is frozen: the same payload for 1.500 s, frozen_after 1 s"


def test_a_sensor_may_repeat_itself_where_nobody_asks():
    arm = source()
    arm.changed[:] = STEADY - 100.0
    assert assess(arm)[0].all()


@pytest.mark.parametrize('tolerance, fits', [(0.0, False), (0.5, True), (0.2, False)])
def test_how_far_ahead_a_stamp_may_lie_is_the_sources_own(tolerance, fits):
    arm = source(future_tolerance=tolerance)
    arm.stamps[0] += ns(0.3)
    assert assess(arm)[0].tolist() == [fits, True, True]


def test_what_thousands_of_rows_have_in_common_is_written_once():
    arm = source()
    arm.received[:] = STEADY - 1.0
    arm.reject(np.array([False, True, False]), ValueError('position has a value that is not finite'))
    healthy, reasons = assess(arm)
    assert not healthy.any() and list(reasons) == [0, 1, 2]
    assert reasons[0] is reasons[2] and 'is stale: nothing for 1.000 s' in reasons[0]
    assert reasons[1] == "source 'arm' (arm_topic) sent what was refused: position has a value that is not finite"


class Thorough(Supervisor):
    """Looks at every row of every source."""

    def _faultless(self, *_):
        return False


ages = st.sampled_from([0.0, 0.05, MAX_AGE, 0.1 + 1e-9, 5.0, np.inf])
# s since it was stamped; None: without a stamp
stamped = st.sampled_from([0.0, 0.05, 0.0999, 0.1001, -0.0999, -0.1001, 5.0, 2e9, None])


@given(
    st.lists(st.tuples(ages, ages, stamped, st.sampled_from([False, False, True])), min_size=ROWS, max_size=ROWS),
    st.sampled_from([None, 0.2]),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([0.0, 0.2]),
)
def test_a_glance_tells_what_a_thorough_look_tells(rows, patience, use_header_stamp, frozen_after, future_tolerance):
    """The oldest and the newest of all rows stand for the others only where nothing is wrong with any."""
    arm = source(use_header_stamp=use_header_stamp, frozen_after=frozen_after, future_tolerance=future_tolerance)
    for row, (received, changed, stamp, refused) in enumerate(rows):
        arm.received[row], arm.changed[row] = STEADY - received, STEADY - changed
        arm.stamps[row], arm.refused[row] = 0 if stamp is None else ROS - ns(stamp), refused
        arm.last_fault[row] = ValueError('what was refused')
    found, wanted = (made(ROWS, PERIOD, patience).assess({'arm': arm}, STEADY, ROS) for made in (Supervisor, Thorough))
    assert found[0].tolist() == wanted[0].tolist() and found[1] == wanted[1]
