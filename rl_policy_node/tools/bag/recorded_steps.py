# SPDX-License-Identifier: Apache-2.0
"""The steps of a bag as arrays: what the policy saw, decided and sent, and what its sources had measured by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import contextlib
import dataclasses
from typing import Any, cast

import numpy as np

from rl_policy_node.control.arrays import Array
from rl_policy_node.control.observation_manager import ObservationManager
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.control.state import State
from rl_policy_node.core.outcome import Outcome
from rl_policy_node.core.recording import Event, Message, Snapshot, Step
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.mismatch.recording import Recording
from rl_policy_node.mismatch.recording.robot_recording import Refused, TermTrack
from rl_policy_node.mismatch.recording.stacking import by_row, stacked
from rl_policy_node.nodes.topics.source import Source
from rl_policy_node.tools.bag.term_tracks import tracks_of
from rl_policy_node.tools.replay.recorded_configuration import Changes, Metadata, recorded_configuration


def recorded_steps(metadata: Metadata, events: Iterable[Event]) -> Recording:
    """Return the Recording of the events of a bag; neither run nor checkpoint needs to be there.

    Raises ConfigurationError if there is no step.
    """
    # the checkpoint only has to be named: it is not read
    configuration = recorded_configuration(metadata, Changes(checkpoint=metadata['checkpoint']['path'])).configuration
    reader = _Reader(configuration.control, metadata)
    for event in events:
        reader.take(event)
    return reader.recording()


class _Reader:
    """Follows the sources of a configuration, and keeps what each step saw of them."""

    def __init__(self, control: ControlSpec, metadata: Mapping[str, Any]) -> None:
        timing = dataclasses.replace(control.timing, control_rate=metadata['control_rate'])
        self._control, self._metadata = dataclasses.replace(control, timing=timing), metadata
        self._shapes = {name: tuple(described['shape']) for name, described in metadata['inputs'].items()}
        self._sources = {name: Source(spec, self._control, self._shapes) for name, spec in control.sources.items()}
        self._actions = sum(described['size'] for described in metadata['actions'])
        self._steps: list[dict[str, Any]] = []
        self._refused: list[Refused] = []
        # source → row → times of receipt, s
        self._received: dict[str, list[list[float]]] = {
            name: [[] for _ in range(self._control.rows)] for name in self._sources
        }

    def take(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Message) and not event.refusal:
            rows, source = slice(event.start, event.stop), self._sources[event.source]
            # a message before the recording may make a buffer refuse one that it took then
            with contextlib.suppress(ValueError):
                arrays, stamp = source.read(rows, event.payload)
                source.buffer.write(rows, arrays, stamp, event.steady)
            for row in range(event.start, event.stop):
                self._received[event.source][row].append(event.steady)
        elif isinstance(event, Snapshot) and not self._steps:
            for name, state in cast(State, event.state['sources']).items():
                self._sources[name].buffer.restore(cast(State, state))
        elif isinstance(event, Step) and event.outcome is not None and event.outcome.stepped:
            self._keep(event, event.outcome)

    def recording(self) -> Recording:
        """Return what was kept; raises ConfigurationError if there is nothing."""
        if not self._steps:
            raise ConfigurationError('the bag holds no step of a policy')
        parts: dict[str, Any] = {name: stacked([step[name] for step in self._steps]) for name in self._steps[0]}
        metadata = self._metadata
        return Recording(
            rate=self._control.rate,
            terms=self._terms(),
            received={} if self._control.lockstep else {n: _padded(times) for n, times in self._received.items()},
            reasons=tuple(self._refused),
            moments={
                name: np.array([moments['mean'], moments['variance']], dtype=np.float64)
                for name, moments in metadata['moments'].items()
            },
            about={
                'checkpoint': metadata['checkpoint']['path'],
                'sha256': metadata['checkpoint']['sha256'],
                'machine': metadata['machine']['name'],
                'robots': metadata['robots'],
            },
            **parts,
        )

    def _keep(self, step: Step, outcome: Outcome) -> None:
        rows, inputs = self._control.rows, outcome.inputs or {}
        for change in outcome.changes:
            self._refused += [Refused(len(self._steps), row, reason) for row, reason in change.lost.items()]
        self._steps.append(
            {
                # in lockstep a period lasts as long as the simulator takes for it
                'time': np.array(step.frame.time if self._control.lockstep else step.frame.steady),
                'inputs': {name: self._flat(inputs.get(name), shape) for name, shape in self._shapes.items()},
                'actions': self._flat(outcome.actions, (self._actions,)),
                'acted': outcome.acted,
                'reset': outcome.reset,
                'commands': by_row(outcome.commands, rows),
                'measured': by_row({name: source.buffer.values for name, source in self._sources.items()}, rows),
            }
        )

    def _flat(self, value: object, shape: tuple[int, ...]) -> Array:
        """Return (rows, n), float32; NaN for what was not computed, or was too large to be kept."""
        rows = self._control.rows
        if not isinstance(value, np.ndarray):
            return np.full((rows, int(np.prod(shape))), np.nan, dtype=np.float32)
        return value.reshape(rows, -1).astype(np.float32)

    def _terms(self) -> dict[str, TermTrack]:
        buffers = {name: source.buffer for name, source in self._sources.items()}
        joints = {name: source.joints for name, source in self._sources.items()}
        observations = ObservationManager(self._control, self._shapes, buffers, joints, self._actions)
        return tracks_of(self._control, observations.pieces())


def _padded(times: list[list[float]]) -> Array:
    """Return (messages, rows), NaN behind the last one of a row."""
    found = np.full((max(map(len, times)), len(times)), np.nan)
    for row, each in enumerate(times):
        found[: len(each), row] = each
    return found
