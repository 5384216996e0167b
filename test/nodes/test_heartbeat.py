# SPDX-License-Identifier: Apache-2.0
"""The control loop's heartbeat, and what is left of `~/is_active` where the process is gone."""

import contextlib
import signal
import time

from nodes.acting import acted
from nodes.harness import parameters, wait
import pytest
import rclpy
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile
from std_msgs.msg import Bool, Header

from rl_policy_node.nodes.policy.heartbeat import Heartbeat
from rl_policy_node.nodes.topics.endpoints import Endpoints


class Time:
    """A clock that stands."""

    def steady(self):
        return 0.0

    def ros(self):
        return 3_000_000_007


@pytest.fixture
def node():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('policy_node', context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_a_beat_bears_the_time_and_one_that_fails_is_silence(node):
    with contextlib.ExitStack() as entities:
        heart, heard = Heartbeat(Endpoints(node, entities), Time()), []
        node.create_subscription(Header, '/policy_node/heartbeat', heard.append, 1)
        executor = rclpy.executors.SingleThreadedExecutor(context=node.context)
        executor.add_node(node)

        def beaten():
            heart.beat()
            executor.spin_once(timeout_sec=0.05)
            return heard

        assert wait(beaten)
        assert (heard[0].stamp.sec, heard[0].stamp.nanosec) == (3, 7)
    heart.beat()
    heart.beat()


def test_beats_come_while_active_and_is_active_does_not_outlive_the_node(arm, run):
    beats, states, alive = [], [], []
    arm.node.create_subscription(Header, '/policy_node/heartbeat', lambda _: beats.append(time.monotonic()), 10)
    arm.node.create_subscription(
        Bool,
        '/policy_node/is_active',
        lambda message: states.append(message.data),
        QoSProfile(
            depth=1,
            durability=DurabilityPolicy.TRANSIENT_LOCAL,
            liveliness=LivelinessPolicy.AUTOMATIC,
            liveliness_lease_duration=Duration(seconds=1.0),
        ),
        event_callbacks=SubscriptionEventCallbacks(liveliness=lambda event: alive.append(event.alive_count)),
    )
    node = arm.start(parameters(run))
    acted(arm)
    arm.talking.remove('wrench')
    arm.live(1.0)
    before = len(beats)
    arm.live(1.0)
    assert 20 < len(beats) - before < 60, 'at the control rate, on the fallback, too'
    assert states[-1] and alive[-1] == 1
    node.process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    assert arm.live_until(lambda: alive[-1] == 0, 10)
    assert time.monotonic() - killed < 5, 'the lease is 1 s'
    assert beats[-1] < killed + 0.5
