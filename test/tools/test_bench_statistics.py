# SPDX-License-Identifier: Apache-2.0
"""Percentiles, medians of runs and the line through times over rows are what they say they are."""

import numpy as np
import pytest

from rl_policy_node.tools.bench.statistics import cumulative, line, medians, percentiles


def test_percentiles_of_a_hundred_numbers():
    found = percentiles(np.arange(101.0)[::-1])
    assert found == {'p50': 50.0, 'p90': 90.0, 'p99': 99.0, 'max': 100.0}


def test_nothing_has_no_percentiles():
    with pytest.raises(ValueError, match='of nothing'):
        percentiles([])


def test_medians_are_taken_name_by_name():
    assert medians([{'a': 1.0, 'b': 9.0}, {'a': 3.0, 'b': 7.0}, {'a': 2.0, 'b': 8.0}]) == {'a': 2.0, 'b': 8.0}


def test_line_is_found_again():
    counts = np.array([1, 16, 256, 4096])
    a, b = line(counts, 5.0 + 0.25 * counts)
    assert a == pytest.approx(5.0) and b == pytest.approx(0.25)


def test_line_misses_small_and_large_batches_by_the_same_share():
    counts = np.array([1.0, 4096.0])
    times = np.array([10.0, 4096.0])
    a, b = line([*counts, *counts], [*(times * 1.1), *(times * 0.9)])
    missed = (a + b * counts) / times
    assert missed[0] == pytest.approx(missed[1])
    assert 0.9 < missed[0] < 1.1


def test_line_does_not_begin_below_zero():
    a, b = line([1, 10, 100], [1.0, 11.0, 130.0])
    assert a == 0.0 and 1.0 <= b <= 1.3


def test_cumulative_distribution_ends_at_the_greatest_and_at_one():
    values, shares = cumulative(np.random.default_rng(0).permutation(1000), 50)
    assert len(values) == len(shares) <= 100
    assert values[0] == 0.0 and shares[0] == pytest.approx(0.001)
    assert values[-3:] == [997.0, 998.0, 999.0] and shares[-1] == 1.0
    assert shares == pytest.approx([(value + 1) / 1000 for value in values])


def test_cumulative_distribution_of_few_values_has_them_all():
    assert cumulative([3.0, 1.0, 2.0]) == ([1.0, 2.0, 3.0], pytest.approx([1 / 3, 2 / 3, 1.0]))
