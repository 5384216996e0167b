# SPDX-License-Identifier: Apache-2.0
"""A goal may be latched, a velocity never: what a subscription takes that was published before it was there."""

import contextlib
import time

from geometry_msgs.msg import PoseStamped, TwistStamped
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.control.specs import action_spec, control_spec, SourceSpec, term_spec
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.ports import Ports
from rl_policy_node.nodes.topics.source import Source

POSE, TWIST = (f'geometry_msgs/msg/{name}' for name in ('PoseStamped', 'TwistStamped'))
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@contextlib.contextmanager
def listening(kind, field, parameters=(), **options):
    """Subscribe to a goal that somebody latched before; yield a function that spins, and what was heard."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    person, heard = rclpy.create_node('person', context=context), []
    node = rclpy.create_node(
        'robot',
        context=context,
        allow_undeclared_parameters=True,
        parameter_overrides=[Parameter(name, value=value) for name, value in parameters],
        automatically_declare_parameters_from_overrides=True,
    )
    executor = SingleThreadedExecutor(context=context)
    try:
        message = {POSE: PoseStamped, TWIST: TwistStamped}[kind]
        publisher = person.create_publisher(message, 'goal', LATCHED)
        publisher.publish(message())
        spec = SourceSpec('goal', 'goal', kind, **options)
        raw = action_spec('raw', 'raw', 'commands', 'std_msgs/msg/Float64', size=1, fallback_value=(0.0,))
        control = control_spec(
            ('',),
            50.0,
            'timer',
            1.0,
            {'goal': spec},
            {'term': term_spec('term', source='goal', field=field)},
            {'obs': ('term',)},
            (raw,),
        )
        with contextlib.ExitStack() as entities:
            Ports(
                Endpoints(node, entities),
                control,
                {'goal': Source(spec, control, {})},
                {},
                lambda source, rows, payload: heard.append(source.read(rows, payload)),
                lambda *_: None,
            )
            executor.add_node(node)
            yield heard, lambda: executor.spin_once(timeout_sec=0.02)
    finally:
        executor.shutdown()
        for each in (person, node):
            each.destroy_node()
        context.try_shutdown()


def spins(spin, until, seconds):
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        spin()
    return until()


def test_a_latched_goal_is_heard_by_a_node_that_comes_later():
    with listening(POSE, 'position', durability='transient_local', max_age=float('inf')) as (heard, spin):
        assert spins(spin, lambda: heard, 10)
        assert heard[0][0]['position'].tolist() == [[0.0] * 3]


def test_without_being_asked_for_it_is_not():
    with listening(POSE, 'position') as (heard, spin):
        assert not spins(spin, lambda: heard, 0.5)


def test_no_override_of_the_quality_of_service_latches_a_velocity():
    override = [
        ('qos_overrides./goal.subscription.durability', 'transient_local'),
        ('qos_overrides./goal.subscription.reliability', 'reliable'),
    ]
    with listening(POSE, 'position', parameters=override) as (heard, spin):
        assert spins(spin, lambda: heard, 10)
    with (
        pytest.raises(ConfigurationError, match=r"/goal: qos_overrides .* 'goal' has linear_velocity: a velocity"),
        listening(TWIST, 'linear_velocity', parameters=override),
    ):
        pass
