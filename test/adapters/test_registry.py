# SPDX-License-Identifier: Apache-2.0
"""Every type by its name; what is unknown, absent or broken is refused in one line that helps."""

import sys
import timeit

import numpy as np
import pytest

pytest.importorskip('rclpy')

from round_trip import received, STAMP, there_and_back
from std_msgs.msg import Float32MultiArray

from rl_policy_node.adapters import Adapter, ADAPTERS, create_adapter, reference
from rl_policy_node.errors import ConfigurationError

OWN = """
import numpy as np
from rl_policy_node.adapters import Adapter

class Range(Adapter):
    type_name = 'sensor_msgs/msg/Range'
    fields = {'range': (1,)}
    units = {'range': 'm'}
    dtype = np.float32

    def to_arrays(self, message):
        return {'range': np.array([message.range], dtype=self.dtype)}

    def to_message(self, arrays, stamp, names=()):
        message = self.new_message(stamp)
        message.range = float(arrays['range'][0])
        return message

class Half(Adapter):
    fields = {'range': (1,)}
    def to_arrays(self, message):
        return {}

class Nameless(Range):
    type_name = ''

class Empty(Range):
    fields = {}

class Broken(Range):
    def __init__(self, options):
        raise RuntimeError('no \\n calibration')

class Elsewhere(Range):
    type_name = 'absent_msgs/msg/Thing'

def function():
    pass
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Put modules of a user's own on the path, and forget them."""
    before = set(sys.modules)
    (tmp_path / 'own_adapters.py').write_text(OWN)
    (tmp_path / 'own_failing.py').write_text('raise RuntimeError("no\\nlicence")')
    (tmp_path / 'own_leaving.py').write_text('raise SystemExit(3)')
    (tmp_path / 'own_misspelt.py').write_text('def :')
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in set(sys.modules) - before:
        if name.startswith('own_'):
            del sys.modules[name]


def test_messages_check_their_fields():
    """What the adapters fill in is held against the declared types in all tests of this folder."""
    with pytest.raises(AssertionError):
        Float32MultiArray().data = ['text']


@pytest.mark.parametrize('name', ADAPTERS)
def test_every_adapter_is_found_by_the_name_of_its_type(name):
    adapter = create_adapter(name, 'sources.x')
    package, kind = adapter.message_type.__module__.split('.')[0], adapter.message_type.__name__
    assert name == adapter.type_name == f'{package}/msg/{kind}'
    assert isinstance(adapter, ADAPTERS[name])


def test_every_type_that_is_promised_is_there():
    promised = {
        'sensor_msgs': 'JointState Imu Image CompressedImage',
        'geometry_msgs': 'Pose PoseStamped PoseWithCovarianceStamped Twist TwistStamped Wrench WrenchStamped Vector3 '
        'Vector3Stamped TransformStamped Point PointStamped Quaternion QuaternionStamped',
        'nav_msgs': 'Odometry',
        'std_msgs': 'Float32 Float64 Float32MultiArray Float64MultiArray Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 '
        'Int32MultiArray Bool UInt8MultiArray',
        'trajectory_msgs': 'JointTrajectory',
    }
    assert {f'{package}/msg/{kind}' for package, kinds in promised.items() for kind in kinds.split()} <= set(ADAPTERS)


def test_reference_tells_shape_and_unit_of_every_field():
    rows = {entry.type_name: entry for entry in reference()}
    assert list(rows) == list(ADAPTERS)
    assert all(field.shape and field.unit for entry in rows.values() for field in entry.fields)
    assert rows['geometry_msgs/msg/WrenchStamped'].fields == (('force', '(3,)', 'N'), ('torque', '(3,)', 'N·m'))
    assert rows['sensor_msgs/msg/JointState'].fields[0] == ('position', '(joints,)', 'rad or m')


def test_unknown_type_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match=r"type 'std_msgs/msg/String' in sources\.x; valid: .*JointState") as e:
        create_adapter('std_msgs/msg/String', 'sources.x')
    assert 'did you mean' not in str(e.value)


@pytest.mark.parametrize(
    'wrong, right',
    [
        ('sensor_msgs/msg/JointStates', 'sensor_msgs/msg/JointState'),
        ('sensor_msgs/JointState', 'sensor_msgs/msg/JointState'),
        ('JointState', 'sensor_msgs/msg/JointState'),
        ('geometry_msgs/msg/Odometry', 'nav_msgs/msg/Odometry'),
        ('geometry_msgs/msg/posestamped', 'geometry_msgs/msg/PoseStamped'),
        ('std_msgs/msg/Float64Array', 'std_msgs/msg/Float64MultiArray'),
    ],
)
def test_type_that_is_nearly_known_is_named(wrong, right):
    with pytest.raises(ConfigurationError, match=f"did you mean '{right}'\\?$"):
        create_adapter(wrong, 'sources.x')


@pytest.mark.parametrize('type_name', ['nav_msgs/msg/Odometry', 'trajectory_msgs/msg/JointTrajectory'])
def test_absent_package_is_said_where_it_is_used(type_name, monkeypatch):
    package = type_name.split('/')[0]
    monkeypatch.setitem(sys.modules, f'{package}.msg', None)
    with pytest.raises(ConfigurationError, match=f"sources.x: {type_name} needs the ROS package '{package}'"):
        create_adapter(type_name, 'sources.x')
    create_adapter('sensor_msgs/msg/Imu', 'sources.y')
    assert type_name in {entry.type_name for entry in reference()}


def test_message_that_a_distribution_lacks_is_said():
    class New(ADAPTERS['sensor_msgs/msg/JointState']):
        type_name = 'sensor_msgs/msg/NewState'

    with pytest.raises(ConfigurationError, match="'sensor_msgs' that is installed has no message 'NewState'"):
        New().message_type


def test_adapter_of_ones_own_works_like_the_others(own):
    adapter = create_adapter('own_adapters:Range', 'sources.x', frame_id='bumper')
    assert isinstance(adapter, Adapter) and 'own_adapters:Range' not in ADAPTERS
    there_and_back(adapter, {'range': np.array([0.25], np.float32)})


@pytest.mark.parametrize(
    'type_name, told',
    [
        ('own_absent:Range', "ModuleNotFoundError: No module named 'own_absent'"),
        ('own_failing:Range', 'RuntimeError: no licence'),
        ('own_leaving:Range', 'SystemExit: 3'),
        ('own_misspelt:Range', 'SyntaxError: '),
        ('own_adapters:Rang', "'Rang' is not there; expected a subclass of rl_policy_node.adapters.Adapter"),
        ('own_adapters:', "'' is not there; expected a subclass"),
        (':Range', 'ValueError: '),
        ('own_adapters:function', r"'function' is <function .*>; expected a subclass"),
        ('own_adapters:np', r"'np' is <module .*>; expected a subclass"),
        ('own_adapters:Half', 'Half lacks to_message'),
        ('own_adapters:Empty', 'Empty lacks fields'),
        ('own_adapters:Broken', 'RuntimeError: no calibration'),
        ('own_adapters:Nameless', "'' is no message type; expected the form package/msg/Type"),
        ('own_adapters:Elsewhere', "absent_msgs/msg/Thing needs the ROS package 'absent_msgs'"),
    ],
)
def test_adapter_of_ones_own_that_is_none_is_refused_in_one_line(own, type_name, told):
    with pytest.raises(ConfigurationError, match=told) as caught:
        create_adapter(type_name, 'sources.x')
    assert 'sources.x' in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'type_name, arrays, joints',
    [
        ('sensor_msgs/msg/Image', {'image': np.zeros((80, 60, 3), np.float32)}, 0),
        ('std_msgs/msg/Float32MultiArray', {'data': np.zeros((80, 60, 3), np.float32)}, 0),
        ('sensor_msgs/msg/JointState', {'position': np.zeros(1000), 'velocity': np.zeros(1000)}, 1000),
        ('trajectory_msgs/msg/JointTrajectory', {'position': np.zeros(1000)}, 1000),
    ],
)
def test_big_messages_take_less_than_a_millisecond(type_name, arrays, joints):
    """An order of magnitude of room, the best of some: only a Python loop over the numbers is noticed."""
    adapter, names = create_adapter(type_name), [f'joint_{i}' for i in range(joints)]
    message = received(adapter.to_message(arrays, STAMP, names))
    assert min(timeit.repeat(lambda: adapter.to_message(arrays, STAMP, names), number=1, repeat=20)) < 1e-3
    assert min(timeit.repeat(lambda: adapter.to_arrays(message), number=1, repeat=20)) < 1e-3
