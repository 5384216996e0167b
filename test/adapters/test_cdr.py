# SPDX-License-Identifier: Apache-2.0
"""Serialized messages read in place: what comes out is what the middleware's own reader would have given."""

import array
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.serialization import deserialize_message, serialize_message
from round_trip import JOINTS, shaped, STAMP, stamps

from rl_policy_node.adapters import ADAPTERS, create_adapter, MessageError
from rl_policy_node.adapters.cdr import Cdr, Layouts
from rl_policy_node.adapters.image import ENCODINGS

IMAGE, JOINT_STATE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/JointState'
READ_IN_PLACE = [name for name, adapter in ADAPTERS.items() if adapter.from_cdr is not None]
ARRAYS = [name for name in READ_IN_PLACE if name.endswith('MultiArray')]
frames = st.text(st.characters(exclude_characters='\0', exclude_categories=['Cs']), max_size=300)


def ordinary(adapter, buffer):
    """Return what the adapter makes of the message that the middleware reads."""
    message = deserialize_message(buffer, adapter.message_type)
    return adapter.to_arrays(message), adapter.stamp(message), adapter.names(message)


def outcome(read, *arguments):
    """Return what is read, to compare: names, stamp and every bit; or that it is refused, and as what."""
    try:
        arrays, stamp, names = read(*arguments)
    except MessageError as error:
        return 'refused', str(error)
    except (ValueError, RuntimeError):  # rclpy's own error is private
        return 'refused', ''
    return {field: (value.shape, value.dtype, value.tobytes()) for field, value in arrays.items()}, stamp, names


def both_agree(adapter, buffer):
    """Check that both ways give the same, and return whether they took the message."""
    wanted = outcome(ordinary, adapter, buffer)
    for _ in range(2):  # as the first of its kind, and as one whose layout is known
        assert outcome(adapter.from_cdr, buffer) == wanted
    return wanted[0] != 'refused'


def none_is_taken_that_the_other_refuses(adapter, buffer):
    """Check that both ways agree on a buffer of any bytes, or that this one is the stricter.

    The middleware's own reader goes on where a sequence within a layout is longer than the message.
    """
    found = outcome(adapter.from_cdr, buffer)
    assert found[0] == 'refused' or found == outcome(ordinary, adapter, buffer)


def small_message(type_name):
    """Return an adapter and a serialized message of its type that has something of everything."""
    adapter = create_adapter(type_name, frame_id='base', **({'encoding': 'rgb8'} if type_name == IMAGE else {}))
    if type_name == IMAGE:
        return adapter, adapter.to_message({'image': np.arange(18, dtype=np.uint8).reshape(2, 3, 3)}, STAMP)
    if type_name == JOINT_STATE:
        return adapter, adapter.to_message({'position': np.arange(3.0), 'effort': -np.arange(3.0)}, STAMP, JOINTS)
    return adapter, adapter.to_message({'data': np.arange(6, dtype=adapter.dtype).reshape(2, 3)}, STAMP)


def test_the_large_and_the_frequent_types_are_read_in_place():
    assert {IMAGE, JOINT_STATE} < set(READ_IN_PLACE) and len(ARRAYS) == 10


@settings(max_examples=150)
@given(
    data=st.data(),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    height=st.integers(0, 5),
    width=st.integers(0, 5),
    padding=st.integers(0, 5),
    big=st.booleans(),
    stamp=stamps,
    frame=frames,
)
def test_images_are_the_same(data, encoding, height, width, padding, big, stamp, frame):
    adapter = create_adapter(IMAGE, encoding=encoding, frame_id=frame)
    message = adapter.to_message(
        {'image': data.draw(shaped(adapter.dtype, (height, width, ENCODINGS[encoding][1])))}, stamp
    )
    message.is_bigendian, message.step = int(big), message.step + padding
    size = message.step * height
    message.data = array.array('B', data.draw(st.binary(min_size=size, max_size=size)))
    assert both_agree(adapter, serialize_message(message))


@settings(max_examples=50)
@given(
    encoding=st.sampled_from(['rgb8', '', 'bgr8', 'rgb8 ']),
    height=st.integers(0, 3),
    width=st.integers(0, 3),
    step=st.integers(0, 12),
    length=st.integers(0, 40),
)
def test_images_that_contradict_themselves_are_refused_alike(encoding, height, width, step, length):
    adapter = create_adapter(IMAGE, encoding='rgb8')
    message = adapter.message_type(encoding=encoding, height=height, width=width, step=step, data=bytes(length))
    both_agree(adapter, serialize_message(message))


def test_a_big_image_is_the_same_and_lies_in_the_message():
    adapter = create_adapter(IMAGE, encoding='rgb8', frame_id='camera')
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    buffer = serialize_message(adapter.to_message({'image': image}, STAMP))
    assert both_agree(adapter, buffer)
    found = adapter.from_cdr(buffer)[0]['image']
    np.testing.assert_array_equal(found, image)
    assert np.shares_memory(found, np.frombuffer(buffer, np.uint8))


@pytest.mark.parametrize('type_name', ARRAYS)
@settings(max_examples=30)
@given(
    data=st.data(),
    shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    offset=st.integers(0, 3),
    wrong=st.booleans(),
    label=frames,
)
def test_arrays_are_the_same(type_name, data, shape, offset, wrong, label):
    adapter = create_adapter(type_name)
    size = offset + int(np.prod(shape)) + wrong
    message = adapter.to_message({'data': data.draw(shaped(adapter.dtype, (size,)))}, STAMP)
    dimension = adapter.to_message({'data': np.zeros((1, 1), adapter.dtype)}, STAMP).layout.dim[0]
    message.layout.dim = [type(dimension)(label=label, size=side, stride=7) for side in shape]
    message.layout.data_offset = offset
    assert both_agree(adapter, serialize_message(message)) is not (wrong and bool(shape))


@settings(max_examples=150)
@given(data=st.data(), names=st.lists(frames, max_size=5), stamp=stamps, frame=frames, wrong=st.booleans())
def test_joint_states_are_the_same(data, names, stamp, frame, wrong):
    adapter = create_adapter(JOINT_STATE, frame_id=frame)
    message = adapter.new_message(stamp)
    message.name = names
    for field in adapter.fields:
        length = data.draw(st.sampled_from([0, len(names), len(names) + wrong]))
        setattr(message, field, array.array('d', data.draw(shaped(np.float64, (length,))).tobytes()))
    both_agree(adapter, serialize_message(message))


def test_names_that_change_are_read_anew():
    adapter = create_adapter(JOINT_STATE)
    for names in [('a', 'b'), ('a', 'b', 'c'), ('a',), ('a', 'bb'), (), ('a', 'b'), *((str(n),) for n in range(40))]:
        message = adapter.to_message({'position': np.arange(float(len(names)))}, STAMP, names)
        assert adapter.from_cdr(serialize_message(message))[2] == names
        assert both_agree(adapter, serialize_message(message))


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
@settings(max_examples=50)
@given(data=st.data())
def test_a_message_is_read_alike_whatever_came_before(type_name, data):
    """What an adapter knows of other messages, and of damaged ones, must not lead it astray."""
    adapter, message = small_message(type_name)
    buffer = serialize_message(message)
    for _ in range(4):
        place = data.draw(st.integers(0, len(buffer) - 1))
        changed = buffer[:place] + data.draw(st.binary(min_size=1, max_size=1)) + buffer[place + 1 :]
        none_is_taken_that_the_other_refuses(adapter, changed)
    assert both_agree(adapter, buffer)


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
def test_a_message_whose_layout_is_known_may_still_end_too_early(type_name):
    adapter, message = small_message(type_name)
    buffer = serialize_message(message)
    adapter.from_cdr(buffer)
    with pytest.raises(ValueError, match='a field of it ends at'):
        adapter.from_cdr(buffer[:-13])


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
def test_a_message_that_ends_at_any_byte_is_refused(type_name):
    adapter, message = small_message(type_name)
    buffer = serialize_message(message)
    # the writer may have estimated more than it needed; what is left over belongs to nobody
    needed = next(end for end in range(len(buffer) + 1) if outcome(adapter.from_cdr, buffer[:end])[0] != 'refused')
    assert len(buffer) - 12 < needed
    for end in range(len(buffer) + 1):
        assert both_agree(adapter, buffer[:end]) == (end >= needed)


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_message_is_refused_or_read_alike(type_name, data):
    adapter, message = small_message(type_name)
    buffer = bytearray(serialize_message(message))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(4, len(buffer) - 4))
        word = data.draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1))
        buffer[place : place + 4] = struct.pack('<I', word)
    none_is_taken_that_the_other_refuses(adapter, bytes(buffer))


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
@settings(max_examples=50)
@given(rubbish=st.binary(max_size=80))
def test_rubbish_is_refused_or_read_alike(type_name, rubbish):
    adapter, _ = small_message(type_name)
    none_is_taken_that_the_other_refuses(adapter, b'\0\1\0\0' + rubbish)
    none_is_taken_that_the_other_refuses(adapter, b'\0\0\0\0' + rubbish)


@pytest.mark.parametrize('type_name', READ_IN_PLACE)
@pytest.mark.parametrize('encapsulation', [b'\0\2', b'\0\3', b'\0\6', b'\0\7', b'\0\x0a', b'\1\0', b'\xff\xff'])
def test_another_encoding_is_refused(type_name, encapsulation):
    adapter, message = small_message(type_name)
    with pytest.raises(ValueError, match=f'encoded as 0x{encapsulation.hex()}; expected plain CDR'):
        adapter.from_cdr(encapsulation + serialize_message(message)[2:])


@pytest.mark.parametrize('size', range(4))
def test_less_than_a_header_is_no_message(size):
    with pytest.raises(ValueError, match=f'{size} bytes are no message'):
        Cdr(bytes(size))


@settings(max_examples=50)
@given(data=st.data(), frame=frames, names=st.lists(frames, min_size=1, max_size=4, unique=True))
def test_the_other_byte_order_is_read(data, frame, names):
    """No middleware of this machine writes it: the bytes are put together here, by the rules of CDR."""
    position = data.draw(shaped(np.float64, (len(names),)))
    buffer = big_endian_joint_state(7, 9, frame, names, position)
    adapter = create_adapter(JOINT_STATE)
    arrays, stamp, found = adapter.from_cdr(buffer)
    assert (stamp, found, set(arrays)) == (7_000_000_009, tuple(names), {'position'})
    np.testing.assert_array_equal(arrays['position'], position)
    message = deserialize_message(buffer, adapter.message_type)
    assert adapter.names(message) == found and adapter.stamp(message) == stamp
    np.testing.assert_array_equal(adapter.to_arrays(message)['position'], position)


def big_endian_joint_state(seconds, nanoseconds, frame, names, position):
    body = struct.pack('>iI', seconds, nanoseconds) + big_endian_text(frame)
    body = padded(body, 4) + struct.pack('>I', len(names))
    for name in names:
        body = padded(body, 4) + big_endian_text(name)
    body = padded(padded(body, 4) + struct.pack('>I', len(position)), 8) + position.astype('>f8').tobytes()
    return b'\0\0\0\0' + body + struct.pack('>II', 0, 0)


def big_endian_text(text):
    encoded = text.encode() + b'\0'
    return struct.pack('>I', len(encoded)) + encoded


def padded(body, size):
    return body + bytes(-len(body) % size)


def test_layouts_that_are_no_longer_sent_are_forgotten():
    parsed = []

    def read(cdr):
        parsed.append(cdr.text())
        return parsed[-1]

    def text(word):
        return b'\0\1\0\0' + struct.pack('<I', len(word) + 1) + word.encode() + b'\0'

    layouts = Layouts(read)
    for number in range(3 * Layouts.MOST):
        assert layouts.of(text(f'old {number}')) == f'old {number}'
    for _ in range(Layouts.RENEWED):
        assert layouts.of(text('new')) == 'new'
    count = len(parsed)
    assert layouts.of(text('new')) == 'new' and len(parsed) == count, 'it is known by now'
    assert layouts.of(text('old 0')) == 'old 0' and len(parsed) == count + 1, 'the oldest made room'
