# SPDX-License-Identifier: Apache-2.0
"""A cycle without DDS and without a thread, with a hand on every wire."""

from core.core_bench import Keeper, Log
from geometry_msgs.msg import WrenchStamped
from nodes.harness import JOINTS, parameters
import numpy as np
from sensor_msgs.msg import JointState

from rl_policy_node.core import assemble, create_trigger
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.diagnostics import Figures, RowLog
from rl_policy_node.nodes.policy.loading import completed
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import Policy

MEASURED = np.array([0.3, -0.2, 0.5])


def flat(tree, prefix=''):
    """Return a parameter tree as ROS hands it over: dotted name → value."""
    result = {}
    for name, value in tree.items():
        result.update(flat(value, f'{prefix}{name}.') if isinstance(value, dict) else {prefix + name: value})
    return result


def row_of(source, row):
    """Return the rows (slice) of the message that a row of a source has a part in."""
    return next(rows for rows in source.groups if rows.start <= row < rows.stop)


def deliver(source, row, message, now):
    """Write a message, or its bytes, of a row into the source's buffer; raises ValueError for one that is refused."""
    rows = row_of(source, row)
    source.buffer.write(rows, *source.read(rows, message), now)


class Bench:
    """A cycle for two robots, or more.

    commands: of each publication field → (rows, ...); sent: row → (its first field, stamp).
    now: ns, of ROS' clock; time: s, of the steady one.
    more: observers, checks and trigger for `assemble`.
    """

    def __init__(
        self, run, policy_type=Policy, steady=None, robots=('left', 'right'), more=None, deterministic=True, **changes
    ):
        self.time, self._steady = 100.0, steady
        young = {'sources.joints.max_age': 0.2, 'sources.wrench.max_age': 0.2, 'resume_after': 0.0}
        tree = parameters(run, robots=list(robots), **{**young, **changes})
        self.wire(
            tree,
            policy_type.load(
                run / 'train.yaml', run / 'policy.pth', rows=len(robots), device='cpu', deterministic=deterministic
            ),
            **(more or {}),
        )

    def wire(self, tree, policy, observers=(), **more):
        """Put a cycle together of a parameter tree."""
        self.control = completed(configuration(flat(tree)).control, policy.facts, lambda text: None)
        self.sources = {
            name: Source(spec, self.control, policy.spaces.inputs) for name, spec in self.control.sources.items()
        }
        self.sent, self.commands, self.log, self.now = [], [], Log(), 10**9
        self.figures, self.keeper = Figures(self.steady), Keeper()
        made = {'trigger': create_trigger(self.control), **more}
        self.cycle = assemble(
            self.control,
            policy,
            self.sources,
            self.publish,
            self,
            self.log,
            observers=[self.keeper, self.figures, RowLog(self.control, self.log), *observers],
            **made,
        )
        self.trigger, self.inbox = made['trigger'], self.cycle.inbox

    def steady(self):
        """Return the steady time, s: a clock's part."""
        return self._steady() if self._steady else self.time

    def ros(self):
        """Return ROS' time, ns: a clock's part."""
        return self.now

    def start(self):
        self.cycle.start()

    def step(self):
        self.cycle.step()

    def look(self):
        self.cycle.look()

    def ready(self):
        """Return whether what has arrived starts a step."""
        return self.trigger.fires(self.inbox)

    @property
    def rows(self):
        return self.cycle.stepper.rows

    def publish(self, commands, stamps, rows):
        ((name, command),) = commands.items()
        self.commands.append(command)
        first = next(iter(command.values()))
        self.sent.append({int(row): (first[row].copy(), int(stamps[name][row])) for row in np.nonzero(rows)[0]})

    def take(self, name, row, message):
        """Let a message of a row arrive; raises ValueError for one that is refused."""
        deliver(self.sources[name], row, message, self.steady())

    def feed(self, rows=(0, 1), stamp=0, force=(1.0, 2.0, 3.0)):
        """Let rows measure."""
        joints = JointState(name=JOINTS, position=MEASURED.tolist(), velocity=[0.0, 0.1, -0.1])
        wrench = WrenchStamped()
        wrench.wrench.force.x, wrench.wrench.force.y, wrench.wrench.force.z = force
        for message, name in ((joints, 'joints'), (wrench, 'wrench')):
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            for row in rows:
                self.take(name, row, message)
