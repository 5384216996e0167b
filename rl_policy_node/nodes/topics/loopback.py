# SPDX-License-Identifier: Apache-2.0
"""Carries serialized messages over real topics, from one node to another one on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import functools
import time
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.control.specs import ControlSpec, TRANSFORM
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
        self._topics: dict[tuple[str, int], str] = {}
        self._publishers: dict[tuple[str, int], Any] = {}
        self._received: dict[tuple[str, int], bytes] = {}
        for name, end in endpoints.items():
            for rows in end.groups if end.spec.type != TRANSFORM else ():
                key, topic = (name, rows.start), spec_topic(end.spec, control.robots[rows.start])
                message, qos = end.adapter.message_type, source_qos(lockstep=True)
                self._topics[key], self._publishers[key] = topic, sender.create_publisher(message, topic, qos)
                take = functools.partial(self._received.__setitem__, key)
                reader.create_subscription(message, topic, take, qos, raw=True)
        self._executor = SingleThreadedExecutor(context=reader.context)
        self._executor.add_node(reader)
        give_up = time.monotonic() + PATIENCE
        for key, publisher in self._publishers.items():
            listeners = list(self._topics.values()).count(self._topics[key])
            while publisher.get_subscription_count() < listeners:
                if time.monotonic() > give_up:
                    raise LoopbackError(
                        f'{self._topics[key]}: no subscription found its publisher within {PATIENCE:g} s'
                    )
                time.sleep(0.01)

    def carry(self, messages: Mapping[tuple[str, int], bytes]) -> dict[tuple[str, int], bytes]:
        """Return messages, (source or action, its first row) → bytes, as they arrive; raises LoopbackError."""
        arrived = dict(messages)
        waiting = [key for key in messages if key in self._topics]
        while waiting:
            # of those that share a topic one at a time: all who read it hear each
            sent: dict[str, tuple[str, int]] = {}
            for key in waiting:
                sent.setdefault(self._topics[key], key)
            self._exchange({key: messages[key] for key in sent.values()})
            arrived |= {key: self._received[key] for key in sent.values()}
            waiting = [key for key in waiting if key not in sent.values()]
        return arrived

    def _exchange(self, messages: Mapping[tuple[str, int], bytes]) -> None:
        """Publish messages, each on a topic of its own, and wait until all who read these topics have them."""
        self._received.clear()
        for key, message in messages.items():
            self._publishers[key].publish(message)
        topics = {self._topics[key] for key in messages}
        awaited = [key for key, topic in self._topics.items() if topic in topics]
        give_up = time.monotonic() + PATIENCE
        while not all(key in self._received for key in awaited):
            self._executor.spin_once(timeout_sec=0.1)
            if time.monotonic() > give_up:
                missing = sorted({name for name, row in awaited if (name, row) not in self._received})
                raise LoopbackError(f'messages of {", ".join(missing)} did not arrive within {PATIENCE:g} s')

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
