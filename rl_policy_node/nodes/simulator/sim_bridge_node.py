# SPDX-License-Identifier: Apache-2.0
"""The simulator bridge: hosts an environment that replaces the robots of the policy's parameter file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import functools
import math
import sys
from typing import Any, TypeAlias

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import Float64MultiArray, Header
from std_srvs.srv import SetBool, Trigger

from rl_policy_node.adapters.adapter import set_stamp
from rl_policy_node.nodes.interfaces import Environment, Message
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.parameters.remote_parameters import RemoteParameters
from rl_policy_node.nodes.policy import diagnostics
from rl_policy_node.nodes.process.runtime import run
from rl_policy_node.nodes.simulator.bridge import Bridge, SimFrame
from rl_policy_node.nodes.simulator.bridge_loop import BridgeLoop
from rl_policy_node.nodes.simulator.episodes import Episode
from rl_policy_node.nodes.simulator.hosting import as_played, open_environment
from rl_policy_node.nodes.simulator.recorded_run import open_recording
from rl_policy_node.nodes.topics.episode_messages import ended_message, start_message, start_topics
from rl_policy_node.nodes.topics.naming import COMMAND_QOS, source_qos, spec_topic
from rl_policy_node.nodes.topics.payload import Payload
from rl_policy_node.nodes.topics.row_names import called
from rl_policy_node.nodes.topics.transport import advice

EPISODE_QOS = QoSProfile(depth=10)
# publishes the part of a frame for one topic
Send: TypeAlias = Callable[[SimFrame], object]
# takes a message of a topic
Publish: TypeAlias = Callable[[Message], object]


class SimBridgeNode(Node):
    """Publishes the policy's sources and takes its commands."""

    keeps_up = False  # no real robot moves, and thousands of simulated ones may be answered at once

    def __init__(self, arguments: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(
            'sim_bridge_node',
            allow_undeclared_parameters=True,
            automatically_declare_parameters_from_overrides=True,
            start_parameter_services=False,
            **kwargs,
        )
        parameters.declare(self)
        self._remote_parameters = RemoteParameters(self)
        self.executor_name: str = self.get_parameter('executor').value
        self.exit_code = 0
        configuration = parameters.read(self, sys.argv if arguments is None else arguments, 'sim.')
        environment = open_environment(configuration, lambda line: self.get_logger().info(f'| {line}'))
        try:
            self._host(as_played(configuration, environment), environment)
        except BaseException:
            environment.close()
            raise

    def _host(self, configuration: Configuration, environment: Environment) -> None:
        self._control, play = configuration.control, configuration.sim.play
        self.bridge = Bridge(configuration, environment)
        self._recording = open_recording(self, configuration)
        if self._recording is not None:
            self.bridge.record.begin(self._recording)
        self.loop = BridgeLoop(self.bridge, play.lockstep, self._publish, self._on_episodes, self.get_logger())
        # the episode's start first, the clock last: a node that the clock paces then has all other messages
        qos = source_qos(play.lockstep)
        self._sends = [*self._episode_starts(qos), *self._source_messages(qos), self._simulated_clock()]
        for name, sink in self.bridge.sinks.items():
            for topic, robot in zip(range(len(sink.groups)), self._control.robots):
                self._listen(name, topic, spec_topic(sink.spec, robot))
        self._show_episodes = self._publisher(Float64MultiArray, '~/episode', EPISODE_QOS)
        self._status = self.create_publisher(DiagnosticArray, '~/status', 10)
        self.create_timer(0.5, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/pause', self._on_pause)
        self.get_logger().info(
            f"hosting '{configuration.sim.environment.name}', {self._control.rows} rows, "
            f'{play.mode} at {self._control.timing.control_rate:g} Hz'
        )
        if play.lockstep and advice(self.bridge.sources):
            self.get_logger().warning(advice(self.bridge.sources))
        self.loop.start()

    def _episode_starts(self, qos: Any) -> list[Send]:
        """Return the senders of episode starts, with the configured imperfections."""

        def sender(rows: slice, topic: str, kind: type) -> Send:
            publish = self.bridge.imperfections.start_publisher(self._publisher(kind, topic, qos))
            return lambda frame: publish(start_message(frame.begun, rows, bool(self._control.shared_rows)))

        return [sender(*each) for each in start_topics(self._control)]

    def _source_messages(self, qos: Any) -> list[Send]:
        """Return the senders of sources, with the configured imperfections."""

        def sender(name: str, rows: slice, robot: str) -> Send:
            source = self.bridge.sources[name]
            sent = self._publisher(source.adapter.message_type, spec_topic(source.spec, robot), qos)
            publish = self.bridge.imperfections.publisher(sent, name, rows)
            return lambda frame: publish(source.message(frame.values[name], rows, frame.stamp))

        return [
            sender(name, rows, robot)
            for name, source in self.bridge.sources.items()
            for rows, robot in zip(source.groups, self._control.robots)
        ]

    def _simulated_clock(self) -> Send:
        publisher = self.create_publisher(ClockMessage, '/clock', 1)

        def send(frame: SimFrame) -> None:
            time = Time()
            set_stamp(time, frame.stamp)
            publisher.publish(ClockMessage(clock=time))

        return send

    def _publisher(self, kind: type, topic: str, qos: QoSProfile) -> Publish:
        """Return a function that publishes messages on a topic, and records their bytes."""
        publisher = self.create_publisher(kind, topic, qos)
        if self._recording is None:
            plain: Publish = publisher.publish
            return plain
        latched = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        record = self._recording.listener(publisher.topic_name, kind, latched, of_frame=True)

        def publish(message: Message) -> None:
            payload = serialize_message(message)
            publisher.publish(payload)
            record(payload)

        return publish

    def poll(self) -> bool:
        """Return whether to go on: until the configured episodes or steps are done."""
        return not self.loop.finished

    def stop(self) -> None:
        """End the environment and the recording, and write the summary."""
        self.loop.stop()
        self.exit_code = int(self.loop.failed)
        self._on_timer()
        self.get_logger().info(', '.join(f'{name} {value}' for name, value in self._summary().items()))

    def _summary(self) -> dict[str, Any]:
        return self.bridge.record.summary(self.bridge.imperfections.summary())

    # out

    def _publish(self, frame: SimFrame) -> None:
        for send in self._sends:
            send(frame)
        if self._recording is not None:
            self._recording.flush()

    def _on_episodes(self, ended: list[Episode]) -> None:
        """Publish and log ended episodes: one by one for robots, in one message and one line for shared rows."""
        numbers = np.array(ended, dtype=np.float64)
        if self._control.shared_rows:
            self._show_episodes(ended_message(numbers))
            total, length, success = numbers[:, 2:].mean(axis=0)
            outcome = '' if math.isnan(success) else f', {success:.0%} successes'
            self.get_logger().info(
                f'{len(ended)} episodes ended: return {total:.1f}, {length:.0f} steps in the mean{outcome}',
                throttle_duration_sec=1.0,
            )
            return
        for (row, index, total, length, success), each in zip(ended, numbers):
            self._show_episodes(ended_message(each))
            name = self._control.robots[row] or 'robot'
            outcome = '' if math.isnan(success) else ', success' if success else ', no success'
            self.get_logger().info(f'{name}: episode {index}: return {total:.1f}, {length} steps{outcome}')

    # in

    def _listen(self, name: str, topic: int, topic_name: str) -> None:
        """Subscribe to a topic of a command, whose bytes are checked before native code decodes them."""
        payloads = Payload(self.bridge.sinks[name].adapter.message_type)
        record = None
        if self._recording is not None:
            record = self._recording.listener(self.resolve_topic_name(topic_name), payloads.message_type)

        def take(payload: bytes) -> None:
            try:
                message = payloads.message(payload)
                if record is not None:
                    record(payload)
                self.bridge.commands.receive(name, topic, message)
            except ValueError as error:
                self._warn_of_refused(name, topic, error)

        self.create_subscription(payloads.message_type, topic_name, take, COMMAND_QOS, raw=True)

    def _warn_of_refused(self, name: str, topic: int, error: ValueError) -> None:
        sink = self.bridge.sinks[name]
        where = '' if sink.spec.rows else f' of {called(self._control, sink.groups[topic].start)}'
        self.get_logger().warning(f"command '{name}'{where} refused: {error}", throttle_duration_sec=2.0)

    def _on_reset(self, _request: Any, response: Any) -> Any:
        self.loop.ask_reset()
        response.success, response.message = True, 'new episodes begin'
        return response

    def _on_pause(self, request: Any, response: Any) -> Any:
        self.loop.pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'running'
        return response

    def _on_timer(self) -> None:
        summary = self._summary()
        for name, value in summary.pop('latency_ms').items():
            summary[f'latency_{name}'] = value
        summary.update({f'imperfections_{name}': value for name, value in summary.pop('imperfections', {}).items()})
        if self._recording is not None:
            summary.update(self._recording.report())
        message = 'finished' if self.loop.finished else 'running'
        self._status.publish(
            diagnostics.diagnostic_array(
                Header(stamp=self.get_clock().now().to_msg()),
                self.get_fully_qualified_name().lstrip('/'),
                DiagnosticStatus.OK,
                message,
                summary,
            )
        )


def main(args: list[str] | None = None) -> None:
    """Run the bridge until the configured episodes or steps are done, or a signal ends it."""
    sys.exit(run(functools.partial(SimBridgeNode, arguments=args), args))
