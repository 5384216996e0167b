# SPDX-License-Identifier: Apache-2.0
"""A robot moves only while its driver's state permits it."""

from diagnostic_msgs.msg import DiagnosticArray
from nodes.harness import parameters
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.policy.robot_state import RobotStateSpec


def test_a_type_without_a_yes_needs_values():
    assert RobotStateSpec('mode').permitted == ('true',)
    with pytest.raises(ConfigurationError, match='robot_state.values is empty'):
        RobotStateSpec('mode', 'std_msgs/msg/String')


@pytest.mark.slow
def test_a_robot_moves_only_in_the_states_that_permit_it(arm, run):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    driver = arm.node.create_publisher(String, 'mode', latched)
    driver.publish(String(data='IDLE'))
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)
    node = arm.start(
        parameters(
            run,
            robot_state={
                'topic': 'mode',
                'type': 'std_msgs/msg/String',
                'values': ['RUNNING', 'REMOTE'],
                'durability': 'transient_local',
            },
        )
    )
    assert arm.says(node, "waiting: mode says 'IDLE'; the robot may move with 'RUNNING' or 'REMOTE'", 40), node.tail(20)
    assert not arm.commands
    driver.publish(String(data='RUNNING'))
    assert arm.live_until(lambda: arm.commands and not arm.is_held(), 20)
    driver.publish(String(data='PROTECTIVE_STOP'))
    assert arm.live_until(arm.is_held, 10)
    assert not arm.call(Trigger, '/policy_node/resume', Trigger.Request()).success
    driver.publish(String(data='REMOTE'))
    arm.live(1.0)
    assert arm.is_held(), 'it does not go on by itself'
    assert arm.call(Trigger, '/policy_node/resume', Trigger.Request()).success
    assert arm.live_until(lambda: not arm.is_held(), 10)
