# SPDX-License-Identifier: Apache-2.0
"""The cheap answers are the answers: of few numbers and of many, of none that is one, of any shape."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
import numpy as np
import pytest

from rl_policy_node.control.reductions import all_true, any_true, between, greatest, least, surely_small

# on both sides of what counts as few
SIZES = (1, 2, 127, 128, 129, 4096, 4097)
shapes = array_shapes(max_dims=3, max_side=9)
any_number = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1e15, -1e20, 3e38, np.nan, np.inf, -np.inf])


@given(arrays(bool, shapes))
def test_masks_of_any_shape(mask):
    assert any_true(mask) == bool(mask.any()) and all_true(mask) == bool(mask.all())


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('odd', [True, False])
def test_one_that_is_other_than_the_rest_is_seen(size, odd):
    mask = np.full(size, not odd)
    assert any_true(mask) != odd and all_true(mask) != odd
    mask[size // 2] = odd
    assert any_true(mask) == (odd or size > 1) and all_true(mask) == (odd and size == 1)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('dtype', [np.int64, np.float64])
def test_lowest_and_highest(size, dtype):
    values = np.random.default_rng(size).normal(0, 1e9, size).astype(dtype)
    assert least(values) == values.min() and greatest(values) == values.max()
    values[0] = -9 if dtype is np.int64 else -np.inf
    assert least(values) == values.min() and type(least(values)) is type(values.min().item())


@given(arrays(np.float64, shapes, elements=any_number), st.sampled_from([np.float32, np.float64]))
def test_what_is_surely_small_is_finite_and_no_greater(values, dtype):
    values = values.astype(dtype)
    if surely_small(values):
        assert np.isfinite(values).all() and np.abs(values).max() <= 1.000001e15
    if np.isfinite(values).all() and np.abs(values).max() < 1e12:
        assert surely_small(values), 'the ordinary case takes no longer look'


@pytest.mark.parametrize('wrong', [np.nan, np.inf, -np.inf, 3e38, -1e16])
@pytest.mark.parametrize('size', SIZES)
def test_one_number_is_enough_to_look_again(wrong, size):
    values = np.ones(size, np.float32)
    values[size // 2] = wrong
    assert not surely_small(values)


@given(arrays(np.float64, shapes, elements=any_number), st.none() | st.floats(-10, 10), st.none() | st.floats(-10, 10))
def test_numbers_between_bounds(values, lower, upper):
    with np.errstate(invalid='ignore'):
        outside = np.zeros(values.shape, bool)
        outside |= False if lower is None else values <= lower
        outside |= False if upper is None else values >= upper
    if between(lower, values, upper):
        assert not outside.any()
    if values.size <= 128 and not outside.any() and not np.isnan(values).any():
        assert between(lower, values, upper), 'the ordinary case takes no longer look'
