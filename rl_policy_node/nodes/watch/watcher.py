# SPDX-License-Identifier: Apache-2.0
"""Finds the policy nodes of a DDS domain and listens to them: a node that only subscribes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextlib
import math
import time
from types import TracebackType
from typing import Any, Final, TypeAlias

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Log
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float32MultiArray, String

from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.watch.node_view import NodeView

LOOK_PERIOD: Final = 0.5  # s between two looks at the graph
FORGET: Final = 60.0  # s that a node which is gone is still shown
_LATCHED: Final = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_STREAM: Final = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
_LOG: Final = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_STATUS, _IS_ACTIVE, _STREAMS = '/status', '/is_active', '/policy/'
# (node, topic, message type, serialized message): of a stream
OnStream: TypeAlias = Callable[[NodeView, str, type, bytes], None]


class Watcher:
    """A context manager that listens to policy nodes: those named, or all that it finds.

    names: with or without a namespace. on_stream: called for each message of ~/policy/*; None: only metadata and the
    newest terms are read. views: name → NodeView.
    """

    def __init__(self, names: Sequence[str] = (), on_stream: OnStream | None = None) -> None:
        self._names = [f'/{name.strip("/")}' for name in names]
        self._on_stream = on_stream
        self.views: dict[str, NodeView] = {}
        # node → topic → subscription
        self._subscriptions: dict[str, dict[str, Any]] = {}
        self._newest: dict[str, bytes] = {}
        self._looked = -math.inf

    def __enter__(self) -> Watcher:
        self._entities = contextlib.ExitStack()
        self._context = rclpy.Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._entities.callback(self._context.try_shutdown)
        self._node = rclpy.create_node(
            'rl_policy_watch', context=self._context, start_parameter_services=False, enable_rosout=False
        )
        self._entities.callback(self._node.destroy_node)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._entities.callback(self._executor.shutdown)
        self._node.create_subscription(Log, '/rosout', _reading(Log, self._on_log), _LOG, raw=True)
        for name in self._names:
            self._follow(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entities.close()

    def poll(self, seconds: float) -> list[NodeView]:
        """Listen for a while; return the views, by name."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if now - self._looked > LOOK_PERIOD:
                self._looked = now
                self._look(now)
            self._executor.spin_once(timeout_sec=min(end - now, LOOK_PERIOD))
        for name, payload in self._newest.items():
            _reading(JointState, self.views[name].take_numbers)(payload)
        self._newest.clear()
        return sorted(self.views.values(), key=lambda view: view.name)

    def _look(self, now: float) -> None:
        """Follow nodes that have come, and what they stream; forget those that are gone for long."""
        graph = dict(self._node.get_topic_names_and_types())
        found = {topic.removesuffix(_IS_ACTIVE) for topic in graph if topic.endswith(_IS_ACTIVE)}
        for name in sorted(found) if not self._names else ():
            if name not in self.views and f'{name}{_STATUS}' in graph and self._published(f'{name}{_IS_ACTIVE}'):
                self._follow(name)
        for name, view in list(self.views.items()):
            view.present = self._published(f'{name}{_STATUS}')
            view.streams = self._follow_streams(view, graph)
            if not view.present and now - view.heard > FORGET and name not in self._names:
                for subscription in self._subscriptions.pop(name).values():
                    self._node.destroy_subscription(subscription)
                del self.views[name]

    def _published(self, topic: str) -> bool:
        return bool(self._node.count_publishers(topic))

    def _follow(self, name: str) -> None:
        view = self.views[name] = NodeView(name)
        self._subscriptions[name] = {}
        self._listen(name, _STATUS, DiagnosticArray, _LATCHED, view.take_report)
        self._listen(name, _IS_ACTIVE, Bool, _LATCHED, view.take_active)

    def _follow_streams(self, view: NodeView, graph: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Subscribe to the streams that a node publishes now; return their topics."""
        prefix = f'{view.name}{_STREAMS}'
        topics = tuple(sorted(topic for topic in graph if topic.startswith(prefix) and self._published(topic)))
        for topic in topics:
            ending = topic.removeprefix(view.name)
            if ending == f'{_STREAMS}metadata':
                self._listen(view.name, ending, String, _LATCHED, view.take_description)
            elif ending == f'{_STREAMS}terms':
                self._listen(view.name, ending, JointState, _STREAM)
            elif self._on_stream is not None and ending.startswith((f'{_STREAMS}observation/', f'{_STREAMS}action')):
                self._listen(view.name, ending, Float32MultiArray, _STREAM)
        return topics

    def _listen(
        self, name: str, ending: str, kind: type, qos: QoSProfile, take: Callable[[Any], None] | None = None
    ) -> None:
        """Subscribe to a topic of a node, once. take(message): None for messages that are kept as bytes."""
        topic, view = f'{name}{ending}', self.views[name]
        if topic in self._subscriptions[name]:
            return

        read = None if take is None else _reading(kind, take)

        def on_bytes(payload: bytes) -> None:
            if read is not None:
                read(payload)
            elif kind is JointState:
                self._newest[name] = payload
            if self._on_stream is not None and ending.startswith(_STREAMS):
                self._on_stream(view, topic, kind, payload)

        self._subscriptions[name][topic] = self._node.create_subscription(kind, topic, on_bytes, qos, raw=True)

    def _on_log(self, message: Log) -> None:
        view = self.views.get(f'/{message.name.replace(".", "/")}')
        if view is not None:
            view.take_log(message)


def _reading(kind: type, take: Callable[[Any], None]) -> Callable[[bytes], None]:
    """Return a callback for serialized messages: anyone may send garbage, which native code must not see."""
    payload_of = Payload(kind)

    def on_bytes(payload: bytes) -> None:
        with contextlib.suppress(ValueError):
            take(payload_of.message(payload))

    return on_bytes
