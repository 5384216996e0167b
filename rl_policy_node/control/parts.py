# SPDX-License-Identifier: Apache-2.0
"""The ages of joints whose source sends them in several messages."""

from __future__ import annotations

from collections.abc import Mapping
import copy
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Indices, Mask, Rows, Stamps
from rl_policy_node.control.stamp_order import StampOrder
from rl_policy_node.control.state import copies, refill, State


class Part(dict[str, Array]):
    """field → (1, n), of a message with some of a robot's joints: those at `joints` (n,)."""

    def __init__(self, arrays: Mapping[str, Array], joints: Indices) -> None:
        super().__init__(arrays)
        self.joints = joints


class Parts:
    """Times at which each joint was last measured; needed once a message names only some of the joints.

    stamps (rows, joints), ns; received (rows, joints), s, steady, −inf: never. A row is as old as its oldest joint, and
    new once each of its joints is.
    """

    def __init__(self, stamps: Stamps, received: Floats, joints: int) -> None:
        """Begin with the age of each row, stamps (rows,) and received (rows,), for all of its joints."""
        self.stamps: Stamps = np.repeat(stamps[:, np.newaxis], joints, axis=1)
        self.received: Floats = np.repeat(received[:, np.newaxis], joints, axis=1)
        self._new: Mask = np.zeros(self.stamps.shape, dtype=bool)
        self._order = StampOrder(self.stamps.size)

    def late(self, row: int, joints: Indices, stamp: int) -> Mask:
        """Return the joints (mask (n,)) of a row for which a message with this stamp, ns, is late; see StampOrder."""
        late: Mask = stamp < self.stamps[row, joints]
        if late.any():
            flat = row * self.stamps.shape[1] + joints[late]
            late[late] = ~self._order.agreed(flat, stamp, self.received.reshape(-1), self.stamps.reshape(-1))
        return late

    def take(self, row: int, joints: Indices, stamp: int, now: float) -> bool:
        """Note a message of a row's joints; return whether each joint now has a new message."""
        self.stamps[row, joints], self.received[row, joints], self._new[row, joints] = stamp, now, True
        complete = bool(self._new[row].all())
        if complete:
            self._new[row] = False
        return complete

    def begin(self, rows: Rows) -> None:
        """Wait for a message of each joint of rows anew."""
        self._new[rows] = False

    def forget(self, rows: Rows) -> None:
        """Accept the next message of each joint of rows even if it is late."""
        wanted: Mask = np.zeros(self.stamps.shape, dtype=bool)
        wanted[rows] = True
        self._order.forget(self.received.reshape(-1), self.stamps.reshape(-1), wanted.reshape(-1))

    def copy(self) -> Parts:
        """Return a copy whose `received` later messages do not change."""
        made = copy.copy(self)
        made.received = self.received.copy()
        return made

    def state(self) -> State:
        """Return a copy of the times, and of which joints are new."""
        return {'order': self._order.state(), **copies(self._memory())}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self._order.restore(cast(State, state['order']))
        refill(self._memory(), state)

    def _memory(self) -> dict[str, Array]:
        return {'stamps': self.stamps, 'received': self.received, 'new': self._new}
