# SPDX-License-Identifier: Apache-2.0
"""Images, both ways, in every encoding; one that contradicts itself or the declaration is refused."""

import array

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')

from round_trip import received, shaped, STAMP, stamps, there_and_back, watched

from rl_policy_node.adapters import create_adapter, MessageError
from rl_policy_node.adapters.image import ENCODINGS
from rl_policy_node.errors import ConfigurationError

IMAGE = 'sensor_msgs/msg/Image'
sides = st.integers(1, 5)
every_encoding = pytest.mark.parametrize('encoding', sorted(ENCODINGS))


def counted(encoding, height=2, width=3):
    """Return an image of different numbers."""
    dtype, channels = ENCODINGS[encoding]
    return np.arange(height * width * channels).reshape(height, width, channels).astype(dtype)


def image_message(image, declared='rgb8', **changes):
    message = create_adapter(IMAGE, encoding=declared).to_message({'image': image}, STAMP)
    for field, value in changes.items():
        setattr(message, field, value)
    return received(message)


@every_encoding
@settings(max_examples=10)
@given(data=st.data(), height=sides, width=sides, stamp=stamps)
def test_image_comes_back(encoding, data, height, width, stamp):
    dtype, channels = ENCODINGS[encoding]
    image = data.draw(shaped(dtype, (height, width, channels)))
    message = there_and_back(create_adapter(IMAGE, encoding=encoding, frame_id='camera'), {'image': image}, stamp)
    assert (message.height, message.width, message.encoding) == (height, width, encoding)
    assert message.step == image[0].nbytes


@every_encoding
def test_padding_at_the_end_of_lines_is_cut_off(encoding):
    image = counted(encoding)
    lines = np.hstack([image.view(np.uint8).reshape(2, -1), np.full((2, 5), 255, np.uint8)])
    message = image_message(image, encoding, step=lines.shape[1], data=array.array('B', lines.tobytes()))
    np.testing.assert_array_equal(create_adapter(IMAGE, encoding=encoding).to_arrays(message)['image'], image)


@every_encoding
@pytest.mark.parametrize('order', ['<', '>'])
def test_byte_order_of_the_message_counts(encoding, order):
    image = counted(encoding)
    data = image.astype(image.dtype.newbyteorder(order)).tobytes()
    message = image_message(image, encoding, is_bigendian=int(order == '>'), data=array.array('B', data))
    np.testing.assert_array_equal(create_adapter(IMAGE, encoding=encoding).to_arrays(message)['image'], image)


@pytest.mark.parametrize(
    'changes, told',
    [
        ({'encoding': 'bgr8'}, "encoding is 'bgr8'; expected 'rgb8'"),
        ({'encoding': ''}, "encoding is ''; expected 'rgb8'"),
        ({'step': 8}, 'step is 8; 3 pixels of rgb8 need 9'),
        ({'step': 0}, 'step is 0; 3 pixels of rgb8 need 9'),
        ({'data': array.array('B', bytes(17))}, 'there are 17 bytes; step × height is 18'),
        ({'data': array.array('B', bytes(19))}, 'there are 19 bytes; step × height is 18'),
        ({'data': array.array('B')}, 'there are 0 bytes; step × height is 18'),
        ({'height': 3}, 'there are 18 bytes; step × height is 27'),
        ({'width': 4}, 'step is 9; 4 pixels of rgb8 need 12'),
        ({'height': 2**32 - 1, 'width': 2**32 - 1}, 'step is 9; 4294967295 pixels of rgb8 need 12884901885'),
    ],
)
def test_image_that_contradicts_itself_is_refused(changes, told):
    message = image_message(counted('rgb8'), **changes)
    with pytest.raises(MessageError, match=told):
        create_adapter(IMAGE, encoding='rgb8').to_arrays(message)


@pytest.mark.parametrize('height, width', [(0, 0), (0, 3), (2, 0)])
def test_image_without_pixels_has_none(height, width):
    message = image_message(np.zeros((height, width, 3), np.float32), '32FC3')
    assert create_adapter(IMAGE).to_arrays(message)['image'].shape == (height, width, 3)


def test_unknown_encoding_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match="sources.x: unknown encoding 'rgb16' in .*Image; valid: .*, rgb8"):
        create_adapter(IMAGE, 'sources.x', encoding='rgb16')


@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (18,), (1, 2, 3, 3)])
def test_image_of_another_shape_is_not_sent(shape):
    with pytest.raises(MessageError, match=r'image has the shape .*; expected \(height, width, 3\) for rgb8'):
        create_adapter(IMAGE, encoding='rgb8').to_message({'image': np.zeros(shape, np.uint8)}, STAMP)


def test_grey_image_may_lack_its_one_channel():
    adapter = create_adapter(IMAGE, encoding='mono8')
    message = adapter.to_message({'image': np.ones((2, 3), np.uint8)}, STAMP)
    assert adapter.to_arrays(message)['image'].shape == (2, 3, 1)


@pytest.mark.parametrize('value', [0.5, 256.0, -1.0])
def test_pixel_that_the_encoding_cannot_carry_is_not_sent(value):
    with pytest.raises(ValueError, match=f'image has the value {value}, for which uint8 has no room'):
        create_adapter(IMAGE, encoding='rgb8').to_message({'image': np.full((2, 3, 3), value)}, STAMP)


@pytest.mark.parametrize('arrays', [{}, {'data': np.zeros((2, 3, 3))}])
def test_missing_image_is_refused(arrays):
    with pytest.raises(MessageError, match=r"Image carries \['image'\]; there are "):
        create_adapter(IMAGE).to_message(arrays, STAMP)


def test_part_of_an_image_is_sent_as_it_reads():
    image = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)[:, ::-1, 1:]
    there_and_back(create_adapter(IMAGE, encoding='rgb8'), {'image': image})


def test_pixels_are_handed_over_as_array_array():
    """Everything else would be converted, and checked, byte by byte."""
    adapter = create_adapter(IMAGE)
    adapter.message_type = watched(adapter.message_type)
    adapter.to_message({'image': np.zeros((80, 60, 3), np.float32)}, STAMP)
    assert adapter.message_type.assigned['data'] is array.array
