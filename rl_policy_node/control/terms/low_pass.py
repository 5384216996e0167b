# SPDX-License-Identifier: Apache-2.0
"""A filter of first order over the steps of a term."""

from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Mask, Rows, Shape
from rl_policy_node.control.state import State


class LowPass:
    """share · sample + (1 − share) · result of the step before, of every row; it begins at zero after a reset.

    Rows are independent: a row that does not act in a step keeps its result.
    """

    def __init__(self, rows: int, shape: Shape, share: float) -> None:
        # each rounded once, as torch rounds the factors of a tensor of floats
        self._share, self._rest = np.float32(share), np.float32(1.0 - share)
        self._result: Floats = np.zeros((rows, *shape), dtype=np.float32)

    def add(self, sample: Array, rows: Mask) -> Floats:
        """Add a sample (rows, *shape) for rows (mask); return the results of all rows, valid until the next call."""
        self._result[rows] = self._share * sample[rows] + self._rest * self._result[rows]
        return self._result

    def reset(self, rows: Rows) -> None:
        """Let rows (mask) begin anew."""
        self._result[rows] = 0.0

    def state(self) -> State:
        """Return a copy of the results."""
        return {'result': self._result.copy()}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self._result[:] = cast(Floats, state['result'])
