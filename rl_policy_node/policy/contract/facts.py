# SPDX-License-Identifier: Apache-2.0
"""The statements of a run's own files about its environment, each value with its source."""

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from rl_policy_node.policy.layouts import Layout
from rl_policy_node.policy.shared_types import Shape

# (observation, number of actions) of an environment as it was published, None where unknown
PublishedShapes: TypeAlias = tuple[Shape | dict[str, Shape | None] | None, int | None]


@dataclass(frozen=True)
class Fact:
    """A value and its source."""

    value: Any
    source: str


@dataclass(frozen=True)
class Facts:
    """The run's statements about its environment; None for a value that it does not state.

    observation: (size,), or key → shape (None: the network takes the key, its shape is not stated).
    action: number of continuous actions. clip_observations, clip_actions: bounds ± of the environment on its
    observations and actions. clip_inputs: key of the observation → its own bound. action_bound: the action space
    is ± this. control_rate: Hz.
    """

    observation: Fact | None = None
    action: Fact | None = None
    clip_observations: Fact | None = None
    clip_inputs: Fact | None = None
    clip_actions: Fact | None = None
    action_bound: Fact | None = None
    control_rate: Fact | None = None

    def value(self, name: str, default: object = None) -> object:
        """Return the value of a fact, or the default if the run does not state it."""
        fact = getattr(self, name)
        return default if fact is None else fact.value

    def known(self) -> dict[str, Fact]:
        """Return name → Fact of everything that the run states."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


def published_shapes(layout: Layout | None) -> PublishedShapes:
    """Return (observation, number of actions) of an environment as it was published, None where unknown."""
    if layout is None:
        return None, None
    shapes = layout.shapes
    observation = shapes['obs'] if set(shapes) == {'obs'} else shapes
    return observation, layout.num_actions
