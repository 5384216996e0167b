# SPDX-License-Identifier: Apache-2.0
"""The record of a run of the bridge, and its files."""

from __future__ import annotations

from collections import deque

import numpy as np

from rl_policy_node.control.arrays import Array, Values
from rl_policy_node.control.specs import ControlSpec
from rl_policy_node.nodes.interfaces import Summary
from rl_policy_node.nodes.parameters.configuration import SimSpec
from rl_policy_node.nodes.policy.response_times import ResponseTimes
from rl_policy_node.nodes.simulator.episodes import Episode, Episodes, latency_ms, Recorder, write_summary
from rl_policy_node.sim.environment_specs import Transition


class PlayRecord:
    """Counts steps, episodes and times; keeps every step if a record is configured.

    steps; misses: periods that ended without all commands; answers: times each observation to its commands.
    """

    def __init__(self, control: ControlSpec, sim: SimSpec, commands: int) -> None:
        self._control, self._sim, self._play = control, sim, sim.play
        self.episodes = Episodes(control.rows, keep=sim.play.episodes or (None if sim.play.summary else 0))
        self.answers = ResponseTimes((commands, control.rows), keep_all=bool(sim.play.record))
        self._recorder = Recorder() if sim.play.record else None
        self._seconds: deque[float] = deque(maxlen=2000)
        self.steps = self.misses = 0

    def add(self, transition: Transition, seconds: float) -> list[Episode]:
        """Count a step that took the environment `seconds`; return the episodes that ended with it."""
        _, rewards, dones, successes = transition
        self.steps += 1
        self._seconds.append(seconds)
        return self.episodes.add(rewards, dones, successes)

    def keep(self, observations: Values, actions: Array, transition: Transition, extra: Values) -> None:
        """Keep a step if a record is configured. extra: more arrays, name → (rows, ...)."""
        if self._recorder is None:
            return
        _, rewards, dones, successes = transition
        more = dict(extra) if successes is None else {**extra, 'successes': successes}
        self._recorder.add(
            **{f'obs/{name}': value for name, value in observations.items()},
            actions=actions,
            rewards=rewards,
            dones=dones.astype(np.uint8),
            **more,
        )

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
        """Write the configured files."""
        if self._recorder is not None and self.answers.by_step is not None:
            latency = [self.answers.by_step.get(step, np.nan) for step in range(self.steps)]
            self._recorder.write(self._play.record, latency=np.array(latency))
        if self._play.summary:
            played = {'played': self.episodes.columns(self._play.episodes)}
            write_summary(self._play.summary, {**self.summary(imperfections), **played})
