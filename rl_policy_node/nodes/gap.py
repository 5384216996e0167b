"""The gap between a simulator and a robot, on purpose: bad sensors, a bad network, a rate that wanders.

It lies between the environment and the bridge's messages, and never touches the environment: a command is
obeyed from where the robot truly is, and what is recorded is the truth.
"""
from dataclasses import dataclass, field, fields
import time
import zlib

import numpy as np

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.nodes.network import CommandLine, DelayLine, Network, whole_steps
from rl_policy_node.nodes.noise import Drift, Noise
from rl_policy_node.nodes.outbox import Outbox

_SECONDS = ('latency', 'latency_jitter', 'command_latency')


@dataclass(frozen=True)
class GapSpec:
    """How what the bridge simulates differs from a perfect network, on purpose.

    Times in s, shares from 0 to 1; noise: source → field → standard deviation.
    """

    latency: float = 0.0
    latency_jitter: float = 0.0
    command_latency: float = 0.0
    drop: float = 0.0
    reorder: float = 0.0
    rate_drift: float = 0.0
    noise: dict = field(default_factory=dict)

    def stated(self):
        """Return what is not zero, by the names of the parameters below `sim`."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != 'noise'}
        noise = {f'noise.{source}.{name}': std for source, stds in self.noise.items() for name, std in stds.items()}
        return {name: value for name, value in {**plain, **noise}.items() if value}

    def __str__(self):
        return ', '.join(f'{name} {value:g}{" s" * (name in _SECONDS)}' for name, value in self.stated().items())


def create_gap(sim, period, sources, actions, received):
    """Return what lies between an environment and its messages; nothing but a pass where no gap is stated.

    sim: a SimSpec. period of the control, s. sources: name → Source, whose buffers hold what is true. actions: an
    ActionManager, which says how a robot is held. received: command → SourceBuffer. Raises ConfigurationError.
    """
    if not sim.gap.stated():
        return NoGap(period, sources, received)
    return (LockstepGap if sim.play.lockstep else RealTimeGap)(sim, period, sources, actions, received)


class NoGap:
    """What is measured is shown, at once and as it is; what is commanded is obeyed.

    shown: source → field → (rows, ...), what messages are made of.
    """

    description = ''

    def __init__(self, period, sources, received):
        self._period = period
        self._commands = {name: buffer.values for name, buffer in received.items()}
        self.shown = {name: source.buffer.values for name, source in sources.items()}

    def show(self, episode):
        """Take in what the sources hold now; episode (rows,), ns: the starts of the rows' episodes."""

    def send(self, publish, message, name, row):
        """Hand the message of a source for a row (None: for all) to publish(message), now, later or never."""
        publish(message)

    def send_start(self, publish, message):
        """Likewise the start of an episode, which is never lost and comes no later than its observations."""
        publish(message)

    def commands(self):
        """Return the commands obeyed now: command → field → (rows, ...); once a step, commands kept out."""
        return self._commands

    def period(self):
        """Return how long the next period is, s."""
        return self._period

    def record(self):
        """Return name → (rows, ...): what the policy was shown, where that is not what was observed."""
        return {}

    def summary(self):
        """Return the figures of the gap: what was asked for, and what became of the messages."""
        return {}

    def close(self):
        """End what runs by itself."""


class Gap(NoGap):
    """What both modes share: noise on what is measured, a network for each source, commands that wait.

    The commands of an episode that has ended do not reach the next one. Until the first of the new one takes
    effect, the robot is held by the fallback of each action, from where it truly is.
    """

    def __init__(self, sim, period, sources, actions, received):
        super().__init__(period, sources, received)
        self._spec, self._seed = sim.gap, sim.environment.seed
        self._sources, self._actions, self._received = sources, actions, received
        self._buffers = {name: source.buffer for name, source in sources.items()}
        if sim.gap.noise.keys() - sources.keys():
            raise unknown('source', min(sim.gap.noise.keys() - sources.keys()), sources, 'sim.noise')
        self._noise = {name: Noise(sim.gap.noise.get(name, {}), buffer.values, self._random('noise', name),
                                   f'sim.noise.{name}') for name, buffer in self._buffers.items()}
        self._rows = next(iter(self._buffers.values())).rows
        self._networks = {name: Network(sim.gap, period, 1 if source.spec.rows else self._rows,
                                        self._random('network', name)) for name, source in sources.items()}
        self._line = CommandLine(self._commands, self._rows, whole_steps(sim.gap.command_latency / period))
        self._episode = np.zeros(self._rows, dtype=np.int64)
        self._opened = np.full(self._rows, -np.inf)       # s, when the start of the episode went out
        self.description = f'on purpose: {sim.gap}; seed {self._seed}'

    def _random(self, purpose, name=''):
        """Return a stream of its own for each purpose: what one part draws changes no other."""
        return np.random.default_rng([self._seed, zlib.crc32(f'{purpose} {name}'.encode())])

    def show(self, episode):
        begins = episode != self._episode
        self._episode[:] = episode
        if begins.any():
            self._actions.start(self._buffers)
            self._line.restart(begins, self._actions.commands())
            self._opened[begins] = time.monotonic() + self._start_delay()
        for name, noise in self._noise.items():
            self._deliver(name, noise(self._buffers[name].values), begins)

    def _start_delay(self):
        """Return how much later than its first observation an episode's start goes out, s."""
        return 0.0

    def _deliver(self, name, measured, begins):
        """Take in what a source measured, and let `shown` be what its message is made of."""
        raise NotImplementedError

    def commands(self):
        return self._line.push(self._commands, {name: self._of_this_episode(buffer)
                                                for name, buffer in self._received.items()})

    def _of_this_episode(self, buffer):
        unstamped = buffer.stamps == 0
        return (buffer.received >= self._opened) & (unstamped | (buffer.stamps >= self._episode))

    def summary(self):
        counts = [network.counts for network in self._networks.values()]
        return {'gap': {**self._spec.stated(), **{name: sum(count[name] for count in counts) for name in counts[0]}}}


class LockstepGap(Gap):
    """In simulated time: each step is shown what would have arrived by now, and carries this step's stamp.

    An episode's first observation arrives at once: there is none before it that could be shown.
    """

    def __init__(self, sim, period, sources, actions, received):
        if sim.gap.rate_drift:
            raise ConfigurationError(f'sim.rate_drift is {sim.gap.rate_drift:g}, which means nothing in lockstep: '
                                     'a step waits for its commands, however long; expected 0, or sim.mode real_time')
        super().__init__(sim, period, sources, actions, received)
        self._lines = {name: DelayLine(buffer.values, self._rows, self._networks[name].longest)
                       for name, buffer in self._buffers.items()}
        self.shown = {name: line.shown for name, line in self._lines.items()}

    def _deliver(self, name, measured, begins):
        network = self._networks[name]
        first = begins.all(keepdims=True) if self._sources[name].spec.rows else begins
        self._lines[name].push(measured, network.send(first), begins)

    def record(self):
        return {f'shown/{source}/{name}': value
                for source, values in self.shown.items() for name, value in values.items()}


class RealTimeGap(Gap):
    """By the clock: messages go out late, with the stamps that they were measured with, or never.

    The start of an episode is `latency` late and never lost; simulated time itself is the robot's and not delayed.
    """

    def __init__(self, sim, period, sources, actions, received):
        super().__init__(sim, period, sources, actions, received)
        self._delays, self._nobody = {}, np.zeros(self._rows, dtype=bool)
        self._drift = Drift(sim.gap.rate_drift, self._random('rate'))
        self._outbox = Outbox()

    def _start_delay(self):
        return self._spec.latency

    def _deliver(self, name, measured, begins):
        network = self._networks[name]
        self.shown[name] = measured
        # of all, the first of an episode among them
        self._delays[name] = network.send(np.zeros(network.groups, dtype=bool)) * self._period

    def send(self, publish, message, name, row):
        delay = self._delays[name][row or 0]
        if np.isfinite(delay):
            self._later(delay, publish, message)

    def send_start(self, publish, message):
        self._later(self._spec.latency, publish, message)

    def _later(self, delay, publish, message):
        if delay > 0.0:
            self._outbox.put(delay, publish, message)
        else:
            publish(message)

    def period(self):
        return self._period * (1.0 + self._drift.next())

    def close(self):
        self._outbox.close()
