# SPDX-License-Identifier: Apache-2.0
"""Single numbers and arrays of them: every value of every kind comes back, none becomes another."""

import array

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
import numpy as np
import pytest

pytest.importorskip('rclpy')

from round_trip import received, shaped, STAMP, there_and_back, watched
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from rl_policy_node.adapters import create_adapter, MessageError
from rl_policy_node.adapters.standard import NUMBERS

ARRAYS = [f'std_msgs/msg/{kind}MultiArray' for kind in NUMBERS if kind != 'Bool']


@pytest.mark.parametrize('kind', NUMBERS)
@settings(max_examples=15)
@given(data=st.data())
def test_number_comes_back(kind, data):
    adapter = create_adapter(f'std_msgs/msg/{kind}')
    value = data.draw(shaped(NUMBERS[kind][1], (1,)))
    # rclpy's check takes the greatest float32 for one too great
    assume(kind != 'Float32' or not 3.4028e38 < abs(value[0]) < np.inf)
    there_and_back(adapter, {'data': value})


@pytest.mark.parametrize('kind', [kind for kind in NUMBERS if 'Int' in kind])
def test_least_and_greatest_number_come_back(kind):
    dtype = NUMBERS[kind][1]
    for value in (np.iinfo(dtype).min, np.iinfo(dtype).max):
        there_and_back(create_adapter(f'std_msgs/msg/{kind}'), {'data': np.array([value], dtype)})


@pytest.mark.parametrize('type_name', ARRAYS)
@settings(max_examples=15)
@given(data=st.data())
def test_multi_array_comes_back_in_its_shape(type_name, data):
    adapter = create_adapter(type_name)
    value = data.draw(shaped(adapter.dtype, array_shapes(min_dims=1, max_dims=4, max_side=5)))
    message = there_and_back(adapter, {'data': value})
    assert [dim.size for dim in message.layout.dim] == (list(value.shape) if value.ndim > 1 else [])
    assert [dim.stride for dim in message.layout.dim][1:] == [
        int(np.prod(value.shape[axis:])) for axis in range(1, value.ndim)
    ]


@pytest.mark.parametrize('shape', [(1, 3), (3, 1), (2, 1, 4), (0, 3)])
def test_rows_stay_rows(shape):
    there_and_back(create_adapter('std_msgs/msg/Float32MultiArray'), {'data': np.ones(shape, np.float32)})


@pytest.mark.parametrize('type_name', ARRAYS)
def test_joint_commands_may_go_out_as_a_bare_array(type_name):
    adapter = create_adapter(type_name)
    message = received(adapter.to_message({'position': np.array([1.0, 2.0, 3.0])}, STAMP))
    assert list(message.data) == [1.0, 2.0, 3.0] and not message.layout.dim
    assert adapter.names(message) is None


def test_arrays_that_are_not_contiguous_are_sent_as_they_read():
    value = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    adapter = create_adapter('std_msgs/msg/Float32MultiArray')
    there_and_back(adapter, {'data': value[:, ::-1, 1:].T})
    swapped = adapter.to_message({'data': value.astype('>f4')}, STAMP)
    np.testing.assert_array_equal(adapter.to_arrays(swapped)['data'], value)


@pytest.mark.parametrize('type_name', ARRAYS)
def test_arrays_are_handed_over_as_array_array(type_name):
    """Everything else would be converted, and checked, number by number."""
    adapter = create_adapter(type_name)
    adapter.message_type = watched(adapter.message_type)
    adapter.to_message({'data': np.zeros((8, 6, 3), adapter.dtype)}, STAMP)
    assert adapter.message_type.assigned['data'] is array.array


@pytest.mark.parametrize(
    'kind, value',
    [
        ('UInt8', 300),
        ('UInt8', -1),
        ('Int8', 0.5),
        ('Int32', np.nan),
        ('Bool', 2),
        ('Bool', 0.5),
        ('Float32', 1e39),
        ('Int64', np.inf),
    ],
)
def test_number_that_would_become_another_is_refused(kind, value):
    for suffix in ['', 'MultiArray'] if kind != 'Bool' else ['']:
        with pytest.raises(ValueError, match=r'position has the value .*, for which \w+ has no room'):
            create_adapter(f'std_msgs/msg/{kind}{suffix}').to_message({'position': np.array([value])}, STAMP)


@pytest.mark.parametrize('kind, value', [('UInt8', 255.0), ('Bool', 1.0), ('Float32', 0.1), ('Float64', 3)])
def test_number_that_fits_is_taken(kind, value):
    adapter = create_adapter(f'std_msgs/msg/{kind}')
    message = adapter.to_message({'position': np.array([value])}, STAMP)
    assert adapter.to_arrays(received(message))['data'] == adapter.dtype(value)


def test_infinity_is_as_good_as_another_number():
    """What is published as infinite, by a simulator for one, is judged where it is used."""
    there_and_back(create_adapter('std_msgs/msg/Float32'), {'data': np.array([np.inf], np.float32)})


@pytest.mark.parametrize('arrays', [{}, {'position': np.zeros(2), 'velocity': np.zeros(2)}])
@pytest.mark.parametrize('kind', ['Float64', 'Float64MultiArray'])
def test_more_or_less_than_one_array_is_refused(kind, arrays):
    with pytest.raises(MessageError, match=f'{kind} carries one array; there are '):
        create_adapter(f'std_msgs/msg/{kind}').to_message(arrays, STAMP)


@pytest.mark.parametrize('size', [0, 2])
def test_more_or_less_than_one_number_is_refused(size):
    with pytest.raises(MessageError, match=f'Float64 carries 1 number; there are {size}'):
        create_adapter('std_msgs/msg/Float64').to_message({'data': np.zeros(size)}, STAMP)


@pytest.mark.parametrize('type_name', ARRAYS)
@pytest.mark.parametrize(
    'sizes, offset, told',
    [
        ([2, 4], 0, r'the layout is \(2, 4\), that is 8 numbers; there are 6'),
        ([6], 1, r'the layout is \(6,\), that is 6 numbers; there are 5'),
        ([0], 0, r'the layout is \(0,\), that is 0 numbers; there are 6'),
        ([2**31, 2**31, 4], 0, r'that is 18446744073709551616 numbers; there are 6'),
        ([], 7, r'layout\.data_offset is 7; there are 6 numbers'),
    ],
)
def test_layout_that_does_not_fit_the_data_is_refused(type_name, sizes, offset, told):
    adapter = create_adapter(type_name)
    message = adapter.to_message({'data': np.zeros(6)}, STAMP)
    message.layout.dim = [MultiArrayDimension(size=size) for size in sizes]
    message.layout.data_offset = offset
    with pytest.raises(MessageError, match=told):
        adapter.to_arrays(received(message))


def test_numbers_before_the_data_offset_are_left_out():
    message = Float64MultiArray(data=[9.0, 1.0, 2.0, 3.0, 4.0])
    message.layout.dim = [MultiArrayDimension(size=2), MultiArrayDimension(size=2)]
    message.layout.data_offset = 1
    found = create_adapter('std_msgs/msg/Float64MultiArray').to_arrays(received(message))['data']
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
