# SPDX-License-Identifier: Apache-2.0
"""Definitions of messages from their classes, held against those that an independent reader ships."""

import pytest
from rosbags.typesys import get_types_from_msg, get_typestore, Stores

from rl_policy_node.adapters import ADAPTERS
from rl_policy_node.nodes.topics.message_definitions import definition

STORE = get_typestore(Stores.ROS2_JAZZY)
# besides those with an adapter: an empty one, constants, fixed arrays, all the basic types, nesting
OTHERS = ['std_msgs/msg/Empty', 'diagnostic_msgs/msg/DiagnosticArray', 'sensor_msgs/msg/CameraInfo']
OTHERS += [f'std_msgs/msg/{kind}' for kind in ('Byte', 'Bool', 'Int8', 'UInt64', 'String', 'UInt8MultiArray')]
OTHERS += ['trajectory_msgs/msg/MultiDOFJointTrajectory', 'rcl_interfaces/msg/ParameterEvent']
OTHERS += ['type_description_interfaces/msg/TypeDescription', 'rcl_interfaces/msg/ParameterDescriptor']
TYPES = sorted({*ADAPTERS, *OTHERS} & set(STORE.fielddefs))


@pytest.mark.parametrize('name', TYPES)
def test_definition_agrees_with_the_one_of_rosbags(name):
    made = definition(name)
    assert made.digest == STORE.hash_rihs01(name)
    fields = {each: found[1] for each, found in get_types_from_msg(made.text, name).items()}
    # not a field that any message has
    filler = 'structure_needs_at_least_one_member'
    assert fields == {each: [field for field in STORE.fielddefs[each][1] if field[0] != filler] for each in fields}


def test_char_has_the_hash_that_ros_gives_it():
    """ROS takes it for an uint8; rosbags does not."""
    expected = 'RIHS01_3ad2d04dd29ba19d04b16659afa3ccaedd691914b02a64e82e252f2fa6a586a9'
    assert definition('std_msgs/msg/Char') == ('uint8 data\n', expected)


def test_types_of_each_shape_are_among_them():
    assert len(TYPES) > 25 and set(OTHERS) <= set(TYPES)
    text = definition('rcl_interfaces/msg/ParameterDescriptor').text
    assert 'FloatingPointRange[<=1] floating_point_range' in text
    assert 'float64[9] k\n' in definition('sensor_msgs/msg/CameraInfo').text
