# SPDX-License-Identifier: Apache-2.0
"""Numbers by joint, both ways: names, numbers and times come back; what contradicts itself is refused."""

import array

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as arrays_of
import numpy as np
import pytest

pytest.importorskip('rclpy')

from round_trip import JOINTS, numbers, received, STAMP, stamps, there_and_back, watched
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from rl_policy_node.adapters import create_adapter, MessageError
from rl_policy_node.adapters.joint_messages import JointTrajectoryAdapter
from rl_policy_node.errors import ConfigurationError

STATE, TRAJECTORY = 'sensor_msgs/msg/JointState', 'trajectory_msgs/msg/JointTrajectory'
FIELDS = ('position', 'velocity', 'effort')
both = pytest.mark.parametrize('type_name', [STATE, TRAJECTORY])
fields_and_values = (
    st.lists(st.sampled_from(FIELDS), unique=True, min_size=1),
    arrays_of(np.float64, (3, 3), elements=numbers),
)


def message_of(type_name, names, **fields):
    """Return a message that is filled in by hand."""
    fields = {field: array.array('d', value) for field, value in fields.items()}
    if type_name == STATE:
        return JointState(name=list(names), **fields)
    point = JointTrajectoryPoint(**{JointTrajectoryAdapter.attributes[field]: v for field, v in fields.items()})
    return JointTrajectory(joint_names=list(names), points=[point])


@both
@given(*fields_and_values, stamps)
def test_joints_come_back_with_the_fields_that_were_filled(type_name, fields, values, stamp):
    adapter = create_adapter(type_name, frame_id='base')
    message = there_and_back(adapter, dict(zip(fields, values)), stamp, JOINTS)
    assert adapter.names(message) == JOINTS


@given(st.floats(1e-9, 1e6))
def test_trajectory_has_one_point_at_its_time(seconds):
    adapter = create_adapter(TRAJECTORY, time_from_start=seconds)
    (point,) = received(adapter.to_message({'position': np.zeros(3)}, STAMP, JOINTS)).points
    assert point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 == pytest.approx(seconds, abs=1e-9)
    assert not len(point.velocities) and not len(point.accelerations) and not len(point.effort)


@pytest.mark.parametrize('seconds', [0.0, -1.0, float('nan'), float('inf')])
def test_time_that_no_joint_can_keep_is_refused(seconds):
    with pytest.raises(ConfigurationError, match=f'actions.arm: time_from_start is {seconds} s; expected'):
        create_adapter(TRAJECTORY, 'actions.arm', time_from_start=seconds)


def test_last_point_is_where_a_trajectory_leads():
    points = [JointTrajectoryPoint(positions=[value] * 3) for value in (1.0, 2.0)]
    message = received(JointTrajectory(joint_names=JOINTS, points=points))
    np.testing.assert_array_equal(create_adapter(TRAJECTORY).to_arrays(message)['position'], [2.0, 2.0, 2.0])


def test_trajectory_without_points_says_nothing_for_now():
    with pytest.raises(ValueError, match='the trajectory has no points') as caught:
        create_adapter(TRAJECTORY).to_arrays(received(JointTrajectory(joint_names=JOINTS)))
    assert not isinstance(caught.value, MessageError)


@both
@pytest.mark.parametrize('field', FIELDS)
@pytest.mark.parametrize('count', [2, 4])
def test_another_count_than_names_is_refused(type_name, field, count):
    adapter, told = create_adapter(type_name), f'{field} has {count} numbers for 3 names'
    with pytest.raises(MessageError, match=told):
        adapter.to_arrays(received(message_of(type_name, JOINTS, **{field: [0.0] * count})))
    with pytest.raises(MessageError, match=told):
        adapter.to_message({field: np.zeros(count)}, STAMP, JOINTS)


@both
def test_name_that_stands_twice_is_refused(type_name):
    adapter, told = create_adapter(type_name), r"names a joint twice: \['hip'\]; expected each of the 3 names once"
    with pytest.raises(MessageError, match=told):
        adapter.to_arrays(received(message_of(type_name, ('hip', 'knee', 'hip'), position=[0.0] * 3)))
    with pytest.raises(MessageError, match=told):
        adapter.to_message({'position': np.zeros(3)}, STAMP, ('hip', 'knee', 'hip'))


@both
def test_field_that_joints_lack_is_refused(type_name):
    with pytest.raises(MessageError, match=f"{type_name} carries .*'velocity'.*; there are .*'force'"):
        create_adapter(type_name).to_message({'force': np.zeros(3)}, STAMP, JOINTS)


def test_big_states_are_handed_over_as_array_array():
    """Everything else would be converted, and checked, number by number."""
    adapter = create_adapter(STATE)
    adapter.message_type = watched(JointState)
    adapter.to_message(dict.fromkeys(FIELDS, np.zeros(1000)), STAMP, [f'joint_{i}' for i in range(1000)])
    assert {adapter.message_type.assigned[field] for field in FIELDS} == {array.array}
