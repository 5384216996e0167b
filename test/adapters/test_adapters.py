"""Adapters, both ways: what goes in comes out to the bit, over the wire too; what cannot be meant is refused."""
import array

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import PoseStamped                               # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from sensor_msgs.msg import Image, JointState                           # noqa: E402
from std_msgs.msg import Float32MultiArray, Float64MultiArray, MultiArrayDimension      # noqa: E402

from rl_policy_node.adapters import ADAPTERS, create_adapter, MessageError              # noqa: E402
from rl_policy_node.adapters.sensor import ENCODINGS                    # noqa: E402
from rl_policy_node.errors import ConfigurationError                    # noqa: E402

STAMP = 1_700_000_000_123_456_789        # ns
JOINTS = ('hip', 'knee', 'ankle')
stamps = st.integers(0, 2 ** 31 * 1_000_000_000 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)


def vector(size):
    return arrays_of.arrays(np.float64, size, elements=numbers)


def unit(size):
    return vector(size).map(lambda v: v / max(np.abs(v).max(), 1e-300)).filter(
        lambda v: np.linalg.norm(v) > 0.1).map(lambda v: v / np.linalg.norm(v))


def shaped(dtype, dimensions):
    """Return a strategy for arrays of any bits that are numbers."""
    elements = arrays_of.from_dtype(np.dtype(dtype), allow_nan=False)
    return arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=dimensions[0], max_dims=dimensions[1], max_side=5),
                            elements=elements)


@st.composite
def images(draw):
    """Draw an encoding and an image (height, width, channels) of it."""
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    dtype, channels = ENCODINGS[encoding]
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 5)), channels
    elements = arrays_of.from_dtype(np.dtype(dtype), allow_nan=False)
    return encoding, draw(arrays_of.arrays(dtype, shape, elements=elements))


def there_and_back(adapter, arrays, stamp=STAMP, names=()):
    """Check that arrays survive the message and the wire, and return the message that came."""
    message = adapter.to_message(arrays, stamp, names)
    received = deserialize_message(serialize_message(message), adapter.message_type)
    for each in (message, received):
        found = adapter.to_arrays(each)
        assert set(found) == set(arrays)
        for field, wanted in arrays.items():
            assert found[field].dtype == wanted.dtype
            np.testing.assert_array_equal(found[field], wanted)
        assert adapter.stamp(each) == (stamp if adapter.has_header else 0)
    return received


def test_messages_check_their_fields():
    """What the adapters fill in is held against the declared types in all tests of this file."""
    with pytest.raises(AssertionError):
        Float32MultiArray().data = ['text']


def test_every_adapter_is_found_by_the_name_of_its_type():
    for name, adapter in ADAPTERS.items():
        package, kind = adapter.message_type.__module__.split('.')[0], adapter.message_type.__name__
        assert name == f'{package}/msg/{kind}'
        assert isinstance(create_adapter(name, 'sources.x'), adapter)


def test_unknown_type_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match=r"type 'std_msgs/msg/String' in sources\.x; valid: .*JointState"):
        create_adapter('std_msgs/msg/String', 'sources.x')


@given(vector(3), unit(4), stamps)
def test_pose_comes_back(position, orientation, stamp):
    adapter = create_adapter('geometry_msgs/msg/PoseStamped', '', frame_id='base')
    message = there_and_back(adapter, {'position': position, 'orientation': orientation}, stamp)
    assert message.header.frame_id == 'base'
    assert message.pose.orientation.w == orientation[3]


@given(vector(3), vector(3), stamps)
def test_wrench_comes_back(force, torque, stamp):
    there_and_back(create_adapter('geometry_msgs/msg/WrenchStamped', ''), {'force': force, 'torque': torque}, stamp)


@given(st.lists(st.sampled_from(['position', 'velocity', 'effort']), unique=True, min_size=1),
       arrays_of.arrays(np.float64, (3, 3), elements=numbers), stamps)
def test_joint_state_comes_back_with_the_fields_that_were_filled(fields, values, stamp):
    adapter = create_adapter('sensor_msgs/msg/JointState', '')
    message = there_and_back(adapter, dict(zip(fields, values)), stamp, JOINTS)
    assert adapter.names(message) == JOINTS


@given(st.one_of(st.tuples(st.just('Float32MultiArray'), shaped(np.float32, (1, 4))),
                 st.tuples(st.just('Float64MultiArray'), shaped(np.float64, (1, 4)))))
def test_multi_array_comes_back_in_its_shape(kind_and_data):
    kind, data = kind_and_data
    message = there_and_back(create_adapter(f'std_msgs/msg/{kind}', ''), {'data': data})
    assert [dim.size for dim in message.layout.dim] == (list(data.shape) if data.ndim > 1 else [])


@given(images(), stamps)
def test_image_comes_back(encoding_and_image, stamp):
    encoding, image = encoding_and_image
    message = there_and_back(create_adapter('sensor_msgs/msg/Image', '', encoding=encoding), {'image': image}, stamp)
    assert (message.height, message.width, message.encoding) == (*image.shape[:2], encoding)
    assert message.step == image[0].nbytes


@pytest.mark.parametrize('type_name', ['std_msgs/msg/Float32MultiArray', 'std_msgs/msg/Float64MultiArray'])
def test_joint_commands_may_go_out_as_a_bare_array(type_name):
    adapter = create_adapter(type_name, '')
    message = adapter.to_message({'position': np.array([1.0, 2.0, 3.0])}, STAMP)
    assert list(message.data) == [1.0, 2.0, 3.0] and not message.layout.dim
    assert adapter.names(message) is None


def test_arrays_that_are_not_contiguous_are_sent_as_they_read():
    image = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)[:, ::-1, 1:]
    there_and_back(create_adapter('sensor_msgs/msg/Image', '', encoding='rgb8'), {'image': image})
    there_and_back(create_adapter('std_msgs/msg/Float32MultiArray', ''), {'data': image[..., 0].astype(np.float32).T})


def watched(message_type):
    """Return a message type that notes the types of what is assigned to its fields."""
    class Watched(message_type):
        assigned = {}

        def __setattr__(self, name, value):
            self.assigned[name] = type(value)
            super().__setattr__(name, value)
    return Watched


@pytest.mark.parametrize('message_type, fields, data', [
    (Float32MultiArray, {'data': 'data'}, np.zeros((80, 60, 3), np.float32)),
    (Float64MultiArray, {'data': 'data'}, np.zeros(1000)),
    (Image, {'image': 'data'}, np.zeros((80, 60, 3), np.float32)),
    (JointState, {'position': 'position', 'velocity': 'velocity'}, np.zeros(1000)),
])
def test_big_data_is_handed_over_as_array_array(message_type, fields, data):
    """Everything else would be converted, and checked, number by number."""
    adapter = next(adapter for adapter in ADAPTERS.values() if adapter.message_type is message_type)()
    adapter.message_type = watched(message_type)
    adapter.to_message(dict.fromkeys(fields, data), STAMP, [f'joint_{i}' for i in range(len(data))])
    assert {adapter.message_type.assigned[field] for field in fields.values()} == {array.array}


def image_message(image, encoding='rgb8', **changes):
    message = create_adapter('sensor_msgs/msg/Image', '', encoding=encoding).to_message({'image': image}, STAMP)
    for field, value in changes.items():
        setattr(message, field, value)
    return message


@pytest.mark.parametrize('changes, told', [
    ({'encoding': 'bgr8'}, "encoding is 'bgr8'; expected 'rgb8'"),
    ({'step': 8}, 'step is 8; 3 pixels of rgb8 need 9'),
    ({'data': array.array('B', bytes(17))}, 'there are 17 bytes; step × height is 18'),
    ({'data': array.array('B', bytes(19))}, 'there are 19 bytes; step × height is 18'),
    ({'data': array.array('B')}, 'there are 0 bytes; step × height is 18'),
    ({'height': 3}, 'there are 18 bytes; step × height is 27'),
    ({'width': 4}, 'step is 9; 4 pixels of rgb8 need 12'),
])
def test_image_that_contradicts_itself_is_refused(changes, told):
    message = image_message(np.zeros((2, 3, 3), np.uint8), **changes)
    with pytest.raises(MessageError, match=told):
        create_adapter('sensor_msgs/msg/Image', '', encoding='rgb8').to_arrays(message)


def test_unknown_encoding_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="unknown encoding 'rgb16'; valid: 32FC1, 32FC2, 32FC3, bgr8, mono8, rgb8"):
        create_adapter('sensor_msgs/msg/Image', '', encoding='rgb16')


@pytest.mark.parametrize('encoding', sorted(ENCODINGS))
def test_padding_at_the_end_of_lines_is_cut_off(encoding):
    dtype, channels = ENCODINGS[encoding]
    image = np.arange(2 * 3 * channels).reshape(2, 3, channels).astype(dtype)
    lines = np.hstack([image.view(np.uint8).reshape(2, -1), np.full((2, 5), 255, np.uint8)])
    message = image_message(image, encoding, step=lines.shape[1], data=array.array('B', lines.tobytes()))
    adapter = create_adapter('sensor_msgs/msg/Image', '', encoding=encoding)
    np.testing.assert_array_equal(adapter.to_arrays(message)['image'], image)


@pytest.mark.parametrize('encoding', sorted(ENCODINGS))
@pytest.mark.parametrize('order', ['<', '>'])
def test_byte_order_of_the_message_counts(encoding, order):
    dtype, channels = ENCODINGS[encoding]
    image = np.arange(2 * 3 * channels).reshape(2, 3, channels).astype(np.dtype(dtype).newbyteorder(order))
    message = image_message(image, encoding, is_bigendian=int(order == '>'), data=array.array('B', image.tobytes()))
    adapter = create_adapter('sensor_msgs/msg/Image', '', encoding=encoding)
    np.testing.assert_array_equal(adapter.to_arrays(message)['image'], image)


@pytest.mark.parametrize('orientation', [(0, 0, 0, 0), (0, 0, 0, 1.001), (1, 0, 0, 1), (0.5, 0.5, 0.5, 0.4)])
def test_orientation_that_is_not_a_unit_quaternion_is_refused(orientation):
    message = PoseStamped()
    q = message.pose.orientation
    q.x, q.y, q.z, q.w = map(float, orientation)
    with pytest.raises(ValueError, match='is not a unit quaternion'):
        create_adapter('geometry_msgs/msg/PoseStamped', '').to_arrays(message)


def test_orientation_as_exact_as_float32_is_taken():
    adapter = create_adapter('geometry_msgs/msg/PoseStamped', '')
    rounded = (np.array([0.1, -0.2, 0.3, 0.9]) / np.sqrt(0.95)).astype(np.float32).astype(np.float64)
    there_and_back(adapter, {'position': np.zeros(3), 'orientation': rounded})


@pytest.mark.parametrize('field', ['position', 'velocity', 'effort'])
@pytest.mark.parametrize('count', [2, 4])
def test_joint_state_with_another_count_than_names_is_refused(field, count):
    message = JointState(name=list(JOINTS), **{field: [0.0] * count})
    with pytest.raises(MessageError, match=f'{field} has {count} numbers for 3 names'):
        create_adapter('sensor_msgs/msg/JointState', '').to_arrays(message)


@pytest.mark.parametrize('message_type', [Float32MultiArray, Float64MultiArray])
@pytest.mark.parametrize('sizes, offset, told', [
    ([2, 4], 0, r'the layout is \(2, 4\), that is 8 numbers; there are 6'),
    ([6], 1, r'the layout is \(6,\), that is 6 numbers; there are 5'),
    ([0], 0, r'the layout is \(0,\), that is 0 numbers; there are 6'),
    ([], 7, r'layout\.data_offset is 7; there are 6 numbers'),
])
def test_layout_that_does_not_fit_the_data_is_refused(message_type, sizes, offset, told):
    message = message_type(data=[0.0] * 6)
    message.layout.dim = [MultiArrayDimension(size=size) for size in sizes]
    message.layout.data_offset = offset
    with pytest.raises(MessageError, match=told):
        create_adapter(f'std_msgs/msg/{message_type.__name__}', '').to_arrays(message)


def test_numbers_before_the_data_offset_are_left_out():
    message = Float64MultiArray(data=[9.0, 1.0, 2.0, 3.0, 4.0])
    message.layout.dim = [MultiArrayDimension(size=2), MultiArrayDimension(size=2)]
    message.layout.data_offset = 1
    found = create_adapter('std_msgs/msg/Float64MultiArray', '').to_arrays(message)['data']
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
