# SPDX-License-Identifier: Apache-2.0
"""Fast DDS understands the profile that makes room for large messages, whichever Fast DDS it is."""

import os
from pathlib import Path
import subprocess
import sys

import pytest
import rclpy

from rl_policy_node.nodes.topics.transport import make_room, profile

NODE = """
import rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('sender')
node.create_publisher(String, 'text', 10)
rclpy.shutdown()
"""


@pytest.mark.parametrize('distribution, name', [('humble', 'fastrtps'), ('jazzy', 'fastrtps'), ('kilted', 'fastdds')])
def test_a_sourced_distribution_says_which_profile(distribution, name, monkeypatch):
    monkeypatch.setenv('ROS_DISTRO', distribution)
    variable, path = profile()
    assert variable == f'{name.upper()}_DEFAULT_PROFILES_FILE'
    assert Path(path).name == f'{name}_large_messages.xml' and Path(path).is_file()


@pytest.mark.skipif('fastrtps' not in rclpy.get_rmw_implementation_identifier(), reason='the profile is of Fast DDS')
def test_fast_dds_reads_the_profile(monkeypatch):
    for variable in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.setenv(variable, '')  # so that monkeypatch takes back what make_room sets
        monkeypatch.delenv(variable)

    def said():
        node = subprocess.run([sys.executable, '-c', NODE], capture_output=True, text=True, timeout=60)
        assert node.returncode == 0, node.stderr
        return node.stdout + node.stderr

    make_room()
    assert 'XMLPARSER' not in said()
    os.environ[profile()[0]] = '/nowhere.xml'
    assert 'XMLPARSER' in said(), 'this Fast DDS does not read that variable'
