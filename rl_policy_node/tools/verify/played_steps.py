# SPDX-License-Identifier: Apache-2.0
"""What a simulator gave a policy, what it did in answer, and the raw state behind both, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from rl_policy_node.control.arrays import Array, Mask, Values
from rl_policy_node.errors import ConfigurationError
from rl_policy_node.sim.hosted import HostedEnvironment
from rl_policy_node.sim.remote import RemoteEnvironment

# raw arrays of what the action terms set, ARTICULATION/field behind it; they belong to the step before
TARGETS = 'targets/'
Hosted: TypeAlias = HostedEnvironment | RemoteEnvironment


@dataclass(frozen=True, eq=False)
class Recording:
    """Steps of a simulator; at each one what the policy was given, and what it answered.

    scene: as the environment describes it. observations: input → (steps, rows, *shape). raw: name → (steps, rows, …),
    of the same moment; but `targets/…` are those that the action of the step set. actions: (steps, rows, n), as the
    environment got them. begins: (steps, rows), whether an episode begins there.
    """

    scene: Mapping[str, Any]
    observations: Values
    raw: Values
    actions: Array
    begins: Mask

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.begins)

    def first(self, count: int) -> Mask:
        """Return (steps, rows), which are among the first `count` steps of an episode."""
        now = np.arange(self.steps)[:, np.newaxis]
        # before the first reset of the recording nothing is known of an episode's age
        begun = np.maximum.accumulate(np.where(self.begins, now, -self.steps - count), axis=0)
        return np.asarray(now - begun < count)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of a row, by input."""
        return {name: value.shape[2:] for name, value in self.observations.items()}


class Actor(Protocol):
    """What answers the observations of a simulator."""

    def act(self, observations: Values, begins: Mask) -> Array:
        """Return the actions (rows, n). begins: rows whose episode begins."""


def record(
    environment: Hosted, actor: Actor, steps: int, name: str, on_step: Callable[[], object] = lambda: None
) -> Recording:
    """Play an environment for some steps, and return all that they were.

    name: of the environment, for errors. on_step(): called after each. Raises ConfigurationError where it offers no
    raw state.
    """
    observed = environment.reset()
    scene, raw = environment.scene, environment.raw
    if scene is None or raw is None:
        raise ConfigurationError(
            f"sim.environment '{name}' offers no raw state (`scene` and `raw()`), so that nothing can be measured "
            'apart from its observations'
        )
    begins = np.ones(environment.rows, dtype=bool)
    kept: list[dict[str, Values]] = []
    for _ in range(steps):
        actions = actor.act(observed, begins)
        before = {key: value for key, value in raw.items() if not key.startswith(TARGETS)}
        following, _, dones, _ = environment.step(actions)
        raw = environment.raw or {}
        targets = {key: value for key, value in raw.items() if key.startswith(TARGETS)}
        kept.append(
            {'observations': observed, 'raw': {**before, **targets}, 'own': {'actions': actions, 'begins': begins}}
        )
        observed, begins = following, dones
        on_step()
    stacked = {part: stack([step[part] for step in kept]) for part in ('observations', 'raw', 'own')}
    return Recording(scene, stacked['observations'], stacked['raw'], **stacked['own'])


def stack(steps: Sequence[Values]) -> dict[str, Array]:
    """Return name → (steps, …) of the same arrays of each step."""
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}
