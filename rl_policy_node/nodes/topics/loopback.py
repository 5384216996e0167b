# SPDX-License-Identifier: Apache-2.0
"""Carries serialized messages over real topics, from one node to another one on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.control.specs import ControlSpec, TRANSFORM
from rl_policy_node.nodes.interfaces import Publisher
from rl_policy_node.nodes.topics.naming import source_qos, spec_topic
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source

PATIENCE = 10.0  # s, until two endpoints have found each other, and until a message has come


class LoopbackError(RuntimeError):
    """Messages did not arrive in time."""


class Loopback:
    """Publishes messages in one context and takes them in another one, on the topics of a parameter file.

    Use `opened`. Every profile is reliable and keeps one message: nothing is lost, and nothing of an earlier step comes
    late. Poses of type tf2 are on no topic of their own; they pass by.
    """

    def __init__(self, control: ControlSpec, endpoints: Mapping[str, Source | Sink], nodes: tuple[Node, Node]) -> None:
        sender, reader = nodes
        self._publishers: dict[tuple[str, int], Publisher] = {}
        self._received: dict[tuple[str, int], bytes] = {}
        made = []
        for name, end in endpoints.items():
            for rows in end.groups if end.spec.type != TRANSFORM else ():
                key, topic = (name, rows.start), spec_topic(end.spec, control.robots[rows.start])
                message, qos = end.adapter.message_type, source_qos(lockstep=True)
                publisher = sender.create_publisher(message, topic, qos)
                reader.create_subscription(
                    message, topic, lambda payload, key=key: self._received.__setitem__(key, payload), qos, raw=True
                )
                made.append((topic, publisher))
                self._publishers[key] = publisher
        self._executor = SingleThreadedExecutor(context=reader.context)
        self._executor.add_node(reader)
        give_up = time.monotonic() + PATIENCE
        for topic, publisher in made:
            while not publisher.get_subscription_count():
                if time.monotonic() > give_up:
                    raise LoopbackError(f'{topic}: no subscription found its publisher within {PATIENCE:g} s')
                time.sleep(0.01)

    def carry(self, messages: Mapping[tuple[str, int], bytes]) -> dict[tuple[str, int], bytes]:
        """Return messages, (source or action, its first row) → bytes, as they arrive; raises LoopbackError."""
        self._received.clear()
        expected = [key for key in messages if key in self._publishers]
        for key in expected:
            self._publishers[key].publish(messages[key])
        give_up = time.monotonic() + PATIENCE
        while not all(key in self._received for key in expected):
            self._executor.spin_once(timeout_sec=0.1)
            if time.monotonic() > give_up:
                missing = [name for name, _ in expected if (name, _) not in self._received]
                raise LoopbackError(f'messages of {sorted(set(missing))} did not arrive within {PATIENCE:g} s')
        return {key: self._received.get(key, message) for key, message in messages.items()}

    def close(self) -> None:
        """Stop receiving."""
        self._executor.shutdown()


@contextlib.contextmanager
def opened(control: ControlSpec, endpoints: Mapping[str, Source | Sink]) -> Iterator[Loopback]:
    """Open a Loopback in the domain of the environment. endpoints: by name, sources and sinks."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for name in ('verify_robot', 'verify_policy'):
            context = Context()
            rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
            stack.callback(context.try_shutdown)
            node = Node(
                name, context=context, start_parameter_services=False, enable_rosout=False, use_global_arguments=False
            )
            stack.callback(node.destroy_node)
            nodes.append(node)
        loopback = Loopback(control, endpoints, (nodes[0], nodes[1]))
        stack.callback(loopback.close)
        yield loopback
