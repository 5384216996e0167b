# SPDX-License-Identifier: Apache-2.0
"""Faults of clips: one side is bounded where the other is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction
from rl_policy_node.mismatch.hypothesis import Hypothesis
from rl_policy_node.mismatch.phrases import named, number, numbers
from rl_policy_node.mismatch.series import Floats
from rl_policy_node.mismatch.term_draft import Draft

_LEAST_FREE = 0.2  # of the samples of a number lie within the bounds, and say that nothing but the bounds differs


class Clip(Hypothesis):
    """One side is min(max(v, least), greatest) of the other, with bounds for all numbers or for each."""

    name = 'clip'
    nested = True

    def corrections(self, case: Case) -> Iterator[Correction]:
        expected, got = case.fitting()
        if not len(expected):
            return
        for whole in (True, False):
            least, greatest = _bounds(expected, got, case.tolerance, whole)
            if np.isfinite(least).any() or np.isfinite(greatest).any():
                clipped = np.clip(case.got, least, greatest)
                yield self._correction(case, clipped, least, greatest, missing=True)
            least, greatest = _bounds(got, expected, case.tolerance, whole)
            if np.isfinite(least).any() or np.isfinite(greatest).any():
                # what lies beyond a bound cannot be known: any value there agrees
                beyond = np.clip(case.expected, least, greatest) != case.expected
                at = (case.got >= greatest - case.tolerance) | (case.got <= least + case.tolerance)
                if np.all((~at).mean(axis=None if whole else 0) > _LEAST_FREE):
                    freed = np.where(beyond & at, case.expected, case.got)
                    yield self._correction(case, freed, least, greatest, missing=False)

    def _correction(self, case: Case, got: Floats, least: Floats, greatest: Floats, missing: bool) -> Correction:
        bounds = f'[{numbers(least)}, {numbers(greatest)}]'
        names = ''.join(named(bound, case.scene.constants, case.tolerance) for bound in (least, greatest))
        if missing:
            sentence = f'what comes lacks the bounds {bounds}{names}'
            draft = _bounded(case, least, greatest)
        else:
            sentence = f'what comes is bounded by {bounds}{names}, and what is expected is not'
            draft = case.draft.advised(
                'take clip and clip_range from the term, or let the source send more than its range'
                if case.observed
                else 'let clip, lower and upper allow what training allowed'
            )
        each = bool(
            np.ptp(np.where(np.isfinite(greatest), greatest, 0)) or np.ptp(np.where(np.isfinite(least), least, 0))
        )
        return Correction(got, sentence, draft, each=each)


def _bounds(bounded: Floats, free: Floats, tolerance: float, whole: bool) -> tuple[Floats, Floats]:
    """Return the least and the greatest of `bounded` (lines, n) where `free` goes beyond them, else ∓inf; (n,) each."""
    least, greatest = bounded.min(axis=0), bounded.max(axis=0)
    below, above = free.min(axis=0), free.max(axis=0)
    if whole:
        least, greatest = (np.full_like(least, edge) for edge in (least.min(), greatest.max()))
        below, above = (np.full_like(below, edge) for edge in (below.min(), above.max()))
    slack = tolerance * (1 + np.maximum(np.abs(least), np.abs(greatest)))
    return np.where(below < least - slack, least, -np.inf), np.where(above > greatest + slack, greatest, np.inf)


def _bounded(case: Case, least: Floats, greatest: Floats) -> Draft:
    if not case.observed:
        return case.draft.advised(lower=numbers(least), upper=numbers(greatest))
    factor = np.where(case.draft.scale == 0, 1.0, case.draft.scale)
    # the file clips before it scales, and a negative scale exchanges the bounds
    low, high = np.minimum(least / factor, greatest / factor), np.maximum(least / factor, greatest / factor)
    if np.ptp(low[np.isfinite(low)]) > case.tolerance if np.isfinite(low).any() else False:
        return case.draft.advised('no option clips each number otherwise: split the term')
    if np.allclose(-low, high, rtol=case.tolerance):
        return case.draft.advised(clip=number(float(high[0])))
    return case.draft.advised(clip_range=f'[{_yaml(low[0])}, {_yaml(high[0])}]')


def _yaml(bound: float) -> str:
    return number(bound) if np.isfinite(bound) else ('.inf' if bound > 0 else '-.inf')
