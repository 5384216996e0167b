# SPDX-License-Identifier: Apache-2.0
"""Tare: the zero of a sensor, measured while nothing touches it."""

from dataclasses import dataclass
import math

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Mask, Rows, Shape
from rl_policy_node.control.state import copies, refill, State
from rl_policy_node.errors import unfit
from rl_policy_node.options import option


@dataclass(frozen=True, kw_only=True)
class TareOptions:
    """Whether there is a tare, and how it is taken."""

    difference_to_tare: bool = option(
        False, 'minus the mean of tare_frames messages at rest; without that tare the robot does not act'
    )
    tare_frames: int = option(10, 'messages that a tare averages', low=1, high=10000)
    tare_limit: float = option(
        math.inf,
        'greatest spread of a number over these messages, its largest minus its '
        "smallest, in the field's unit before offset and scale; beyond it the robot moves or "
        'touches something, and the tare begins anew, with the fallback meanwhile. It does not '
        'detect a steady touch. .inf: not checked',
        low=0.0,
    )
    tare_on_activate: bool = option(True, 'take the tare at activation; else only by ~/tare')

    def check(self, where: str) -> None:
        """Raise ConfigurationError for numbers that no tare can have."""
        if self.tare_frames < 1:
            raise unfit(f'{where}.tare_frames', self.tare_frames, '1 or more')
        if not self.tare_limit > 0:
            raise unfit(f'{where}.tare_limit', self.tare_limit, 'a number above 0')


class Tare:
    """Mean of tare_frames messages of every row, each message counted once; NaN until it is complete.

    If a number spreads by more than tare_limit over these messages, the row begins anew with its next message. A row
    without a zero must not act; if it did, its input and action would be NaN, and NaN is never sent.
    """

    def __init__(self, rows: int, shape: Shape, options: TareOptions) -> None:
        self.frames, self._limit, self.on_activate = options.tare_frames, options.tare_limit, options.tare_on_activate
        self.zero = np.full((rows, *shape), np.nan, dtype=np.float32)
        self._sum = np.zeros((rows, *shape))
        self.counted = np.zeros(rows, dtype=np.intp)
        self.wanted = np.zeros(rows, dtype=bool)
        self._last = np.full(rows, -np.inf)
        seen = (rows, *shape) if np.isfinite(self._limit) else (rows, 0)
        self._least, self._most = np.full(seen, np.inf), np.full(seen, -np.inf)
        self._spread: Floats = np.zeros(rows)  # spread of the last refused tare, 0: none was refused

    def start(self, rows: Rows) -> None:
        """Forget the zero of rows (mask) and count their next messages."""
        self.zero[rows], self._sum[rows], self.counted[rows], self.wanted[rows] = np.nan, 0.0, 0, True
        self._last[rows] = -np.inf
        self._least[rows], self._most[rows], self._spread[rows] = np.inf, -np.inf, 0.0

    def feed(self, value: Array, received: Floats, rows: Mask) -> None:
        """Count `value` (rows, *shape) for rows (mask) without a zero. received (rows,): s, arrival times."""
        new = rows & self.wanted & (received > self._last)
        self._sum[new] += value[new]
        self.counted[new] += 1
        self._last[new] = received[new]
        if np.isfinite(self._limit):
            self._least[new] = np.minimum(self._least[new], value[new])
            self._most[new] = np.maximum(self._most[new], value[new])
            spread = np.where(new, (self._most - self._least).reshape(len(new), -1).max(axis=1), 0.0)
            moved = spread > self._limit
            if moved.any():
                self._spread[moved] = spread[moved]
                self._sum[moved], self.counted[moved] = 0.0, 0
                self._least[moved], self._most[moved] = np.inf, -np.inf
        done = self.wanted & (self.counted >= self.frames)
        self.zero[done] = self._sum[done] / self.frames
        self.wanted &= ~done

    def unknown(self) -> Mask:
        """Return the rows (mask) that have no zero."""
        return self.wanted | (self.counted < self.frames)

    def missing(self, row: int) -> str:
        """Return why a row has no zero yet."""
        if self.wanted[row]:
            frames = f'its tare has {self.counted[row]} of {self.frames} frames'
            return (
                frames
                if not self._spread[row]
                else (
                    f'{frames}: begun anew, since a number of it spread by {self._spread[row]:.3g}, tare_limit is '
                    f'{self._limit:g}; does the robot move, or touch something?'
                )
            )
        return 'it has no tare: take one while nothing touches the sensor'

    def state(self) -> State:
        """Return the zero and its counts."""
        return copies(self._memory())

    def restore(self, state: State) -> None:
        """Continue from a state."""
        refill(self._memory(), state)

    def _memory(self) -> dict[str, Array]:
        return {
            'zero': self.zero,
            'sum': self._sum,
            'counted': self.counted,
            'wanted': self.wanted,
            'last': self._last,
            'least': self._least,
            'most': self._most,
            'spread': self._spread,
        }
