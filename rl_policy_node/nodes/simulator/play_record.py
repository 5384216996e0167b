# SPDX-License-Identifier: Apache-2.0
"""The record of a run of the bridge, and its files."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from rl_policy_node.control.arrays import Array, Values
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.interfaces import Summary
from rl_policy_node.nodes.parameters.configuration import SimSpec
from rl_policy_node.nodes.policy.response_times import ResponseTimes
from rl_policy_node.nodes.simulator.episodes import Episode, Episodes, latency_ms, write_summary
from rl_policy_node.sim.environment_specs import Transition

if TYPE_CHECKING:  # it needs what only a recording needs
    from rl_policy_node.nodes.simulator.run_recording import RunRecording


class PlayRecord:
    """Counts steps, episodes and times, and brings every step to a recording.

    steps; misses: periods that ended without all commands; answers: times each observation to its commands.
    """

    def __init__(self, control: ControlSpec, sim: SimSpec, commands: int) -> None:
        self._recording: RunRecording | None = None
        self._control, self._sim, self._play = control, sim, sim.play
        self.episodes = Episodes(control.rows, keep=sim.play.episodes or (None if sim.play.summary else 0))
        self.answers = ResponseTimes((commands, control.rows), self._answered)
        self._seconds: deque[float] = deque(maxlen=2000)
        self.steps = self.misses = 0

    def add(self, transition: Transition, seconds: float) -> list[Episode]:
        """Count a step that took the environment `seconds`; return the episodes that ended with it."""
        _, rewards, dones, successes = transition
        self.steps += 1
        self._seconds.append(seconds)
        return self.episodes.add(rewards, dones, successes)

    def begin(self, recording: RunRecording) -> None:
        """Bring what comes from now on to a recording, too."""
        self._recording = recording

    def show(self, stamp: int) -> None:
        """Note that a frame is published. stamp: ns, of simulated time."""
        if self._recording is not None:
            self._recording.show(stamp)

    def keep(self, observations: Values, actions: Array, transition: Transition, extra: Values) -> None:
        """Record the step that was counted last, if that is wanted. extra: more arrays, name → (rows, ...)."""
        if self._recording is None:
            return
        _, rewards, dones, successes = transition
        more = dict(extra) if successes is None else {**extra, 'successes': successes}
        arrays = {f'obs/{name}': value for name, value in observations.items()}
        arrays |= {'actions': actions, 'rewards': rewards, 'dones': dones.astype(np.uint8), **more}
        self._recording.step(self.steps - 1, arrays)

    def over(self) -> bool:
        """Return whether the configured number of episodes or steps is reached."""
        enough = self._play.episodes and len(self.episodes.finished) >= self._play.episodes
        return bool(enough or (self._play.steps and self.steps >= self._play.steps))

    def summary(self, imperfections: Summary) -> Summary:
        """Return the figures of the run so far. imperfections: those of the injected imperfections."""
        return {
            **self.episodes.summary(self._play.episodes),
            'steps': self.steps,
            'latency_ms': latency_ms(list(self.answers.latencies)),
            'deadline_misses': self.misses,
            'environment_p50_ms': latency_ms(list(self._seconds))['p50'],
            'mode': 'lockstep' if self._play.lockstep else 'real time',
            'robots': self._control.rows,
            'control_rate': self._control.timing.control_rate,
            'seed': self._sim.environment.seed,
            **imperfections,
        }

    def write(self, imperfections: Summary) -> None:
        """Close the recording, and write the configured file."""
        if self._recording is not None:
            self._recording.close()
        if self._play.summary:
            played = {'played': self.episodes.columns(self._play.episodes)}
            write_summary(self._play.summary, {**self.summary(imperfections), **played})

    def _answered(self, step: int, seconds: float) -> None:
        if self._recording is not None:
            self._recording.latency(step, seconds)
