# SPDX-License-Identifier: Apache-2.0
"""What a bridge asks of imperfections, and what it gets where none, or some, are stated."""
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
import zlib

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.sim.imperfections.commands import DelayedCommands
from rl_policy_node.sim.imperfections.imperfection_spec import ImperfectionSpec
from rl_policy_node.sim.imperfections.lossy_link import Network, whole_steps
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Robots, Values
from rl_policy_node.sim.imperfections.sensor_noise import Drift, Noise
from rl_policy_node.sim.imperfections.sources import Channel, LockstepSources, Publish, RealTimeSources, Sources


class Imperfections(ABC):
    """What lies between an environment and its messages. description: for the log; empty: nothing does.

    Every step: `show` takes in what is measured, messages are made of `shown` and go out through publishers, and
    `commands` says what is obeyed.
    """

    description = ''

    @property
    @abstractmethod
    def shown(self) -> Mapping[str, Values]:
        """Source → field → (rows, …), what messages are made of in this step."""

    @abstractmethod
    def show(self, episode: NDArray[np.int64]) -> None:
        """Take in what the sources measure now. episode (rows,), ns: the starts of the rows' episodes."""

    @abstractmethod
    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        """Return what publishes the messages of a source for a set of rows: now, later, or never.

        publish(message) sends for good; it is returned as it is where nothing lies in between.
        """

    @abstractmethod
    def start_publisher(self, publish: Publish) -> Publish:
        """Return what publishes the starts of episodes: never lost, and no later than their observations."""

    @abstractmethod
    def commands(self) -> Mapping[str, Values]:
        """Return the commands obeyed in this step, command → field → (rows, …); once a step, commands kept out."""

    @abstractmethod
    def period(self) -> float:
        """Return how long the next period is, s."""

    @abstractmethod
    def record(self) -> Values:
        """Return name → (rows, …): what the policy was shown, where that is not what was observed."""

    @abstractmethod
    def summary(self) -> dict[str, dict[str, float]]:
        """Return the figures: what was asked for, and what became of the messages."""

    @abstractmethod
    def close(self) -> None:
        """End what runs by itself."""


def create_imperfections(spec: ImperfectionSpec, seed: int, period: float, robots: Robots,
                         lockstep: bool) -> Imperfections:
    """Return the Imperfections that an ImperfectionSpec states. period of the control, s. Raises ConfigurationError."""
    if not spec.stated():
        return Perfect(robots, period)
    if lockstep and spec.rate_drift:
        raise ConfigurationError(f'sim.rate_drift is {spec.rate_drift:g}, which means nothing in lockstep: '
                                 'a step waits for its commands, however long; expected 0, or sim.mode real_time')
    channels = _channels(spec, seed, period, robots)
    sources: Sources = (LockstepSources(channels, robots.rows) if lockstep else
                        RealTimeSources(channels, robots.rows, period, spec.latency))
    commands = DelayedCommands(robots, whole_steps(spec.command_latency / period))
    drift = Drift(spec.rate_drift, _stream(seed, 'rate'))
    return Injected(spec, f'on purpose: {spec}; seed {seed}', sources, commands, lambda: period * (1.0 + drift.next()))


def _channels(spec: ImperfectionSpec, seed: int, period: float, robots: Robots) -> dict[str, Channel]:
    """Return the Channel of every source."""
    strangers = spec.noise.keys() - robots.sources.keys()
    if strangers:
        raise unknown('source', min(strangers), robots.sources, 'sim.noise')
    channels = {}
    for name, measured in robots.sources.items():
        noise = Noise(spec.noise.get(name, {}), measured.values, _stream(seed, 'noise', name), f'sim.noise.{name}')
        groups = 1 if measured.shared_rows else robots.rows
        channels[name] = Channel(measured, noise, Network(spec, period, groups, _stream(seed, 'network', name)))
    return channels


def _stream(seed: int, purpose: str, name: str = '') -> np.random.Generator:
    """Return a random stream of its own for each purpose: what one part draws changes no other."""
    return np.random.default_rng([seed, zlib.crc32(f'{purpose} {name}'.encode())])


class Perfect(Imperfections):
    """None: what is measured is shown, at once and as it is; what is commanded is obeyed."""

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
        """Do nothing: nothing runs by itself."""


class Injected(Imperfections):
    """Noise on what is measured, a network for each source, commands that wait, a rate that drifts."""

    def __init__(self, spec: ImperfectionSpec, description: str, sources: Sources, commands: DelayedCommands,
                 next_period: Callable[[], float]) -> None:
        self._spec, self.description = spec, description
        self._sources, self._commands, self._next_period = sources, commands, next_period

    @property
    def shown(self) -> Mapping[str, Values]:
        return self._sources.shown

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
        return {'gap': {**self._spec.stated(), **self._sources.counts()}}

    def close(self) -> None:
        self._sources.close()
