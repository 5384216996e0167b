"""A parameter file without a robot: everything loaded, synthetic messages in, commands out."""
from pathlib import Path
import threading

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rl_policy_node.errors import ConfigurationError
from rl_policy_node.nodes import parameters
from rl_policy_node.nodes.loading import completed, load_policy
from rl_policy_node.nodes.rows import lines
from rl_policy_node.nodes.stepper import Stepper
from rl_policy_node.nodes.wiring import row_groups, Sink, Source, spec_topic


def read_file(path):
    """Return the Configuration of a parameter file, parsed by ROS itself as for the node."""
    return parameters.configuration(read_values(path))


def read_values(path, arguments=(), name='policy_node'):
    """Return name → value of what a parameter file says to the node `name`.

    arguments: more of ROS's, such as ('-p', 'sim.seed:=3'). A node that talks to nobody is created for it, in
    the domain that the environment names. Raises ConfigurationError for what ROS cannot read.
    """
    if not Path(path).is_file():
        raise ConfigurationError(f'parameter file {path}: no such file')
    context = Context()
    try:
        rclpy.init(args=['--ros-args', '--params-file', str(path), *arguments], context=context,
                   signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:      # noqa: B902 - rcl's own type is private
        raise ConfigurationError(f'parameter file {path}: {" ".join(str(error).split())}') from error
    node = Node(name, context=context, start_parameter_services=False, enable_rosout=False,
                allow_undeclared_parameters=True, automatically_declare_parameters_from_overrides=True)
    try:
        return {name: parameter.value for name, parameter in node.get_parameters_by_prefix('').items()}
    finally:
        node.destroy_node()
        context.try_shutdown()


class Rehearsal:
    """A configuration's policy, sources and sinks, stepped for every robot on messages that no robot sent.

    policy, control: what was loaded and completed from the run. told: lines about what the run filled in.
    commands: action name → field → (rows, ...) of the last step. messages: (action name, row) → what that
    step would have published; row None: one message of all rows. Raises ConfigurationError as configure would.
    """

    BEGIN = 10 ** 9     # ns, of the clock that stamps are compared with

    def __init__(self, configuration, log):
        self.told, self.commands, self.messages, self._now = [], {}, {}, 0.0
        self.policy = load_policy(configuration)
        self.told.append(self.policy.told)
        self.control = completed(configuration.control, self.policy.facts, self.told.append)
        self.sources = {name: Source(spec, self.control, self.policy.spaces.inputs)
                        for name, spec in self.control.sources.items()}
        self._sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        self._stepper = Stepper(self.control, self.policy, self.sources, self._publish, self.clock,
                                threading.Condition(), log, steady_now=lambda: self._now)
        self._stepper.warm_up()

    def step(self):
        """Feed every source and step, after what a tare takes; raises ConfigurationError where a robot cannot act."""
        messages = {(name, row): synthetic_message(source, row) for name, source in self.sources.items()
                    for row in row_groups(source.spec, self.control.rows)}
        self._feed(messages)
        reasons = self._stepper.unfit()
        if reasons:
            raise ConfigurationError(f'the synthetic messages do not do: {"; ".join(lines(self.control, reasons))}')
        self._stepper.start()
        self._stepper.request_tare()
        for _ in range(max([t.tare_frames for t in self.control.terms.values() if t.difference_to_tare], default=1)):
            self._now += 1e-3
            self._feed(messages)
            self._stepper.step()
        if not self._stepper.fit.all():
            raise ConfigurationError('; '.join(lines(self.control, self._stepper.reasons)))

    def play(self, stream):
        """Step once for each of a stream's (s since the last one, (source, row) → message); yield who is fit (rows,).

        The first one counts as activation, whether or not all robots are there; nothing waits for real time.
        """
        for index, (seconds, messages) in enumerate(stream):
            self._now += seconds
            self._feed(messages)
            if index == 0:
                self._stepper.start()
            self._stepper.step()
            yield self._stepper.fit

    @property
    def actions(self):
        """What the policy gave at the last step, (rows, actions)."""
        return self._stepper.last_action

    def clock(self):
        """Return the time that stamps are compared with, ns."""
        return self.BEGIN + round(self._now * 1e9)

    def _feed(self, messages):
        for (name, row), message in messages.items():
            self.sources[name].take(row, message, self._now)

    def _publish(self, commands, stamps, only):
        self.commands = commands
        self.messages = {(name, row): message for name, sink in self._sinks.items()
                         for row, message in sink.messages(commands[name], stamps[name], only)}

    def topics(self):
        """Return (name, topic of the first robot, type) of every source and then of every command."""
        robot = self.control.robots[0]
        return ([(name, spec_topic(s.spec, robot), s.spec.type) for name, s in self.sources.items()],
                [(name, spec_topic(s.spec, robot), s.spec.type) for name, s in self._sinks.items()])


def synthetic_message(source, row=0):
    """Return a message that a source takes: zeros of the right shape, and the quaternion of no turn.

    row: None for one message of all rows.
    """
    arrays = {}
    for field, value in source.buffer.values.items():
        arrays[field] = np.zeros(value.shape if row is None else value.shape[1:], dtype=source.adapter.dtype)
    for field, shape in source.adapter.fields.items():
        if shape == (4,):
            arrays[field] = np.array([0.0, 0.0, 0.0, 1.0])
        elif shape is not None:
            arrays.setdefault(field, np.zeros(shape))
    return source.adapter.to_message(arrays, Rehearsal.BEGIN, source.names_of(row or 0))
