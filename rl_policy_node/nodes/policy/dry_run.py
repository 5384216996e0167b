# SPDX-License-Identifier: Apache-2.0
"""Runs a parameter file without a robot: loads everything, feeds synthetic messages, and keeps the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.control.action_manager import Commands
from rl_policy_node.control.arrays import Array, Mask, Stamps
from rl_policy_node.control.specs import OodSpec
from rl_policy_node.core import assemble, create_trigger, Frame, Logger, Outcome
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.parameters import parsing as parameters
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.parameters.conversion import Value
from rl_policy_node.nodes.parameters.file_paths import located
from rl_policy_node.nodes.parameters.parameter_files import named_where_valueless, unreadable
from rl_policy_node.nodes.policy.diagnostics import RowLog
from rl_policy_node.nodes.policy.loading import completed, load_policy, trained_moments
from rl_policy_node.nodes.topics.naming import spec_topic
from rl_policy_node.nodes.topics.row_names import lines
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.options import value_of

BEGIN = 10**9  # ns, first time of the clock of the stamps


def read_file(path: str | Path) -> Configuration:
    """Return the Configuration of a parameter file; ROS itself parses it, as for the node."""
    return parameters.configuration(read_values(path))


def read_values(path: str | Path, arguments: Iterable[str] = (), name: str = 'policy_node') -> dict[str, Value]:
    """Return name → value of the parameters of the node `name` in a file.

    Paths of files beside it are absolute. arguments: further ROS arguments, such as ('-p', 'sim.seed:=3'). The call
    creates a node without topics, in the domain of the environment. Raises ConfigurationError if ROS cannot read the
    file, and for a file that this node needs and that is not there.
    """
    if not Path(path).is_file():
        raise ConfigurationError(f'parameter file {path}: no such file')
    context, files, arguments = Context(), ['--params-file', str(path)], list(arguments)
    try:
        rclpy.init(
            args=['--ros-args', *files, *arguments], context=context, signal_handler_options=SignalHandlerOptions.NO
        )
    except Exception as error:  # rcl's own type is private
        raise ConfigurationError(unreadable(error, files)) from error
    try:
        with named_where_valueless(files):
            node = Node(
                name,
                context=context,
                start_parameter_services=False,
                enable_rosout=False,
                allow_undeclared_parameters=True,
                automatically_declare_parameters_from_overrides=True,
            )
        try:
            needed = 'policy.' if name == 'policy_node' else 'sim.'
            return located(parameters.values_of(node), [*files, *arguments], needed)
        finally:
            node.destroy_node()
    finally:
        context.try_shutdown()


class HandClock:
    """Both clocks of a step, advanced by the caller. now: s, since the beginning."""

    def __init__(self) -> None:
        self.now = 0.0

    def steady(self) -> float:
        """Return the time since the beginning, s."""
        return self.now

    def ros(self) -> int:
        """Return the time, ns, on the clock of the stamps."""
        return BEGIN + round(self.now * 1e9)


class DryRun:
    """A configuration's policy, sources and sinks, stepped for every robot on synthetic messages.

    policy: loaded. control: completed from the run. told: lines about the values taken from the run. clock: advanced by
    the caller. outcome: of the last step. messages: (action name, place of its topic) → the message that this step
    would have published. Raises ConfigurationError as configure would.
    """

    def __init__(self, configuration: Configuration, log: Logger) -> None:
        self.clock, self.messages, self.told = HandClock(), dict[tuple[str, int], Message](), list[str]()
        configuration.enable.check()
        self.policy = load_policy(configuration)
        self.told += [self.policy.backend_report, *self.policy.warnings]
        self.control = completed(configuration.control, self.policy.facts, self.told.append)
        self.sources = {
            name: Source(spec, self.control, self.policy.spaces.inputs) for name, spec in self.control.sources.items()
        }
        self.sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        # only to raise if ood needs moments; then without ood, since synthetic messages do not resemble training
        trained_moments(self.policy, self.control)
        self.control = dataclasses.replace(self.control, ood=OodSpec())
        self.cycle = assemble(
            self.control,
            self.policy,
            self.sources,
            self.publish,
            self.clock,
            log,
            trigger=create_trigger(self.control),
            observers=[RowLog(self.control, log), self],
        )
        self.cycle.stepper.warm_up()
        self.outcome: Outcome | None = None

    def step(self) -> None:
        """Feed every source, also for tares, and step; raises ConfigurationError if a robot cannot act."""
        messages = {
            (name, rows.start): source.neutral_message(rows, BEGIN)
            for name, source in self.sources.items()
            for rows in source.groups
        }
        self.feed(messages)
        refusals = self.cycle.refusals(outside=False)
        if refusals:
            reasons = '; '.join(lines(self.control, refusals))
            raise ConfigurationError(f'the policy cannot act on the synthetic messages: {reasons}')
        self.cycle.start()
        self.cycle.inbox.request_tare(slice(None))
        tares = [
            value_of(term.options, 'tare_frames', 0)
            for term in self.control.terms.values()
            if value_of(term.options, 'difference_to_tare', False)
        ]
        for _ in range(max(tares, default=1)):
            self.clock.now += 1e-3
            self.feed(messages)
            self.cycle.step()
        rows = self.cycle.stepper.rows
        if not rows.healthy.all():
            raise ConfigurationError('; '.join(lines(self.control, rows.reasons)))

    def play(self, stream: Iterable[tuple[float, Mapping[tuple[str, int], Message]]]) -> Iterator[Mask]:
        """Step once for each (s since the last item, messages) of a stream; yield the mask (rows,) of healthy rows.

        The first item also activates, even if robots are missing; nothing waits for real time.
        """
        for index, (seconds, messages) in enumerate(stream):
            self.clock.now += seconds
            self.feed(messages)
            if index == 0:
                self.cycle.start()
            self.cycle.step()
            yield self.cycle.stepper.rows.healthy

    def feed(self, messages: Mapping[tuple[str, int], Message]) -> None:
        """Receive messages: (source, its first row) → a message, or its bytes; raises ValueError if one is refused."""
        for (name, first), message in messages.items():
            source = self.sources[name]
            rows = next(rows for rows in source.groups if rows.start == first)
            self.cycle.inbox.write(name, rows, *source.read(rows, message), self.clock.now)

    def observe(self, frame: Frame, outcome: Outcome) -> None:
        """Keep the outcome of a step."""
        self.outcome = outcome

    @property
    def commands(self) -> Commands:
        """The commands of the last step, action name → field → (rows, ...); empty before it."""
        return {} if self.outcome is None else self.outcome.commands

    @property
    def actions(self) -> Array | None:
        """The actions of the last step, (rows, actions); None if the policy did not run."""
        return None if self.outcome is None else self.outcome.actions

    def publish(self, commands: Commands, stamps: Mapping[str, Stamps], rows: Mask) -> None:
        """Keep the messages that the node would send."""
        self.messages = {
            (name, topic): message
            for name, command in commands.items()
            for topic, message in self.sinks[name].messages(command, stamps[name], rows)
        }

    def topics(self) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        """Return (name, topic of the first robot, type) of every source, and of every command."""
        robot = self.control.robots[0]
        return (
            [(name, spec_topic(s.spec, robot), s.spec.type) for name, s in self.sources.items()],
            [(name, spec_topic(s.spec, robot), s.spec.type) for name, s in self.sinks.items()],
        )
