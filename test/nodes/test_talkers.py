# SPDX-License-Identifier: Apache-2.0
"""Waiting says why: nobody publishes, another type, another quality of service, no clock; two are told of."""

import contextlib

from geometry_msgs.msg import WrenchStamped
from lifecycle_msgs.msg import Transition
from nodes.acting import acted, held
from nodes.harness import parameters, wait
from nodes.stepper_bench import flat
import pytest
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.nodes.topics.talkers import Talkers


def make(stack, name):
    """Return a node of this process with a context of its own: a participant that others discover."""
    context = rclpy.Context()
    rclpy.init(context=context)
    stack.callback(context.try_shutdown)
    node = rclpy.create_node(name, context=context)
    stack.callback(node.destroy_node)
    return node


class Bench:
    """The source `joints` of a node that listens, and a driver that publishes."""

    def __init__(self, stack, run, reliability=ReliabilityPolicy.RELIABLE):
        self._stack = stack
        control = configuration(flat(parameters(run))).control
        self.source = Source(control.sources['joints'], control, {})
        self.node, self.driver = self.make('policy_node'), self.make('driver')
        endpoints = Endpoints(self.node, stack.enter_context(contextlib.ExitStack()))
        subscription = endpoints.subscribe(
            JointState, 'joint_states', print, QoSProfile(depth=1, reliability=reliability)
        )
        self.talkers = Talkers(self.node, {'joints': [subscription]})

    def make(self, name):
        return make(self._stack, name)

    def why(self):
        return self.talkers.why_silent(self.source, 0)

    def publish(self, message_type=JointState, reliability=ReliabilityPolicy.RELIABLE):
        self.driver.create_publisher(message_type, 'joint_states', QoSProfile(depth=1, reliability=reliability))


@pytest.fixture
def bench(run):
    with contextlib.ExitStack() as stack:
        yield Bench(stack, run)


def test_nobody_and_silence_are_told_apart(bench):
    assert bench.why() == 'no publisher'
    bench.publish()
    assert wait(lambda: bench.why() == 'no message yet')


def test_another_type_is_named_with_its_node(bench):
    bench.publish(String)
    assert wait(lambda: bench.why() == '/driver publishes std_msgs/msg/String instead of sensor_msgs/msg/JointState')
    bench.make('other_driver').create_publisher(JointState, 'joint_states', 1)
    assert wait(lambda: bench.why().endswith(' instead of sensor_msgs/msg/JointState; no message yet'))


def test_another_quality_of_service_is_named(bench):
    bench.publish(reliability=ReliabilityPolicy.BEST_EFFORT)
    assert wait(lambda: bench.why().startswith('/driver publishes with another quality of service (')), bench.why()
    assert 'Best effort publisher and reliable subscription; see qos_overrides)' in bench.why()


def test_several_publishers_of_a_topic_are_told_of_once(bench):
    bench.publish()
    assert bench.talkers.several() == []
    other = bench.make('other_driver')
    other.create_publisher(JointState, 'joint_states', 1)
    lines = []
    assert wait(lambda: lines.extend(bench.talkers.several()) or lines)
    assert lines == ['sources.joints: 2 publishers on /joint_states: /driver, /other_driver; is that meant?']
    assert bench.talkers.several() == []


def test_a_clock_that_never_comes_is_what_it_waits_for(arm, run):
    node = arm.start(parameters(run, use_sim_time=True))
    assert arm.says(node, 'waiting: no /clock message yet: use_sim_time is true, and it has no publisher', 40)
    assert arm.state() == 'inactive' and not arm.commands


def test_a_live_node_says_who_talks_past_it_and_moves_on_what_it_was_told_alone(arm, run):
    arm.node.destroy_publisher(arm._wrench)
    arm.talking = {'joints'}
    frame = {'sources.wrench.frame_id': 'wrist'}
    reliable = {'qos_overrides': {'/wrench': {'subscription': {'reliability': 'reliable'}}}}
    node = arm.start(parameters(run, autostart=False, **frame, **reliable))
    assert arm.transition(Transition.TRANSITION_CONFIGURE)

    def waits_for(text):
        def told():
            refused = not arm.transition(Transition.TRANSITION_ACTIVATE)
            assert refused, node.tail()
            return f'not activated: {text}' in node.tail(5)

        return arm.live_until(told, 10)

    assert waits_for('no publisher on wrench'), node.tail()
    with contextlib.ExitStack() as stack:
        make(stack, 'stranger').create_publisher(String, 'wrench', 1)
        other_type = '/stranger publishes std_msgs/msg/String instead of geometry_msgs/msg/WrenchStamped on wrench'
        assert waits_for(other_type), node.tail()
    with contextlib.ExitStack() as stack:
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        make(stack, 'stranger').create_publisher(WrenchStamped, 'wrench', best_effort)
        assert waits_for('/stranger publishes with another quality of service'), node.tail()
    arm._wrench = arm.node.create_publisher(WrenchStamped, 'wrench', 10)
    assert waits_for('no message yet on wrench'), node.tail()
    arm.talking.add('wrench')
    assert waits_for("all messages refused (frame_id is ''; expected 'wrist') on wrench"), node.tail()
    assert not arm.commands
    arm.frame = 'wrist'
    assert arm.live_until(lambda: arm.transition(Transition.TRANSITION_ACTIVATE), 10), node.tail()
    acted(arm)
    with contextlib.ExitStack() as stack:
        make(stack, 'other_driver').create_publisher(JointState, 'joint_states', 1)
        assert arm.says(node, '2 publishers on /joint_states: /arm, /other_driver; is that meant?', 10), node.tail()
    arm.frame = 'odom'
    assert held(arm), 'the wrench of another frame is none'
