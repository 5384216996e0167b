# SPDX-License-Identifier: Apache-2.0
"""Measures how far observations lie from those of training, by the running mean and variance of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, NamedTuple

import numpy as np

from rl_policy_node.control.arrays import Array, Floats, Mask, Shape, Values
from rl_policy_node.control.reductions import all_true, any_true
from rl_policy_node.control.specs import OodSpec
from rl_policy_node.control.state import State
from rl_policy_node.control.still import Still

CLAMP = 5.0  # rl_games' normaliser clamps |z| here: beyond it the policy sees no difference
# rl_games' normaliser adds this to a variance
EPSILON = 1e-5
MOST = 2048  # most numbers of a term that are checked; of larger terms, such as images, every n-th is
_CAP = 10.0  # times the limit: the most that one step counts, so that a single outlier raises no alarm
_WORN = 2.0  # standard deviations within which training itself came to the clip


class Moments(NamedTuple):
    """Mean and standard deviation (n,) of the numbers of an input, in its own units, as training saw them."""

    mean: Floats
    std: Floats


@dataclass(frozen=True)
class Piece:
    """A term within an input. columns: of the flat input; shape: of one sample, () where it has a history."""

    term: str
    input: str
    columns: slice
    shape: Shape
    clip: float


class Distribution:
    """Largest |z| of each term, now and smoothed, and which rows lie outside: row → reason in `reasons`.

    z = (value − mean) / √(variance + 1e-5), as in rl_games' normaliser before its clamp. A row lies outside in three
    cases: the smoothed |z| of a term is beyond `limit`; a term stays at its clip (the normaliser's ±5 or
    clip_observations) without a break for `clip_time`; or a number of a grid (taxels, pixels) stays the same while its
    neighbours move, see Still. pieces: of all terms; terms: names of those that have statistics. `report` returns the
    findings since its last call.
    """

    def __init__(
        self, spec: OodSpec, pieces: Sequence[Piece], moments: Mapping[str, Moments], rows: int, period: float
    ) -> None:
        known = [piece for piece in pieces if piece.input in moments]
        self.spec, self.pieces, self.terms = spec, tuple(pieces), tuple(piece.term for piece in known)
        self.reasons: dict[int, str] = {}
        self._found: dict[int, str] = {}
        self._columns = [
            np.arange(piece.columns.start, piece.columns.stop)[:: -(-_size(piece) // MOST)] for piece in known
        ]
        self._parts = _parts(known, self._columns)
        self._starts = np.cumsum([0, *(len(columns) for columns in self._columns)])[:-1]
        total = sum(map(len, self._columns))
        # (numbers, rows): reductions over a term then run along contiguous rows
        self._flat: Floats = np.zeros((total, rows), dtype=np.float32)
        self._z: Floats = np.zeros((total, rows), dtype=np.float32)
        whole = [
            (np.zeros(0), np.zeros(0)),
            *(
                (moments[piece.input].mean[columns], moments[piece.input].std[columns])
                for piece, columns in zip(known, self._columns)
            ),
        ]
        mean, std = (np.concatenate(parts).astype(np.float32) for parts in zip(*whole))
        self._mean: Floats = mean[:, None]
        self._inverse: Floats = (1.0 / np.sqrt(std.astype(np.float64) ** 2 + EPSILON)).astype(np.float32)[:, None]
        self._bound = _bounds(known, self._columns, mean, std)
        self._still = Still(known, self._starts, std, period, spec.time)
        shape = (rows, len(known))
        self.peak: Floats = np.zeros(shape, dtype=np.float32)  # largest |z| since `report`
        self.smoothed: Floats = np.zeros(shape, dtype=np.float32)
        self._clipped: Floats = np.zeros(shape, dtype=np.float32)  # steps at the clip
        self._share, self._gap = min(1.0, period / spec.time), max(spec.time, 2 * period)
        self._most = round(spec.clip_time / period)
        self._last: Floats = np.full(rows, -np.inf)  # s, when each row was looked at

    def update(self, inputs: Values, rows: Mask, now: float) -> None:
        """Compare the inputs of rows (mask) with training. inputs: input → (rows, ...); now: s."""
        if not self.terms:
            return
        for name, target, columns in self._parts:
            value = inputs[name]
            self._flat[target] = value.reshape(len(value), -1)[:, columns].T
        z = np.abs(
            np.multiply(np.subtract(self._flat, self._mean, out=self._z), self._inverse, out=self._z), out=self._z
        )
        top: Floats = np.maximum.reduceat(z, self._starts, axis=0).T
        at_clip = top >= CLAMP
        if self._bound is not None:
            at_clip |= np.logical_or.reduceat(np.abs(self._flat) >= self._bound, self._starts, axis=0).T
        # fmin: NaN counts as far outside
        np.fmin(top, np.float32(_CAP * self.spec.limit), out=top)
        whole = all_true(rows)
        if whole:
            np.maximum(self.peak, top, out=self.peak)
        else:
            np.maximum(self.peak, top, out=self.peak, where=rows[:, None])
        new = np.abs(now - self._last) > self._gap
        if any_true(new):
            self._begin(new & rows, top)
        self._last[rows] = now
        step = self._share * (top - self.smoothed)
        if whole:
            self.smoothed += step
            self._clipped += 1.0
        else:
            np.add(self.smoothed, step, out=self.smoothed, where=rows[:, None])
            np.add(self._clipped, 1.0, out=self._clipped, where=rows[:, None])
        self._clipped *= at_clip
        still = self._still.update(self._flat, rows, whole)
        outside = (self.smoothed > self.spec.limit) | (self._clipped > self._most)
        if still is not None or any_true(outside) or self.reasons:
            self.reasons = self._explained(outside, still, rows)
            for row, reason in self.reasons.items():
                self._found.setdefault(row, reason)

    def report(self) -> tuple[dict[int, str], Floats, Floats]:
        """Return row → the first reason and the largest |z| (terms,) since the last call, and the smoothed |z| now.

        Any thread may call it; findings during the call belong to the next report.
        """
        found, self._found = self._found, {}
        peak = self.peak.max(axis=0)
        self.peak[:] = 0.0
        return found, peak, self.smoothed.max(axis=0)

    def state(self) -> State:
        """Return the smoothed |z|, the counts and the reasons; not the findings, which wait for `report`."""
        return {
            'smoothed': self.smoothed.copy(),
            'clipped': self._clipped.copy(),
            'last': self._last.copy(),
            'still': self._still.state(),
            'reasons': {str(row): reason for row, reason in self.reasons.items()},
        }

    def restore(self, state: State) -> None:
        """Continue from a state of the same terms."""
        self.smoothed, self._clipped, self._last = (
            cast(Floats, state[name]).copy() for name in ('smoothed', 'clipped', 'last')
        )
        self._still.restore(cast(State, state['still']))
        self.reasons = {int(row): reason for row, reason in cast(Mapping[str, str], state['reasons']).items()}

    def _begin(self, rows: Mask, top: Floats) -> None:
        """Restart the smoothing of rows (mask) from their present values, after a gap."""
        self.smoothed[rows] = top[rows]
        self._clipped[rows] = 0.0
        self._still.forget(rows)

    def _explained(self, outside: Mask, still: Mask | None, rows: Mask) -> dict[int, str]:
        """Return row → reason; a row keeps its known reason, so that thousands of rows cost little."""
        found: dict[int, str] = {}
        for row in np.nonzero(outside.any(axis=1) & rows)[0].tolist():
            if row in self.reasons:
                found[row] = self.reasons[row]
                continue
            term = int(np.argmax(np.where(outside[row], self.smoothed[row], -1.0)))
            if self.smoothed[row, term] > self.spec.limit:
                columns = slice(self._starts[term], self._starts[term] + len(self._columns[term]))
                most = int(np.argmax(self._z[columns, row]))
                found[row] = (
                    f"term '{self.terms[term]}' lies {self.smoothed[row, term]:.1f} standard deviations from "
                    f'the mean of training (ood.limit {self.spec.limit:g}), most of all its number '
                    f'{most * _stride(self._columns[term])}'
                )
            else:
                found[row] = f"term '{self.terms[term]}' has been at its clip for {self.spec.clip_time:g} s"
        if still is not None:
            for row in np.nonzero(still.any(axis=1) & rows)[0].tolist():
                term, number = self._still.place(int(np.argmax(still[row])))
                found.setdefault(
                    row,
                    f"term '{self.terms[term]}': its number "
                    f'{number * _stride(self._columns[term])} stays the same while the others move',
                )
        return found


def _size(piece: Piece) -> int:
    return int(piece.columns.stop) - int(piece.columns.start)


def _stride(columns: Array) -> int:
    return int(columns[1] - columns[0]) if len(columns) > 1 else 1


def _parts(pieces: Sequence[Piece], columns: Sequence[Array]) -> list[tuple[str, slice, slice]]:
    """Return (input, columns of the whole, columns of the input); neighbours are joined into one copy."""
    parts: list[tuple[str, slice, slice]] = []
    start = 0
    for piece, places in zip(pieces, columns):
        target, stride = slice(start, start + len(places)), _stride(places)
        start = target.stop
        source = slice(int(places[0]), int(places[-1]) + 1, stride)
        if (
            parts
            and parts[-1][0] == piece.input
            and stride == 1
            and parts[-1][2] == slice(parts[-1][2].start, source.start, 1)
        ):
            name, before, begun = parts.pop()
            target, source = slice(before.start, target.stop), slice(begun.start, source.stop, 1)
        parts.append((piece.input, target, source))
    return parts


def _bounds(pieces: Sequence[Piece], columns: Sequence[Array], mean: Floats, std: Floats) -> Floats | None:
    """Return the clip of each number, infinite where training reached it; None where no number has one."""
    clips = [np.full(len(places), piece.clip) for piece, places in zip(pieces, columns)]
    bound: Floats = np.concatenate([np.zeros(0), *clips]).astype(np.float32)
    bound[np.abs(mean) + _WORN * std >= bound] = np.inf
    return bound[:, None] if np.isfinite(bound).any() else None
