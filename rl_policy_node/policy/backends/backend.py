# SPDX-License-Identifier: Apache-2.0
"""What every backend does: act on a batch of rows, remember what they have seen, forget it when asked."""
from abc import ABC, abstractmethod

import numpy as np


class Backend(ABC):
    """Computes the actions of a player for `rows` rows, one recurrent state each.

    inputs: the Inputs it takes. Subclasses have a `name`, as the parameter `policy.backend` says it.
    """

    name = ''

    def __init__(self, inputs):
        self.inputs, self.rows = inputs, inputs.rows
        self._actions_shape = (inputs.rows, inputs.spaces.num_actions)
        self._discrete = inputs.spaces.discrete

    @property
    @abstractmethod
    def recurrent(self) -> bool:
        """Whether rows carry a state from step to step."""

    @abstractmethod
    def act(self, observations, hold=None) -> np.ndarray:
        """Return the actions (rows, actions), float32, or int64 for discrete policies; the caller's to keep.

        observations: an array (rows, *shape), or key → such arrays. hold: mask (rows,) of rows whose recurrent
        state stays as it is. Raises ValueError for observations that do not fit.
        """

    @abstractmethod
    def reset(self, rows=slice(None)) -> None:
        """Clear the recurrent state of rows: a slice, a mask (rows,) or a list of indices."""

    @abstractmethod
    def restart(self) -> None:
        """Be as new: states cleared, the random stream at its beginning."""

    @abstractmethod
    def state(self) -> dict:
        """Return a copy of what the next action depends on, beside the observations.

        recurrent: index → array (layers, rows, units), random: the state of the random stream, bytes.
        """

    @abstractmethod
    def restore(self, state: dict) -> None:
        """Go on from a state that was taken of the same backend."""

    def indices(self, rows):
        """Return rows, a slice, a mask (rows,) or indices, as indices; raises ValueError for another mask."""
        if isinstance(rows, slice):
            return np.arange(self.rows)[rows]
        rows = np.asarray(rows)
        if rows.dtype == bool and rows.shape != (self.rows,):
            raise ValueError(f'rows: a mask of shape {rows.shape}; expected ({self.rows},)')
        return np.nonzero(rows)[0] if rows.dtype == bool else rows.astype(np.int64)

    def actions(self, array):
        """Return what a player gave as (rows, actions)."""
        array = array.reshape(self._actions_shape)
        return array.astype(np.int64) if self._discrete else array
