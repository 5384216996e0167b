"""The simulator bridge: hosts an environment and speaks the robots' side of the policy's parameter file."""
import dataclasses
import functools
import math
import sys

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import Float64MultiArray, Header
from std_srvs.srv import SetBool, Trigger

from rl_policy_node.adapters.base import set_stamp
from rl_policy_node.nodes import diagnostics, parameters
from rl_policy_node.nodes.bridge import Bridge
from rl_policy_node.nodes.episode_messages import ended_message, start_message, start_topics
from rl_policy_node.nodes.rows import called
from rl_policy_node.nodes.runtime import run
from rl_policy_node.nodes.simulator import open_environment
from rl_policy_node.nodes.transport import advice
from rl_policy_node.nodes.wiring import COMMAND_QOS, row_groups, source_qos, spec_topic


class SimBridgeNode(Node):
    """Publishes what the policy's sources expect and obeys what its sinks send."""

    def __init__(self, **kwargs):
        super().__init__('sim_bridge_node', allow_undeclared_parameters=True,
                         automatically_declare_parameters_from_overrides=True, **kwargs)
        parameters.declare(self)
        self.executor_name = self.get_parameter('executor').value
        self.exit_code = 0
        configuration = parameters.read(self)
        self._sim = configuration.sim
        environment = open_environment(configuration, lambda line: self.get_logger().info(f'| {line}'))
        try:
            self._host(configuration, environment)
        except BaseException:
            environment.close()
            raise

    def _host(self, configuration, environment):
        configuration = _completed(configuration, environment)
        self._control = configuration.control
        self.bridge = Bridge(configuration, environment, self._emit, self._on_episodes, self.get_logger())
        self._create_entities()
        self.get_logger().info(f"hosting '{self._sim.environment.name}', {self._control.rows} rows, "
                               f'{configuration.sim.play.mode} at {self._control.control_rate:g} Hz')
        if self.bridge.lockstep and advice(self.bridge.sources):
            self.get_logger().warning(advice(self.bridge.sources))
        self.bridge.start()

    def _create_entities(self):
        robots, rows = self._control.robots, self._control.rows
        qos = source_qos(self.bridge.lockstep)
        wanted = [(name, source, row, spec_topic(source.spec, robots[row or 0]))
                  for name, source in self.bridge.sources.items() for row in row_groups(source.spec, rows)]
        self._sources = [(self._source_publisher(source, topic, qos, name, row), name, row)
                         for name, source, row, topic in wanted]
        self._episode_starts = [
            (self.bridge.gap.start_publisher(self.create_publisher(kind, topic, qos).publish), row)
            for row, topic, kind in start_topics(self._control)]
        for name, sink in self.bridge.sinks.items():
            for row in row_groups(sink.spec, rows):
                self.create_subscription(sink.adapter.message_type, spec_topic(sink.spec, robots[row or 0]),
                                         functools.partial(self._on_command, name, row), COMMAND_QOS)
        self._clock_publisher = self.create_publisher(ClockMessage, '/clock', 1)
        self._episodes = self.create_publisher(Float64MultiArray, '~/episode', 10)
        self._status = self.create_publisher(DiagnosticArray, '~/status', 10)
        self.create_timer(0.5, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/pause', self._on_pause)

    def _source_publisher(self, source, topic, qos, name, row):
        """Return what publishes the messages of a source, with the imperfections that are stated."""
        rows = slice(0, self._control.rows) if row is None else slice(row, row + 1)
        publish = self.create_publisher(source.adapter.message_type, topic, qos).publish
        return self.bridge.gap.publisher(publish, name, rows)

    def poll(self):
        """Go on until the environment has played what it was asked to."""
        return not self.bridge.finished

    def stop(self):
        """End the environment and write what was recorded."""
        self.bridge.stop()
        self.exit_code = int(self.bridge.failed)
        summary = self.bridge.summary()
        self._on_timer()
        self.get_logger().info(', '.join(f'{name} {value}' for name, value in summary.items()))

    # out

    def _emit(self, stamp, episode):
        """Publish the episode's start first, the clock last: whoever is paced by it has the rest."""
        for publish, row in self._episode_starts:
            publish(start_message(episode, row))
        for publish, name, row in self._sources:
            publish(self.bridge.message(name, row, stamp))
        time = Time()
        set_stamp(time, stamp)
        self._clock_publisher.publish(ClockMessage(clock=time))

    def _on_episodes(self, ended):
        """Publish episodes that ended and say so: each robot's, or in one message and one line those of all rows."""
        numbers = np.array(ended, dtype=np.float64)
        if self._control.together:
            self._episodes.publish(ended_message(numbers))
            total, length, success = numbers[:, 2:].mean(axis=0)
            outcome = '' if math.isnan(success) else f', {success:.0%} successes'
            self.get_logger().info(f'{len(ended)} episodes ended: return {total:.1f}, {length:.0f} steps in the mean'
                                   f'{outcome}', throttle_duration_sec=1.0)
            return
        for (row, index, total, length, success), each in zip(ended, numbers):
            self._episodes.publish(ended_message(each))
            name = self._control.robots[row] or 'robot'
            outcome = '' if math.isnan(success) else ', success' if success else ', no success'
            self.get_logger().info(f'{name}: episode {index}: return {total:.1f}, {length} steps{outcome}')

    # in

    def _on_command(self, name, row, message):
        try:
            self.bridge.receive(name, row, message)
        except ValueError as error:
            where = '' if row is None else f' of {called(self._control, row)}'
            self.get_logger().warning(f"command '{name}'{where} refused: {error}", throttle_duration_sec=2.0)

    def _on_reset(self, _request, response):
        self.bridge.ask_reset()
        response.success, response.message = True, 'new episodes begin'
        return response

    def _on_pause(self, request, response):
        self.bridge.pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'running'
        return response

    def _on_timer(self):
        summary = self.bridge.summary()
        for name, value in summary.pop('latency_ms').items():
            summary[f'latency_{name}'] = value
        summary.update({f'gap_{name}': value for name, value in summary.pop('gap', {}).items()})
        message = 'finished' if self.bridge.finished else 'running'
        self._status.publish(diagnostics.diagnostic_array(
            Header(stamp=self.get_clock().now().to_msg()), self.get_fully_qualified_name().lstrip('/'),
            DiagnosticStatus.OK, message, summary))


def _completed(configuration, environment):
    """Return the configuration with the control rate known; clips are the environment's own affair."""
    control = configuration.control
    rate = control.control_rate or environment.control_rate
    if not rate:
        # rl_games takes seconds to import, and is rarely asked
        from rl_policy_node.nodes.loading import run_rate
        rate = run_rate(configuration)
    control = dataclasses.replace(control, control_rate=rate, clip_observations=math.inf, clip_actions=math.inf)
    return dataclasses.replace(configuration, control=control)


def main(args=None):
    """Run the bridge until it has played what it was asked to, or is asked to end."""
    sys.exit(run(SimBridgeNode, args))

