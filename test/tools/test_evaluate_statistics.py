# SPDX-License-Identifier: Apache-2.0
"""Intervals equal what was published."""

import numpy as np
import pytest

from rl_policy_node.tools.evaluate.intervals import (
    _t_quantile,
    mean_difference,
    mean_interval,
    proportion_difference,
    proportion_interval,
)

# Cushny and Peebles' hours of sleep, as Student (1908) took them
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


@pytest.mark.parametrize(
    'successes, count, low, high',
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_proportions_are_newcombes_table(successes, count, low, high):
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3."""
    assert np.round(proportion_interval(successes, count), 4) == pytest.approx([low, high])


@pytest.mark.parametrize(
    'first, second, low, high',
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_differences_of_proportions_are_newcombes_table(first, second, low, high):
    """Newcombe, "Interval estimation for the difference between independent proportions" (1998), method 10."""
    assert np.round(proportion_difference(first, second), 4) == pytest.approx([low, high])


def test_all_and_none_are_ends_of_their_intervals():
    assert proportion_interval(20, 20)[1] == 1.0 and proportion_interval(0, 20)[0] == 0.0


@pytest.mark.parametrize(
    'confidence, freedom, quantile',
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 5, 2.571),
        (0.95, 10, 2.228),
        (0.95, 30, 2.042),
        (0.95, 120, 1.980),
        (0.99, 1, 63.657),
        (0.99, 4, 4.604),
        (0.99, 60, 2.660),
        (0.95, 1e6, 1.960),
        (0.5, 3, 0.765),
    ],
)
def test_quantiles_are_the_printed_tables(confidence, freedom, quantile):
    """Abramowitz and Stegun, table 26.10."""
    assert _t_quantile(confidence, freedom) == pytest.approx(quantile, abs=5e-4)


def test_welchs_interval_is_that_of_r():
    """R: `t.test(extra ~ group, data = sleep)`, t = -1.8608, df = 17.776."""
    assert mean_difference(FIRST, SECOND) == pytest.approx((-3.3654832, 0.2054832), abs=1e-7)


def test_students_interval_is_nists():
    """NIST/SEMATECH e-Handbook, 1.3.5.2, ZARR13.DAT: N = 195, mean 9.261460, standard deviation 0.022789."""
    values = np.random.default_rng(0).normal(size=195)
    values = (values - values.mean()) / values.std(ddof=1) * 0.022789 + 9.261460
    assert mean_interval(values) == pytest.approx((9.258242, 9.264679), abs=1e-6)


def test_intervals_hold_what_they_promise():
    """Of 2,000 seeded draws from equal coins and equal lengths, 95 % of the intervals hold 0, or more."""
    random = np.random.default_rng(1)
    coins = random.binomial(40, 0.9, size=(2000, 2))
    held = [low <= 0.0 <= high for low, high in (proportion_difference((a, 40), (b, 40)) for a, b in coins)]
    assert 0.94 <= np.mean(held) <= 0.99
    values = random.exponential(size=(2000, 2, 30))
    held = [low <= 0.0 <= high for low, high in (mean_difference(a, b) for a, b in values)]
    assert 0.94 <= np.mean(held) <= 0.97


def test_too_few_values_have_no_interval_and_equal_ones_a_narrow_one():
    assert mean_interval([3.0]) is None and mean_difference([3.0], [1.0, 2.0]) is None
    assert mean_difference([256, 256], [250, 250, 250]) == (6.0, 6.0)
    assert mean_interval([256, 256]) == (256.0, 256.0)
