# SPDX-License-Identifier: Apache-2.0
"""Vectors and quaternions, both ways: what goes in comes out to the bit; what cannot be meant is refused."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy')

from round_trip import received, STAMP, stamps, there_and_back, unit, vector

from rl_policy_node.adapters import create_adapter, MessageError, VectorAdapter
from rl_policy_node.adapters.vectors import PATHS

IMU = 'sensor_msgs/msg/Imu'
TYPES = (*PATHS, IMU)
ORIENTED = [name for name in TYPES if 'orientation' in create_adapter(name).fields]


def drawn(adapter, draw):
    return {field: draw(unit(4) if shape == (4,) else vector(3)) for field, shape in adapter.fields.items()}


def at_rest(adapter):
    return {
        field: np.array([0.0, 0.0, 0.0, 1.0]) if shape == (4,) else np.arange(3.0)
        for field, shape in adapter.fields.items()
    }


@pytest.mark.parametrize('type_name', TYPES)
@settings(max_examples=15)
@given(data=st.data(), stamp=stamps)
def test_every_type_comes_back(type_name, data, stamp):
    adapter = create_adapter(type_name, frame_id='base', child_frame_id='tool')
    message = there_and_back(adapter, drawn(adapter, data.draw), stamp)
    assert adapter.child_frame(message) == ('tool' if hasattr(message, 'child_frame_id') else '')


@pytest.mark.parametrize(
    'type_name, read',
    [
        ('geometry_msgs/msg/Pose', {'position': 'position', 'orientation': 'orientation'}),
        (
            'geometry_msgs/msg/TransformStamped',
            {'position': 'transform.translation', 'orientation': 'transform.rotation'},
        ),
        ('geometry_msgs/msg/Twist', {'linear_velocity': 'linear', 'angular_velocity': 'angular'}),
        ('geometry_msgs/msg/WrenchStamped', {'force': 'wrench.force', 'torque': 'wrench.torque'}),
        ('nav_msgs/msg/Odometry', {'linear_velocity': 'twist.twist.linear', 'position': 'pose.pose.position'}),
        (IMU, {'linear_acceleration': 'linear_acceleration'}),
    ],
)
def test_numbers_stand_where_others_read_them(type_name, read):
    """A table that is wrong in the same way both ways would bring every array back."""
    adapter = create_adapter(type_name)
    arrays = at_rest(adapter)
    message = adapter.to_message(arrays, STAMP)
    for field, path in read.items():
        place = message
        for name in path.split('.'):
            place = getattr(place, name)
        assert [getattr(place, axis) for axis in 'xyzw'[: len(arrays[field])]] == list(arrays[field])


@pytest.mark.parametrize('type_name', TYPES)
def test_field_of_another_shape_is_refused(type_name):
    adapter = create_adapter(type_name)
    for field, shape in adapter.fields.items():
        told = rf'{field} has the shape \(2,\); expected \({shape[0]},\)'
        with pytest.raises(MessageError, match=told):
            adapter.to_message({**at_rest(adapter), field: np.zeros(2)}, STAMP)


@pytest.mark.parametrize('type_name', sorted(PATHS))
def test_missing_field_is_refused(type_name):
    adapter = create_adapter(type_name)
    arrays = at_rest(adapter)
    del arrays[next(iter(adapter.fields))]
    with pytest.raises(MessageError, match=f'{type_name} carries .*; there are '):
        adapter.to_message(arrays, STAMP)


@pytest.mark.parametrize('type_name', TYPES)
def test_field_that_the_type_lacks_is_refused(type_name):
    adapter = create_adapter(type_name)
    with pytest.raises(MessageError, match=f"{type_name} carries .*; there are .*'effort'"):
        adapter.to_message({**at_rest(adapter), 'effort': np.zeros(3)}, STAMP)


@pytest.mark.parametrize('type_name', ORIENTED)
@pytest.mark.parametrize(
    'orientation',
    [(0, 0, 0, 0), (0, 0, 0, 1.001), (1, 0, 0, 1), (0.5, 0.5, 0.5, 0.4), (0, 0, np.nan, 1), (np.inf, 0, 0, 0)],
)
def test_orientation_that_is_not_a_unit_quaternion_is_refused(type_name, orientation):
    """It may be one the next time: no fault of the configuration."""
    adapter = create_adapter(type_name)
    message = adapter.to_message({**at_rest(adapter), 'orientation': np.array(orientation, float)}, STAMP)
    with pytest.raises(ValueError, match='is not a unit quaternion') as caught:
        adapter.to_arrays(received(message))
    assert not isinstance(caught.value, MessageError)


def test_orientation_as_exact_as_float32_is_taken():
    adapter = create_adapter('geometry_msgs/msg/PoseStamped')
    rounded = (np.array([0.1, -0.2, 0.3, 0.9]) / np.sqrt(0.95)).astype(np.float32).astype(np.float64)
    there_and_back(adapter, {'position': np.zeros(3), 'orientation': rounded})


@given(st.sets(st.sampled_from(['orientation', 'angular_velocity', 'linear_acceleration'])))
def test_imu_comes_back_with_the_fields_that_it_provides(fields):
    adapter = create_adapter(IMU)
    message = there_and_back(adapter, {field: at_rest(adapter)[field] for field in fields})
    assert (message.orientation_covariance[0] == -1) == ('orientation' not in fields)


def test_orientation_that_an_imu_does_not_provide_may_be_anything():
    adapter = create_adapter(IMU)
    message = adapter.message_type()
    message.orientation.w = 0.0
    message.orientation_covariance[0] = -1.0
    assert set(adapter.to_arrays(message)) == {'angular_velocity', 'linear_acceleration'}


def test_type_of_ones_own_is_a_table_too():
    class AccelAdapter(VectorAdapter):
        type_name = 'geometry_msgs/msg/Accel'
        paths = {'linear_acceleration': 'linear'}

    adapter = AccelAdapter()
    assert (adapter.fields, adapter.units) == ({'linear_acceleration': (3,)}, {'linear_acceleration': 'm/s²'})
    there_and_back(adapter, {'linear_acceleration': np.arange(3.0)})
