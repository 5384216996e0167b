# SPDX-License-Identifier: Apache-2.0
"""A source may require the frame that its messages are in."""

from geometry_msgs.msg import PoseStamped
from nodes.stepper_bench import deliver
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.source import Foreign, Source

JOINTS = ('hip', 'knee')
POSE, STATE = 'geometry_msgs/msg/PoseStamped', 'sensor_msgs/msg/JointState'
WAYS = pytest.mark.parametrize(
    'way', [lambda message: message, lambda message: bytes(serialize_message(message))], ids=['message', 'bytes']
)


def source(kind, frame_id, robots=('left', 'right')):
    spec = SourceSpec('goal', 'goal', kind, frame_id=frame_id)
    terms = {'term': term_spec('term', source='goal', field='position', joints=JOINTS if kind == STATE else ())}
    raw = action_spec('raw', 'raw', 'commands', 'std_msgs/msg/Float64', size=1, fallback_value=(0.0,))
    return Source(spec, control_spec(robots, 50.0, 'timer', 1.0, {'goal': spec}, terms, {'obs': ('term',)}, (raw,)), {})


def message(kind, frame, names=JOINTS):
    made = PoseStamped() if kind == POSE else JointState(name=names, position=[0.1] * len(names))
    made.header.frame_id = frame
    return made


@WAYS
@pytest.mark.parametrize('kind', [POSE, STATE])
@pytest.mark.parametrize('frame', ['', 'bas', 'base2', 'odom', '/base'])
def test_a_message_in_another_frame_is_refused_naming_both(way, kind, frame):
    made = source(kind, 'base')
    deliver(made, 0, way(message(kind, 'base')), 1.0)
    with pytest.raises(ValueError, match=f"^frame_id is '{frame}'; expected 'base'$"):
        deliver(made, 0, way(message(kind, frame)), 2.0)
    assert made.buffer.received[0] == 1.0


@WAYS
def test_a_frame_may_bear_the_name_of_its_robot(way):
    made = source(POSE, '{robot}/base')
    deliver(made, 1, way(message(POSE, 'right/base')), 1.0)
    with pytest.raises(ValueError, match="expected 'left/base'"):
        deliver(made, 0, way(message(POSE, 'right/base')), 1.0)


def test_a_message_in_any_frame_is_taken_where_none_is_stated():
    made = source(POSE, '')
    deliver(made, 0, message(POSE, 'anywhere'), 1.0)
    assert made.buffer.received[0] == 1.0


def test_somebody_elses_joints_may_be_in_any_frame():
    with pytest.raises(Foreign):
        deliver(source(STATE, 'base'), 0, message(STATE, 'odom', ('finger',)), 1.0)


def test_what_a_simulator_publishes_is_in_the_frame():
    made = source(POSE, '{robot}/base')
    for row, robot in enumerate(('left', 'right')):
        sent = made.message({'position': np.zeros((2, 3))}, slice(row, row + 1), 1)
        assert sent.header.frame_id == f'{robot}/base'


@pytest.mark.parametrize('kind', ['geometry_msgs/msg/Pose', 'geometry_msgs/msg/TransformStamped'])
def test_a_type_without_a_header_has_no_frame(kind):
    if kind.endswith('Stamped'):
        source(kind, 'base')
    else:
        with pytest.raises(ConfigurationError, match=r"sources.goal.frame_id is 'base'; .* begin with a header"):
            source(kind, 'base')


def test_a_transform_has_a_target_frame():
    with pytest.raises(ConfigurationError, match=r'sources.goal.frame_id .* tf2 has target_frame'):
        SourceSpec('goal', '', 'tf2', target_frame='a', source_frame='b', frame_id='c')
