# SPDX-License-Identifier: Apache-2.0
"""The last samples of a term, oldest first."""

from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Floats, Mask, Rows, Shape
from rl_policy_node.control.state import State


class History:
    """Samples t − (N−1)·stride, …, t − stride, t of every row, as Isaac Lab's CircularBuffer keeps them.

    The first sample after a reset fills all slots. Rows are independent: a row that does not act in a step keeps
    its samples, and a reset clears only its own row.
    """

    def __init__(self, rows: int, length: int, stride: int, shape: Shape) -> None:
        self._kept = np.zeros((rows, (length - 1) * stride + 1, *shape), dtype=np.float32)
        self._empty = np.ones(rows, dtype=bool)
        # a view of the kept samples
        self.samples = self._kept[:, ::stride]

    def reset(self, rows: Rows) -> None:
        """Clear rows (mask): their next sample fills all slots."""
        self._empty[rows] = True

    def push(self, sample: Floats, rows: Mask) -> None:
        """Add the sample (rows, *shape) for rows (mask); `samples` (rows, N, *shape) then shows it."""
        if rows.all():
            self._kept[:, :-1] = self._kept[:, 1:]
            self._kept[:, -1] = sample
        else:
            self._kept[rows, :-1] = self._kept[rows, 1:]
            self._kept[rows, -1] = sample[rows]
        first = self._empty & rows
        if first.any():
            self._kept[first] = sample[first][:, np.newaxis]
            self._empty[first] = False

    def state(self) -> State:
        """Return a copy of the kept samples, and which rows have none."""
        return {'kept': self._kept.copy(), 'empty': self._empty.copy()}

    def restore(self, state: State) -> None:
        """Continue from the samples of a state."""
        self._kept[:] = cast(Floats, state['kept'])
        self._empty[:] = cast(Mask, state['empty'])
