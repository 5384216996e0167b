# SPDX-License-Identifier: Apache-2.0
"""Who else commands a robot and who listens: noticed, told truly, and never left to two commanders."""

import contextlib
import copy

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from nodes.acting import acted
from nodes.harness import parameters, wait
from nodes.stepper_bench import flat
import pytest
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.links import called, Links, LinkSpec

QOS, DEFAULT = QoSProfile(depth=1), LinkSpec()


class Graph:
    """Nodes of this process, each with a context of its own: a participant that others discover.

    eye: the node that looks.
    """

    def __init__(self, stack):
        self._stack = stack

    def node(self, name, namespace=''):
        context = rclpy.Context()
        rclpy.init(context=context)
        self._stack.callback(context.try_shutdown)
        node = rclpy.create_node(name, context=context, namespace=namespace)
        self._stack.callback(node.destroy_node)
        return node

    def links(self, run, spec=DEFAULT, robots=('',), **changes):
        """Return the Links of a node with a command topic for each robot, and its publishers."""
        self.eye = node = self.node('policy_node')
        endpoints = Endpoints(node, self._stack.enter_context(contextlib.ExitStack()))
        commands = [
            (slice(row, row + 1), endpoints.advertise(Bool, f'{robot}/commands'.strip('/'), QOS))
            for row, robot in enumerate(robots)
        ]
        control = configuration(flat(parameters(run, robots=list(robots), **changes))).control
        return Links(node, control, commands, spec, node.get_logger()), [endpoint.made for _, endpoint in commands]


@pytest.fixture
def graph():
    with contextlib.ExitStack() as stack:
        yield Graph(stack)


def others(links):
    return [trouble for trouble in links.troubles(0.0) if 'publishes' in trouble.text]


def named(node):
    return {called(info) for info in node.get_publishers_info_by_topic('/commands')}


@pytest.mark.parametrize(
    'name, namespace', [('teleop', ''), ('policy_node', ''), ('policy_node_guardian', 'elsewhere')]
)
def test_another_publisher_is_refused_at_activation_and_later_latches_all(graph, run, name, namespace):
    links, _ = graph.links(run, robots=('left', 'right'))
    links.start()
    assert not others(links)
    other = graph.node(name, namespace)
    publisher = other.create_publisher(Bool, '/right/commands', 1)
    assert wait(lambda: others(links))
    (trouble,) = others(links)
    assert trouble.level == DiagnosticStatus.ERROR and trouble.rows == slice(None) and trouble.reason
    assert f'{other.get_fully_qualified_name()} publishes on the command topic /right/commands, too' == trouble.text
    with pytest.raises(ConfigurationError, match=f'{name} publishes on the command topic /right/commands'):
        links.start()
    other.destroy_publisher(publisher)
    assert wait(lambda: not others(links))
    links.start()


def test_exclusive_false_only_warns(graph, run):
    links, _ = graph.links(run, LinkSpec(exclusive=False))
    publisher = graph.node('teleop').create_publisher(Bool, 'commands', 1)
    assert wait(lambda: others(links))
    links.start()
    (trouble,) = others(links)
    assert trouble.level == DiagnosticStatus.WARN and not trouble.reason and publisher


@pytest.mark.parametrize(
    'changes, refused, watched',
    [({}, True, True), ({'trigger': 'lockstep'}, True, False), ({'shadow': True}, False, False)],
)
def test_the_guardian_is_no_other_lockstep_looks_at_activation_and_shadow_never(graph, run, changes, refused, watched):
    links, (own,) = graph.links(run, **changes)
    watcher, teleop = graph.node('policy_node_guardian'), graph.node('teleop')
    guardian = watcher.create_publisher(Bool, 'commands', 1)
    assert wait(lambda: named(graph.eye) == {'/policy_node', '/policy_node_guardian'})
    links.start()
    assert not others(links) and guardian
    publisher = teleop.create_publisher(Bool, 'commands', 1)
    assert wait(lambda: '/teleop' in named(graph.eye)) and publisher
    with pytest.raises(ConfigurationError, match='/teleop publishes') if refused else contextlib.nullcontext():
        links.start()
    assert bool(list(links.troubles(0.0))) == watched


def test_a_publisher_counts_once_its_node_is_known_or_stays_unknown(graph, run, monkeypatch):
    links, _ = graph.links(run)
    seen = graph.eye.get_publishers_info_by_topic('/commands')
    stranger = copy.copy(seen[0])
    stranger.node_name, stranger.endpoint_gid = '_NODE_NAME_UNKNOWN_', [7] * 16
    monkeypatch.setattr(graph.eye, 'get_publishers_info_by_topic', lambda *_: [*seen, stranger])
    assert not [trouble for now in (100.0, 101.9) for trouble in links.troubles(now) if trouble.reason]
    assert [trouble.reason for trouble in links.troubles(102.0)][
        0
    ] == 'a publisher without a node publishes on the command topic /commands, too'


def test_a_robot_that_nobody_listens_for_any_more_is_latched_and_no_other(graph, run):
    links, (_, right) = graph.links(run, LinkSpec(consumer_timeout=2.0), robots=('left', 'right'))
    links.start()
    warned = list(links.troubles(0.0))
    assert [(each.level, each.text, each.reason) for each in warned] == [
        (DiagnosticStatus.WARN, f'no subscriber on /{robot}/commands', '') for robot in ('left', 'right')
    ]
    driver = graph.node('driver')
    subscription = driver.create_subscription(Bool, '/right/commands', print, 1)
    assert wait(right.get_subscription_count)
    assert [each.topic for each in links.troubles(100.0)] == ['/left/commands']
    driver.destroy_subscription(subscription)
    assert wait(lambda: not right.get_subscription_count())

    def of_right(now):
        return [(each.level, each.rows, each.reason) for each in links.troubles(now) if each.topic[1] == 'r']

    assert of_right(101.9) == [(DiagnosticStatus.WARN, slice(1, 2), '')]
    gone = [(DiagnosticStatus.ERROR, slice(1, 2), 'no subscriber on /right/commands any more')]
    assert of_right(102.0) == of_right(103.0) == gone
    links.start()
    assert of_right(200.0) == [(DiagnosticStatus.WARN, slice(1, 2), '')], 'a new activation asks anew'


@pytest.mark.parametrize(
    'kinds, said',
    [
        ([], 'sent, no subscriber'),
        (['reliable', 'reliable'], 'sent and acknowledged by 2 subscribers'),
        (['best_effort'], 'sent; 1 best-effort subscribers acknowledge nothing'),
        (
            ['reliable', 'best_effort'],
            'sent and acknowledged by 1 subscribers; 1 best-effort subscribers acknowledge nothing',
        ),
    ],
)
def test_what_became_of_the_last_command_is_told_truly(graph, run, kinds, said):
    links, (publisher,) = graph.links(run)
    driver = graph.node('driver')
    subscriptions = [
        driver.create_subscription(
            Bool, 'commands', print, QoSProfile(depth=1, reliability=ReliabilityPolicy[kind.upper()])
        )
        for kind in kinds
    ]
    assert wait(lambda: publisher.get_subscription_count() == len(subscriptions))
    publisher.publish(Bool())
    assert links.see_off(2.0) == said


@pytest.mark.slow
def test_two_commanders_and_a_missing_consumer_bring_the_fallback(arm, run):
    node = arm.start(parameters(run, consumer_timeout=1.0))
    heard = []
    arm.node.create_subscription(DiagnosticArray, '/policy_node/status', heard.append, 10)
    acted(arm)

    def falls_back(text):
        """Whether ERROR with a text is said, and from then on every command holds the arm."""
        said = arm.live_until(
            lambda: any(
                each.status[0].level == DiagnosticStatus.ERROR and text in each.status[0].message for each in heard[-1:]
            ),
            10,
        )
        arm.live(0.1)
        count = len(arm.commands)
        arm.live(0.5)
        return said and set(map(tuple, arm.commands[count:])) <= {tuple(arm.position)}

    teleop = arm.node.create_publisher(Float64MultiArray, 'commands', 1)
    assert falls_back('/arm publishes on the command topic /commands, too') and arm.commands[-1] == arm.position
    assert not arm.transition(Transition.TRANSITION_CONFIGURE), 'answered, though it is active'
    assert arm.transition(Transition.TRANSITION_DEACTIVATE)
    assert not arm.transition(Transition.TRANSITION_ACTIVATE) and arm.state() == 'inactive'
    assert arm.says(node, 'not activated: /arm publishes on the command topic /commands, too')
    assert 'the fallback: sent and acknowledged by 1 subscribers' in node.tail(100)
    arm.node.destroy_publisher(teleop)
    assert arm.live_until(lambda: arm.node.count_publishers('/commands') == 1, 5)
    count = len(arm.commands)
    assert arm.transition(Transition.TRANSITION_ACTIVATE)
    assert arm.live_until(lambda: any(each != arm.position for each in arm.commands[count:]), 10)
    arm.node.destroy_subscription(arm.listener)
    assert falls_back('no subscriber on /commands any more')
    count = len(arm.commands)
    arm.listen()
    assert arm.live_until(lambda: len(arm.commands) > count + 5, 5)
    assert all(each == arm.position for each in arm.commands[count:]), 'who listens again frees nothing'
    assert arm.call(Trigger, '/policy_node/resume', Trigger.Request()).success
    assert arm.live_until(lambda: arm.commands[-1] != arm.position, 10)
