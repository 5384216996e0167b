# SPDX-License-Identifier: Apache-2.0
"""Quality of service by parameters: every policy is honoured, and what does nothing is refused by name."""

import contextlib

from lifecycle_msgs.msg import Transition
from nodes.harness import parameters
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
import rclpy
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool, Float64MultiArray

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.quality import differences

DEFAULT = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
# policy → (value as a parameter, as a profile has it)
POLICIES = {
    'history': ('keep_all', HistoryPolicy.KEEP_ALL),
    'depth': (7, 7),
    'reliability': ('best_effort', ReliabilityPolicy.BEST_EFFORT),
    'durability': ('transient_local', DurabilityPolicy.TRANSIENT_LOCAL),
    'deadline': (10**8, Duration(nanoseconds=10**8)),
    'lifespan': (2 * 10**8, Duration(nanoseconds=2 * 10**8)),
    'liveliness': ('manual_by_topic', LivelinessPolicy.MANUAL_BY_TOPIC),
    'liveliness_lease_duration': (3 * 10**8, Duration(nanoseconds=3 * 10**8)),
    'avoid_ros_namespace_conventions': (True, True),
}


@pytest.fixture
def endpoints():
    """Return a function that makes the Endpoints of a node /policy_node with parameters."""
    with contextlib.ExitStack() as stack:

        def make(arguments=(), **overrides):
            context = rclpy.Context()
            rclpy.init(context=context, args=['--ros-args', *arguments] if arguments else None)
            stack.callback(context.try_shutdown)
            node = rclpy.create_node(
                'policy_node',
                context=context,
                allow_undeclared_parameters=True,
                automatically_declare_parameters_from_overrides=True,
                parameter_overrides=[
                    Parameter(f'qos_overrides.{name}', value=value) for name, value in overrides.items()
                ],
            )
            stack.callback(node.destroy_node)
            return Endpoints(node, stack.enter_context(contextlib.ExitStack()))

        yield make


def test_these_are_all_policies_that_rclpy_knows():
    assert set(POLICIES) == {kind.name.lower() for kind in QoSPolicyKind} - {'invalid'}


@pytest.mark.parametrize('entity', ['publisher', 'subscription'])
def test_every_policy_is_honoured_on_the_remapped_topic(endpoints, entity):
    wanted = {name: pair for name, pair in POLICIES.items() if name != 'lifespan' or entity == 'publisher'}
    made = endpoints(['-r', 'x:=/y/z'], **{f'/y/z.{entity}.{name}': value for name, (value, _) in wanted.items()})
    endpoint = (
        made.advertise(Bool, 'x', DEFAULT) if entity == 'publisher' else made.subscribe(Bool, 'x', print, DEFAULT)
    )
    made.refuse_unused()
    assert endpoint.topic == '/y/z' and endpoint.gid
    assert all(getattr(endpoint.qos, name) == value for name, (_, value) in wanted.items())
    (info,) = getattr(made.node, f'get_{entity}s_info_by_topic')('/y/z', True)
    assert not list(differences({name: value for name, (_, value) in wanted.items()}, info.qos_profile))
    assert tuple(info.endpoint_gid) == endpoint.gid
    assert DEFAULT.depth == 1, 'the default stays what it was'


def test_only_the_named_entity_and_topic_change(endpoints):
    made = endpoints(
        **{
            '/commands.publisher.depth': 5,
            '/clock.subscription.depth': 3,
            '/rosout.publisher.depth': 3,
            '/policy_node/is_active.publisher.depth': 3,
        }
    )
    assert made.advertise(Bool, 'commands', DEFAULT).qos.depth == 5
    assert made.subscribe(Bool, 'commands', print, DEFAULT).qos.depth == 1
    assert made.advertise(Bool, 'others', DEFAULT).qos.depth == 1
    made.refuse_unused()


@pytest.mark.parametrize(
    'name, value, words',
    [
        (
            '/comands.publisher.depth',
            5,
            ["unknown topic '/comands.publisher'", '/commands.publisher, /state.subscription'],
        ),
        ('/state.publisher.depth', 5, ["unknown topic '/state.publisher'", '/state.subscription']),
        ('commands.publisher.depth', 5, ["unknown topic 'commands.publisher'", '/commands.publisher']),
    ],
)
def test_a_topic_that_nobody_has_is_refused_with_those_that_there_are(endpoints, name, value, words):
    made = endpoints(**{name: value})
    made.advertise(Bool, 'commands', DEFAULT)
    made.subscribe(Bool, 'state', print, DEFAULT)
    with pytest.raises(ConfigurationError) as caught:
        made.refuse_unused()
    assert all(word in str(caught.value) for word in (*words, name))


@pytest.mark.parametrize(
    'name, value, words',
    [
        ('/x.publisher.reliabilty', 'reliable', ["policy of a publisher 'reliabilty'", 'durability', 'lifespan']),
        ('/x.subscription.lifespan', 1, ["policy of a subscription 'lifespan'", 'valid: avoid_ros']),
        ('/x.subscriber.depth', 1, ['expected qos_overrides./topic.publisher.policy', 'reliability']),
        ('/x.publisher', 1, ['expected qos_overrides./topic.publisher.policy']),
        ('/x.publisher.durability', 'latched', ["value 'latched'", 'best_available, system_default, transient_local']),
        ('/x.publisher.durability', 'unknown', ["value 'unknown'", 'transient_local']),
        ('/x.publisher.depth', 0, ['is 0; expected an integer from 1 on']),
        ('/x.publisher.depth', True, ['is True; expected an integer']),
        ('/x.publisher.deadline', 0.1, ['is 0.1; expected an integer of nanoseconds']),
        ('/x.publisher.deadline', -1, ['is -1; expected an integer of nanoseconds']),
        ('/x.publisher.avoid_ros_namespace_conventions', 'yes', ["is 'yes'; expected true or false"]),
    ],
)
def test_a_policy_or_value_that_is_none_is_refused(endpoints, name, value, words):
    with pytest.raises(ConfigurationError) as caught:
        endpoints(**{name: value})
    assert all(word in str(caught.value) for word in (*words, f"parameter 'qos_overrides.{name}'"))


def test_what_a_middleware_cannot_give_is_named():
    made = QoSProfile(depth=1, durability=DurabilityPolicy.VOLATILE, deadline=Duration(seconds=1))
    wanted = {
        'durability': DurabilityPolicy.TRANSIENT_LOCAL,
        'deadline': Duration(seconds=1),
        'depth': 9,
        'reliability': ReliabilityPolicy.BEST_AVAILABLE,
    }
    assert list(differences(wanted, made)) == ['durability is volatile instead of transient_local']


def test_a_latched_goal_arrives_and_a_misspelt_topic_is_refused(arm, run):
    latched = {
        '/wrench': {'subscription': {'durability': 'transient_local', 'reliability': 'reliable'}},
        '/commands': {'publisher': {'deadline': 5 * 10**8, 'lifespan': 10**9}},
    }
    arm.talking.remove('wrench')
    arm.node.destroy_publisher(arm._wrench)
    arm._wrench = arm.node.create_publisher(
        type(arm.wrench()), 'wrench', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    arm._wrench.publish(arm.wrench())
    node = arm.start(
        parameters(
            run, qos_overrides=latched, **{'sources.wrench.max_age': 60.0, 'sources.wrench.use_header_stamp': False}
        )
    )
    watched = []
    arm.node.create_subscription(
        Float64MultiArray, 'commands', watched.append, QoSProfile(depth=1, deadline=Duration(seconds=0.5))
    )
    assert arm.live_until(lambda: len(watched) > 3, 40), 'a deadline is offered'
    assert arm.transition(Transition.TRANSITION_DEACTIVATE) and arm.transition(Transition.TRANSITION_CLEANUP)
    wrong = ParameterMessage(
        name='qos_overrides./wrnch.subscription.depth', value=ParameterValue(type=2, integer_value=3)
    )
    assert (
        arm.call(SetParameters, '/policy_node/set_parameters', SetParameters.Request(parameters=[wrong]))
        .results[0]
        .successful
    )
    assert not arm.transition(Transition.TRANSITION_CONFIGURE) and arm.state() == 'unconfigured'
    assert arm.says(node, "unknown topic '/wrnch.subscription'") and '/wrench.subscription' in node.tail(100)
