# SPDX-License-Identifier: Apache-2.0
"""The interface of backends: act on a batch of rows, keep their recurrent states, reset them."""

from abc import ABC, abstractmethod

import numpy as np

from rl_policy_node.policy.backends.inputs import Inputs
from rl_policy_node.policy.shared_types import Array, BackendState, Observations, Rows


class Backend(ABC):
    """Computes the actions of a player for `rows` rows, one recurrent state each.

    inputs: the Inputs that it takes. Subclasses have a `name`, a value of the parameter `policy.backend`.
    """

    name = ''

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.rows = inputs, inputs.rows
        self._actions_shape = (inputs.rows, inputs.spaces.num_actions)
        self._discrete = inputs.spaces.discrete

    @property
    @abstractmethod
    def recurrent(self) -> bool:
        """Whether rows carry a state from step to step."""

    @abstractmethod
    def act(self, observations: Observations, hold: Array | None = None) -> Array:
        """Return the actions (rows, actions), float32, or int64 for discrete policies; the caller may keep them.

        observations: an array (rows, *shape), or key → such arrays. hold: mask (rows,) of rows that keep their
        recurrent state. Raises ValueError for observations that do not fit.
        """

    @abstractmethod
    def reset(self, rows: Rows = slice(None)) -> None:
        """Clear the recurrent state of rows: a slice, a mask (rows,) or a list of indices."""

    @abstractmethod
    def restart(self) -> None:
        """Start again: states cleared, the random stream at its beginning."""

    @abstractmethod
    def state(self) -> BackendState:
        """Return a copy of the state on which the next action depends, besides the observations.

        recurrent: index → array (layers, rows, units), random: the state of the random stream, bytes.
        """

    @abstractmethod
    def restore(self, state: BackendState) -> None:
        """Continue from a state of the same backend."""

    def indices(self, rows: Rows) -> Array:
        """Return rows, a slice, a mask (rows,) or indices, as indices; raises ValueError for another mask."""
        if isinstance(rows, slice):
            return np.arange(self.rows)[rows]
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape != (self.rows,):
            raise ValueError(f'rows: a mask of shape {chosen.shape}; expected ({self.rows},)')
        return np.nonzero(chosen)[0] if chosen.dtype == bool else chosen.astype(np.int64)

    def actions(self, array: Array) -> Array:
        """Return the actions of a player as (rows, actions)."""
        array = array.reshape(self._actions_shape)
        return array.astype(np.int64) if self._discrete else array
