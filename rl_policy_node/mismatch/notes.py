# SPDX-License-Identifier: Apache-2.0
"""What is seen of the samples that differ, whatever explains them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rl_policy_node.mismatch.phrases import several
from rl_policy_node.mismatch.series import Mask, Series


def note(series: Series, wrong: Mask) -> str:
    """Return where alone samples (steps, rows, n) differ, and what keeps the data from telling more."""
    return '; '.join(_remarks(series, wrong))


def _remarks(series: Series, wrong: Mask) -> Iterator[str]:
    samples = wrong.any(axis=2)
    rows, elements = samples.any(axis=0), wrong.any(axis=(0, 1))
    if not rows.all():
        yield f'only in rows {several([str(row) for row in np.flatnonzero(rows)])}'
    if not elements.all():
        label = series.label if series.written.history == 1 else 'number {}'.format
        places = [label(element) for element in np.flatnonzero(elements)]
        yield f'only in {several(places)}'
    if not (samples & ~series.begins).any():
        yield 'only in the first step of episodes'
    unfinite = sum(int((~np.isfinite(side)).any(axis=2).sum()) for side in (series.expected, series.got))
    if unfinite:
        yield f'{unfinite} samples are not finite'
    for name, side in (('expected', series.expected), ('got', series.got)):
        if (side == side[:1, :1]).all():
            yield f'{name} is constant'
