# SPDX-License-Identifier: Apache-2.0
"""Percentiles, medians of runs, and the line through times over rows."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

SHARES = {'p50': 50, 'p90': 90, 'p99': 99}


def percentiles(values: ArrayLike) -> dict[str, float]:
    """Return {'p50', 'p90', 'p99', 'max'} of values in their own unit; raises ValueError if there are none."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise ValueError('percentiles of nothing')
    found = {name: float(np.percentile(values, share)) for name, share in SHARES.items()}
    return {**found, 'max': float(values.max())}


def medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return name → median over runs, which are dicts of the same names → number."""
    return {name: float(np.median([run[name] for run in runs])) for name in runs[0]}


def line(counts: ArrayLike, times: ArrayLike) -> tuple[float, float]:
    """Return (a, b) of times ≈ a + b · counts by least squares of relative errors.

    Relative, because counts span decades. A negative intercept means nothing: then a is 0, and b is fitted alone.
    """
    counts, times = np.asarray(counts, dtype=np.float64), np.asarray(times, dtype=np.float64)
    design = np.stack([1.0 / times, counts / times], axis=1)
    a, b = np.linalg.lstsq(design, np.ones(len(times)), rcond=None)[0]
    if a < 0:
        share = counts / times
        a, b = 0.0, share.sum() / (share**2).sum()
    return float(a), float(b)


def cumulative(values: ArrayLike, points: int = 200) -> tuple[list[float], list[float]]:
    """Return (values, shares) of the cumulative distribution, at most 2 · `points` of each.

    Half of them are spaced evenly; the others become denser towards the greatest value, which is always kept: the
    tail matters most.
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    count = min(points, len(values))
    even, tail = np.linspace(0, len(values) - 1, count), len(values) - np.geomspace(1, len(values), count)
    index = np.unique(np.concatenate([even, tail]).round().astype(int))
    return values[index].tolist(), ((index + 1) / len(values)).tolist()
