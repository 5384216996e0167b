# SPDX-License-Identifier: Apache-2.0
"""The definition of a message type says what its .msg file says."""

import os
from pathlib import Path
import re
import sys

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
import pytest
from rcl_interfaces.msg import ParameterEvent
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float32MultiArray, String, UInt8MultiArray
from trajectory_msgs.msg import JointTrajectory

from rl_policy_node.nodes.topics.message_definitions import definition, type_name

KINDS = (
    *(DiagnosticArray, PoseWithCovarianceStamped, ParameterEvent, Image, JointState),
    *(Float32MultiArray, String, UInt8MultiArray, JointTrajectory),
)


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
