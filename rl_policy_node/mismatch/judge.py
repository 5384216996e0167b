# SPDX-License-Identifier: Apache-2.0
"""Whether a correction explains a difference: judged by the samples that it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rl_policy_node.mismatch.case import Case, Correction, differs
from rl_policy_node.mismatch.phrases import several
from rl_policy_node.mismatch.series import Floats, Mask

NEARLY_ALL = 0.98  # of the samples that differed, and of those that did not, agree afterwards
_PROBES, _MOSTLY_WRONG = 256, 0.1
_LEAST_VALUES = 4  # different values that a claim needs: with fewer, too many constants fit
_APART = 10  # tolerances between two values that count as different


@dataclass(frozen=True)
class Judgement:
    """residual: largest difference left. share: of the samples that agree. doubt: why the data do not prove it."""

    residual: float
    share: float
    doubt: str


def judge(case: Case, correction: Correction) -> Judgement | None:
    """Return how well a correction explains what differs in the case; None where it does not."""
    after = correction.after(case)
    lines = after.counts & ~case.fits
    differed = np.flatnonzero(lines & case.wrong.any(axis=1))
    few = differed[:: max(1, len(differed) // _PROBES)]
    left = differs(after.expected[few], after.got[few], case.tolerance).any(axis=1)
    # most of a few lines must agree: what does not fit at all is not worth a longer look
    if not len(few) or left.mean() >= _MOSTLY_WRONG:
        return None
    expected, got, before = after.expected[lines], after.got[lines], case.wrong[lines]
    left = differs(expected, got, case.tolerance)
    bad, good = np.asarray(before.any(axis=1)), np.asarray(~left.any(axis=1))
    if good[bad].mean() < NEARLY_ALL or (~bad).any() and good[~bad].mean() < NEARLY_ALL:
        return None
    doubt = correction.doubt or _doubt(case, before & ~left, case.got[lines], expected, correction.each)
    return Judgement(float(np.abs(expected - got).max()), float(good.mean()), doubt)


def _doubt(case: Case, repaired: Mask, got: Floats, expected: Floats, each: bool) -> str:
    """Return what speaks against a claim: samples that it repairs have too few values."""
    columns = repaired.any(axis=0)
    values = np.maximum(
        _different(got[:, columns], repaired[:, columns], case.tolerance),
        _different(expected[:, columns], repaired[:, columns], case.tolerance),
    )
    few = values < _LEAST_VALUES
    if not (few.any() if each else few.all()):
        return ''
    labels = [case.label(element) for element in np.flatnonzero(columns)[few]]
    return f'too few different values to tell ({int(values.min())}): {several(labels)}'


def _different(values: Floats, where: Mask, tolerance: float) -> Floats:
    """Return how many different values each column has among the marked ones."""
    ordered = np.sort(np.where(where, values, np.nan), axis=0)
    size = np.maximum(np.abs(ordered[1:]), 1.0)
    with np.errstate(invalid='ignore'):
        steps = np.diff(ordered, axis=0) > _APART * tolerance * size
    count: Floats = steps.sum(axis=0) + np.isfinite(ordered).any(axis=0)
    return count
