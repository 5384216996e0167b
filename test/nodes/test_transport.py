# SPDX-License-Identifier: Apache-2.0
"""Fast DDS understands the profile that makes room for large messages; nodes of small ones use UDP alone."""

import os
from pathlib import Path
import subprocess
import sys

import pytest
import rclpy
import yaml

from rl_policy_node.nodes.topics.transport import keep_off_shared_memory, make_room, profile, without_shared_memory

NODE = """
import rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('sender')
node.create_publisher(String, 'text', 10)
print('shared' if '/dev/shm/fast' in open('/proc/self/maps').read() else 'apart')
rclpy.shutdown()
"""
FAST_DDS = pytest.mark.skipif(
    'fastrtps' not in rclpy.get_rmw_implementation_identifier(), reason='these settings are of Fast DDS'
)


def said() -> str:
    """Return what a node of this environment prints."""
    node = subprocess.run([sys.executable, '-c', NODE], capture_output=True, text=True, timeout=60)
    assert node.returncode == 0, node.stderr
    return node.stdout + node.stderr


@pytest.fixture
def unchosen(monkeypatch):
    """No transports are chosen; what a test sets is taken back."""
    for variable in ('FASTDDS_BUILTIN_TRANSPORTS', 'FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.setenv(variable, '')
        monkeypatch.delenv(variable)


@pytest.mark.parametrize('distribution, name', [('humble', 'fastrtps'), ('jazzy', 'fastrtps'), ('kilted', 'fastdds')])
def test_a_sourced_distribution_says_which_profile(distribution, name, monkeypatch):
    monkeypatch.setenv('ROS_DISTRO', distribution)
    variable, path = profile()
    assert variable == f'{name.upper()}_DEFAULT_PROFILES_FILE'
    assert Path(path).name == f'{name}_large_messages.xml' and Path(path).is_file()


@FAST_DDS
def test_fast_dds_reads_the_profile(unchosen):
    make_room()
    assert 'XMLPARSER' not in said()
    os.environ[profile()[0]] = '/nowhere.xml'
    assert 'XMLPARSER' in said(), 'this Fast DDS does not read that variable'


JOINTS = {'joints': {'topic': '/joint_states', 'type': 'sensor_msgs/msg/JointState'}}


@pytest.mark.parametrize(
    'added, expected',
    [
        ({}, 'UDPv4'),
        ({'camera': {'topic': '/image', 'type': 'sensor_msgs/msg/CompressedImage'}}, None),
        ({'skin': {'topic': '/skin', 'type': 'ours.skin:Skin'}}, None),
        ({'all': {'topic': '/all', 'type': 'std_msgs/msg/Float32MultiArray', 'rows': True}}, None),
        ({'one': {'topic': '/one', 'type': 'std_msgs/msg/Float32MultiArray', 'rows': False}}, 'UDPv4'),
    ],
)
@pytest.mark.parametrize('nested', [True, False])
def test_a_node_of_small_messages_keeps_off_shared_memory(added, expected, nested, tmp_path, unchosen):
    sources = {**JOINTS, **added}
    flat = {f'sources.{name}.{key}': value for name, options in sources.items() for key, value in options.items()}
    file = tmp_path / 'robot.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': {'sources': sources} if nested else flat}}))
    keep_off_shared_memory(['node', '--ros-args', '--params-file', str(file), '-p', 'device:=cpu'])
    assert os.environ.get('FASTDDS_BUILTIN_TRANSPORTS') == expected


@pytest.mark.parametrize('argument', ['sources.camera.type:=sensor_msgs/msg/Image', 'sources.all.rows:=true'])
def test_an_argument_names_large_messages_too(argument, unchosen):
    keep_off_shared_memory(['node', '--ros-args', '-p', argument])
    assert 'FASTDDS_BUILTIN_TRANSPORTS' not in os.environ


def test_a_file_that_rcl_refuses_is_left_to_rcl(tmp_path, unchosen):
    (tmp_path / 'broken.yaml').write_text('a: [')
    keep_off_shared_memory(['--params-file', str(tmp_path / 'broken.yaml'), '--params-file', '/nowhere.yaml'])
    assert os.environ['FASTDDS_BUILTIN_TRANSPORTS'] == 'UDPv4'


@pytest.mark.parametrize(
    'variable, value', [('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA'), (profile()[0], '/etc/ours.xml')]
)
def test_the_transports_of_the_user_stay(variable, value, monkeypatch, unchosen):
    monkeypatch.setenv(variable, value)
    keep_off_shared_memory([])
    assert without_shared_memory() == {}
    assert os.environ.get('FASTDDS_BUILTIN_TRANSPORTS') == (value if variable.startswith('FASTDDS_B') else None)


@FAST_DDS
def test_fast_dds_keeps_off_shared_memory(monkeypatch, unchosen):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')  # with LOCALHOST, ROS chooses the transports itself
    if 'apart' in said():
        pytest.skip('this machine has no shared memory')
    keep_off_shared_memory([])
    assert 'apart' in said()
