# SPDX-License-Identifier: Apache-2.0
"""Compressed images: PNG comes back to the bit, JPEG closely, broken ones not at all."""

import array
import io
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')
Pillow = pytest.importorskip('PIL.Image')

from round_trip import received, shaped, STAMP, stamps, there_and_back  # noqa: E402
from sensor_msgs.msg import CompressedImage  # noqa: E402

from rl_policy_node.adapters import create_adapter, MessageError  # noqa: E402
from rl_policy_node.adapters.compressed_image import ENCODINGS, FORMATS  # noqa: E402
from rl_policy_node.errors import ConfigurationError  # noqa: E402

COMPRESSED = 'sensor_msgs/msg/CompressedImage'
sides = st.integers(1, 5)


def slope(channels):
    """Return an image (16, 16, channels) that a JPEG carries closely."""
    ramp = np.linspace(40, 200, 16, dtype=np.uint8)
    return np.stack([np.tile(ramp, (16, 1)), np.full((16, 16), 100, np.uint8), np.tile(ramp, (16, 1)).T], axis=-1)[
        ..., :channels
    ]


def message_of(picture, codec='PNG', text=None, cut=None):
    """Return a CompressedImage of a Pillow picture, `cut` to so many bytes."""
    data = io.BytesIO()
    picture.save(data, codec)
    text = codec.lower() if text is None else text
    return received(CompressedImage(format=text, data=array.array('B', data.getvalue()[:cut])))


@pytest.mark.parametrize('encoding', sorted(ENCODINGS))
@settings(max_examples=10)
@given(data=st.data(), height=sides, width=sides, stamp=stamps)
def test_png_comes_back(encoding, data, height, width, stamp):
    dtype, channels, _ = ENCODINGS[encoding]
    image = data.draw(shaped(dtype, (height, width, channels)))
    adapter = create_adapter(COMPRESSED, encoding=encoding, frame_id='camera')
    assert there_and_back(adapter, {'image': image}, stamp).format == 'png'


@pytest.mark.parametrize('encoding', FORMATS['jpeg'])
def test_jpeg_comes_back_closely(encoding):
    image = slope(ENCODINGS[encoding][1])
    adapter = create_adapter(COMPRESSED, encoding=encoding, format='jpeg')
    message = received(adapter.to_message({'image': image}, STAMP))
    found = adapter.to_arrays(message)['image']
    assert (message.format, found.dtype, found.shape) == ('jpeg', np.uint8, image.shape)
    assert np.abs(found.astype(int) - image).max() < 16
    assert adapter.stamp(message) == STAMP


def test_channels_are_in_the_order_of_the_encoding():
    red = message_of(Pillow.new('RGB', (2, 2), (255, 0, 0)))
    for encoding, pixel in [('rgb8', [255, 0, 0]), ('bgr8', [0, 0, 255])]:
        image = create_adapter(COMPRESSED, encoding=encoding).to_arrays(red)['image']
        np.testing.assert_array_equal(image[0, 0], pixel)


@pytest.mark.parametrize('text', ['jpeg', 'JPG', 'rgb8; jpeg compressed bgr8', 'bgr8; jpeg compressed ', ''])
def test_format_is_found_in_what_cameras_write(text):
    message = message_of(Pillow.fromarray(slope(3)), 'JPEG', text)
    assert create_adapter(COMPRESSED).to_arrays(message)['image'].shape == (16, 16, 3)


@pytest.mark.parametrize('text', ['tiff', 'h264', '16UC1; compressedDepth png', 'rgb8'])
def test_other_format_is_refused(text):
    message = message_of(Pillow.fromarray(slope(3)), 'PNG', text)
    with pytest.raises(MessageError, match=f"format is '{text}'; expected jpeg or png"):
        create_adapter(COMPRESSED).to_arrays(message)


@pytest.mark.parametrize(
    'mode, encoding',
    [
        ('L', 'rgb8'),
        ('RGB', 'mono8'),
        ('P', 'rgb8'),
        ('RGBA', 'rgb8'),
        ('I;16', 'mono8'),
        ('RGB', 'rgba8'),
        ('1', 'mono8'),
    ],
)
def test_picture_of_another_kind_is_refused(mode, encoding):
    with pytest.raises(MessageError, match=f"picture is of Pillow's mode '.*'; expected '.*' for {encoding}"):
        create_adapter(COMPRESSED, encoding=encoding).to_arrays(message_of(Pillow.new(mode, (4, 4))))


@pytest.mark.parametrize('codec', ['JPEG', 'PNG'])
@pytest.mark.parametrize('cut', [0, 1, 20, 50, -40])
def test_picture_that_was_cut_short_is_refused(codec, cut):
    """The next one may be whole: no fault of the configuration."""
    with pytest.raises(ValueError, match=rf'\d+ bytes are no {codec} picture: ') as caught:
        create_adapter(COMPRESSED).to_arrays(message_of(Pillow.fromarray(slope(3)), codec, cut=cut))
    assert not isinstance(caught.value, MessageError)


def test_bytes_of_another_format_than_declared_are_refused():
    with pytest.raises(ValueError, match='bytes are no JPEG picture: '):
        create_adapter(COMPRESSED).to_arrays(message_of(Pillow.fromarray(slope(3)), 'PNG', 'jpeg'))


@given(st.sampled_from(['JPEG', 'PNG']), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1))
def test_broken_bytes_give_a_picture_or_a_value_error(codec, changes):
    message = message_of(Pillow.fromarray(slope(3)), codec)
    for place, byte in changes:
        message.data[place % min(len(message.data), 400)] = byte
    try:
        image = create_adapter(COMPRESSED).to_arrays(message)['image']
    except ValueError:
        return
    assert image.dtype == np.uint8 and image.shape[2] == 3


@pytest.mark.parametrize(
    'options, told',
    [
        (
            {'encoding': '32FC3'},
            "unknown encoding '32FC3' in .*CompressedImage; valid: bgr8, mono16, mono8, rgb8, rgba8",
        ),
        ({'format': 'gif'}, "unknown format 'gif' in .*CompressedImage; valid: jpeg, png"),
        ({'format': 'jpeg', 'encoding': 'mono16'}, "a jpeg cannot carry 'mono16'; valid: mono8, rgb8, bgr8"),
    ],
)
def test_options_that_cannot_be_met_are_refused(options, told):
    with pytest.raises(ConfigurationError, match=f'sources.x: {told}'):
        create_adapter(COMPRESSED, 'sources.x', **options)


@pytest.mark.parametrize('shape', [(2, 3), (2, 3, 4), (0, 3, 3)])
def test_image_of_another_shape_is_not_sent(shape):
    with pytest.raises(MessageError, match='image has the shape .*; expected '):
        create_adapter(COMPRESSED).to_message({'image': np.zeros(shape, np.uint8)}, STAMP)


def test_absent_pillow_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, 'PIL', None)
    with pytest.raises(ConfigurationError, match='sources.x: .*CompressedImage needs Pillow.*python3-pil'):
        create_adapter(COMPRESSED, 'sources.x')
