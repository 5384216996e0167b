# SPDX-License-Identifier: Apache-2.0
"""What a robot is sent from beyond its limits, blocked, and while a scale changes: seen on the command topic."""

from diagnostic_msgs.msg import DiagnosticArray
from nodes.harness import parameters
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile

PERIOD = 0.02
SLOW = {
    'actions.arm.limits': '',
    'actions.arm.lower': [-0.5],
    'actions.arm.upper': [0.5],
    'actions.arm.max_velocity': [0.2],
}


def jump(commands):
    """Return the greatest change from one command to the next, rad."""
    return np.abs(np.diff(commands, axis=0)).max()


@pytest.mark.slow
def test_a_robot_beyond_its_limits_is_refused_and_one_within_them_begins_where_it_is(arm, run):
    arm.position = [1.5, 0.0, 0.0]
    node = arm.start(parameters(run, **SLOW))
    assert arm.says(node, "joint 'shoulder' is measured at 1.5, beyond actions.arm.upper 0.5", 40)
    assert arm.state() == 'inactive' and not arm.commands
    arm.position = [0.48, 0.0, 0.0]
    assert arm.live_until(lambda: len(arm.commands) > 20, 20)
    arm.position = [1.5, 0.0, 0.0]  # somebody moves it
    arm.live(0.3)
    arm.talking = set()
    assert arm.says(node, 'is stale', 10)
    arm.live(0.3)
    arm.talking = {'joints'}
    arm.live(0.3)
    sent = np.array([[0.48, 0.0, 0.0], *arm.commands])
    # never more than in two periods, and never towards 1.5 beyond the limit
    assert jump(sent) <= 0.2 * 2 * PERIOD + 1e-9 and sent.max() <= 0.5


@pytest.mark.slow
def test_a_blocked_robot_whose_sensors_fall_silent_gets_no_jump(arm, run):
    node = arm.start(parameters(run, **{**SLOW, 'actions.arm.max_hold_error': [0.03]}))
    arm.position = [0.3, -0.2, 0.45]
    assert arm.live_until(lambda: arm.commands and np.abs(np.array(arm.commands[-1]) - arm.position).max() > 0.08, 40)
    for silent in ('wrench', 'joints'):
        arm.talking = {'wrench', 'joints'} - {silent}
        arm.live(1.0)
    assert 'is stale' in node.tail(100)
    assert jump(arm.commands) <= 0.2 * 2 * PERIOD + 1e-9


def test_a_robot_that_does_not_follow_is_latched_and_says_why(arm, run):
    node = arm.start(parameters(run, **{**SLOW, 'actions.arm.max_tracking_error': [0.1]}))
    arm.position = [0.3, -0.2, 0.45]
    assert arm.says(node, 'max_tracking_error is 0.1; stays on the fallback until ~/resume', 40)
    assert 'from its target' in node.tail(100)
    arm.live(1.5)
    away = np.abs(np.array(arm.commands) - arm.position)
    assert away.max() < 0.12 and jump(arm.commands) <= 0.2 * 2 * PERIOD + 1e-9
    assert arm.is_held()
    assert 'without limits' not in node.tail(100)


def test_the_diagnostics_tell_tracking_errors_and_what_goes_without_limits(arm, run):
    heard = []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, latched)
    node = arm.start(parameters(run))

    def told():
        return {each.key: each.value for each in heard[-1].status[0].values} if heard else {}

    assert arm.live_until(lambda: 'tracking error of actions.arm' in told(), 40)
    missing = 'joints shoulder, elbow, wrist have no lower, upper, max_velocity'
    assert told()['actions.arm, without limits'] == missing
    assert f'actions.arm, without limits: {missing}' in node.tail(100)
    arm.live(1.2)
    error = np.abs(np.array(arm.commands[-1]) - arm.position).max()
    assert abs(float(told()['tracking error of actions.arm'].split(' ')[0]) - error) < 0.01


@pytest.mark.slow
def test_a_scale_that_is_set_is_no_jump_even_without_limits(arm, run):
    arm.start(parameters(run, **{'actions.arm.scale_limit': 10.0}))
    assert arm.live_until(lambda: len(arm.commands) > 60, 40)
    value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE_ARRAY, double_array_value=[5.0])
    request = SetParameters.Request(parameters=[Parameter(name='actions.arm.scale', value=value)])
    settled = len(arm.commands) - 1
    assert arm.call(SetParameters, '/policy_node/set_parameters', request).results[0].successful
    arm.live(2.0)
    sent = np.array(arm.commands[settled:])
    change = np.abs(sent[-1] - sent[0]).max()
    assert change > 0.2 and jump(sent) < change / 10
    assert jump(sent[-5:]) < 1e-3, 'it has arrived'
