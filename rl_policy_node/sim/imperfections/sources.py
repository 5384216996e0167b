# SPDX-License-Identifier: Apache-2.0
"""Sensor messages between environment and policy: noisy, late, lost, reordered; in simulated or in real time."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.sim.imperfections.delay_lines import DelayLine
from rl_policy_node.sim.imperfections.lossy_link import Network
from rl_policy_node.sim.imperfections.outbox import Message, Outbox, Publish
from rl_policy_node.sim.imperfections.robot_sensors import Mask, Measured, Values
from rl_policy_node.sim.imperfections.sensor_noise import Noise


class Delivery(NamedTuple):
    """How old what a source shows is. steps (rows,): since its measurement; arrived (rows,): whether it came now."""

    steps: NDArray[np.int64]
    arrived: Mask


class Channel:
    """One source: noise on the true `values` that it measures, and the network that carries its messages."""

    def __init__(self, measured: Measured, noise: Noise, network: Network) -> None:
        self.values, self._shared_rows = measured.values, measured.shared_rows
        self._noise, self.network = noise, network

    def measure(self) -> Values:
        """Return the present measurement with noise: field → (rows, …)."""
        return self._noise(self.values)

    def send(self, begins: Mask) -> NDArray[np.float64]:
        """Return the delays of this step's messages, in periods: (rows,), or (1,) if one message carries all rows.

        begins (rows,): rows that begin an episode; their message arrives at once.
        """
        return self.network.send(np.array([begins.all()]) if self._shared_rows else begins)


class Sources(ABC):
    """Delivers the messages of all sources.

    shown: source → field → (rows, …), the content of this step's messages. start_delay: s by which the start of an
    episode is delayed.
    """

    start_delay = 0.0

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels
        self.shown: dict[str, Values] = {}

    @abstractmethod
    def step(self, begins: Mask) -> None:
        """Measure all sources. begins (rows,): rows that begin an episode."""

    @abstractmethod
    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        """Return a function that publishes the messages of a source for a set of rows: now, later, or never."""

    @abstractmethod
    def start_publisher(self, publish: Publish) -> Publish:
        """Return a function that publishes the starts of episodes: never lost, and no later than observations."""

    def counts(self) -> dict[str, int]:
        """Return the numbers of messages of all sources that were sent, lost, late, reordered."""
        counts = [channel.network.counts for channel in self._channels.values()]
        return {name: sum(count[name] for count in counts) for name in counts[0]}

    def deliveries(self) -> dict[str, Delivery]:
        """Return source → Delivery of this step; {} in real time, where messages bear their stamps."""
        return {}

    @abstractmethod
    def record(self) -> Values:
        """Return name → (rows, …) of the values shown to the policy in this step; {} in real time."""

    @abstractmethod
    def close(self) -> None:
        """End threads."""


class LockstepSources(Sources):
    """In simulated time: each step shows the messages that would have arrived by now, with this step's stamp.

    An episode's first observation arrives at once: there is no earlier one to show.
    """

    def __init__(self, channels: Mapping[str, Channel], rows: int) -> None:
        super().__init__(channels)
        self._lines = {
            name: DelayLine(channel.values, rows, channel.network.longest) for name, channel in channels.items()
        }
        self.shown = {name: line.shown for name, line in self._lines.items()}

    def step(self, begins: Mask) -> None:
        for name, channel in self._channels.items():
            self._lines[name].push(channel.measure(), channel.send(begins), begins)

    def deliveries(self) -> dict[str, Delivery]:
        return {name: Delivery(line.ages, line.arrived) for name, line in self._lines.items()}

    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        return publish

    def start_publisher(self, publish: Publish) -> Publish:
        return publish

    def record(self) -> Values:
        return {
            f'shown/{source}/{name}': value for source, values in self.shown.items() for name, value in values.items()
        }

    def close(self) -> None:
        """Do nothing: there is no thread."""


class RealTimeSources(Sources):
    """In real time: messages are sent late, with the stamps of their measurement, or never.

    The start of an episode is `latency` (s) late and never lost. The simulated clock is not delayed: it is the robot's.
    """

    def __init__(self, channels: Mapping[str, Channel], rows: int, period: float, latency: float) -> None:
        super().__init__(channels)
        self._period, self.start_delay = period, latency
        self._no_rows = np.zeros(rows, dtype=bool)
        self._delays = {name: np.zeros(rows) for name in channels}  # s, of this step's messages
        self._outbox = Outbox()

    def step(self, begins: Mask) -> None:
        for name, channel in self._channels.items():
            self.shown[name] = channel.measure()
            # the first message of an episode is as late as any other
            self._delays[name] = np.broadcast_to(channel.send(self._no_rows) * self._period, self._no_rows.shape)

    def publisher(self, publish: Publish, name: str, rows: slice | Mask) -> Publish:
        def send(message: Message) -> None:
            # all rows of one message have the same delay
            delay = float(self._delays[name][rows][0])
            if np.isfinite(delay):
                self._publish_later(delay, publish, message)

        return send

    def start_publisher(self, publish: Publish) -> Publish:
        return lambda message: self._publish_later(self.start_delay, publish, message)

    def _publish_later(self, delay: float, publish: Publish, message: Message) -> None:
        if delay > 0.0:
            self._outbox.put(delay, publish, message)
        else:
            publish(message)

    def record(self) -> Values:
        return {}

    def close(self) -> None:
        self._outbox.close()
