# SPDX-License-Identifier: Apache-2.0
"""Waiting says why: nobody publishes, another type, another quality of service, no clock; two are told of."""

import contextlib

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
        context = rclpy.Context()
        rclpy.init(context=context)
        self._stack.callback(context.try_shutdown)
        node = rclpy.create_node(name, context=context)
        self._stack.callback(node.destroy_node)
        return node

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
