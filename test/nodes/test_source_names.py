# SPDX-License-Identifier: Apache-2.0
"""Joints of a source are found by their names, in whatever order a publisher has them, however often that changes."""

from hypothesis import given
from hypothesis import strategies as st
from nodes.stepper_bench import deliver
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.nodes.topics.source import Foreign, Source

JOINTS = ('hip', 'knee', 'ankle')
ALL = (*JOINTS, 'toe', 'tail')
WAYS = pytest.mark.parametrize(
    'way', [lambda message: message, lambda message: bytes(serialize_message(message))], ids=['message', 'bytes']
)


def source(joints=JOINTS, robots=('left', 'right')):
    """Return a source whose positions and velocities a term each reads."""
    arm = SourceSpec('arm', 'arm', 'sensor_msgs/msg/JointState', use_header_stamp=False)
    terms = {field: term_spec(field, source='arm', field=field, joints=joints) for field in ('position', 'velocity')}
    legs = action_spec('legs', 'joint_position', 'commands', 'sensor_msgs/msg/JointState', source='arm', joints=joints)
    control = control_spec(robots, 50.0, 'timer', 1.0, {'arm': arm}, terms, {'obs': tuple(terms)}, (legs,))
    return Source(arm, control, {})


def message(names):
    """Return a message in which each joint's numbers tell its name."""
    numbers = [float(sum(map(ord, name))) for name in names]
    return JointState(name=list(names), position=numbers, velocity=[-number for number in numbers])


def check(made, row, names=JOINTS):
    numbers = np.array([float(sum(map(ord, name))) for name in names])
    np.testing.assert_array_equal(made.buffer.values['position'][row], numbers)
    np.testing.assert_array_equal(made.buffer.values['velocity'][row], -numbers)


@WAYS
@given(orders=st.lists(st.tuples(st.integers(0, 1), st.permutations(ALL), st.integers(3, 5)), min_size=1, max_size=40))
def test_numbers_go_by_name_in_every_message(way, orders):
    made = source()
    for row, names, count in orders:
        names = [name for name in names if name in (JOINTS + ALL[3:])[:count]]
        deliver(made, row, way(message(names)), 0.0)
        check(made, row)


def test_each_robot_has_its_own_names():
    made = source(('{robot}_hip', '{robot}_knee'))
    for row, robot in enumerate(('left', 'right')):
        names = (f'{robot}_hip', f'{robot}_knee')
        deliver(made, row, message(names[::-1]), 0.0)
        check(made, row, names)
    with pytest.raises(Foreign, match=r"names none of the joints \['left_hip', 'left_knee'\]"):
        deliver(made, 0, message(('right_hip', 'right_knee')), 0.0)


def test_a_name_that_comes_twice_is_refused_every_time():
    made = source()
    for _ in range(2):
        with pytest.raises(ValueError, match='twice'):
            deliver(made, 0, message((*JOINTS, 'hip')), 0.0)


@WAYS
@given(parts=st.permutations(ALL).flatmap(lambda names: st.integers(1, 4).map(lambda at: (names[:at], names[at:]))))
def test_joints_of_several_messages_make_one_source(way, parts):
    made = source()
    for number, names in enumerate(parts):
        if set(names) & set(JOINTS):
            deliver(made, 1, way(message(names)), float(number))
        else:
            with pytest.raises(Foreign):
                deliver(made, 1, way(message(names)), float(number))
    check(made, 1)
    assert made.buffer.fresh.tolist() == [False, True] and np.isinf(made.buffer.received[0])
    assert made.buffer.rejected.tolist() == [0, 0]


@WAYS
@pytest.mark.parametrize(
    'spoilt',
    [
        JointState(name=['finger'], position=[0.1, 0.2]),
        JointState(position=[0.1]),
        JointState(name=['finger', 'finger'], position=[0.1, 0.2]),
        JointState(name=['finger'], position=[np.nan], velocity=[0.0]),
    ],
)
def test_a_message_of_somebody_elses_joints_is_counted_and_changes_nothing(way, spoilt):
    made = source()
    deliver(made, 0, message(JOINTS), 1.0)
    if not spoilt.name:
        spoilt.position = []  # a message without names and numbers is well formed
    with pytest.raises(Foreign):
        deliver(made, 0, way(spoilt), 2.0)
    check(made, 0)
    assert made.foreign.tolist() == [1, 0]
    assert not made.buffer.refused.any() and made.buffer.received[0] == 1.0 and made.buffer.rejected[0] == 0


@WAYS
@pytest.mark.parametrize(
    'spoilt, told',
    [
        (JointState(name=['hip'], position=[0.1, 0.2], velocity=[0.0]), '2 numbers for 1 names'),
        (JointState(name=['hip', 'toe', 'toe'], position=[0.1] * 3, velocity=[0.0] * 3), 'twice'),
        (JointState(name=['hip'], position=[0.1]), 'velocity is missing'),
        (JointState(name=['hip'], position=[np.nan], velocity=[0.0]), 'not finite'),
    ],
)
def test_a_part_that_does_not_fit_is_refused(way, spoilt, told):
    made = source()
    deliver(made, 0, message(JOINTS), 1.0)
    with pytest.raises(ValueError, match=told) as refusal:
        deliver(made, 0, way(spoilt), 2.0)
    assert not isinstance(refusal.value, Foreign)
    check(made, 0)


def test_orders_of_names_that_are_no_longer_sent_are_forgotten():
    made = source()
    for number in range(100):
        deliver(made, 0, message((*JOINTS, f'other{number}')), 0.0)
    assert len(made.heard(0)) <= 16 and made.heard(0)[-1][-1] == 'other99'
