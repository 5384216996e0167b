# SPDX-License-Identifier: Apache-2.0
"""Several robots, robots that come late, shadow mode, and quality of service, over DDS."""

import contextlib

from diagnostic_msgs.msg import DiagnosticArray
from nodes.harness import Arm, parameters
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from std_srvs.srv import Trigger


@pytest.fixture
def arms(tmp_path):
    """Return a function that puts an arm into a namespace."""
    with contextlib.ExitStack() as stack:
        yield lambda namespace, **options: stack.enter_context(Arm(tmp_path, namespace, **options))


def fleet(run, **changes):
    return parameters(run, robots=['left', 'right'], robots_required='any', **changes)


@pytest.mark.slow
def test_a_robot_may_come_late_and_gets_nothing_before(arms, run):
    left, right = arms('left'), arms('right')
    right.talking = set()
    left.start(fleet(run))
    assert left.live_until(lambda: len(left.commands) > 20, 40)
    right.live(0.3)
    assert right.commands == [] and left.commands[-1] != left.position
    right.talking = {'joints', 'wrench'}
    right.position = [0.2, 0.1, 0.0]
    right.live(1.0)
    assert all(command == right.position for command in right.commands), 'nobody said yet that it may move'
    assert right.call(Trigger, '/policy_node/resume/right', Trigger.Request()).success
    assert right.live_until(lambda: len(right.commands) > 5 and right.commands[-1] != right.position, 20)


@pytest.mark.slow
def test_all_robots_have_to_be_there_unless_told_otherwise(arms, run):
    left = arms('left')
    node = left.start(fleet(run) | {'robots_required': 'all'})
    assert left.says(node, 'waiting: no publisher on right/joint_states', 40)
    assert left.commands == []


def test_a_silent_robot_does_not_change_the_others_commands(arms, run):
    left, right = arms('left'), arms('right')
    node = left.start(fleet(run))

    def both():
        right.live(0.01)
        return len(left.commands) > 10 and len(right.commands) > 10

    assert left.live_until(both, 40)
    assert right.call(Trigger, '/policy_node/resume/right', Trigger.Request()).success  # where it came late
    left.commands.clear()
    right.talking = set()
    assert left.says(node, "robot 'right': source 'joints' (joint_states) is stale", 10)
    assert left.live_until(lambda: left.commands[-1:] != [] and not left.is_held(), 5)
    right.live(0.2)
    before = len(right.commands)
    right.live(0.2)
    assert len(right.commands) > before and all(c == right.commands[-1] for c in right.commands[before:])


def test_one_robot_is_reset_on_its_own(arms, run):
    left = arms('left')
    left.start(fleet(run))
    assert left.live_until(lambda: len(left.commands) > 5, 40)
    answer = left.call(Trigger, '/policy_node/reset/left', Trigger.Request())
    assert answer.success and answer.message == 'recurrent state of 1 rows reset'


def test_in_shadow_mode_nothing_goes_to_the_robot(arms, run):
    robot, shadow = arms(''), arms('', command_topic='/policy_node/shadow/commands')
    shadow.talking = set()
    robot.start(parameters(run, shadow=True))

    def spoken():
        shadow.live(0.01)
        return len(shadow.commands) > 10

    assert robot.live_until(spoken, 40)
    assert robot.commands == [] and shadow.commands[-1] != robot.position


def test_quality_of_service_is_the_users(arms, run):
    robot = arms('')
    reliable = {'/joint_states': {'subscription': {'reliability': 'reliable', 'depth': 3}}}
    robot.start(parameters(run, qos_overrides=reliable))
    assert robot.live_until(lambda: len(robot.commands) > 3, 40)
    (joints,) = robot.node.get_subscriptions_info_by_topic('/joint_states')
    (wrench,) = robot.node.get_subscriptions_info_by_topic('/wrench')
    assert joints.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    assert wrench.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT


def test_status_is_there_for_whoever_comes_late(arms, run):
    robot = arms('')
    robot.start(parameters(run))
    assert robot.live_until(lambda: len(robot.commands) > 3, 40)
    robot.live(1.2)
    heard = []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    robot.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, latched)
    assert robot.live_until(lambda: heard, 0.9 + 2.0)
    assert heard[0].status[0].message == 'acting for 1 robots'


def test_scale_and_blend_change_while_the_node_acts(arms, run):
    robot = arms('')
    robot.start(parameters(run))
    assert robot.live_until(lambda: len(robot.commands) > 3, 40)

    def change(name, **value):
        request = SetParameters.Request(parameters=[Parameter(name=name, value=ParameterValue(**value))])
        return robot.call(SetParameters, '/policy_node/set_parameters', request).results[0]

    before = robot.commands[-1]
    assert change('actions.arm.scale', type=8, double_array_value=[0.25]).successful
    robot.live(0.3)
    offset = [0.1, 0.2, 0.3]
    smaller = [abs(now - rest) < abs(then - rest) for now, then, rest in zip(robot.commands[-1], before, offset)]
    assert all(smaller)
    refused = change('actions.arm.scale', type=8, double_array_value=[50.0])
    assert not refused.successful and 'scale_limit' in refused.reason
    assert change('blend', type=3, double_value=0.0).successful
    assert robot.live_until(lambda: robot.commands[-1] == robot.position, 5)
    refused = change('control_rate', type=3, double_value=10.0)
    assert not refused.successful and 'take effect at configure' in refused.reason


def test_one_message_may_carry_all_robots(arms, run):
    simulator = arms('', command_topic='all_commands')
    simulator.talking = set()
    rows = {
        'sources.joints': {
            'topic': 'all_joints',
            'type': 'std_msgs/msg/Float64MultiArray',
            'rows': True,
            'max_age': 0.5,
            'use_header_stamp': False,
        },
        'sources.wrench': {
            'topic': 'all_wrenches',
            'type': 'std_msgs/msg/Float64MultiArray',
            'rows': True,
            'max_age': 0.5,
        },
        'terms.position': {'source': 'joints', 'field': 'data', 'elements': [0, 1, 2], 'shape': [6]},
        'terms.velocity': {'source': 'joints', 'field': 'data', 'elements': [3, 4, 5], 'shape': [6]},
        'terms.force': {'source': 'wrench', 'field': 'data', 'shape': [3]},
        'actions.arm': {
            'kind': 'raw',
            'size': 3,
            'rows': True,
            'scale': [0.5],
            'fallback_value': [0.0],
            'topic': 'all_commands',
            'type': 'std_msgs/msg/Float64MultiArray',
        },
    }
    simulator.start(parameters(run, robots=['left', 'right'], **rows))
    joints = simulator.node.create_publisher(Float64MultiArray, 'all_joints', 10)
    wrenches = simulator.node.create_publisher(Float64MultiArray, 'all_wrenches', 10)

    def answered():
        for publisher, size in ((joints, 6), (wrenches, 3)):
            message = Float64MultiArray(data=[0.1 * (row + 1) for row in range(2) for _ in range(size)])
            message.layout.dim = [
                MultiArrayDimension(label='robot', size=2, stride=2 * size),
                MultiArrayDimension(label='number', size=size, stride=size),
            ]
            publisher.publish(message)
        return any(any(command) for command in simulator.commands)

    assert simulator.live_until(answered, 40)
    command = simulator.commands[-1]
    assert len(command) == 6 and command[:3] != command[3:]
