# SPDX-License-Identifier: Apache-2.0
"""The robots' side of a parameter file, played by an environment: takes commands, returns frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import time

import numpy as np

from rl_policy_node.control.arrays import Stamps, Values
from rl_policy_node.nodes.interfaces import Environment
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.simulator.command_inbox import CommandInbox
from rl_policy_node.nodes.simulator.compatibility import input_shapes, robots_side
from rl_policy_node.nodes.simulator.episodes import Episode
from rl_policy_node.nodes.simulator.play_record import PlayRecord
from rl_policy_node.nodes.topics.sink import Sink
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.sim.imperfections import create_imperfections, Measured, Robots

START = 1_000_000_000  # ns; simulated time begins at 1 s or later, because a stamp of 0 means that there is none


@dataclass(frozen=True)
class SimFrame:
    """The measurements of the robots' sensors at one moment.

    stamp: ns, of simulated time; begun (rows,): ns, when each row's episode began; values: source → field →
    (rows, ...), valid until the next frame.
    """

    stamp: int
    begun: Stamps
    values: Mapping[str, Values]


class Bridge:
    """Steps an environment with the commands that arrived; `frame` then returns the measurements to publish.

    It has no thread and publishes nothing: BridgeLoop paces it. imperfections: the injected ones, which also wrap
    the publishers. Raises ConfigurationError if the environment does not fit the parameter file.
    """

    def __init__(self, configuration: Configuration, environment: Environment) -> None:
        self.control, sim = configuration.control, configuration.sim
        shapes = input_shapes(configuration, environment)
        self.sources = {name: Source(spec, self.control, shapes) for name, spec in self.control.sources.items()}
        self.sinks = {action.name: Sink(action, self.control) for action in self.control.actions}
        self._mirror, self._raw_state = robots_side(configuration, environment, self.sources, shapes), sim.raw_state
        self.record = PlayRecord(self.control, sim, len(self.sinks))
        self.commands = CommandInbox(self.control, self.sinks, sim.play.lockstep, self.record.answers)
        measured = {name: Measured(source.buffer.values, source.spec.rows) for name, source in self.sources.items()}
        robots = Robots(self.control.rows, measured, self.commands.buffers, self._mirror.held)
        self.imperfections = create_imperfections(
            sim.imperfections, sim.environment.seed, 1.0 / self.control.rate, robots, sim.play.lockstep
        )
        self._environment = environment
        # different at each start: in lockstep a restarted bridge would otherwise seem to continue its first episode
        self._stamp = START + time.monotonic_ns() % START if sim.play.lockstep else START
        self._begun: Stamps = np.full(self.control.rows, self._stamp, dtype=np.int64)
        self._observed: Values = {}

    def begin(self) -> None:
        """Begin the first episodes."""
        self._observed = self._environment.reset()

    def restart(self) -> None:
        """Begin new episodes in every row."""
        self._advance()
        self._begun[:] = self._stamp
        self.record.episodes.restart()
        self._observed = self._environment.reset()

    def stay(self, begin: bool) -> None:
        """Let a period pass without motion. begin: whether the episodes begin after it."""
        self._environment.check()
        self._advance()
        if begin:
            self._begun[:] = self._stamp

    def step(self) -> list[Episode]:
        """Step with the latest commands; return the episodes that ended."""
        with self.commands.condition:
            actions = self._mirror.actions(self.imperfections.commands())
        qpos = self._environment.qpos
        extra = {**({} if qpos is None else {'qpos': qpos.copy()}), **self._mirror.record()}
        began = time.monotonic()
        transition = self._environment.step(actions)
        ended = self.record.add(transition, time.monotonic() - began)
        self.record.keep(self._observed, actions, transition, {**extra, **self.imperfections.record()})
        self._observed, _, dones, _ = transition
        self._advance()
        self._begun[dones] = self._stamp
        return ended

    def frame(self) -> SimFrame:
        """Return the present measurements of the sensors; call it once for each step, when it is due."""
        raw = self._environment.raw if self._raw_state else None
        self._mirror.measure(self._observed if raw is None else raw)
        self.imperfections.show(self._begun)
        return SimFrame(self._stamp, self._begun.copy(), self.imperfections.shown)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the log says at the start: the way from commands to actions, and what is injected."""
        return tuple(filter(None, (self._mirror.note, self.imperfections.description)))

    def check(self) -> None:
        """Raise SimulationError if the environment's process has ended."""
        self._environment.check()

    def close(self) -> None:
        """End the environment, even during a step."""
        self._environment.close()

    def _advance(self) -> None:
        self._stamp += round(1e9 / self.control.rate)
