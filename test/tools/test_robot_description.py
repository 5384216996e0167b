# SPDX-License-Identifier: Apache-2.0
"""Joints from the command line and from a robot's URDF."""

import math

import pytest

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.tools.init.robot_description import read_joints

URDF = """<?xml version="1.0"?>
<robot name="small">
  <link name="base"/><link name="a"/><link name="b"/><link name="c"/><link name="d"/>
  <joint name="knee" type="revolute">
    <parent link="base"/><child link="a"/><limit lower="-1.5" upper="0.5" effort="40" velocity="7.5"/>
  </joint>
  <joint name="mount" type="fixed"><parent link="base"/><child link="b"/></joint>
  <joint name="wheel" type="continuous"><parent link="a"/><child link="c"/><limit effort="3" velocity="20"/></joint>
  <joint name="slide" type="prismatic">
    <parent link="a"/><child link="d"/><limit upper="0.04" effort="100" velocity="0.2"/>
  </joint>
  <joint name="root" type="floating"><parent link="base"/><child link="a"/></joint>
  <transmission name="t"><joint name="knee"><hardwareInterface/></joint></transmission>
</robot>
"""


@pytest.fixture
def urdf(tmp_path):
    file = tmp_path / 'small.urdf'
    file.write_text(URDF)
    return file


def numbers(limits):
    return limits.lower, limits.upper, limits.velocity, limits.effort


def test_movable_joints_of_a_file_have_its_order_and_its_limits(urdf):
    joints = read_joints('', urdf)
    assert joints.names == ('knee', 'wheel', 'slide') and joints.source == str(urdf)
    assert numbers(joints.limits['knee']) == (-1.5, 0.5, 7.5, 40.0)
    # the format's own default of what a limit leaves out
    assert numbers(joints.limits['slide']) == (0.0, 0.04, 0.2, 100.0)
    assert numbers(joints.limits['wheel']) == (-math.inf, math.inf, 20.0, 3.0)
    assert [joints.limits[name].endless for name in joints.names] == [False, True, False]


def test_listed_names_have_their_own_order(urdf):
    joints = read_joints('slide, knee', urdf)
    assert (joints.names, joints.source, set(joints.limits)) == (('slide', 'knee'), '--joints', {'slide', 'knee'})
    alone = read_joints('a,b', '')
    assert (alone.names, dict(alone.limits)) == (('a', 'b'), {})
    assert read_joints('', '') is None


def test_joint_that_the_file_lacks_is_named_beside_those_it_has(urdf):
    with pytest.raises(
        ConfigurationError, match=r"small.urdf has no movable joint 'mount'; its joints: knee, wheel, sl"
    ):
        read_joints('knee,mount', urdf)


@pytest.mark.parametrize(
    'text, fault',
    [
        ('<robot><joint', 'is not read as URDF'),
        ('<mujoco/>', 'its root is <mujoco>; expected <robot>'),
        ('<robot><joint name="m" type="fixed"/></robot>', 'has no movable joint'),
        (URDF.replace('"-1.5"', '"-1,5"'), "joint 'knee': limit lower is '-1,5'; expected a number"),
    ],
)
def test_file_that_is_no_description_is_refused(tmp_path, text, fault):
    (tmp_path / 'bad.urdf').write_text(text)
    with pytest.raises(ConfigurationError, match=fault):
        read_joints('', tmp_path / 'bad.urdf')


def test_joint_without_limits_leaves_them_open(tmp_path):
    (tmp_path / 'bare.urdf').write_text('<robot><joint name="j" type="revolute"/></robot>')
    assert all(map(math.isnan, numbers(read_joints('', tmp_path / 'bare.urdf').limits['j'])))
