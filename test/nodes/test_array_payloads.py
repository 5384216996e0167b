# SPDX-License-Identifier: Apache-2.0
"""Arrays travel in standard messages bit for bit, and other programs read them."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rosbags.typesys import get_typestore, Stores

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.array_payloads import array_of, message_type, payload_of
from rl_policy_node.nodes.topics.message_definitions import type_name

DTYPES = ['f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?', 'f2', '>f4', 'c16']
SHAPES = [(), (1,), (3,), (2, 5), (3, 4, 2, 1), (0, 3)]


def random_array(dtype, shape, seed=0):
    """Return random bits, NaNs and infinities among them; only True and False for a bool."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    bits = np.random.default_rng(seed).integers(0, 2 if dtype == '?' else 256, size).astype(np.uint8)
    return bits.view(dtype).reshape(shape)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('dtype', DTYPES)
def test_an_array_comes_back_bit_for_bit(dtype, shape):
    array = random_array(dtype, shape)
    name, found = array_of(type_name(message_type(array)), payload_of('übung', array))
    assert name == ('übung' if shape else '')
    assert found.dtype == array.dtype and found.shape == array.shape and found.tobytes() == array.tobytes()


@pytest.mark.parametrize('name', ['obs/a', 'obs/ab', 'obs/abc', 'obs/abcd'])
@pytest.mark.parametrize('dtype', ['f4', 'f8', 'i8', 'u1', '?'])
def test_other_programs_read_it(name, dtype):
    """Whatever the length of the name, so that numbers lie at each alignment."""
    array = random_array(dtype, (3, 2, 4), seed=1)
    array = np.nan_to_num(array) if array.dtype.kind == 'f' else array
    kind, payload = message_type(array), payload_of(name, array)
    for message in (
        deserialize_message(payload, kind),
        get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(payload, type_name(kind)),
    ):
        assert np.array_equal(np.asarray(message.data), array.reshape(-1))
        labels = [each.label for each in message.layout.dim]
        assert labels == [name, '1', '2', *['|b1'] * (dtype == '?')]
        assert [each.stride for each in message.layout.dim][:3] == [24, 8, 4]


def test_an_array_that_is_not_contiguous_is_meant_as_it_reads():
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    assert np.array_equal(array_of('std_msgs/msg/Float32MultiArray', payload_of('a', array))[1], array)


def test_what_is_no_array_is_refused():
    with pytest.raises(ConfigurationError, match="type of an array .*'?std_msgs/msg/String"):
        array_of('std_msgs/msg/String', b'\0\1\0\0\0\0\0\0')
    with pytest.raises(ValueError, match="array 'a'"):
        payload_of('a', np.array([None]))
    payload = payload_of('a', np.zeros(4))
    with pytest.raises(ValueError, match='ends at'):
        array_of('std_msgs/msg/Float64MultiArray', payload[:-1])
