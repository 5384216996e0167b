# SPDX-License-Identifier: Apache-2.0
"""A source's latest value: what is taken, what is refused, and that a refusal changes nothing."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rl_policy_node.control.indices import index_of
from rl_policy_node.control.source_buffer import SourceBuffer
from rl_policy_node.control.specs import SourceSpec
from rl_policy_node.errors import ConfigurationError, ContractError

SECOND = 1_000_000_000


def make(rows=2, use_header_stamp=True):
    spec = SourceSpec('arm', 'joint_states', 'sensor_msgs/msg/JointState', use_header_stamp=use_header_stamp)
    shapes = {'position': ((3,), np.float64), 'image': ((2, 2, 1), np.uint8)}
    return SourceBuffer(spec, shapes, rows)


def arrays(value=1.0, **changes):
    return {'position': np.full(3, value), 'image': np.full((2, 2, 1), int(value), np.uint8), **changes}


def write(buffer, row, message, stamp, now):
    """Write a message of a single row: field → array, None for a field that it lacks."""
    of_row = {field: value if value is None else value[np.newaxis] for field, value in message.items()}
    buffer.write(slice(row, row + 1), of_row, stamp, now)


def state(buffer):
    """Return everything that a message may change, copied."""
    return [np.copy(array) for array in (*buffer.values.values(), buffer.stamps, buffer.received, buffer.fresh)]


def test_nothing_has_come_at_first():
    buffer = make()
    assert not buffer.fresh.any() and not buffer.stamps.any()
    assert (buffer.received == -np.inf).all()


def test_write_fills_its_row_and_no_other():
    buffer = make(rows=3)
    write(buffer, 1, arrays(7.0), 5 * SECOND, 2.5)
    np.testing.assert_array_equal(buffer.values['position'], [[0] * 3, [7] * 3, [0] * 3])
    np.testing.assert_array_equal(buffer.values['image'][:, 0, 0, 0], [0, 7, 0])
    np.testing.assert_array_equal(buffer.stamps, [0, 5 * SECOND, 0])
    np.testing.assert_array_equal(buffer.received, [-np.inf, 2.5, -np.inf])
    np.testing.assert_array_equal(buffer.fresh, [False, True, False])


def test_write_stays_in_the_preallocated_array():
    buffer = make()
    before = buffer.values['position']
    write(buffer, 0, arrays(), 0, 0.0)
    assert buffer.values['position'] is before


def test_value_does_not_change_with_the_message_it_came_from():
    buffer, message = make(), arrays(1.0)
    write(buffer, 0, message, 0, 0.0)
    message['position'][:] = 9.0
    np.testing.assert_array_equal(buffer.values['position'][0], 1.0)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-1e6, 1e6)), max_size=20))
def test_each_row_holds_what_was_written_last(writes):
    buffer, expected = make(rows=3), np.zeros(3)
    for time, (row, value) in enumerate(writes):
        write(buffer, row, arrays(1, position=np.full(3, value)), time, float(time))
        expected[row] = value
    np.testing.assert_array_equal(buffer.values['position'], np.repeat(expected[:, None], 3, axis=1))


@pytest.mark.parametrize(
    'field, value, reason',
    [
        ('position', None, 'position is missing'),
        ('image', None, 'image is missing'),
        ('position', np.zeros(4), r'position has the shape \(4,\); expected \(3,\)'),
        ('position', np.zeros(0), r'position has the shape \(0,\); expected \(3,\)'),
        ('position', np.zeros((3, 1)), r'position has the shape \(3, 1\); expected \(3,\)'),
        ('image', np.zeros((1, 2, 2), np.uint8), r'image has the shape \(1, 2, 2\); expected \(2, 2, 1\)'),
        ('position', np.array([0.0, np.nan, 0.0]), 'position has a value that is not finite'),
        ('position', np.array([0.0, 0.0, -np.inf]), 'position has a value that is not finite'),
    ],
)
def test_refused_message_is_named_and_leaves_the_row_as_it_was(field, value, reason):
    buffer = make()
    write(buffer, 0, arrays(1.0), SECOND, 1.0)
    buffer.fresh[:] = False
    before = state(buffer)
    with pytest.raises(ValueError, match=reason) as refusal:
        write(buffer, 0, arrays(2.0, **{field: value}), 2 * SECOND, 2.0)
    # a bad value may be followed by a good one; a missing field or another shape comes again
    assert isinstance(refusal.value, ContractError) != ('not finite' in reason)
    for now, then in zip(state(buffer), before):
        np.testing.assert_array_equal(now, then)


def test_flat_array_of_the_right_length_takes_the_shape_of_the_field():
    buffer = make()
    write(buffer, 0, arrays(image=np.arange(4, dtype=np.uint8)), 0, 0.0)
    np.testing.assert_array_equal(buffer.values['image'][0, :, :, 0], [[0, 1], [2, 3]])


def test_older_stamp_is_refused_and_its_age_told():
    buffer = make()
    write(buffer, 0, arrays(1.0), 3 * SECOND, 1.0)
    with pytest.raises(ValueError, match='out of order: stamped 0.500 s before'):
        write(buffer, 0, arrays(2.0), 3 * SECOND - SECOND // 2, 2.0)
    np.testing.assert_array_equal(buffer.values['position'][0], 1.0)


@pytest.mark.parametrize('stamp', [3 * SECOND, 3 * SECOND + 1, 0])
def test_equal_newer_and_missing_stamps_are_taken(stamp):
    buffer = make()
    write(buffer, 0, arrays(1.0), 3 * SECOND, 1.0)
    write(buffer, 0, arrays(2.0), stamp, 2.0)
    assert (buffer.values['position'][0] == 2.0).all() and buffer.stamps[0] == stamp


def test_order_is_kept_per_row():
    buffer = make()
    write(buffer, 0, arrays(1.0), 3 * SECOND, 1.0)
    write(buffer, 1, arrays(2.0), 1 * SECOND, 1.0)
    np.testing.assert_array_equal(buffer.stamps, [3 * SECOND, SECOND])


def test_older_stamp_is_taken_where_stamps_do_not_count():
    buffer = make(use_header_stamp=False)
    write(buffer, 0, arrays(1.0), 3 * SECOND, 1.0)
    write(buffer, 0, arrays(2.0), SECOND, 2.0)
    assert (buffer.values['position'][0] == 2.0).all()


def test_older_stamp_is_taken_after_a_jump_of_time():
    buffer = make()
    write(buffer, 0, arrays(1.0), 3 * SECOND, 1.0)
    buffer.forget_stamps()
    write(buffer, 0, arrays(2.0), SECOND, 2.0)
    assert (buffer.values['position'][0] == 2.0).all()


def test_rejections_are_counted_per_row_with_the_last_fault():
    buffer, first, second = make(), ValueError('first'), ValueError('second')
    buffer.reject(slice(1, 2), first)
    buffer.reject(slice(1, 2), second)
    np.testing.assert_array_equal(buffer.rejected, [0, 2])
    assert buffer.last_fault.tolist() == [None, second]


def test_row_is_broken_while_nothing_of_the_agreed_kind_has_come():
    buffer, other_kind = make(), ContractError('position is missing')
    buffer.reject(slice(0, 1), other_kind)
    buffer.reject(slice(1, 2), ValueError('out of order'))
    assert buffer.broken(0) is other_kind and buffer.broken(1) is None
    write(buffer, 0, arrays(), 0, 1.0)
    assert buffer.broken(0) is None


def test_copy_has_values_and_ages_and_stays_when_the_original_goes_on():
    buffer, copy = make(), make()
    write(buffer, 0, arrays(1.0), SECOND, 1.0)
    buffer.copy_to(copy)
    write(buffer, 0, arrays(2.0), 2 * SECOND, 2.0)
    np.testing.assert_array_equal(copy.values['position'], [[1] * 3, [0] * 3])
    np.testing.assert_array_equal(copy.values['image'][:, 0, 0, 0], [1, 0])
    assert copy.stamps[0] == SECOND and copy.received[0] == 1.0


@given(st.permutations(['a', 'b', 'c', 'd']), st.integers(1, 4))
def test_index_of_picks_the_wanted_names_in_their_order(names, count):
    wanted = sorted(names)[:count]
    assert [names[index] for index in index_of(names, wanted, 'terms.x')] == wanted


def test_missing_joint_is_named_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match=r"terms\.x: no joint \['knee'\]; there are \['hip', 'ankle'\]"):
        index_of(('hip', 'ankle'), ('hip', 'knee'), 'terms.x')


def kept(*stamps, depth=4):
    """Return a buffer that keeps its messages, stamped so (s), each with its stamp as value; and a copy to fill."""
    spec = SourceSpec('arm', 'joint_states', 'sensor_msgs/msg/JointState', alignment='asof')
    buffer, other = (SourceBuffer(spec, {'position': ((1,), np.float64)}, 2, depth) for _ in range(2))
    for now, stamp in enumerate(stamps):
        write(buffer, 0, {'position': np.array([float(stamp)])}, stamp * SECOND, float(now))
    return buffer, other


@pytest.mark.parametrize(
    'stamps, reference, taken',
    [
        ((1, 2, 3), 2, 2.0),
        ((1, 2, 3), 9, 3.0),
        ((1, 3, 5), 4, 3.0),
        ((1, 2, 3), 0, 3.0),
        ((3, 4), 2, 3.0),  # all are newer: the oldest, whose stamp tells
        ((1, 2, 3, 4, 5, 6), 2, 3.0),  # what is no longer kept cannot be taken
    ],
)
def test_copy_asof_takes_the_latest_that_is_not_newer(stamps, reference, taken):
    buffer, other = kept(*stamps)
    buffer.copy_asof(other, np.array([reference * SECOND, 0]))
    assert other.values['position'][0, 0] == taken and other.stamps[0] == taken * SECOND
    assert other.received[0] == stamps.index(taken) and other.received[1] == -np.inf


def test_copy_asof_does_not_touch_what_is_kept():
    buffer, other = kept(1, 2, 3)
    buffer.copy_asof(other, np.array([1 * SECOND, 0]))
    buffer.copy_asof(other, np.array([3 * SECOND, 0]))
    assert other.values['position'][0, 0] == 3.0


def test_a_payload_that_stays_the_same_is_noticed():
    spec = SourceSpec('camera', 'image', 'sensor_msgs/msg/Image', frozen_after=1.0)
    buffer = SourceBuffer(spec, {'image': ((2,), np.uint8)}, 1)
    for now, value in enumerate([5, 5, 6, 6, 6]):
        write(buffer, 0, {'image': np.array([value, 0], np.uint8)}, 0, float(now))
    assert buffer.changed[0] == 2.0 and buffer.received[0] == 4.0


ROWS = 6


def of_all(random, **changes):
    """Return a message of all rows: every number another."""
    return {
        'position': random.normal(size=(ROWS, 3)),
        'image': random.integers(0, 255, (ROWS, 2, 2, 1), np.uint8),
        **changes,
    }


def write_one_by_one(buffer, message, stamp, now):
    """Write a message of all rows as if each row had sent its own; return the rows (mask) that were refused."""
    refused = np.zeros(ROWS, dtype=bool)
    for row in range(ROWS):
        try:
            write(buffer, row, {field: value[row] for field, value in message.items()}, stamp, now)
        except ValueError as error:
            buffer.reject(slice(row, row + 1), error)
            refused[row] = True
    return refused


def everything(buffer):
    return [
        *state(buffer),
        buffer.changed,
        buffer.refused,
        buffer.rejected,
        [str(fault) for fault in buffer.last_fault],
    ]


@pytest.mark.parametrize('options', [{}, {'frozen_after': 1.0}, {'use_header_stamp': False}])
def test_all_rows_at_once_are_what_they_are_one_by_one(options):
    """Numbers that are none in some rows, payloads that repeat, stamps that go back: the same to the last count."""
    spec = SourceSpec('arm', 'state', 'std_msgs/msg/Float64MultiArray', **options)
    shapes = {'position': ((3,), np.float64), 'image': ((2, 2, 1), np.uint8)}
    together, apart = (SourceBuffer(spec, shapes, ROWS, depth=4) for _ in range(2))
    random, stamps = np.random.default_rng(0), [0, 5, 4, 7, 7, 6, 9, 10]
    message = of_all(random)
    for now, stamp in enumerate(stamps):
        if now % 3:
            message = of_all(random)
            message['position'][random.integers(0, ROWS, 2), 1] = [np.nan, np.inf][now % 2]
        counted = together.rejected.copy()
        together.write(slice(0, ROWS), message, stamp, float(now))
        np.testing.assert_array_equal(together.rejected > counted, write_one_by_one(apart, message, stamp, float(now)))
        for left, right in zip(everything(together), everything(apart)):
            np.testing.assert_array_equal(left, right)
        seen, expected = (SourceBuffer(spec, shapes, ROWS) for _ in range(2))
        together.copy_asof(seen, np.full(ROWS, 6))
        apart.copy_asof(expected, np.full(ROWS, 6))
        np.testing.assert_array_equal(seen.values['position'], expected.values['position'])
        np.testing.assert_array_equal(seen.stamps, expected.stamps)
    assert len(set(together.rejected.tolist())) > 1


def test_a_row_that_is_wrong_twice_counts_once():
    buffer = SourceBuffer(SourceSpec('arm', 'state', 'x'), {'a': ((2,), np.float32), 'b': ((1,), np.float32)}, ROWS)
    a, b = np.zeros((ROWS, 2), np.float32), np.zeros((ROWS, 1), np.float32)
    a[2], b[2], b[4] = np.nan, np.nan, -np.inf
    buffer.write(slice(0, ROWS), {'a': a, 'b': b}, 0, 1.0)
    assert np.nonzero(buffer.refused)[0].tolist() == [2, 4]
    assert buffer.rejected.tolist() == [0, 0, 1, 0, 1, 0]
    assert str(buffer.last_fault[2]) == 'a has a value that is not finite'
    assert str(buffer.last_fault[4]) == 'b has a value that is not finite'


@pytest.mark.parametrize(
    'field, value, reason',
    [
        ('position', None, 'position is missing'),
        ('position', np.zeros((5, 3)), r'position has the shape \(5, 3\); expected 6 rows in its first dimension'),
        ('position', np.zeros(18), r'position has the shape \(18,\); expected 6 rows in its first dimension'),
        ('position', np.zeros((6, 4)), r'a row of position has the shape \(4,\); expected \(3,\)'),
        ('image', np.zeros((6, 1, 2, 2), np.uint8), r'a row of image has the shape \(1, 2, 2\); expected \(2, 2, 1\)'),
    ],
)
def test_a_message_of_other_rows_is_refused_whole_and_changes_nothing(field, value, reason):
    buffer = make(rows=ROWS)
    before = state(buffer)
    with pytest.raises(ContractError, match=reason):
        buffer.write(slice(0, ROWS), of_all(np.random.default_rng(0), **{field: value}), 0, 1.0)
    for now, then in zip(state(buffer), before):
        np.testing.assert_array_equal(now, then)


def test_rows_may_come_flat_each():
    buffer = make(rows=ROWS)
    message = of_all(np.random.default_rng(0))
    buffer.write(slice(0, ROWS), {**message, 'image': message['image'].reshape(ROWS, 4)}, 0, 1.0)
    np.testing.assert_array_equal(buffer.values['image'], message['image'])
