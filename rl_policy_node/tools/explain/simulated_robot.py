# SPDX-License-Identifier: Apache-2.0
"""Plays a parameter file without ROS: simulator → messages → policy → messages → simulator, and records it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import numpy as np

from rl_policy_node.control.arrays import Mask, Stamps, Values
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.recording.robot_recording import Refused
from rl_policy_node.mismatch.recording.stacking import by_row, stacked
from rl_policy_node.nodes.interfaces import Message
from rl_policy_node.nodes.parameters.configuration import Configuration
from rl_policy_node.nodes.policy.dry_run import DryRun
from rl_policy_node.nodes.simulator.bridge import Bridge
from rl_policy_node.nodes.simulator.hosting import open_environment
from rl_policy_node.tools.bag.term_tracks import term_tracks
from rl_policy_node.tools.process.to_logging import ToLogging


class Wire:
    """What lies between the simulated robot and the policy node: here a perfect wire. Subclasses plant faults."""

    def due(self, step: int) -> bool:
        """Return whether the policy steps in this period of the simulator."""
        return True

    def measured(self, step: int, values: Mapping[str, Values], begins: Mask) -> Mapping[str, Values]:
        """Return what arrives of what sensors measure, source → field → (rows, …). begins: rows in a new episode."""
        return values

    def begins(self, step: int, begins: Mask) -> Mask:
        """Return the rows whose episode the policy is told to begin."""
        return begins

    def commanded(self, step: int, values: Mapping[str, Values]) -> Mapping[str, Values]:
        """Return what the robot obeys of the commands, action term → field → (rows, …)."""
        return values


def _by_hand(configuration: Configuration) -> Configuration:
    """Return a configuration whose policy steps when told to, and whose simulator stamps by a clock from 1 s on."""
    control, sim = configuration.control, configuration.sim
    return dataclasses.replace(
        configuration,
        control=dataclasses.replace(control, timing=dataclasses.replace(control.timing, trigger='timer')),
        sim=dataclasses.replace(sim, play=dataclasses.replace(sim.play, mode='real_time')),
    )


class SimulatedRobot:
    """A simulator in the place of robots, and the policy that moves them, step by step on a clock by hand.

    Raises ConfigurationError and SimulationError as the nodes would.
    """

    def __init__(self, configuration: Configuration, wire: Wire | None = None) -> None:
        configuration = _by_hand(configuration)
        self._wire = wire or Wire()
        self._bridge = Bridge(configuration, open_environment(configuration))
        self._run = DryRun(configuration, ToLogging())
        self._kept: list[dict[str, Any]] = []
        self._reasons: list[Refused] = []
        self._received: dict[str, list[float]] = {name: [] for name in self._run.sources}
        self._about = {
            'environment': configuration.sim.environment.name,
            'seed': configuration.sim.environment.seed,
            'checkpoint': configuration.policy.checkpoint,
            'memory': self._remembers(),
        }
        self._moments = {
            name: np.stack([mean, deviation**2]) for name, (mean, deviation) in self._run.policy.moments().items()
        }

    def play(self, steps: int, on_step: Callable[[], object] = lambda: None) -> Recording:
        """Play so many steps of the simulator, and return those of the policy."""
        bridge, run = self._bridge, self._run
        bridge.begin()
        begun: Stamps = np.zeros(run.control.rows, dtype=np.int64)
        told: Mask = np.zeros(run.control.rows, dtype=bool)
        try:
            for step in range(steps):
                frame = bridge.frame()
                begins: Mask = frame.begun != begun
                begun = frame.begun
                told = told | self._wire.begins(step, begins)
                arrived = self._wire.measured(step, frame.values, begins)
                if self._wire.due(step):
                    self._step(arrived, told, frame.stamp)
                    told = np.zeros_like(told)
                bridge.commands.expect(frame.stamp, step)
                for (name, topic), message in run.messages.items():
                    bridge.commands.receive(name, topic, message)
                self._obey(step)
                bridge.step()
                run.clock.now += 1.0 / run.control.rate
                on_step()
        finally:
            bridge.close()
        return self._recording()

    def _step(self, arrived: Mapping[str, Values], begins: Mask, stamp: int) -> None:
        """Let the policy step on what arrived."""
        run = self._run
        messages: dict[tuple[str, int], Message] = {
            (name, rows.start): source.message(arrived[name], rows, stamp)
            for name, source in run.sources.items()
            for rows in source.groups
        }
        if begins.any():
            run.cycle.inbox.begin_episodes(slice(None), np.where(begins, stamp, run.cycle.inbox.episode))
        run.feed(messages)
        for times in self._received.values():
            times.append(run.clock.now)
        if not self._kept:
            refusals = run.cycle.refusals(outside=False)
            if refusals:
                raise ConfigurationError(f'the policy cannot act on the simulator: {"; ".join(refusals.values())}')
            run.cycle.start()
            run.cycle.inbox.request_tare(slice(None))
        run.cycle.step()
        self._keep()

    def _keep(self) -> None:
        run, outcome = self._run, self._run.outcome
        assert outcome is not None
        rows = run.control.rows
        shapes = run.policy.spaces.inputs
        inputs = outcome.inputs or {name: np.full((rows, *shape), np.nan) for name, shape in shapes.items()}
        actions = np.full((rows, run.policy.spaces.num_actions), np.nan) if outcome.actions is None else outcome.actions
        flat = {name: value.reshape(rows, -1).astype(np.float32) for name, value in inputs.items()}
        for change in outcome.changes:
            self._reasons += [Refused(len(self._kept), row, reason) for row, reason in change.lost.items()]
        buffers = run.cycle.inbox.buffers
        self._kept.append(
            {
                'time': np.array(run.clock.now),
                'inputs': flat,
                'actions': actions.reshape(rows, -1).astype(np.float32),
                'acted': outcome.acted.copy(),
                'reset': outcome.reset.copy(),
                'commands': by_row(outcome.commands, rows),
                'measured': by_row({name: buffer.values for name, buffer in buffers.items()}, rows),
            }
        )

    def _obey(self, step: int) -> None:
        """Let what the wire does with the commands happen to them."""
        buffers = self._bridge.commands.buffers
        for name, command in self._wire.commanded(step, {key: each.values for key, each in buffers.items()}).items():
            for field, value in command.items():
                buffers[name].values[field][:] = value

    def _remembers(self) -> bool:
        """Return whether a reset changes what the policy does: a recurrent state, a history, or a last action."""
        terms = self._run.control.terms.values()
        return self._run.policy.recurrent or any(term.history > 1 or not term.reads for term in terms)

    def _recording(self) -> Recording:
        kept, run = self._kept, self._run
        received = {
            name: np.repeat(np.array(times)[:, np.newaxis], run.control.rows, axis=1)
            for name, times in self._received.items()
        }
        parts: dict[str, Any] = {name: stacked([step[name] for step in kept]) for name in kept[0]}
        return Recording(
            rate=run.control.rate,
            terms=term_tracks(run.control, dict(run.sources), run.policy.spaces),
            received=received,
            reasons=tuple(self._reasons),
            moments=self._moments,
            about=self._about,
            **parts,
        )
