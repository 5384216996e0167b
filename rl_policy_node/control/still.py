# SPDX-License-Identifier: Apache-2.0
"""Finds frozen taxels and pixels: numbers of a grid that stay the same while their neighbours move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, Protocol

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Indices, Mask, Shape
from rl_policy_node.control.state import State

_LEAST = 8  # least numbers of a grid, so that each has neighbours to compare with
_TRAVEL = 0.25  # standard deviations of training by which the neighbours must move meanwhile, on average
_MOVED = 0.25  # share of its grid's median deviation; a number that moved less may have been dead in training


class _Grid(Protocol):
    """A term. shape: of one sample."""

    @property
    def shape(self) -> Shape: ...


class Still:
    """Counts for how long each number of each grid has stayed the same to the bit, and how far its neighbours moved.

    A number is frozen if it did not change for `time` s while its grid moved, on average, by a quarter of a standard
    deviation of training. A grid is a term whose samples have more than one axis and at least eight numbers. Exact
    zeros do not count, since a taxel without contact is 0; numbers that hardly moved in training do not count either.
    While nothing moves, a frozen number cannot be found.
    """

    def __init__(self, pieces: Sequence[_Grid], starts: Indices, std: Floats, period: float, time: float) -> None:
        ends = [*starts[1:].tolist(), len(std)]
        self._terms = [
            index
            for index, piece in enumerate(pieces)
            if len(_axes(piece.shape)) > 1 and ends[index] - starts[index] >= _LEAST
        ]
        spans = [np.arange(starts[index], ends[index]) for index in self._terms]
        self._columns: Indices = np.concatenate([np.zeros(0, dtype=np.intp), *spans]).astype(np.intp)
        sizes = [len(span) for span in spans]
        self._sizes, self._starts = np.array(sizes, dtype=np.intp)[:, None], np.cumsum([0, *sizes])[:-1]
        self._inverse: Floats = (1.0 / np.sqrt(std[self._columns] ** 2 + 1e-5)).astype(np.float32)[:, None]
        self._counts: Mask = np.concatenate(
            [np.zeros(0, dtype=bool), *(std[span] >= _MOVED * np.median(std[span]) for span in spans)]
        )[:, None]
        # a few looks suffice: a change between two looks shows in the next one
        self._every = max(1, round(time / period / 4))
        self._least, self._step = max(1, round(time / period / self._every)), 0
        self._before: Floats | None = None
        self._frozen: Mask | None = None
        self._travel = self._looks = np.zeros((0, 0), dtype=np.float32)

    def update(self, flat: Floats, rows: Mask, whole: bool) -> Mask | None:
        """Return the mask (rows, numbers of all grids) of frozen numbers, None if none is. flat (numbers, rows)."""
        if not self._terms:
            return None
        self._step += 1
        if self._step % self._every:
            return self._frozen
        now = flat[self._columns]
        if self._before is None:
            self._before, self._travel, self._looks = now, np.zeros_like(now), np.zeros_like(now)
            return None
        moved = np.abs(now - self._before)
        same = (moved == 0.0) & (now != 0.0) & self._counts
        mean = np.add.reduceat(moved * self._inverse, self._starts, axis=0) / self._sizes
        if not whole:
            same &= rows
        self._travel = (self._travel + np.repeat(mean, self._sizes[:, 0], axis=0)) * same
        self._looks = (self._looks + 1.0) * same
        self._before = now
        frozen = (self._looks >= self._least) & (self._travel >= _TRAVEL)
        self._frozen = frozen.T if frozen.any() else None
        return self._frozen

    def forget(self, rows: Mask) -> None:
        """Restart the counts of rows (mask)."""
        if self._before is not None:
            self._travel[:, rows] = self._looks[:, rows] = 0.0
        if self._frozen is not None:
            frozen = self._frozen & ~rows[:, None]
            self._frozen = frozen if frozen.any() else None

    def state(self) -> State:
        """Return the counts; `before` is missing until the first look."""
        counts: dict[str, Array | float] = {
            'step': float(self._step),
            'travel': self._travel.copy(),
            'looks': self._looks.copy(),
        }
        for name, value in (('before', self._before), ('frozen', self._frozen)):
            if value is not None:
                counts[name] = value.copy()
        return counts

    def restore(self, state: State) -> None:
        """Continue from a state."""
        self._step = int(cast(float, state['step']))
        self._travel, self._looks = (cast(Floats, state[name]).copy() for name in ('travel', 'looks'))
        before, frozen = (cast('Array | None', state.get(name)) for name in ('before', 'frozen'))
        self._before, self._frozen = (None if each is None else each.copy() for each in (before, frozen))

    def place(self, index: int) -> tuple[int, int]:
        """Return (term, index within it) of a number of the grids."""
        grid = int(np.searchsorted(self._starts, index, side='right')) - 1
        return self._terms[grid], index - int(self._starts[grid])


def _axes(shape: Shape) -> list[int]:
    return [size for size in shape if size > 1]
