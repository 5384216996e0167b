# SPDX-License-Identifier: Apache-2.0
"""A policy in memory whose every step is kept, and another one like it that replays them."""

import hashlib

from geometry_msgs.msg import WrenchStamped
from nodes.harness import JOINTS, parameters
from nodes.stepper_bench import Bench as StepperBench
from nodes.stepper_bench import flat
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from rl_policy_node.core import assemble, create_trigger
from rl_policy_node.core.recording import Command, Ended, Step
from rl_policy_node.core.replaying import Replayer
from rl_policy_node.core.tape import Tape
from rl_policy_node.nodes.parameters.parsing import configuration
from rl_policy_node.nodes.policy.permissions import permissions
from rl_policy_node.nodes.topics.driver_messages import serialized
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.policy import Policy

PERIOD = 0.02
# terms, limits and blending with a memory, for a policy of RICH_SIZE observations
RICH_SIZE = 23
RICH = {
    'inputs.obs': ['position', 'velocity', 'force', 'past', 'last', 'phase'],
    'terms.force.difference_to_tare': True,
    'terms.force.tare_frames': 3,
    'terms.past': {'source': 'joints', 'field': 'position', 'joints': JOINTS, 'history': 3, 'history_stride': 2},
    'terms.last': {'kind': 'last_action'},
    'terms.phase': {'kind': 'phase', 'frequency': 1.3},
    'actions.arm.max_velocity': [0.4],
    'actions.arm.max_acceleration': [3.0],
    'actions.arm.smoothing': 0.7,
    'blend_in': 0.3,
}


class MemoryBag:
    """A bag that was never written."""

    def __init__(self, metadata, events):
        self.metadata, self.kept = metadata, events

    def events(self):
        return iter(self.kept)


class Kept:
    """A Journal in memory. events: what it was told; every: number of steps between two states, 0: only the first."""

    def __init__(self, every=0):
        self.events, self.every = [], every

    @property
    def due(self):
        return bool(self.every) and isinstance(self.events[-1], Step) and len(self.steps) % self.every == 0

    @property
    def steps(self):
        return [event for event in self.events if isinstance(event, Step)]

    def add(self, event):
        self.events.append(event)


class Recorded(StepperBench):
    """A cycle of two arms with a journal; messages come as bytes.

    changes: parameters of the file; options: of Policy.load.
    """

    def __init__(self, run, robots=('left', 'right'), every=0, options=None, **changes):
        self.run, self.robots, self.options = run, robots, options or {}
        self.tree = parameters(
            run, robots=list(robots), **{'sources.joints.max_age': 0.2, 'sources.wrench.max_age': 0.2, **changes}
        )
        self.time, self._steady, self.journal = 100.0, None, Kept(every)
        self.random = np.random.default_rng(4)
        self.configuration = configuration(flat(self.tree))
        self.wire(self.tree, self.policy(), journal=self.journal, checks=self.checks())

    def policy(self):
        return Policy.load(
            self.run / 'train.yaml',
            self.run / 'policy.pth',
            rows=len(self.robots),
            device='cpu',
            **{'deterministic': True, **self.options},
        )

    def checks(self):
        return permissions(self.configuration, self.configuration.control)

    def publish(self, commands, stamps, rows):
        self.sent.append((commands, stamps, rows))
        for name, command in commands.items() if self.inbox.notes else ():
            for topic, message in Sink(self.control.actions[0], self.control).outgoing(command, stamps[name], rows):
                event = Command(name, topic, serialized(message), self.time, self.cycle.outlet.sending)
                self.inbox.notes.add(event)

    def receive(self, name, row, message):
        """Receive a message as the node does, refused or not."""
        rows = next(rows for rows in self.sources[name].groups if rows.start <= row < rows.stop)
        payload = message if isinstance(message, bytes) else bytes(serialize_message(message))
        try:
            self.inbox.write(name, rows, *self.sources[name].read(rows, payload), self.time, payload)
        except ValueError as error:
            self.inbox.refuse(name, rows, error, self.time, payload)

    def measure(self, rows=None, stamp=None, names=tuple(JOINTS), force=None):
        """Let rows measure something new."""
        stamp = self.now if stamp is None else stamp
        for row in range(len(self.robots)) if rows is None else rows:
            joints = JointState(name=list(names))
            joints.position, joints.velocity = self.random.uniform(-1, 1, (2, len(names))).tolist()
            wrench = WrenchStamped()
            x, y, z = self.random.uniform(-5, 5, 3) if force is None else force
            wrench.wrench.force.x, wrench.wrench.force.y, wrench.wrench.force.z = float(x), float(y), float(z)
            for name, message in (('joints', joints), ('wrench', wrench)):
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
                self.receive(name, row, message)

    def pass_by(self, seconds=PERIOD):
        """Let time pass on both clocks."""
        self.time += seconds
        self.now += round(seconds * 1e9)

    def begin(self):
        self.measure()
        self.inbox.hear(self.time)
        self.start()
        return self

    def live(self, steps=10, rows=None, **measured):
        """Step; rows measure before each step."""
        for _ in range(steps):
            self.pass_by()
            self.inbox.hear(self.time)
            self.measure(rows, **measured)
            self.step()
        return self

    def replayer(self, exact=True, change=lambda policy: None):
        """Return a Replayer of the same configuration. change(policy): what is done to its policy."""
        tape, policy = Tape(create_trigger(self.control)), self.policy()
        change(policy)
        sources = {
            name: Source(spec, self.control, policy.spaces.inputs) for name, spec in self.control.sources.items()
        }
        cycle = assemble(
            self.control,
            policy,
            sources,
            lambda commands, stamps, rows: None,
            tape,
            self.log,
            trigger=tape,
            checks=self.checks(),
        )
        return Replayer(cycle, sources, tape, exact)

    def bag(self):
        """Return a bag in memory."""
        read = {'train_config': self.run / 'train.yaml', 'checkpoint': self.run / 'policy.pth'}
        named = {
            name: {'path': str(path), 'sha256': hashlib.sha256(path.read_bytes()).hexdigest()}
            for name, path in read.items()
        }
        parameters = {**flat(self.tree), 'policy.deterministic': self.options.get('deterministic', True)}
        return MemoryBag({**named, 'parameters': parameters}, [*self.journal.events, Ended('')])

    def differences(self, events=None, **options):
        """Replay, and return what differs, in words."""
        self.player = self.replayer(**options)
        played = self.player.play([*self.journal.events, Ended('')] if events is None else events)
        return [each.difference for each in played if each.difference is not None]

    def changed(self, kind, number, change):
        """Return the events with the n-th of a kind changed."""
        place = [index for index, event in enumerate(self.journal.events) if isinstance(event, kind)][number]
        events = list(self.journal.events)
        events[place] = change(events[place])
        return events


def flipped(array, index, bit=0):
    """Return a copy of an array with one bit of an element flipped; bit 0 is the lowest."""
    copy = np.array(array)
    as_bytes = copy.view(np.uint8).reshape(*copy.shape, copy.itemsize)
    as_bytes[index][bit // 8] ^= 1 << bit % 8
    return copy


def eventful(bench):
    """Let robots go and come back, be stopped, be reset; messages that do not fit, and parameters that change."""
    cycle, inbox = bench.cycle, bench.inbox
    bench.begin().live(5)
    bench.live(15, rows=range(1, len(bench.robots)))  # the first is silent
    bench.live(10)
    inbox.request_reset(slice(0, 1))
    bench.live(2)
    bench.measure(stamp=bench.now - 10**9)  # late
    bench.measure(stamp=bench.now + 10**10)  # ahead
    bench.receive('joints', 0, b'\0\1\0\0garbled')
    bench.live(2)
    bench.live(2, force=(np.nan, 0.0, 0.0))
    bench.live(3)
    cycle.change(('actions.arm.scale', (0.4,)), ('blend', 0.6))
    bench.live(5)
    cycle.latch(slice(1, 2), 'a person said so')
    bench.live(3)
    cycle.resume(slice(1, 2))
    bench.live(3)
    cycle.latch(slice(None), 'all of them')
    bench.live(2)
    cycle.resume(slice(None))
    bench.live(3)
    inbox.request_tare(slice(None))
    bench.live(5)
    bench.pass_by(0.3)  # nothing comes: a look
    bench.look()
    cycle.give_up(None)
    bench.live(4)
    bench.pass_by(2.0)  # a pause of the process
    bench.live(3)
    cycle.resume(slice(None))
    bench.live(5)
    bench.now -= 5 * 10**9
    inbox.clock_went_back()
    bench.live(8)
    cycle.stop()
    return bench
