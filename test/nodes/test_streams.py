# SPDX-License-Identifier: Apache-2.0
"""The streams show what the network got and answered, bit for bit, and disturb nothing."""

import json
from pathlib import Path

from nodes.acting import acted
from nodes.harness import JOINTS, parameters
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Float32MultiArray, String

from rl_policy_node.tools.process.processes import ToolProcess

POLICY = '/policy_node/policy/'
OBSERVATION, ACTION, TERMS, METADATA = (POLICY + name for name in ('observation/obs', 'action', 'terms', 'metadata'))
BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ON = {'stream.enabled': True}


class Viewer:
    """Keeps what is streamed. description: the metadata."""

    def __init__(self, node):
        self.observations, self.actions, self.terms, self.description = [], [], [], {}
        node.create_subscription(Float32MultiArray, OBSERVATION, self.observations.append, BEST_EFFORT)
        node.create_subscription(Float32MultiArray, ACTION, self.actions.append, BEST_EFFORT)
        node.create_subscription(JointState, TERMS, self.terms.append, BEST_EFFORT)
        node.create_subscription(String, METADATA, self._on_metadata, LATCHED)

    def _on_metadata(self, message):
        self.description = json.loads(message.data)


def published(arm):
    """Return the topics below ~/policy that have a publisher."""
    topics = [topic for topic, _ in arm.node.get_topic_names_and_types() if topic.startswith(POLICY)]
    return {topic for topic in topics if arm.node.count_publishers(topic)}


def switch(arm, on):
    change = Parameter(name='stream.enabled', value=ParameterValue(type=1, bool_value=on))
    answer = arm.call(SetParameters, '/policy_node/set_parameters', SetParameters.Request(parameters=[change]))
    assert answer.results[0].successful, answer.results[0].reason


def array(message):
    """Return the numbers of a message in its own shape."""
    return np.array(message.data, np.float32).reshape([dimension.size for dimension in message.layout.dim])


@pytest.fixture
def kept(arm, run, tmp_path):
    """Start a node that keeps what its network gets and gives, and shows it; return how to end it."""
    file, result = tmp_path / 'kept.yaml', tmp_path / 'kept.npz'
    file.write_text(json.dumps({'/**': {'ros__parameters': parameters(run, **ON)}}))
    script = Path(__file__).with_name('keeping_policy.py')
    node = ToolProcess('keeping_policy', [script, result, '--ros-args', '--params-file', file], tmp_path / 'kept.log')

    def end():
        assert node.stop() == 0, node.tail()
        return np.load(result)

    yield end
    node.stop()


@pytest.mark.slow
def test_everything_is_what_the_network_got_and_gave_bit_for_bit(arm, kept):
    viewer, random = Viewer(arm.node), np.random.default_rng(3)

    def enough():
        # only steps between two messages see the same, with other states of the network
        arm.position, arm.force = random.normal(size=3).tolist(), random.normal(size=3).tolist()
        return min(map(len, (viewer.observations, viewer.actions, viewer.terms))) >= 50

    assert arm.live_until(enough, 60)
    got = kept()
    steps = {(inputs.tobytes(), actions.tobytes()) for inputs, actions in zip(got['obs'], got['actions'])}
    seen, given = map(set, zip(*steps))
    assert all(array(message).tobytes() in seen for message in viewer.observations)
    assert all(array(message).tobytes() in given for message in viewer.actions)
    stamps = [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec for message in viewer.terms]
    assert stamps == sorted(set(stamps)) and stamps[0] > 0
    for message in viewer.terms:
        named = dict(zip(message.name, message.position))
        assert named.pop('acting') == 1.0
        numbers = np.array(list(named.values()), np.float32)
        assert (numbers[:9].tobytes(), numbers[9:].tobytes()) in steps


def test_dimensions_and_numbers_have_names(arm, run):
    viewer = Viewer(arm.node)
    arm.start(parameters(run, **ON))
    assert arm.live_until(lambda: viewer.observations and viewer.actions and viewer.terms, 40)
    assert [(d.label, d.size, d.stride) for d in viewer.observations[0].layout.dim] == [('rows', 1, 9), ('obs', 9, 9)]
    assert [(d.label, d.size, d.stride) for d in viewer.actions[0].layout.dim] == [('rows', 1, 3), ('action', 3, 3)]
    axes = {'position': JOINTS, 'velocity': JOINTS, 'force': ['x', 'y', 'z'], 'action/arm': JOINTS}
    wanted = ['acting', *(f'{term}/{label}' for term, labels in axes.items() for label in labels)]
    assert list(viewer.terms[0].name) == wanted


def test_metadata_tells_what_the_numbers_are(arm, run):
    viewer = Viewer(arm.node)
    arm.start(parameters(run, **ON))
    assert arm.live_until(lambda: bool(viewer.description), 40)
    told = viewer.description
    assert [(term['name'], term['start'], term['size'], term['labels']) for term in told['terms']] == [
        ('position', 0, 3, JOINTS),
        ('velocity', 3, 3, JOINTS),
        ('force', 6, 3, ['x', 'y', 'z']),
    ]
    position, velocity, force = told['terms']
    assert position['offset'] == [0.1, 0.2, 0.3] and position['unit'] == 'rad or m'
    assert velocity['scale'] == [0.05] and force['clip'] == 20.0 and force['clip_input'] == 'inf'
    assert told['sources']['joints'] == {'type': 'sensor_msgs/msg/JointState', 'topics': ['/joint_states']}
    assert told['commands']['arm'] == {'type': 'std_msgs/msg/Float64MultiArray', 'topics': ['/commands']}
    assert told['parameters']['control_rate'] == 50.0 and told['versions']['numpy'] == np.__version__
    assert len(told['checkpoint']['sha256']) == len(told['train_config']['sha256']) == 64
    assert told['moments'] == {}, 'the policy was saved before it was trained'


def test_off_there_is_nothing_and_it_is_switched_while_the_arm_moves(arm, run):
    viewer = Viewer(arm.node)
    node = arm.start(parameters(run))
    acted(arm, 20)
    assert published(arm) == set()
    switch(arm, True)
    assert arm.live_until(lambda: len(viewer.terms) > 10, 20)
    assert published(arm) == {OBSERVATION, ACTION, TERMS, METADATA}
    switch(arm, False)
    assert arm.live_until(lambda: not published(arm), 20)
    count, commands = len(viewer.terms), len(arm.commands)
    arm.live(0.3)
    assert len(viewer.terms) == count and len(arm.commands) > commands
    switch(arm, True)
    assert arm.live_until(lambda: len(viewer.terms) > count, 20)
    assert node.poll() is None and 'Traceback' not in node.tail(200)


def test_who_stalls_holds_up_neither_the_arm_nor_another_viewer(arm, run):
    viewer = Viewer(arm.node)
    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        idle = rclpy.create_node('idle', context=context)  # its subscriptions are never read
        for kind, topic in ((Float32MultiArray, OBSERVATION), (Float32MultiArray, ACTION), (JointState, TERMS)):
            idle.create_subscription(kind, topic, print, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
        arm.start(parameters(run, **ON))
        acted(arm)
        assert arm.live_until(lambda: arm.node.count_subscribers(TERMS) == 2, 20)
        before = len(arm.commands), len(viewer.terms)
        assert arm.live_until(lambda: len(arm.commands) - before[0] > 100 and len(viewer.terms) - before[1] > 90, 20)
        idle.destroy_node()
    finally:
        context.try_shutdown()


def test_each_nth_step_and_chosen_topics(arm, run):
    viewer = Viewer(arm.node)
    arm.start(parameters(run, **ON, **{'stream.topics': ['terms'], 'stream.every': 10}))
    acted(arm)
    assert arm.live_until(lambda: len(viewer.terms) > 5, 40)
    assert published(arm) == {TERMS, METADATA}
    stamps = np.array([message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec for message in viewer.terms])
    assert np.diff(stamps).min() > 0.1, 'ten periods of 0.02 s, less than half of which a busy machine may steal'
