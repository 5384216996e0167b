# SPDX-License-Identifier: Apache-2.0
"""The imperfections of the simulator bridge: none, or the configured ones."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
import zlib

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.errors import unfit, unknown
from rl_policy_node.sim.imperfections.commands import DelayedCommands
from rl_policy_node.sim.imperfections.imperfection_spec import ImperfectionSpec
from rl_policy_node.sim.imperfections.lossy_link import Network, whole_steps
from rl_policy_node.sim.imperfections.outbox import Publish
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Robots, Values
from rl_policy_node.sim.imperfections.sensor_noise import Drift, Noise
from rl_policy_node.sim.imperfections.sources import Channel, Delivery, LockstepSources, RealTimeSources, Sources


class Imperfections(ABC):
    """Changes the messages between an environment and a policy. description: for the log, '' without imperfections.

    Every step: `show` measures, wrapped publishers send messages with the content `shown`, and the environment obeys
    `commands`.
    """

    description = ''

    @property
    @abstractmethod
    def shown(self) -> Mapping[str, Values]:
        """Source → field → (rows, …), the content of this step's messages."""

    def deliveries(self) -> Mapping[str, Delivery]:
        """Return source → Delivery of this step, in lockstep; a source that is not in it shows the present."""
        return {}

    @abstractmethod
    def show(self, episode: NDArray[np.int64]) -> None:
        """Measure all sources. episode (rows,), ns: the starts of the rows' episodes."""

    @abstractmethod
    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        """Return a function that publishes the messages of a source for a set of rows: now, later, or never.

        publish(message) sends a message; it is returned unchanged if nothing delays or loses messages.
        """

    @abstractmethod
    def start_publisher(self, publish: Publish) -> Publish:
        """Return a function that publishes the starts of episodes: never lost, and no later than observations."""

    @abstractmethod
    def commands(self) -> Mapping[str, Values]:
        """Return the commands obeyed in this step, command → field → (rows, …).

        Call it once a step, while no command can arrive.
        """

    @abstractmethod
    def period(self) -> float:
        """Return the length of the next period, s."""

    @abstractmethod
    def record(self) -> Values:
        """Return name → (rows, …): the shown values, if they differ from the observations; else {}."""

    @abstractmethod
    def summary(self) -> dict[str, dict[str, float]]:
        """Return the configured values, and the numbers of messages sent, lost, late and reordered."""

    @abstractmethod
    def close(self) -> None:
        """End threads."""


def create_imperfections(
    spec: ImperfectionSpec, seed: int, period: float, robots: Robots, lockstep: bool
) -> Imperfections:
    """Return the Imperfections of an ImperfectionSpec. period: of the control, s. Raises ConfigurationError."""
    if not spec.stated():
        return Perfect(robots, period)
    if lockstep and spec.rate_drift:
        raise unfit(
            'sim.rate_drift',
            f'{spec.rate_drift:g}, which means nothing in lockstep: a step waits for its commands, however long',
            '0, or sim.mode real_time',
        )
    channels = _channels(spec, seed, period, robots)
    sources: Sources = (
        LockstepSources(channels, robots.rows)
        if lockstep
        else RealTimeSources(channels, robots.rows, period, spec.latency)
    )
    commands = DelayedCommands(robots, whole_steps(spec.command_latency / period))
    drift = Drift(spec.rate_drift, _stream(seed, 'rate'))
    return Injected(spec, f'on purpose: {spec}; seed {seed}', sources, commands, lambda: period * (1.0 + drift.next()))


def _channels(spec: ImperfectionSpec, seed: int, period: float, robots: Robots) -> dict[str, Channel]:
    """Return the Channel of every source."""
    unknown_sources = spec.noise.keys() - robots.sources.keys()
    if unknown_sources:
        raise unknown('source', min(unknown_sources), robots.sources, 'sim.noise')
    channels = {}
    for name, measured in robots.sources.items():
        noise = Noise(spec.noise.get(name, {}), measured.values, _stream(seed, 'noise', name), f'sim.noise.{name}')
        groups = 1 if measured.shared_rows else robots.rows
        channels[name] = Channel(measured, noise, Network(spec, period, groups, _stream(seed, 'network', name)))
    return channels


def _stream(seed: int, purpose: str, name: str = '') -> np.random.Generator:
    """Return a random stream for one purpose: streams are independent of each other."""
    return np.random.default_rng([seed, zlib.crc32(f'{purpose} {name}'.encode())])


class Perfect(Imperfections):
    """No imperfections: messages carry the true measurements without delay, and commands take effect at once."""

    def __init__(self, robots: Robots, period: float) -> None:
        self._shown = {name: measured.values for name, measured in robots.sources.items()}
        self._commands = {name: command.values for name, command in robots.commands.items()}
        self._period = period

    @property
    def shown(self) -> Mapping[str, Values]:
        return self._shown

    def show(self, episode: NDArray[np.int64]) -> None:
        """Do nothing: `shown` are the sources' own values."""

    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        return publish

    def start_publisher(self, publish: Publish) -> Publish:
        return publish

    def commands(self) -> Mapping[str, Values]:
        return self._commands

    def period(self) -> float:
        return self._period

    def record(self) -> Values:
        return {}

    def summary(self) -> dict[str, dict[str, float]]:
        return {}

    def close(self) -> None:
        """Do nothing: there is no thread."""


class Injected(Imperfections):
    """Noise and a lossy network for each source, delayed commands, a drifting rate."""

    def __init__(
        self,
        spec: ImperfectionSpec,
        description: str,
        sources: Sources,
        commands: DelayedCommands,
        next_period: Callable[[], float],
    ) -> None:
        self._spec, self.description = spec, description
        self._sources, self._commands, self._next_period = sources, commands, next_period

    @property
    def shown(self) -> Mapping[str, Values]:
        return self._sources.shown

    def deliveries(self) -> Mapping[str, Delivery]:
        return self._sources.deliveries()

    def show(self, episode: NDArray[np.int64]) -> None:
        self._sources.step(self._commands.begin(episode, self._sources.start_delay))

    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        return self._sources.publisher(publish, name, rows)

    def start_publisher(self, publish: Publish) -> Publish:
        return self._sources.start_publisher(publish)

    def commands(self) -> Mapping[str, Values]:
        return self._commands.obeyed()

    def period(self) -> float:
        return self._next_period()

    def record(self) -> Values:
        return self._sources.record()

    def summary(self) -> dict[str, dict[str, float]]:
        return {'imperfections': {**self._spec.stated(), **self._sources.counts()}}

    def close(self) -> None:
        self._sources.close()
