# SPDX-License-Identifier: Apache-2.0
"""Observation and action spaces of a policy: stated by the user, or read from the weights."""

from collections.abc import Iterable, Mapping
import dataclasses
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rl_policy_node.errors import ConfigurationError, unknown
from rl_policy_node.policy.shared_types import Shape, YamlTree

DTYPES = ('float32', 'uint8')


@dataclass(frozen=True)
class Spaces:
    """The inputs and outputs of the network.

    observation: a shape for flat policies, else key → shape, without the row dimension.
    action: the number of continuous actions, or `{'discrete': n}`, or `{'multi_discrete': [n, ...]}`.
    action_low, action_high: bounds of continuous actions, a number or one per action.
    dtype: 'float32', or 'uint8' for images that rl_games divides by 255; a name or key → name.
    """

    observation: Shape | dict[str, Shape]
    action: int | YamlTree
    action_low: npt.ArrayLike = -1.0
    action_high: npt.ArrayLike = 1.0
    dtype: str | Mapping[str, str] = 'float32'
    value_size: int = 1
    agents: int = 1

    @classmethod
    def from_dict(cls, description: Mapping[str, object]) -> 'Spaces':
        """Return Spaces from the form in files and parameters: `{'observation': {...}, 'action': 6, ...}`."""
        cls.check_names(description)
        for name in ('observation', 'action'):
            if name not in description:
                raise ConfigurationError(f"spaces: '{name}' is missing; got {sorted(description)}")
        fields: YamlTree = dict(description)
        return cls(**fields)

    @classmethod
    def check_names(cls, description: Iterable[str]) -> None:
        """Raise ConfigurationError for a name that is not a field."""
        for name in description:
            if name not in cls.__dataclass_fields__:
                raise unknown('entry', name, cls.__dataclass_fields__, 'spaces')

    def __post_init__(self) -> None:
        shapes: Any = self.observation
        if isinstance(shapes, Mapping):
            shapes = {key: _shape(shape, f'observation.{key}') for key, shape in shapes.items()}
        else:
            shapes = _shape(shapes, 'observation')
        object.__setattr__(self, 'observation', shapes)
        if isinstance(self.action, Mapping) and set(self.action) == {'continuous'}:
            object.__setattr__(self, 'action', self.action['continuous'])
        if not _is_action(self.action):
            raise ConfigurationError(
                f'spaces: action is {self.action!r}; expected a number of actions, '
                "{'discrete': n} or {'multi_discrete': [n, ...]}"
            )
        for name in ('action_low', 'action_high'):
            size = np.size(getattr(self, name))
            if size not in (1, self.num_actions):
                raise ConfigurationError(f'spaces: {name} has {size} numbers; expected 1 or {self.num_actions}')
        self._check_types()

    def _check_types(self) -> None:
        keys = self.dtype if isinstance(self.dtype, Mapping) else {}
        for key in keys:
            if key not in self.inputs:
                raise unknown('observation', key, self.inputs, 'spaces: dtype')
        names: Iterable[object] = keys.values() if keys else (self.dtype,)
        for name in names:
            if name not in DTYPES:
                raise unknown('dtype', name, DTYPES, 'spaces')

    @property
    def is_dict(self) -> bool:
        """Whether the policy takes a dict of observations."""
        return isinstance(self.observation, dict)

    @property
    def discrete(self) -> bool:
        """Whether actions are choices rather than numbers."""
        return isinstance(self.action, Mapping)

    @property
    def inputs(self) -> dict[str, Shape]:
        """Input name → shape; a flat policy has the one input `obs`."""
        return self.observation if isinstance(self.observation, dict) else {'obs': self.observation}

    def dtype_of(self, key: str) -> np.dtype[np.generic]:
        """Return the numpy dtype in which the input `key` enters the player."""
        name = self.dtype.get(key, 'float32') if isinstance(self.dtype, Mapping) else self.dtype
        return np.dtype(name)

    def joined(self) -> 'Spaces':
        """Return the same spaces with all keys of the observation in one vector."""
        size = sum(int(np.prod(shape)) for shape in self.inputs.values())
        return dataclasses.replace(self, observation=(size,), dtype='float32')

    @property
    def num_actions(self) -> int:
        """Number of outputs per row: one for a single discrete choice."""
        if not isinstance(self.action, Mapping):
            return int(self.action)
        return len(self.action.get('multi_discrete', [0]))

    def env_info(self) -> dict[str, object]:
        """Return the `env_info` with which rl_games builds a player without an environment."""
        return {
            'observation_space': self._observation_space(),
            'action_space': self._action_space(),
            'agents': self.agents,
            'value_size': self.value_size,
        }

    def _observation_space(self) -> gymnasium.Space[Any]:
        def box(shape: Shape) -> gymnasium.spaces.Box:
            return gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32)

        if isinstance(self.observation, dict):
            return gymnasium.spaces.Dict({key: box(shape) for key, shape in self.observation.items()})
        return box(self.observation)

    def _action_space(self) -> gymnasium.Space[Any]:
        if not isinstance(self.action, Mapping):
            size = self.num_actions
            low, high = (
                np.broadcast_to(np.asarray(bound, np.float32), (size,)) for bound in (self.action_low, self.action_high)
            )
            return gymnasium.spaces.Box(low, high, dtype=np.float32)
        if 'discrete' in self.action:
            return gymnasium.spaces.Discrete(int(self.action['discrete']))
        return gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(int(n)) for n in self.action['multi_discrete']])


def _is_action(action: object) -> bool:
    if not isinstance(action, Mapping):
        return _is_count(action)
    if set(action) == {'multi_discrete'}:
        sizes = action['multi_discrete']
        return isinstance(sizes, (list, tuple)) and len(sizes) > 0 and all(map(_is_count, sizes))
    return set(action) == {'discrete'} and _is_count(action['discrete'])


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value > 0)


def _shape(shape: Any, name: str) -> Shape:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(map(_is_count, shape)):
        raise ConfigurationError(f'spaces: {name} has the shape {shape}; expected positive integers')
    return tuple(int(n) for n in shape)
