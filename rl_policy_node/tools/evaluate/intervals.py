# SPDX-License-Identifier: Apache-2.0
"""Intervals of means, proportions and their differences: small formulas, each with its source."""

import math
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rl_policy_node.control.arrays import Floats

CONFIDENCE = 0.95
BLOCK, BLOCKS = 50, 20  # neighbouring values that a bootstrap draws together, at most; how many blocks, at least

# low, high
Interval: TypeAlias = tuple[float, float]


def proportion_interval(successes: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return (low, high) of a proportion: Wilson's score interval without continuity correction.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927). It
    stays within 0 and 1, and has a width even for 20 successes in 20 episodes.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    # with no success, or only successes, the interval ends at 0 or 1, which rounding would miss
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == count else middle + half)


def proportion_difference(first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """Return (low, high) of p1 − p2, of independent (successes, count) each: Newcombe's hybrid score interval.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10: the distances to the ends of both Wilson intervals, added as squares.
    """
    p1, p2 = (successes / count for successes, count in (first, second))
    low1, high1 = proportion_interval(*first, confidence)
    low2, high2 = proportion_interval(*second, confidence)
    return p1 - p2 - math.hypot(p1 - low1, high2 - p2), p1 - p2 + math.hypot(high1 - p1, p2 - low2)


def paired_proportion_difference(first: ArrayLike, second: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Return (low, high) of p1 − p2 of pairs: Newcombe's hybrid score interval. first, second: bool (N,), pair by pair.

    R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17 (1998), method 10: as for independent proportions, less what both share.
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    count, wins, losses = len(one), int((one & ~other).sum()), int((other & ~one).sum())
    both, neither = int((one & other).sum()), int((~one & ~other).sum())
    p1, p2 = (both + wins) / count, (both + losses) / count
    low1, high1 = proportion_interval(both + wins, count, confidence)
    low2, high2 = proportion_interval(both + losses, count, confidence)
    scale = math.sqrt((both + wins) * (losses + neither) * (both + losses) * (wins + neither))
    shared: float = both * neither - wins * losses
    if shared > 0:  # his correction for continuity
        shared = max(shared - count / 2, 0)
    phi = shared / scale if scale else 0.0
    down = (p1 - low1) ** 2 - 2 * phi * (p1 - low1) * (high2 - p2) + (high2 - p2) ** 2
    up = (high1 - p1) ** 2 - 2 * phi * (high1 - p1) * (p2 - low2) + (p2 - low2) ** 2
    return p1 - p2 - math.sqrt(max(down, 0.0)), p1 - p2 + math.sqrt(max(up, 0.0))


def quantile_difference(
    first: ArrayLike, second: ArrayLike, share: float, confidence: float = CONFIDENCE, draws: int = 1000
) -> Interval:
    """Return (low, high) of a quantile of first (N,) less that of second (M,): a bootstrap of blocks, seeded.

    Neighbours resemble each other, so that blocks of BLOCK values are drawn (H. R. Künsch, "The jackknife and the
    bootstrap for general stationary observations", Annals of Statistics 17, 1989). share: 0.5 for the median.
    """
    random = np.random.default_rng(0)
    samples = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    found = np.array([[np.quantile(_redrawn(values, random), share) for values in samples] for _ in range(draws)])
    low, high = np.quantile(found[:, 0] - found[:, 1], [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _redrawn(values: Floats, random: np.random.Generator) -> Floats:
    """Return as many values again, of blocks that begin anywhere."""
    size = max(min(BLOCK, len(values) // BLOCKS), 1)
    starts = random.integers(len(values) - size + 1, size=-(-len(values) // size))
    drawn: Floats = values[(starts[:, np.newaxis] + np.arange(size)).ravel()[: len(values)]]
    return drawn


def mean_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval | None:
    """Return (low, high) of the mean of values (N,), Student's ("The probable error of a mean", 1908); None for N < 2.

    Skewed values do not matter from a few dozen on: their mean is then close to normal.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return None
    half = _t_quantile(confidence, len(values) - 1) * math.sqrt(values.var(ddof=1) / len(values))
    return float(values.mean() - half), float(values.mean() + half)


def mean_difference(first: ArrayLike, second: ArrayLike, confidence: float = CONFIDENCE) -> Interval | None:
    """Return (low, high) of mean(first) − mean(second) of values (N,) and (M,), or None where N or M < 2.

    B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34 (1947), with the degrees of freedom that he and F. E. Satterthwaite (1946) give.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if min(len(first), len(second)) < 2:
        return None
    difference = float(first.mean() - second.mean())
    a, b = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    if a + b == 0.0:
        return difference, difference
    freedom = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    half = _t_quantile(confidence, freedom) * math.sqrt(a + b)
    return difference - half, difference + half


def _t_quantile(confidence: float, freedom: float) -> float:
    """Return t with P(|T| ≤ t) = confidence for Student's T with `freedom` degrees, which need not be whole.

    With t = √freedom · tan θ the density is a power of a cosine (Abramowitz and Stegun, 26.7), which
    Gauss's quadrature integrates to the last digits; bisection then finds the quantile.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        angle = (low + high) / 2
        low, high = (angle, high) if _within(angle, freedom) < confidence else (low, angle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def _within(angle: float, freedom: float) -> float:
    """Return P(|T| ≤ √freedom · tan(angle))."""
    if angle <= 0.0:
        return 0.0
    # beyond this the integrand is negligible: with many degrees of freedom it is a narrow peak at 0
    end = min(angle, 12.0 / math.sqrt(freedom))
    integral = end / 2 * float(np.dot(_WEIGHTS, np.cos(end / 2 * (_NODES + 1)) ** (freedom - 1)))
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    return 2 * math.exp(scale) / math.sqrt(math.pi) * integral
