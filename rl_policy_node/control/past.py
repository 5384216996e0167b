# SPDX-License-Identifier: Apache-2.0
"""The last messages of a source that is aligned to another one."""

from __future__ import annotations

from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Indices, Mask, Stamps, Values
from rl_policy_node.control.state import copies, refill, State


class Past:
    """The last `depth` messages of every row of a SourceBuffer."""

    def __init__(self, values: Values, rows: int, depth: int) -> None:
        self._values = {field: np.zeros((depth, *value.shape), value.dtype) for field, value in values.items()}
        self._stamps: Stamps = np.zeros((depth, rows), dtype=np.int64)
        self._received: Floats = np.full((depth, rows), -np.inf)
        self._next: Indices = np.zeros(rows, dtype=np.intp)
        self._depth = depth

    def add(self, rows: Indices, values: Values, stamps: Stamps, received: Floats) -> None:
        """Keep the present values of rows of a buffer."""
        slots = self._next[rows]
        for field, value in values.items():
            self._values[field][slots, rows] = value[rows]
        self._stamps[slots, rows], self._received[slots, rows] = stamps[rows], received[rows]
        self._next[rows] = (slots + 1) % self._depth

    def copy_to(self, rows: Indices, references: Stamps, values: Values, stamps: Stamps, received: Floats) -> None:
        """Give rows of a buffer the latest kept message that is not newer than `references` (ns)."""
        slots = self._slots(rows, references)
        for field, value in values.items():
            value[rows] = self._values[field][slots, rows]
        stamps[rows], received[rows] = self._stamps[slots, rows], self._received[slots, rows]

    def _slots(self, rows: Indices, references: Stamps) -> Indices:
        """Return the slots of each row's newest message not after its reference, or of its oldest if there is none."""
        stamps, kept = self._stamps[:, rows], self._received[:, rows] > -np.inf
        old: Mask = kept & (stamps <= references)
        newest = np.where(old, stamps, np.iinfo(np.int64).min).argmax(axis=0)
        oldest = np.where(kept, stamps, np.iinfo(np.int64).max).argmin(axis=0)
        slots: Indices = np.where(old.any(axis=0), newest, oldest)
        return slots

    def state(self) -> State:
        """Return a copy of the kept messages."""
        return {'values': copies(self._values), **copies(self._ages())}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        refill(self._values, cast(State, state['values']))
        refill(self._ages(), state)

    def _ages(self) -> dict[str, Array]:
        return {'stamps': self._stamps, 'received': self._received, 'next': self._next}
