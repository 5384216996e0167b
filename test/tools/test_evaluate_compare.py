# SPDX-License-Identifier: Apache-2.0
"""Two ways of playing are the same, or not found to differ, or different, and the sentence says why."""

import numpy as np
import pytest

from rl_policy_node.tools.evaluate.compare import (
    Comparison,
    difference_text,
    DIFFERENT,
    Estimate,
    NOTHING_FOUND,
    SAME,
    Side,
)


def side(returns, success=None, lengths=None, name='two nodes'):
    count = len(returns)
    return Side(
        name,
        {
            'row': [n % 2 for n in range(count)],
            'index': [n // 2 for n in range(count)],
            'return': list(returns),
            'length': lengths or [20] * count,
            'success': list(success) if success is not None else [None] * count,
        },
    )


RETURNS = list(np.random.default_rng(0).normal(100.0, 5.0, 40))


def test_equal_episodes_are_the_same():
    comparison = Comparison(side(RETURNS, [1] * 40), side(RETURNS, [1] * 40))
    assert comparison.verdict == SAME and comparison.same == 40
    assert comparison.sentence() == (
        'the same, episode by episode: all 40 have the same return (to the last bit), length and success'
    )


@pytest.mark.parametrize('change', ['return', 'length', 'success', 'row'])
def test_one_episode_that_differs_is_found(change):
    """Even by one bit of its return."""
    other = side(RETURNS, [1] * 40)
    value = other.columns[change][7]
    other.columns[change][7] = float(np.nextafter(value, np.inf)) if change == 'return' else value + 1
    comparison = Comparison(side(RETURNS, [1] * 40), other)
    assert comparison.same == 7 and comparison.verdict == NOTHING_FOUND
    assert comparison.sentence().endswith('episode 8 is the first that is not the same')


def test_a_drop_is_named_with_its_interval():
    worse = Comparison(side(RETURNS, [1] * 20 + [0] * 20), side(RETURNS, [1] * 40))
    assert worse.verdict == DIFFERENT
    assert worse.sentence().startswith('different: success −50.0 points (95 % −67.7 to −28.3); episode 21 is the first')
    shifted = Comparison(side([r - 4.0 for r in RETURNS]), side(RETURNS))
    assert shifted.verdict == DIFFERENT and shifted.sentence().startswith('different: return −4.0 (95 % −')


def test_without_success_there_is_no_such_figure():
    comparison = Comparison(side(RETURNS), side(RETURNS))
    assert set(comparison.differences) == set(side(RETURNS).figures()) == {'return', 'length'}
    assert comparison.sentence().endswith('the same return (to the last bit) and length')


def test_equal_sides_are_rarely_called_different():
    """Of 300 seeded pairs of equal sides at most one in twenty is, although three figures are looked at."""
    random = np.random.default_rng(5)
    sides = [
        side(random.normal(size=30), random.binomial(1, 0.8, 30), list(random.integers(10, 40, 30))) for _ in range(600)
    ]
    verdicts = [Comparison(*pair).verdict for pair in zip(sides[::2], sides[1::2])]
    assert 0.0 < np.mean([verdict == DIFFERENT for verdict in verdicts]) <= 0.05


@pytest.mark.parametrize(
    'figure, text',
    [
        (Estimate('success', -0.12, -0.201, -0.04), 'success −12.0 points (95 % −20.1 to −4.0)'),
        (Estimate('return', 1.23456, 1.23, 1.24), 'return +1.2346 (95 % +1.2300 to +1.2400)'),
        (Estimate('return', -1234.5, -2234.5, 100.4), 'return −1234 (95 % −2234 to +100)'),
        (Estimate('length', 0.0, 0.0, 0.0), 'length 0.0 steps (95 % 0.0 to 0.0)'),
        (Estimate('length', -0.01, None, None), 'length 0.0 steps'),
    ],
)
def test_a_figure_has_the_places_that_its_interval_deserves(figure, text):
    assert difference_text(figure) == text
