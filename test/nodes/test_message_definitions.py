# SPDX-License-Identifier: Apache-2.0
"""The definition of a message type says what its .msg file says, and what an independent reader ships."""

import os
from pathlib import Path
import re
import sys

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
import pytest
from rcl_interfaces.msg import ParameterDescriptor, ParameterEvent
from rosbags.typesys import get_types_from_msg, get_typestore, Stores
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Byte, Char, Empty, Float32MultiArray, Int8, String, UInt8MultiArray, UInt64
from trajectory_msgs.msg import JointTrajectory

from rl_policy_node.adapters import ADAPTERS
from rl_policy_node.adapters.adapter import message_class
from rl_policy_node.nodes.topics.message_definitions import definition, digest, type_name

STORE = get_typestore(Stores.ROS2_JAZZY)

KINDS = (
    *(DiagnosticArray, PoseWithCovarianceStamped, ParameterEvent, Image, JointState),
    *(Float32MultiArray, String, UInt8MultiArray, JointTrajectory),
)
# an empty one, constants, arrays of a fixed size, bounded lists, basic types
OTHERS = (Empty, CameraInfo, ParameterDescriptor, Bool, Byte, Int8, UInt64)
TYPES = sorted({*ADAPTERS, *map(type_name, (*KINDS, *OTHERS))} & set(STORE.fielddefs))


def fields(text):
    """Return (type, name) of each field of a .msg text; constants and defaults are left out."""
    lines = (line.partition('#')[0].split() for line in text.splitlines())
    return [tuple(line[:2]) for line in lines if len(line) > 1 and not any('=' in part for part in line[1:])]


def written(name):
    """Return the fields in the .msg file of a type, with the package of each type."""
    own, _, short = name.partition('/')
    # of ROS, or of its wheels
    prefixes = [*os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep), sys.prefix]
    files = [Path(prefix, 'share', own, 'msg', f'{short}.msg') for prefix in prefixes]
    for kind, field in fields(next(file for file in files if file.is_file()).read_text()):
        yield kind if '/' in kind or kind[0].islower() else f'{own}/{kind}', field


@pytest.mark.parametrize('kind', KINDS, ids=[kind.__name__ for kind in KINDS])
def test_definitions_are_those_of_msg_files(kind):
    own, *inner = re.split(r'^=+\nMSG: ', definition(kind), flags=re.MULTILINE)
    parts = {type_name(kind).replace('/msg/', '/'): own, **dict(part.split('\n', 1) for part in inner)}
    wanted = {name: list(written(name)) for name in parts}
    assert {name: fields(text) for name, text in parts.items()} == wanted


@pytest.mark.parametrize('name', TYPES)
def test_definitions_are_those_of_rosbags(name):
    kind = message_class(name)
    assert digest(kind) == STORE.hash_rihs01(name)
    found = {each: known[1] for each, known in get_types_from_msg(definition(kind), name).items()}
    # not a field that any message has
    filler = 'structure_needs_at_least_one_member'
    assert found == {each: [field for field in STORE.fielddefs[each][1] if field[0] != filler] for each in found}


def test_types_of_each_form_are_among_them():
    assert len(TYPES) > 25 and set(map(type_name, OTHERS)) <= set(TYPES)
    assert 'FloatingPointRange[<=1] floating_point_range\n' in definition(ParameterDescriptor)
    assert 'float64[9] k\n' in definition(CameraInfo)


def test_char_has_the_hash_that_ros_gives_it():
    """ROS takes it for an uint8; rosbags does not."""
    assert definition(Char) == 'uint8 data\n'
    assert digest(Char) == 'RIHS01_3ad2d04dd29ba19d04b16659afa3ccaedd691914b02a64e82e252f2fa6a586a9'
