# SPDX-License-Identifier: Apache-2.0
"""A node that hears all that the policy node would hear, and steps its policy without sending anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import contextlib
import dataclasses
import time
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.core import Logger
from rl_policy_node.core.frame import RobotState
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.doctor.exercise import Exercise, joints_of
from rl_policy_node.nodes.doctor.heard import Heard
from rl_policy_node.nodes.doctor.shadow import Shadow
from rl_policy_node.nodes.doctor.traffic import Traffic
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.policy import robot_state
from rl_policy_node.nodes.policy.enable import listen as listen_for_enable
from rl_policy_node.nodes.policy.ros_clock import RosClock
from rl_policy_node.nodes.topics.endpoints import Endpoints
from rl_policy_node.nodes.topics.naming import spec_topic
from rl_policy_node.nodes.topics.ports import Ports
from rl_policy_node.nodes.topics.source import Foreign, Source
from rl_policy_node.policy import Policy

NAME = 'rl_policy_doctor'
DISCOVERY = 3.0  # s that nodes may take to find each other
PATIENT = 1e12  # s: stamps may count from 1970, and clocks from the start of a simulator
# parameters of a file that count for any node that stands in for the policy node
_OF_NODES = ('qos_overrides.', 'use_sim_time')


class Listening:
    """The subscriptions of a parameter file, the shadow of its policy, and what they hear.

    It publishes nothing. values: name → value of the file's parameters. arguments: further ROS arguments, such as
    remappings. Use it as a context; raises ConfigurationError as configure would.
    """

    def __init__(
        self,
        values: dict[str, Value],
        configuration: Configuration,
        control: ControlSpec,
        policy: Policy,
        log: Logger,
        arguments: Sequence[str] = (),
    ) -> None:
        if control.lockstep:
            raise ConfigurationError(
                'trigger is lockstep: a simulator waits for each answer, and no robot does; --set trigger=timer'
            )
        self.context, self._stack = Context(), contextlib.ExitStack()
        self.heard = Heard(configuration, control, policy.moments())
        self.exercise: Exercise | None = None
        self._log, self._policy, self._arguments = log, policy, ['--ros-args', *arguments]
        self._own = [Parameter(name, value=value) for name, value in values.items() if name.startswith(_OF_NODES)]

    def __enter__(self) -> Listening:
        rclpy.init(args=self._arguments, context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self._stack.callback(self.context.try_shutdown)
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def options(self) -> dict[str, object]:
        """Return the keywords of a further node that stands in for the policy node, in this context."""
        return {
            'context': self.context,
            'parameter_overrides': self._own,
            'allow_undeclared_parameters': True,
            'automatically_declare_parameters_from_overrides': True,
            'start_parameter_services': False,
            'enable_rosout': False,
        }

    def listen(self, seconds: float, running: Callable[[], bool]) -> None:
        """Step the policy on what comes for some seconds, or until not running().

        The seconds begin once every source was heard, DISCOVERY seconds later at the latest.
        """
        self._shadow.start()
        try:
            self.spin(DISCOVERY, lambda: running() and not all(traffic.received for traffic in self.heard.traffic))
            self.spin(seconds, running)
        finally:
            self._shadow.stop()
        self.heard.finish(self.node, self._endpoints, self._ports.sources, self._shadow)

    def spin(self, seconds: float, running: Callable[[], bool]) -> None:
        """Take in what comes for some seconds, or until not running()."""
        end = time.monotonic() + seconds
        while running() and time.monotonic() < end:
            try:
                self.executor.spin_once(timeout_sec=min(0.1, max(end - time.monotonic(), 0.0)))
            except ExternalShutdownException:
                return

    def _open(self) -> None:
        self.node = Node(NAME, **self.options())
        self._stack.callback(self.node.destroy_node)
        # its queue is bounded: in a flood the middleware drops what is too much
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self._stack.callback(self.executor.shutdown)
        self._clock, control = RosClock(self.node), _patient(self.heard.control)
        simulated = self.node.get_parameter('use_sim_time').value
        sources = {name: Source(spec, control, self._policy.spaces.inputs) for name, spec in control.sources.items()}
        self._shadow = Shadow(control, self._policy, sources, self._clock, self._log, simulated)
        self._traffic = {
            (name, rows.start): Traffic(source, spec_topic(source.spec, robot), rows.start)
            for name, source in sources.items()
            for robot, rows in zip(control.robots, source.groups)
        }
        self.heard.traffic = list(self._traffic.values())
        entities = self._stack.enter_context(contextlib.ExitStack())
        self._endpoints = Endpoints(self.node, entities)
        self._ports = Ports(self._endpoints, control, sources, {}, self._on_message, lambda *_: None)
        enable, states = self.heard.configuration.enable, self.heard.configuration.robot_state
        if enable.topic:
            listen_for_enable(enable, lambda yes, now: self.heard.enabled.append((now, yes)), self._endpoints)
        if states.topic:
            robot_state.listen(states, control, self._on_state, self._endpoints)

    def _on_state(self, rows: slice, state: RobotState) -> None:
        self.heard.states.update(dict.fromkeys(range(rows.start, rows.stop), state.refusal))

    def _on_message(self, source: Source, rows: slice, message: Any) -> None:
        now = time.monotonic()
        traffic = self._traffic[source.spec.name, rows.start]
        traffic.hear(message, now)
        exercise = self.exercise
        if exercise is not None and (source.spec.name, rows.start) == (exercise.source, exercise.row):
            exercise.note(now, joints_of(source, message))
        try:
            arrays, stamp = source.read(rows, message)
            traffic.read(message, stamp, self._clock.ros())
            self._shadow.cycle.inbox.write(source.spec.name, rows, arrays, stamp, now)
        except Foreign:
            traffic.foreign += 1
        except ValueError as error:
            traffic.refuse(error)
            self._shadow.cycle.inbox.refuse(source.spec.name, rows, error)


def _patient(control: ControlSpec) -> ControlSpec:
    """Return a ControlSpec whose sensors may be old: nothing is sent, and old values are worth a look, too."""
    sources = {
        name: spec if spec.stale == 'zero' else dataclasses.replace(spec, max_age=max(spec.max_age, PATIENT))
        for name, spec in control.sources.items()
    }
    return dataclasses.replace(control, sources=sources)
