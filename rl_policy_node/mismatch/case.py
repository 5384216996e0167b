# SPDX-License-Identifier: Apache-2.0
"""A series as hypotheses see it: one line per sample, half of the lines to fit and half to judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from rl_policy_node.mismatch.series import Floats, Mask, Scene, Series
from rl_policy_node.mismatch.term_draft import Draft

_BLOCKS = 8  # of time: neighbouring samples are alike, and one half is to tell something new about the other
_MOST_NUMBERS = 8_000_000  # of a series that hypotheses look at; images have more, and some rows do for them

Indices = NDArray[np.intp]


def differs(left: Floats, right: Floats, tolerance: float) -> Mask:
    """Return where two arrays differ by more than the tolerance, relative beyond 1; NaN equals NaN."""
    with np.errstate(invalid='ignore'):
        apart = np.abs(left - right)
        size = np.maximum(np.maximum(np.abs(left), np.abs(right)), 1.0)
        near: Mask = apart <= tolerance * size
    if not np.isfinite(apart).all():
        near = np.where(np.isfinite(size), near, (left == right) | (np.isnan(left) & np.isnan(right)))
    return ~near


@dataclass(frozen=True, eq=False)
class Case:
    """Samples of one term: lines (steps · rows · history) of n numbers, float64.

    times: step at which the sample of a line was taken; −1 before the recording. fresh: whether it was taken then, or
    only fills a history after a reset. counts: lines that can be judged. fits: lines that hypotheses may fit to; the
    others judge. blocks: shape (steps, rows, history) of the lines. draft: the term as the file has it, with what
    earlier corrections changed.
    """

    scene: Scene
    tolerance: float
    expected: Floats
    got: Floats
    times: Indices
    episodes: Indices
    fresh: Mask
    counts: Mask
    fits: Mask
    blocks: tuple[int, int, int]
    draft: Draft

    @classmethod
    def of(cls, series: Series, scene: Scene, tolerance: float) -> Case:
        """Return the lines of a series; of a very large one those of its first rows."""
        steps, rows, total = series.expected.shape
        kept = max(1, min(rows, _MOST_NUMBERS // max(1, steps * total)))
        history = series.written.history
        blocks = (steps, kept, history)
        layout = by_term(series)
        expected, got = (
            side[:, :kept].astype(np.float64)[:, :, layout].reshape(-1, series.size)
            for side in (series.expected, series.got)
        )
        block = np.arange(steps) * min(steps, _BLOCKS) // max(1, steps)
        fits = (block[:, np.newaxis] + np.arange(kept)) % 2 == 0
        counts = np.asarray(np.isfinite(expected).all(axis=1) & np.isfinite(got).all(axis=1))
        if series.left_out is not None:
            counts &= np.repeat(~series.left_out[:, :kept].reshape(-1), history)
        times, episodes, fresh = _times(series, blocks)
        lines = np.repeat(fits.reshape(-1), history)
        return cls(scene, tolerance, expected, got, times, episodes, fresh, counts, lines, blocks, Draft.of(series))

    @property
    def series(self) -> Series:
        """The series that the lines are from."""
        return self.draft.series

    @property
    def observed(self) -> bool:
        """Whether the series is an observation; else a command."""
        return self.series.side == 'observation'

    @property
    def size(self) -> int:
        """How many numbers a line has."""
        return int(self.expected.shape[1])

    @cached_property
    def wrong(self) -> Mask:
        """Where what came is not what was expected, (lines, n)."""
        return differs(self.expected, self.got, self.tolerance)

    def label(self, element: SupportsIndex) -> str:
        """Return what a number of a line is called; an observation's bears the name of what comes there."""
        return self.series.label(self.draft.order[element] if self.observed else element)

    def fitting(self) -> tuple[Floats, Floats]:
        """Return expected and got of the lines to fit to."""
        lines = self.fits & self.counts
        return self.expected[lines], self.got[lines]

    def at(self, array: Floats) -> Floats:
        """Return a thing of the scene, (steps, rows, k), at the time of each line; at step 0 where that is unknown."""
        rows = np.broadcast_to(np.arange(self.blocks[1])[:, np.newaxis], self.blocks).reshape(-1)
        return array[np.maximum(self.times, 0), rows].astype(np.float64)

    @property
    def known(self) -> Mask:
        """Lines whose time lies within the recording."""
        return np.asarray(self.times >= 0)


def by_term(series: Series) -> Indices:
    """Return where sample h and number e of an input lie that has each term's history, oldest first: (history, n)."""
    history = series.written.history
    before, parts = 0, []
    for size in series.written.sizes or (series.size,):
        parts.append(before + np.arange(history * size).reshape(history, size))
        before += history * size
    return np.concatenate(parts, axis=1)


def _times(series: Series, blocks: tuple[int, int, int]) -> tuple[Indices, Indices, Mask]:
    """Return the step of each line's sample, the number of its episode, and whether it is no filler."""
    steps, rows, history = blocks
    begins = series.begins[:, :rows]
    now = np.arange(steps)[:, np.newaxis]
    start = np.maximum.accumulate(np.where(begins, now, -1), axis=0)[:, :, np.newaxis]
    age = np.arange(history)[::-1] * series.written.history_stride
    taken = now[:, :, np.newaxis] - age
    # the first sample after a reset fills the history; before the first reset of the recording the past is unknown
    times = np.where(start >= 0, np.maximum(taken, start), np.maximum(taken, -1))
    episodes = np.broadcast_to(np.cumsum(begins, axis=0, dtype=np.intp)[:, :, np.newaxis], blocks)
    fresh = np.asarray((start < 0) | (taken >= start))
    return np.asarray(times.reshape(-1), dtype=np.intp), episodes.reshape(-1), fresh.reshape(-1)


@dataclass(frozen=True, eq=False)
class Correction:
    """What a hypothesis makes of a case.

    got: (lines, n), corrected. sentence: what it says. draft: the term as the file should have it. counts: lines that
    it speaks about; all by default. expected: rearranged to the order of the file, where that is the correction. each:
    whether every number is a claim of its own, and must move enough to prove it; else they prove the fault together.
    doubt: why the data do not single it out.
    """

    got: Floats
    sentence: str
    draft: Draft
    counts: Mask | None = None
    expected: Floats | None = None
    each: bool = False
    doubt: str = ''

    def after(self, case: Case) -> Case:
        """Return the case as it is after the correction."""
        counts = case.counts if self.counts is None else case.counts & self.counts
        expected = case.expected if self.expected is None else self.expected
        return replace(case, got=self.got, expected=expected, counts=counts, draft=self.draft)
