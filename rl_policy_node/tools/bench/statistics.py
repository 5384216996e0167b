# SPDX-License-Identifier: Apache-2.0
"""Percentiles, medians of runs, and the line through times over rows."""
import numpy as np

SHARES = {'p50': 50, 'p90': 90, 'p99': 99}


def percentiles(values):
    """Return {'p50', 'p90', 'p99', 'max'} of values in their own unit; raises ValueError where there are none."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size:
        raise ValueError('percentiles of nothing')
    found = {name: float(np.percentile(values, share)) for name, share in SHARES.items()}
    return {**found, 'max': float(values.max())}


def medians(runs):
    """Return name → median over runs, which are dicts of the same names → number."""
    return {name: float(np.median([run[name] for run in runs])) for name in runs[0]}


def line(counts, times):
    """Return (a, b) of times ≈ a + b · counts by least squares of relative errors.

    Counts go over decades: what counts is the share by which the line misses, not the seconds. A negative
    beginning means nothing: then a is 0, and b fits alone.
    """
    counts, times = (np.asarray(values, dtype=np.float64) for values in (counts, times))
    design = np.stack([1.0 / times, counts / times], axis=1)
    a, b = np.linalg.lstsq(design, np.ones(len(times)), rcond=None)[0]
    if a < 0:
        share = counts / times
        a, b = 0.0, share.sum() / (share ** 2).sum()
    return float(a), float(b)


def cumulative(values, points=200):
    """Return (values, shares) of the cumulative distribution, at most 2 · `points` of each.

    Half of them are spread evenly, half become denser towards the greatest, which stays: the tail is the point.
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    count = min(points, len(values))
    even, tail = np.linspace(0, len(values) - 1, count), len(values) - np.geomspace(1, len(values), count)
    index = np.unique(np.concatenate([even, tail]).round().astype(int))
    return values[index].tolist(), ((index + 1) / len(values)).tolist()
