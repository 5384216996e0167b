# SPDX-License-Identifier: Apache-2.0
"""Refuses stamps far ahead of the clock, and stamps older than the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Indices, Mask, Rows, Stamps
from rl_policy_node.control.state import copies, refill, State

# this many late messages in a row, each newer than the one before, mean that the clock was set back
AGREEING = 5
_ANY = int(np.iinfo(np.int64).max)


class OutOfOrder(ValueError):
    """A message older than the one before it, or stamped ahead of the clock; the sensor itself may work."""


class StampOrder:
    """Judges the stamps of a source's rows; needed only for messages that are late or may be ahead of the clock.

    latest: ns; stamps up to it need no look at the clock. Time only advances, so this holds until `forget_clock`, and
    a source stamped by that clock costs one look per tolerance.
    """

    def __init__(self, rows: int) -> None:
        self.latest = _ANY
        self._ros: Callable[[], int] | None = None
        self._tolerance = 0
        self._count: Indices = np.zeros(rows, dtype=np.intp)  # late messages in a row that agree
        self._stamps: Stamps = np.zeros(rows, dtype=np.int64)  # of the last of them
        # of the last good message: a newer good message ends the series
        self._received: Floats = np.full(rows, -np.inf)
        self._newest: Stamps = np.zeros(rows, dtype=np.int64)

    def follow(self, ros: Callable[[], int], tolerance: float) -> None:
        """Refuse stamps more than `tolerance` s ahead of the clock ros(), ns; 0: it does not run yet."""
        self._ros, self._tolerance = ros, round(tolerance * 1e9)
        self.latest = 0

    def ahead(self, stamp: int) -> ValueError | None:
        """Return why a stamp (ns) too far ahead of the clock is refused, None if it is acceptable."""
        if self._ros is None or stamp <= self.latest:
            return None
        now = self._ros()
        if not now:
            return None  # the clock does not run yet; the check of ages reports that
        self.latest = now + self._tolerance
        if stamp <= self.latest:
            return None
        return OutOfOrder(
            f'stamped {(stamp - now) * 1e-9:.3f} s ahead of the clock; future_tolerance is {self._tolerance * 1e-9:g} s'
        )

    def agreed(self, rows: Indices, stamp: int, received: Floats, newest: Stamps) -> Mask:
        """Count a late message of rows; return the mask (of `rows`) of those whose clock was set back.

        received, newest (rows of the buffer,): s and ns, arrival and stamp of each row's last good message. A good
        message since the last late one ends a series.
        """
        goes_on = (
            (self._received[rows] == received[rows])
            & (self._newest[rows] == newest[rows])
            & (stamp > self._stamps[rows])
        )
        self._count[rows] = np.where(goes_on, self._count[rows] + 1, 1)
        self._stamps[rows], self._received[rows], self._newest[rows] = stamp, received[rows], newest[rows]
        enough: Mask = self._count[rows] >= AGREEING
        if enough.any():
            self.forget_clock()  # ours may have gone back, too
        return enough

    def forget(self, received: Floats, newest: Stamps, rows: Rows = slice(None)) -> None:
        """Accept the next message of rows even if it is late.

        received, newest: as for `agreed`.
        """
        self._count[rows], self._stamps[rows] = AGREEING, np.iinfo(np.int64).min
        self._received[rows], self._newest[rows] = received[rows], newest[rows]

    def forget_clock(self) -> None:
        """Look at the clock for the next message: it may have gone back."""
        if self._ros is not None:
            self.latest = 0

    def state(self) -> State:
        """Return a copy of the series of late messages, and the stamps that need no look at the clock."""
        return {'latest': np.array([self.latest]), **copies(self._memory())}

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self.latest = int(cast(Stamps, state['latest'])[0])
        refill(self._memory(), state)

    def _memory(self) -> dict[str, Array]:
        return {'count': self._count, 'stamps': self._stamps, 'received': self._received, 'newest': self._newest}


def too_late(nanoseconds: int) -> str:
    """Return why a message is refused that is stamped so long before the last one."""
    return f'out of order: stamped {nanoseconds * 1e-9:.3f} s before the last'
